//! `impasto bench`: how fast this adapter is, beside probes of its roofs in the same run.

mod case;
mod check;
mod conv;
mod figures;
mod gram;
mod layers;
mod probe;
mod roofline;
mod step;
mod tune;

use std::path::Path;

use impasto::gpu::Gpu;
use impasto::net::Network;
use serde_json::{Value, json};

pub use self::case::problems;
pub use self::figures::direction;
pub use self::probe::flop_rate;

use self::probe::Probes;
use self::roofline::Point;
use super::arguments::{BenchArguments, Benchmark, Common};
use super::failure::Failure;
use super::wait::wait;
use super::{open_gpu, say, tuning, write_text};

/// What every benchmark works with.
struct Bench<'a> {
    common: &'a Common,
    arguments: &'a BenchArguments,
    gpu: &'a Gpu,
    network: &'a Network,
    probes: Probes,
}

/// What every benchmark comes back with.
struct Report {
    figures: Value,
    points: Vec<Point>,
}

/// Runs the command.
pub fn run(common: &Common, arguments: &BenchArguments) -> Result<(), Failure> {
    check_arguments(arguments)?;
    let network = super::network::load(common)?;
    let gpu = open_gpu(common)?;
    let bench = Bench {
        common,
        arguments,
        gpu: &gpu,
        network: &network,
        probes: Probes::new(&gpu)?,
    };
    let (report, table) = if arguments.tune {
        let (report, table) = tune::measure(&bench)?;
        (report, Some(table))
    } else {
        let report = match arguments.what.unwrap_or(Benchmark::Step) {
            Benchmark::Step => step::measure(&bench)?,
            Benchmark::Conv => conv::measure(&bench)?,
            Benchmark::Gram => gram::measure(&bench)?,
        };
        (report, None)
    };
    if let Some(path) = &arguments.json {
        write_text(path, &report.figures.to_string())?;
    }
    if let Some(path) = &arguments.plot {
        roofline::draw(path, &bench.title(), &report.points)?;
    }
    // Last, so that a folder that refuses the table does not cost the figures.
    if let Some(table) = table {
        let path = tuning::store(common, table)?;
        say(common, format!("kept in `{}`", path.display()));
    }
    Ok(())
}

fn check_arguments(arguments: &BenchArguments) -> Result<(), Failure> {
    let other = matches!(arguments.what, Some(Benchmark::Step | Benchmark::Gram));
    if arguments.tune && other {
        return Err(Failure::usage(
            "--tune measures convolutions and nothing else; say `impasto bench conv --tune`",
        ));
    }
    let step = matches!(arguments.what, None | Some(Benchmark::Step));
    if step && !arguments.tune && !arguments.layers.is_empty() {
        return Err(Failure::usage(
            "--layer goes with `bench conv`, `bench gram` and `bench --tune`; a step takes every layer",
        ));
    }
    let json = arguments.json.as_deref();
    let json = json.filter(|path| path.as_os_str() != "-");
    if let Some(path) = json {
        impasto::image::check_output_file(path, &[])?;
    }
    if let Some(path) = &arguments.plot {
        let others: Vec<&Path> = json.into_iter().collect();
        impasto::image::check_output_file(path, &others)?;
    }
    Ok(())
}

impl Bench<'_> {
    /// The convolutions that are measured, in both directions.
    fn convolutions(&self) -> Result<Vec<case::Layer>, Failure> {
        let wanted = layers::convolutions(self.network.architecture, &self.arguments.layers)?;
        Ok(case::layers(self.network, self.arguments.size, &wanted))
    }

    /// The fields that every benchmark reports.
    fn head(&self) -> Value {
        let (adapter, size) = (self.gpu.adapter(), self.arguments.size);
        json!({
            "adapter": adapter.name,
            "driver": adapter.driver,
            "model": self.common.model,
            "width": size,
            "height": size,
        })
    }

    /// Over a plot.
    fn title(&self) -> String {
        let size = self.arguments.size;
        format!(
            "{}, {} at {size}×{size}",
            self.gpu.adapter().name,
            self.network.architecture
        )
    }
}

/// Adds fields to an object.
fn with(mut object: Value, fields: Value) -> Value {
    if let (Value::Object(object), Value::Object(fields)) = (&mut object, fields) {
        object.extend(fields);
    }
    object
}
