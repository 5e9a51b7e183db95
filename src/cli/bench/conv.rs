//! `impasto bench conv`: every convolution of the network, forward and backward, at the size it has
//! when the picture has `--size`.

use std::collections::BTreeMap;

use impasto::gpu::{Gpu, Recorder, Recording};
use impasto::kernels::conv3x3::{self, DeviceFilter, Epilogue, Filter, Preference, Variant};
use impasto::kernels::{FeatureMap, Pass};
use impasto::net::Network;
use impasto::reference::samples::sample;
use impasto::shape::Shape;
use serde_json::{Value, json};

use super::{BenchArguments, Common, Failure, PeakProbe, Samples, head, say, seconds, with};

pub fn measure(
    common: &Common,
    arguments: &BenchArguments,
    gpu: &Gpu,
    network: &Network,
    peak: &PeakProbe,
) -> Result<Value, Failure> {
    let mut rows = Vec::new();
    // Layers of the same shape take the same time; each shape is measured once.
    let mut measured: BTreeMap<(usize, usize, usize, bool), Value> = BTreeMap::new();
    for (filter, (index, layer, c_in, c_out)) in network
        .filters()
        .iter()
        .zip(network.architecture.convolutions())
    {
        let side = arguments.size as usize / network.architecture.downscale(index);
        for backward in [false, true] {
            let pass = if backward {
                Pass::Gradient
            } else {
                Pass::Forward
            };
            let key = (c_in, c_out, side, backward);
            if side > 0 && !measured.contains_key(&key) {
                let turned = if backward {
                    filter.transposed()
                } else {
                    Filter::clone(filter)
                };
                let row = measure_one(gpu, arguments, peak, (&turned, pass), side)?;
                measured.insert(key, row);
            }
            let Some(row) = measured.get(&key) else {
                continue;
            };
            let pass = if backward { "backward" } else { "forward" };
            let row = with(
                json!({ "layer": layer, "pass": pass, "c_in": c_in, "c_out": c_out }),
                row.clone(),
            );
            say(common, describe(&row));
            rows.push(row);
        }
    }
    Ok(with(
        head(gpu, common, arguments.size),
        json!({ "rows": rows }),
    ))
}

fn describe(row: &Value) -> String {
    let number = |field: &str| row[field].as_f64().unwrap_or(f64::NAN);
    let text = |field: &str| row[field].as_str().unwrap_or_default().to_string();
    format!(
        "{:8} {:8} {:3}→{:3} {:4}×{:<4} {:16} {:9.2} ms  {:7.1} GFLOP/s  {:5.1} % of peak",
        text("layer"),
        text("pass"),
        number("c_in"),
        number("c_out"),
        number("width"),
        number("height"),
        text("variant"),
        number("seconds") * 1e3,
        number("gflops"),
        100.0 * number("share_of_peak"),
    )
}

fn measure_one(
    gpu: &Gpu,
    arguments: &BenchArguments,
    peak: &PeakProbe,
    (filter, pass): (&Filter, Pass),
    side: usize,
) -> Result<Value, Failure> {
    let output = Shape::new(filter.c_out, side, side);
    let preference = Preference {
        wish: arguments.variant,
        ..Preference::default()
    };
    let variant = preference.choose(gpu, filter, output, pass).variant;
    let (recording, flop) = record(gpu, filter, output, variant)?;
    let samples = Samples::take(gpu, peak, arguments.runs, || seconds(gpu, &recording))?;
    Ok(json!({
        "width": side,
        "height": side,
        "variant": variant.name(),
        "seconds": samples.median(),
        "gflops": flop as f64 / samples.median() / 1e9,
        "fma_peak_gflops": samples.peak(),
        "share_of_peak": samples.share(flop),
    }))
}

fn record(
    gpu: &Gpu,
    filter: &Filter,
    output: Shape,
    variant: Variant,
) -> Result<(Recording, u64), Failure> {
    let input = output.with_channels(filter.c_in);
    let values: Vec<f32> = (0..input.len() as u64)
        .map(|i| sample(1, i) as f32)
        .collect();
    let x = FeatureMap::upload(gpu, "bench input", input, &values)?;
    let y = FeatureMap::zeros(gpu, "bench output", output)?;
    let filter = DeviceFilter::upload(gpu, "bench filter", filter, variant)?;
    let mut recorder = Recorder::new(gpu);
    conv3x3::record(&mut recorder, &filter, &x, &y, Epilogue::default())?;
    let recording = recorder.finish(gpu)?;
    let flop = recording.infos().iter().map(|info| info.flop).sum();
    Ok((recording, flop))
}
