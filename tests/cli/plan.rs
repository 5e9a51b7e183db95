//! `inspect plan`: text, JSON and the picture, with an adapter and without.

use crate::workshop::Workshop;
use serde_json::Value;

const PLAN: [&str; 4] = ["inspect", "plan", "--size", "96x80"];

fn with<'a>(flags: &[&'a str]) -> Vec<&'a str> {
    [&PLAN, flags].concat()
}

fn json(workshop: &Workshop, flags: &[&str]) -> Value {
    let outcome = workshop.succeed(&[&with(flags)[..], &["--json"]].concat());
    serde_json::from_str(&outcome.stdout).unwrap()
}

fn bytes(value: &Value, field: &str) -> u64 {
    value[field]
        .as_u64()
        .unwrap_or_else(|| panic!("{field} in {value}"))
}

/// Sums are those of their parts, values lie in slots that hold them, and never two at once.
#[test]
fn the_plan_adds_up() {
    let plan = json(&Workshop::new(), &[]);
    let buffers = plan["buffers"].as_array().unwrap();
    let sum = |purpose: Option<&str>| -> u64 {
        let wanted = |buffer: &&Value| purpose.is_none_or(|name| buffer["purpose"] == name);
        buffers
            .iter()
            .filter(wanted)
            .map(|buffer| bytes(buffer, "bytes"))
            .sum()
    };
    assert_eq!(bytes(&plan, "resident_bytes"), sum(None));
    for (purpose, total) in plan["sums"].as_object().unwrap() {
        assert_eq!(total.as_u64(), Some(sum(Some(purpose))), "{purpose}");
    }
    let peak = bytes(&plan, "peak_bytes");
    assert_eq!(peak, sum(None) + bytes(&plan, "transfer_bytes"));
    let pixels = 96.0 * 80.0;
    assert_eq!(
        plan["peak_bytes_per_pixel"].as_f64(),
        Some(peak as f64 / pixels)
    );

    let slots = plan["slots"].as_array().unwrap();
    let values = plan["values"].as_array().unwrap();
    let steps = plan["steps"].as_array().unwrap();
    assert_eq!(steps[0]["step"], "input forward");
    assert_eq!(steps[steps.len() - 1]["step"], "input gradient");
    let mut most = 0;
    for (index, step) in steps.iter().enumerate() {
        let alive = |value: &&Value| {
            (bytes(value, "first")..=bytes(value, "last")).contains(&(index as u64))
        };
        let alive: Vec<&Value> = values.iter().filter(alive).collect();
        let live = alive.iter().map(|value| bytes(value, "bytes")).sum();
        assert_eq!(bytes(step, "live_bytes"), live);
        most = most.max(live);
        let mut taken: Vec<u64> = alive.iter().map(|value| bytes(value, "slot")).collect();
        taken.sort_unstable();
        taken.dedup();
        assert_eq!(taken.len(), alive.len(), "two in one slot at {step}");
    }
    assert_eq!(bytes(&plan, "most_alive_bytes"), most);
    for value in values {
        let slot = slots[bytes(value, "slot") as usize].as_u64().unwrap();
        assert!(bytes(value, "bytes") <= slot, "{value}");
    }
}

/// Neither a driver nor the weights' folder is there; the listing is that of a typical GPU.
#[test]
fn no_adapter_is_needed() {
    let workshop = Workshop::new();
    let mut command = workshop.command(&with(&["--json"]));
    command
        .env("VK_DRIVER_FILES", "none")
        .env("VK_ICD_FILENAMES", "none");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(plan["adapter"], "a typical GPU");
    assert!(bytes(&plan, "peak_bytes") > 0);
    workshop.refuse(&with(&["--adapter", "no such"]), 3, &["no such"]);
}

#[test]
fn choices_change_the_plan() {
    let workshop = Workshop::new();
    let usual = json(&workshop, &[]);
    assert_eq!(usual["optimizer"], "L-BFGS with 100 pairs");
    let adam = json(&workshop, &["--optimizer", "adam"]);
    let short = json(&workshop, &["--history", "3"]);
    let state = |plan: &Value| bytes(&plan["sums"], "optimiser");
    let vector = 12 * 96 * 80;
    assert_eq!(state(&usual), 203 * vector);
    assert_eq!(state(&short), 9 * vector);
    assert_eq!(state(&adam), 2 * vector);
    let average = json(&workshop, &["--pooling", "avg", "--model", "vgg16"]);
    assert_eq!(average["model"], "VGG-16");
    workshop.refuse(
        &with(&["--memory", "2MiB"]),
        5,
        &["96×80", "2.0 MiB (--memory)"],
    );
    workshop.refuse(
        &["inspect", "plan", "--size", "12y8"],
        2,
        &["--size", "12y8"],
    );
    workshop.refuse(&["inspect", "plan", "--size", "5x5"], 4, &["pool"]);
    let huge = ["inspect", "plan", "--size", "65536x65536"];
    workshop.refuse(&huge, 5, &["--size "]);
}

#[test]
fn text_and_picture_show_every_value() {
    let workshop = Workshop::new();
    let text = workshop.succeed(&with(&["--svg", "plan.svg"])).stdout;
    let svg = String::from_utf8(workshop.read("plan.svg")).unwrap();
    let plan = json(&workshop, &[]);
    for value in plan["values"].as_array().unwrap() {
        let name = value["value"].as_str().unwrap();
        assert!(text.contains(name), "no {name} in the text");
        assert!(
            svg.contains(&format!("<title>{name}, ")),
            "no {name} in the picture"
        );
    }
    for step in plan["steps"].as_array().unwrap() {
        let name = step["step"].as_str().unwrap();
        assert!(
            svg.contains(&format!(">{name}</text>")),
            "no {name} in the picture"
        );
    }
    assert!(text.contains("bytes per pixel  peak"));
    assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
    workshop.refuse(&with(&["--svg", "plan.png"]), 2, &["--svg", ".svg"]);
}
