//! How far features point where those of a guide do: google/deepdream's guided dreams, lucid's `dot_compare`.
//!
//! Like the dream this is to be *maximised*; the recipe that climbs chooses the sign.

/// A cosine counts as no less: features that do not point there at all still have a slope.
const FLOOR: f64 = 0.1;

/// For each of the M positions of `x` (C, M) that of the N in `guide` (C, N) with the largest dot product; the first of equals.
pub fn best(x: &[f64], guide: &[f64], channels: usize) -> Vec<usize> {
    let (pixels, guide_pixels) = (x.len() / channels, guide.len() / channels);
    let product = |p: usize, j: usize| -> f64 {
        let channels = 0..channels;
        channels
            .map(|c| x[c * pixels + p] * guide[c * guide_pixels + j])
            .sum()
    };
    let best_of = |p: usize| {
        let others = 1..guide_pixels;
        others.fold((0, product(p, 0)), |(best, most), j| {
            let here = product(p, j);
            if here > most { (j, here) } else { (best, most) }
        })
    };
    (0..pixels).map(|p| best_of(p).0).collect()
}

/// One position: its features, those that they are held against, and what comes of it.
struct Pair {
    x: Vec<f64>,
    y: Vec<f64>,
    product: f64,
    cosine: f64,
}

fn pairs(x: &[f64], guide: &[f64], channels: usize, at: &[usize]) -> Vec<Pair> {
    let (pixels, guide_pixels) = (x.len() / channels, guide.len() / channels);
    let pair = |(p, &j): (usize, &usize)| {
        let x: Vec<f64> = (0..channels).map(|c| x[c * pixels + p]).collect();
        let y: Vec<f64> = (0..channels).map(|c| guide[c * guide_pixels + j]).collect();
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let (product, lengths) = (dot(&x, &y), dot(&x, &x).sqrt() * dot(&y, &y).sqrt());
        Pair {
            x,
            y,
            product,
            cosine: product / (lengths + 1e-12),
        }
    };
    at.iter().enumerate().map(pair).collect()
}

/// weight/(C·M) · Σₚ ⟨xₚ, yⱼ⟩ · max(cos(xₚ, yⱼ), 0.1)^power with j = `at`\[p\].
pub fn value(
    x: &[f64],
    guide: &[f64],
    channels: usize,
    at: &[usize],
    (weight, power): (f64, f64),
) -> f64 {
    let pairs = pairs(x, guide, channels, at).into_iter();
    let sum: f64 = pairs
        .map(|pair| pair.product * pair.cosine.max(FLOOR).powf(power))
        .sum();
    weight / x.len() as f64 * sum
}

/// gx, (C, M), with j held fixed.
pub fn gradient(
    x: &[f64],
    guide: &[f64],
    channels: usize,
    at: &[usize],
    (weight, power): (f64, f64),
) -> Vec<f64> {
    let pixels = x.len() / channels;
    let mut gradient = vec![0.0; x.len()];
    for (p, pair) in pairs(x, guide, channels, at).iter().enumerate() {
        let factor = pair.cosine.max(FLOOR).powf(power);
        let square: f64 = pair.x.iter().map(|x| x * x).sum();
        for c in 0..channels {
            let slope = if pair.cosine > FLOOR {
                factor * ((power + 1.0) * pair.y[c] - power * pair.product * pair.x[c] / square)
            } else {
                factor * pair.y[c]
            };
            gradient[c * pixels + p] = weight / x.len() as f64 * slope;
        }
    }
    gradient
}
