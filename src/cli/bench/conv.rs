//! `impasto bench conv`: every convolution of the network, forward and backward, at the size it has
//! when the picture has `--size`.

use impasto::kernels::conv3x3::Problem;
use serde_json::{Value, json};

use super::case::{Case, Layer};
use super::figures::{LEGEND, Work, direction, rates, rates_in_words};
use super::probe::{Samples, seconds};
use super::roofline::Point;
use super::{Bench, Failure, Report, say, with};
use crate::cli::tuning;

pub fn measure(bench: &Bench<'_>) -> Result<Report, Failure> {
    let preference = tuning::preference(bench.common, bench.gpu.profile(), bench.arguments.variant);
    say(bench.common, LEGEND);
    let mut rows = Vec::new();
    let mut points: Vec<Point> = Vec::new();
    // Layers of the same shape take the same time; each shape is measured once.
    let mut measured: Vec<(Problem, Value)> = Vec::new();
    for layer in bench.convolutions()? {
        let known = measured
            .iter()
            .find(|(problem, _)| *problem == layer.problem);
        let row = match known {
            Some((_, row)) => row.clone(),
            None => {
                let (filter, output) = layer.runs();
                let pass = layer.problem.pass;
                let choice = preference.choose(bench.gpu, &filter, output, pass);
                let (row, point) = measure_one(bench, &layer, choice)?;
                points.push(point);
                measured.push((layer.problem, row.clone()));
                row
            }
        };
        let row = with(json!({ "layer": layer.name }), row);
        say(bench.common, describe(&row));
        rows.push(row);
    }
    Ok(Report {
        figures: with(bench.head(), json!({ "rows": rows })),
        points,
    })
}

fn measure_one(
    bench: &Bench<'_>,
    layer: &Layer,
    choice: impasto::kernels::conv3x3::Choice,
) -> Result<(Value, Point), Failure> {
    let gpu = bench.gpu;
    let case = Case::new(gpu, layer)?;
    let (recording, deviation) = case.prepare(choice.variant)?;
    let work = Work::of(&recording);
    let samples = Samples::take(gpu, &bench.probes, bench.arguments.runs, || {
        seconds(gpu, &recording)
    })?;
    let row = with(
        problem_fields(&layer.problem),
        json!({
            "variant": choice.variant.name(),
            "weights": case.packing(choice.variant).name(),
            "reason": choice.reason.to_string(),
            "deviation": deviation,
        }),
    );
    let name = format!(
        "{} {} {}",
        layer.name,
        direction(layer.problem.pass),
        choice.variant
    );
    Ok((
        with(row, rates(&samples, work)),
        Point::new(name, &samples, work),
    ))
}

/// Which convolution it is.
pub fn problem_fields(problem: &Problem) -> Value {
    json!({
        "pass": direction(problem.pass),
        "c_in": problem.c_in,
        "c_out": problem.c_out,
        "width": problem.width,
        "height": problem.height,
    })
}

fn describe(row: &Value) -> String {
    let text = |field: &str| row[field].as_str().unwrap_or_default().to_string();
    format!(
        "{:8} {:8} {:>3}→{:<3} {:>4}×{:<4} {:15} {} {}",
        text("layer"),
        text("pass"),
        row["c_in"].to_string(),
        row["c_out"].to_string(),
        row["width"].to_string(),
        row["height"].to_string(),
        text("variant"),
        text("weights"),
        rates_in_words(row),
    )
}
