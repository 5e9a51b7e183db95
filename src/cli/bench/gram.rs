//! `impasto bench gram`: the Gram matrices of recipe gatys and their gradients.

use impasto::gpu::{Gpu, Recorder};
use impasto::kernels::{FeatureMap, Merge, gram};
use impasto::net::Network;
use impasto::paint::gatys;
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
    for term in gatys(network.architecture).style {
        let side = arguments.size as usize / network.architecture.downscale(term.layer);
        let shape = Shape::new(network.architecture.channels(term.layer), side, side);
        let layer = &network.architecture.layers()[term.layer].name;
        let values: Vec<f32> = (0..shape.len() as u64)
            .map(|i| sample(2, i) as f32)
            .collect();
        let f = FeatureMap::upload(gpu, "bench map", shape, &values)?;
        let gf = FeatureMap::zeros(gpu, "bench gradient", shape)?;
        let g = gpu.storage(
            "bench Gram matrix",
            (4 * shape.channels * shape.channels) as u64,
        )?;
        let partials = gpu.storage("bench partial sums", gram::workspace_bytes(shape))?;
        for pass in ["forward", "backward"] {
            let mut recorder = Recorder::new(gpu);
            match pass {
                "forward" => {
                    let tiling = gram::Tiling::choose(gpu);
                    gram::forward(&mut recorder, tiling, &f, &partials, &g)?;
                }
                _ => gram::gradient(&mut recorder, gpu, &g, &f, &gf, Merge::default())?,
            }
            let recording = recorder.finish(gpu)?;
            let samples = Samples::take(gpu, peak, arguments.runs, || seconds(gpu, &recording))?;
            // Counted as the full product in both directions, whatever symmetry saves.
            let flop = 2 * (shape.channels * shape.channels * shape.pixels()) as u64;
            let gflops = flop as f64 / samples.median() / 1e9;
            say(
                common,
                format!(
                    "{layer:8} {pass:8} {shape:14} {:9.2} ms  {gflops:7.1} GFLOP/s  {:5.1} % of peak",
                    samples.median() * 1e3,
                    100.0 * samples.share(flop)
                ),
            );
            rows.push(json!({
                "layer": layer,
                "pass": pass,
                "channels": shape.channels,
                "width": side,
                "height": side,
                "seconds": samples.median(),
                "gflops": gflops,
                "fma_peak_gflops": samples.peak(),
                "share_of_peak": samples.share(flop),
            }));
        }
    }
    Ok(with(
        head(gpu, common, arguments.size),
        json!({ "rows": rows }),
    ))
}
