//! The probe of the arithmetic peak: even a measuring device must compute what it says.

use super::Check;
use super::comparison::{Output, compare};
use crate::gpu::{BufferView, Command, Gpu, GpuError};
use crate::kernels::fma_peak;

/// Links of a chain in one turn of the loop.
const LINKS: u32 = 40;
/// Rounding of each link, shrunk by those that follow.
const TOLERANCE: f64 = 1e-4;

/// The chains of two workgroups after `turns` turns.
///
/// # Errors
/// What the device refuses.
pub async fn check(gpu: &Gpu, turns: u32) -> Result<Check, GpuError> {
    let expected: Vec<f64> = (0..128)
        .map(|thread| chains(f64::from(thread), turns))
        .collect();
    let y = Output::vector(gpu, None, &expected)?;
    compare(
        gpu,
        format!("over {turns} turns"),
        TOLERANCE,
        None,
        &[&y],
        |recorder| {
            recorder.push(Command {
                kernel: &fma_peak::MAIN,
                knobs: vec![],
                uniform: bytemuck::bytes_of(&[turns, 0, 0, 0]).to_vec(),
                buffers: vec![BufferView::whole(&y.buffer)],
                workgroups: [2, 1, 1],
                flop: 0,
                bytes: 0,
            });
            Ok(())
        },
    )
    .await
}

/// The sum of ten chains a ← a·m + c that begin at 0.1, 0.2, … 1.
fn chains(thread: f64, turns: u32) -> f64 {
    let (m, c) = (0.999 + thread * 1e-9, thread * 1e-7);
    let links = 0..turns * LINKS;
    let chain = |start: f64| links.clone().fold(start, |a, _| a * m + c);
    (1..=10).map(|tenths| chain(f64::from(tenths) / 10.0)).sum()
}
