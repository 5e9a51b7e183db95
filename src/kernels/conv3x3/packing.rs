//! How the weights of the direct kernels lie on the device: as f32, or as f16 in half the memory where that is
//! exact.
//!
//! Halves are stored times 1024. A weight that is an f16 is then a normal f16: subnormal ones may be flushed to
//! zero by an adapter that unpacks them (WGSL, "Floating Point Evaluation"). Scaling by a power of two rounds
//! nothing, so the kernels divide their sums by 1024 at the very end and give, bit for bit, what they give with
//! f32. Weights in frequencies are no f16 even where the filter's are, so Winograd has f32 alone.

use std::fmt;

use super::{Filter, Variant};
use crate::kernels::feature_map::groups;

/// How the weights of a filter are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Packing {
    /// As they are.
    F32,
    /// Two in a u32, as f16.
    F16,
}

impl Packing {
    /// What a filter is packed as for `variant`: f16 where the kernel can read it and no weight changes, see
    /// [`Filter::is_exact_in_f16`].
    pub fn choose(variant: Variant, is_exact_in_f16: bool) -> Self {
        if variant.reads_halves() && is_exact_in_f16 {
            Self::F16
        } else {
            Self::F32
        }
    }

    /// Bytes of a weight.
    pub fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
        }
    }

    /// The name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
        }
    }
}

impl fmt::Display for Packing {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl Filter {
    /// Whether every weight is an f16 (and below 64). The transposed filter has the same weights.
    pub fn is_exact_in_f16(&self) -> bool {
        self.weight.iter().all(|&weight| half(weight).is_some())
    }
}

/// The bits of 1024·`weight` as f16; none if that is not exact, or subnormal.
fn half(weight: f32) -> Option<u16> {
    const MANTISSA_LOST: u32 = 13;
    let bits = weight.to_bits();
    let sign = (bits >> 16) as u16 & 0x8000;
    let magnitude = bits & 0x7fff_ffff;
    if magnitude == 0 {
        return Some(sign);
    }
    // The bias of f32's exponent is larger by 112, the factor 1024 takes 10 of them.
    let exponent = (magnitude >> 23).checked_sub(102)?;
    let is_exact = magnitude.trailing_zeros() >= MANTISSA_LOST;
    let mantissa = (magnitude >> MANTISSA_LOST) as u16 & 0x3ff;
    (is_exact && (1..=30).contains(&exponent)).then_some(sign | (exponent as u16) << 10 | mantissa)
}

/// Weights as the shader reads them: `[O/4/block][C/4][9][block][4]` vec4 over four output channels, the last
/// index being the input channel, zero where channels pad a group.
pub(super) fn pack(filter: &Filter, block: usize) -> Vec<f32> {
    let (o_groups, c_groups) = (groups(filter.c_out), groups(filter.c_in));
    let mut packed = Vec::with_capacity(o_groups.next_multiple_of(block) * c_groups * 144);
    for first in (0..o_groups).step_by(block) {
        for c_group in 0..c_groups {
            for tap in 0..9 {
                for o_group in first..first + block {
                    for c in 4 * c_group..4 * c_group + 4 {
                        packed.extend((4 * o_group..4 * o_group + 4).map(|o| filter.at(o, c, tap)));
                    }
                }
            }
        }
    }
    packed
}

/// Columns of the weights of `conv3x3_from_rgb_broadcast` per output group: nine taps of three channels, the bias, and four
/// that fill up the loads.
pub(super) const RGB_COLUMNS: usize = 32;

/// Weights as `conv3x3_from_rgb_broadcast` reads them: `[O/4][32]` vec4 over four output channels, column
/// 3·tap + c and then the bias.
pub(super) fn pack_from_rgb(filter: &Filter) -> Vec<f32> {
    let columns = groups(filter.c_out) * RGB_COLUMNS;
    let entries = (0..columns).flat_map(|column| {
        let (group, n) = (column / RGB_COLUMNS, column % RGB_COLUMNS);
        let weight = |o| match n {
            0..27 => filter.at(o, n % 3, n / 3),
            27 => filter.bias.get(o).copied().unwrap_or(0.0),
            _ => 0.0,
        };
        [0, 1, 2, 3].map(|lane| weight(4 * group + lane))
    });
    entries.collect()
}

/// The same as pairs of halves: of each tap, the first half of the block's output groups in the low 16 bits, the
/// second in the high ones. None if a weight changes.
pub(super) fn pack_halves(filter: &Filter, block: usize) -> Option<Vec<u32>> {
    let packed = pack(filter, block);
    let mut pairs = Vec::with_capacity(packed.len() / 2);
    for tap in packed.chunks_exact(16 * block) {
        let (low, high) = tap.split_at(8 * block);
        for (&low, &high) in low.iter().zip(high) {
            pairs.push(u32::from(half(low)?) | u32::from(half(high)?) << 16);
        }
    }
    Some(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_f16_below_64_is_a_normal_half_and_nothing_else_is_taken() {
        for bits in 0..=u16::MAX {
            let weight = half::f16::from_bits(bits).to_f32();
            let expected = (weight.abs() < 64.0).then(|| half::f16::from_f32(1024.0 * weight));
            assert_eq!(half(weight), expected.map(half::f16::to_bits), "{weight}");
            assert!(expected.is_none_or(|half| half.is_normal() || weight == 0.0));
        }
        for weight in [
            0.1,
            1.0 + f32::EPSILON,
            1e-30,
            f32::MIN_POSITIVE / 4.0,
            f32::NAN,
        ] {
            assert_eq!(half(weight), None, "{weight}");
        }
    }

    #[test]
    fn halves_of_a_tap_pair_the_output_groups() {
        let filter = Filter {
            c_in: 1,
            c_out: 8,
            weight: (0..72)
                .map(|index| (index % 9) as f32 + (index / 9) as f32 / 16.0)
                .collect(),
            bias: Vec::new(),
        };
        let pairs = pack_halves(&filter, 2).unwrap();
        assert_eq!(pairs.len(), pack(&filter, 2).len() / 2);
        for tap in 0..9 {
            for o in 0..4 {
                let [low, high] = [o, o + 4].map(|o| half(filter.at(o, 0, tap)).unwrap());
                assert_eq!(pairs[16 * tap + o], u32::from(low) | u32::from(high) << 16);
            }
        }
        assert!(filter.is_exact_in_f16());
        assert_eq!(Packing::choose(Variant::Gemm, true), Packing::F16);
        assert_eq!(Packing::choose(Variant::Winograd, true), Packing::F32);
        let third = Filter {
            weight: vec![1.0 / 3.0; 72],
            ..filter
        };
        assert_eq!(pack_halves(&third, 2), None);
        assert!(!third.is_exact_in_f16());
        assert_eq!(Packing::choose(Variant::Gemm, false), Packing::F32);
    }
}
