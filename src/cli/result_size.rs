//! How large a result may be: no larger than what is read, so that a result can be painted on.

use impasto::image::{MAX_PIXELS, MAX_SIDE};

use super::failure::Failure;

/// Refuses a result of this size (W, H), which `size` of `--size` makes it, before anything so large is drawn or resized.
/// `flag` is what `--size` would say of a smaller one (W, H).
pub fn check_result(
    [width, height]: [usize; 2],
    size: &str,
    flag: impl Fn([usize; 2]) -> String,
) -> Result<(), Failure> {
    let (most, side) = (MAX_PIXELS as f64, MAX_SIDE as usize);
    let pixels = width as f64 * height as f64;
    if pixels <= most && width.max(height) <= side {
        return Ok(());
    }
    let by_side = side as f64 / width.max(height) as f64;
    let share = (most / pixels).sqrt().min(by_side);
    let smaller = [width, height].map(|side| ((side as f64 * share) as usize).max(1));
    Err(Failure::usage(format!(
        "--size {size} asks for {width}×{height} pixels, and the limit is {side} on a side and {} megapixels; take a smaller one, for example --size {}",
        MAX_PIXELS / 1_000_000,
        flag(smaller)
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_advised_is_not_refused_itself() {
        let both = |[width, height]: [usize; 2]| format!("{width}x{height}");
        for size in [
            [65_536, 65_536],
            [16_384, 6_104],
            [16_385, 1],
            [1, 65_536],
            [10_001, 10_000],
            [20_000, 5_000],
        ] {
            let message = check_result(size, "S", both).unwrap_err().message;
            let (_, advice) = message.rsplit_once("--size ").unwrap();
            let (width, height) = advice.split_once('x').unwrap();
            let advised = [width, height].map(|side| side.parse().unwrap());
            assert!(check_result(advised, "S", both).is_ok(), "{message}");
        }
        for size in [[10_000, 10_000], [16_384, 6_103], [1, 16_384]] {
            assert!(check_result(size, "S", both).is_ok(), "{size:?}");
        }
    }
}
