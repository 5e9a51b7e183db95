//! Recording a convolution: in slices of channel groups, or by a variant in frequencies, with the pooling beside it that
//! may be fused into it; and what happens to a sum before it is stored.

use super::job::{Job, Pool};
use super::{DeviceFilter, Switches, Variant, Weights};
use crate::gpu::{Access, BufferView, Command, GpuError, Kernel, Knob, Recorder};
use crate::kernels::feature_map::{FeatureMap, GroupSlice, groups, slices};
use crate::kernels::{ACCUMULATE, BIAS, MASK, Merge, RELU};
use crate::shape::Border;

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

/// Same order as `ConvParams` in the shaders.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
pub(super) struct Params {
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

/// What the variants bind that read buffers alone.
pub(in crate::kernels) const BINDINGS: &[(u32, Access)] = &[
    (0, Access::Uniform),
    (1, Access::Read),
    (2, Access::Read),
    (3, Access::Read),
    (4, Access::ReadWrite),
    (5, Access::Read),
];

/// The same, and the input and the weights as texels.
pub(super) const BINDINGS_WITH_TEXELS: &[(u32, Access)] = &[
    (0, Access::Uniform),
    (1, Access::Read),
    (2, Access::Read),
    (3, Access::Read),
    (4, Access::ReadWrite),
    (5, Access::Read),
    (6, Access::ReadTexels),
    (7, Access::ReadTexels),
];
/// The same where the bias is among the weights.
pub(super) const BINDINGS_WITHOUT_BIAS: &[(u32, Access)] = &[
    (0, Access::Uniform),
    (1, Access::Read),
    (2, Access::Read),
    (4, Access::ReadWrite),
    (5, Access::Read),
    (6, Access::ReadTexels),
    (7, Access::ReadTexels),
];

/// Records y = epilogue(conv(x) + bias), where x goes on beyond its `border` as that says. Maps beyond the binding limit are worked on in slices of
/// channel groups; slices of the input add up in the output.
///
/// # Errors
/// A plane that no binding can hold, or no room for what a variant in frequencies works in.
pub fn record(
    recorder: &mut Recorder<'_>,
    filter: &DeviceFilter,
    border: Border,
    x: &FeatureMap,
    y: &FeatureMap,
    epilogue: Epilogue<'_>,
) -> Result<(), GpuError> {
    let Weights::Packed(weights) = &filter.weights else {
        let pool = Pool::Without;
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
            let mut texels = Vec::new();
            if filter.variant.reads_texels() {
                let knob;
                (texels, knob) =
                    recorder.read_as_texels([&x.view(x_slice), &BufferView::whole(weights)])?;
                command.knobs.extend(knob);
            }
            recorder.push_with_texels(command, texels);
        }
    }
    Ok(())
}

/// Records y = the 2×2 maximum of relu(conv(x) + bias), and the switches of that maximum, by a variant that
/// [pools](super::Variant::pools). x is C×H×W, y O×⌊H/2⌋×⌊W/2⌋. `border` as in [`record`].
///
/// # Errors
/// A plane that no binding can hold, or no room for what a variant in frequencies works in.
pub fn record_pooled(
    recorder: &mut Recorder<'_>,
    filter: &DeviceFilter,
    border: Border,
    [x, y]: [&FeatureMap; 2],
    switches: &Switches,
) -> Result<(), GpuError> {
    let (pool, epilogue) = (Pool::After(switches), Epilogue::default());
    record_winograd(recorder, filter, border, [x, y], epilogue, pool)
}

/// Records the gradient of [`record_pooled`], gx = epilogue(conv(g)) with zeros around g: `gy` where the switches are on, else
/// zero. `filter` is the turned one, of a variant that [pools](super::Variant::pools).
///
/// # Errors
/// A plane that no binding can hold, or no room for what a variant in frequencies works in.
pub fn record_unpooled(
    recorder: &mut Recorder<'_>,
    filter: &DeviceFilter,
    [gy, gx]: [&FeatureMap; 2],
    switches: &Switches,
    epilogue: Epilogue<'_>,
) -> Result<(), GpuError> {
    let pool = Pool::Before(switches);
    record_winograd(recorder, filter, Border::Zero, [gy, gx], epilogue, pool)
}

fn record_winograd(
    recorder: &mut Recorder<'_>,
    filter: &DeviceFilter,
    border: Border,
    [x, y]: [&FeatureMap; 2],
    epilogue: Epilogue<'_>,
    pool: Pool<'_>,
) -> Result<(), GpuError> {
    let job = Job {
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
        Weights::Fused(fused) => fused.record(recorder, &job)?,
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
pub(super) fn border_knob(border: Border) -> Option<Knob> {
    match border {
        Border::Zero => None,
        Border::Replicate => Some(("BORDER", 1)),
        Border::Wrap => Some(("BORDER", 2)),
    }
}

/// A run of input groups onto a run of output groups.
pub(super) struct Part {
    pub x: GroupSlice,
    pub y: GroupSlice,
    pub flags: u32,
    pub workgroup: u32,
}

impl Part {
    /// How many channels of the input and of the output, those that pad a group aside.
    pub(super) fn channels(&self, filter: &DeviceFilter) -> (u64, u64) {
        let channels =
            |slice: GroupSlice, all: usize| (slice.count * 4).min(all - slice.first * 4) as u64;
        (
            channels(self.x, filter.c_in),
            channels(self.y, filter.c_out),
        )
    }
}

pub(super) fn params(filter: &DeviceFilter, x: &FeatureMap, y: &FeatureMap, part: &Part) -> Params {
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
    let mut buffers = vec![x.view(part.x), BufferView::whole(weights)];
    if filter.variant != Variant::FromRgbBroadcast {
        buffers.push(BufferView::whole(&filter.bias));
    }
    buffers.push(y.view(part.y));
    // Unused without the flag, but something must be bound.
    buffers.push(mask.map_or_else(|| BufferView::whole(&filter.bias), |mask| mask.view(part.y)));
    Command {
        kernel,
        knobs: filter
            .variant
            .knobs(part.workgroup, part.flags, filter.packing),
        uniform: bytemuck::bytes_of(&params).to_vec(),
        buffers,
        workgroups: filter
            .variant
            .workgroups(part.workgroup, [width, height, part.y.count as u32]),
        flop: 18 * c * o * pixels,
        bytes: 4 * (c + o) * pixels + filter.packing.bytes() as u64 * 9 * c * o,
    }
}
