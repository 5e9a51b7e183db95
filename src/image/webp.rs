//! The chunks of a WebP file: its encoder has no place for XMP.

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

/// The bits of the first chunk that announce an animation and a profile.
const HAS_ANIMATION: u8 = 1 << 1;
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

/// Whether every chunk ends within the file. The decoder makes room for notes and profiles of any length, before it
/// looks for them.
pub(super) fn is_whole(file: &[u8]) -> bool {
    let long = |at: usize| {
        file.get(at..)?
            .first_chunk()
            .map(|&four| u32::from_le_bytes(four))
    };
    let end = 8 + long(4).unwrap_or(0) as usize;
    let mut at = 12;
    while let Some(length) = long(at + 4).filter(|_| at < end) {
        let length = length as usize;
        if file.len() - (at + 8) < length {
            return false;
        }
        at += 8 + length.next_multiple_of(2);
    }
    true
}

/// What the first chunk of this kind in a file holds.
fn payload<'a>(file: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    let mut rest = file.get(12..)?;
    loop {
        let length = u32::from_le_bytes(rest.get(4..8)?.try_into().ok()?) as usize;
        if rest.get(..4)? == kind {
            return rest.get(8..8 + length);
        }
        rest = rest.get(8 + length.next_multiple_of(2)..)?;
    }
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
