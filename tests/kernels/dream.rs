//! What a dream is made of, against the f64 reference.

use super::cases::{MERGES, map_cases};
use super::devices::everywhere;
use super::shapes::SIZES;
use impasto::doctor::Evenness;
use impasto::doctor::dream::{self, Aim};
use impasto::kernels::dream_loss::Measure;
use impasto::kernels::guide_loss::Correspondence;
use impasto::shape::Shape;

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

/// Guides smaller and larger than the map, one with more positions than a thread looks at; best of 5 and of 64 channels.
#[test]
fn guide_loss() {
    everywhere(async |gpu| {
        let mut checks = Vec::new();
        for ([height, width], merge) in SIZES.into_iter().zip(MERGES.into_iter().cycle()) {
            let shape = Shape::new(5, height, width);
            for guide in [
                Shape::new(5, 1, 1),
                Shape::new(5, 3, 7),
                Shape::new(5, 26, 21),
            ] {
                for power in [0.0, 1.5] {
                    let how = (Correspondence::Best, power);
                    checks.push(dream::guided(gpu, (shape, guide), how, merge).await?);
                }
            }
            for power in [0.0, 1.0, 4.0] {
                let how = (Correspondence::Itself, power);
                checks.push(dream::guided(gpu, (shape, shape), how, merge).await?);
            }
        }
        // More positions than the 4096 threads of a reduction.
        let (shape, how) = (Shape::new(64, 70, 71), (Correspondence::Itself, 2.0));
        checks.push(dream::guided(gpu, (shape, shape), how, MERGES[0]).await?);
        // More operations than one dispatch looks for the best with.
        let (guide, how) = (Shape::new(64, 43, 80), (Correspondence::Best, 2.0));
        checks.push(dream::guided(gpu, (shape, guide), how, MERGES[0]).await?);
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
fn zoom() {
    everywhere(async |gpu| {
        let mut checks = Vec::new();
        for size in sizes() {
            for how in [
                (1.0, 0.0),
                (1.05, 0.0),
                (0.8, 0.0),
                (1.3, 17.0),
                (1.0, -90.0),
            ] {
                checks.push(dream::zoom(gpu, size, how).await?);
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
                for evenness in [Evenness::Even, Evenness::Weighted] {
                    checks.push(dream::step(gpu, size, by, evenness, kind).await?);
                }
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
