//! EXIF out of a TIFF file and into one. The file is itself such a block, with the picture's own fields
//! in the same directory, so the fields that describe it are told apart from those that store it by their names.

use super::directory::{Block, EXIF, Entry, Field, GPS, written};

/// Fields of the first directory that say something about the picture and not how it is stored:
/// description, maker and model of the camera, resolution, software, date, artist, copyright.
const DESCRIPTIVE: [u16; 10] = [
    0x010e, 0x010f, 0x0110, 0x011a, 0x011b, 0x0128, 0x0131, 0x0132, 0x013b, 0x8298,
];

/// The field of the colour profile.
const ICC_PROFILE: u16 = 0x8773;

/// The field of an XMP packet, and the type BYTE that it has.
const XMP: u16 = 0x02bc;
const BYTE: u16 = 1;

/// The field that says what channels beyond the colours are, and its values for opacity that the
/// colours are multiplied by, and that they are not.
const EXTRA_SAMPLES: u16 = 0x0152;
const ASSOCIATED_ALPHA: u64 = 1;
const UNASSOCIATED_ALPHA: u16 = 2;

/// A field of the camera's notes that leads to yet another directory, of no use elsewhere.
const INTEROPERABILITY: u16 = 0xa005;

/// More than this is no description.
const MAX_BYTES: usize = 16 << 20;

/// The header of a little-endian block with its first directory right behind.
const HEADER: [u8; 8] = *b"II*\0\x08\0\0\0";

/// Everything in a block that is carried along.
struct Description {
    first: Vec<Entry>,
    inner: Vec<(u16, Vec<Entry>)>,
}

impl Description {
    fn of(block: &Block<'_>) -> Option<Self> {
        let (fields, _) = block.directory(block.first()?)?;
        let mut room = MAX_BYTES;
        let descriptive = |field: &Field| DESCRIPTIVE.contains(&field.tag);
        let first = entries(
            block,
            fields.iter().filter(|field| descriptive(field)),
            &mut room,
        )?;
        let mut inner = Vec::new();
        for pointer in [EXIF, GPS] {
            let Some(at) = fields.iter().find(|field| field.tag == pointer) else {
                continue;
            };
            let (fields, _) = block.directory(block.number(at)? as usize)?;
            let kept = fields.iter().filter(|field| field.tag != INTEROPERABILITY);
            inner.push((pointer, entries(block, kept, &mut room)?));
        }
        Some(Self { first, inner })
    }

    fn is_empty(&self) -> bool {
        self.first.is_empty() && self.inner.is_empty()
    }

    /// Appends the inner directories to `bytes` and gives the entries of the first.
    fn append_inner(self, bytes: &mut Vec<u8>) -> Option<Vec<Entry>> {
        let mut first = self.first;
        for (pointer, entries) in self.inner {
            bytes.resize(bytes.len().next_multiple_of(2), 0);
            let address = u32::try_from(bytes.len()).ok()?;
            bytes.extend(written(entries, address)?);
            first.push(Entry::pointer(pointer, address));
        }
        Some(first)
    }
}

/// The fields as entries, unless their values exceed `room`: fields of a hostile file may share one large value.
fn entries<'f>(
    block: &Block<'_>,
    fields: impl Iterator<Item = &'f Field>,
    room: &mut usize,
) -> Option<Vec<Entry>> {
    fields
        .map(|field| {
            *room = room.checked_sub(field.length())?;
            Some(Entry {
                tag: field.tag,
                kind: field.kind,
                count: field.count,
                value: block.value(field),
            })
        })
        .collect()
}

/// An EXIF block of what a TIFF file says about its picture, if it says anything.
pub(in crate::image) fn of_tiff(file: &[u8]) -> Option<Vec<u8>> {
    let description = Description::of(&Block::parse(file)?)?;
    if description.is_empty() {
        return None;
    }
    // The first directory grows by a pointer for each inner one, so those are laid behind it.
    let pointers = description
        .inner
        .iter()
        .map(|(tag, _)| Entry::pointer(*tag, 0));
    let planned: Vec<Entry> = description.first.iter().cloned().chain(pointers).collect();
    let mut block = HEADER.to_vec();
    block.extend(written(planned, HEADER.len() as u32)?);
    let first = description.append_inner(&mut block)?;
    let directory = written(first, HEADER.len() as u32)?;
    block[HEADER.len()..HEADER.len() + directory.len()].copy_from_slice(&directory);
    Some(block)
}

/// The colour profile of a TIFF file; the decoder hands on only one of field type BYTE, but UNDEFINED is
/// what the standard asks for.
pub(in crate::image) fn profile_of_tiff(file: &[u8]) -> Option<Vec<u8>> {
    let block = Block::parse(file)?;
    let (fields, _) = block.directory(block.first()?)?;
    let profile = fields.iter().find(|field| field.tag == ICC_PROFILE)?;
    Some(block.value(profile))
}

/// Whether the colours of a TIFF file are multiplied by its opacity already.
pub(in crate::image) fn is_premultiplied(file: &[u8]) -> bool {
    let first = |block: Block<'_>| {
        let at = block.first()?;
        block.numbers(at, EXTRA_SAMPLES).next()
    };
    Block::parse(file).and_then(first) == Some(ASSOCIATED_ALPHA)
}

/// A field of a TIFF file that announces more bytes than the whole file has. The decoder makes room for all of them, many
/// times over, before it looks for them.
pub(in crate::image) fn overlong_field(file: &[u8]) -> Option<u16> {
    let block = Block::parse(file)?;
    block.overlong(block.first()?)
}

/// The XMP packet of a TIFF file, of whichever type writers give it.
pub(in crate::image) fn xmp_of_tiff(file: &[u8]) -> Option<Vec<u8>> {
    let block = Block::parse(file)?;
    let (fields, _) = block.directory(block.first()?)?;
    let packet = fields.iter().find(|field| field.tag == XMP)?;
    Some(block.value(packet))
}

/// The TIFF file, as the encoder makes it, with what `exif` says, and with a field that tells what its
/// fourth channel is if it is opacity; none if anything is damaged.
pub(in crate::image) fn into_tiff(
    file: &[u8],
    exif: Option<&[u8]>,
    has_alpha: bool,
) -> Option<Vec<u8>> {
    let block = Block::parse(file)?;
    let (fields, _) = block.directory(block.first()?)?;
    let mut room = usize::MAX;
    let stored = entries(&block, fields.iter(), &mut room)?;
    let mut file = file.to_vec();
    let mut entries = match exif {
        Some(exif) => Description::of(&Block::parse(exif)?)?.append_inner(&mut file)?,
        None => Vec::new(),
    };
    if has_alpha {
        entries.push(Entry::short(EXTRA_SAMPLES, UNASSOCIATED_ALPHA));
    }
    // Of two fields of one name the first stays.
    entries.extend(stored);
    with_directory(file, entries)
}

/// The TIFF file with an XMP packet.
pub(in crate::image) fn with_xmp(file: &[u8], packet: &[u8]) -> Option<Vec<u8>> {
    let block = Block::parse(file)?;
    let (fields, _) = block.directory(block.first()?)?;
    let mut room = usize::MAX;
    let mut entries = entries(&block, fields.iter(), &mut room)?;
    entries.push(Entry {
        tag: XMP,
        kind: BYTE,
        count: u32::try_from(packet.len()).ok()?,
        value: packet.to_vec(),
    });
    with_directory(file.to_vec(), entries)
}

/// The file with `entries` as its first directory, behind all else.
fn with_directory(mut file: Vec<u8>, entries: Vec<Entry>) -> Option<Vec<u8>> {
    file.resize(file.len().next_multiple_of(2), 0);
    let address = u32::try_from(file.len()).ok()?;
    file.extend(written(entries, address)?);
    file[4..8].copy_from_slice(&address.to_le_bytes());
    Some(file)
}
