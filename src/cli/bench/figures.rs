//! From times to rates, the same for every kernel.

use impasto::gpu::Recording;
use impasto::kernels::Pass;
use serde_json::{Value, json};

use super::probe::Samples;

/// What was done in the time.
#[derive(Clone, Copy)]
pub struct Work {
    /// Operations by the definition, to compare algorithms by.
    pub flop: u64,
    /// Operations really done.
    pub real_flop: u64,
    /// Bytes that had to be moved.
    pub bytes: u64,
}

impl Work {
    /// Of everything in `recording`.
    pub fn of(recording: &Recording) -> Self {
        let infos = recording.infos();
        Self {
            flop: infos.iter().map(|info| info.flop).sum(),
            real_flop: infos.iter().map(|info| info.real_flop).sum(),
            bytes: infos.iter().map(|info| info.bytes).sum(),
        }
    }
}

/// The fields that every measured kernel has; shares are of the roofs probed beside each run.
pub fn rates(samples: &Samples, work: Work) -> Value {
    let per_second = |count: u64| count as f64 / samples.median() / 1e9;
    json!({
        "seconds": samples.median(),
        "gflops": per_second(work.flop),
        "real_gflops": per_second(work.real_flop),
        "gigabytes_per_second": per_second(work.bytes),
        "flop_per_byte": work.real_flop as f64 / work.bytes as f64,
        "fma_peak_gflops": samples.flop_roof() / 1e9,
        "copy_gigabytes_per_second": samples.byte_roof() / 1e9,
        "share_of_peak": samples.share_of_peak(work.flop),
        "real_share_of_peak": samples.share_of_peak(work.real_flop),
        "share_of_bandwidth": samples.share_of_bandwidth(work.bytes),
    })
}

/// [`rates`] on a line: effective and real operations, bytes, and what part of the roofs each is.
pub fn rates_in_words(row: &Value) -> String {
    let number = |field: &str| row[field].as_f64().unwrap_or(f64::NAN);
    format!(
        "{:9.2} ms {:7.1} GFLOP/s {:5.1} %  real {:6.1} {:5.1} % {:7.2} GB/s {:5.1} %",
        number("seconds") * 1e3,
        number("gflops"),
        100.0 * number("share_of_peak"),
        number("real_gflops"),
        100.0 * number("real_share_of_peak"),
        number("gigabytes_per_second"),
        100.0 * number("share_of_bandwidth"),
    )
}

/// What the columns of [`rates_in_words`] mean.
pub const LEGEND: &str = "GFLOP/s by the definition and (real) as computed, each with its part of the FMA peak; GB/s with its part of a copy's";

/// The direction as figures name it.
pub fn direction(pass: Pass) -> &'static str {
    match pass {
        Pass::Forward => "forward",
        Pass::Gradient => "backward",
    }
}
