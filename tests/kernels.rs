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
#[path = "kernels/statistics.rs"]
mod statistics;
mod support;
#[path = "kernels/visualisation.rs"]
mod visualisation;

use cases::{
    MERGES, conv3x3_cases, conv3x3_in_slices, conv3x3_of_any_channels, conv3x3_with_border,
    crop_cases, group_bytes, in_both_packings, map_cases, merge,
};
use devices::{checked, everywhere, portable};
use impasto::doctor::Evenness;
use impasto::doctor::{self, Check, conv3x3, losses};
use impasto::gpu::{DispatchInfo, Gpu, GpuError, Recorder};
use impasto::kernels::FeatureMap;
use impasto::kernels::conv3x3::{DeviceFilter, Epilogue, Filter, Variant};
use impasto::kernels::gram::Tiling;
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
                doctor::gram::forward(
                    gpu(),
                    Tiling::choose(gpu()),
                    shape,
                    statistics::WHOLE,
                    None,
                    1,
                )
                .await?,
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
