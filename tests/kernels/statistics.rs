//! Statistics of feature maps, products of them and distances between them, against the f64 reference.

use super::cases::{MERGES, group_bytes, map_cases};
use super::devices::{checked, everywhere, portable};
use super::shapes::SIZES;
use super::support::{gpu, wait};
use impasto::doctor::gram::Part;
use impasto::doctor::wasserstein_loss::{DrawnCase, Root, SharedAxes};
use impasto::doctor::{self, Check, Evenness};
use impasto::gpu::{Gpu, GpuError};
use impasto::kernels::gram::Tiling;
use impasto::kernels::matrix_product::Tiling as ProductTiling;
use impasto::shape::Shape;

/// Few and many channels; fewer pixels than chunks, and more.
#[test]
fn gram() {
    everywhere(async |gpu| check_gram(gpu, Tiling::Threads).await);
}

/// Few and many pixels, shares of tiles, slices; then with the second moments.
#[test]
fn mean() {
    everywhere(async |gpu| {
        let mut checks = Vec::new();
        for [height, width] in SIZES {
            for (channels, part) in [(4, Part::Whole), (12, Part::Second)] {
                let shape = Shape::new(channels, height, width);
                for evenness in [Evenness::Even, Evenness::Weighted] {
                    let how = (part, evenness);
                    checks.push(doctor::moments::mean(gpu, shape, how, None, 1).await?);
                    checks.push(doctor::moments::forward(gpu, shape, evenness, 2).await?);
                }
            }
        }
        for (shape, limit) in in_slices() {
            for evenness in [Evenness::Even, Evenness::Weighted] {
                let how = (Part::Second, evenness);
                checks.push(doctor::moments::mean(gpu, shape, how, limit, 3).await?);
            }
        }
        Ok(checks)
    });
}

/// The gradient at the means counts once, however many slices there are, and before the mask.
#[test]
fn gradients_of_moments() {
    everywhere(async |gpu| {
        let mut checks = Vec::new();
        for [height, width] in SIZES {
            for (channels, merge) in [4, 12, 20, 68].into_iter().zip(MERGES) {
                let shape = Shape::new(channels, height, width);
                for how in [(merge, Evenness::Even), (merge, Evenness::Weighted)] {
                    checks.push(doctor::moments::gradient(gpu, shape, how, None, 1).await?);
                }
            }
        }
        for ((shape, limit), merge) in in_slices().zip(MERGES) {
            for how in [(merge, Evenness::Even), (merge, Evenness::Weighted)] {
                checks.push(doctor::moments::gradient(gpu, shape, how, limit, 2).await?);
            }
        }
        Ok(checks)
    });
}

/// One group, tiles that are not full, several tiles; both tilings, symmetric and not.
#[test]
fn matrix_product() {
    everywhere(async |gpu| {
        let mut checks = Vec::new();
        for tiling in ProductTiling::ALL {
            for channels in [4, 12, 64, 68, 132]
                .into_iter()
                .filter(|_| tiling.is_supported(gpu))
            {
                for symmetric in [false, true] {
                    let check = doctor::moments::product(gpu, tiling, channels, symmetric, 1);
                    checks.push(check.await?);
                }
            }
        }
        Ok(checks)
    });
}

/// Features drawn at random, with spectra that the turns resolve; the tolerances follow from what they leave.
#[test]
fn wasserstein_loss() {
    let cases = [(4, 9, 1.0), (12, 40, 0.5), (64, 300, 0.5), (64, 300, 1.0)];
    everywhere(async |gpu| {
        let mut checks = Vec::new();
        for (index, (channels, positions, decay)) in cases.into_iter().enumerate() {
            let case = DrawnCase {
                channels,
                positions,
                decay,
                accumulate: index % 2 == 1,
            };
            checks.push(doctor::wasserstein_loss::drawn(gpu, &case).await?);
        }
        println!("{checks:#?}");
        Ok(checks)
    });
}

/// Spectra that the turns resolve, or nearly so, against the root itself: mild ones, and singular ones on which ε alone
/// stands. Then what they do not resolve against the same turns in f64. Each has the tolerance of its spectrum.
#[test]
fn wasserstein_loss_on_shared_axes() {
    let cases = [
        (4, 4, 0.5, Root::Exact),
        (16, 16, 1.0, Root::Exact),
        (64, 64, 1.0, Root::Exact),
        (64, 20, 1.0, Root::Exact),
        (128, 40, 0.5, Root::Exact),
        (64, 64, 2.0, Root::Truncated),
        (128, 40, 1.0, Root::Truncated),
    ];
    everywhere(async |gpu| {
        let mut checks = Vec::new();
        for (channels, rank, decay, root) in cases {
            let case = SharedAxes {
                channels,
                rank,
                decay,
                root,
            };
            checks.push(doctor::wasserstein_loss::on_shared_axes(gpu, &case).await?);
        }
        println!("{checks:#?}");
        Ok(checks)
    });
}

/// The widest layer, of full rank and singular.
#[test]
fn wasserstein_loss_of_512_channels() {
    for (rank, decay) in [(512, 0.5), (256, 0.5)] {
        let case = SharedAxes {
            channels: 512,
            rank,
            decay,
            root: Root::Exact,
        };
        let check = doctor::wasserstein_loss::on_shared_axes(gpu(), &case);
        let check = wait(gpu(), check).unwrap();
        println!("{check:?}");
        assert!(check.passed(), "{check:?}");
    }
}

/// Odd numbers of pixels, strips with a single one, tiles that are not full.
#[test]
fn gram_broadcast() {
    for gpu in [gpu(), checked()] {
        if Tiling::Lanes.is_supported(gpu) {
            let checks = wait(gpu, check_gram(gpu, Tiling::Lanes)).unwrap();
            let failed: Vec<&Check> = checks.iter().filter(|check| !check.passed()).collect();
            assert!(failed.is_empty(), "{failed:#?}");
        }
    }
    assert!(!Tiling::Lanes.is_supported(portable()));
}

#[test]
fn gram_tiled() {
    everywhere(async |gpu| check_gram(gpu, Tiling::Workgroups).await);
}

pub const WHOLE: (Part, Evenness) = (Part::Whole, Evenness::Even);

async fn check_gram(gpu: &Gpu, tiling: Tiling) -> Result<Vec<Check>, GpuError> {
    let ways = [
        WHOLE,
        (Part::Second, Evenness::Even),
        (Part::Whole, Evenness::Weighted),
        (Part::Second, Evenness::Weighted),
    ];
    let mut checks = Vec::new();
    for [height, width] in SIZES {
        for channels in [4, 12, 64] {
            let shape = Shape::new(channels, height, width);
            for (how, seed) in ways.into_iter().zip(1..) {
                checks.push(doctor::gram::forward(gpu, tiling, shape, how, None, seed).await?);
            }
        }
    }
    for shape in [
        Shape::new(4, 70, 71),
        Shape::new(76, 9, 13),
        Shape::new(256, 3, 5),
        Shape::new(512, 2, 3),
    ] {
        checks.push(doctor::gram::forward(gpu, tiling, shape, WHOLE, None, 2).await?);
    }
    for (shape, limit) in in_slices() {
        for how in ways {
            checks.push(doctor::gram::forward(gpu, tiling, shape, how, limit, 3).await?);
        }
    }
    Ok(checks)
}

#[test]
fn gram_gradient() {
    assert!(gpu().has_subgroups() || !portable().has_subgroups());
    everywhere(async |gpu| check_gram_gradient(gpu).await);
}

/// The twin without subgroups is what a device without them gets.
#[test]
fn gram_gradient_portable() {
    let gpu = portable();
    let checks = wait(gpu, check_gram_gradient(gpu)).unwrap();
    for check in checks {
        assert!(
            check.name.starts_with("gram_gradient_portable"),
            "{check:?}"
        );
        assert!(check.passed(), "{check:?}");
    }
}

async fn check_gram_gradient(gpu: &Gpu) -> Result<Vec<Check>, GpuError> {
    let mut checks = Vec::new();
    for [height, width] in SIZES {
        for (channels, merge) in [4, 12, 40, 64].into_iter().zip(MERGES) {
            let shape = Shape::new(channels, height, width);
            for how in [(merge, Evenness::Even), (merge, Evenness::Weighted)] {
                checks.push(doctor::gram::gradient(gpu, shape, how, None, 1).await?);
            }
        }
    }
    for merge in MERGES {
        let shape = Shape::new(12, 17, 33);
        let how = (merge, Evenness::Even);
        checks.push(doctor::gram::gradient(gpu, shape, how, None, 2).await?);
    }
    for ((shape, limit), merge) in in_slices().zip(MERGES) {
        let how = (merge, Evenness::Weighted);
        checks.push(doctor::gram::gradient(gpu, shape, how, limit, 3).await?);
    }
    Ok(checks)
}

/// Mesa's llvmpipe ends the loops of a thread after 65 535 turns, which 64 chunks of such a map would be beyond.
#[test]
fn statistics_of_a_map_of_four_megapixels() {
    let shape = Shape::new(4, 2064, 2064);
    let gpu = gpu();
    let sums = async {
        let mean = doctor::moments::mean(gpu, shape, WHOLE, None, 1).await?;
        let gram = doctor::gram::forward(gpu, Tiling::Threads, shape, WHOLE, None, 1).await?;
        Ok::<_, GpuError>([mean, gram])
    };
    for check in wait(gpu, sums).unwrap() {
        assert!(check.passed(), "{check:?}");
    }
}

/// A map in slices of one to four channel groups: up to three, a tile of a Gram matrix crosses their edges.
fn in_slices() -> impl Iterator<Item = (Shape, Option<u64>)> {
    let shape = Shape::new(52, 9, 13);
    (1..=4).map(move |groups| (shape, Some(group_bytes(groups, [9, 13]))))
}

/// Gradients of any order, and of 0.
#[test]
fn normalise() {
    everywhere(async |gpu| {
        let mut checks = Vec::new();
        for case in map_cases() {
            for scale in [1.0, 1e-12, 1e12, 0.0] {
                checks.push(doctor::normalise::check(gpu, &case, scale).await?);
            }
        }
        Ok(checks)
    });
}
