//! `impasto inspect plan`: every buffer of a style transfer, who lives in it from which step to which, and
//! the peak. Needs no adapter.

mod in_json;
mod in_svg;

use impasto::gpu::{AdapterList, Profile};
use impasto::graph::{Allocation, Plan, Program, Purpose, Requirement};
use impasto::image::write_atomically;
use impasto::net::Architecture;
use impasto::optim::{AdamSettings, LbfgsSettings, OptimiserSettings};
use impasto::paint::{StyleForecast, StyleProblem, gatys};

use crate::cli::arguments::{Common, OptimiserName, PlanArguments};
use crate::cli::failure::Failure;
use crate::cli::memory::{self, Budget, Bytes, OptimiserWish, Resized};
use crate::cli::terminal::print;
use crate::cli::{network, tuning, wanted_adapter, write_text};

/// A plan and what it is of.
struct Report {
    architecture: Architecture,
    adapter: Profile,
    size: [usize; 2],
    budget: Option<u64>,
    forecast: StyleForecast,
}

impl Report {
    fn program(&self) -> &Program {
        &self.forecast.program
    }

    fn plan(&self) -> &Plan {
        &self.forecast.step.plan
    }

    /// `conv1_1 forward`.
    fn step_name(&self, index: usize) -> String {
        self.program().step_name(&self.program().steps[index])
    }

    fn value_name(&self, requirement: &Requirement) -> String {
        let value = self.program().value(requirement.value);
        match value.name.as_str() {
            kind @ ("workspace" | "outcome" | "switches") => {
                let step = &self.program().steps[requirement.first];
                let node = &self.program().tape.nodes()[step.node];
                format!("{kind} of {}", node.name)
            }
            name => name.to_string(),
        }
    }

    /// Values in the order in which they are made.
    fn lives(&self) -> Vec<&Requirement> {
        let mut lives: Vec<&Requirement> = self.plan().requirements.iter().collect();
        lives.sort_by_key(|life| (life.first, life.value));
        lives
    }

    fn slot_of(&self, requirement: &Requirement) -> usize {
        self.plan().placement[&requirement.value]
    }

    /// The step at which most is alive, and how many bytes that is.
    fn busiest_step(&self) -> (usize, u64) {
        let live = self.plan().live_bytes().into_iter().enumerate();
        live.max_by_key(|&(step, bytes)| (bytes, std::cmp::Reverse(step)))
            .unwrap_or((0, 0))
    }

    fn optimiser(&self) -> String {
        match self.forecast.optimiser {
            OptimiserSettings::Adam(_) => "Adam".to_string(),
            OptimiserSettings::Lbfgs(settings) => {
                format!("L-BFGS with {} pairs", settings.history)
            }
        }
    }

    fn title(&self) -> String {
        let [width, height] = self.size;
        format!(
            "{} at {width}×{height}, recipe gatys, {}, {}, on {}",
            self.architecture,
            self.optimiser(),
            self.forecast.way.candidate.strategy,
            self.adapter.adapter,
        )
    }

    fn bytes_per_pixel(&self, bytes: u64) -> f64 {
        bytes as f64 / (self.size[0] * self.size[1]) as f64
    }
}

/// Runs the command.
pub fn run(common: &Common, arguments: &PlanArguments) -> Result<(), Failure> {
    let network = network::load(common)?;
    let mut terms = gatys(network.architecture);
    terms.pooling = arguments.pooling;
    let size = [arguments.size.width, arguments.size.height];
    let adapter = adapter(common)?;
    let preference = tuning::preference(common, &adapter, arguments.variant);
    let problem = StyleProblem {
        network: &network,
        terms: &terms,
        preference: &preference,
        size,
        styles: &[size],
        averages: false,
        report_every: if adapter.is_software { 1 } else { 10 },
    };
    let wish = match arguments.optimizer {
        OptimiserName::Adam => OptimiserWish::Adam(AdamSettings::default()),
        OptimiserName::Lbfgs => OptimiserWish::lbfgs(arguments.history, LbfgsSettings::default()),
    };
    let budget = Budget::only(arguments.memory);
    let forecast = memory::choose(&problem, &adapter, wish, &budget, |side| {
        let scaled = impasto::image::fitted(size[0], size[1], side).into();
        Resized::by_sides((scaled, vec![scaled]))
    })?;
    let report = Report {
        architecture: network.architecture,
        adapter,
        size,
        budget: budget.bytes,
        forecast,
    };
    if let Some(path) = &arguments.svg {
        write_atomically(path, in_svg::draw(&report).as_bytes())?;
    }
    match &arguments.json {
        Some(path) => write_text(path, &format!("{:#}", in_json::write(&report)))?,
        None => print_text(&report)?,
    }
    Ok(())
}

/// The adapter that would be used; a typical GPU where there is none.
fn adapter(common: &Common) -> Result<Profile, Failure> {
    let wanted = wanted_adapter(common);
    let list = pollster::block_on(AdapterList::discover());
    match list.choose(wanted.as_deref()) {
        Ok((summary, _)) => Ok(list
            .profile(summary.index)
            .unwrap_or_else(Profile::typical_gpu)),
        // An adapter that was named and is not there is a mistake.
        Err(error) if wanted.is_some() => Err(error.into()),
        Err(_) => Ok(Profile::typical_gpu()),
    }
}

fn print_text(report: &Report) -> Result<(), Failure> {
    print(report.title())?;
    print_slots(report)?;
    print_rest(report)?;
    print_sums(report)
}

/// Slot by slot, who lives there from which step to which.
fn print_slots(report: &Report) -> Result<(), Failure> {
    let steps = report.program().steps.len();
    print(format_args!(
        "\nslots: each a buffer, shared by values that are never alive together ({steps} steps)"
    ))?;
    for (slot, &bytes) in report.plan().slots.iter().enumerate() {
        print(format_args!("slot {slot}, {}", Bytes(bytes)))?;
        let lives = report.lives();
        for life in lives.iter().filter(|life| report.slot_of(life) == slot) {
            print(format_args!(
                "  {:>10}  {:3}–{:<3} {:32} {} – {}",
                Bytes(life.bytes).to_string(),
                life.first,
                life.last,
                report.value_name(life),
                report.step_name(life.first),
                report.step_name(life.last),
            ))?;
        }
    }
    Ok(())
}

/// Everything that lives from the start to the end.
fn print_rest(report: &Report) -> Result<(), Failure> {
    for purpose in Purpose::ALL {
        let all = report.forecast.allocations.iter();
        let of_purpose: Vec<_> = all.filter(|of| of.purpose == purpose).collect();
        if purpose == Purpose::Slot || of_purpose.is_empty() {
            continue;
        }
        let bytes = Bytes(report.forecast.bytes(purpose));
        print(format_args!("\n{}: {bytes}", purpose.name()))?;
        // Those that differ in a number alone stand on one line.
        let kind = |of: &Allocation| (without_number(&of.label).to_string(), of.bytes);
        for alike in of_purpose.chunk_by(|a, b| kind(a) == kind(b)) {
            let bytes = Bytes(alike[0].bytes).to_string();
            match alike.len() {
                1 => print(format_args!("  {bytes:>10}  {}", alike[0].label))?,
                count => {
                    let label = without_number(&alike[0].label);
                    print(format_args!("  {bytes:>10}  {label}, {count} times"))?;
                }
            }
        }
    }
    Ok(())
}

fn without_number(label: &str) -> &str {
    label.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == ' ')
}

fn print_sums(report: &Report) -> Result<(), Failure> {
    let forecast = &report.forecast;
    let line = |bytes: u64, what: &str| {
        print(format_args!(
            "  {:>10}  {:9.1} bytes per pixel  {what}",
            Bytes(bytes).to_string(),
            report.bytes_per_pixel(bytes)
        ))
    };
    print("\nsums")?;
    for purpose in Purpose::ALL {
        let bytes = forecast.bytes(purpose);
        let what = match purpose {
            Purpose::Slot => {
                let (step, alive) = report.busiest_step();
                format!(
                    "slots; at most {} are alive at once, in {}",
                    Bytes(alive),
                    report.step_name(step)
                )
            }
            other => other.name().to_string(),
        };
        line(bytes, &what)?;
    }
    line(forecast.resident(), "all of it, while painting")?;
    line(
        forecast.transfers(),
        "copies on their way to and from the device, at the peak",
    )?;
    line(forecast.peak, "peak")?;
    line(
        forecast.peak_of_targets,
        "peak while the targets are measured, with a style picture of the same size",
    )
}
