//! What the prefix codes of a lossless WebP picture (RFC 9649, 3) cost its decoder, before it makes them.
//!
//! A picture may have 65 536 sets of five codes, as many as the largest number in an image of them says, and ten bytes of
//! the file are enough for a set of 70 kB. Everything up to the last code is read for that, but no pixel is kept: what is
//! copied or looked up has been there before, so the largest number is the largest that stands there itself.

/// Lengths of codes are read by a code of their own, whose lengths stand in this order.
const ORDER: [usize; 19] = [
    17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
];

/// Symbols for green or a length, red, blue, opacity, and a distance; the first has those of the cache of colours in addition.
const ALPHABETS: [usize; 5] = [256 + LENGTHS, 256, 256, 256, 40];
const LENGTHS: usize = 24;

/// What the decoder needs for a code of any size: itself, while the list of all of them grows.
const BYTES_PER_CODE: u64 = 128;

/// Bits that the decoder looks up at once, in a table of u32; a longer code has two nodes of a tree in addition.
const TABLE_BITS: usize = 10;
const BYTES_PER_LONG_CODE: u64 = 32;

/// Bytes that the decoder needs for the codes of a lossless picture; none if it is damaged before their end.
pub(super) fn bytes_of_picture(stream: &[u8]) -> Option<u64> {
    let mut bits = Bits::new(stream);
    let signature = bits.take(8)?;
    let size = [bits.take(14)? + 1, bits.take(14)? + 1];
    // Whether there is opacity, and the version.
    bits.take(4)?;
    (signature == 0x2f).then_some(())?;
    bytes_of_codes(&mut bits, size)
}

/// The same for opacity of this size (W, H); none also if it is not packed.
pub(super) fn bytes_of_opacity(chunk: &[u8], size: [u32; 2]) -> Option<u64> {
    let (header, stream) = chunk.split_first()?;
    (header & 0b11 == 1).then_some(())?;
    bytes_of_codes(&mut Bits::new(stream), size)
}

fn bytes_of_codes(bits: &mut Bits, [mut width, height]: [u32; 2]) -> Option<u64> {
    while bits.take(1)? == 1 {
        match bits.take(2)? {
            // Prediction and correlation of colours: a number for each square of so many pixels.
            0 | 1 => {
                let side = 4 << bits.take(3)?;
                largest_pair(bits, width.div_ceil(side), height.div_ceil(side))?;
            }
            2 => {}
            // A palette, and where it is short several pixels are one.
            _ => {
                let colours = bits.take(8)? + 1;
                largest_pair(bits, colours, 1)?;
                width = width.div_ceil(match colours {
                    ..=2 => 8,
                    3..=4 => 4,
                    5..=16 => 2,
                    _ => 1,
                });
            }
        }
    }
    let cached = cached_colours(bits)?;
    let mut sets = 1;
    if bits.take(1)? == 1 {
        let side = 4 << bits.take(3)?;
        sets += largest_pair(bits, width.div_ceil(side), height.div_ceil(side))?;
    }
    let mut bytes = 0;
    for _ in 0..sets {
        bytes += codes(bits, cached)?.iter().map(Code::bytes).sum::<u64>();
    }
    Some(bytes)
}

/// The largest number that red and green of a pixel make in an image within the stream.
fn largest_pair(bits: &mut Bits, width: u32, height: u32) -> Option<u32> {
    let cached = cached_colours(bits)?;
    let [green, red, blue, opacity, distance] = codes(bits, cached)?;
    let pixels = u64::from(width) * u64::from(height);
    let mut largest = 0;
    let mut at = 0;
    while at < pixels {
        let before = bits.at;
        let symbol = green.symbol(bits)?;
        at += match symbol.checked_sub(256) {
            None => {
                largest = largest.max(red.symbol(bits)? << 8 | symbol);
                blue.symbol(bits)?;
                opacity.symbol(bits)?;
                1
            }
            Some(prefix) if prefix < LENGTHS as u32 => {
                let length = bits.number(prefix)?;
                let prefix = distance.symbol(bits)?;
                bits.number(prefix)?;
                length
            }
            Some(_) => 1,
        };
        // What takes no bits is repeated to the end.
        if bits.at == before {
            break;
        }
    }
    Some(largest)
}

/// Places in the cache of colours.
fn cached_colours(bits: &mut Bits) -> Option<usize> {
    if bits.take(1)? == 0 {
        return Some(0);
    }
    let exponent = bits.take(4)?;
    (1..=11).contains(&exponent).then_some(1 << exponent)
}

/// One set of codes.
fn codes(bits: &mut Bits, cached: usize) -> Option<[Code; 5]> {
    let [green, red, blue, opacity, distance] = ALPHABETS;
    Some([
        Code::read(bits, green + cached)?,
        Code::read(bits, red)?,
        Code::read(bits, blue)?,
        Code::read(bits, opacity)?,
        Code::read(bits, distance)?,
    ])
}

/// A canonical prefix code.
struct Code {
    /// How many symbols have a code of 0, 1, 2 … bits.
    counts: [u32; 16],
    /// Symbols from short codes to long ones.
    symbols: Vec<u32>,
}

impl Code {
    fn read(bits: &mut Bits, alphabet: usize) -> Option<Self> {
        if bits.take(1)? == 1 {
            let two = bits.take(1)? == 1;
            let width = if bits.take(1)? == 1 { 8 } else { 1 };
            let mut symbols = vec![bits.take(width)?];
            if two {
                symbols.push(bits.take(8)?);
            }
            let mut counts = [0; 16];
            counts[1] = symbols.len() as u32;
            let known = symbols.iter().all(|&symbol| symbol < alphabet as u32);
            return known.then_some(Self { counts, symbols });
        }
        let mut lengths = [0; ORDER.len()];
        let count = 4 + bits.take(4)? as usize;
        for &place in ORDER.get(..count)? {
            lengths[place] = bits.take(3)?;
        }
        let code = Self::of_lengths(&lengths);
        Some(Self::of_lengths(&lengths_by(&code, bits, alphabet)?))
    }

    fn of_lengths(lengths: &[u32]) -> Self {
        let mut counts = [0; 16];
        let mut symbols = Vec::new();
        for (symbol, &length) in (0..).zip(lengths).filter(|&(_, &length)| length > 0) {
            counts[length as usize] += 1;
            symbols.push(symbol);
        }
        // Equals keep their order.
        symbols.sort_by_key(|&symbol: &u32| lengths[symbol as usize]);
        Self { counts, symbols }
    }

    /// The next symbol of the stream; the only one of a code takes no bits.
    fn symbol(&self, bits: &mut Bits) -> Option<u32> {
        if let &[only] = self.symbols.as_slice() {
            return Some(only);
        }
        let (mut code, mut first, mut passed) = (0_u32, 0, 0);
        for count in &self.counts[1..] {
            code = code << 1 | bits.take(1)?;
            first <<= 1;
            let place = code.checked_sub(first)?;
            if place < *count {
                return self.symbols.get((passed + place) as usize).copied();
            }
            first += count;
            passed += count;
        }
        None
    }

    /// What the decoder makes of it.
    fn bytes(&self) -> u64 {
        let longest = self.counts.iter().rposition(|&count| count > 0);
        let table = 4 << longest.unwrap_or(0).min(TABLE_BITS);
        let long: u32 = self.counts[TABLE_BITS + 1..].iter().sum();
        BYTES_PER_CODE + table + BYTES_PER_LONG_CODE * u64::from(long)
    }
}

/// Lengths of the codes of an alphabet, written by a code of lengths, of zeros and of repetitions.
fn lengths_by(code: &Code, bits: &mut Bits, alphabet: usize) -> Option<Vec<u32>> {
    let mut words = u32::MAX;
    if bits.take(1)? == 1 {
        let width = 2 + 2 * bits.take(3)?;
        words = 2 + bits.take(width)?;
    }
    let mut lengths = Vec::with_capacity(alphabet);
    let mut last = 8;
    while lengths.len() < alphabet && words > 0 {
        words -= 1;
        let (length, times) = match code.symbol(bits)? {
            16 => (last, 3 + bits.take(2)?),
            17 => (0, 3 + bits.take(3)?),
            18 => (0, 11 + bits.take(7)?),
            length => (length, 1),
        };
        if length > 0 {
            last = length;
        }
        lengths.extend((0..times).map(|_| length));
    }
    (lengths.len() <= alphabet).then_some(lengths)
}

/// A stream of bits, the lowest of each byte first.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// A number of up to 24 bits, the lowest first.
    fn take(&mut self, count: u32) -> Option<u32> {
        let mut number = 0;
        for place in 0..count {
            let byte = *self.bytes.get(self.at / 8)?;
            number |= u32::from(byte >> (self.at % 8) & 1) << place;
            self.at += 1;
        }
        Some(number)
    }

    /// A length or a distance from 1 on: its magnitude is a symbol, and its lower bits follow.
    fn number(&mut self, prefix: u32) -> Option<u64> {
        if prefix < 4 {
            return Some(u64::from(prefix) + 1);
        }
        let lower = (prefix - 2) >> 1;
        let upper = (2 + (prefix & 1)) << lower;
        Some(u64::from(upper + self.take(lower)?) + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The one picture of a file of the simple form.
    fn bytes(file: &[u8]) -> Option<u64> {
        bytes_of_picture(&file[20..])
    }

    #[test]
    fn codes_of_sound_pictures_are_found() {
        let small = include_bytes!("../../../tests/untrusted/seeds/picture/l.webp");
        let found = bytes(small).unwrap();
        assert!((5 * BYTES_PER_CODE..32 << 10).contains(&found), "{found}");
        // Whatever is cut off, the codes are found or the end is.
        for length in 20..small.len() {
            let cut = bytes(&small[..length]);
            assert!(cut.is_none_or(|cut| cut == found), "{length}: {cut:?}");
        }
        assert!(bytes(&small[..24]).is_none());
    }

    #[test]
    fn a_code_is_canonical() {
        // Lengths 2, 1, 3, 3: codes 10, 0, 110, 111.
        let code = Code::of_lengths(&[2, 1, 3, 3]);
        let stream = [0b1011_1001, 0b0000_0001];
        let mut bits = Bits::new(&stream);
        let symbols = [(); 5].map(|()| code.symbol(&mut bits));
        assert_eq!(symbols, [0, 1, 3, 1, 2].map(Some));
        // The only symbol of a code takes no bits.
        let only = Code::of_lengths(&[0, 0, 5]);
        assert_eq!(only.symbol(&mut Bits::new(&[])), Some(2));
    }
}
