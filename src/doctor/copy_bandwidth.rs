//! The probe of the memory: it must move what it counts.

use super::Check;
use super::comparison::{Output, compare, draw, input_vector, widen};
use crate::gpu::{Gpu, GpuError};
use crate::kernels::copy_bandwidth;

/// A copy of `count` numbers (a multiple of 4), and of nothing behind them but their guards.
///
/// # Errors
/// What the device refuses.
pub async fn check(gpu: &Gpu, count: usize) -> Result<Check, GpuError> {
    let values = draw(1, count);
    let x = input_vector(gpu, &values)?;
    let y = Output::vector(gpu, None, &widen(&values))?;
    let case = format!("of {count} numbers");
    compare(gpu, case, 0.0, None, &[&y], |recorder| {
        recorder.push(copy_bandwidth::copy(&x, &y.buffer));
        Ok(())
    })
    .await
}
