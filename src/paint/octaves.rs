//! The sizes of a dream, and how each is computed.

use super::search::Way;

/// One size of a dream.
#[derive(Clone, Debug)]
pub struct Octave {
    /// W and H.
    pub size: [usize; 2],
    /// Its tiles, and the variants of its convolutions.
    pub way: Way,
    /// The same of the look at its guide; without, a guide is looked at as the step is computed.
    pub guide: Option<Way>,
}

/// Sizes (W, H) of up to `count` octaves, each larger than the one before by `scale`, up to `size`. Sizes whose
/// shorter side would be below `least` are left out; `size` itself never is.
pub fn octave_sizes(size: [usize; 2], count: usize, scale: f64, least: usize) -> Vec<[usize; 2]> {
    let mut sizes: Vec<[usize; 2]> = Vec::new();
    for number in 0..count.max(1) {
        let factor = scale.powi(number as i32);
        let smaller = size.map(|side| ((side as f64 / factor).round() as usize).max(1));
        if number > 0 && smaller[0].min(smaller[1]) < least {
            break;
        }
        sizes.push(smaller);
    }
    sizes.reverse();
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octaves_grow_up_to_the_picture() {
        let sizes = octave_sizes([512, 384], 4, 1.4, 16);
        assert_eq!(sizes, [[187, 140], [261, 196], [366, 274], [512, 384]]);
        assert_eq!(octave_sizes([50, 20], 4, 1.4, 16), [[50, 20]]);
        assert_eq!(octave_sizes([10, 10], 4, 1.4, 16), [[10, 10]]);
        assert_eq!(octave_sizes([10, 10], 0, 1.4, 1), [[10, 10]]);
    }
}
