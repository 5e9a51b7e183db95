//! The chunks of a WebP file: its encoder has no place for XMP, and its decoder believes all that they say.

mod codes;

/// The bit of the first chunk that announces XMP.
const HAS_XMP: u8 = 1 << 2;

/// The file with the packet as its last chunk; none if it is not of the extended form, or too long.
pub(super) fn with_xmp(file: &[u8], packet: &[u8]) -> Option<Vec<u8>> {
    // RIFF, the length of all that follows, WEBP; then VP8X, its length, its flags.
    let extended = file.get(..4)? == b"RIFF" && file.get(8..16)? == b"WEBPVP8X";
    if !extended {
        return None;
    }
    let mut file = file.to_vec();
    *file.get_mut(20)? |= HAS_XMP;
    file.extend(b"XMP ");
    file.extend(u32::try_from(packet.len()).ok()?.to_le_bytes());
    file.extend(packet);
    // Chunks begin at even addresses.
    file.resize(file.len().next_multiple_of(2), 0);
    let length = u32::try_from(file.len() - 8).ok()?;
    file[4..8].copy_from_slice(&length.to_le_bytes());
    Some(file)
}

/// The bits of the first chunk that announce an animation, opacity and a profile.
const HAS_ANIMATION: u8 = 1 << 1;
const HAS_OPACITY: u8 = 1 << 4;
const HAS_PROFILE: u8 = 1 << 5;

/// One file that shows the pictures of several of this size (W, H), each for so many milliseconds, over and over; none if one of
/// them has no lossless picture, or if it would be too long. It has the colour profile of the first.
pub(super) fn animated(stills: &[Vec<u8>], size: [usize; 2], milliseconds: u32) -> Option<Vec<u8>> {
    let short = |value: usize| Some(u32::try_from(value).ok()?.to_le_bytes());
    let sides = size.map(|side| side.checked_sub(1).and_then(short));
    let profile = stills.first().and_then(|still| payload(still, b"ICCP"));
    let mut flags = HAS_ANIMATION;
    if profile.is_some() {
        flags |= HAS_PROFILE;
    }
    if stills.iter().any(|still| has_opacity(still)) {
        flags |= HAS_OPACITY;
    }
    let mut header = vec![flags, 0, 0, 0];
    for side in sides {
        header.extend(&side?[..3]);
    }
    let mut file = b"RIFF\0\0\0\0WEBP".to_vec();
    append(&mut file, b"VP8X", &header)?;
    if let Some(profile) = profile {
        append(&mut file, b"ICCP", profile)?;
    }
    // A white background, and as many rounds as anyone looks.
    append(&mut file, b"ANIM", &[255, 255, 255, 255, 0, 0])?;
    for still in stills {
        let mut frame = vec![0; 6];
        for side in sides {
            frame.extend(&side?[..3]);
        }
        frame.extend(&milliseconds.to_le_bytes()[..3]);
        // Replace what was there, and leave it there.
        frame.push(0b10);
        append(&mut frame, b"VP8L", payload(still, b"VP8L")?)?;
        append(&mut file, b"ANMF", &frame)?;
    }
    let length = u32::try_from(file.len() - 8).ok()?;
    file[4..8].copy_from_slice(&length.to_le_bytes());
    Some(file)
}

/// Whether a lossless picture says that it has opacity: after a byte of signature and two sides of 14 bits.
fn has_opacity(still: &[u8]) -> bool {
    let picture = payload(still, b"VP8L").unwrap_or_default();
    picture.get(4).is_some_and(|byte| byte & 1 << 4 != 0)
}

/// What the decoder makes room for by the length that it is said to have, wherever it finds it.
const NOTES: [&[u8; 4]; 3] = [b"ICCP", b"EXIF", b"XMP "];

/// Whether every chunk ends within the file, and those of the frame that is shown first within that. The decoder makes
/// room for notes and profiles of any length, before it looks for them; it also takes them from behind the end that the
/// file announces, where others may have left what is no chunk at all, and from within a frame.
pub(super) fn is_whole(file: &[u8]) -> bool {
    let announced = file.get(4..8).and_then(|four| four.first_chunk());
    let end = announced.map_or(0, |&four| u32::from_le_bytes(four) as usize);
    let body = file.get(12..).unwrap_or_default();
    let sound = chunks(body).all(|chunk| {
        // The announced length counts from the word WEBP.
        let at = 4 + body.len() - chunk.rest.len() - 8;
        chunk.is_whole() || at >= end && !NOTES.contains(&&chunk.kind)
    });
    let frame = chunks(body).find(|chunk| &chunk.kind == b"ANMF");
    let parts = frame.and_then(|frame| frame.payload().get(FRAME_HEADER..));
    sound && parts.is_none_or(are_whole)
}

/// Whether every chunk of a frame ends within it.
fn are_whole(parts: &[u8]) -> bool {
    // The decoder takes the first bytes in the first chunk for the header of the second.
    let misread = parts.get(8..).and_then(|inside| chunks(inside).next());
    let notes = misread.filter(|chunk| NOTES.contains(&&chunk.kind));
    chunks(parts).chain(notes).all(|chunk| chunk.is_whole())
}

/// Bytes of a frame before its chunks: its place, its size, its time and how it is laid over the one before.
const FRAME_HEADER: usize = 16;

/// The size (W, H) that is announced for the lossy picture that is shown first, and the one that it has, if they differ.
/// The decoder makes room for the latter before it compares them, and does not compare them where a frame has opacity.
pub(super) fn other_size(file: &[u8]) -> Option<[[u32; 2]; 2]> {
    let shown = shown(file)?;
    let announced = shown.size.filter(|_| &shown.kind != b"VP8L")?;
    // A tag of three bytes, a signature of three, and sides of 14 bits (RFC 6386, 9.1).
    let sides: &[u8; 4] = shown.picture.get(6..)?.first_chunk()?;
    let own = [[sides[0], sides[1]], [sides[2], sides[3]]]
        .map(|side| u32::from(u16::from_le_bytes(side) & 0x3fff));
    (own != announced).then_some([announced, own])
}

/// Bytes that the decoder needs for the codes of what is shown first.
pub(super) fn bytes_of_codes(file: &[u8]) -> u64 {
    let Some(shown) = shown(file) else {
        return 0;
    };
    let picture = match &shown.kind {
        b"VP8L" => codes::bytes_of_picture(shown.picture),
        _ => None,
    };
    let opacity = shown.opacity.zip(shown.size);
    let opacity = opacity.and_then(|(opacity, size)| codes::bytes_of_opacity(opacity, size));
    // One after the other.
    picture.max(opacity).unwrap_or(0)
}

/// Whether frames stand in a file that is said to be no animation. The decoder takes parts of them for parts of its picture.
pub(super) fn has_stray_frames(file: &[u8]) -> bool {
    let body = file.get(12..).unwrap_or_default();
    let header = chunks(body).next().filter(|chunk| &chunk.kind == b"VP8X");
    let still = header.is_some_and(|header| !is_animation(header.rest));
    still && chunks(body).any(|chunk| &chunk.kind == b"ANMF")
}

/// What a file shows first.
struct Shown<'a> {
    /// W and H, if they are announced outside of the picture.
    size: Option<[u32; 2]>,
    kind: [u8; 4],
    picture: &'a [u8],
    opacity: Option<&'a [u8]>,
}

fn shown(file: &[u8]) -> Option<Shown<'_>> {
    let body = file.get(12..)?;
    let first = chunks(body).next()?;
    if &first.kind != b"VP8X" {
        return Some(Shown {
            size: None,
            kind: first.kind,
            picture: first.payload(),
            opacity: None,
        });
    }
    // The decoder reads all of this header, however long it is said to be.
    let header = first.rest;
    let of_kind = |kinds: &[&[u8; 4]]| chunks(body).find(|chunk| kinds.contains(&&chunk.kind));
    if !is_animation(header) {
        let picture = of_kind(&[b"VP8 ", b"VP8L"])?;
        return Some(Shown {
            size: Some(size(header.get(4..)?)?),
            kind: picture.kind,
            picture: picture.payload(),
            opacity: of_kind(&[b"ALPH"]).map(|chunk| chunk.payload()),
        });
    }
    let frame = of_kind(&[b"ANMF"])?.payload();
    let mut parts = chunks(frame.get(FRAME_HEADER..)?);
    let mut picture = parts.next()?;
    let mut opacity = None;
    if &picture.kind == b"ALPH" {
        opacity = Some(picture.payload());
        // The decoder takes this for a lossy picture, whatever it is called.
        picture = parts.next()?;
        picture.kind = *b"VP8 ";
    }
    Some(Shown {
        size: Some(size(frame.get(6..)?)?),
        kind: picture.kind,
        picture: picture.payload(),
        opacity,
    })
}

fn is_animation(header: &[u8]) -> bool {
    header
        .first()
        .is_some_and(|flags| flags & HAS_ANIMATION > 0)
}

/// W and H, of three bytes each and less by one than they are.
fn size(bytes: &[u8]) -> Option<[u32; 2]> {
    let &[w0, w1, w2, h0, h1, h2] = bytes.first_chunk()?;
    Some([[w0, w1, w2, 0], [h0, h1, h2, 0]].map(|side| 1 + u32::from_le_bytes(side)))
}

/// What the first chunk of this kind in a file holds.
fn payload<'a>(file: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    let chunk = chunks(file.get(12..)?).find(|chunk| &chunk.kind == kind)?;
    chunk.is_whole().then(|| chunk.payload())
}

/// A chunk as it is announced.
struct Chunk<'a> {
    kind: [u8; 4],
    length: usize,
    /// All that follows its header.
    rest: &'a [u8],
}

impl<'a> Chunk<'a> {
    fn is_whole(&self) -> bool {
        self.length <= self.rest.len()
    }

    /// As much as there is of what it holds.
    fn payload(&self) -> &'a [u8] {
        self.rest.get(..self.length).unwrap_or(self.rest)
    }
}

/// The chunks of a file or of a frame, one after the other, up to the first that is too long.
fn chunks(bytes: &[u8]) -> impl Iterator<Item = Chunk<'_>> {
    let mut left = bytes;
    std::iter::from_fn(move || {
        let (&kind, rest) = left.split_first_chunk()?;
        let (&length, rest) = rest.split_first_chunk()?;
        let length = u32::from_le_bytes(length) as usize;
        // Chunks begin at even addresses.
        let next = length.saturating_add(length % 2);
        left = rest.get(next..).unwrap_or_default();
        Some(Chunk { kind, length, rest })
    })
}

/// Adds a chunk; chunks begin at even addresses.
fn append(to: &mut Vec<u8>, kind: &[u8; 4], payload: &[u8]) -> Option<()> {
    to.extend(kind);
    to.extend(u32::try_from(payload.len()).ok()?.to_le_bytes());
    to.extend(payload);
    if payload.len() % 2 == 1 {
        to.push(0);
    }
    Some(())
}
