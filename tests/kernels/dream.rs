//! What a dream is made of, against the f64 reference.

use super::cases::map_cases;
use super::devices::everywhere;
use super::shapes::SIZES;
use impasto::doctor::dream::{self, Aim};
use impasto::kernels::dream_loss::Measure;

/// All channels, and some of each map: of the last, in slices, from several of them.
#[test]
fn dream_loss() {
    everywhere(async |gpu| {
        let mut checks = Vec::new();
        for case in map_cases() {
            for measure in [Measure::Square, Measure::Root, Measure::Mean] {
                for channels in [&[][..], &[1], &[0, 2], &[2, 37, 51]] {
                    let last = channels.last().copied().unwrap_or(0);
                    if last < case.shape.channels {
                        let aim = Aim { measure, channels };
                        checks.push(dream::value(gpu, &case, aim).await?);
                        checks.push(dream::gradient(gpu, &case, aim).await?);
                    }
                }
            }
        }
        Ok(checks)
    });
}

/// Sizes (W, H), with one of more values than the 4096 threads of a reduction.
fn sizes() -> Vec<[usize; 2]> {
    let mut sizes: Vec<[usize; 2]> = SIZES
        .iter()
        .map(|&[height, width]| [width, height])
        .collect();
    sizes.push([71, 70]);
    sizes
}

#[test]
fn roll() {
    everywhere(async |gpu| {
        let mut checks = Vec::new();
        for size in sizes() {
            for by in [[0, 0], [1, 2], [40, 13]] {
                let by = [by[0] % size[0], by[1] % size[1]];
                checks.push(dream::roll(gpu, size, by).await?);
            }
        }
        Ok(checks)
    });
}

#[test]
fn dream_step() {
    everywhere(async |gpu| {
        let mut checks = Vec::new();
        for size in sizes() {
            for kind in [(false, false), (true, false), (true, true)] {
                let by = [5 % size[0], 3 % size[1]];
                checks.push(dream::step(gpu, size, by, kind).await?);
            }
        }
        Ok(checks)
    });
}

#[test]
fn gaussian_cascade() {
    everywhere(async |gpu| {
        let mut checks = Vec::new();
        for size in sizes() {
            for deviation in [0.7, 2.5] {
                checks.push(dream::cascade(gpu, size, deviation).await?);
            }
        }
        Ok(checks)
    });
}

#[test]
fn laplacian_pyramid() {
    everywhere(async |gpu| {
        let mut checks = Vec::new();
        for size in sizes() {
            checks.push(dream::pyramid(gpu, size).await?);
        }
        Ok(checks)
    });
}
