//! `impasto bench --tune`: what it keeps, who reads it, and what happens when that cannot be done.

use std::fs;
use std::sync::OnceLock;

use crate::workshop::{Outcome, Workshop};
use serde_json::{Value, json};

const TUNE: [&str; 6] = ["bench", "--tune", "--size", "16", "--runs", "1"];

/// A workshop whose cache folder holds a table of this adapter, measured once for all tests.
fn tuned() -> Workshop {
    static TABLE: OnceLock<Vec<u8>> = OnceLock::new();
    let workshop = Workshop::with_pictures();
    let table = TABLE.get_or_init(|| {
        workshop.succeed(&TUNE);
        fs::read(workshop.cached("tuning.json")).unwrap()
    });
    fs::write(workshop.cached("tuning.json"), table).unwrap();
    workshop
}

fn table(workshop: &Workshop) -> Value {
    let text = fs::read_to_string(workshop.cached("tuning.json")).unwrap();
    // For people too: every number stands on a line of its own.
    assert!(
        text.lines().count() > 2 * text.matches("seconds").count(),
        "{text}"
    );
    serde_json::from_str(&text).unwrap()
}

/// What `inspect kernels` says about each convolution at `size`.
fn reasons(workshop: &Workshop, size: &str) -> Vec<(Value, String)> {
    let outcome = workshop.succeed(&["inspect", "kernels", "--json", "-q", "--size", size]);
    let listed: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let rows = listed["convolutions"].as_array().unwrap().iter();
    rows.map(|row| (row["variant"].clone(), row["reason"].to_string()))
        .collect()
}

fn style(workshop: &Workshop, flags: &[&str]) -> String {
    let paint = "style content.png --style style.png --recipe gatys --iterations 0 -o out.png";
    let words: Vec<&str> = paint.split(' ').chain(flags.iter().copied()).collect();
    workshop.succeed(&words).stderr
}

#[test]
fn the_fastest_of_what_was_measured_is_chosen_and_said() {
    let workshop = tuned();
    let table = table(&workshop);
    let rows = table["tables"][0]["rows"].as_array().unwrap();
    // Ten kinds of convolution in VGG-19 at 16, in two directions, not all of them distinct in size.
    assert!(rows.len() >= 16, "{} rows", rows.len());
    for row in rows {
        let measured = row["measurements"].as_array().unwrap();
        assert!(measured.len() >= 2, "{row}");
        for one in measured {
            assert!(one["seconds"].as_f64().unwrap() > 0.0, "{row}");
            assert!(one["share_of_peak"].as_f64().unwrap() > 0.0, "{row}");
        }
    }
    let fastest = |row: &Value| {
        let measured = row["measurements"].as_array().unwrap().iter();
        let seconds = |one: &Value| one["seconds"].as_f64().unwrap();
        measured
            .min_by(|a, b| seconds(a).total_cmp(&seconds(b)))
            .unwrap()["variant"]
            .clone()
    };
    let reasons_at_16 = reasons(&workshop, "16");
    for (variant, reason) in &reasons_at_16 {
        assert!(reason.contains("measured at"), "{reason}");
        assert!(variant.is_string());
    }
    assert_eq!(reasons_at_16[0].0, fastest(&rows[0]));
    assert_eq!(reasons_at_16[1].0, fastest(&rows[1]));
    // Nine times as many pixels are too far from what was measured.
    let far = reasons(&workshop, "48");
    assert!(far[0].1.contains("shipped"), "{far:?}");
}

#[test]
fn painting_and_benches_read_the_table_and_say_so() {
    let workshop = tuned();
    let said = style(&workshop, &["-v"]);
    assert!(said.contains("tuning.json"), "{said}");
    assert!(!style(&workshop, &[]).contains("tuning.json"));
    let bench = [
        "bench", "conv", "--size", "16", "--runs", "1", "-q", "--json",
    ];
    let outcome = workshop.succeed(&bench);
    let figures: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let reason = figures["rows"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("measured at 16×16"), "{reason}");
}

#[test]
fn tables_of_other_adapters_and_other_sizes_are_kept_and_damaged_ones_replaced() {
    let workshop = tuned();
    let mut tables = table(&workshop);
    let rows = tables["tables"][0]["rows"].as_array().unwrap().len();
    let other = json!({ "adapter": "another", "driver": "d", "version": "0.0.1", "rows": [] });
    tables["tables"].as_array_mut().unwrap().push(other);
    fs::write(workshop.cached("tuning.json"), tables.to_string()).unwrap();
    let again = "bench conv --tune --layer conv1_1 --size 20 --runs 1";
    let again: Vec<&str> = again.split(' ').collect();
    workshop.succeed(&again);
    let tables = table(&workshop)["tables"].clone();
    let [ours, others] = [false, true].map(|other| {
        let mut tables = tables.as_array().unwrap().iter();
        let found = tables.find(|table| (table["adapter"] == "another") == other);
        found.unwrap()["rows"].as_array().unwrap().len()
    });
    // In two directions.
    assert_eq!(ours, rows + 2);
    assert_eq!(others, 0);

    fs::write(workshop.cached("tuning.json"), "{").unwrap();
    let said = workshop.succeed(&again).stderr;
    assert!(said.contains("is replaced"), "{said}");
    assert_eq!(table(&workshop)["tables"].as_array().unwrap().len(), 1);
}

#[test]
fn a_damaged_or_foreign_table_is_passed_over_with_one_warning() {
    let workshop = tuned();
    let mut foreign = table(&workshop);
    foreign["tables"][0]["version"] = "0.0.1".into();
    let mut wrong = table(&workshop);
    wrong["tables"][0]["rows"][0]["measurements"][0]["seconds"] = "soon".into();
    for damaged in [
        String::new(),
        "{".to_string(),
        "[1, 2]".to_string(),
        wrong.to_string(),
        foreign.to_string(),
    ] {
        fs::write(workshop.cached("tuning.json"), &damaged).unwrap();
        let said = style(&workshop, &[]);
        let warnings: Vec<&str> = said
            .lines()
            .filter(|line| line.contains("tuning.json"))
            .collect();
        assert_eq!(warnings.len(), 1, "{said}");
        assert!(warnings[0].contains("passed over"), "{said}");
        assert!(warnings[0].contains("bench --tune"), "{said}");
        assert_eq!(style(&workshop, &["-q"]), "");
        for (_, reason) in reasons(&workshop, "16") {
            assert!(
                reason.contains("shipped") || reason.contains("nothing"),
                "{reason}"
            );
        }
    }
}

#[test]
fn a_cache_folder_that_refuses_costs_no_figures() {
    let workshop = Workshop::new();
    workshop.write("file", b"");
    let arguments = [&TUNE[..], &["--layer=conv2_1", "--json=figures.json"]].concat();
    let mut command = workshop.command(&arguments);
    command.env("IMPASTO_CACHE", workshop.path("file"));
    let outcome = Outcome::of(command.output().unwrap(), &arguments);
    outcome.refused(4, &["tuning.json", "IMPASTO_CACHE"]);
    let figures = workshop.json("figures.json");
    assert!(figures["rows"].as_array().unwrap().len() >= 4);
}

#[test]
fn only_convolutions_are_tuned_and_all_of_their_variants() {
    let workshop = Workshop::new();
    workshop.refuse(
        &["bench", "gram", "--tune"],
        2,
        &["--tune", "bench conv --tune"],
    );
    workshop.refuse(
        &["bench", "--tune", "--variant", "plain"],
        2,
        &["--tune", "--variant"],
    );
}
