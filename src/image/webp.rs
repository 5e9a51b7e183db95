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
