//! What the kernels are tried on.

use impasto::doctor::conv3x3;
use impasto::doctor::crop;
use impasto::doctor::losses::MapCase;
use impasto::kernels::Merge;
use impasto::kernels::conv3x3::{Packing, Variant};
use impasto::kernels::feature_map;
use impasto::shape::{Border, Shape, Window};

use crate::shapes::SIZES;

pub const MERGES: [Merge; 4] = [
    merge(false, false),
    merge(true, false),
    merge(false, true),
    merge(true, true),
];

pub const fn merge(accumulate: bool, mask: bool) -> Merge {
    Merge { accumulate, mask }
}

/// Bytes of so many channel groups of a map of this height and width.
pub fn group_bytes(groups: usize, [height, width]: [usize; 2]) -> u64 {
    feature_map::bytes(Shape::new(4 * groups, height, width))
}

/// Both passes of `variant` over `channels` → `outputs` on all sizes, the flags in turn.
pub fn conv3x3_cases(variant: Variant, channels: usize, outputs: usize) -> Vec<conv3x3::Case> {
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
pub fn conv3x3_in_slices(
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

/// Both passes of `variant` with `border`: sizes that wrap onto themselves, narrow and odd ones, and slices. The flags
/// are alike, so that each kernel is compiled once.
pub fn conv3x3_with_border(variant: Variant, border: Border) -> Vec<conv3x3::Case> {
    let [channels, outputs] = match variant {
        Variant::FromRgb | Variant::FromRgbBroadcast => [3, 20],
        Variant::ToRgb => [20, 3],
        _ => [20, 12],
    };
    let mut cases = Vec::new();
    for [height, width] in [[1, 1], [2, 2], [3, 5], [1, 19], [19, 1], [8, 4], [17, 33]] {
        let shape = Shape::new(channels, height, width);
        let forward = conv3x3::Case::forward(variant, shape, outputs);
        let gradient = conv3x3::Case {
            shape: shape.with_channels(outputs),
            outputs: channels,
            pass: conv3x3::Pass::Gradient(merge(true, true)),
            ..forward
        };
        cases.extend([forward, gradient]);
    }
    cases.extend(conv3x3_in_slices(variant, [44, 52], 4));
    let bordered = cases.into_iter();
    bordered
        .map(|case| conv3x3::Case { border, ..case })
        .collect()
}

/// All sizes over several numbers of channels, and maps in slices of four groups.
pub fn conv3x3_of_any_channels(variant: Variant) -> Vec<conv3x3::Case> {
    let pairs = [[3, 4], [4, 6], [6, 12], [12, 3], [24, 20], [64, 64]];
    let cases = pairs.map(|[channels, outputs]| conv3x3_cases(variant, channels, outputs));
    let mut cases = cases.concat();
    cases.extend(conv3x3_in_slices(variant, [44, 52], 4));
    cases
}

/// `cases` with weights in f32, and their sizes once more in f16.
pub fn in_both_packings(cases: Vec<conv3x3::Case>) -> Vec<conv3x3::Case> {
    let packing = Packing::F16;
    let halves = in_few_kernels(&cases);
    let halves = halves
        .into_iter()
        .map(|case| conv3x3::Case { packing, ..case });
    [&cases[..], &halves.collect::<Vec<_>>()].concat()
}

/// The sizes of `cases` in both passes, with an epilogue that does all it can, weights in f32, and slices of gradients alone:
/// three kernels where there were up to sixteen. A driver may take many seconds to compile one, and how a device differs
/// from the adapter as it is (run-time checks, loads, limits) has nothing to do with what an epilogue does.
pub fn in_few_kernels(cases: &[conv3x3::Case]) -> Vec<conv3x3::Case> {
    let full = cases.iter().filter_map(|&case| {
        let pass = match case.pass {
            conv3x3::Pass::Forward { .. } if case.binding_limit.is_some() => return None,
            conv3x3::Pass::Forward { .. } => conv3x3::Pass::Forward { relu: true },
            conv3x3::Pass::Gradient(_) => conv3x3::Pass::Gradient(merge(true, true)),
        };
        Some(conv3x3::Case { pass, ..case })
    });
    full.filter(|case| case.packing == Packing::F32).collect()
}

/// Odd maps with every way to join gradients, then one in slices.
pub fn map_cases() -> Vec<MapCase> {
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

/// All, the upper left corner, the lower right corner, some of the middle.
pub fn windows([width, height]: [usize; 2]) -> [Window; 4] {
    let window = |left, top, right, bottom| Window {
        left,
        top,
        width: right - left,
        height: bottom - top,
    };
    [
        window(0, 0, width, height),
        window(0, 0, width.div_ceil(3), height.div_ceil(2)),
        window(width - 1, height - 1, width, height),
        window(
            width / 4,
            height / 3,
            width - width / 3,
            height - height / 4,
        ),
    ]
}

/// Windows in corners, in the middle, of one position and of all, with every way to join gradients; then slices.
pub fn crop_cases() -> Vec<crop::Case> {
    let mut cases = Vec::new();
    for window in windows([33, 17]) {
        for (channels, merge) in [3, 4, 6, 12].into_iter().zip(MERGES) {
            cases.push(crop::Case {
                shape: Shape::new(channels, 17, 33),
                window,
                merge,
                binding_limit: None,
                seed: channels as u64,
            });
        }
    }
    cases.push(crop::Case {
        shape: Shape::new(52, 9, 13),
        window: windows([13, 9])[3],
        merge: merge(true, true),
        binding_limit: Some(group_bytes(4, [9, 14])),
        seed: 5,
    });
    cases
}
