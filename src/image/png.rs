//! The chunks of a PNG file: for `cICP`, which the decoder reads but does not hand on, and for records, which
//! the encoder has no place for.

/// The four numbers of a `cICP` chunk: colour primaries, transfer function, matrix, full range (ITU-T H.273).
pub(super) type CodePoints = [u8; 4];

/// The keyword of a record.
const KEYWORD: &[u8] = b"impasto";

/// A chunk: its length, a name, so many bytes, and a checksum.
struct Chunk<'a> {
    /// Where it starts in the file.
    start: usize,
    name: [u8; 4],
    body: &'a [u8],
}

/// Every whole chunk. The last may be cut off, which others will notice.
fn chunks(bytes: &[u8]) -> impl Iterator<Item = Chunk<'_>> {
    // Past the signature.
    let mut start = 8;
    std::iter::from_fn(move || {
        let (length, after) = bytes.get(start..)?.split_first_chunk()?;
        let (name, after) = after.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let chunk = Chunk {
            start,
            name: *name,
            body: after.get(..length)?,
        };
        start += 12 + length;
        Some(chunk)
    })
}

/// The code points, if a `cICP` chunk stands before the picture data.
pub(super) fn code_points(bytes: &[u8]) -> Option<CodePoints> {
    let mut header = chunks(bytes).take_while(|chunk| chunk.name != *b"IDAT");
    let points = header.find(|chunk| chunk.name == *b"cICP")?;
    points.body.first_chunk().copied()
}

/// The text of an `iTXt` chunk with our keyword, wherever it stands, unless somebody has compressed it.
pub(super) fn record(bytes: &[u8]) -> Option<String> {
    let texts = chunks(bytes).filter(|chunk| chunk.name == *b"iTXt");
    let ours = texts.filter_map(|chunk| chunk.body.strip_prefix(KEYWORD)?.strip_prefix(b"\0\0\0"));
    // A language and a translated keyword come first.
    let text = ours.last()?.splitn(3, |&byte| byte == 0).nth(2)?;
    String::from_utf8(text.to_vec()).ok()
}

/// The file with `record` in an `iTXt` chunk before the picture data (PNG, third edition, 11.3.3.4).
pub(super) fn with_record(file: &[u8], record: &str) -> Option<Vec<u8>> {
    let data = chunks(file).find(|chunk| chunk.name == *b"IDAT")?;
    let body = [b"iTXt", KEYWORD, b"\0\0\0\0\0", record.as_bytes()].concat();
    let length = u32::try_from(body.len() - 4).ok()?;
    let (before, after) = file.split_at(data.start);
    let checksum = checksum(&body).to_be_bytes();
    Some([before, &length.to_be_bytes(), &body, &checksum, after].concat())
}

/// CRC-32 as PNG has it, bit by bit: a record is short.
fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| match crc & 1 {
            0 => crc >> 1,
            _ => crc >> 1 ^ 0xedb8_8320,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_points_count_only_before_the_picture() {
        let chunk = |name: &[u8; 4], body: &[u8]| {
            let length = (body.len() as u32).to_be_bytes();
            [&length[..], name, body, b"sum!"].concat()
        };
        let points = chunk(b"cICP", &[12, 13, 0, 1]);
        let file = |chunks: &[&[u8]]| [b"12345678", &chunks.concat()[..]].concat();
        let other = chunk(b"pHYs", b"cICP");
        let data = chunk(b"IDAT", b"");
        let whole = file(&[&other, &points, &data]);
        assert_eq!(code_points(&whole), Some([12, 13, 0, 1]));
        assert_eq!(code_points(&file(&[&data, &points])), None);
        for length in 0..whole.len() - 20 {
            assert_eq!(code_points(&whole[..length]), None, "{length}");
        }
        assert_eq!(code_points(b"12345678\xff\xff\xff\xffcIC"), None);
    }

    #[test]
    fn checksums_are_those_of_the_standard() {
        // What ends every PNG file.
        assert_eq!(checksum(b"IEND"), 0xae42_6082);
        assert_eq!(checksum(b"123456789"), 0xcbf4_3926);
    }
}
