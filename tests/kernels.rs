//! Every kernel against the f64 reference: odd shapes, every variant, every flag, maps in slices.
//!
//! Each check runs its kernel twice, on buffers full of canaries, see `impasto::doctor`. Everything runs on the adapter
//! as it is, then with all run-time checks of the shader compiler, then with nothing beyond what WebGPU guarantees.

#[path = "kernels/cases.rs"]
mod cases;
#[path = "kernels/devices.rs"]
mod devices;
#[path = "kernels/dream.rs"]
mod dream;
#[path = "kernels/packing.rs"]
mod packing;
#[path = "kernels/shapes.rs"]
mod shapes;
mod support;

use cases::{
    MERGES, conv3x3_cases, conv3x3_in_slices, conv3x3_of_any_channels, conv3x3_with_border,
    crop_cases, group_bytes, in_both_packings, map_cases, merge,
};
use devices::{checked, everywhere, portable};
use impasto::doctor::Evenness;
use impasto::doctor::gram::Part;
use impasto::doctor::wasserstein_loss::{DrawnCase, Root, SharedAxes};
use impasto::doctor::{self, Check, conv3x3, losses};
use impasto::gpu::{DispatchInfo, Gpu, GpuError, Recorder};
use impasto::kernels::FeatureMap;
use impasto::kernels::conv3x3::{DeviceFilter, Epilogue, Filter, Variant};
use impasto::kernels::gram::Tiling;
use impasto::kernels::matrix_product::Tiling as ProductTiling;
use impasto::kernels::pool2::Pooling;
use impasto::shape::{Border, Shape};
use shapes::{POOLED_SIZES, SIZES};
use support::{gpu, wait};

async fn check_conv3x3(gpu: &Gpu, cases: &[conv3x3::Case]) -> Result<Vec<Check>, GpuError> {
    let mut checks = Vec::new();
    for case in cases.iter().filter(|case| case.is_supported(gpu)) {
        checks.push(conv3x3::check(gpu, case).await?);
    }
    Ok(checks)
}

#[test]
fn conv3x3_plain() {
    let mut cases = conv3x3_of_any_channels(Variant::Plain);
    // More threads than 65 535 of the smallest workgroups hold.
    cases.push(conv3x3::Case::forward(
        Variant::Plain,
        Shape::new(4, 600, 900),
        4,
    ));
    cases.extend(conv3x3_in_slices(Variant::Plain, [12, 20], 1));
    everywhere(async |gpu| check_conv3x3(gpu, &cases).await);
}

#[test]
fn conv3x3_direct() {
    let cases = in_both_packings(conv3x3_of_any_channels(Variant::Direct));
    for gpu in [gpu(), checked()] {
        if gpu.has_subgroups() {
            let checks = wait(gpu, check_conv3x3(gpu, &cases)).unwrap();
            assert_eq!(checks.len(), cases.len());
            let failed: Vec<&Check> = checks.iter().filter(|check| !check.passed()).collect();
            assert!(failed.is_empty(), "{failed:#?}");
        }
    }
    let supported = cases.iter().filter(|case| case.is_supported(portable()));
    assert_eq!(supported.count(), 0, "it needs subgroup operations");
}

/// On software adapters alone, where it pays; several bands, odd sizes, channels that pad a group.
#[test]
fn conv3x3_winograd() {
    let mut cases = conv3x3_of_any_channels(Variant::Winograd);
    // More than one band, then as many tiles as half a block.
    for (shape, outputs) in [(Shape::new(512, 61, 45), 64), (Shape::new(36, 15, 31), 40)] {
        cases.push(conv3x3::Case::forward(Variant::Winograd, shape, outputs));
    }
    cases.extend(conv3x3_in_slices(Variant::Winograd, [24, 72], 4));
    for gpu in [gpu(), checked()] {
        if gpu.has_subgroups() && gpu.adapter().is_software() {
            let checks = wait(gpu, check_conv3x3(gpu, &cases)).unwrap();
            assert_eq!(checks.len(), cases.len());
            let failed: Vec<&Check> = checks.iter().filter(|check| !check.passed()).collect();
            assert!(failed.is_empty(), "{failed:#?}");
        }
    }
}

/// On software adapters alone; more blocks than processors and the last not full, channels that pad a group, the
/// widest that it is chosen for.
#[test]
fn conv3x3_winograd_fused() {
    let mut cases = conv3x3_of_any_channels(Variant::WinogradFused);
    for (shape, outputs) in [
        (Shape::new(20, 69, 77), 44),
        (Shape::new(256, 15, 31), 128),
        // On two processors more turns of the loops than one dispatch may do.
        (Shape::new(16, 520, 600), 64),
    ] {
        cases.push(conv3x3::Case::forward(
            Variant::WinogradFused,
            shape,
            outputs,
        ));
    }
    // With run-time checks only small ones can run, see `winograd_fused::supports`.
    for (gpu, least) in [(gpu(), cases.len()), (checked(), 4)] {
        if gpu.has_subgroups() && gpu.adapter().is_software() {
            let checks = wait(gpu, check_conv3x3(gpu, &cases)).unwrap();
            assert!(checks.len() >= least, "{checks:#?}");
            let failed: Vec<&Check> = checks.iter().filter(|check| !check.passed()).collect();
            assert!(failed.is_empty(), "{failed:#?}");
        }
    }
}

/// More input channels than two steps take, more than one band, output channels beyond a workgroup.
#[test]
fn conv3x3_winograd_tiled() {
    let mut cases = conv3x3_of_any_channels(Variant::WinogradTiled);
    cases.push(conv3x3::Case::forward(
        Variant::WinogradTiled,
        Shape::new(512, 61, 45),
        68,
    ));
    cases.extend(conv3x3_in_slices(Variant::WinogradTiled, [24, 72], 4));
    everywhere(async |gpu| check_conv3x3(gpu, &cases).await);
}

/// Every variant reads on beyond the edge alike, and the fold completes the gradient of each. The lesson alone is tried
/// everywhere: a border is one knob more, and compiling all variants with it on every device would take minutes.
#[test]
fn conv3x3_borders() {
    for border in [Border::Replicate, Border::Wrap] {
        let cases = Variant::ALL.map(|variant| conv3x3_with_border(variant, border));
        everywhere(async |gpu| check_conv3x3(gpu, &cases[0]).await);
        let checks = wait(gpu(), check_conv3x3(gpu(), &cases.concat())).unwrap();
        let failed: Vec<&Check> = checks.iter().filter(|check| !check.passed()).collect();
        assert!(failed.is_empty(), "{failed:#?}");
    }
}

#[test]
fn conv3x3_direct_portable() {
    let mut cases = conv3x3_of_any_channels(Variant::DirectPortable);
    cases.extend(conv3x3_in_slices(Variant::DirectPortable, [24, 32], 2));
    let cases = in_both_packings(cases);
    everywhere(async |gpu| check_conv3x3(gpu, &cases).await);
}

/// Output channels beyond those of a workgroup, maps beyond its pixels, both not to the full.
#[test]
fn conv3x3_gemm() {
    let mut cases = conv3x3_of_any_channels(Variant::Gemm);
    cases.extend(conv3x3_in_slices(Variant::Gemm, [24, 72], 2));
    let cases = in_both_packings(cases);
    everywhere(async |gpu| check_conv3x3(gpu, &cases).await);
}

/// Up to three input channels, in both directions, in one piece and in slices of the output.
fn conv3x3_of_few_channels(variant: Variant) -> Vec<conv3x3::Case> {
    let pairs = [[3, 4], [2, 6], [1, 12], [3, 64]];
    let forward = pairs.map(|[c, o]| conv3x3_cases(variant, c, o)).concat();
    let turned = pairs.map(|[c, o]| conv3x3_cases(variant, o, c)).concat();
    let mut cases = [forward, turned].concat();
    cases.extend(conv3x3_in_slices(variant, [3, 52], 4));
    cases
}

#[test]
fn conv3x3_from_rgb() {
    let cases = conv3x3_of_few_channels(Variant::FromRgb);
    everywhere(async |gpu| check_conv3x3(gpu, &cases).await);
}

#[test]
fn conv3x3_from_rgb_broadcast() {
    let cases = conv3x3_of_few_channels(Variant::FromRgbBroadcast);
    for gpu in [gpu(), checked()] {
        if gpu.can_run(Variant::FromRgbBroadcast.kernel()) {
            let checks = wait(gpu, check_conv3x3(gpu, &cases)).unwrap();
            assert!(!checks.is_empty());
            let failed: Vec<&Check> = checks.iter().filter(|check| !check.passed()).collect();
            assert!(failed.is_empty(), "{failed:#?}");
        }
    }
}

/// They never multiply the fourth lane of their input.
#[test]
fn conv3x3_from_rgb_refuses_a_fourth_channel() {
    for variant in [Variant::FromRgb, Variant::FromRgbBroadcast] {
        let case = |channels| {
            let shape = Shape::new(channels, 3, 5);
            conv3x3::Case::forward(variant, shape, 12)
        };
        assert_eq!(case(3).is_supported(gpu()), gpu().can_run(variant.kernel()));
        assert!(!case(4).is_supported(gpu()));
    }
}

#[test]
fn conv3x3_to_rgb() {
    let pairs = [[4, 3], [6, 3], [12, 4], [64, 3]];
    let forward = pairs
        .map(|[c, o]| conv3x3_cases(Variant::ToRgb, c, o))
        .concat();
    let turned = pairs
        .map(|[c, o]| conv3x3_cases(Variant::ToRgb, o, c))
        .concat();
    let mut cases = [forward, turned].concat();
    cases.extend(conv3x3_in_slices(Variant::ToRgb, [44, 3], 4));
    everywhere(async |gpu| check_conv3x3(gpu, &cases).await);
}

/// What the benches time is right: every variant on the shapes of the network itself.
#[test]
fn shapes_of_the_benches() {
    wait(gpu(), async {
        let mut checks = Vec::new();
        for (channels, output) in shapes::convolutions() {
            for variant in Variant::ALL {
                let shape = output.with_channels(channels);
                let case = conv3x3::Case::forward(variant, shape, output.channels);
                checks.extend(check_conv3x3(gpu(), &[case]).await?);
            }
        }
        for shape in shapes::grams() {
            checks.push(
                doctor::gram::forward(gpu(), Tiling::choose(gpu()), shape, WHOLE, None, 1).await?,
            );
            let how = (MERGES[0], Evenness::Even);
            checks.push(doctor::gram::gradient(gpu(), shape, how, None, 1).await?);
        }
        let shape = shapes::pooled();
        for pooling in [Pooling::Max, Pooling::Average] {
            checks.push(doctor::pool2::forward(gpu(), pooling, shape, None, 1).await?);
            let gradient = doctor::pool2::gradient(gpu(), pooling, shape, MERGES[0], None, 1);
            checks.push(gradient.await?);
        }
        let failed: Vec<&Check> = checks.iter().filter(|check| !check.passed()).collect();
        assert!(failed.is_empty(), "{failed:#?}");
        Ok::<(), GpuError>(())
    })
    .unwrap();
}

#[test]
fn relu() {
    everywhere(async |gpu| {
        let mut checks = Vec::new();
        for [height, width] in SIZES {
            for channels in [3, 12] {
                let shape = Shape::new(channels, height, width);
                checks.push(doctor::relu::forward(gpu, shape, None, 1).await?);
                for merge in [merge(false, false), merge(true, false)] {
                    checks.push(doctor::relu::gradient(gpu, shape, merge, None, 2).await?);
                }
            }
        }
        let (shape, limit) = (Shape::new(20, 9, 13), Some(group_bytes(2, [9, 13])));
        checks.push(doctor::relu::forward(gpu, shape, limit, 3).await?);
        checks.push(doctor::relu::gradient(gpu, shape, merge(true, false), limit, 4).await?);
        Ok(checks)
    });
}

#[test]
fn maxpool2() {
    everywhere(async |gpu| check_pool2(gpu, Pooling::Max).await);
}

#[test]
fn avgpool2() {
    everywhere(async |gpu| check_pool2(gpu, Pooling::Average).await);
}

async fn check_pool2(gpu: &Gpu, pooling: Pooling) -> Result<Vec<Check>, GpuError> {
    let mut checks = Vec::new();
    for [height, width] in POOLED_SIZES {
        for channels in [3, 12] {
            let shape = Shape::new(channels, height, width);
            checks.push(doctor::pool2::forward(gpu, pooling, shape, None, 1).await?);
            for merge in MERGES {
                let check = doctor::pool2::gradient(gpu, pooling, shape, merge, None, 2);
                checks.push(check.await?);
            }
        }
    }
    let (shape, limit) = (Shape::new(20, 9, 13), Some(group_bytes(2, [9, 13])));
    checks.push(doctor::pool2::forward(gpu, pooling, shape, limit, 3).await?);
    checks.push(doctor::pool2::gradient(gpu, pooling, shape, merge(true, true), limit, 4).await?);
    Ok(checks)
}

#[test]
fn crop() {
    everywhere(async |gpu| {
        let mut checks = Vec::new();
        for case in crop_cases() {
            checks.push(doctor::crop::forward(gpu, &case).await?);
            checks.push(doctor::crop::gradient(gpu, &case).await?);
            checks.push(doctor::crop::paste(gpu, &case).await?);
            checks.push(doctor::crop::paste_gradient(gpu, &case).await?);
        }
        Ok(checks)
    });
}

#[test]
fn picture_input() {
    everywhere(async |gpu| {
        let mut checks = Vec::new();
        for [height, width] in SIZES {
            let size = [width, height];
            for window in cases::windows(size) {
                checks.push(doctor::picture_input::forward(gpu, size, window, 1).await?);
                for merge in [merge(false, false), merge(true, false)] {
                    for limit in [None, Some(1024)] {
                        let gradient =
                            doctor::picture_input::gradient(gpu, size, window, merge, limit, 2);
                        checks.push(gradient.await?);
                    }
                }
            }
        }
        Ok(checks)
    });
}

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
        let (shape, limit) = (Shape::new(52, 9, 13), Some(group_bytes(4, [9, 13])));
        for evenness in [Evenness::Even, Evenness::Weighted] {
            let how = (Part::Second, evenness);
            checks.push(doctor::moments::mean(gpu, shape, how, limit, 3).await?);
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
        let (shape, limit) = (Shape::new(52, 9, 13), Some(group_bytes(4, [9, 13])));
        for merge in MERGES {
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

const WHOLE: (Part, Evenness) = (Part::Whole, Evenness::Even);

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
    let (shape, limit) = (Shape::new(52, 9, 13), Some(group_bytes(4, [9, 13])));
    for how in ways {
        checks.push(doctor::gram::forward(gpu, tiling, shape, how, limit, 3).await?);
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
    let (shape, limit) = (Shape::new(52, 9, 13), Some(group_bytes(4, [9, 13])));
    for merge in MERGES {
        let how = (merge, Evenness::Weighted);
        checks.push(doctor::gram::gradient(gpu, shape, how, limit, 3).await?);
    }
    Ok(checks)
}

#[test]
fn content_loss() {
    everywhere(async |gpu| {
        let mut checks = Vec::new();
        for case in map_cases() {
            for evenness in [Evenness::Even, Evenness::Weighted] {
                checks.push(losses::content_value(gpu, &case, evenness).await?);
                checks.push(losses::content_gradient(gpu, &case, evenness).await?);
            }
        }
        Ok(checks)
    });
}

/// At the floor of the cosine, above it, and without one.
#[test]
fn alignment_loss() {
    everywhere(async |gpu| {
        let mut checks = Vec::new();
        for case in map_cases() {
            for (power, against) in [(0.0, false), (0.0, true), (2.0, false), (2.0, true)] {
                let check = doctor::alignment_loss::check(gpu, &case, power, against);
                checks.push(check.await?);
            }
        }
        Ok(checks)
    });
}

/// Sides of one pixel, odd and even, primes and powers of two.
#[test]
fn fourier() {
    everywhere(async |gpu| {
        let mut checks = Vec::new();
        for size in [
            [1, 1],
            [2, 1],
            [1, 3],
            [5, 3],
            [8, 6],
            [19, 1],
            [33, 17],
            [64, 32],
        ] {
            checks.push(doctor::fourier::forward(gpu, size, 1).await?);
            checks.push(doctor::fourier::gradient(gpu, size, 2).await?);
        }
        Ok(checks)
    });
}

/// Also where the colours are as good as black and white.
#[test]
fn decorrelate() {
    everywhere(async |gpu| {
        let mut checks = Vec::new();
        for pixels in [1, 63, 500] {
            for stretch in [1.0, 200.0] {
                checks.push(doctor::decorrelate::forward(gpu, pixels, stretch, 1).await?);
            }
            checks.push(doctor::decorrelate::gradient(gpu, pixels, 2).await?);
        }
        Ok(checks)
    });
}

/// The map that changes nothing, moves by whole pixels and parts, scales beyond what transforms do, quarter turns, and
/// a picture of which nothing is seen.
#[test]
fn resample() {
    let case = |size, seen, scale, angle, shift| doctor::resample::Case {
        size,
        seen,
        scale,
        angle,
        shift,
        seed: 3,
    };
    let cases = [
        case([1, 1], [1, 1], 1.0, 0.0, [0.0, 0.0]),
        case([19, 5], [19, 5], 1.0, 0.0, [0.0, 0.0]),
        case([19, 5], [23, 9], 1.0, 0.0, [-2.0, -2.0]),
        case([19, 5], [7, 3], 1.0, 0.0, [3.0, 1.0]),
        case([33, 17], [33, 17], 0.9, -0.17, [0.3, 1.7]),
        case([33, 17], [40, 25], 1.1, 0.17, [-4.2, 1.1]),
        case([33, 17], [40, 25], 3.0, 1.2, [5.5, 1.1]),
        case([33, 17], [9, 9], 0.3, 0.5, [1.5, 1.1]),
        case([6, 6], [5, 5], 1.0, 0.0, [90.0, -1e6]),
    ];
    everywhere(async |gpu| {
        let mut checks = Vec::new();
        for case in &cases {
            checks.push(doctor::resample::forward(gpu, case).await?);
            checks.push(doctor::resample::gradient(gpu, case).await?);
        }
        Ok(checks)
    });
}

#[test]
fn style_loss() {
    everywhere(async |gpu| {
        let mut checks = Vec::new();
        for channels in [4, 12, 64, 100] {
            checks.push(losses::style_value(gpu, channels, 1).await?);
            for merge in [merge(false, false), merge(true, false)] {
                checks.push(losses::style_gradient(gpu, channels, merge, 2).await?);
            }
        }
        Ok(checks)
    });
}

#[test]
fn tv_loss() {
    everywhere(async |gpu| {
        let mut checks = Vec::new();
        for [height, width] in [[1, 1], [3, 5], [1, 19], [19, 1], [17, 33], [50, 51]] {
            let size = [width, height];
            // The second in bands of few rows that begin anywhere; 256 bytes go for where views may begin.
            let few_rows = Some(256 + 5 * 4 * width as u64);
            for limit in [None, few_rows] {
                checks.push(losses::tv_value(gpu, size, limit, 1).await?);
                for merge in [merge(false, false), merge(true, false)] {
                    checks.push(losses::tv_gradient(gpu, (size, limit), merge, 2).await?);
                }
            }
        }
        Ok(checks)
    });
}

/// More threads than 65 535 workgroups hold: they fold over a second dimension.
#[test]
fn a_large_picture_folds_its_workgroups() {
    let check = wait(
        gpu(),
        losses::tv_gradient(gpu(), ([1200, 1200], None), merge(false, false), 1),
    );
    let check = check.unwrap();
    assert!(check.passed(), "{check:?}");
}

#[test]
fn sum() {
    everywhere(async |gpu| {
        let mut checks = Vec::new();
        for count in [1, 3, 255, 257, 4096, 12_288] {
            checks.push(losses::sum(gpu, count, false, 1).await?);
            checks.push(losses::sum(gpu, count, true, 1).await?);
        }
        Ok(checks)
    });
}

#[test]
fn fma_peak() {
    everywhere(async |gpu| Ok(vec![doctor::fma_peak::check(gpu, 5).await?]));
}

#[test]
fn copy_bandwidth() {
    everywhere(async |gpu| {
        let mut checks = Vec::new();
        for count in [4, 960, 1024, 70_000] {
            checks.push(doctor::copy_bandwidth::check(gpu, count).await?);
        }
        Ok(checks)
    });
}

/// What a variant costs on paper is what its dispatches say.
#[test]
fn conv3x3_costs_on_paper_are_those_of_the_dispatches() {
    let side = 40;
    // Weights that are no f16, then some that are.
    for (c_in, c_out, weight) in [(64, 64, 0.1), (128, 96, 0.5), (64, 3, 0.1), (3, 64, 0.5)] {
        let filter = Filter {
            c_in,
            c_out,
            weight: vec![weight; 9 * c_in * c_out],
            bias: vec![],
        };
        let output = Shape::new(c_out, side, side);
        let x = FeatureMap::zeros(gpu(), "x", output.with_channels(c_in)).unwrap();
        let y = FeatureMap::zeros(gpu(), "y", output).unwrap();
        let supported = |variant: &Variant| variant.supports(gpu().profile(), &filter, output);
        for variant in Variant::ALL.into_iter().filter(supported) {
            let filter = DeviceFilter::upload(gpu(), "filter", &filter, variant).unwrap();
            let mut recorder = Recorder::new(gpu());
            impasto::kernels::conv3x3::record(
                &mut recorder,
                &filter,
                Border::Zero,
                &x,
                &y,
                Epilogue::default(),
            )
            .unwrap();
            let recording = recorder.finish(gpu()).unwrap();
            let sum = |of: fn(&DispatchInfo) -> u64| recording.infos().iter().map(of).sum::<u64>();
            let paper = variant.cost(filter.packing(), [c_in, c_out], [side, side]);
            assert_eq!(sum(|info| info.flop), paper.flop, "{variant}");
            assert_eq!(sum(|info| info.real_flop), paper.real_flop, "{variant}");
            assert_eq!(sum(|info| info.bytes), paper.bytes, "{variant}");
        }
    }
}

/// One value a lane and many, all decays, a bad value, pictures larger than a binding.
#[test]
fn average() {
    let case = |values, updates, decay, bad| doctor::average::Case {
        values,
        updates,
        decay,
        bad,
        binding_limit: None,
    };
    let mut cases = vec![
        case(4, 1, 0.5, None),
        case(68, 3, 0.0, None),
        case(1004, 40, 0.9, None),
        case(1004, 12, 0.99, Some(7)),
        case(66_000, 2, 0.75, Some(2)),
    ];
    cases.push(doctor::average::Case {
        binding_limit: Some(2000),
        ..cases[3]
    });
    everywhere(async |gpu| {
        let mut checks = Vec::new();
        for case in &cases {
            checks.push(doctor::average::check(gpu, case).await?);
        }
        Ok(checks)
    });
}

#[test]
fn the_doctor_reports_every_kernel_family() {
    let mut reported = Vec::new();
    let checks = wait(
        gpu(),
        doctor::check_all(gpu(), |check| reported.push(check.clone())),
    )
    .unwrap();
    for check in &checks {
        assert!(check.passed(), "{check:?}");
    }
    assert_eq!(reported, checks);
    for kernel in impasto::kernels::catalogue() {
        let stem = kernel.shader.stem;
        let known = checks.iter().any(|check| check.name.starts_with(stem));
        let available = gpu().has_subgroups() || !kernel.needs_subgroups;
        // Of the twins the adapter gets one; the three passes of Winograd are checked together.
        let family = ["gram_gradient", "conv3x3_winograd"]
            .into_iter()
            .find(|family| stem.starts_with(family))
            .unwrap_or(stem);
        let family_known = checks.iter().any(|check| check.name.starts_with(family));
        assert!(
            known || !available || family_known,
            "nothing was said about {stem}"
        );
    }
}

#[test]
fn a_deviation_that_is_no_number_does_not_pass() {
    let check = |deviation| Check {
        name: String::new(),
        deviation,
        tolerance: 1e-5,
    };
    assert!(check(1e-5).passed());
    assert!(!check(1.1e-5).passed());
    assert!(!check(f64::INFINITY).passed());
    assert!(!check(f64::NAN).passed());
}
