//! 3×3 convolutions, every variant in both directions, against the f64 reference.

use super::cases::{
    MERGES, conv3x3_cases, conv3x3_in_slices, conv3x3_of_any_channels, conv3x3_with_border,
    group_bytes, in_both_packings, in_few_kernels,
};
use super::devices::{checked, everywhere, other_loads, portable};
use super::support::{gpu, wait};
use impasto::doctor::{Check, conv3x3, pooled_convolution};
use impasto::gpu::{DispatchInfo, Gpu, GpuError, Recorder};
use impasto::kernels::FeatureMap;
use impasto::kernels::conv3x3::{DeviceFilter, Epilogue, Filter, Variant};
use impasto::shape::{Border, Shape};

pub async fn check_conv3x3(gpu: &Gpu, cases: &[conv3x3::Case]) -> Result<Vec<Check>, GpuError> {
    let mut checks = Vec::new();
    for case in cases.iter().filter(|case| case.is_supported(gpu)) {
        checks.push(conv3x3::check(gpu, case).await?);
    }
    Ok(checks)
}

/// What of `cases` a device is tried on: all on the adapter as it is, their sizes in few kernels on others, see
/// [`in_few_kernels`]. Slices want a kernel more, which with run-time checks may take 40 s to compile (conv3x3_direct, Mesa's
/// software driver), and have nothing to do with checks: there they are left out.
fn cases_for(device: &Gpu, cases: &[conv3x3::Case]) -> Vec<conv3x3::Case> {
    if std::ptr::eq(device, gpu()) {
        return cases.to_vec();
    }
    let mut few = in_few_kernels(cases);
    if device.profile().is_checked {
        few.retain(|case| case.binding_limit.is_none());
    }
    few
}

/// What of `cases` every device is tried on.
fn check_everywhere(cases: &[conv3x3::Case]) {
    everywhere(async |device| check_conv3x3(device, &cases_for(device, cases)).await);
}

/// The same on the adapter as it is, with run-time checks and with the other loads: for a variant that is written for
/// adapters of some kind, which `runs` tells. Nothing that such a device cannot do may be among the cases.
fn check_where(runs: impl Fn(&Gpu) -> bool, cases: &[conv3x3::Case]) {
    for device in [gpu(), checked(), other_loads()] {
        if runs(device) {
            let cases = cases_for(device, cases);
            assert_eq!(count_passed(device, &cases), cases.len());
        }
    }
}

/// How many of `cases` the adapter can run; all that it can must pass.
fn count_passed(gpu: &Gpu, cases: &[conv3x3::Case]) -> usize {
    let checks = wait(gpu, check_conv3x3(gpu, cases)).unwrap();
    let failed: Vec<&Check> = checks.iter().filter(|check| !check.passed()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    checks.len()
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
    check_everywhere(&cases);
}

#[test]
fn conv3x3_direct() {
    let cases = in_both_packings(conv3x3_of_any_channels(Variant::Direct));
    check_where(Gpu::has_subgroups, &cases);
    let supported = cases.iter().filter(|case| case.is_supported(portable()));
    assert_eq!(supported.count(), 0, "it needs subgroup operations");
}

/// On software adapters alone, where it pays; several bands, odd sizes, channels that pad a group.
#[test]
fn conv3x3_winograd() {
    let mut cases = conv3x3_of_any_channels(Variant::Winograd);
    // More than one band, then as many tiles as half a block.
    for (shape, outputs) in [(Shape::new(512, 61, 53), 64), (Shape::new(36, 15, 31), 40)] {
        cases.push(conv3x3::Case::forward(Variant::Winograd, shape, outputs));
    }
    cases.extend(conv3x3_in_slices(Variant::Winograd, [24, 72], 4));
    check_where(
        |gpu| gpu.has_subgroups() && gpu.adapter().is_software(),
        &cases,
    );
}

/// There and back, on sizes that end within a tile and within a window, in slices, and beyond a block.
#[test]
fn conv3x3_pooled() {
    let case = |variant, shape, merge| pooled_convolution::Case {
        variant,
        shape,
        outputs: 20,
        merge,
        binding_limit: None,
        seed: 5,
    };
    let mut cases = Vec::new();
    for variant in Variant::ALL.into_iter().filter(|variant| variant.pools()) {
        let sizes = [[2, 2], [3, 5], [4, 4], [5, 2], [2, 9], [7, 8], [39, 45]];
        for (index, [height, width]) in sizes.into_iter().enumerate() {
            let shape = Shape::new(18, height, width);
            cases.push(case(variant, shape, MERGES[index % 2 * 3]));
        }
        // Of the widest that it is chosen for, more tiles than a block of one processor.
        cases.push(pooled_convolution::Case {
            outputs: 130,
            ..case(variant, Shape::new(66, 31, 70), MERGES[3])
        });
        if variant != Variant::WinogradFused {
            cases.push(pooled_convolution::Case {
                outputs: 72,
                binding_limit: Some(group_bytes(4, [9, 13])),
                ..case(variant, Shape::new(24, 9, 13), MERGES[3])
            });
        }
    }
    // Half of the kernels for run-time checks and for other loads, which have nothing to do with what is merged.
    let merging = cases.iter().filter(|case| case.merge.mask).copied();
    let merging: Vec<pooled_convolution::Case> = merging.collect();
    for (gpu, cases) in [
        (gpu(), &cases),
        (checked(), &merging),
        (other_loads(), &merging),
    ] {
        let mut checks = Vec::new();
        for case in cases.iter().filter(|case| case.is_supported(gpu)) {
            checks.push(wait(gpu, pooled_convolution::check(gpu, case)).unwrap());
        }
        let least = if gpu.adapter().is_software() && gpu.has_subgroups() {
            // With run-time checks the widest map cannot be done in one.
            cases.len() - 1
        } else {
            cases.len() / 3
        };
        assert!(checks.len() >= least, "{checks:#?}");
        let failed: Vec<&Check> = checks.iter().filter(|check| !check.passed()).collect();
        assert!(failed.is_empty(), "{failed:#?}");
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
    let few = in_few_kernels(&conv3x3_cases(Variant::WinogradFused, 6, 12));
    for (gpu, cases) in [(gpu(), cases), (checked(), few)] {
        if gpu.has_subgroups() && gpu.adapter().is_software() {
            assert_eq!(count_passed(gpu, &cases), cases.len());
        }
    }
}

/// More input channels than two steps take, more than one band, output channels beyond a workgroup.
#[test]
fn conv3x3_winograd_tiled() {
    let mut cases = conv3x3_of_any_channels(Variant::WinogradTiled);
    cases.push(conv3x3::Case::forward(
        Variant::WinogradTiled,
        Shape::new(512, 61, 53),
        68,
    ));
    cases.extend(conv3x3_in_slices(Variant::WinogradTiled, [24, 72], 4));
    check_everywhere(&cases);
}

/// Every variant reads on beyond the edge alike, and the fold completes the gradient of each. The lesson alone is tried
/// everywhere and in slices: a border is one knob more, and compiling all variants with it on every device would take minutes.
#[test]
fn conv3x3_borders() {
    for border in [Border::Replicate, Border::Wrap] {
        let [plain, others @ ..] = Variant::ALL.map(|variant| conv3x3_with_border(variant, border));
        check_everywhere(&plain);
        let in_one_piece = |case: &conv3x3::Case| case.binding_limit.is_none();
        let others = others.concat().into_iter().filter(in_one_piece);
        count_passed(gpu(), &others.collect::<Vec<_>>());
    }
}

#[test]
fn conv3x3_direct_portable() {
    let mut cases = conv3x3_of_any_channels(Variant::DirectPortable);
    cases.extend(conv3x3_in_slices(Variant::DirectPortable, [24, 32], 2));
    let cases = in_both_packings(cases);
    check_everywhere(&cases);
}

/// Output channels beyond those of a workgroup, maps beyond its pixels, both not to the full.
#[test]
fn conv3x3_gemm() {
    let mut cases = conv3x3_of_any_channels(Variant::Gemm);
    cases.extend(conv3x3_in_slices(Variant::Gemm, [24, 72], 2));
    let cases = in_both_packings(cases);
    check_everywhere(&cases);
}

/// More workgroups than fit along x: they go on along z, where the last one is beyond the map.
#[test]
fn conv3x3_gemm_of_a_map_with_many_tiles() {
    let shape = Shape::new(1, 8 * 65_536 + 3, 1);
    let case = conv3x3::Case::forward(Variant::Gemm, shape, 4);
    assert_eq!(count_passed(gpu(), &[case]), 1);
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
    check_everywhere(&cases);
}

#[test]
fn conv3x3_from_rgb_broadcast() {
    let mut cases = conv3x3_of_few_channels(Variant::FromRgbBroadcast);
    // It goes one way only.
    cases.retain(|case| case.is_supported(gpu()));
    let can_run = |gpu: &Gpu| gpu.can_run(Variant::FromRgbBroadcast.kernel());
    assert_eq!(can_run(gpu()), !cases.is_empty());
    check_where(can_run, &cases);
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
    check_everywhere(&cases);
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
            let recording = recorder.finish().unwrap();
            let sum = |of: fn(&DispatchInfo) -> u64| recording.infos().iter().map(of).sum::<u64>();
            let paper = variant.cost(filter.packing(), [c_in, c_out], [side, side]);
            assert_eq!(sum(|info| info.flop), paper.flop, "{variant}");
            assert_eq!(sum(|info| info.real_flop), paper.real_flop, "{variant}");
            assert_eq!(sum(|info| info.bytes), paper.bytes, "{variant}");
        }
    }
}
