//! Names of pictures on the way.

use std::path::{Path, PathBuf};

/// `out.png` → `out_0050.png`.
pub fn numbered(output: &Path, step: usize) -> PathBuf {
    let mut name = output.file_stem().unwrap_or_default().to_os_string();
    name.push(format!("_{step:04}."));
    name.push(output.extension().unwrap_or_default());
    output.with_file_name(name)
}

/// The step whose picture [`numbered`] would give the name of `path`, whatever the folder.
pub fn step_of(output: &Path, path: &Path) -> Option<usize> {
    let stem = path.file_stem()?.to_str()?;
    let step = stem.rsplit_once('_')?.1.parse().ok()?;
    (numbered(output, step).file_name() == path.file_name()).then_some(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_before_the_extension_and_are_found_there() {
        let output = Path::new("a/out.v2.png");
        assert_eq!(numbered(output, 50), Path::new("a/out.v2_0050.png"));
        assert_eq!(numbered(output, 12345), Path::new("a/out.v2_12345.png"));
        for step in [1, 50, 12345] {
            assert_eq!(step_of(output, &numbered(output, step)), Some(step));
        }
        for other in [
            "out.v2.png",
            "out.v2_50.png",
            "out.v2_0050.jpg",
            "x_0050.png",
        ] {
            assert_eq!(step_of(output, Path::new(other)), None, "{other}");
        }
    }
}
