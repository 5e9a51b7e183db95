//! `impasto inspect kernels`: every kernel with its knobs and costs, and which variant each convolution of
//! the network gets and why. All but the last needs no adapter.

use std::collections::HashMap;
use std::path::Path;

use impasto::gpu::{Gpu, Kernel};
use impasto::kernels::Pass;
use impasto::kernels::catalogue;
use impasto::kernels::conv3x3::{Choice, Cost, Filter, Packing, Preference, Problem, Variant};
use impasto::net::Architecture;
use impasto::shape::Shape;
use serde_json::{Value, json};

use crate::cli::arguments::Common;
use crate::cli::bench::{direction, problems};
use crate::cli::failure::{Code, Failure};
use crate::cli::terminal::print;
use crate::cli::{network, open_gpu, say, tuning, wanted_adapter};

/// Runs the command.
pub fn run(common: &Common, size: u32, emit: Option<&Path>, as_json: bool) -> Result<(), Failure> {
    let network = network::load(common)?;
    let architecture = network.architecture;
    if let Some(folder) = emit {
        emit_all(folder)?;
        say(
            common,
            format!("{} kernels in `{}`", catalogue().len(), folder.display()),
        );
    }
    let gpu = match open_gpu(common) {
        Ok(gpu) => Some(gpu),
        // The listing is worth having without; an adapter that was named and is not there is a mistake.
        Err(failure) if failure.code == Code::NoAdapter && wanted_adapter(common).is_none() => {
            say(
                common,
                format!("note: no choices are shown: {}", failure.message),
            );
            None
        }
        Err(failure) => return Err(failure),
    };
    let preference = gpu
        .as_ref()
        .map(|gpu| tuning::preference(common, gpu.profile(), None));
    let chooser = gpu.as_deref().zip(preference.as_ref());
    let names = architecture.convolutions().map(|(_, name, ..)| name);
    let filters: HashMap<_, _> = names.zip(network.filters()).collect();
    let rows: Vec<Row> = problems(architecture, size)
        .map(|(layer, problem)| {
            let filter = filters.get(layer);
            let is_exact_in_f16 = filter.is_some_and(|filter| filter.is_exact_in_f16());
            Row::new(layer, problem, is_exact_in_f16, chooser)
        })
        .collect();
    if as_json {
        return print(in_json(architecture, size, gpu.as_deref(), &rows));
    }
    print_kernels()?;
    print_rows(architecture, size, &rows)
}

/// A convolution in one direction, and what computes it.
struct Row {
    layer: &'static str,
    problem: Problem,
    choice: Option<Choice>,
    is_exact_in_f16: bool,
}

impl Row {
    fn new(
        layer: &'static str,
        problem: Problem,
        is_exact_in_f16: bool,
        chooser: Option<(&Gpu, &Preference)>,
    ) -> Self {
        let choice = chooser.map(|(gpu, preference)| {
            let filter = Filter::on_paper(runs(&problem));
            let output = Shape::new(filter.c_out, problem.height, problem.width);
            preference.choose(gpu, &filter, output, problem.pass)
        });
        Self {
            layer,
            problem,
            choice,
            is_exact_in_f16,
        }
    }

    /// How `variant` stores the weights.
    fn packing(&self, variant: Variant) -> Packing {
        Packing::choose(variant, self.is_exact_in_f16)
    }

    fn cost(&self, variant: Variant) -> Cost {
        let size = [self.problem.width, self.problem.height];
        variant.cost(self.packing(variant), runs(&self.problem), size)
    }
}

/// Channels of the filter that runs.
fn runs(problem: &Problem) -> [usize; 2] {
    match problem.pass {
        Pass::Forward => [problem.c_in, problem.c_out],
        Pass::Gradient => [problem.c_out, problem.c_in],
    }
}

/// Writes the text of every kernel, with its overrides said at the top.
fn emit_all(folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|error| {
        Failure::bad_input(format!(
            "the folder --emit `{}` cannot be made ({error}); choose another",
            folder.display()
        ))
    })?;
    for kernel in catalogue() {
        let path = folder.join(format!("{}.wgsl", kernel.name()));
        impasto::image::write_atomically(&path, emitted(kernel).as_bytes())?;
    }
    Ok(())
}

fn emitted(kernel: &Kernel) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let (entry, overrides) = (kernel.entry, overrides_in_words(kernel));
    let source = kernel.shader.source;
    format!("// impasto {version}, entry point `{entry}`, overrides: {overrides}\n{source}")
}

/// `WORKGROUP = 64u`, or none.
fn overrides_in_words(kernel: &Kernel) -> String {
    let overrides = kernel.shader.overrides();
    let each: Vec<String> = overrides
        .iter()
        .map(|knob| format!("{} = {}", knob.name, knob.default))
        .collect();
    if each.is_empty() {
        "none".to_string()
    } else {
        each.join(", ")
    }
}

fn print_kernels() -> Result<(), Failure> {
    for kernel in catalogue() {
        let needs = if kernel.needs_subgroups {
            " (needs subgroups)"
        } else {
            ""
        };
        print(format_args!("{}{needs}", kernel.name()))?;
        print(format_args!("  overrides  {}", overrides_in_words(kernel)))?;
        print(format_args!(
            "  knobs      {}",
            kernel.shader.section("Knobs")
        ))?;
        print(format_args!(
            "  cost       {}",
            kernel.shader.section("Cost")
        ))?;
    }
    Ok(())
}

fn print_rows(architecture: Architecture, size: u32, rows: &[Row]) -> Result<(), Failure> {
    print(format_args!(
        "\nconvolutions of {architecture} at {size}×{size}: flop per byte as a direct sum and by Winograd, then the choice"
    ))?;
    for row in rows {
        let problem = &row.problem;
        let choice = row.choice.map_or_else(
            || "no adapter".to_string(),
            |choice| {
                let packing = row.packing(choice.variant);
                format!(
                    "{}, weights in {packing} ({})",
                    choice.variant, choice.reason
                )
            },
        );
        print(format_args!(
            "{:8} {:8} {:>3}→{:<3} {:>4}×{:<4} {:7.1} {:7.1}  {choice}",
            row.layer,
            direction(problem.pass),
            problem.c_in,
            problem.c_out,
            problem.width,
            problem.height,
            row.cost(Variant::Direct).intensity(),
            row.cost(Variant::Winograd).intensity(),
        ))?;
    }
    Ok(())
}

fn in_json(architecture: Architecture, size: u32, gpu: Option<&Gpu>, rows: &[Row]) -> Value {
    let kernels: Vec<Value> = catalogue()
        .into_iter()
        .map(|kernel| {
            let overrides = kernel.shader.overrides();
            let overrides: Vec<Value> = overrides
                .iter()
                .map(|knob| json!({ "name": knob.name, "default": knob.default }))
                .collect();
            json!({
                "kernel": kernel.name(),
                "shader": kernel.shader.stem,
                "entry": kernel.entry,
                "needs_subgroups": kernel.needs_subgroups,
                "overrides": overrides,
                "knobs": kernel.shader.section("Knobs"),
                "cost": kernel.shader.section("Cost"),
            })
        })
        .collect();
    let convolutions: Vec<Value> = rows.iter().map(row_in_json).collect();
    json!({
        "adapter": gpu.map(|gpu| &gpu.adapter().name),
        "network": architecture.to_string(),
        "width": size,
        "height": size,
        "kernels": kernels,
        "convolutions": convolutions,
    })
}

fn row_in_json(row: &Row) -> Value {
    let problem = &row.problem;
    let variants: Vec<Value> = Variant::ALL
        .into_iter()
        .map(|variant| {
            let cost = row.cost(variant);
            json!({
                "variant": variant.name(),
                "kernel": variant.kernel().name(),
                "weights": row.packing(variant).name(),
                "is_exact": variant.is_exact(),
                "flop": cost.flop,
                "real_flop": cost.real_flop,
                "bytes": cost.bytes,
                "flop_per_byte": cost.intensity(),
            })
        })
        .collect();
    json!({
        "layer": row.layer,
        "pass": direction(problem.pass),
        "c_in": problem.c_in,
        "c_out": problem.c_out,
        "width": problem.width,
        "height": problem.height,
        "variants": variants,
        "variant": row.choice.map(|choice| choice.variant.name()),
        "weights": row.choice.map(|choice| row.packing(choice.variant).name()),
        "reason": row.choice.map(|choice| choice.reason.to_string()),
    })
}
