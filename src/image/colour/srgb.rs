//! sRGB: its profile, as results carry it, and its curve.

use std::sync::LazyLock;

/// The profile (ICC.1:2022, version 4.3), the same bytes whenever it is made. All addresses in it are
/// multiples of four, and its primaries add up to the white of the standard, as strict readers ask.
pub(in crate::image) static PROFILE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let curve = [&b"para\0\0\0\0\0\x03\0\0"[..], &numbers(&CURVE)].concat();
    let tags = [
        (b"desc", text("sRGB")),
        (b"cprt", text("CC0")),
        (b"wtpt", point(D50)),
        (
            b"chad",
            [&b"sf32\0\0\0\0"[..], &numbers(&D65_TO_D50)].concat(),
        ),
        (b"rXYZ", point([0x6fa0, 0x38f5, 0x0390])),
        (b"gXYZ", point([0x6297, 0xb787, 0x18d9])),
        (b"bXYZ", point([0x249f, 0x0f84, 0xb6c4])),
        (b"rTRC", curve.clone()),
        (b"gTRC", curve.clone()),
        (b"bTRC", curve),
    ];
    let start = 128 + 4 + 12 * tags.len();
    let mut table = (tags.len() as u32).to_be_bytes().to_vec();
    let mut data: Vec<u8> = Vec::new();
    for (name, value) in &tags {
        // The three curves are one.
        let curve = data.windows(value.len()).position(|window| window == value);
        let at = curve.unwrap_or(data.len());
        if curve.is_none() {
            data.extend(value);
            data.resize(data.len().next_multiple_of(4), 0);
        }
        table.extend(*name);
        table.extend(((start + at) as u32).to_be_bytes());
        table.extend((value.len() as u32).to_be_bytes());
    }
    let size = (128 + table.len() + data.len()) as u32;
    [&header(size)[..], &table, &data].concat()
});

/// Size, version, what it is for, the day of the standard, and the white to which all refers.
fn header(size: u32) -> Vec<u8> {
    let mut header = size.to_be_bytes().to_vec();
    header.extend(b"\0\0\0\0\x04\x30\0\0mntrRGB XYZ ");
    header.extend(
        [1999_u16, 10, 18, 0, 0, 0]
            .map(u16::to_be_bytes)
            .as_flattened(),
    );
    header.extend(b"acsp");
    header.resize(68, 0);
    header.extend(numbers(&D50));
    header.resize(128, 0);
    header
}

/// The white of profiles, in 65 536ths.
const D50: [i32; 3] = [0xf6d6, 0x1_0000, 0xd32d];

/// Bradford's adaptation of the white of sRGB to it.
const D65_TO_D50: [i32; 9] = [
    68_674, 1_502, -3_291, 1_939, 64_912, -1_119, -606, 988, 49_262,
];

/// γ, 1/1.055, 0.055/1.055, 1/12.92 and the end of the straight part.
const CURVE: [i32; 5] = [157_286, 62_119, 3_417, 5_072, 2_651];

fn numbers(values: &[i32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_be_bytes())
        .collect()
}

fn point(values: [i32; 3]) -> Vec<u8> {
    [&b"XYZ \0\0\0\0"[..], &numbers(&values)].concat()
}

/// One text, in English.
fn text(words: &str) -> Vec<u8> {
    let letters = words.encode_utf16().flat_map(u16::to_be_bytes);
    let length = 2 * words.len() as u32;
    let mut tag = b"mluc\0\0\0\0\0\0\0\x01\0\0\0\x0cenUS".to_vec();
    tag.extend(length.to_be_bytes());
    tag.extend(28_u32.to_be_bytes());
    tag.extend(letters);
    tag
}

/// The sRGB value of an amount of light, clamped to \[0,1\]; NaN becomes 0.
pub(in crate::image) fn encoded(light: f64) -> f32 {
    let value = if light <= 0.003_130_8 {
        12.92 * light
    } else {
        1.055 * light.powf(1.0 / 2.4) - 0.055
    };
    if value.is_nan() {
        return 0.0;
    }
    value.clamp(0.0, 1.0) as f32
}

/// The amount of light of an sRGB value.
pub(in crate::image) fn light(value: f32) -> f64 {
    let value = f64::from(value);
    if value <= 0.040_45 {
        value / 12.92
    } else {
        ((value + 0.055) / 1.055).powf(2.4)
    }
}
