//! One step of a dream: up the gradient, as far as if its mean magnitude were 1 (google/deepdream, `make_step`).

use super::roll::roll;

/// clamp(x + m · rate · g′ / mean|g|, 0, 1), where `g` is the gradient of the picture rolled by `by` (right, down) and g′
/// that of the picture itself; both planar (3, H, W), `size` is (W, H). m is the `mask`, (H, W), or 1 without one. A
/// gradient of 0 moves nothing, entries that are not finite count as 0.
pub fn step(
    x: &[f64],
    g: &[f64],
    size: [usize; 2],
    [right, down]: [usize; 2],
    (rate, mask): (f64, Option<&[f64]>),
    clamp: bool,
) -> Vec<f64> {
    let [width, height] = size;
    let finite: Vec<f64> = g
        .iter()
        .map(|&g| if g.is_finite() { g } else { 0.0 })
        .collect();
    let mean = finite.iter().map(|g| g.abs()).sum::<f64>() / g.len() as f64;
    let back = [width - right % width, height - down % height];
    let share = |at: usize| mask.map_or(1.0, |mask| mask[at % (width * height)]);
    let pairs = x.iter().zip(roll(&finite, size, back)).enumerate();
    let moved = pairs.map(|(at, (x, g))| match mean > 0.0 {
        true => x + share(at) * rate * g / mean,
        false => *x,
    });
    moved
        .map(|x| if clamp { x.clamp(0.0, 1.0) } else { x })
        .collect()
}
