//! The tuning table on disk: `tuning.json` in the user's cache folder, one table per adapter and driver,
//! measured by `impasto bench --tune` and by nothing else.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use impasto::gpu::Profile;
use impasto::kernels::Pass;
use impasto::kernels::conv3x3::{
    Measurement, Preference, Problem, TuningRow, TuningTable, Variant,
};
use serde_json::{Value, json};

use super::arguments::Common;
use super::failure::Failure;
use super::{cache, explain, say};

/// What to do about a table that is of no use.
const REMEDY: &str = "renew it with `impasto bench --tune` or delete it";

/// The wish and what was measured on this adapter, if anything was.
pub fn preference(common: &Common, adapter: &Profile, wish: Option<Variant>) -> Preference {
    Preference {
        wish,
        exact: false,
        table: load(common, adapter).map(Arc::new),
    }
}

/// The table of `adapter`. One that is damaged or out of date is passed over with a warning.
fn load(common: &Common, profile: &Profile) -> Option<TuningTable> {
    let Profile {
        adapter, driver, ..
    } = profile;
    let path = file()?;
    let shown = path.display();
    let tables = match read(&path) {
        Ok(tables) => tables,
        Err(fault) => {
            say(
                common,
                format!("note: the tuning table `{shown}` {fault} and is passed over; {REMEDY}"),
            );
            return None;
        }
    };
    if let Some(table) = tables.iter().find(|table| table.is_for(adapter, driver)) {
        explain(
            common,
            format!(
                "variants: measured on this adapter, {} shapes in `{shown}`",
                table.rows.len()
            ),
        );
        return Some(table.clone());
    }
    if let Some(table) = tables.iter().find(|table| table.adapter == *adapter) {
        say(
            common,
            format!(
                "note: the tuning table `{shown}` was made by impasto {} with the driver {} and is passed over; {REMEDY}",
                table.version, table.driver
            ),
        );
    }
    explain(common, "variants: shipped rules, nothing was measured here");
    None
}

/// Puts `table` in its file beside those of other adapters: rows of the same problems are replaced.
pub fn store(common: &Common, table: TuningTable) -> Result<PathBuf, Failure> {
    let variable = cache::FOLDER_VARIABLE;
    let Some(path) = file() else {
        return Err(Failure::usage(format!(
            "there is no cache folder for the tuning table; name one in the variable {variable}"
        )));
    };
    let mut tables = read(&path).unwrap_or_else(|fault| {
        let shown = path.display();
        say(common, format!("note: `{shown}` {fault} and is replaced"));
        Vec::new()
    });
    merge(&mut tables, table);
    let text = format!("{:#}\n", to_json(&tables));
    cache::store(&path, text.as_bytes()).map_err(|reason| {
        Failure::bad_input(format!(
            "the tuning table `{}` cannot be kept ({reason}); name another folder in the variable {variable}",
            path.display()
        ))
    })?;
    Ok(path)
}

/// Adds `new` to `tables`: its rows replace those of the same problem, and all rows of another version.
fn merge(tables: &mut Vec<TuningTable>, mut new: TuningTable) {
    let same = |table: &TuningTable| table.adapter == new.adapter && table.driver == new.driver;
    if let Some(at) = tables.iter().position(same) {
        let old = tables.swap_remove(at);
        if old.version == new.version {
            let measured = |row: &TuningRow| new.rows.iter().any(|of| of.problem == row.problem);
            let kept: Vec<_> = old.rows.into_iter().filter(|row| !measured(row)).collect();
            new.rows.extend(kept);
        }
    }
    tables.push(new);
}

fn file() -> Option<PathBuf> {
    Some(cache::folder()?.join("tuning.json"))
}

/// All tables of the file; none if it is not there. What is wrong comes back as half a sentence.
fn read(path: &Path) -> Result<Vec<TuningTable>, String> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(format!("cannot be read ({error})")),
    };
    let value: Value =
        serde_json::from_slice(&bytes).map_err(|error| format!("is damaged ({error})"))?;
    let tables = value["tables"].as_array();
    let tables = tables.and_then(|tables| tables.iter().map(table_from_json).collect());
    tables.ok_or_else(|| "is damaged (a field is missing or wrong)".to_string())
}

fn to_json(tables: &[TuningTable]) -> Value {
    let tables: Vec<Value> = tables
        .iter()
        .map(|table| {
            json!({
                "adapter": table.adapter,
                "driver": table.driver,
                "version": table.version,
                "rows": table.rows.iter().map(row_to_json).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({ "tables": tables })
}

fn row_to_json(row: &TuningRow) -> Value {
    let problem = &row.problem;
    let measurements: Vec<Value> = row
        .measurements
        .iter()
        .map(|measurement| {
            json!({
                "variant": measurement.variant.name(),
                "seconds": measurement.seconds,
                "share_of_peak": measurement.share_of_peak,
            })
        })
        .collect();
    json!({
        "pass": problem.pass.to_string(),
        "c_in": problem.c_in,
        "c_out": problem.c_out,
        "width": problem.width,
        "height": problem.height,
        "measurements": measurements,
    })
}

fn table_from_json(value: &Value) -> Option<TuningTable> {
    let text = |field: &str| Some(value[field].as_str()?.to_string());
    let version = text("version")?;
    let rows = if version == TuningTable::VERSION {
        let rows = value["rows"].as_array()?.iter();
        rows.map(row_from_json).collect::<Option<_>>()?
    } else {
        // Another version may know other variants; its rows are of no use anyway.
        Vec::new()
    };
    Some(TuningTable {
        adapter: text("adapter")?,
        driver: text("driver")?,
        version,
        rows,
    })
}

fn row_from_json(value: &Value) -> Option<TuningRow> {
    // Far beyond any map, and small enough that a product of two is no overflow.
    let count = |field: &str| {
        let count = value[field]
            .as_u64()
            .filter(|count| (1..1 << 24).contains(count))?;
        usize::try_from(count).ok()
    };
    let passes = [Pass::Forward, Pass::Gradient];
    let pass = value["pass"].as_str()?;
    let problem = Problem {
        pass: passes.into_iter().find(|of| of.to_string() == pass)?,
        c_in: count("c_in")?,
        c_out: count("c_out")?,
        width: count("width")?,
        height: count("height")?,
    };
    let measurements = value["measurements"].as_array()?.iter();
    Some(TuningRow {
        problem,
        measurements: measurements
            .map(measurement_from_json)
            .collect::<Option<_>>()?,
    })
}

fn measurement_from_json(value: &Value) -> Option<Measurement> {
    let positive = |field: &str| value[field].as_f64().filter(|number| *number > 0.0);
    Some(Measurement {
        variant: value["variant"].as_str()?.parse().ok()?,
        seconds: positive("seconds")?,
        share_of_peak: positive("share_of_peak")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(driver: &str, version: &str, rows: &[(usize, f64)]) -> TuningTable {
        let row = |&(width, seconds): &(usize, f64)| TuningRow {
            problem: Problem {
                pass: Pass::Gradient,
                c_in: 64,
                c_out: 128,
                width,
                height: 7,
            },
            measurements: vec![Measurement {
                variant: Variant::DirectPortable,
                seconds,
                share_of_peak: 0.25,
            }],
        };
        TuningTable {
            adapter: "an adapter".to_string(),
            driver: driver.to_string(),
            version: version.to_string(),
            rows: rows.iter().map(row).collect(),
        }
    }

    fn from_json(value: &Value) -> Option<Vec<TuningTable>> {
        let tables = value["tables"].as_array()?.iter();
        tables.map(table_from_json).collect()
    }

    #[test]
    fn a_table_comes_back_from_json_as_it_was() {
        let tables = vec![
            table(
                "one",
                TuningTable::VERSION,
                &[(32, 0.0123456789), (64, 3e-7)],
            ),
            table("two", TuningTable::VERSION, &[]),
        ];
        assert_eq!(from_json(&to_json(&tables)), Some(tables));
    }

    #[test]
    fn a_wrong_field_makes_the_whole_table_damaged() {
        let whole = to_json(&[table("one", TuningTable::VERSION, &[(32, 0.5)])]);
        assert!(from_json(&whole).is_some());
        for (field, wrong) in [
            ("/tables/0/driver", json!(1)),
            ("/tables/0/rows", json!("none")),
            ("/tables/0/rows/0/pass", json!("sideways")),
            ("/tables/0/rows/0/width", json!(0)),
            ("/tables/0/rows/0/height", json!(-1)),
            ("/tables/0/rows/0/c_in", json!(u64::MAX)),
            ("/tables/0/rows/0/measurements/0/variant", json!("fastest")),
            ("/tables/0/rows/0/measurements/0/seconds", json!(0)),
            ("/tables/0/rows/0/measurements/0/seconds", Value::Null),
        ] {
            let mut damaged = whole.clone();
            *damaged.pointer_mut(field).unwrap() = wrong;
            assert_eq!(from_json(&damaged), None, "{field}");
        }
    }

    #[test]
    fn new_rows_replace_old_ones_of_the_same_problem_adapter_and_version() {
        let now = TuningTable::VERSION;
        let mut tables = vec![
            table("one", now, &[(32, 0.1), (64, 0.2)]),
            table("two", now, &[(32, 0.3)]),
            table("old", "0.0.0", &[(32, 0.4), (64, 0.5)]),
        ];
        merge(&mut tables, table("one", now, &[(64, 0.6), (128, 0.7)]));
        merge(&mut tables, table("old", now, &[(32, 0.8)]));
        tables.sort_by(|a, b| a.driver.cmp(&b.driver));
        let expected = [
            table("old", now, &[(32, 0.8)]),
            table("one", now, &[(64, 0.6), (128, 0.7), (32, 0.1)]),
            table("two", now, &[(32, 0.3)]),
        ];
        assert_eq!(tables, expected);
    }
}
