//! The probe of the memory (`shaders/copy_bandwidth.wgsl`): the roof over kernels with few operations per byte.

use crate::gpu::{Access, BufferView, Command, Gpu, GpuError, Kernel, Recorder, Recording};

/// vec4s from one buffer to another.
pub static MAIN: Kernel = Kernel {
    shader: crate::shader!("copy_bandwidth"),
    entry: "main",
    bindings: &[(0, Access::Read), (1, Access::ReadWrite)],
    needs_subgroups: false,
};

/// Bytes of either buffer on a software adapter: beyond the caches of most processors.
const BYTES_ON_SOFTWARE: u64 = 64 << 20;
/// Bytes of either buffer on a GPU, where a binding may have so many: the caches of some hold 128 MiB.
const BYTES: u64 = 192 << 20;

/// Copies `x` to `y`, which is as long.
pub fn copy(x: &wgpu::Buffer, y: &wgpu::Buffer) -> Command {
    let vectors = y.size() / 16;
    Command {
        kernel: &MAIN,
        knobs: vec![],
        uniform: vec![],
        buffers: vec![BufferView::whole(x), BufferView::whole(y)],
        workgroups: [vectors.div_ceil(256) as u32, 1, 1],
        flop: 0,
        bytes: 2 * y.size(),
    }
}

/// A recording of `times` copies, and the bytes that they read and write.
///
/// # Errors
/// No room for the buffers.
pub fn probe(gpu: &Gpu, times: u32) -> Result<(Recording, u64), GpuError> {
    let wanted = if gpu.adapter().is_software() {
        BYTES_ON_SOFTWARE
    } else {
        BYTES
    };
    let bytes = wanted.min(gpu.binding_limit());
    let x = gpu.storage("copy source", bytes)?;
    let y = gpu.storage("copy target", bytes)?;
    let mut recorder = Recorder::new(gpu);
    recorder.set_label("copy bandwidth");
    for _ in 0..times {
        recorder.push(copy(&x, &y));
    }
    Ok((recorder.finish()?, 2 * bytes * u64::from(times)))
}
