//! Every kernel against the f64 reference: odd shapes, every variant, every flag, maps in slices.
//!
//! Each check runs its kernel twice, on buffers full of canaries, see `impasto::doctor`. Everything runs on the adapter
//! as it is; then, convolutions with fewer flags, with all run-time checks of the shader compiler, with nothing beyond what
//! WebGPU guarantees, and with the other loads.

#[path = "kernels/cases.rs"]
mod cases;
#[path = "kernels/convolution.rs"]
mod convolution;
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

use cases::{MERGES, crop_cases, group_bytes, map_cases, merge};
use devices::everywhere;
use impasto::doctor::Evenness;
use impasto::doctor::{self, Check, conv3x3, losses};
use impasto::gpu::{Gpu, GpuError};
use impasto::kernels::conv3x3::Variant;
use impasto::kernels::gram::Tiling;
use impasto::kernels::pool2::Pooling;
use impasto::shape::{Shape, Window};
use shapes::{POOLED_SIZES, SIZES};
use support::{gpu, wait};

/// What the benches time is right: every variant on the shapes of the network itself.
#[test]
fn shapes_of_the_benches() {
    wait(gpu(), async {
        let mut checks = Vec::new();
        for (channels, output) in shapes::convolutions() {
            for variant in Variant::ALL {
                let shape = output.with_channels(channels);
                let case = conv3x3::Case::forward(variant, shape, output.channels);
                checks.extend(convolution::check_conv3x3(gpu(), &[case]).await?);
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
        for pooling in Pooling::ALL {
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

#[test]
fn l2pool2() {
    everywhere(async |gpu| check_pool2(gpu, Pooling::L2).await);
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
                checks.push(doctor::picture_input::forward(gpu, size, window, None, 1).await?);
                for merge in [merge(false, false), merge(true, false)] {
                    for limit in [None, Some(1024)] {
                        let gradient =
                            doctor::picture_input::gradient(gpu, size, window, merge, limit, 2);
                        checks.push(gradient.await?);
                    }
                }
            }
        }
        // A window of a picture of which a binding holds a few rows.
        let (size, limit) = ([201, 23], Some(2560));
        for left in [0, 67] {
            let window = Window {
                left,
                top: 3,
                width: 9,
                height: 17,
            };
            checks.push(doctor::picture_input::forward(gpu, size, window, limit, 1).await?);
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
fn the_doctor_checks_what_it_is_asked_for() {
    let wanted = |shader: &str| shader == "content_loss" || shader == "conv3x3_to_rgb";
    let checks = wait(gpu(), doctor::check_shaders(gpu(), wanted, |_| {})).unwrap();
    let kernels: Vec<&str> = checks
        .iter()
        .filter_map(|check| check.name.split(' ').next())
        .collect();
    for kernel in [
        "conv3x3_to_rgb",
        "content_loss.value",
        "content_loss.gradient",
    ] {
        assert!(kernels.contains(&kernel), "{kernel} is not in {kernels:?}");
    }
    assert!(
        kernels
            .iter()
            .all(|kernel| wanted(kernel.split('.').next().unwrap())),
        "{kernels:?}"
    );
}

/// A stem that is written wrongly would be asked for in vain, and its kernel never checked by itself.
#[test]
fn the_doctor_asks_for_shaders_that_exist_and_for_all_of_them() {
    let asked = std::cell::RefCell::new(std::collections::BTreeSet::new());
    let none = |shader: &str| {
        asked.borrow_mut().insert(shader.to_string());
        false
    };
    let checks = wait(gpu(), doctor::check_shaders(gpu(), none, |_| {})).unwrap();
    assert_eq!(checks, []);
    let mut asked = asked.into_inner();
    // With the multiplication, and with the convolution whose gradient they end.
    let together = ["input", "output"].map(|pass| format!("conv3x3_winograd_{pass}"));
    asked.extend(together);
    asked.insert("conv3x3_replicate".to_string());
    let known = impasto::kernels::catalogue();
    for shader in &asked {
        let exists = known.iter().any(|kernel| kernel.shader.stem == shader);
        assert!(exists, "there is no shader {shader}");
    }
    // A GPU, which could run them, is given other variants.
    let of_processors = ["conv3x3_winograd_multiply", "conv3x3_winograd_fused"];
    for kernel in known.iter().filter(|kernel| gpu().can_run(kernel)) {
        let stem = kernel.shader.stem;
        if of_processors.contains(&stem) && !gpu().adapter().is_software() {
            continue;
        }
        assert!(asked.contains(stem), "{stem} is never asked for");
    }
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
        fault: None,
    };
    assert!(check(1e-5).passed());
    assert!(!check(1.1e-5).passed());
    assert!(!check(f64::INFINITY).passed());
    assert!(!check(f64::NAN).passed());
}
