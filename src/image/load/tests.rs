//! Pictures made here or standing in `tests/pictures`, sound and broken.

use std::fs;
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::{GrayAlphaImage, GrayImage, ImageBuffer, Rgb, RgbImage, RgbaImage};

use super::*;

fn png(image: impl Into<DynamicImage>) -> Vec<u8> {
    encoded(image.into(), ImageFormat::Png)
}

fn encoded(image: DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn decode(bytes: &[u8]) -> Picture {
    Picture::decode(bytes, "test").unwrap()
}

fn refusal(bytes: &[u8]) -> String {
    let message = Picture::decode(bytes, "some.png").unwrap_err().to_string();
    assert!(message.contains("`some.png`"), "{message}");
    assert!(!message.contains('\n'), "{message}");
    message
}

/// The pixel at (x, y) in 8-bit steps.
fn at(picture: &Picture, x: usize, y: usize) -> [f32; 3] {
    let pixels = picture.pixels();
    std::array::from_fn(|c| 255.0 * picture.rgb[c * pixels + y * picture.width + x])
}

fn assert_near(found: [f32; 3], expected: [f32; 3], tolerance: f32) {
    for (f, e) in found.iter().zip(expected) {
        assert!((f - e).abs() <= tolerance, "{found:?} {expected:?}");
    }
}

/// 3×2, every channel of every pixel different.
fn small() -> RgbImage {
    RgbImage::from_fn(3, 2, |x, y| {
        let first = (40 * (3 * y + x)) as u8;
        Rgb([first, first + 11, first + 23])
    })
}

#[test]
fn planes_follow_each_other_row_by_row() {
    let lossless = [
        ImageFormat::Png,
        ImageFormat::Bmp,
        ImageFormat::Tiff,
        ImageFormat::WebP,
    ];
    for format in lossless {
        let picture = decode(&encoded(small().into(), format));
        assert_eq!((picture.width, picture.height), (3, 2));
        assert_near(at(&picture, 2, 1), [200.0, 211.0, 223.0], 1e-4);
        assert_near(at(&picture, 0, 0), [0.0, 11.0, 23.0], 1e-4);
    }
}

#[test]
fn gray_and_transparency_become_rgb() {
    let gray = decode(&png(GrayImage::from_raw(2, 1, vec![7, 250]).unwrap()));
    assert_near(at(&gray, 1, 0), [250.0; 3], 1e-4);
    let faint = GrayAlphaImage::from_raw(1, 1, vec![100, 51]).unwrap();
    assert_near(
        at(&decode(&png(faint)), 0, 0),
        [100.0 * 0.2 + 204.0; 3],
        1e-3,
    );
    let clear = RgbaImage::from_raw(1, 1, vec![9, 8, 7, 0]).unwrap();
    assert_near(at(&decode(&png(clear)), 0, 0), [255.0; 3], 1e-4);
    let solid = RgbaImage::from_raw(1, 1, vec![9, 8, 7, 255]).unwrap();
    assert_near(at(&decode(&png(solid)), 0, 0), [9.0, 8.0, 7.0], 1e-4);
}

/// A little-endian TIFF file of one row of 8-bit RGBA, whose field ExtraSamples is `extra`.
fn rgba_tiff(pixels: &[[u8; 4]], extra: u32) -> Vec<u8> {
    const FIELDS: u32 = 10;
    let behind = 8 + 2 + 12 * FIELDS + 4;
    let data: Vec<u8> = pixels.concat();
    // The four depths do not fit into their field and lie behind the directory, the pixels behind them.
    let fields: [[u32; 4]; FIELDS as usize] = [
        [0x0100, 4, 1, pixels.len() as u32],
        [0x0101, 4, 1, 1],
        [0x0102, 3, 4, behind],
        [0x0103, 3, 1, 1],
        [0x0106, 3, 1, 2],
        [0x0111, 4, 1, behind + 8],
        [0x0115, 3, 1, 4],
        [0x0116, 4, 1, 1],
        [0x0117, 4, 1, data.len() as u32],
        [0x0152, 3, 1, extra],
    ];
    let mut file = b"II*\0\x08\0\0\0".to_vec();
    file.extend((FIELDS as u16).to_le_bytes());
    for [tag, kind, count, value] in fields {
        file.extend([tag as u16, kind as u16].map(u16::to_le_bytes).concat());
        file.extend([count, value].map(u32::to_le_bytes).concat());
    }
    file.extend([0; 4]);
    file.extend([8_u16; 4].map(u16::to_le_bytes).concat());
    [file, data].concat()
}

/// TIFF 6.0, section 18: where ExtraSamples is 1 the colours are multiplied by opacity already.
#[test]
fn premultiplied_tiff_is_divided_by_its_opacity() {
    let straight = rgba_tiff(&[[200, 100, 50, 102], [9, 8, 7, 255], [0, 0, 0, 0]], 2);
    let multiplied = rgba_tiff(&[[80, 40, 20, 102], [9, 8, 7, 255], [0, 0, 0, 0]], 1);
    for file in [straight, multiplied] {
        let picture = decode(&file);
        let over_white = |value: f32| value * 0.4 + 255.0 * 0.6;
        let expected = [200.0, 100.0, 50.0].map(over_white);
        assert_near(at(&picture, 0, 0), expected, 1e-3);
        assert_near(at(&picture, 1, 0), [9.0, 8.0, 7.0], 1e-3);
        assert_near(at(&picture, 2, 0), [255.0; 3], 1e-3);
    }
    // Rounded to more than its opacity, it is no more than white.
    let over = decode(&rgba_tiff(&[[52, 51, 0, 51]], 1));
    assert_near(at(&over, 0, 0), [255.0, 255.0, 204.0], 1e-3);
}

#[test]
fn palettes_are_looked_up() {
    let picture = decode(include_bytes!("../../../tests/pictures/palette.png"));
    assert_eq!((picture.width, picture.height), (3, 2));
    assert_near(at(&picture, 1, 0), [0.0, 255.0, 0.0], 1e-4);
    assert_near(at(&picture, 0, 1), [10.0, 20.0, 30.0], 1e-4);
    let bytes = include_bytes!("../../../tests/pictures/palette_transparent.png");
    let picture = decode(bytes);
    assert_near(at(&picture, 1, 0), [127.0, 255.0, 127.0], 1e-3);
    assert_near(at(&picture, 2, 0), [255.0; 3], 1e-4);
}

#[test]
fn sixteen_bits_are_kept() {
    let deep: ImageBuffer<Rgb<u16>, _> =
        ImageBuffer::from_raw(1, 1, vec![12_345_u16, 12_346, 65_535]).unwrap();
    let picture = decode(&png(deep));
    assert_eq!(picture.rgb[0], 12_345.0 / 65_535.0);
    assert_eq!(picture.rgb[1], 12_346.0 / 65_535.0);
    assert_eq!(picture.rgb[2], 1.0);
}

#[test]
fn floating_point_tiff_is_clamped() {
    let wild: ImageBuffer<Rgb<f32>, _> =
        ImageBuffer::from_raw(1, 1, vec![f32::NAN, -0.5, 3.0]).unwrap();
    let picture = decode(&encoded(wild.into(), ImageFormat::Tiff));
    assert_eq!(picture.rgb, [0.0, 0.0, 1.0]);
}

/// A sound file that is not read is not to be fetched again.
#[test]
fn jpegs_of_other_kinds_are_not_called_damaged() {
    let mut bytes = Vec::new();
    small()
        .write_with_encoder(JpegEncoder::new(&mut bytes))
        .unwrap();
    let frame = bytes.windows(2).position(|pair| pair == [0xff, 0xc0]);
    let frame = frame.unwrap();
    for (marker, precision, kind) in [
        (0xc1, 12, "12 bits per channel"),
        (0xc9, 8, "arithmetic coding"),
        (0xc3, 8, "lossless"),
    ] {
        let mut other = bytes.clone();
        (other[frame + 1], other[frame + 4]) = (marker, precision);
        let message = refusal(&other);
        assert!(message.contains(kind), "{message}");
        assert!(message.contains("baseline JPEG"), "{message}");
        assert!(!message.contains("damaged"), "{message}");
    }
}

/// Expected colours: Pillow's conversion of the same files, at the middle of each patch.
#[test]
fn four_ink_jpegs_have_their_colours() {
    let cmyk = include_bytes!("../../../tests/pictures/cmyk.jpg");
    let ycck = include_bytes!("../../../tests/pictures/ycck.jpg");
    let cases: [(&[u8], [[f32; 3]; 4]); 2] = [
        (
            cmyk,
            [
                [255.0, 255.0, 255.0],
                [51.0, 207.0, 180.0],
                [255.0, 0.0, 0.0],
                [46.0, 46.0, 46.0],
            ],
        ),
        (
            ycck,
            [
                [0.0, 0.0, 0.0],
                [85.0, 136.0, 190.0],
                [1.0, 255.0, 255.0],
                [76.0, 76.0, 76.0],
            ],
        ),
    ];
    for (bytes, patches) in cases {
        let picture = decode(bytes);
        for (patch, expected) in patches.into_iter().enumerate() {
            assert_near(at(&picture, 16 * patch + 8, 8), expected, 2.0);
        }
    }
    // Without Adobe's marker nobody knows whether the inks are inverted.
    let mut unmarked = cmyk.to_vec();
    let marker = unmarked.windows(5).position(|window| window == b"Adobe");
    unmarked[marker.unwrap()] = b'a';
    assert!(refusal(&unmarked).contains("how its inks are stored"));
}

/// A JPEG of four flat 16×16 quarters with an EXIF note about its orientation.
fn quarters(orientation: u8) -> Vec<u8> {
    let image = RgbImage::from_fn(48, 32, |x, y| match (x < 24, y < 16) {
        (true, true) => Rgb([255, 0, 0]),
        (false, true) => Rgb([0, 255, 0]),
        (true, false) => Rgb([0, 0, 255]),
        (false, false) => Rgb([255, 255, 255]),
    });
    let mut plain = Vec::new();
    JpegEncoder::new_with_quality(&mut plain, 100)
        .encode_image(&image)
        .unwrap();
    let mut exif =
        b"\xff\xe1\x00\x22Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
    [&plain[..2], &exif, &plain[2..]].concat()
}

#[test]
fn the_camera_s_orientation_is_applied() {
    // Where the red quarter, at the top left as stored, is to be seen: (left, top).
    let expected = [
        (1, 48, true, true),
        (2, 48, false, true),
        (3, 48, false, false),
        (4, 48, true, false),
        (5, 32, true, true),
        (6, 32, false, true),
        (7, 32, false, false),
        (8, 32, true, false),
    ];
    for (orientation, width, left, top) in expected {
        let picture = decode(&quarters(orientation));
        assert_eq!(picture.width, width, "{orientation}");
        let x = if left { 4 } else { picture.width - 5 };
        let y = if top { 4 } else { picture.height - 5 };
        assert_near(at(&picture, x, y), [255.0, 0.0, 0.0], 6.0);
    }
}

#[test]
fn what_is_no_picture_is_said() {
    assert!(refusal(b"").contains("is empty"));
    assert!(refusal(b"just some text\n").contains("not a picture"));
    assert!(refusal(b"P6 1 1 255\nabc").contains("not read"));
}

#[test]
fn the_size_is_refused_by_the_header() {
    // A PNG header and nothing else: were anything decoded, the message would differ.
    let header = |width: u32, height: u32| {
        let mut bytes = png(GrayImage::new(1, 1));
        bytes[16..20].copy_from_slice(&width.to_be_bytes());
        bytes[20..24].copy_from_slice(&height.to_be_bytes());
        let crc = crc32(&bytes[12..29]);
        bytes[29..33].copy_from_slice(&crc.to_be_bytes());
        bytes
    };
    for (width, height) in [
        (16_385, 1),
        (1, 16_385),
        (10_001, 10_000),
        (2 << 29, 2 << 29),
    ] {
        let message = refusal(&header(width, height));
        let expected =
            format!("{width}×{height} pixels, and the limit is 16384 on a side and 100 megapixels");
        assert!(message.contains(&expected), "{message}");
    }
}

/// The checksum of a PNG chunk, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

/// A seed of the fuzzer, of which many are as sound as any file.
fn seed(name: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::read(root.join("tests/untrusted/seeds/picture").join(name)).unwrap()
}

#[test]
fn animations_show_their_first_frame() {
    // The same picture of 13×9 with and without loss, in one file in the middle of a larger canvas.
    for (name, size, (x, y), tolerance) in [
        ("anim_lossless.webp", (13, 9), (0, 0), 1.0),
        ("anim_alpha.webp", (13, 9), (0, 0), 12.0),
        ("anim_offset.webp", (40, 30), (12, 8), 12.0),
    ] {
        let picture = decode(&seed(name));
        assert_eq!((picture.width, picture.height), size, "{name}");
        // (228, 224, 90) and (114, 112, 90) over white, of which 240 and 120 of 255 can be seen.
        assert_near(at(&picture, x + 12, y + 8), [229.6, 225.8, 99.7], tolerance);
        assert_near(at(&picture, x + 6, y + 4), [188.6, 187.7, 177.4], tolerance);
    }
    let opaque = decode(&seed("anim.webp"));
    assert_eq!((opaque.width, opaque.height), (13, 9));
}

#[test]
fn pictures_of_another_size_than_announced_are_refused() {
    let own = "of 7437×2304 pixels stands where 13×9 are announced";
    assert!(refusal(&seed("frame_larger_than_announced.webp")).contains(own));
    let own = "of 13×9 pixels stands where 12×9 are announced";
    assert!(refusal(&seed("frame_with_opacity_larger_than_announced.webp")).contains(own));
}

#[test]
fn cut_off_pictures_are_refused() {
    let noisy = RgbImage::from_fn(64, 64, |x, y| {
        let value = (x * 37 + y * 101) * (x + 3 * y + 1);
        Rgb([value as u8, (value >> 3) as u8, (value >> 5) as u8])
    });
    for format in [
        ImageFormat::Png,
        ImageFormat::Jpeg,
        ImageFormat::WebP,
        ImageFormat::Tiff,
        ImageFormat::Bmp,
        ImageFormat::Gif,
    ] {
        let whole = encoded(noisy.clone().into(), format);
        decode(&whole);
        for length in [12, whole.len() / 3, whole.len() / 2, whole.len() - 40] {
            let message = refusal(&whole[..length]);
            assert!(
                message.contains("damaged or cut off"),
                "{format:?} {length}: {message}"
            );
        }
    }
}

#[test]
fn paths_that_hold_no_picture_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let message = |path: &Path| Picture::load(path).unwrap_err().to_string();
    assert!(message(folder.path()).contains("is a directory"));
    let missing = folder.path().join("missing.png");
    assert!(message(&missing).ends_with("missing.png` does not exist; check the path"));
    let through = folder.path().join("plain.txt");
    fs::write(&through, "text").unwrap();
    assert!(message(&through).contains("not a picture"));
    assert!(message(&through.join("below.png")).contains("below.png"));
}

#[test]
fn content_counts_and_not_the_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("really_a_png.jpg");
    fs::write(&path, png(small())).unwrap();
    assert_eq!(Picture::load(&path).unwrap().width, 3);
}
