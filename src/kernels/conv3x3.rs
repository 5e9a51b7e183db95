//! 3×3 convolution, stride 1, padding 1, plus bias; and its gradient, which is the same kernel on turned,
//! transposed weights (and, where the border is replicated, [`replicate`] after it). Variants from plain to fast stand side by side in `shaders/conv3x3_*.wgsl`.

use super::feature_map::{FeatureMap, GroupSlice, groups, slices};
use super::{ACCUMULATE, BIAS, MASK, Merge, Pass, RELU};
use crate::gpu::{Access, BufferView, Command, Gpu, GpuError, Kernel, Knob, Profile, Recorder};
use crate::shape::{Border, Shape};

mod choice;
mod cost;
mod packing;
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
pub use switches::Switches;
pub use tuning::{Measurement, Problem, TuningRow, TuningTable};
pub use variant::{HALVES, Variant};

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
    /// A filter of these channels without weights, for choices that hang on shapes alone.
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
    /// Scratch memory for `channels`, C and O, that lives as long as the device does.
    pub fn workspace(
        self,
        adapter: &Profile,
        channels: [usize; 2],
    ) -> Option<winograd_bands::Workspace> {
        match self {
            Self::Winograd | Self::WinogradTiled => Some(winograd_bands::workspace(channels)),
            Self::WinogradFused => Some(winograd_fused::workspace(adapter, channels)),
            _ => None,
        }
    }

    /// How many dispatches [`record`] makes with `channels`, C and O, onto a map of `output` shape.
    pub fn dispatches(self, adapter: &Profile, channels: [usize; 2], output: Shape) -> usize {
        let limit = adapter.binding_limit;
        match self {
            Self::Winograd | Self::WinogradTiled => {
                return winograd_bands::dispatches(channels, output, limit);
            }
            Self::WinogradFused => return winograd_fused::dispatches(adapter, channels, output),
            _ => {}
        }
        let pieces =
            |channels| slices(output.with_channels(channels), limit).map_or(1, |of| of.len());
        pieces(channels[0]) * pieces(channels[1])
    }
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
    /// In frequencies, with what the three passes share.
    Winograd(Box<winograd::Winograd>),
    /// In frequencies, with the memory that workgroups work in.
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

/// What happens to the sum before it is stored.
#[derive(Clone, Copy, Debug, Default)]
pub struct Epilogue<'a> {
    /// Clip below zero.
    pub relu: bool,
    /// Add onto what is in the output.
    pub accumulate: bool,
    /// Zero where this map, of the output's shape, is not positive.
    pub mask: Option<&'a FeatureMap>,
}

impl<'a> Epilogue<'a> {
    /// The epilogue of a gradient that joins others; `x` is the forward map for the mask.
    pub fn of_gradient(merge: Merge, x: Option<&'a FeatureMap>) -> Self {
        Self {
            relu: false,
            accumulate: merge.accumulate,
            mask: x.filter(|_| merge.mask),
        }
    }
}

/// Same order as `Params` in the shaders.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Params {
    width: u32,
    height: u32,
    x_plane: u32,
    y_plane: u32,
    c_groups: u32,
    o_groups: u32,
    c_first: u32,
    o_first: u32,
    c_groups_total: u32,
    flags: u32,
    padding: [u32; 2],
}

/// All variants bind the same things.
pub(super) const BINDINGS: &[(u32, Access)] = &[
    (0, Access::Uniform),
    (1, Access::Read),
    (2, Access::Read),
    (3, Access::Read),
    (4, Access::ReadWrite),
    (5, Access::Read),
];

/// Records y = epilogue(conv(x) + bias), where x goes on beyond its `border` as that says. Maps beyond the binding limit are worked on in slices of
/// channel groups; slices of the input add up in the output.
///
/// # Errors
/// A plane that no binding can hold.
pub fn record(
    recorder: &mut Recorder,
    filter: &DeviceFilter,
    border: Border,
    x: &FeatureMap,
    y: &FeatureMap,
    epilogue: Epilogue<'_>,
) -> Result<(), GpuError> {
    let Weights::Packed(weights) = &filter.weights else {
        let pool = winograd::Pool::Without;
        return record_winograd(recorder, filter, border, [x, y], epilogue, pool);
    };
    let limit = recorder.binding_limit();
    let x_slices = slices(x.shape, limit)?;
    for y_slice in slices(y.shape, limit)? {
        for (index, &x_slice) in x_slices.iter().enumerate() {
            let (first, last) = (index == 0, index + 1 == x_slices.len());
            let part = Part {
                x: x_slice,
                y: y_slice,
                flags: flags(filter, epilogue, first, last),
                workgroup: recorder.workgroup_for(filter.variant.threads(y.shape)),
            };
            let mut command = part_command(filter, weights, [x, y], epilogue.mask, part);
            command.knobs.extend(border_knob(border));
            recorder.push(command);
        }
    }
    Ok(())
}

/// Records y = the 2×2 maximum of relu(conv(x) + bias), and the switches of that maximum, by a variant that
/// [pools](Variant::pools). `border` as in [`record`].
///
/// # Errors
/// A plane that no binding can hold.
pub fn record_pooled(
    recorder: &mut Recorder,
    filter: &DeviceFilter,
    border: Border,
    [x, y]: [&FeatureMap; 2],
    switches: &Switches,
) -> Result<(), GpuError> {
    let (pool, epilogue) = (winograd::Pool::After(switches), Epilogue::default());
    record_winograd(recorder, filter, border, [x, y], epilogue, pool)
}

/// Records the gradient of [`record_pooled`], gx = epilogue(conv(g)) with zeros around g: `gy` where the switches are on, else
/// zero. `filter` is the turned one, of a variant that [pools](Variant::pools).
///
/// # Errors
/// A plane that no binding can hold.
pub fn record_unpooled(
    recorder: &mut Recorder,
    filter: &DeviceFilter,
    [gy, gx]: [&FeatureMap; 2],
    switches: &Switches,
    epilogue: Epilogue<'_>,
) -> Result<(), GpuError> {
    let pool = winograd::Pool::Before(switches);
    record_winograd(recorder, filter, Border::Zero, [gy, gx], epilogue, pool)
}

fn record_winograd(
    recorder: &mut Recorder,
    filter: &DeviceFilter,
    border: Border,
    [x, y]: [&FeatureMap; 2],
    epilogue: Epilogue<'_>,
    pool: winograd::Pool<'_>,
) -> Result<(), GpuError> {
    let job = winograd::Job {
        bias: &filter.bias,
        border,
        x,
        y,
        mask: epilogue.mask,
        flags: flags(filter, epilogue, true, true),
        pool,
    };
    match &filter.weights {
        Weights::Winograd(winograd) => winograd.record(recorder, &job)?,
        Weights::Fused(fused) => fused.record(recorder, &job),
        // `record` keeps these, and `Variant::pools` is false for them.
        Weights::Packed(_) => unreachable!("only variants in frequencies pool"),
    }
    Ok(())
}

/// What the epilogue does after the first and after the last slice of the input.
fn flags(filter: &DeviceFilter, epilogue: Epilogue<'_>, first: bool, last: bool) -> u32 {
    let flag = |condition: bool, bit: u32| if condition { bit } else { 0 };
    flag(first && filter.has_bias, BIAS)
        | flag(!first || epilogue.accumulate, ACCUMULATE)
        | flag(last && epilogue.relu, RELU)
        | flag(last && epilogue.mask.is_some(), MASK)
}

/// The knob of every kernel that reads windows; zeros are what they do without it.
fn border_knob(border: Border) -> Option<Knob> {
    match border {
        Border::Zero => None,
        Border::Replicate => Some(("BORDER", 1)),
        Border::Wrap => Some(("BORDER", 2)),
    }
}

/// A run of input groups onto a run of output groups.
struct Part {
    x: GroupSlice,
    y: GroupSlice,
    flags: u32,
    workgroup: u32,
}

impl Part {
    /// How many channels of the input and of the output, those that pad a group aside.
    fn channels(&self, filter: &DeviceFilter) -> (u64, u64) {
        let channels =
            |slice: GroupSlice, all: usize| (slice.count * 4).min(all - slice.first * 4) as u64;
        (
            channels(self.x, filter.c_in),
            channels(self.y, filter.c_out),
        )
    }
}

fn params(filter: &DeviceFilter, x: &FeatureMap, y: &FeatureMap, part: &Part) -> Params {
    Params {
        width: y.shape.width as u32,
        height: y.shape.height as u32,
        x_plane: x.plane(),
        y_plane: y.plane(),
        c_groups: part.x.count as u32,
        o_groups: part.y.count as u32,
        c_first: part.x.first as u32,
        o_first: part.y.first as u32,
        c_groups_total: groups(filter.c_in) as u32,
        flags: part.flags,
        padding: [0; 2],
    }
}

fn part_command(
    filter: &DeviceFilter,
    weights: &wgpu::Buffer,
    [x, y]: [&FeatureMap; 2],
    mask: Option<&FeatureMap>,
    part: Part,
) -> Command {
    let kernel: &'static Kernel = filter.variant.kernel();
    let (width, height) = (y.shape.width as u32, y.shape.height as u32);
    let params = params(filter, x, y, &part);
    let (c, o) = part.channels(filter);
    let pixels = y.shape.pixels() as u64;
    Command {
        kernel,
        knobs: filter
            .variant
            .knobs(part.workgroup, part.flags, filter.packing),
        uniform: bytemuck::bytes_of(&params).to_vec(),
        buffers: vec![
            x.view(part.x),
            BufferView::whole(weights),
            BufferView::whole(&filter.bias),
            y.view(part.y),
            // Unused without the flag, but something must be bound.
            mask.map_or_else(|| BufferView::whole(&filter.bias), |mask| mask.view(part.y)),
        ],
        workgroups: filter
            .variant
            .workgroups(part.workgroup, [width, height, part.y.count as u32]),
        flop: 18 * c * o * pixels,
        bytes: 4 * (c + o) * pixels + filter.packing.bytes() as u64 * 9 * c * o,
    }
}
