//! Statistics of a part of a picture, against sums in f64 over its own feature maps.

use impasto::graph::Strategy;
use impasto::kernels::conv3x3::Preference;
use impasto::kernels::pool2::Pooling;
use impasto::net::Treatment;
use impasto::objective::{Features, Mask, Wanted, features};
use impasto::shape::Shape;

use super::{picture, relative_error, tiles};
use crate::support::{gpu, network, wait};

const SIZE: [usize; 2] = [112, 80];

/// White on the left, black on the right, with a ramp between.
fn mask() -> Mask {
    let [width, height] = SIZE;
    let values = (0..width * height).map(|at| (2.0 - (at % width) as f32 / 30.0).clamp(0.0, 1.0));
    Mask {
        width,
        height,
        values: values.collect(),
    }
}

fn look(wanted: &Wanted, strategy: &Strategy) -> Features {
    let (network, picture) = (network("vgg19"), picture(5, SIZE));
    let preference = Preference::default();
    let treatment = Treatment::from(Pooling::Max);
    let features = features(
        gpu(),
        network,
        treatment,
        &picture,
        wanted,
        &preference,
        strategy,
    );
    wait(gpu(), features).unwrap()
}

/// F·T·Fᵀ / M, then F·t / M.
fn moments((shape, map): &(Shape, Vec<f32>), weights: &[f32]) -> Vec<f32> {
    let positions = shape.height * shape.width;
    let row = |channel: usize| &map[channel * positions..][..positions];
    let mean = |value: &dyn Fn(usize) -> f64| -> f32 {
        let sum: f64 = (0..positions)
            .map(|at| f64::from(weights[at]) * value(at))
            .sum();
        (sum / positions as f64) as f32
    };
    let channels = 0..shape.channels;
    let products = channels.clone().flat_map(|a| {
        let (one, mean) = (row(a), &mean);
        channels.clone().map(move |b| {
            let other = row(b);
            mean(&|at| f64::from(one[at]) * f64::from(other[at]))
        })
    });
    let means = channels.clone().map(|a| mean(&|at| f64::from(row(a)[at])));
    products.chain(means).collect()
}

/// At once and in tiles. A position that sees across the border counts for little, and of the black side nothing counts.
#[test]
fn statistics_of_a_part_are_sums_over_it() {
    let architecture = network("vgg19").architecture;
    let layers = ["relu1_1", "relu2_1", "relu3_1"];
    let layers = layers.map(|name| architecture.layer_index(name).unwrap());
    let wanted = |part: Option<Mask>| Wanted {
        grams: layers.to_vec(),
        moments: layers.to_vec(),
        maps: layers.to_vec(),
        part,
    };
    let plain = look(&wanted(None), &Strategy::default());
    for strategy in [Strategy::default(), tiles(48, 48)] {
        let seen = look(&wanted(Some(mask())), &strategy);
        for (index, &layer) in layers.iter().enumerate() {
            let weights = mask().of_part(architecture, layer, SIZE);
            let expected = moments(&plain.maps[index], &weights);
            let (channels, found) = &seen.moments[index];
            assert_eq!(found.len(), expected.len());
            let off = relative_error(found, &expected);
            assert!(off < 1e-5, "{strategy} moments at {layer}: {off:.1e}");
            let gram = &expected[..channels * channels];
            let off = relative_error(&seen.grams[index].1, gram);
            assert!(off < 1e-5, "{strategy} Gram matrix at {layer}: {off:.1e}");
            let of_all = relative_error(&plain.grams[index].1, gram);
            assert!(of_all > 0.01, "the part is like the whole: {of_all:.1e}");
        }
    }
}

/// Where every position sees beyond the part, the more of it the more it counts.
#[test]
fn a_part_that_no_position_sees_alone_counts_as_far_as_it_is_seen() {
    let architecture = network("vgg19").architecture;
    let [width, height] = SIZE;
    let spot = |at: usize| at % width < 6 && at / width < 6;
    let spot = Mask {
        width,
        height,
        values: (0..width * height)
            .map(|at| f32::from(u8::from(spot(at))))
            .collect(),
    };
    let layer = architecture.layer_index("relu5_1").unwrap();
    assert_eq!(spot.at(architecture, layer, SIZE), None);
    let weights = spot.of_part(architecture, layer, SIZE);
    let positions = (width / 16) * (height / 16);
    assert_eq!(weights.len(), positions);
    let mean = weights.iter().sum::<f32>() / positions as f32;
    assert!((mean - 1.0).abs() < 1e-5, "{mean}");
    assert!(weights[1..].iter().all(|&weight| weight < weights[0]));
    let black = Mask {
        values: vec![0.0; width * height].into(),
        ..spot
    };
    let weights = black.of_part(architecture, layer, SIZE);
    assert!(weights.iter().all(|&weight| weight == 1.0));
}
