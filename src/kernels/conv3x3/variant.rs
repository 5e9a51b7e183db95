//! The variants of the convolution and which of them suits what.

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use super::packing::RGB_COLUMNS;
use super::recording::{BINDINGS_WITH_TEXELS, BINDINGS_WITHOUT_BIAS};
use super::winograd_bands::BLOCK;
use super::{BINDINGS, Filter, Packing, winograd, winograd_filter, winograd_fused, winograd_tiled};
use crate::gpu::{Kernel, Knob, Profile, can_start, fold_workgroups};
use crate::kernels::feature_map::{groups, slices};
use crate::shape::Shape;

/// One pixel and four channels a thread: the lesson.
pub static PLAIN: Kernel = Kernel {
    shader: crate::shader!("conv3x3_plain"),
    entry: "main",
    bindings: BINDINGS,
    needs_subgroups: false,
};
/// A register tile without barriers, weights by subgroup broadcast.
pub static DIRECT: Kernel = Kernel {
    shader: crate::shader!("conv3x3_direct"),
    entry: "main",
    bindings: BINDINGS_WITH_TEXELS,
    needs_subgroups: true,
};
/// The same idea without subgroup operations.
pub static DIRECT_PORTABLE: Kernel = Kernel {
    shader: crate::shader!("conv3x3_direct_portable"),
    entry: "main",
    bindings: BINDINGS,
    needs_subgroups: false,
};
/// Tiles of pixels and weights in workgroup memory, for real GPUs.
pub static GEMM: Kernel = Kernel {
    shader: crate::shader!("conv3x3_gemm"),
    entry: "main",
    bindings: BINDINGS,
    needs_subgroups: false,
};
/// The first layer: one group of input channels.
pub static FROM_RGB: Kernel = Kernel {
    shader: crate::shader!("conv3x3_from_rgb"),
    entry: "main",
    bindings: BINDINGS,
    needs_subgroups: false,
};
/// The same with weights by subgroup broadcast.
pub static FROM_RGB_BROADCAST: Kernel = Kernel {
    shader: crate::shader!("conv3x3_from_rgb_broadcast"),
    entry: "main",
    bindings: BINDINGS_WITHOUT_BIAS,
    needs_subgroups: true,
};
/// The gradient of the first layer: one group of output channels.
pub static TO_RGB: Kernel = Kernel {
    shader: crate::shader!("conv3x3_to_rgb"),
    entry: "main",
    bindings: BINDINGS_WITH_TEXELS,
    needs_subgroups: false,
};

/// A way to compute the convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Variant {
    /// `conv3x3_plain`: runs everything.
    Plain,
    /// `conv3x3_direct`: needs subgroups.
    Direct,
    /// `conv3x3_direct_portable`.
    DirectPortable,
    /// `conv3x3_gemm`: for GPUs with workgroup memory of their own.
    Gemm,
    /// `conv3x3_from_rgb`: up to three input channels.
    FromRgb,
    /// `conv3x3_from_rgb_broadcast`: the same with subgroups and 64-bit integers.
    FromRgbBroadcast,
    /// `conv3x3_to_rgb`: up to four output channels.
    ToRgb,
    /// `conv3x3_winograd_*`: a quarter of the multiplications, a few times the rounding error.
    Winograd,
    /// The same in one kernel, for few channels.
    WinogradFused,
    /// The same with a product for GPUs that have workgroup memory of their own.
    WinogradTiled,
}

/// What distinguishes the tiles of the variants.
struct Tiling {
    /// Pixels across and down that one thread computes.
    pixels: [u32; 2],
    /// Output channel groups that one thread computes; weights are packed in blocks of as many.
    out_groups: u32,
}

/// Threads of a workgroup of [`GEMM`] along columns, rows and output channels.
const GEMM_THREADS: [u32; 3] = [16, 2, 4];

/// Pixels across and down of a workgroup of [`GEMM`].
fn gemm_pixels() -> [u32; 2] {
    let [across, down] = Variant::Gemm.tiling().pixels;
    [across * GEMM_THREADS[0], down * GEMM_THREADS[1]]
}

/// Whether at least half of the pixels in the tiles of [`GEMM`] lie inside a map. On smaller ones its
/// advantage over the direct kernel, which wastes none, is gone.
fn fills_gemm(output: Shape) -> bool {
    let [across, down] = gemm_pixels().map(|pixels| pixels as usize);
    let tiled = output.width.next_multiple_of(across) * output.height.next_multiple_of(down);
    2 * output.pixels() >= tiled
}

/// Whether a map has blocks enough for [`Variant::WinogradFused`], whose workgroup does all channels of a block: with one, a
/// single core is at work, and fewer tiles leave lanes of it idle.
fn keeps_cores_busy(output: Shape) -> bool {
    const FEWEST_BLOCKS: usize = 4;
    let tiles = output.width.div_ceil(4) * output.height.div_ceil(4);
    tiles >= FEWEST_BLOCKS * BLOCK
}

/// The knob of kernels that read weights in f16.
pub const HALVES: Knob = ("HALVES", 1);

fn threads([width, height]: [u32; 2], [across, down]: [u32; 2]) -> u32 {
    width.div_ceil(across) * height.div_ceil(down)
}

impl Variant {
    /// Every variant, from plain to special.
    pub const ALL: [Self; 10] = [
        Self::Plain,
        Self::Direct,
        Self::DirectPortable,
        Self::Gemm,
        Self::FromRgb,
        Self::FromRgbBroadcast,
        Self::ToRgb,
        Self::Winograd,
        Self::WinogradFused,
        Self::WinogradTiled,
    ];

    /// The name in messages and flags.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Direct => "direct",
            Self::DirectPortable => "direct-portable",
            Self::Gemm => "gemm",
            Self::FromRgb => "from-rgb",
            Self::FromRgbBroadcast => "from-rgb-broadcast",
            Self::ToRgb => "to-rgb",
            Self::Winograd => "winograd",
            Self::WinogradFused => "winograd-fused",
            Self::WinogradTiled => "winograd-tiled",
        }
    }

    /// Whether it can compute `filter` onto a map of `output` shape on this adapter.
    pub fn supports(self, adapter: &Profile, filter: &Filter, output: Shape) -> bool {
        if !adapter.can_run(self.kernel()) {
            return false;
        }
        match self {
            Self::Winograd => return winograd::supports(adapter, filter, output),
            Self::WinogradFused => return winograd_fused::supports(adapter, filter, output),
            Self::WinogradTiled => return winograd::fits(adapter, filter, output, true),
            _ => {}
        }
        if !self.starts(output) {
            return false;
        }
        // A slice of a map beyond the binding limit must begin at a whole block of output groups.
        let blocks = slices(output, adapter.binding_limit).is_ok_and(|slices| {
            let block = self.tiling().out_groups as usize;
            slices.iter().all(|slice| slice.first % block == 0)
        });
        blocks
            && match self {
                Self::FromRgb | Self::FromRgbBroadcast => filter.c_in <= 3,
                Self::ToRgb => groups(filter.c_out) == 1,
                _ => true,
            }
    }

    /// Whether one dispatch covers a map of `output` shape: where there is a thread for every few pixels, there can be more
    /// of them than workgroups hold. [`GEMM`] folds its workgroups, Winograd's passes work in bands.
    fn starts(self, output: Shape) -> bool {
        self == Self::Gemm || can_start(self.threads(output))
    }

    /// Whether it rounds no coarser than a direct sum of the products.
    pub fn is_exact(self) -> bool {
        !matches!(
            self,
            Self::Winograd | Self::WinogradFused | Self::WinogradTiled
        )
    }

    /// Whether a 2×2 maximum can be fused into it, see [`super::record_pooled`].
    pub fn pools(self) -> bool {
        matches!(
            self,
            Self::Winograd | Self::WinogradFused | Self::WinogradTiled
        )
    }

    /// Whether `filter` onto a map of `output` shape is what it was made for: maps that fill the workgroups
    /// of the GEMM or the cores of a processor, and channels enough to share the transforms of Winograd.
    pub(super) fn suits(self, adapter: &Profile, filter: &Filter, output: Shape) -> bool {
        match self {
            Self::Gemm => fills_gemm(output),
            Self::Winograd | Self::WinogradTiled => filter.c_in.min(filter.c_out) >= 16,
            Self::WinogradFused => {
                let (fewer, more) = (filter.c_in.min(filter.c_out), filter.c_in.max(filter.c_out));
                // Its frequencies are in a buffer.
                !adapter.prefers_texels
                    && (16..=128).contains(&fewer)
                    && more <= 256
                    && keeps_cores_busy(output)
            }
            _ => true,
        }
    }

    /// Its entry point.
    pub fn kernel(self) -> &'static Kernel {
        match self {
            Self::Plain => &PLAIN,
            Self::Direct => &DIRECT,
            Self::DirectPortable => &DIRECT_PORTABLE,
            Self::Gemm => &GEMM,
            Self::FromRgb => &FROM_RGB,
            Self::FromRgbBroadcast => &FROM_RGB_BROADCAST,
            Self::ToRgb => &TO_RGB,
            Self::Winograd => &winograd::MULTIPLY,
            Self::WinogradFused => &winograd_fused::FUSED,
            Self::WinogradTiled => &winograd_tiled::MULTIPLY_TILED,
        }
    }

    fn tiling(self) -> Tiling {
        let (pixels, out_groups) = match self {
            Self::Plain => ([1, 1], 1),
            Self::Direct => ([4, 4], 4),
            Self::DirectPortable => ([1, 4], 2),
            // Of a thread; a workgroup has GEMM_THREADS of them.
            Self::Gemm => ([1, 4], 2),
            Self::FromRgb => ([4, 2], 4),
            // Of a thread, which has all groups of the output.
            Self::FromRgbBroadcast => ([8, 1], 1),
            Self::ToRgb => ([4, 4], 1),
            // Its own recording counts tiles and packs frequencies.
            Self::Winograd | Self::WinogradFused => ([4, 4], 8),
            Self::WinogradTiled => ([4, 4], 16),
        };
        Tiling { pixels, out_groups }
    }

    /// Whether its kernel reads weights in f16 too. The kernels beside RGB have too few weights to gain by it.
    pub(super) fn reads_halves(self) -> bool {
        matches!(self, Self::Direct | Self::DirectPortable | Self::Gemm)
    }

    /// Output groups per block of the packed weights.
    pub(super) fn packed_groups(self) -> usize {
        match self {
            // Reads one output group after the other, so it needs no blocks.
            Self::FromRgb => 1,
            _ => self.tiling().out_groups as usize,
        }
    }

    /// Whether its kernel can read the input and the weights as texels.
    pub(super) fn reads_texels(self) -> bool {
        matches!(self, Self::Direct | Self::FromRgbBroadcast | Self::ToRgb)
    }

    /// Values for the overrides of its shader; `workgroup` is what the adapter likes, `flags` what the
    /// epilogue does.
    pub(super) fn knobs(self, workgroup: u32, flags: u32, packing: Packing) -> Vec<Knob> {
        let mut knobs = match self {
            Self::Direct | Self::FromRgb | Self::FromRgbBroadcast => {
                vec![("WORKGROUP", workgroup), ("FLAGS", flags)]
            }
            Self::Gemm => ["ACROSS", "DOWN", "DEEP"]
                .into_iter()
                .zip(GEMM_THREADS)
                .collect(),
            _ => vec![("WORKGROUP", workgroup)],
        };
        if packing == Packing::F16 {
            knobs.push(HALVES);
        }
        knobs
    }

    /// Threads that cover a map of `output` shape, for one of its blocks of output groups.
    pub(super) fn threads(self, output: Shape) -> usize {
        let size = [output.width as u32, output.height as u32];
        threads(size, self.tiling().pixels) as usize
    }

    /// Workgroups of `workgroup` threads for an output of `width`×`height` pixels and `o_groups`
    /// channel groups.
    pub(super) fn workgroups(
        self,
        workgroup: u32,
        [width, height, o_groups]: [u32; 3],
    ) -> [u32; 3] {
        let Tiling { pixels, out_groups } = self.tiling();
        if self == Self::Gemm {
            let tiles = threads([width, height], gemm_pixels());
            let [x, z, _] = fold_workgroups(u64::from(tiles));
            return [x, o_groups.div_ceil(out_groups * GEMM_THREADS[2]), z];
        }
        let threads = threads([width, height], pixels);
        let along_groups = match self {
            Self::FromRgbBroadcast => 1,
            _ => o_groups.div_ceil(out_groups),
        };
        [threads.div_ceil(workgroup), along_groups, 1]
    }
}

impl Variant {
    /// Values in the weights of `channels`, C and O, as they lie on the device.
    pub(super) fn packed_len(self, channels: [usize; 2]) -> usize {
        match self {
            Self::Winograd | Self::WinogradFused => winograd_filter::packed_len(channels),
            Self::WinogradTiled => winograd_tiled::packed_len(channels),
            Self::FromRgbBroadcast => groups(channels[1]) * RGB_COLUMNS * 4,
            _ => {
                let [c_groups, o_groups] = channels.map(groups);
                o_groups.next_multiple_of(self.packed_groups()) * c_groups * 144
            }
        }
    }

    /// Bytes of the weights of `channels`, C and O, on the device, and of their bias.
    pub fn weight_bytes(self, packing: Packing, channels: [usize; 2]) -> u64 {
        let bias = size_of::<f32>() * 4 * groups(channels[1]);
        (packing.bytes() * self.packed_len(channels) + bias) as u64
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl FromStr for Variant {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|variant| variant.name() == name)
            .ok_or_else(|| {
                let names: Vec<_> = Self::ALL.map(Self::name).to_vec();
                format!(
                    "there is no variant `{name}`; choose one of {}",
                    names.join(", ")
                )
            })
    }
}
