//! The probe of the arithmetic peak: even a measuring device must compute what it says.

use super::Check;
use super::comparison::{Output, compare};
use crate::gpu::{BufferView, Command, Gpu, GpuError};
use crate::kernels::fma_peak;

/// Links of a chain in one turn of the loop.
const LINKS: u32 = 40;
/// Rounding of each link, shrunk by those that follow; less than a turn that is left out.
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

/// The sum of ten chains that begin at 0.05, 0.1, … 0.5, each multiplied by the next: aᵢ ← aᵢ·aᵢ₊₁ + c.
fn chains(thread: f64, turns: u32) -> f64 {
    let c = 0.2499 - thread * 1e-7;
    let mut a: [f64; 10] = std::array::from_fn(|i| (i + 1) as f64 / 20.0);
    for _ in 0..turns * LINKS {
        for i in 0..10 {
            a[i] = a[i] * a[(i + 1) % 10] + c;
        }
    }
    a.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_turn_is_more_than_rounding() {
        for turns in 4..6 {
            let [less, more] = [turns - 1, turns].map(|turns| chains(3.0, turns));
            assert!(
                (more - less) / more > 2.0 * TOLERANCE,
                "{turns}: {less} {more}"
            );
        }
    }
}
