//! numpy's `.npy`, for numbers that other programs shall read.

use std::io;
use std::path::Path;

use npyz::WriterBuilder;

use super::{ImageError, write_atomically};

/// Writes `values`, row-major, as an f32 array of the given shape, whole or not at all.
///
/// # Errors
/// [`ImageError::Unwritable`] if `shape` does not multiply to the number of values, or as
/// [`write_atomically`].
pub fn save_npy(path: &Path, shape: &[usize], values: &[f32]) -> Result<(), ImageError> {
    let bytes = encode_npy(shape, values).map_err(|error| ImageError::Unwritable {
        path: path.display().to_string(),
        reason: error.to_string(),
    })?;
    write_atomically(path, &bytes)
}

/// The bytes of an `.npy` file of little-endian f32.
///
/// # Errors
/// [`io::Error`] if `shape` does not multiply to the number of values.
pub fn encode_npy(shape: &[usize], values: &[f32]) -> io::Result<Vec<u8>> {
    if shape.iter().product::<usize>() != values.len() {
        let count = values.len();
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{count} values do not fill the shape {shape:?}"),
        ));
    }
    let sides: Vec<u64> = shape.iter().map(|&side| side as u64).collect();
    let mut bytes = Vec::with_capacity(128 + 4 * values.len());
    let mut writer = npyz::WriteOptions::<f32>::new()
        .dtype(npyz::DType::new_scalar(
            "<f4".parse().map_err(io::Error::other)?,
        ))
        .shape(&sides)
        .writer(&mut bytes)
        .begin_nd()?;
    writer.extend(values.iter().copied())?;
    writer.finish()?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numpy_s_own_bytes_are_written() {
        let bytes = encode_npy(&[1, 2, 3], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.5]).unwrap();
        assert!(bytes.starts_with(b"\x93NUMPY"));
        let header = String::from_utf8_lossy(&bytes[10..bytes.len() - 24]).into_owned();
        assert!(header.contains("'descr': '<f4'"), "{header}");
        assert!(header.contains("'fortran_order': False"), "{header}");
        assert!(header.contains("'shape': (1, 2, 3"), "{header}");
        assert_eq!(bytes[bytes.len() - 4..], 5.5_f32.to_le_bytes());
        let read = npyz::NpyFile::new(&bytes[..]).unwrap();
        assert_eq!(read.shape(), [1, 2, 3]);
    }

    #[test]
    fn a_shape_that_does_not_fit_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f.npy");
        let message = save_npy(&path, &[2, 2], &[0.0; 3]).unwrap_err().to_string();
        assert!(
            message.contains("3 values do not fill the shape [2, 2]"),
            "{message}"
        );
        assert!(!path.exists());
        save_npy(&path, &[3], &[0.0; 3]).unwrap();
        assert!(path.exists());
    }
}
