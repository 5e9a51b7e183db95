//! `impasto devices`, the choice of an adapter, and how the command behaves among other programs.

use std::process::{Output, Stdio};

use crate::workshop::{Outcome, Workshop};
use serde_json::Value;

/// A Vulkan loader that is told to look nowhere finds no adapter.
fn without_adapter(workshop: &Workshop, arguments: &[&str]) -> Outcome {
    let output = workshop
        .command(arguments)
        .env("VK_ICD_FILENAMES", "/nonexistent")
        .env("VK_DRIVER_FILES", "/nonexistent")
        .output()
        .unwrap();
    Outcome::of(output, arguments)
}

fn adapters(workshop: &Workshop, arguments: &[&str]) -> Vec<Value> {
    let listed: Value = serde_json::from_str(&workshop.succeed(arguments).stdout).unwrap();
    assert!(listed["reason"].as_str().unwrap().len() > 10, "{listed}");
    listed["adapters"].as_array().unwrap().clone()
}

#[test]
fn json_lists_every_adapter_with_its_limits_and_marks_one_as_used() {
    let workshop = Workshop::new();
    let adapters = adapters(&workshop, &["devices", "--json"]);
    assert!(!adapters.is_empty());
    for (index, adapter) in adapters.iter().enumerate() {
        assert_eq!(adapter["index"], index);
        for text in ["name", "kind", "backend", "driver"] {
            assert!(!adapter[text].as_str().unwrap().is_empty(), "{text}");
        }
        // The least that WebGPU promises.
        let limits = &adapter["limits"];
        assert!(limits["max_buffer_bytes"].as_u64().unwrap() >= 256 << 20);
        assert!(limits["max_binding_bytes"].as_u64().unwrap() >= 128 << 20);
        assert!(limits["workgroup_bytes"].as_u64().unwrap() >= 16 << 10);
        assert!(limits["workgroup_threads"].as_u64().unwrap() >= 256);
        assert!(limits["subgroups"].is_boolean());
        assert!(limits["timestamps"].is_boolean());
    }
    let used = adapters.iter().filter(|adapter| adapter["used"] == true);
    assert_eq!(used.count(), 1);
    assert!(workshop.names().is_empty());
}

#[test]
fn the_table_says_which_adapter_is_used_and_why() {
    let workshop = Workshop::new();
    let name = adapters(&workshop, &["devices", "--json"])[0]["name"].clone();
    let name = name.as_str().unwrap();
    let table = workshop.succeed(&["devices"]).stdout;
    let marked: Vec<&str> = table
        .lines()
        .filter(|line| line.starts_with("* "))
        .collect();
    assert_eq!(marked.len(), 2, "{table}");
    assert!(marked[0].contains(name), "{table}");
    assert!(marked[1].contains("because"), "{table}");
}

#[test]
fn an_adapter_is_chosen_by_number_by_name_or_by_the_environment() {
    let workshop = Workshop::new();
    let first = adapters(&workshop, &["devices", "--json", "--adapter", "0"]);
    assert_eq!(first[0]["used"], true);
    let name = first[0]["name"].as_str().unwrap();
    // A part of the name in capitals will do.
    let part: String = name.to_uppercase().chars().take(5).collect();
    let by_name = workshop.succeed(&["devices", "--adapter", &part]).stdout;
    assert!(by_name.contains(&format!("--adapter {part}")), "{by_name}");
    let output = workshop
        .command(&["devices"])
        .env("IMPASTO_ADAPTER", "0")
        .output()
        .unwrap();
    let by_environment = Outcome::of(output, &["devices"]).stdout;
    assert!(
        by_environment.contains("IMPASTO_ADAPTER=0"),
        "{by_environment}"
    );
}

#[test]
fn an_adapter_that_does_not_exist_is_code_3() {
    let workshop = Workshop::with_pictures();
    for wanted in ["nosuch", "99"] {
        let flag = ["--adapter", wanted];
        let expected = [&*format!("`{wanted}`"), "impasto devices"];
        workshop.refuse(&[&["devices"], &flag[..]].concat(), 3, &expected);
        let style = [
            "style",
            "content.png",
            "--style",
            "style.png",
            "-o",
            "out.png",
        ];
        workshop.refuse(&[&style[..], &flag].concat(), 3, &expected);
        let features = ["inspect", "features", "content.png", "--layer", "relu1_1"];
        let output = ["-o", "f.npy"];
        workshop.refuse(&[&features[..], &output, &flag].concat(), 3, &expected);
    }
    let output = workshop
        .command(&["devices"])
        .env("IMPASTO_ADAPTER", "nosuch")
        .output()
        .unwrap();
    Outcome::of(output, &["devices"]).refused(3, &["`nosuch`"]);
}

#[cfg(target_os = "linux")]
#[test]
fn without_an_adapter_every_command_that_needs_one_says_what_to_install() {
    let workshop = Workshop::with_pictures();
    let style = "style content.png --style style.png -o out.png";
    let gradient = "inspect gradient content.png --style style.png --at content.png -o g.npy";
    let features = "inspect features content.png --layer relu1_1 -o f.npy";
    let commands = [
        "devices",
        "doctor",
        "bench step --size 32",
        "demo",
        style,
        gradient,
        features,
    ];
    for command in commands {
        let arguments: Vec<&str> = command.split(' ').collect();
        without_adapter(&workshop, &arguments).refused(3, &["mesa-vulkan-drivers"]);
    }
    assert_eq!(workshop.names(), ["content.png", "style.png"]);
}

/// Every system has its line, and that of this one is marked and comes first.
#[cfg(target_os = "linux")]
#[test]
fn the_doctor_says_what_to_install_on_every_system() {
    let systems = ["Debian, Ubuntu", "Fedora", "Arch", "macOS", "Windows"];
    let workshop = Workshop::new();
    let outcome = without_adapter(&workshop, &["doctor"]);
    outcome.refused(3, &[]);
    let lines: Vec<&str> = outcome.stdout.lines().skip(1).collect();
    assert_eq!(lines.len(), systems.len(), "{outcome:?}");
    for system in systems {
        let marks = lines.iter().map(|line| line[2..].starts_with(system));
        assert_eq!(marks.filter(|found| *found).count(), 1, "{system}");
    }
    for package in [
        "mesa-vulkan-drivers",
        "vulkan-loader",
        "vulkan-swrast",
        "Metal",
        "DX12",
    ] {
        assert!(outcome.stdout.contains(package), "{package}");
    }
    let is_debian = std::fs::read_to_string("/etc/os-release")
        .is_ok_and(|text| text.lines().any(|line| line == "ID=debian"));
    if is_debian {
        assert!(lines[0].starts_with("* Debian"), "{outcome:?}");
        outcome.refused(3, &["apt-get install mesa-vulkan-drivers libvulkan1"]);
    }
}

#[test]
fn the_doctor_tells_the_speed_of_the_adapter() {
    let workshop = Workshop::new();
    let outcome = workshop.succeed(&["doctor"]);
    let speed = outcome.stdout.lines().find_map(|line| {
        let rest = line.strip_prefix("speed")?.trim_start();
        rest.split_once(" GFLOP/s")?.0.parse::<f64>().ok()
    });
    assert!(speed.is_some_and(|speed| speed > 0.0), "{outcome:?}");
    if outcome.stdout.contains("(software, ") {
        assert!(outcome.stdout.contains("vulkan-radeon"), "{outcome:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn kernels_are_listed_and_written_without_an_adapter() {
    let workshop = Workshop::new();
    let arguments = ["inspect", "kernels", "--json", "--emit", "kernels"];
    let outcome = without_adapter(&workshop, &arguments);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let listed: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(listed["adapter"], Value::Null);
    let kernels = listed["kernels"].as_array().unwrap();
    assert_eq!(kernels.len(), impasto::kernels::catalogue().len());
    for row in listed["convolutions"].as_array().unwrap() {
        assert_eq!(row["variant"], Value::Null, "{row}");
        assert!(row["variants"].as_array().unwrap().len() > 4, "{row}");
    }
    // An adapter that is asked for by name is not there: that is a mistake.
    let named = [&arguments[..], &["--adapter", "0"]].concat();
    without_adapter(&workshop, &named).refused(3, &[]);
}

#[test]
fn help_and_version_are_asked_for_and_so_no_errors() {
    let workshop = Workshop::new();
    let version = workshop.succeed(&["--version"]).stdout;
    assert_eq!(
        version.trim(),
        concat!("impasto ", env!("CARGO_PKG_VERSION"))
    );
    let help = workshop.succeed(&["--help"]);
    for command in ["style", "demo", "bench", "devices", "doctor", "inspect"] {
        assert!(help.stdout.contains(&format!("\n  {command} ")), "{help:?}");
    }
    let help = workshop.succeed(&["style", "--help"]).stdout;
    for flag in [
        "--style",
        "--output",
        "--size",
        "--iterations",
        "--recipe",
        "--seed",
        "--content-layer",
        "--style-layer",
        "--content-weight",
        "--style-weight",
        "--tv-weight",
        "--pooling",
        "--optimizer",
        "--init",
        "--save-every",
        "--trace",
        "--model",
        "--adapter",
        "--weights",
    ] {
        assert!(help.contains(flag), "{flag}");
    }
    let bare = workshop.run(&[]);
    assert_eq!(bare.code, Some(2));
    assert!(bare.stderr.contains("Usage: impasto"), "{bare:?}");
}

/// Starts the command, closes our end of one of its pipes at once, and waits for it.
fn unheard(workshop: &Workshop, arguments: &[&str], close_stdout: bool) -> Output {
    let mut child = workshop
        .command(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    if close_stdout {
        drop(child.stdout.take());
    } else {
        drop(child.stderr.take());
    }
    child.wait_with_output().unwrap()
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let workshop = Workshop::new();
    for arguments in [&["devices"][..], &["devices", "--json"]] {
        let outcome = Outcome::of(unheard(&workshop, arguments, true), arguments);
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        assert_eq!(outcome.stderr, "");
    }
}

#[test]
fn a_run_goes_on_when_nobody_hears_its_messages() {
    let workshop = Workshop::with_pictures();
    let style = "style content.png --style style.png -o out.png --iterations 1";
    let arguments: Vec<&str> = style.split(' ').collect();
    let outcome = Outcome::of(unheard(&workshop, &arguments, false), &arguments);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(workshop.picture("out.png").width, 40);
}

#[test]
fn quiet_says_nothing_and_verbose_says_more() {
    let workshop = Workshop::with_pictures();
    let style = [
        "style",
        "content.png",
        "--style",
        "style.png",
        "-o",
        "out.png",
    ];
    let once = ["--iterations", "1"];
    let said = |flag: &[&str]| {
        let outcome = workshop.succeed(&[&style[..], &once, flag].concat());
        assert_eq!(outcome.stdout, "");
        outcome.stderr
    };
    assert_eq!(said(&["-q"]), "");
    let usual = said(&[]);
    assert!(usual.contains("40×32"), "{usual}");
    let verbose = said(&["-v"]);
    assert!(
        verbose.contains("peak, forecast") && !usual.contains("peak, forecast"),
        "{verbose}"
    );
    workshop.refuse(&["devices", "-q", "-v"], 2, &["--quiet", "--verbose"]);
}
