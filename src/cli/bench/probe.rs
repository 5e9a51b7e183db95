//! The two roofs of an adapter, and times taken beside them: machines drift, so a figure counts only
//! beside a probe of the same moment.

use std::time::Instant;

use impasto::gpu::{Gpu, Recording};
use impasto::kernels::{copy_bandwidth, fma_peak};

use crate::cli::failure::Failure;

/// Seconds that `recording` takes from submit to done.
pub fn seconds(gpu: &Gpu, recording: &Recording) -> Result<f64, Failure> {
    let started = Instant::now();
    recording.submit(gpu);
    finish(gpu)?;
    Ok(started.elapsed().as_secs_f64())
}

/// Waits until the device has done everything submitted so far.
pub fn finish(gpu: &Gpu) -> Result<(), Failure> {
    gpu.wait();
    Ok(gpu.check()?)
}

/// What an adapter can do at best.
#[derive(Clone, Copy)]
pub struct Roofs {
    /// Operations per second.
    pub flop: f64,
    /// Bytes per second.
    pub bytes: f64,
}

/// The probes of both roofs.
pub struct Probes {
    arithmetic: (Recording, u64),
    memory: (Recording, u64),
}

impl Probes {
    /// Probes long enough to be timed: grown until each takes a while.
    pub fn new(gpu: &Gpu) -> Result<Self, Failure> {
        let arithmetic = arithmetic(gpu)?;
        let mut times = 1;
        let memory = loop {
            let probe = copy_bandwidth::probe(gpu, times)?;
            if is_longer(gpu, &probe.0, 0.01)? || times >= 256 {
                break probe;
            }
            times *= 2;
        };
        Ok(Self { arithmetic, memory })
    }

    /// Both roofs right now.
    fn roofs(&self, gpu: &Gpu) -> Result<Roofs, Failure> {
        Ok(Roofs {
            flop: rate(gpu, &self.arithmetic)?,
            bytes: rate(gpu, &self.memory)?,
        })
    }
}

/// The probe of arithmetic, and its operations.
fn arithmetic(gpu: &Gpu) -> Result<(Recording, u64), Failure> {
    let mut turns = 64;
    // A large GPU has hundreds of schedulers, each of which wants several waves, and as many as its neighbours.
    let workgroups = if gpu.adapter().is_software() {
        256
    } else {
        4096
    };
    loop {
        let probe = fma_peak::probe(gpu, workgroups, turns)?;
        if is_longer(gpu, &probe.0, 0.02)? || turns >= 1 << 20 {
            return Ok(probe);
        }
        // Doubled: beside each sample the probe is run again, so one far longer than it need be costs much.
        turns *= 2;
    }
}

fn rate(gpu: &Gpu, (recording, count): &(Recording, u64)) -> Result<f64, Failure> {
    Ok(*count as f64 / seconds(gpu, recording)?)
}

/// Operations per second of fused multiply-adds, the median of a few probes.
pub fn flop_rate(gpu: &Gpu) -> Result<f64, Failure> {
    const PROBES: usize = 5;
    let probe = arithmetic(gpu)?;
    let rates = (0..PROBES).map(|_| rate(gpu, &probe));
    Ok(median(&rates.collect::<Result<Vec<_>, _>>()?))
}

fn is_longer(gpu: &Gpu, recording: &Recording, least: f64) -> Result<bool, Failure> {
    // The first run compiles.
    seconds(gpu, recording)?;
    Ok(seconds(gpu, recording)? > least)
}

/// Times of something and the roofs probed just before each of them.
#[derive(Default)]
pub struct Samples {
    pub seconds: Vec<f64>,
    pub roofs: Vec<Roofs>,
}

impl Samples {
    /// One warm-up, then `runs` times a probe and `work`, which returns its seconds.
    pub fn take(
        gpu: &Gpu,
        probes: &Probes,
        runs: u32,
        mut work: impl FnMut() -> Result<f64, Failure>,
    ) -> Result<Self, Failure> {
        work()?;
        let mut samples = Self::default();
        for _ in 0..runs {
            samples.add(gpu, probes, &mut work)?;
        }
        Ok(samples)
    }

    /// A probe and `work` once more.
    pub fn add(
        &mut self,
        gpu: &Gpu,
        probes: &Probes,
        mut work: impl FnMut() -> Result<f64, Failure>,
    ) -> Result<(), Failure> {
        self.roofs.push(probes.roofs(gpu)?);
        self.seconds.push(work()?);
        Ok(())
    }

    /// Median seconds.
    pub fn median(&self) -> f64 {
        median(&self.seconds)
    }

    /// Median arithmetic peak in operations per second.
    pub fn flop_roof(&self) -> f64 {
        self.median_roof(|roofs| roofs.flop)
    }

    /// Median bandwidth of a copy in bytes per second.
    pub fn byte_roof(&self) -> f64 {
        self.median_roof(|roofs| roofs.bytes)
    }

    fn median_roof(&self, of: impl Fn(&Roofs) -> f64) -> f64 {
        median(&self.roofs.iter().map(of).collect::<Vec<_>>())
    }

    /// Median over the runs of the share of the arithmetic peak probed beside each.
    pub fn share_of_peak(&self, flop: u64) -> f64 {
        self.share(flop, |roofs| roofs.flop)
    }

    /// Median over the runs of the share of the copy's bandwidth probed beside each.
    pub fn share_of_bandwidth(&self, bytes: u64) -> f64 {
        self.share(bytes, |roofs| roofs.bytes)
    }

    fn share(&self, count: u64, roof: impl Fn(&Roofs) -> f64) -> f64 {
        let pairs = self.seconds.iter().zip(&self.roofs);
        let shares = pairs.map(|(seconds, roofs)| count as f64 / seconds / roof(roofs));
        median(&shares.collect::<Vec<_>>())
    }
}

pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => (sorted[n / 2 - 1] + sorted[n / 2]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_the_middle_or_between_the_middle_two() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 10.0]), 3.0);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn a_share_is_taken_run_by_run() {
        let roofs = |flop| Roofs { flop, bytes: 1.0 };
        let samples = Samples {
            // Half as fast beside half the peak: the same share.
            seconds: vec![1.0, 2.0, 1.0],
            roofs: vec![roofs(100.0), roofs(50.0), roofs(1000.0)],
        };
        assert_eq!(samples.share_of_peak(50), 0.5);
    }
}
