//! `impasto bench` on a small picture: the figures it promises, and that they fit together.

use crate::workshop::Workshop;
use impasto::net::Architecture;
use serde_json::Value;

fn bench(arguments: &[&str]) -> Value {
    let workshop = Workshop::new();
    // Of three, since a machine that stands still for a second would make a probe worthless.
    let flags = ["--size", "32", "--runs", "3", "--json", "figures.json"];
    workshop.succeed(&[&["bench"], arguments, &flags].concat());
    assert_eq!(workshop.names(), ["figures.json"]);
    workshop.json("figures.json")
}

/// A field that is a number above 0.
fn positive(object: &Value, field: &str) -> f64 {
    let value = object[field].as_f64().unwrap_or(f64::NAN);
    assert!(
        value.is_finite() && value > 0.0,
        "{field} is {}",
        object[field]
    );
    value
}

fn check_head(figures: &Value, model: &str) {
    assert!(!figures["adapter"].as_str().unwrap().is_empty());
    assert_eq!(figures["model"], model);
    assert_eq!(figures["width"], 32);
    assert_eq!(figures["height"], 32);
}

fn check_rate(row: &Value, flop: f64, seconds: f64) {
    let gflops = positive(row, "gflops");
    let expected = flop / seconds / 1e9;
    assert!((gflops / expected - 1.0).abs() < 1e-6, "{row}");
    // Nothing is much faster than the probe of the same run.
    assert!(gflops < 10.0 * positive(row, "fma_peak_gflops"), "{row}");
    positive(row, "copy_gigabytes_per_second");
    positive(row, "real_share_of_peak");
    positive(row, "share_of_bandwidth");
}

/// What a kernel's row says beside its rate: that it was checked, and what it really did.
fn check_kernel(row: &Value) {
    let deviation = row["deviation"].as_f64().unwrap();
    assert!((0.0..1e-4).contains(&deviation), "{row}");
    let bytes = positive(row, "gigabytes_per_second");
    let intensity = positive(row, "real_gflops") / bytes;
    assert!(
        (intensity / positive(row, "flop_per_byte") - 1.0).abs() < 1e-6,
        "{row}"
    );
}

/// The convolutions up to relu5_1 in both directions, 2·9·C·O per position each; the first one has three
/// channels, which a kernel may count as four.
fn step_flop(architecture: Architecture, side: usize) -> [f64; 2] {
    let last = architecture.layer_index("relu5_1").unwrap();
    let flop = |rgb: usize| -> f64 {
        let layers = architecture.convolutions();
        layers
            .filter(|&(index, ..)| index < last)
            .map(|(index, _, c_in, c_out)| {
                let side = side / architecture.downscale(index);
                (2 * 2 * 9 * c_in.max(rgb) * c_out * side * side) as f64
            })
            .sum()
    };
    [flop(3), flop(4)]
}

#[test]
fn a_step_reports_its_time_and_the_peak_of_the_same_run() {
    for (model, architecture) in [
        ("vgg19", Architecture::Vgg19),
        ("vgg16", Architecture::Vgg16),
    ] {
        let figures = bench(&["step", "--model", model]);
        check_head(&figures, model);
        let flop = positive(&figures, "flop_per_iteration");
        let [least, most] = step_flop(architecture, 32);
        assert!(
            (least..=most).contains(&flop),
            "{flop} is not {least}…{most}"
        );
        check_rate(&figures, flop, positive(&figures, "seconds_per_iteration"));
        // The picture alone is more than this.
        assert!(positive(&figures, "peak_bytes") > 12.0 * 1024.0);
        assert_eq!(figures["strategy"], "everything kept");
    }
}

#[test]
fn a_step_within_a_budget_is_refused_or_stays_below() {
    let workshop = Workshop::new();
    // With one variant for all ways, as another with smaller weights would save more than maps can at this size; and with
    // one that runs everywhere and is compiled fast.
    let step = [
        "bench",
        "step",
        "-q",
        "--size",
        "64",
        "--variant",
        "direct-portable",
        "--runs",
        "1",
        "--json",
    ];
    let all = workshop.succeed(&step);
    let [all, budget] = [&all.stdout, "--memory"].map(str::to_string);
    let all: Value = serde_json::from_str(&all).unwrap();
    let least = workshop.run(&[&step[..9], &[&budget, "1MiB"]].concat());
    least.refused(5, &["64×64", "takes at least", "(--memory)"]);
    let bytes = positive(&all, "peak_bytes") as u64;
    let less = (bytes - (1 << 20)).to_string();
    let tight = workshop.succeed(&[&step[..], &[&budget, &less]].concat());
    let tight: Value = serde_json::from_str(&tight.stdout).unwrap();
    assert_ne!(tight["strategy"], "everything kept");
    assert!(positive(&tight, "peak_bytes") <= less.parse().unwrap());
}

#[test]
fn a_step_is_the_default_and_goes_to_stdout_without_a_file() {
    let workshop = Workshop::new();
    let flags = [
        "bench",
        "-q",
        "--size",
        "32",
        "--runs",
        "2",
        "--optimizer",
        "adam",
        "--json",
    ];
    let outcome = workshop.succeed(&flags);
    assert_eq!(outcome.stderr, "");
    let figures: Value = serde_json::from_str(&outcome.stdout).unwrap();
    check_head(&figures, "vgg19");
    positive(&figures, "seconds_per_iteration");
    assert!(workshop.names().is_empty());
}

#[test]
fn convolutions_have_a_row_per_layer_and_direction() {
    let figures = bench(&["conv"]);
    check_head(&figures, "vgg19");
    let rows = figures["rows"].as_array().unwrap();
    let mut rows = rows.iter();
    for (index, layer, c_in, c_out) in Architecture::Vgg19.convolutions() {
        let side = 32 / Architecture::Vgg19.downscale(index);
        for pass in ["forward", "backward"] {
            let row = rows.next().unwrap();
            assert_eq!(row["layer"], layer);
            assert_eq!(row["pass"], pass, "{layer}");
            assert_eq!(row["c_in"], c_in, "{layer}");
            assert_eq!(row["c_out"], c_out, "{layer}");
            assert_eq!(row["width"], side, "{layer}");
            assert_eq!(row["height"], side, "{layer}");
            assert!(!row["variant"].as_str().unwrap().is_empty(), "{layer}");
            let flop = (2 * 9 * c_in * c_out * side * side) as f64;
            check_rate(row, flop, positive(row, "seconds"));
            check_kernel(row);
            assert!(row["reason"].as_str().unwrap().len() > 5, "{row}");
        }
    }
    assert!(rows.next().is_none());
}

/// A convolution also goes by the ReLU after it, and maps other than those of recipe gatys have Gram matrices too.
#[test]
fn only_named_layers_are_measured_in_the_order_of_the_network() {
    let layers = |what: &str, names: [&str; 3]| -> Vec<String> {
        let flags = names.map(|name| ["--layer", name]);
        let figures = bench(&[&[what], flags.as_flattened()].concat());
        let rows = figures["rows"].as_array().unwrap().iter();
        rows.map(|row| {
            let side = 32 / positive(row, "width") as usize;
            format!(
                "{} {} 1/{side}",
                row["layer"].as_str().unwrap(),
                row["pass"].as_str().unwrap()
            )
        })
        .collect()
    };
    let convolutions = layers("conv", ["conv2_2", "conv1_1", "relu2_2"]);
    let both =
        |name: &str| ["forward", "backward"].map(|pass| name.replace(' ', &format!(" {pass} ")));
    assert_eq!(
        convolutions,
        ["conv1_1 1/1", "conv2_2 1/2"].map(both).concat()
    );
    let maps = layers("gram", ["pool1", "relu1_2", "pool1"]);
    assert_eq!(maps, ["relu1_2 1/1", "pool1 1/2"].map(both).concat());
}

#[test]
fn layers_that_cannot_be_measured_are_named() {
    let workshop = Workshop::new();
    let refuse = |arguments: &str, words: &[&str]| {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        workshop.refuse(&arguments, 2, words);
    };
    refuse("bench step --layer conv1_1", &["--layer", "bench conv"]);
    refuse("bench --layer conv1_1", &["--layer", "bench conv"]);
    refuse("bench conv --layer conv3_9", &["`conv3_9`"]);
    refuse("bench conv --layer pool3", &["--layer pool3", "conv3_4"]);
    refuse("bench --tune --layer pool3", &["--layer pool3", "conv3_4"]);
    refuse(
        "bench gram --layer pool5 --size 16",
        &["pool5", "--size", "32"],
    );
}

#[test]
fn a_variant_is_measured_where_it_can_run() {
    let figures = bench(&["conv", "--variant", "plain"]);
    let rows = figures["rows"].as_array().unwrap();
    let plain = rows.iter().filter(|row| row["variant"] == "plain").count();
    assert!(plain >= 30, "{plain} of {} rows", rows.len());
}

#[test]
fn gram_matrices_have_a_row_per_layer_and_direction() {
    let figures = bench(&["gram"]);
    check_head(&figures, "vgg19");
    let rows = figures["rows"].as_array().unwrap();
    let named: Vec<String> = rows
        .iter()
        .map(|row| {
            format!(
                "{} {}",
                row["layer"].as_str().unwrap(),
                row["pass"].as_str().unwrap()
            )
        })
        .collect();
    let layers = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"];
    let expected: Vec<String> = layers
        .iter()
        .flat_map(|layer| [format!("{layer} forward"), format!("{layer} backward")])
        .collect();
    assert_eq!(named, expected);
    for row in rows {
        let number = |field: &str| positive(row, field);
        let flop = 2.0 * number("channels").powi(2) * number("width") * number("height");
        check_rate(row, flop, number("seconds"));
        check_kernel(row);
    }
}

/// Winograd's transforms and a quarter of the products; everything else does what the definition counts.
#[test]
fn real_operations_are_those_of_the_algorithm() {
    for variant in ["winograd", "direct-portable"] {
        let figures = bench(&["conv", "--variant", variant]);
        let rows = figures["rows"].as_array().unwrap().iter();
        let rows: Vec<&Value> = rows
            .filter(|row| row["variant"] == variant && positive(row, "c_in") >= 256.0)
            .filter(|row| positive(row, "width") >= 4.0)
            .collect();
        // A real GPU has no use for Winograd's texels.
        assert!(!rows.is_empty() || variant == "winograd");
        for row in rows {
            let share = positive(row, "real_gflops") / positive(row, "gflops");
            let expected = if variant == "winograd" {
                0.25..0.3
            } else {
                0.99999..1.00001
            };
            assert!(expected.contains(&share), "{row}");
        }
    }
}

#[test]
fn a_plot_has_every_kernel_of_the_run_under_both_roofs() {
    let workshop = Workshop::new();
    let flags = ["--size", "32", "--runs", "1", "--plot", "roof.svg"];
    for (what, kernels) in [
        (
            "gram",
            &["gram relu1_1 forward", "gram relu5_1 backward"][..],
        ),
        ("step", &["conv3x3", "gram.reduce"]),
        ("conv", &["conv1_1 forward", "conv5_1 backward"]),
    ] {
        workshop.succeed(&[&["bench", what], &flags[..]].concat());
        let svg = String::from_utf8(workshop.read("roof.svg")).unwrap();
        assert!(svg.trim_end().ends_with("</svg>"), "{what}");
        for words in ["FMA peak ", "copy ", "per byte"].iter().chain(kernels) {
            assert!(svg.contains(words), "no `{words}` in the plot of {what}");
        }
    }
    assert_eq!(workshop.names(), ["roof.svg"]);
    workshop.refuse(&["bench", "--plot", "roof.png"], 2, &["roof.png", ".svg"]);
    let twice = ["bench", "--json", "a.svg", "--plot", "a.svg"];
    workshop.refuse(&twice, 4, &["a.svg"]);
}

#[test]
fn a_benchmark_after_json_is_not_taken_for_a_file() {
    let workshop = Workshop::new();
    let words = ["`conv`", "bench conv --json"];
    workshop.refuse(&["bench", "--json", "conv"], 2, &words);
    let flags = [
        "bench", "--json", "./conv", "--size", "16", "--runs", "1", "gram",
    ];
    workshop.succeed(&flags);
    assert_eq!(workshop.names(), ["conv"]);
}
