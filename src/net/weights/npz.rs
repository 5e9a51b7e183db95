//! numpy's `.npz`: a zip archive in which every entry is one `.npy` array.
//!
//! The zip part is a crate's. The array header is read here, because it comes from outside: only
//! the three keys numpy writes are looked at, lengths are bounded before anything is allocated,
//! and the numbers are taken in one piece, which is what makes 20 million of them load quickly.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::{Cursor, Read};

use zip::ZipArchive;
use zip::result::ZipError;

use super::container::{Container, Element, Tensor, shape_text};
use super::error::WeightsError;
use crate::quote::brief;

/// numpy's headers here have 118 bytes; anything beyond this is not numpy's.
const LONGEST_HEADER: usize = 4096;

/// An open archive.
pub(super) struct Npz<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    names: HashSet<String>,
    origin: &'a str,
}

impl<'a> Npz<'a> {
    /// Reads the archive's directory.
    pub(super) fn open(bytes: &'a [u8], origin: &'a str) -> Result<Self, WeightsError> {
        let archive =
            ZipArchive::new(Cursor::new(bytes)).map_err(|error| damaged(origin, error))?;
        // A name that cannot be read is not one that is looked for.
        let entries = archive.file_names().flatten();
        let names = entries
            .filter_map(|entry| entry.strip_suffix(".npy").map(str::to_owned))
            .collect();
        Ok(Self {
            archive,
            names,
            origin,
        })
    }
}

impl Container for Npz<'_> {
    fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    fn tensor(&mut self, name: &str, shape: &[usize]) -> Result<Tensor<'_>, WeightsError> {
        let origin = self.origin;
        let entry = format!("{name}.npy");
        let mut file = self.archive.by_name(&entry).map_err(|error| match error {
            ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => {
                damaged(origin, format!("{entry} is encrypted"))
            }
            error => damaged(origin, format!("{entry}: {error}")),
        })?;
        let text = header_text(&mut file)
            .map_err(|reason| damaged(origin, format!("{entry}: {reason}")))?;
        let header = Header::parse(&text)
            .ok_or_else(|| damaged(origin, format!("{entry} has no numpy header")))?;
        let element = header.check(origin, name, shape)?;

        let expected = shape.iter().product::<usize>() * element.size();
        let mut bytes = Vec::with_capacity(expected);
        // One byte more than wanted, so that the archive's checksum is reached and compared.
        file.take(expected as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| damaged(origin, format!("{entry}: {error}")))?;
        if bytes.len() != expected {
            let reason = format!("{entry} does not hold the {expected} bytes its shape asks for");
            return Err(damaged(origin, reason));
        }
        Ok(Tensor {
            element,
            bytes: Cow::Owned(bytes),
        })
    }
}

fn damaged(origin: &str, reason: impl ToString) -> WeightsError {
    WeightsError::Damaged {
        origin: origin.to_owned(),
        reason: brief(&reason.to_string()),
    }
}

/// The dictionary at the start of a `.npy` array (numpy's `lib.format`, versions 1 to 3).
fn header_text(file: &mut impl Read) -> Result<String, String> {
    let read = |file: &mut dyn Read, buffer: &mut [u8]| {
        file.read_exact(buffer).map_err(|error| error.to_string())
    };
    let mut magic = [0; 8];
    read(file, &mut magic)?;
    let length = match magic {
        [0x93, b'N', b'U', b'M', b'P', b'Y', 1, _] => {
            let mut length = [0; 2];
            read(file, &mut length)?;
            usize::from(u16::from_le_bytes(length))
        }
        [0x93, b'N', b'U', b'M', b'P', b'Y', 2 | 3, _] => {
            let mut length = [0; 4];
            read(file, &mut length)?;
            u32::from_le_bytes(length) as usize
        }
        _ => return Err("not a numpy array".to_owned()),
    };
    if length > LONGEST_HEADER {
        return Err(format!("a header of {length} bytes"));
    }
    let mut text = vec![0; length];
    read(file, &mut text)?;
    String::from_utf8(text).map_err(|error| error.to_string())
}

/// What a `.npy` header says, unjudged.
struct Header<'a> {
    element: &'a str,
    column_order: bool,
    shape: Vec<usize>,
}

impl<'a> Header<'a> {
    /// Reads `{'descr': '<f4', 'fortran_order': False, 'shape': (64, 3, 3, 3), }`.
    fn parse(text: &'a str) -> Option<Self> {
        let value = |key: &str| Some(text.split_once(key)?.1.trim_start());
        // A structured type is a list here; what stands before its comma is named in the refusal.
        let element = value("'descr':")?
            .split(',')
            .next()?
            .trim_matches(['\'', ' ']);
        let column_order = value("'fortran_order':")?.starts_with("True");
        let sides = value("'shape':")?.strip_prefix('(')?.split_once(')')?.0;
        let shape = sides
            .split(',')
            .map(str::trim)
            .filter(|side| !side.is_empty())
            .map(|side| side.parse().ok())
            .collect::<Option<_>>()?;
        Some(Self {
            element,
            column_order,
            shape,
        })
    }

    /// The element type, if shape, order and type are what the network needs.
    fn check(&self, origin: &str, name: &str, shape: &[usize]) -> Result<Element, WeightsError> {
        let origin = origin.to_owned();
        let tensor = name.to_owned();
        if self.shape != shape {
            return Err(WeightsError::Shape {
                origin,
                tensor,
                found: brief(&shape_text(&self.shape)),
                expected: shape_text(shape),
            });
        }
        if self.column_order {
            return Err(WeightsError::ColumnOrder { origin, tensor });
        }
        match self.element {
            "<f4" => Ok(Element::F32),
            "<f2" => Ok(Element::F16),
            "|u1" | "<u1" => Ok(Element::U8),
            found => Err(WeightsError::Element {
                origin,
                tensor,
                found: brief(&found.escape_debug().to_string()),
                expected: "little-endian f32 or f16, or u8 codes",
            }),
        }
    }
}
