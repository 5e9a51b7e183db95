//! Every kernel against the f64 reference: odd shapes, every variant, every flag, maps in slices.
//!
//! Each check runs its kernel twice, on buffers full of canaries, see `impasto::doctor`. Everything runs on the adapter
//! as it is, then with all run-time checks of the shader compiler, then with nothing beyond what WebGPU guarantees.

mod support;

use std::sync::OnceLock;

use impasto::doctor::losses::MapCase;
use impasto::doctor::{self, Check, conv3x3, losses};
use impasto::gpu::{Gpu, GpuError, GpuOptions};
use impasto::kernels::Merge;
use impasto::kernels::conv3x3::Variant;
use impasto::kernels::feature_map;
use impasto::kernels::pool2::Pooling;
use impasto::shape::Shape;
use support::{gpu, open, wait};

/// Height and width: a single pixel, odd sides, a strip, more than one workgroup.
const SIZES: [[usize; 2]; 4] = [[1, 1], [3, 5], [1, 19], [17, 33]];
/// Sizes that something is left of after pooling; the second loses a row and a column.
const POOLED_SIZES: [[usize; 2]; 4] = [[2, 2], [3, 5], [2, 19], [17, 33]];
const MERGES: [Merge; 4] = [
    merge(false, false),
    merge(true, false),
    merge(false, true),
    merge(true, true),
];

const fn merge(accumulate: bool, mask: bool) -> Merge {
    Merge { accumulate, mask }
}

/// The adapter with every run-time check.
fn checked() -> &'static Gpu {
    static GPU: OnceLock<Gpu> = OnceLock::new();
    GPU.get_or_init(|| {
        open(&GpuOptions {
            checked: true,
            ..GpuOptions::default()
        })
    })
}

/// The adapter with default limits and without subgroup operations.
fn portable() -> &'static Gpu {
    static GPU: OnceLock<Gpu> = OnceLock::new();
    GPU.get_or_init(|| {
        open(&GpuOptions {
            portable: true,
            ..GpuOptions::default()
        })
    })
}

/// Runs `checks` on all three devices; every one must pass.
fn everywhere(checks: impl AsyncFn(&Gpu) -> Result<Vec<Check>, GpuError>) {
    for (device, gpu) in [
        ("as it is", gpu()),
        ("checked", checked()),
        ("portable", portable()),
    ] {
        let checks = wait(gpu, checks(gpu)).unwrap();
        assert!(
            !checks.is_empty(),
            "nothing was checked on the adapter {device}"
        );
        let failed: Vec<&Check> = checks.iter().filter(|check| !check.passed()).collect();
        assert!(failed.is_empty(), "on the adapter {device}: {failed:#?}");
        let largest = checks
            .iter()
            .map(|check| check.deviation)
            .fold(0.0, f64::max);
        println!(
            "{device}: {} checks, deviations up to {largest:.1e}",
            checks.len()
        );
    }
}

/// Bytes of so many channel groups of a map of this height and width.
fn group_bytes(groups: usize, [height, width]: [usize; 2]) -> u64 {
    feature_map::bytes(Shape::new(4 * groups, height, width))
}

/// Both passes of `variant` over `channels` → `outputs` on all sizes, the flags in turn.
fn conv3x3_cases(variant: Variant, channels: usize, outputs: usize) -> Vec<conv3x3::Case> {
    let mut cases = Vec::new();
    for (index, [height, width]) in SIZES.into_iter().enumerate() {
        let forward = conv3x3::Case {
            pass: conv3x3::Pass::Forward {
                relu: index % 2 == 1,
            },
            seed: 7 * index as u64,
            ..conv3x3::Case::forward(variant, Shape::new(channels, height, width), outputs)
        };
        let pass = conv3x3::Pass::Gradient(MERGES[(index + channels) % 4]);
        cases.extend([forward, conv3x3::Case { pass, ..forward }]);
    }
    cases
}

/// A gradient with everything on and a forward pass with ReLU, in slices of so many channel groups.
fn conv3x3_in_slices(
    variant: Variant,
    [channels, outputs]: [usize; 2],
    groups: usize,
) -> [conv3x3::Case; 2] {
    let size = [9, 13];
    let forward = conv3x3::Case {
        binding_limit: Some(group_bytes(groups, size)),
        ..conv3x3::Case::forward(variant, Shape::new(channels, size[0], size[1]), outputs)
    };
    // The same filter the other way round, so that both passes see the same number of slices.
    let gradient = conv3x3::Case {
        shape: forward.shape.with_channels(outputs),
        outputs: channels,
        pass: conv3x3::Pass::Gradient(merge(true, true)),
        ..forward
    };
    [forward, gradient]
}

async fn check_conv3x3(gpu: &Gpu, cases: &[conv3x3::Case]) -> Result<Vec<Check>, GpuError> {
    let mut checks = Vec::new();
    for case in cases.iter().filter(|case| case.is_supported(gpu)) {
        checks.push(conv3x3::check(gpu, case).await?);
    }
    Ok(checks)
}

fn conv3x3_of_any_channels(variant: Variant) -> Vec<conv3x3::Case> {
    let pairs = [[3, 4], [4, 6], [6, 12], [12, 3], [24, 20], [64, 64]];
    let cases = pairs.map(|[channels, outputs]| conv3x3_cases(variant, channels, outputs));
    let mut cases = cases.concat();
    cases.extend(conv3x3_in_slices(variant, [44, 52], 4));
    cases
}

#[test]
fn conv3x3_plain() {
    let mut cases = conv3x3_of_any_channels(Variant::Plain);
    cases.extend(conv3x3_in_slices(Variant::Plain, [12, 20], 1));
    everywhere(async |gpu| check_conv3x3(gpu, &cases).await);
}

#[test]
fn conv3x3_direct() {
    let cases = conv3x3_of_any_channels(Variant::Direct);
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

#[test]
fn conv3x3_direct_portable() {
    let mut cases = conv3x3_of_any_channels(Variant::DirectPortable);
    cases.extend(conv3x3_in_slices(Variant::DirectPortable, [24, 32], 2));
    everywhere(async |gpu| check_conv3x3(gpu, &cases).await);
}

#[test]
fn conv3x3_from_rgb() {
    let pairs = [[3, 4], [2, 6], [1, 12], [3, 64]];
    let forward = pairs
        .map(|[c, o]| conv3x3_cases(Variant::FromRgb, c, o))
        .concat();
    let turned = pairs
        .map(|[c, o]| conv3x3_cases(Variant::FromRgb, o, c))
        .concat();
    let mut cases = [forward, turned].concat();
    cases.extend(conv3x3_in_slices(Variant::FromRgb, [3, 52], 4));
    everywhere(async |gpu| check_conv3x3(gpu, &cases).await);
}

/// It never multiplies the fourth lane of its input.
#[test]
fn conv3x3_from_rgb_refuses_a_fourth_channel() {
    let case = |channels| {
        let shape = Shape::new(channels, 3, 5);
        conv3x3::Case::forward(Variant::FromRgb, shape, 12)
    };
    assert!(case(3).is_supported(gpu()));
    assert!(!case(4).is_supported(gpu()));
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
fn picture_input() {
    everywhere(async |gpu| {
        let mut checks = Vec::new();
        for [height, width] in SIZES {
            let size = [width, height];
            checks.push(doctor::picture_input::forward(gpu, size, 1).await?);
            for merge in [merge(false, false), merge(true, false)] {
                checks.push(doctor::picture_input::gradient(gpu, size, merge, 2).await?);
            }
        }
        Ok(checks)
    });
}

/// Few and many channels; fewer pixels than chunks, and more.
#[test]
fn gram() {
    everywhere(async |gpu| {
        let mut checks = Vec::new();
        for [height, width] in SIZES {
            for channels in [4, 12, 64] {
                let shape = Shape::new(channels, height, width);
                checks.push(doctor::gram::forward(gpu, shape, None, 1).await?);
            }
        }
        for shape in [
            Shape::new(4, 70, 71),
            Shape::new(256, 3, 5),
            Shape::new(512, 2, 3),
        ] {
            checks.push(doctor::gram::forward(gpu, shape, None, 2).await?);
        }
        let (shape, limit) = (Shape::new(52, 9, 13), Some(group_bytes(4, [9, 13])));
        checks.push(doctor::gram::forward(gpu, shape, limit, 3).await?);
        Ok(checks)
    });
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
            checks.push(doctor::gram::gradient(gpu, shape, merge, None, 1).await?);
        }
    }
    for merge in MERGES {
        let shape = Shape::new(12, 17, 33);
        checks.push(doctor::gram::gradient(gpu, shape, merge, None, 2).await?);
    }
    let (shape, limit) = (Shape::new(52, 9, 13), Some(group_bytes(4, [9, 13])));
    for merge in MERGES {
        checks.push(doctor::gram::gradient(gpu, shape, merge, limit, 3).await?);
    }
    Ok(checks)
}

/// Odd maps with every way to join gradients, then one in slices.
fn map_cases() -> Vec<MapCase> {
    let mut cases = Vec::new();
    for [height, width] in SIZES {
        for (channels, merge) in [3, 4, 6, 12].into_iter().zip(MERGES) {
            cases.push(MapCase {
                shape: Shape::new(channels, height, width),
                merge,
                binding_limit: None,
                seed: channels as u64,
            });
        }
    }
    cases.push(MapCase {
        shape: Shape::new(52, 9, 13),
        merge: merge(true, true),
        binding_limit: Some(group_bytes(4, [9, 13])),
        seed: 5,
    });
    // More vec4s than the 4096 threads of a value pass.
    cases.push(MapCase {
        shape: Shape::new(6, 70, 71),
        merge: merge(false, true),
        binding_limit: None,
        seed: 6,
    });
    cases
}

#[test]
fn content_loss() {
    everywhere(async |gpu| {
        let mut checks = Vec::new();
        for case in map_cases() {
            checks.push(losses::content_value(gpu, &case).await?);
            checks.push(losses::content_gradient(gpu, &case).await?);
        }
        Ok(checks)
    });
}

#[test]
fn dream_loss() {
    everywhere(async |gpu| {
        let mut checks = Vec::new();
        for case in map_cases() {
            checks.push(losses::dream_value(gpu, &case).await?);
            checks.push(losses::dream_gradient(gpu, &case).await?);
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
            checks.push(losses::tv_value(gpu, size, 1).await?);
            for merge in [merge(false, false), merge(true, false)] {
                checks.push(losses::tv_gradient(gpu, size, merge, 2).await?);
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
        losses::tv_gradient(gpu(), [1200, 1200], merge(false, false), 1),
    );
    let check = check.unwrap();
    assert!(check.passed(), "{check:?}");
}

#[test]
fn sum() {
    everywhere(async |gpu| {
        let mut checks = Vec::new();
        for count in [1, 3, 255, 257, 4096, 12_288] {
            checks.push(losses::sum(gpu, count, 1).await?);
        }
        Ok(checks)
    });
}

#[test]
fn fma_peak() {
    everywhere(async |gpu| Ok(vec![doctor::fma_peak::check(gpu, 5).await?]));
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
        // Of the twins, the adapter gets one.
        let twin = stem.starts_with("gram_gradient");
        let twin_known = checks
            .iter()
            .any(|check| check.name.starts_with("gram_gradient"));
        assert!(
            known || !available || (twin && twin_known),
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
