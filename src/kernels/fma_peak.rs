//! The probe of the arithmetic peak (`shaders/fma_peak.wgsl`): the roof that every figure stands under.

use crate::gpu::{Access, BufferView, Command, Gpu, GpuError, Kernel, Recorder, Recording};

/// Chains of fused multiply-adds.
pub static MAIN: Kernel = Kernel {
    shader: crate::shader!("fma_peak"),
    entry: "main",
    bindings: &[(0, Access::Uniform), (1, Access::ReadWrite)],
    needs_subgroups: false,
};

/// Arithmetic operations of a thread in one turn: 10 chains × 40 links × 2.
const FLOP_PER_TURN: u64 = 800;

#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Params {
    turns: u32,
    padding: [u32; 3],
}

/// A recording of the probe, `turns` long over `workgroups` of 64 threads, and its flop.
///
/// # Errors
/// No room for its output.
pub fn probe(gpu: &Gpu, workgroups: u32, turns: u32) -> Result<(Recording, u64), GpuError> {
    let y = gpu.storage("fma peak", u64::from(workgroups) * 64 * 4)?;
    let flop = u64::from(workgroups) * 64 * u64::from(turns) * FLOP_PER_TURN;
    let mut recorder = Recorder::new(gpu);
    recorder.set_label("fma peak");
    recorder.push(Command {
        kernel: &MAIN,
        knobs: vec![],
        uniform: bytemuck::bytes_of(&Params {
            turns,
            padding: [0; 3],
        })
        .to_vec(),
        buffers: vec![BufferView::whole(&y)],
        workgroups: [workgroups, 1, 1],
        flop,
        bytes: 0,
    });
    Ok((recorder.finish()?, flop))
}
