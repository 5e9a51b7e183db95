//! Directories of fields, of which both EXIF blocks and TIFF files consist (TIFF 6.0, section 2).

/// The field of the first directory that leads to the camera's notes.
pub(super) const EXIF: u16 = 0x8769;
/// The field of the first directory that leads to the place.
pub(super) const GPS: u16 = 0x8825;
/// The only field types that hold one plain number.
const SHORT: u16 = 3;
const LONG: u16 = 4;

/// A block with its byte order.
pub(super) struct Block<'a> {
    pub(super) bytes: &'a [u8],
    little_endian: bool,
}

/// A field and where its value lies in the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) tag: u16,
    pub(super) kind: u16,
    pub(super) count: u32,
    start: usize,
    pub(super) end: usize,
}

/// What follows a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Next {
    /// Where the address of the next directory lies.
    pub(super) link: usize,
    /// The next directory, if there is one.
    pub(super) directory: Option<usize>,
}

impl Field {
    /// Bytes of the value.
    pub(super) fn length(&self) -> usize {
        self.end - self.start
    }
}

impl<'a> Block<'a> {
    /// A block that starts with a byte order mark.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let little_endian = match bytes.get(..4)? {
            b"II*\0" => true,
            b"MM\0*" => false,
            _ => return None,
        };
        Some(Self {
            bytes,
            little_endian,
        })
    }

    /// Where the first directory is.
    pub(super) fn first(&self) -> Option<usize> {
        Some(self.long(4)? as usize)
    }

    /// The fields of the directory at `at`, and what follows it; none if any reaches outside.
    pub(super) fn directory(&self, at: usize) -> Option<(Vec<Field>, Next)> {
        let count = usize::from(self.short(at)?);
        // `at` lies inside the block, so nothing below overflows.
        let link = at + 2 + 12 * count;
        let following = self.long(link)? as usize;
        let fields: Option<Vec<Field>> = (0..count).map(|i| self.field(at + 2 + 12 * i)).collect();
        let next = Next {
            link,
            directory: (following != 0).then_some(following),
        };
        Some((fields?, next))
    }

    /// The first field of the directory at `at` that announces more bytes than the block has.
    pub(super) fn overlong(&self, at: usize) -> Option<u16> {
        let count = usize::from(self.short(at)?);
        (0..count).map(|i| at + 2 + 12 * i).find_map(|at| {
            let (kind, count) = (self.short(at + 2)?, self.long(at + 4)?);
            let length = (unit(kind) * any_width(kind)?) as u64 * u64::from(count);
            let is_overlong = length > self.bytes.len() as u64;
            self.short(at).filter(|_| is_overlong)
        })
    }

    /// The numbers in a field of the directory at `at`, of whichever type and as many as there are. The last of several fields
    /// of one tag counts, as it does for the decoder, and what is wrong with others does not matter.
    pub(super) fn numbers(&self, at: usize, tag: u16) -> impl Iterator<Item = u64> {
        let count = self.short(at).map_or(0, usize::from);
        let fields = (0..count).rev().map(move |i| at + 2 + 12 * i);
        let found = fields
            .filter(|&at| self.short(at) == Some(tag))
            .find_map(|at| {
                let (kind, count) = (self.short(at + 2)?, self.long(at + 4)?);
                let width = any_width(kind)?;
                let count = unit(kind) * count as usize;
                let start = match width.saturating_mul(count) {
                    0..=4 => at + 8,
                    _ => self.long(at + 8)? as usize,
                };
                Some((start, width, count))
            });
        let (start, width, count) = found.unwrap_or((0, 1, 0));
        (0..count).map_while(move |i| self.whole(start.checked_add(i * width)?, width))
    }

    fn whole(&self, at: usize, width: usize) -> Option<u64> {
        let bytes = self.bytes.get(at..)?.get(..width)?;
        let append = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(if self.little_endian {
            bytes.iter().rev().fold(0, append)
        } else {
            bytes.iter().fold(0, append)
        })
    }

    fn field(&self, at: usize) -> Option<Field> {
        let (kind, count) = (self.short(at + 2)?, self.long(at + 4)?);
        let length = (unit(kind) * width(kind)?).checked_mul(count as usize)?;
        let start = match length {
            0..=4 => at + 8,
            _ => self.long(at + 8)? as usize,
        };
        let end = start.checked_add(length)?;
        (end <= self.bytes.len()).then_some(Field {
            tag: self.short(at)?,
            kind,
            count,
            start,
            end,
        })
    }

    /// The value of a field that holds one number.
    pub(super) fn number(&self, field: &Field) -> Option<u32> {
        match (field.kind, field.count) {
            (SHORT, 1) => self.short(field.start).map(u32::from),
            (LONG, 1) => self.long(field.start),
            _ => None,
        }
    }

    /// Puts `value` into the field in `copy`, a copy of the block, if it holds one number so large.
    pub(super) fn set_number(&self, copy: &mut [u8], field: &Field, value: u32) {
        let place = &mut copy[field.start..field.end];
        match (field.kind, field.count, u16::try_from(value)) {
            (SHORT, 1, Ok(short)) if self.little_endian => {
                place.copy_from_slice(&short.to_le_bytes());
            }
            (SHORT, 1, Ok(short)) => place.copy_from_slice(&short.to_be_bytes()),
            (LONG, 1, _) if self.little_endian => place.copy_from_slice(&value.to_le_bytes()),
            (LONG, 1, _) => place.copy_from_slice(&value.to_be_bytes()),
            _ => {}
        }
    }

    /// The bytes of a field's value, in little-endian order.
    pub(super) fn value(&self, field: &Field) -> Vec<u8> {
        let mut value = self.bytes[field.start..field.end].to_vec();
        if !self.little_endian {
            let width = width(field.kind).unwrap_or(1);
            value.chunks_mut(width).for_each(<[u8]>::reverse);
        }
        value
    }

    fn short(&self, at: usize) -> Option<u16> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.little_endian {
            u16::from_le_bytes(bytes)
        } else {
            u16::from_be_bytes(bytes)
        })
    }

    fn long(&self, at: usize) -> Option<u32> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.little_endian {
            u32::from_le_bytes(bytes)
        } else {
            u32::from_be_bytes(bytes)
        })
    }
}

/// Bytes whose order counts together, for a field type.
fn width(kind: u16) -> Option<usize> {
    match kind {
        // BYTE, ASCII, SBYTE, UNDEFINED, UTF-8.
        1 | 2 | 6 | 7 | 129 => Some(1),
        // SHORT, SSHORT.
        3 | 8 => Some(2),
        // LONG, RATIONAL, SLONG, SRATIONAL, FLOAT, IFD.
        4 | 5 | 9 | 10 | 11 | 13 => Some(4),
        // DOUBLE.
        12 => Some(8),
        _ => None,
    }
}

/// The same with the types of BigTIFF, which its decoders read in any file: LONG8, SLONG8, IFD8.
fn any_width(kind: u16) -> Option<usize> {
    match kind {
        16..=18 => Some(8),
        _ => width(kind),
    }
}

/// How many of them make one value: a fraction has two.
fn unit(kind: u16) -> usize {
    if matches!(kind, 5 | 10) { 2 } else { 1 }
}

/// A field with its value, in little-endian order, on its way into a new directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) tag: u16,
    pub(super) kind: u16,
    pub(super) count: u32,
    pub(super) value: Vec<u8>,
}

impl Entry {
    /// A field of one small number.
    pub(super) fn short(tag: u16, value: u16) -> Self {
        Self {
            tag,
            kind: SHORT,
            count: 1,
            value: value.to_le_bytes().to_vec(),
        }
    }

    /// A field that leads to `address`.
    pub(super) fn pointer(tag: u16, address: u32) -> Self {
        Self {
            tag,
            kind: LONG,
            count: 1,
            value: address.to_le_bytes().to_vec(),
        }
    }
}

/// A little-endian directory that will lie at `address`, its values after it; none if that is too large.
pub(super) fn written(mut entries: Vec<Entry>, address: u32) -> Option<Vec<u8>> {
    entries.sort_by_key(|entry| entry.tag);
    entries.dedup_by_key(|entry| entry.tag);
    let mut bytes = u16::try_from(entries.len()).ok()?.to_le_bytes().to_vec();
    let mut values = Vec::new();
    let after = u64::from(address) + 2 + 12 * entries.len() as u64 + 4;
    for entry in &entries {
        bytes.extend(entry.tag.to_le_bytes());
        bytes.extend(entry.kind.to_le_bytes());
        bytes.extend(entry.count.to_le_bytes());
        if entry.value.len() <= 4 {
            let mut inline = [0; 4];
            inline[..entry.value.len()].copy_from_slice(&entry.value);
            bytes.extend(inline);
        } else {
            let place = u32::try_from(after + values.len() as u64).ok()?;
            bytes.extend(place.to_le_bytes());
            values.extend(&entry.value);
            // Values lie at even addresses.
            values.resize(values.len().next_multiple_of(2), 0);
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(values);
    Some(bytes)
}
