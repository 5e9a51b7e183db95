//! The way back through a Gram matrix (`shaders/gram_gradient.wgsl`, or its twin without subgroups).

use super::matrix_bytes;
use crate::gpu::{Access, Asked, BufferView, Command, Gpu, GpuError, Kernel, Profile, Recorder};
use crate::kernels::feature_map::{
    FeatureMap, GroupSlice, bytes, first_slice_bytes, groups, slices,
};
use crate::kernels::weighted::{Weighted, weighted, weights_or};
use crate::kernels::{ACCUMULATE, MASK, MEAN, Merge};
use crate::shape::Shape;

const BINDINGS_WITH_TEXELS: &[(u32, Access)] = &[
    (0, Access::Uniform),
    (1, Access::Read),
    (2, Access::Read),
    (4, Access::ReadWrite),
    (5, Access::Read),
    (6, Access::Read),
    (7, Access::ReadTexels),
    (8, Access::ReadTexels),
    (9, Access::ReadTexels),
];
const BINDINGS: &[(u32, Access)] = &[
    (0, Access::Uniform),
    (1, Access::Read),
    (2, Access::Read),
    (4, Access::ReadWrite),
    (5, Access::Read),
    (6, Access::Read),
];

/// gF (+)= 2/M · gG·F, gG by subgroup broadcast, loads of 64 bits.
pub static GRADIENT: Kernel = Kernel {
    shader: crate::shader!("gram_gradient"),
    entry: "main",
    bindings: BINDINGS_WITH_TEXELS,
    needs_subgroups: true,
};

/// The same without subgroup operations and 64-bit integers.
pub static GRADIENT_PORTABLE: Kernel = Kernel {
    shader: crate::shader!("gram_gradient_portable"),
    entry: "main",
    bindings: BINDINGS,
    needs_subgroups: false,
};

/// Same order as `GramGradientParams` in the shaders.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct GramGradientParams {
    pixels: u32,
    x_plane: u32,
    y_plane: u32,
    c_groups: u32,
    o_groups: u32,
    c_first: u32,
    o_first: u32,
    c_groups_total: u32,
    flags: u32,
    scale: f32,
    padding: [u32; 2],
}

/// Records gf (+)= 2/M · gg·F·T for a symmetric gg, which every loss on a Gram matrix has, and M positions.
///
/// # Errors
/// A plane that no binding can hold.
pub fn gradient(
    recorder: &mut Recorder<'_>,
    gpu: &Gpu,
    gg: &wgpu::Buffer,
    source: Weighted<'_>,
    gf: &FeatureMap,
    positions: usize,
    merge: Merge,
) -> Result<(), GpuError> {
    let matrix = BufferView::first(gg, matrix_bytes(source.0.shape));
    record_gradient(recorder, gpu, (matrix, 0), source, gf, positions, merge)
}

/// The same for the gradient at moments, C×C and C means, which adds gμ/M to every position: records
/// gf (+)= (2/M · gs·F + gμ/M)·T.
pub(in crate::kernels) fn gradient_of_moments(
    recorder: &mut Recorder<'_>,
    gpu: &Gpu,
    gm: BufferView,
    source: Weighted<'_>,
    gf: &FeatureMap,
    positions: usize,
    merge: Merge,
) -> Result<(), GpuError> {
    record_gradient(recorder, gpu, (gm, MEAN), source, gf, positions, merge)
}

/// Scratch memory that the way back through a matrix of `matrix_bytes` on a map of this shape asks for.
pub fn gradient_scratch(adapter: &Profile, shape: Shape, matrix_bytes: u64, masked: bool) -> Asked {
    if !adapter.is_software || !adapter.can_run(&GRADIENT) {
        return Vec::new();
    }
    let slice = [shape.width, shape.height];
    let map = first_slice_bytes(shape, slice, adapter.binding_limit);
    // With one slice the mask is the input.
    let is_another = masked && map < bytes(shape);
    adapter.read_as_texels([Some(map), Some(matrix_bytes), is_another.then_some(map)])
}

fn record_gradient(
    recorder: &mut Recorder<'_>,
    gpu: &Gpu,
    (gg, mean): (BufferView, u32),
    source: Weighted<'_>,
    gf: &FeatureMap,
    positions: usize,
    merge: Merge,
) -> Result<(), GpuError> {
    let (f, _) = source;
    let scale = 2.0 / positions as f32;
    let slices = slices(f.shape, recorder.binding_limit())?;
    let kernel = gradient_kernel(gpu.adapter().is_software() && gpu.can_run(&GRADIENT));
    let threads = f.shape.pixels().div_ceil(gradient_tile(kernel)[0]);
    let kernel = (kernel, recorder.workgroup_for(threads));
    for &o_slice in &slices {
        for (index, &c_slice) in slices.iter().enumerate() {
            // Slices of F add up in gF; only after the last may the mask fall, and the mean counts once.
            let mut flags = merge.flags() | mean;
            if index > 0 {
                flags |= ACCUMULATE;
            }
            if index + 1 < slices.len() {
                flags &= ACCUMULATE;
            }
            let slices = [c_slice, o_slice];
            let mut command =
                gradient_command(kernel, gg.clone(), source, gf, slices, (scale, flags));
            let mut texels = Vec::new();
            if kernel.0 == &GRADIENT {
                let mask = if flags & MASK == 0 { c_slice } else { o_slice };
                let knob;
                (texels, knob) = recorder.read_as_texels([&f.view(c_slice), &gg, &f.view(mask)])?;
                command.knobs.extend(knob);
            }
            recorder.push_with_texels(command, texels);
        }
    }
    Ok(())
}

/// The broadcasting kernel keeps more in registers than a real GPU has (RDNA2 spills 78).
pub(in crate::kernels) fn gradient_kernel(software_that_broadcasts: bool) -> &'static Kernel {
    if software_that_broadcasts {
        &GRADIENT
    } else {
        &GRADIENT_PORTABLE
    }
}

/// Pixels and channel groups of a thread, as the two shaders have them.
fn gradient_tile(kernel: &Kernel) -> [usize; 2] {
    if kernel.needs_subgroups {
        [8, 8]
    } else {
        [4, 4]
    }
}

fn gradient_command(
    (kernel, workgroup): (&'static Kernel, u32),
    gg: BufferView,
    (f, weights): Weighted<'_>,
    gf: &FeatureMap,
    [c_slice, o_slice]: [GroupSlice; 2],
    (scale, flags): (f32, u32),
) -> Command {
    let pixels = f.shape.pixels();
    let [strip, out_groups] = gradient_tile(kernel);
    let params = GramGradientParams {
        pixels: pixels as u32,
        x_plane: f.plane(),
        y_plane: gf.plane(),
        c_groups: c_slice.count as u32,
        o_groups: o_slice.count as u32,
        c_first: c_slice.first as u32,
        o_first: o_slice.first as u32,
        c_groups_total: groups(f.shape.channels) as u32,
        flags,
        scale,
        padding: [0; 2],
    };
    let (c, o) = (4 * c_slice.count as u64, 4 * o_slice.count as u64);
    Command {
        kernel,
        knobs: vec![("WORKGROUP", workgroup), weighted(weights)],
        uniform: bytemuck::bytes_of(&params).to_vec(),
        buffers: vec![
            f.view(c_slice),
            gg,
            gf.view(o_slice),
            f.view(o_slice),
            weights_or(f, weights),
        ],
        workgroups: [
            pixels.div_ceil(strip).div_ceil(workgroup as usize) as u32,
            o_slice.count.div_ceil(out_groups) as u32,
            1,
        ],
        flop: 2 * c * o * pixels as u64,
        bytes: 4 * (c + o) * pixels as u64,
    }
}
