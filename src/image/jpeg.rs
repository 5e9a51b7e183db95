//! A walk over the markers of a JPEG file (ITU-T T.81, annex B).
//!
//! The decoder fills what a cut-off file lacks with grey and says nothing, and takes every
//! four-channel file for an inverted one, so both are looked at here before it runs.

/// What the walk found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Structure {
    /// Whether picture data and, after it, the end marker were reached.
    pub(super) complete: bool,
    /// The number of components in the frame header; 0 before one was seen.
    pub(super) components: u8,
    /// What it is by its frame header, if that is no kind that the decoder reads.
    pub(super) unread: Option<&'static str>,
    /// Whether Adobe's APP14 segment is there, which says that CMYK is stored inverted.
    pub(super) adobe: bool,
}

/// Walks from the start of the file to its end marker, or to its last byte.
pub(super) fn walk(bytes: &[u8]) -> Structure {
    let mut found = Structure::default();
    let mut has_scan = false;
    // Past the start marker. Segments are stepped over by their length, so that the end marker of
    // a thumbnail inside one is not taken for the picture's.
    let mut rest = bytes.get(2..).unwrap_or_default();
    while let Some(at) = rest.iter().position(|&byte| byte == 0xff) {
        rest = &rest[at + 1..];
        let Some(&marker) = rest.first() else { break };
        match marker {
            // Fill byte: the next one may be the marker.
            0xff => continue,
            // An escaped 0xff of the picture data, restarts, and TEM have no length.
            0x00 | 0x01 | 0xd0..=0xd8 => {
                rest = &rest[1..];
                continue;
            }
            0xd9 => {
                found.complete = has_scan;
                break;
            }
            _ => {}
        }
        let Some((length, segment)) = segment(&rest[1..]) else {
            break;
        };
        match marker {
            0xda => has_scan = true,
            0xee => found.adobe |= segment.starts_with(b"Adobe"),
            // The frame headers; C4, C8 and CC are tables.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                found.components = segment.get(5).copied().unwrap_or(0);
                let precision = segment.first().copied().unwrap_or(0);
                found.unread = found.unread.or(unread(marker, precision));
            }
            _ => {}
        }
        rest = &rest[1 + length..];
    }
    found
}

/// What a JPEG with such a frame header is (T.81, table B.1), if it is no kind that the decoder reads: baseline and
/// progressive Huffman coding of 8 bits.
fn unread(marker: u8, precision: u8) -> Option<&'static str> {
    match (marker, precision) {
        (0xc3 | 0xc7 | 0xcb | 0xcf, _) => Some("a lossless JPEG"),
        (0xc9..=0xcf, _) => Some("a JPEG with arithmetic coding"),
        (0xc5 | 0xc6, _) => Some("a hierarchical JPEG"),
        (_, 12) => Some("a JPEG of 12 bits per channel"),
        _ => None,
    }
}

/// Where in any bytes a frame header of 8 bits may begin, and the size (W, H) that it announces. No data of a scan look like one.
pub(super) fn frames(bytes: &[u8]) -> impl Iterator<Item = (usize, [u16; 2])> {
    bytes.windows(10).enumerate().filter_map(|(at, header)| {
        // Marker, length, precision, lines, samples in a line, components.
        let &[0xff, 0xc0..=0xcf, 0, length, 8, h1, h0, w1, w0, components] = header else {
            return None;
        };
        let size = [[w1, w0], [h1, h0]].map(u16::from_be_bytes);
        let fits = matches!(components, 1..=4) && length == 8 + 3 * components;
        fits.then_some((at, size))
    })
}

/// The segment at the start of `bytes`: its length, which counts its own two bytes, and its body.
fn segment(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let length = usize::from(u16::from_be_bytes([*bytes.first()?, *bytes.get(1)?]));
    Some((length, bytes.get(2..length)?))
}

/// What an APP1 segment with XMP begins with.
const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";

/// The file with the packet in an APP1 segment behind those of JFIF and EXIF; none if it is longer than a
/// segment may be.
pub(super) fn with_xmp(file: &[u8], packet: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(2 + XMP.len() + packet.len()).ok()?;
    let mut at = 2;
    while let [0xff, 0xe0 | 0xe1, rest @ ..] = file.get(at..)? {
        at += 2 + segment(rest)?.0;
    }
    let (before, after) = file.split_at_checked(at)?;
    let header = [&[0xff, 0xe1], &length.to_be_bytes()[..], XMP].concat();
    Some([before, &header, packet, after].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCAN: &[u8] = b"\xff\xda\x00\x03\x01data\xff\x00\xff\xd0more";

    fn file(parts: &[&[u8]]) -> Vec<u8> {
        [&[b"\xff\xd8" as &[u8]], parts].concat().concat()
    }

    #[test]
    fn the_end_must_be_reached_after_a_scan() {
        let end = b"\xff\xff\xd9";
        assert!(walk(&file(&[SCAN, end])).complete);
        assert!(walk(&file(&[SCAN, end, b"trailing bytes"])).complete);
        assert!(!walk(&file(&[SCAN])).complete);
        assert!(!walk(&file(&[end])).complete);
        // The thumbnail's end marker inside an APP1 segment does not count.
        let thumbnail = b"\xff\xe1\x00\x06\xff\xd9\xff\xd9";
        assert!(!walk(&file(&[thumbnail, SCAN])).complete);
        assert!(walk(&file(&[thumbnail, SCAN, end])).complete);
    }

    #[test]
    fn frame_and_adobe_segments_are_seen() {
        let adobe = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00";
        let frame = b"\xff\xc0\x00\x08\x08\x00\x01\x00\x01\x04";
        let found = walk(&file(&[adobe, frame]));
        assert_eq!((found.adobe, found.components), (true, 4));
    }

    #[test]
    fn kinds_that_are_not_read_are_told_by_the_frame_header() {
        let kind = |marker: u8, precision: u8| {
            let frame = [0xff, marker, 0, 8, precision, 0, 1, 0, 1, 3];
            walk(&file(&[&frame])).unread
        };
        for marker in [0xc0, 0xc1, 0xc2] {
            assert_eq!(kind(marker, 8), None);
        }
        assert_eq!(kind(0xc1, 12), Some("a JPEG of 12 bits per channel"));
        assert_eq!(kind(0xc9, 8), Some("a JPEG with arithmetic coding"));
        assert_eq!(kind(0xca, 12), Some("a JPEG with arithmetic coding"));
        assert_eq!(kind(0xc3, 8), Some("a lossless JPEG"));
        assert_eq!(kind(0xcb, 16), Some("a lossless JPEG"));
        assert_eq!(kind(0xc6, 8), Some("a hierarchical JPEG"));
        // Tables have no frame header.
        assert_eq!(kind(0xcc, 12), None);
    }

    #[test]
    fn any_cut_ends_quietly() {
        let whole = file(&[b"\xff\xe1\x00\x06\xff\xd9\xff\xd9", SCAN, b"\xff\xd9"]);
        for length in 0..whole.len() {
            assert!(!walk(&whole[..length]).complete, "{length}");
        }
        assert!(!walk(b"\xff\xd8\xff\xe1\x00\x00\xff\xe1\x00\x01").complete);
    }
}
