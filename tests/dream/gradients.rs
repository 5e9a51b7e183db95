//! The gradient of what a dream can want, against finite differences and PyTorch.

use impasto::image::Picture;
use impasto::kernels::conv3x3::Preference;
use impasto::kernels::dream_loss::Measure;
use impasto::kernels::guide_loss::Correspondence;
use impasto::kernels::pool2::Pooling;
use impasto::objective::{DreamTerms, Guidance, GuideFeatures, dream_executable};
use impasto::reference::samples::samples;

use super::support::{gpu, network, wait};
use super::{distance, golden, noise, terms};

/// The gradient at the picture of a guided dream against central differences of its value.
#[test]
fn gradients_of_guided_dreams_agree_with_finite_differences() {
    let network = network("vgg19");
    let size = [24, 20];
    let (picture, guide) = (noise(size), noise([16, 32]));
    for (correspondence, power) in [(Correspondence::Best, 0.0), (Correspondence::Itself, 1.5)] {
        let mut terms = terms(network, "relu1_2");
        terms.guidance = Some(Guidance {
            correspondence,
            power,
            size: [16, 32],
        });
        let [width, height] = terms.guide_size(size).unwrap();
        let (exact, plain) = (Preference::exact(), Default::default());
        let seen = guide.resized(width, height);
        let how = (&exact, &plain);
        let seen = GuideFeatures::measure(gpu(), network, &terms, &seen, how);
        let seen = wait(gpu(), seen).unwrap();
        let terms = (&terms, &seen);
        let executable = dream_executable(gpu(), network, terms, size, &exact, &plain).unwrap();
        let value = |rgb: &[f32]| {
            executable.write_picture(gpu(), rgb);
            executable.run(gpu());
            f64::from(wait(gpu(), executable.read_totals(gpu())).unwrap()[0])
        };
        let direction: Vec<f64> = samples(9, picture.rgb.len());
        let moved = |by: f64| -> Vec<f32> {
            let pairs = picture.rgb.iter().zip(&direction);
            pairs
                .map(|(x, d)| (f64::from(*x) + by * d) as f32)
                .collect()
        };
        // Rectified units change sign on the way: the longer it is, the more.
        let step = 4e-4;
        let slope = (value(&moved(step)) - value(&moved(-step))) / (2.0 * step);
        value(&picture.rgb);
        let gradient = executable.picture_gradient().unwrap();
        let gradient = wait(gpu(), executable.read_planar(gpu(), gradient)).unwrap();
        let pairs = gradient.iter().zip(&direction);
        let expected: f64 = pairs.map(|(g, d)| f64::from(*g) * d).sum();
        let error = (slope - expected).abs() / expected.abs();
        assert!(error < 1e-2, "{correspondence:?}: {slope:e} {expected:e}");
    }
}

/// What a dream can want beside mean(F²), which `tests/golden.rs` has.
#[test]
fn gradients_of_every_objective_agree_with_pytorch() {
    let network = network("vgg19");
    let load = |name: &str| Picture::load(&golden(name)).unwrap();
    let (picture, gram) = (load("features.png"), load("gram.png"));
    let size = [picture.width, picture.height];
    let mirrored = {
        let rows = picture.rgb.chunks(picture.width);
        let rgb = rows.flat_map(|row| row.iter().rev().copied()).collect();
        Picture {
            rgb,
            ..picture.clone()
        }
    };
    let usual = DreamTerms {
        pooling: Pooling::Average,
        ..terms(network, "relu3_3")
    };
    let guided = |correspondence, power, guide: &Picture| DreamTerms {
        guidance: Some(Guidance {
            correspondence,
            power,
            size: [guide.width, guide.height],
        }),
        ..usual.clone()
    };
    let measured = |measure| DreamTerms {
        measure,
        ..usual.clone()
    };
    let channels = DreamTerms {
        channels: vec![3, 17, 200],
        ..usual.clone()
    };
    let best = guided(Correspondence::Best, 0.0, &gram);
    let itself = guided(Correspondence::Itself, 1.5, &mirrored);
    let values = std::fs::read(golden("dream_objectives.json")).unwrap();
    let values: serde_json::Value = serde_json::from_slice(&values).unwrap();
    for (name, terms, guide) in [
        ("root", measured(Measure::Root), None),
        ("mean", measured(Measure::Mean), None),
        ("channels", channels, None),
        ("best", best, Some(&gram)),
        ("itself", itself, Some(&mirrored)),
    ] {
        let (exact, plain) = (Preference::exact(), Default::default());
        let seen = guide.map(|guide| {
            let how = (&exact, &plain);
            let seen = GuideFeatures::measure(gpu(), network, &terms, guide, how);
            wait(gpu(), seen).unwrap()
        });
        let wanted = (&terms, &seen.unwrap_or_default());
        let executable = dream_executable(gpu(), network, wanted, size, &exact, &plain).unwrap();
        executable.write_picture(gpu(), &picture.rgb);
        executable.run(gpu());
        let value = wait(gpu(), executable.read_totals(gpu())).unwrap()[0];
        let gradient = executable.picture_gradient().unwrap();
        let gradient = wait(gpu(), executable.read_planar(gpu(), gradient)).unwrap();
        let expected = std::fs::read(golden(&format!("dream_objective_{name}.npy"))).unwrap();
        let expected: Vec<f32> = npyz::NpyFile::new(&expected[..])
            .unwrap()
            .into_vec()
            .unwrap();
        let off = distance(&gradient, &expected);
        let wanted = values[name].as_f64().unwrap();
        let value_off = (f64::from(value) / wanted - 1.0).abs();
        println!("{name}: gradient off by {off:.1e}, value by {value_off:.1e}");
        assert!(
            off < 1e-3 && value_off < 1e-5,
            "{name}: {off:e} {value_off:e}"
        );
    }
}
