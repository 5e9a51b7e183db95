//! `impasto bench --tune`: every variant on every convolution of the network, kept for later choices.

use impasto::gpu::Recording;
use impasto::kernels::conv3x3::{Measurement, Packing, TuningRow, TuningTable, Variant};
use serde_json::json;

use super::case::{Case, Layer};
use super::conv::problem_fields;
use super::figures::{LEGEND, Work, direction, rates, rates_in_words};
use super::probe::{Samples, seconds};
use super::roofline::Point;
use super::{Bench, Failure, Report, say, with};
use crate::cli::failure::Code;
use crate::cli::tuning;

/// A variant this many times slower than the fastest at the first try is not tried again: it may take
/// minutes, and drift is not that large.
const HOPELESS: f64 = 8.0;

/// A variant that computes what it should, and its times.
struct Candidate {
    variant: Variant,
    packing: Packing,
    recording: Recording,
    deviation: f64,
    samples: Samples,
}

/// Measures everything; the table holds the new rows alone.
pub fn measure(bench: &Bench<'_>) -> Result<(Report, TuningTable), Failure> {
    let mut table = TuningTable::new(bench.gpu.adapter());
    say(bench.common, LEGEND);
    let mut rows = Vec::new();
    let mut points = Vec::new();
    for layer in bench.convolutions()? {
        let known = |row: &TuningRow| row.problem == layer.problem;
        if table.rows.iter().any(known) {
            continue;
        }
        let candidates = measure_one(bench, &layer)?;
        let fastest = candidates
            .iter()
            .map(|candidate| candidate.samples.median())
            .fold(f64::INFINITY, f64::min);
        let mut measurements = Vec::new();
        for candidate in &candidates {
            let samples = &candidate.samples;
            let work = Work::of(&candidate.recording);
            let fields = json!({
                "variant": candidate.variant.name(),
                "weights": candidate.packing.name(),
                "deviation": candidate.deviation,
                "runs": samples.seconds.len(),
                "fastest": samples.median() == fastest,
            });
            let row = with(
                with(problem_fields(&layer.problem), fields),
                rates(samples, work),
            );
            let mark = if samples.median() == fastest {
                "*"
            } else {
                " "
            };
            let head = head_in_words(&layer);
            let variant = candidate.variant.name();
            say(
                bench.common,
                format!("{head} {mark} {variant:15} {}", rates_in_words(&row)),
            );
            rows.push(row);
            let name = format!("{} {} {variant}", layer.name, direction(layer.problem.pass));
            points.push(Point::new(name, samples, work));
            measurements.push(Measurement {
                variant: candidate.variant,
                seconds: samples.median(),
                share_of_peak: samples.share_of_peak(work.flop),
            });
        }
        let problem = layer.problem;
        table.rows.push(TuningRow {
            problem,
            measurements,
        });
        // Ctrl-C or a device that is lost costs what follows alone. A folder that refuses the table says so in the end.
        let _ = tuning::store(bench.common, table.clone());
    }
    let figures = with(bench.head(), json!({ "rows": rows }));
    Ok((Report { figures, points }, table))
}

/// `64→128 forward at 128×128`.
fn head_in_words(layer: &Layer) -> String {
    let problem = &layer.problem;
    format!(
        "{:>3}→{:<3} {:8} {:>4}×{:<4}",
        problem.c_in,
        problem.c_out,
        direction(problem.pass),
        problem.width,
        problem.height
    )
}

/// All variants in turns, so that the machine's drift meets each of them.
fn measure_one(bench: &Bench<'_>, layer: &Layer) -> Result<Vec<Candidate>, Failure> {
    let gpu = bench.gpu;
    let case = Case::new(gpu, layer)?;
    let mut candidates = Vec::new();
    for variant in case.variants() {
        match case.prepare(variant) {
            Ok((recording, deviation)) => {
                let mut samples = Samples::default();
                samples.add(gpu, &bench.probes, || seconds(gpu, &recording))?;
                candidates.push(Candidate {
                    variant,
                    packing: case.packing(variant),
                    recording,
                    deviation,
                    samples,
                });
            }
            // A driver may compile one variant wrongly; the others are all the more worth measuring.
            Err(wrong) if wrong.code == Code::Internal => {
                say(bench.common, format!("note: {}", wrong.message));
            }
            Err(failure) => return Err(failure),
        }
    }
    let first = |candidate: &Candidate| candidate.samples.seconds[0];
    let fastest = candidates.iter().map(first).fold(f64::INFINITY, f64::min);
    let mut hopeful: Vec<&mut Candidate> = candidates
        .iter_mut()
        .filter(|candidate| first(candidate) <= HOPELESS * fastest)
        .collect();
    for candidate in &mut hopeful {
        // The first try was to warm up.
        candidate.samples = Samples::default();
    }
    for _ in 0..bench.arguments.runs {
        for Candidate {
            recording, samples, ..
        } in hopeful.iter_mut().map(|candidate| &mut **candidate)
        {
            samples.add(gpu, &bench.probes, || seconds(gpu, recording))?;
        }
    }
    Ok(candidates)
}
