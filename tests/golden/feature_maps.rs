//! Features of every layer, and Gram matrices of them.

use impasto::graph::Strategy;
use impasto::kernels::conv3x3::Preference;
use impasto::kernels::pool2::Pooling;
use impasto::net::Network;
use impasto::objective::{Features, Wanted, features};
use impasto::paint::gatys;

use crate::support::{gpu, wait};
use crate::{archive, array, compare, network, picture};

const TOLERANCE: f64 = 1e-4;

/// What is `wanted` of a picture, by the kernels that `inspect` uses.
fn look(network: &Network, shown: &str, wanted: &Wanted) -> Features {
    let (exact, plain) = (Preference::exact(), Strategy::default());
    let shown = picture(shown);
    let max = Pooling::Max;
    let seen = features(gpu(), network, max, &shown, wanted, &exact, &plain);
    wait(gpu(), seen).unwrap()
}

fn features_agree(model: &str) {
    let network = network(model);
    let mut goldens = archive(&format!("{model}_features.npz"));
    // Convolutions are fused with their ReLU; asking for those shows the unfused path as well.
    let layers: Vec<usize> = (0..network.architecture.layers().len())
        .filter(|&index| {
            let name = &network.architecture.layers()[index].name;
            !name.starts_with("conv") && network.architecture.downscale(index) < 32
        })
        .collect();
    let wanted = Wanted {
        maps: layers.clone(),
        ..Wanted::default()
    };
    let seen = look(network, "features.png", &wanted);
    for ((_, map), layer) in seen.maps.iter().zip(layers) {
        let name = &network.architecture.layers()[layer].name;
        let (distance, _) = compare(map, &array(&mut goldens, name));
        assert!(distance < TOLERANCE, "{model} {name}: {distance:.2e}");
    }
}

#[test]
fn vgg19_features_agree_with_pytorch() {
    features_agree("vgg19");
}

#[test]
fn vgg16_features_agree_with_pytorch() {
    features_agree("vgg16");
}

/// A convolution that is wanted before its ReLU gives the same map after it.
#[test]
fn unfused_convolutions_agree_with_fused_ones() {
    let network = network("vgg16");
    let layer = |name: &str| network.architecture.layer_index(name).unwrap();
    let layers = vec![layer("conv2_1"), layer("relu2_1"), layer("conv3_2")];
    let wanted = Wanted {
        maps: layers,
        ..Wanted::default()
    };
    let seen = look(network, "features.png", &wanted);
    let clipped: Vec<f32> = seen.maps[0].1.iter().map(|value| value.max(0.0)).collect();
    assert_eq!(clipped, seen.maps[1].1);
    assert!(seen.maps[0].1.iter().any(|&value| value < 0.0));
    let expected = array(&mut archive("vgg16_features.npz"), "relu3_2");
    let clipped: Vec<f32> = seen.maps[2].1.iter().map(|value| value.max(0.0)).collect();
    assert!(compare(&clipped, &expected).0 < TOLERANCE);
}

#[test]
fn gram_matrices_agree_with_pytorch() {
    for model in ["vgg19", "vgg16"] {
        let network = network(model);
        let mut goldens = archive(&format!("{model}_gram.npz"));
        let layers: Vec<usize> = gatys(network.architecture)
            .style
            .iter()
            .map(|term| term.layer)
            .collect();
        let wanted = Wanted {
            grams: layers.clone(),
            ..Wanted::default()
        };
        let seen = look(network, "gram.png", &wanted);
        for ((channels, gram), layer) in seen.grams.iter().zip(layers) {
            let name = &network.architecture.layers()[layer].name;
            let expected = array(&mut goldens, &format!("gram:{name}"));
            // Of the largest only the first rows are kept.
            let rows = expected.len() / channels;
            let (distance, _) = compare(&gram[..rows * channels], &expected);
            assert!(distance < TOLERANCE, "{model} {name}: {distance:.2e}");
            for i in 0..*channels {
                for j in 0..i {
                    assert_eq!(gram[i * channels + j], gram[j * channels + i]);
                }
            }
        }
    }
}
