//! The three passes of [`super::winograd`] in one kernel, for software adapters and maps of few channels.

use super::job::{Job, Pool};
use super::winograd::OUT_GROUPS;
use super::winograd_bands::{BLOCK, Bands, FREQUENCIES, MOST_ROWS, SCRATCH};
use super::{Cost, Filter, border_knob, winograd_filter};
use crate::gpu::{
    Access, BufferView, Command, Gpu, GpuError, Kernel, Knob, Profile, Recorder, Texels,
};
use crate::kernels::feature_map::{GroupSlice, groups, slices};
use crate::shape::Shape;

/// All of it: windows to frequencies, products, frequencies to tiles, epilogue.
pub static FUSED: Kernel = Kernel {
    shader: crate::shader!("conv3x3_winograd_fused"),
    entry: "main",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (2, Access::ReadTexels),
        (3, Access::ReadWrite),
        (4, Access::Read),
        (5, Access::ReadWrite),
        (6, Access::Read),
    ],
    needs_subgroups: true,
};
/// The same with bias, ReLU and maximum for an epilogue.
pub static POOLED: Kernel = Kernel {
    shader: crate::shader!("conv3x3_winograd_fused"),
    entry: "pooled",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (2, Access::ReadTexels),
        (3, Access::ReadWrite),
        (4, Access::Read),
        (5, Access::ReadWrite),
        (7, Access::ReadWrite),
    ],
    needs_subgroups: true,
};
/// The same for the gradient of a maximum, spread out by its switches.
pub static UNPOOLED: Kernel = Kernel {
    shader: crate::shader!("conv3x3_winograd_fused"),
    entry: "unpooled",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (2, Access::ReadTexels),
        (3, Access::ReadWrite),
        (4, Access::Read),
        (5, Access::ReadWrite),
        (6, Access::Read),
        (7, Access::ReadWrite),
    ],
    needs_subgroups: true,
};

/// Threads of a workgroup.
const LANES: usize = 8;
/// Turns that the loops of a thread may do, all taken together: Mesa's software driver leaves them without a word
/// after 65 535.
const MOST_TURNS: usize = 65_000;
/// With run-time checks the compiler keeps loops of few turns that it unrolls otherwise; at most so many times the
/// turns are counted then.
const CHECKED_TURNS: usize = 128;
/// More processors than this are not used: Mesa's software driver has no more threads.
const MOST_WORKGROUPS: usize = 32;

/// Same order as `FusedParams` in the shader.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Params {
    width: u32,
    height: u32,
    x_plane: u32,
    y_plane: u32,
    first_block: u32,
    end_block: u32,
    workgroups: u32,
    c_groups: u32,
    o_groups: u32,
    padding: [u32; 3],
}

/// A filter in frequencies.
#[derive(Clone, Debug)]
pub(super) struct Fused {
    c_in: usize,
    c_out: usize,
    workgroups: usize,
    /// Blocks that a workgroup may do in one dispatch.
    most_blocks: usize,
    u: Texels,
}

/// Workgroups, one for each processor: more would only take each other's scratch out of the cache.
fn workgroups(adapter: &Profile) -> usize {
    adapter.processors.min(MOST_WORKGROUPS)
}

/// Bytes of the frequencies of a block: all of the input's, and those of one round of the output's.
fn scratch_bytes(c_in: usize) -> usize {
    FREQUENCIES * (groups(c_in) + OUT_GROUPS) * BLOCK * 16
}

/// Turns of all loops of the shader for one block; the one in which a loop ends counts too.
fn turns(adapter: &Profile, [c_in, c_out]: [usize; 2]) -> usize {
    let per_thread = BLOCK / LANES;
    let windows = groups(c_in) * per_thread + 1;
    let products = FREQUENCIES * (1 + groups(c_in) + 1) + 1;
    let tiles = OUT_GROUPS * per_thread + 1;
    let rounds = groups(c_out).div_ceil(OUT_GROUPS);
    let turns = 1 + windows + rounds * (1 + products + tiles) + 1;
    turns * if adapter.is_checked { CHECKED_TURNS } else { 1 }
}

/// Whether it can run here, which takes maps of one binding each.
pub(super) fn supports(adapter: &Profile, filter: &Filter, output: Shape) -> bool {
    let limit = adapter.binding_limit;
    let channels = [filter.c_in, filter.c_out];
    let whole = |map: Shape| slices(map, limit).is_ok_and(|slices| slices.len() == 1);
    adapter.is_software
        && adapter.can_run(&FUSED)
        && winograd_filter::fits_texels(adapter, filter)
        && turns(adapter, channels) <= MOST_TURNS
        && workspace_bytes(adapter, channels) <= limit
        && whole(output)
        && whole(output.with_channels(filter.c_in))
}

/// Bytes of [`SCRATCH`] that `channels`, C and O, need.
pub(super) fn workspace_bytes(adapter: &Profile, [c_in, _]: [usize; 2]) -> u64 {
    (workgroups(adapter) * scratch_bytes(c_in)) as u64
}

/// Blocks that a workgroup may do in one dispatch.
fn most_blocks(adapter: &Profile, channels: [usize; 2]) -> usize {
    (MOST_TURNS / turns(adapter, channels)).max(1)
}

/// Blocks of each dispatch onto a map of `size`: equal shares, in whole rounds of the workgroups.
fn share(size: [usize; 2], workgroups: usize, most_blocks: usize) -> usize {
    let blocks = blocks(size);
    let workgroups = workgroups.min(blocks);
    let dispatches = blocks.div_ceil(workgroups * most_blocks);
    blocks.div_ceil(dispatches).next_multiple_of(workgroups)
}

/// Dispatches that [`Fused::record`] makes onto a map of `output` shape.
pub(super) fn dispatches(adapter: &Profile, channels: [usize; 2], output: Shape) -> usize {
    let size = [output.width, output.height];
    let most_blocks = most_blocks(adapter, channels);
    blocks(size).div_ceil(share(size, workgroups(adapter), most_blocks))
}

/// Transforms and uploads `filter`.
///
/// # Errors
/// No room for it.
pub(super) fn upload(gpu: &Gpu, label: &str, filter: &Filter) -> Result<Fused, GpuError> {
    let (adapter, channels) = (gpu.profile(), [filter.c_in, filter.c_out]);
    Ok(Fused {
        c_in: filter.c_in,
        c_out: filter.c_out,
        workgroups: workgroups(adapter),
        most_blocks: most_blocks(adapter, channels),
        u: winograd_filter::upload_texels(gpu, label, filter)?,
    })
}

impl Fused {
    /// Bytes of the weights on the device.
    pub(super) fn bytes(&self) -> u64 {
        self.u.bytes()
    }

    /// Records the convolution, in as many dispatches as the driver's patience with loops makes necessary. The memory that
    /// the workgroups work in is shared with other convolutions.
    ///
    /// # Errors
    /// No room for that.
    pub(super) fn record(
        &self,
        recorder: &mut Recorder<'_>,
        job: &Job<'_>,
    ) -> Result<(), GpuError> {
        let gpu = recorder.gpu();
        let bytes = workspace_bytes(gpu.profile(), [self.c_in, self.c_out]);
        let scratch = gpu.scratch(SCRATCH, bytes)?;
        let blocks = blocks(job.size());
        let share = share(job.size(), self.workgroups, self.most_blocks);
        for first in (0..blocks).step_by(share) {
            self.push(recorder, job, &scratch, [first, blocks.min(first + share)]);
        }
        Ok(())
    }

    fn push(
        &self,
        recorder: &mut Recorder<'_>,
        job: &Job<'_>,
        scratch: &wgpu::Buffer,
        [first, end]: [usize; 2],
    ) {
        let [width, height] = job.size();
        let workgroups = self.workgroups.min(end - first);
        let params = Params {
            width: width as u32,
            height: height as u32,
            x_plane: job.x.plane(),
            y_plane: job.y.plane(),
            first_block: first as u32,
            end_block: end as u32,
            workgroups: workgroups as u32,
            c_groups: groups(self.c_in) as u32,
            o_groups: groups(self.c_out) as u32,
            padding: [0; 3],
        };
        let whole = |channels| GroupSlice {
            first: 0,
            count: groups(channels),
        };
        let scratch_bytes = (workgroups * scratch_bytes(self.c_in)) as u64;
        let bias = BufferView::whole(job.bias);
        let cost = cost([self.c_in, self.c_out], [width, height]);
        let all = blocks([width, height]) as u64;
        let share = |figure: u64| figure * end as u64 / all - figure * first as u64 / all;
        let mut buffers = vec![
            job.x.view(whole(self.c_in)),
            BufferView::first(scratch, scratch_bytes),
            bias.clone(),
            job.y.view(whole(self.c_out)),
        ];
        let mut knobs: Vec<Knob> = border_knob(job.border).into_iter().collect();
        let kernel = match job.pool {
            Pool::After(switches) => {
                buffers.push(switches.view(whole(self.c_out)));
                &POOLED
            }
            Pool::Without | Pool::Before(_) => {
                knobs.push(("FLAGS", job.flags));
                // Unused without the flag, but something must be bound.
                buffers.push(job.mask.map_or(bias, |mask| mask.view(whole(self.c_out))));
                &FUSED
            }
        };
        let kernel = match job.pool {
            Pool::Before(switches) => {
                buffers.push(switches.view(whole(self.c_in)));
                &UNPOOLED
            }
            Pool::Without | Pool::After(_) => kernel,
        };
        let command = Command {
            kernel,
            knobs,
            uniform: bytemuck::bytes_of(&params).to_vec(),
            buffers,
            workgroups: [workgroups as u32, 1, 1],
            flop: share(cost.flop),
            bytes: share(cost.bytes),
        };
        recorder.push_with_texels(command, vec![self.u.clone()]);
        recorder.set_real_flop(share(cost.real_flop));
    }
}

/// Blocks of tiles that cover a map.
fn blocks([width, height]: [usize; 2]) -> usize {
    (width.div_ceil(4) * height.div_ceil(4)).div_ceil(BLOCK)
}

/// On paper: the operations of the three passes; of the memory only what does not stay in the cache.
pub(super) fn cost(channels: [usize; 2], [width, height]: [usize; 2]) -> Cost {
    let [c_in, c_out] = channels;
    let weights = winograd_filter::packed_len(channels);
    let blocks = blocks([width, height]);
    let maps = (4 * (groups(c_in) + groups(c_out))) * width * height;
    Cost {
        flop: (18 * c_in * c_out * width * height) as u64,
        bytes: (4 * (maps + blocks * weights)) as u64,
        ..Bands::new(channels, false, MOST_ROWS as u32).cost(weights, [width, height])
    }
}
