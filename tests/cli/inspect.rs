//! `impasto inspect`: the arrays and figures it writes, and what it accepts to make them from.

use crate::workshop::{Array, Workshop, source};
use impasto::net::Architecture;

fn features(workshop: &Workshop, picture: &str, extra: &[&str]) -> Array {
    let arguments = ["inspect", "features", picture, "-o", "f.npy"];
    workshop.succeed(&[&arguments[..], extra].concat());
    let array = workshop.array("f.npy");
    assert_eq!(array.element, "'<f4'");
    assert_eq!(array.values.len(), array.shape.iter().product::<usize>());
    assert!(array.values.iter().all(|value| value.is_finite()));
    array
}

#[test]
fn a_feature_map_has_the_layers_channels_and_the_halved_sides() {
    let workshop = Workshop::new();
    workshop.paint("odd.png", 37, 23, 0);
    for (layer, shape) in [
        ("conv1_1", [64, 23, 37]),
        ("relu1_2", [64, 23, 37]),
        ("pool1", [64, 11, 18]),
        ("relu3_1", [256, 5, 9]),
        ("pool3", [256, 2, 4]),
        ("relu5_4", [512, 1, 2]),
    ] {
        let map = features(&workshop, "odd.png", &["--layer", layer]);
        assert_eq!(map.shape, shape, "{layer}");
        let least = map.values.iter().copied().fold(f32::INFINITY, f32::min);
        let most = map.values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        assert_eq!(least < 0.0, layer.starts_with("conv"), "{layer}: {least}");
        assert!(most > 0.0, "{layer}");
    }
    assert_eq!(workshop.names(), ["f.npy", "odd.png"]);
}

#[test]
fn other_names_of_a_layer_mean_the_same_map() {
    let workshop = Workshop::with_pictures();
    let expected = features(&workshop, "content.png", &["--layer", "relu2_1"]);
    for alias in ["r21", "2_1", "ReLU2-1"] {
        let map = features(&workshop, "content.png", &["--layer", alias]);
        assert_eq!(map.shape, expected.shape, "{alias}");
        assert!(map.values == expected.values, "{alias}");
    }
}

#[test]
fn a_gram_matrix_is_the_product_of_the_map_with_itself() {
    let workshop = Workshop::with_pictures();
    let map = features(&workshop, "content.png", &["--layer", "relu2_1"]);
    let gram = features(&workshop, "content.png", &["--layer", "relu2_1", "--gram"]);
    assert_eq!(gram.shape, [128, 128]);
    let pixels = map.shape[1] * map.shape[2];
    let row = |c: usize| {
        map.values[c * pixels..][..pixels]
            .iter()
            .map(|&v| f64::from(v))
    };
    let largest = gram.values.iter().copied().fold(0.0_f32, f32::max);
    for (c, d) in [(0, 0), (3, 77), (77, 3), (127, 127), (64, 1)] {
        let expected: f64 = row(c).zip(row(d)).map(|(a, b)| a * b).sum::<f64>() / pixels as f64;
        let error = (f64::from(gram.values[128 * c + d]) - expected).abs();
        assert!(
            error < 1e-5 * f64::from(largest),
            "({c}, {d}) is off by {error}"
        );
    }
    for c in 0..128 {
        for d in 0..c {
            let (one, other) = (gram.values[128 * c + d], gram.values[128 * d + c]);
            assert!((one - other).abs() <= 1e-6 * largest, "({c}, {d})");
        }
    }
}

#[test]
fn a_single_pixel_has_features() {
    let workshop = Workshop::new();
    workshop.paint("pixel.png", 1, 1, 0);
    let map = features(&workshop, "pixel.png", &["--layer", "relu1_1"]);
    assert_eq!(map.shape, [64, 1, 1]);
    let gram = features(&workshop, "pixel.png", &["--layer", "relu1_1", "--gram"]);
    assert_eq!(gram.shape, [64, 64]);
    let square = map.values[5] * map.values[9];
    assert!((gram.values[64 * 5 + 9] - square).abs() <= 1e-5 * square.max(1.0));
}

#[test]
fn pooling_takes_the_largest_the_mean_or_the_root_of_squares_of_four() {
    let workshop = Workshop::with_pictures();
    let below = features(&workshop, "content.png", &["--layer", "relu1_2"]);
    let pooled = |pooling: &str| {
        features(
            &workshop,
            "content.png",
            &["--layer", "pool1", "--pooling", pooling],
        )
    };
    let [max, average, l2] = ["max", "avg", "l2"].map(pooled);
    assert_eq!(max.shape, [64, 16, 20]);
    for (c, y, x) in [(0, 0, 0), (17, 5, 11), (63, 15, 19)] {
        let four = [(0, 0), (0, 1), (1, 0), (1, 1)]
            .map(|(dy, dx)| below.values[(c * 32 + 2 * y + dy) * 40 + 2 * x + dx]);
        let at = (c * 16 + y) * 20 + x;
        let largest = four.iter().copied().fold(0.0, f32::max);
        assert_eq!(max.values[at], largest);
        let mean = four.iter().sum::<f32>() / 4.0;
        assert!((average.values[at] - mean).abs() <= 1e-5 * mean.max(1.0));
        let root = 0.78 * four.iter().map(|x| x * x).sum::<f32>().sqrt();
        assert!((l2.values[at] - root).abs() <= 1e-5 * root.max(1.0));
    }
}

#[test]
fn the_gradient_comes_with_every_term_and_their_sum() {
    let workshop = Workshop::new();
    let folder = source("tests/golden");
    let golden = |name: &str| folder.join(name).display().to_string();
    let (content, style, at) = (golden("content.png"), golden("style.png"), golden("at.png"));
    let arguments = [
        "inspect", "gradient", &content, "--style", &style, "--at", &at,
    ];
    let output = ["-o", "g.npy", "--json", "g.json"];
    let expected = std::fs::read(folder.join("gradient.json")).unwrap();
    let expected: serde_json::Value = serde_json::from_slice(&expected).unwrap();
    for (flags, name) in [
        (&["--pooling", "avg", "--model", "vgg16"][..], "vgg16_avg"),
        (&["--pooling", "l2"], "vgg19_l2"),
        (&["--tv-weight", "1e10"], "vgg19_max_tv1e10"),
    ] {
        workshop.succeed(&[&arguments[..], &output, flags].concat());
        let gradient = workshop.array("g.npy");
        assert_eq!(gradient.shape, [3, 97, 131]);
        assert_eq!(gradient.element, "'<f4'");
        assert!(gradient.values.iter().all(|value| value.is_finite()));
        let terms = workshop.json("g.json");
        let terms = terms.as_object().unwrap();
        let expected = expected[name].as_object().unwrap();
        assert!(terms.keys().eq(expected.keys()), "{name}: {terms:?}");
        for (term, value) in terms {
            let error = value.as_f64().unwrap() / expected[term].as_f64().unwrap() - 1.0;
            assert!(error.abs() < 1e-3, "{name}: {term} is off by {error}");
        }
        let sum: f64 = terms
            .iter()
            .filter(|(term, _)| *term != "total")
            .map(|(_, v)| v.as_f64().unwrap())
            .sum();
        assert!(
            (sum / terms["total"].as_f64().unwrap() - 1.0).abs() < 1e-9,
            "{name}"
        );
    }
}

#[test]
fn the_terms_go_to_stdout_without_a_file() {
    let workshop = Workshop::with_pictures();
    let style = "inspect gradient content.png --style style.png:3 --style content.png";
    let rest = "--at content.png -o g.npy -q --json";
    let arguments: Vec<&str> = style.split(' ').chain(rest.split(' ')).collect();
    let outcome = workshop.succeed(&arguments);
    assert_eq!(outcome.stderr, "");
    let terms: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    // At the content itself there is nothing to pay for the content.
    assert_eq!(terms["content"], 0.0);
    assert!(terms["style:relu5_1"].as_f64().unwrap() > 0.0, "{terms}");
    assert_eq!(terms.as_object().unwrap().len(), 7, "{terms}");
}

#[test]
fn the_gradient_of_a_dream_has_the_shape_of_the_picture() {
    let workshop = Workshop::with_pictures();
    let dream = [
        "inspect",
        "dream",
        "content.png",
        "--layer",
        "relu4_3",
        "-o",
        "g.npy",
    ];
    workshop.succeed(&dream);
    let gradient = workshop.array("g.npy");
    assert_eq!(gradient.shape, [3, 32, 40]);
    assert_eq!(gradient.element, "'<f4'");
    assert!(gradient.values.iter().all(|value| value.is_finite()));
    assert!(gradient.values.iter().any(|&value| value != 0.0));
}

#[test]
fn kernels_are_listed_with_knobs_and_costs_and_every_choice_has_a_reason() {
    let workshop = Workshop::new();
    let flags = ["--size", "48", "--model", "vgg16"];
    let outcome = workshop.succeed(&[&["inspect", "kernels", "--json"], &flags[..]].concat());
    let listed: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(listed["network"], "VGG-16");
    for kernel in listed["kernels"].as_array().unwrap() {
        let text = |field: &str| kernel[field].as_str().unwrap();
        assert!(
            !text("cost").is_empty() && !text("knobs").is_empty(),
            "{kernel}"
        );
        for knob in kernel["overrides"].as_array().unwrap() {
            assert!(
                text("knobs").contains(knob["name"].as_str().unwrap()),
                "{kernel}"
            );
        }
    }
    let rows = listed["convolutions"].as_array().unwrap();
    assert_eq!(rows.len(), 26);
    for row in rows {
        let variants = row["variants"].as_array().unwrap();
        let chosen = variants.iter().find(|of| of["variant"] == row["variant"]);
        assert!(
            chosen.unwrap()["flop_per_byte"].as_f64().unwrap() > 0.0,
            "{row}"
        );
        // Every weight of the bundled VGG-16 is an f16, but not in Winograd's frequencies.
        for of in variants {
            let reads_f16 =
                ["direct", "direct-portable", "gemm"].contains(&of["variant"].as_str().unwrap());
            assert_eq!(of["weights"], if reads_f16 { "f16" } else { "f32" }, "{of}");
        }
        let reason = row["reason"].as_str().unwrap();
        assert!(
            reason.contains("shipped rule") || reason.contains("nothing else"),
            "{row}"
        );
    }
    let text = workshop
        .succeed(&[&["inspect", "kernels"], &flags[..]].concat())
        .stdout;
    assert!(text.contains("conv3x3_direct_portable"), "{text}");
    assert!(text.contains("conv5_3"), "{text}");
}

#[test]
fn emitted_kernels_are_the_shaders_with_their_overrides_said() {
    let workshop = Workshop::new();
    workshop.succeed(&["inspect", "kernels", "--emit", "new/kernels"]);
    for kernel in impasto::kernels::catalogue() {
        let file = format!("new/kernels/{}.wgsl", kernel.name());
        let text = String::from_utf8(workshop.read(&file)).unwrap();
        let (first, rest) = text.split_once('\n').unwrap();
        assert_eq!(rest, kernel.shader.source, "{file}");
        assert!(first.contains(&format!("`{}`", kernel.entry)), "{first}");
        let has_workgroup = rest.contains("override WORKGROUP");
        assert_eq!(first.contains("WORKGROUP = "), has_workgroup, "{first}");
    }
    workshop.write("file", b"");
    let into_a_file = ["inspect", "kernels", "--emit", "file/in"];
    workshop.refuse(&into_a_file, 4, &["--emit", "file/in"]);
}

#[test]
fn a_second_network_is_found_by_name_by_file_and_by_folder() {
    let workshop = Workshop::with_pictures();
    std::fs::create_dir(workshop.path("folder")).unwrap();
    workshop.fetch("weights/vgg16.npz", "folder/vgg16.npz");
    workshop.fetch("weights/vgg16.npz", "my copy.npz");
    let layer = ["--layer", "relu5_3"];
    let run = |flags: &[&str]| features(&workshop, "content.png", &[&layer, flags].concat());
    let by_name = run(&["--model", "vgg16"]);
    assert_eq!(by_name.shape, [512, 2, 2]);
    assert!(run(&["--model", "VGG-16"]).values == by_name.values);
    assert!(run(&["--model", "my copy.npz"]).values == by_name.values);
    assert!(run(&["--model", "vgg16", "--weights", "folder"]).values == by_name.values);
    assert!(run(&["--model", "vgg19"]).values != by_name.values);
}

/// Weights of VGG-16 as torchvision names them, small and without order, and their bytes in a file.
struct Torchvision {
    first_weight: Vec<half::f16>,
    first_bias: Vec<half::f16>,
    bytes: Vec<u8>,
}

fn torchvision() -> Torchvision {
    let mut state = 1_u32;
    let mut random = |scale: f32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        half::f16::from_f32(((state >> 8) as f32 / (1 << 23) as f32 - 1.0) * scale)
    };
    let mut tensors = Vec::new();
    for (index, _, c_in, c_out) in Architecture::Vgg16.convolutions() {
        let scale = (2.0 / (9 * c_in) as f32).sqrt();
        let weight: Vec<_> = (0..9 * c_in * c_out).map(|_| random(scale)).collect();
        let bias: Vec<_> = (0..c_out).map(|_| random(0.1)).collect();
        tensors.push((
            format!("features.{index}.weight"),
            vec![c_out, c_in, 3, 3],
            weight,
        ));
        tensors.push((format!("features.{index}.bias"), vec![c_out], bias));
    }
    let raw: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(_, _, values)| {
            values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect()
        })
        .collect();
    let views = tensors.iter().zip(&raw).map(|((name, shape, _), bytes)| {
        let dtype = safetensors::Dtype::F16;
        let view = safetensors::tensor::TensorView::new(dtype, shape.clone(), bytes).unwrap();
        (name.clone(), view)
    });
    let bytes = safetensors::serialize(views, None).unwrap();
    Torchvision {
        first_weight: tensors[0].2.clone(),
        first_bias: tensors[1].2.clone(),
        bytes,
    }
}

#[test]
fn weights_of_torchvision_see_rgb_with_mean_and_deviation_normalised() {
    let workshop = Workshop::new();
    let weights = torchvision();
    workshop.write("net.safetensors", &weights.bytes);
    let colour = [200_u8, 90, 30];
    let rgb = colour
        .iter()
        .flat_map(|&v| vec![f32::from(v) / 255.0; 32 * 32])
        .collect();
    let flat = impasto::image::Picture {
        width: 32,
        height: 32,
        rgb,
    };
    flat.save(&workshop.path("flat.png")).unwrap();
    let model = ["--model", "net.safetensors"];
    let map = features(
        &workshop,
        "flat.png",
        &[&["--layer", "conv1_1"], &model[..]].concat(),
    );
    assert_eq!(map.shape, [64, 32, 32]);
    let (mean, deviation) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
    for channel in 0..64 {
        let mut expected = weights.first_bias[channel].to_f64();
        for k in 0..3 {
            let input = (f64::from(colour[k]) / 255.0 - mean[k]) / deviation[k];
            let taps = &weights.first_weight[(3 * channel + k) * 9..][..9];
            expected += input * taps.iter().map(|tap| tap.to_f64()).sum::<f64>();
        }
        // Anywhere but at the border.
        let found = f64::from(map.values[(channel * 32 + 16) * 32 + 16]);
        assert!(
            (found - expected).abs() < 1e-4,
            "{channel}: {found}, not {expected}"
        );
    }
    let last = features(
        &workshop,
        "flat.png",
        &[&["--layer", "relu5_3"], &model[..]].concat(),
    );
    assert_eq!(last.shape, [512, 2, 2]);
    assert!(last.values.iter().any(|&value| value > 0.0));
}
