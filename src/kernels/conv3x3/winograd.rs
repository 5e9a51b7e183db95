//! Winograd's F(4×4, 3×3) in three passes (Lavin & Gray, arXiv 1509.09308): transform the windows of a
//! band of 4×4 tiles, multiply in each of the 36 frequencies, transform back with the epilogue.
//!
//! At the points 0, ±√2/2, ±√2, ∞, whose rounding error is a few times smaller than that of the usual
//! 0, ±1, ±2, ∞ (Barabasz et al., arXiv 1803.10986). The filter is transformed once, in f64.

use super::in_bands::InBands;
use super::job::{Job, Pool};
use super::winograd_bands::{
    Bands, FREQUENCIES, INPUT_FLOP, OUTPUT_FLOP, product_flop, tile_bytes,
};
use super::{Filter, border_knob, winograd_filter, winograd_tiled};
use crate::gpu::{
    Access, BufferView, COPIES, Command, Gpu, GpuError, Kernel, Profile, Recorder, Texels,
};
use crate::kernels::feature_map::{GroupSlice, groups, slices};
use crate::shape::Shape;

/// Windows to frequencies.
pub static INPUT: Kernel = Kernel {
    shader: crate::shader!("conv3x3_winograd_input"),
    entry: "main",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (2, Access::WriteTexels),
        (4, Access::ReadTexels),
    ],
    needs_subgroups: false,
};
/// The same for the gradient of a maximum, spread out by its switches.
pub static INPUT_UNPOOLED: Kernel = Kernel {
    shader: crate::shader!("conv3x3_winograd_input"),
    entry: "unpooled",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (2, Access::WriteTexels),
        (3, Access::Read),
        (4, Access::ReadTexels),
    ],
    needs_subgroups: false,
};
/// One product of matrices per frequency.
pub static MULTIPLY: Kernel = Kernel {
    shader: crate::shader!("conv3x3_winograd_multiply"),
    entry: "main",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::ReadTexels),
        (2, Access::ReadTexels),
        (3, Access::ReadWrite),
        (4, Access::WriteTexels),
    ],
    needs_subgroups: true,
};
/// Frequencies to tiles, then the epilogue.
pub static OUTPUT: Kernel = Kernel {
    shader: crate::shader!("conv3x3_winograd_output"),
    entry: "main",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (2, Access::Read),
        (3, Access::ReadWrite),
        (4, Access::Read),
        (6, Access::ReadTexels),
        (7, Access::ReadTexels),
    ],
    needs_subgroups: false,
};

/// The same with bias, ReLU and maximum for an epilogue.
pub static OUTPUT_POOLED: Kernel = Kernel {
    shader: crate::shader!("conv3x3_winograd_output"),
    entry: "pooled",
    bindings: &[
        (0, Access::Uniform),
        (1, Access::Read),
        (2, Access::Read),
        (3, Access::ReadWrite),
        (5, Access::ReadWrite),
        (6, Access::ReadTexels),
    ],
    needs_subgroups: false,
};

/// Output channel groups of a thread of [`MULTIPLY`].
pub(super) const OUT_GROUPS: usize = 8;
/// Threads of a workgroup of [`MULTIPLY`].
const WORKGROUP: usize = 8;
/// Tiles that a thread of [`MULTIPLY`] may take.
const TILES: [usize; 3] = [8, 4, 2];
/// Same order as `WinogradParams` in the shaders.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
pub(super) struct Params {
    width: u32,
    height: u32,
    x_plane: u32,
    y_plane: u32,
    first_tile: u32,
    pub(super) tiles: u32,
    v_step: u32,
    m_stride: u32,
    c_groups: u32,
    pub(super) o_groups: u32,
    c_first: u32,
    o_first: u32,
}

/// A filter in frequencies.
#[derive(Clone, Debug)]
pub(super) struct Winograd {
    c_in: usize,
    c_out: usize,
    u: Weights,
}

/// The frequencies of the filter, packed for one of the two products.
#[derive(Clone, Debug)]
enum Weights {
    /// For [`MULTIPLY`].
    Broadcast(Texels),
    /// For [`winograd_tiled::MULTIPLY_TILED`].
    Tiled(wgpu::Buffer),
}

/// Whether the three passes can run with [`MULTIPLY`]: on software adapters, for which it was made.
pub(super) fn supports(adapter: &Profile, filter: &Filter, output: Shape) -> bool {
    adapter.is_software
        && winograd_filter::fits_texels(adapter, filter)
        && fits(adapter, filter, output, false)
}

/// Whether the maps and the frequencies of a band can be bound.
pub(super) fn fits(adapter: &Profile, filter: &Filter, output: Shape, is_tiled: bool) -> bool {
    let limit = adapter.binding_limit;
    let bands = Bands::new([filter.c_in, filter.c_out], is_tiled, adapter.texture_side);
    let [columns, rows] = bands.v_size();
    adapter.fits_texels(columns, rows)
        && bands.m_bytes() <= limit
        && slices(output, limit).is_ok()
        && slices(output.with_channels(filter.c_in), limit).is_ok()
}

/// Transforms and uploads `filter` for the product in tiles or for the other one.
///
/// # Errors
/// No room for it.
pub(super) fn upload(
    gpu: &Gpu,
    label: &str,
    filter: &Filter,
    tiled: bool,
) -> Result<Winograd, GpuError> {
    Ok(Winograd {
        c_in: filter.c_in,
        c_out: filter.c_out,
        u: if tiled {
            Weights::Tiled(gpu.storage_with(label, &winograd_tiled::pack(filter))?)
        } else {
            Weights::Broadcast(winograd_filter::upload_texels(gpu, label, filter)?)
        },
    })
}

impl Winograd {
    /// Bytes of the weights on the device.
    pub(super) fn bytes(&self) -> u64 {
        match &self.u {
            Weights::Broadcast(texels) => texels.bytes(),
            Weights::Tiled(buffer) => buffer.size(),
        }
    }

    /// Records the three passes for every band of tiles. Maps beyond the binding limit are transformed in
    /// slices of channel groups; their frequencies are together.
    ///
    /// # Errors
    /// A plane that no binding can hold, or no room for the frequencies of a band.
    pub(super) fn record(
        &self,
        recorder: &mut Recorder<'_>,
        job: &Job<'_>,
    ) -> Result<(), GpuError> {
        let (limit, gpu) = (recorder.binding_limit(), recorder.gpu());
        let channels = [self.c_in, self.c_out];
        let work = InBands::new(gpu, job, channels, self.is_tiled())?;
        let x_slices = job.slices(self.c_in, limit)?;
        let y_slices = job.slices(self.c_out, limit)?;
        let [width, height] = job.size();
        let all_tiles = width.div_ceil(4) * height.div_ceil(4);
        let band = work.bands.tiles();
        for first in (0..all_tiles).step_by(band) {
            let tiles = band.min(all_tiles - first);
            for &slice in &x_slices {
                let params = self.params(&work, first, tiles, slice, y_slices[0]);
                let view = job.x.view(slice);
                let x = work.texels(recorder, COPIES[0], view, first == 0 || x_slices.len() > 1)?;
                self.push_input(recorder, &work, params, slice, x);
            }
            let params = self.params(&work, first, tiles, x_slices[0], y_slices[0]);
            self.push_multiply(recorder, &work, params, all_tiles);
            for &slice in &y_slices {
                let params = self.params(&work, first, tiles, x_slices[0], slice);
                let mask = match job.mask {
                    Some(mask) => {
                        let view = mask.view(slice);
                        work.texels(recorder, COPIES[1], view, first == 0 || y_slices.len() > 1)?
                    }
                    None => work.unused.clone(),
                };
                self.push_output(recorder, &work, params, slice, mask);
            }
        }
        Ok(())
    }

    fn params(
        &self,
        work: &InBands<'_>,
        first: usize,
        tiles: usize,
        x: GroupSlice,
        y: GroupSlice,
    ) -> Params {
        let job = work.job;
        let [width, height] = job.size();
        Params {
            width: width as u32,
            height: height as u32,
            x_plane: job.x.plane(),
            y_plane: job.y.plane(),
            first_tile: first as u32,
            tiles: tiles as u32,
            v_step: work.bands.v_rows() as u32,
            m_stride: work.m_stride(),
            c_groups: groups(self.c_in) as u32,
            o_groups: groups(self.c_out) as u32,
            c_first: x.first as u32,
            o_first: y.first as u32,
        }
    }

    fn push_input(
        &self,
        recorder: &mut Recorder<'_>,
        work: &InBands<'_>,
        params: Params,
        x: GroupSlice,
        x_texels: Texels,
    ) {
        let threads = transform_threads(params.tiles);
        let window_bytes = params.tiles as usize * 16 * x.count * FREQUENCIES;
        let mut buffers = vec![work.job.x.view(x)];
        let kernel = match work.job.pool {
            Pool::Before(switches) => {
                buffers.push(switches.view(x));
                &INPUT_UNPOOLED
            }
            Pool::Without | Pool::After(_) => &INPUT,
        };
        let command = Command {
            kernel,
            knobs: [("WORKGROUP", threads)]
                .into_iter()
                .chain(work.knob())
                .chain(border_knob(work.job.border))
                .collect(),
            uniform: bytemuck::bytes_of(&params).to_vec(),
            buffers,
            workgroups: [params.tiles.div_ceil(threads), x.count as u32, 1],
            flop: 0,
            bytes: 2 * window_bytes as u64,
        };
        recorder.push_with_texels(command, vec![work.v.clone(), x_texels]);
        let windows = params.tiles as usize * 4 * x.count;
        recorder.set_real_flop((windows * INPUT_FLOP) as u64);
    }

    fn push_multiply(
        &self,
        recorder: &mut Recorder<'_>,
        work: &InBands<'_>,
        params: Params,
        all_tiles: usize,
    ) {
        let tiles = params.tiles as usize;
        // By the definition of the convolution, shared out over the bands by their tiles.
        let [width, height] = work.job.size();
        let flop = (18 * self.c_in * self.c_out * width * height) as u64;
        let share = |end: usize| flop * end as u64 / all_tiles as u64;
        let first = params.first_tile as usize;
        let (m, m_texels) = work.m();
        let (kernel, knobs, workgroups, buffers, texels) = match &self.u {
            Weights::Broadcast(u) => {
                let per_thread = tiles_per_thread(tiles);
                let workgroups = [
                    tiles.div_ceil(WORKGROUP * per_thread) as u32,
                    params.o_groups.div_ceil(OUT_GROUPS as u32),
                    FREQUENCIES as u32,
                ];
                let mut knobs = vec![
                    ("WORKGROUP", WORKGROUP as u32),
                    ("TILES", per_thread as u32),
                ];
                knobs.extend(work.knob());
                let texels = vec![work.v.clone(), u.clone(), m_texels];
                (&MULTIPLY, knobs, workgroups, vec![m], texels)
            }
            Weights::Tiled(u) => {
                let buffers = vec![BufferView::whole(u), m];
                let workgroups = winograd_tiled::workgroups(&params);
                let texels = vec![work.v.clone()];
                (
                    &winograd_tiled::MULTIPLY_TILED,
                    Vec::new(),
                    workgroups,
                    buffers,
                    texels,
                )
            }
        };
        let command = Command {
            kernel,
            knobs,
            uniform: bytemuck::bytes_of(&params).to_vec(),
            buffers,
            workgroups,
            flop: share(first + tiles) - share(first),
            bytes: (tiles * (tile_bytes(self.c_in) + tile_bytes(self.c_out))) as u64 + self.bytes(),
        };
        recorder.push_with_texels(command, texels);
        recorder.set_real_flop(product_flop(self.c_in, self.c_out, tiles) as u64);
    }

    /// Whether its product is the one for GPUs, which knows no texels but those of the input.
    fn is_tiled(&self) -> bool {
        matches!(self.u, Weights::Tiled(_))
    }

    fn push_output(
        &self,
        recorder: &mut Recorder<'_>,
        work: &InBands<'_>,
        params: Params,
        y: GroupSlice,
        mask_texels: Texels,
    ) {
        let threads = transform_threads(params.tiles);
        let bias = BufferView::whole(work.job.bias);
        let mut knobs = vec![("WORKGROUP", threads)];
        knobs.extend(work.knob());
        let (m, m_texels) = work.m();
        let mut buffers = vec![m, bias.clone(), work.job.y.view(y)];
        let mut texels = vec![m_texels];
        let (kernel, stored) = match work.job.pool {
            Pool::After(switches) => {
                buffers.push(switches.view(y));
                (&OUTPUT_POOLED, 4)
            }
            Pool::Without | Pool::Before(_) => {
                knobs.push(("FLAGS", work.job.flags));
                // Unused without the flag, but something must be bound.
                buffers.push(work.job.mask.map_or(bias, |mask| mask.view(y)));
                texels.push(mask_texels);
                (&OUTPUT, 16)
            }
        };
        let command = Command {
            kernel,
            knobs,
            uniform: bytemuck::bytes_of(&params).to_vec(),
            buffers,
            workgroups: [params.tiles.div_ceil(threads), y.count as u32, 1],
            flop: 0,
            bytes: (params.tiles as usize * 16 * y.count * (FREQUENCIES + stored)) as u64,
        };
        recorder.push_with_texels(command, texels);
        let blocks = params.tiles as usize * 4 * y.count;
        recorder.set_real_flop((blocks * OUTPUT_FLOP) as u64);
    }
}

/// Threads of a workgroup of the transforms: as many as there are tiles, up to 64. Eight at a time, the input
/// passes of a VGG-19 step at 256² took 143 ms on Mesa's software driver instead of 109.
fn transform_threads(tiles: u32) -> u32 {
    tiles.next_power_of_two().clamp(8, 64)
}

/// Tiles of a thread of [`MULTIPLY`]: the more the better, as long as they are there.
fn tiles_per_thread(tiles: usize) -> usize {
    let waste = |per_thread: usize| tiles.next_multiple_of(WORKGROUP * per_thread) - tiles;
    let few = |&per_thread: &usize| 4 * waste(per_thread) <= tiles;
    TILES.into_iter().find(few).unwrap_or(TILES[2])
}
