//! Other sizes that might fit, as remedies name them.

/// How a picture of another longer side is asked for: the value of `--size`, and the sizes of content and styles.
pub struct Resized {
    /// The value of `--size`.
    pub flag: String,
    /// W and H of the content.
    pub content: [usize; 2],
    /// Those of the styles.
    pub styles: Vec<[usize; 2]>,
}

impl Resized {
    /// Where `--size` is the longer side.
    pub fn by_side(side: usize, (content, styles): ([usize; 2], Vec<[usize; 2]>)) -> Self {
        Self {
            flag: side.to_string(),
            content,
            styles,
        }
    }

    /// Where one number would be a square.
    pub fn by_sides((content, styles): ([usize; 2], Vec<[usize; 2]>)) -> Self {
        let [width, height] = content;
        Self {
            flag: format!("{width}x{height}"),
            content,
            styles,
        }
    }
}
