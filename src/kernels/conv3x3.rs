//! 3×3 convolution, stride 1, padding 1, plus bias; and its gradient, which is the same kernel on turned,
//! transposed weights (and, where the border is replicated, [`replicate`] after it). Variants from plain to fast stand side by side in `shaders/conv3x3_*.wgsl`.

use super::Pass;
use super::feature_map::{self, groups, slices};
use crate::gpu::{Asked, COPIES, Gpu, GpuError, Profile, asked_map};
use crate::shape::Shape;

mod choice;
mod cost;
mod in_bands;
mod job;
mod packing;
mod recording;
pub mod replicate;
pub mod switches;
mod tuning;
mod variant;
pub mod winograd;
pub mod winograd_bands;
mod winograd_filter;
pub mod winograd_fused;
pub mod winograd_tiled;

pub(super) use choice::ON_GPUS;
pub use choice::{Choice, Preference, Reason};
pub use cost::Cost;
pub use packing::Packing;
pub(super) use recording::BINDINGS;
use recording::border_knob;
pub use recording::{Epilogue, record, record_pooled, record_unpooled};
pub use switches::Switches;
pub use tuning::{Measurement, Problem, TuningRow, TuningTable};
pub use variant::{HALVES, Variant};
use winograd_bands::Bands;

/// Frozen weights of one convolution.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    /// C, channels of the input.
    pub c_in: usize,
    /// O, channels of the output.
    pub c_out: usize,
    /// (O, C, 3, 3), row-major.
    pub weight: Vec<f32>,
    /// O values, or none.
    pub bias: Vec<f32>,
}

impl Filter {
    /// A filter of these channels without weights, for choices that depend on shapes alone.
    pub fn on_paper([c_in, c_out]: [usize; 2]) -> Self {
        Self {
            c_in,
            c_out,
            weight: Vec::new(),
            bias: Vec::new(),
        }
    }

    /// Channels of the input and of the output, in a direction.
    pub fn channels(&self, pass: Pass) -> [usize; 2] {
        match pass {
            Pass::Forward => [self.c_in, self.c_out],
            Pass::Gradient => [self.c_out, self.c_in],
        }
    }

    /// The filter whose convolution is this one's gradient with respect to its input: channels
    /// swapped, each 3×3 kernel turned by 180°, no bias.
    pub fn transposed(&self) -> Self {
        let mut weight = vec![0.0; self.weight.len()];
        for o in 0..self.c_out {
            for c in 0..self.c_in {
                for tap in 0..9 {
                    weight[(c * self.c_out + o) * 9 + 8 - tap] =
                        self.weight[(o * self.c_in + c) * 9 + tap];
                }
            }
        }
        Self {
            c_in: self.c_out,
            c_out: self.c_in,
            weight,
            bias: Vec::new(),
        }
    }

    /// The weight from input channel c at `tap` (row-major in the 3×3 kernel) to output channel o;
    /// zero for the channels that pad a group of four.
    pub(crate) fn at(&self, o: usize, c: usize, tap: usize) -> f32 {
        if o < self.c_out && c < self.c_in {
            self.weight[(o * self.c_in + c) * 9 + tap]
        } else {
            0.0
        }
    }
}

impl Variant {
    /// Scratch memory that recording `convolution` asks for; it lives as long as the device does.
    pub fn scratch(self, adapter: &Profile, convolution: &PlannedConvolution) -> Asked {
        let PlannedConvolution {
            maps: [x, y],
            size,
            is_masked,
            packing,
        } = *convolution;
        let channels = [x.channels, y.channels];
        let limit = adapter.binding_limit;
        let bytes = |map| feature_map::first_slice_bytes(map, size, limit);
        match self {
            Self::Winograd | Self::WinogradTiled => {
                let as_texels = adapter.prefers_texels && self == Self::Winograd;
                let mut asked = self.bands(adapter, channels).asked(as_texels);
                if as_texels {
                    asked.push(asked_map(COPIES[0], bytes(x)));
                    asked.extend(is_masked.then(|| asked_map(COPIES[1], bytes(y))));
                }
                asked
            }
            Self::WinogradFused => {
                let bytes = winograd_fused::workspace_bytes(adapter, channels);
                vec![(winograd_bands::SCRATCH, bytes)]
            }
            _ if self.reads_texels() => {
                let weights = self.weight_bytes(packing, channels);
                adapter.read_as_texels([Some(bytes(x)), Some(weights)])
            }
            _ => Vec::new(),
        }
    }

    /// The bands of the variants that work in them.
    fn bands(self, adapter: &Profile, channels: [usize; 2]) -> Bands {
        Bands::new(channels, self == Self::WinogradTiled, adapter.texture_side)
    }

    /// How many dispatches [`record`] makes with `channels`, C and O, onto a map of `output` shape.
    pub fn dispatches(self, adapter: &Profile, channels: [usize; 2], output: Shape) -> usize {
        let limit = adapter.binding_limit;
        match self {
            Self::Winograd | Self::WinogradTiled => {
                return self.bands(adapter, channels).dispatches(output, limit);
            }
            Self::WinogradFused => return winograd_fused::dispatches(adapter, channels, output),
            _ => {}
        }
        let pieces =
            |channels| slices(output.with_channels(channels), limit).map_or(1, |of| of.len());
        pieces(channels[0]) * pieces(channels[1])
    }
}

/// A convolution that is only planned.
#[derive(Clone, Copy, Debug)]
pub struct PlannedConvolution {
    /// Input and output, as they are stored.
    pub maps: [Shape; 2],
    /// W and H of the map before the maximum, where one is fused, and of both maps otherwise.
    pub size: [usize; 2],
    /// Whether a forward map is a mask on the output.
    pub is_masked: bool,
    /// How the weights are stored.
    pub packing: Packing,
}

/// A filter on the device, packed for one variant.
#[derive(Clone, Debug)]
pub struct DeviceFilter {
    variant: Variant,
    packing: Packing,
    c_in: usize,
    c_out: usize,
    has_bias: bool,
    weights: Weights,
    bias: wgpu::Buffer,
}

/// Where the weights lie.
#[derive(Clone, Debug)]
enum Weights {
    /// As [`packing`] makes them.
    Packed(wgpu::Buffer),
    /// In frequencies, for three passes.
    Winograd(Box<winograd::Winograd>),
    /// In frequencies, for one pass.
    Fused(Box<winograd_fused::Fused>),
}

impl DeviceFilter {
    /// Packs and uploads `filter` for `variant`, in f16 where [`Packing::choose`] says so.
    ///
    /// # Errors
    /// No room for it.
    pub fn upload(
        gpu: &Gpu,
        label: &str,
        filter: &Filter,
        variant: Variant,
    ) -> Result<Self, GpuError> {
        let packing = Packing::choose(variant, filter.is_exact_in_f16());
        Self::upload_as(gpu, label, filter, variant, packing)
    }

    /// As [`Self::upload`], but in f32 if `packing` wants that.
    ///
    /// # Errors
    /// As [`Self::upload`].
    pub fn upload_as(
        gpu: &Gpu,
        label: &str,
        filter: &Filter,
        variant: Variant,
        packing: Packing,
    ) -> Result<Self, GpuError> {
        let block = variant.packed_groups();
        let halves = (packing == Packing::F16 && variant.reads_halves())
            .then(|| packing::pack_halves(filter, block))
            .flatten();
        let packing = halves.as_ref().map_or(Packing::F32, |_| Packing::F16);
        let mut bias = filter.bias.clone();
        bias.resize(groups(filter.c_out) * 4, 0.0);
        let weights = match variant {
            Variant::Winograd | Variant::WinogradTiled => {
                let tiled = variant == Variant::WinogradTiled;
                Weights::Winograd(Box::new(winograd::upload(gpu, label, filter, tiled)?))
            }
            Variant::WinogradFused => {
                Weights::Fused(Box::new(winograd_fused::upload(gpu, label, filter)?))
            }
            Variant::FromRgbBroadcast => {
                Weights::Packed(gpu.storage_with(label, &packing::pack_from_rgb(filter))?)
            }
            _ => Weights::Packed(match halves {
                Some(halves) => gpu.storage_with(label, &halves)?,
                None => gpu.storage_with(label, &packing::pack(filter, block))?,
            }),
        };
        Ok(Self {
            variant,
            packing,
            c_in: filter.c_in,
            c_out: filter.c_out,
            has_bias: !filter.bias.is_empty(),
            weights,
            bias: gpu.storage_with(label, &bias)?,
        })
    }

    /// The variant it was packed for.
    pub fn variant(&self) -> Variant {
        self.variant
    }

    /// How the weights are stored.
    pub fn packing(&self) -> Packing {
        self.packing
    }

    /// Bytes on the device.
    pub fn bytes(&self) -> u64 {
        let weights = match &self.weights {
            Weights::Packed(buffer) => buffer.size(),
            Weights::Winograd(winograd) => winograd.bytes(),
            Weights::Fused(fused) => fused.bytes(),
        };
        weights + self.bias.size()
    }
}
