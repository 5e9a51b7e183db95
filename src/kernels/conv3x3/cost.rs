//! What a variant costs on paper, known without an adapter.

use super::winograd_bands::{Bands, MOST_ROWS};
use super::{Packing, Variant, winograd_fused};

/// Operations and traffic of one convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Arithmetic operations by the definition: 18·C·O·H·W.
    pub flop: u64,
    /// Arithmetic operations that are really done.
    pub real_flop: u64,
    /// Bytes of storage that must at least be read and written, workspace included.
    pub bytes: u64,
}

impl Cost {
    /// Real operations per byte: where it stands on a roofline.
    pub fn intensity(&self) -> f64 {
        self.real_flop as f64 / self.bytes as f64
    }
}

impl Variant {
    /// The cost of `channels`, C and O, on a map of `width`×`height`, each map in one binding. What works in
    /// frequencies has its weights in f32, whatever `packing` says.
    pub fn cost(self, packing: Packing, channels: [usize; 2], [width, height]: [usize; 2]) -> Cost {
        let [c_in, c_out] = channels;
        let pixels = width * height;
        let flop = (18 * c_in * c_out * pixels) as u64;
        match self {
            Self::Winograd | Self::WinogradTiled => {
                let bands = Bands::new(channels, self == Self::WinogradTiled, MOST_ROWS as u32);
                Cost {
                    flop,
                    ..bands.cost(self.packed_len(channels), [width, height])
                }
            }
            Self::WinogradFused => winograd_fused::cost(channels, [width, height]),
            _ => Cost {
                flop,
                real_flop: flop,
                bytes: (4 * (c_in + c_out) * pixels + packing.bytes() * 9 * c_in * c_out) as u64,
            },
        }
    }
}
