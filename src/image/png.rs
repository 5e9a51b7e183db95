//! A look at the chunks of a PNG file for `cICP`, which the decoder reads but does not hand on.

/// The four numbers of a `cICP` chunk: colour primaries, transfer function, matrix, full range (ITU-T H.273).
pub(super) type CodePoints = [u8; 4];

/// The code points, if a `cICP` chunk stands before the picture data.
pub(super) fn code_points(bytes: &[u8]) -> Option<CodePoints> {
    // Past the signature. A chunk is its length, a name, so many bytes, and a checksum.
    let mut rest = bytes.get(8..)?;
    loop {
        let (length, after) = rest.split_first_chunk()?;
        let (name, body) = after.split_first_chunk::<4>()?;
        match name {
            b"cICP" => return body.first_chunk().copied(),
            b"IDAT" => return None,
            _ => {}
        }
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        rest = body.get(length.checked_add(4)?..)?;
    }
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
}
