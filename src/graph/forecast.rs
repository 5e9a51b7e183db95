//! What an executable would take on the device, on paper: the same plan, the same choices of variants, the
//! same order as [`super::Executable::build`], and no adapter.

mod dispatches;
mod scratch;

use std::collections::HashSet;
use std::sync::Arc;

use super::filters::{Packed, Use, Variants, packed, wanted};
use super::grad::{Program, Step};
use super::lower::RunOptions;
use super::node::ValueId;
use super::plan::{Plan, plan, requirements};
use crate::gpu::{GpuError, Ledger, Profile, UNIFORM_SLOT};
use crate::kernels::Pass;
use crate::kernels::conv3x3::{Choice, Filter, Packing, PlannedConvolution, Variant};
use crate::shape::Shape;

/// What memory is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// A slot of the plan: maps, gradients, workspaces.
    Slot,
    /// The picture and its gradient.
    Picture,
    /// What losses compare with.
    Target,
    /// Packed weights.
    Weights,
    /// Scratch memory that ops share, for as long as the device lives.
    Scratch,
    /// State of the optimiser.
    Optimiser,
    /// Losses and parameters.
    Bookkeeping,
}

impl Purpose {
    /// All, in the order in which they are listed.
    pub const ALL: [Self; 7] = [
        Self::Slot,
        Self::Picture,
        Self::Target,
        Self::Weights,
        Self::Scratch,
        Self::Optimiser,
        Self::Bookkeeping,
    ];

    /// In a word or two.
    pub fn name(self) -> &'static str {
        match self {
            Self::Slot => "slots",
            Self::Picture => "picture",
            Self::Target => "targets",
            Self::Weights => "weights",
            Self::Scratch => "scratch",
            Self::Optimiser => "optimiser",
            Self::Bookkeeping => "bookkeeping",
        }
    }
}

/// One buffer or texture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// What it holds.
    pub label: String,
    /// What it is for.
    pub purpose: Purpose,
    /// Its size.
    pub bytes: u64,
}

impl Allocation {
    /// A storage buffer of at least `bytes`.
    pub fn new(label: impl Into<String>, purpose: Purpose, bytes: u64) -> Self {
        Self {
            label: label.into(),
            purpose,
            bytes: Ledger::rounded(bytes),
        }
    }
}

/// What computes a convolution of the network in one direction.
#[derive(Clone, Debug, PartialEq)]
pub struct ConvolutionChoice {
    /// `conv1_1`.
    pub layer: String,
    /// The direction.
    pub pass: Pass,
    /// The variant, and why it.
    pub choice: Choice,
}

/// An executable on paper.
#[derive(Clone, Debug)]
pub struct Forecast {
    /// The plan of its slots.
    pub plan: Plan,
    /// Everything that goes with it, in the order of its making; scratch memory stays with the device.
    pub allocations: Vec<Allocation>,
    /// What computes the convolutions, in the order of the steps; of tiles that are alike only the first is listed.
    pub convolutions: Vec<ConvolutionChoice>,
    /// What stands in the way on this adapter, however much memory it has.
    pub obstacle: Option<Arc<GpuError>>,
}

impl Forecast {
    /// Builds `program` on `ledger`, as [`super::Executable::build`] would on a device.
    pub fn new(
        program: &Program,
        options: &RunOptions,
        adapter: &Profile,
        ledger: &mut Ledger,
    ) -> Self {
        let plan = plan(requirements(program, &options.keep), options.share_buffers);
        let wanted = wanted(program, adapter, &options.preference);
        let wanted: HashSet<String> = wanted.into_iter().map(shelf_name).collect();
        ledger.clear_shelf(|name| wanted.contains(name));
        let mut writer = Writer {
            program,
            adapter,
            ledger,
            variants: Variants::new(adapter, &options.preference),
            uploaded: HashSet::new(),
            bound: HashSet::new(),
            forecast: Self {
                plan,
                allocations: Vec::new(),
                convolutions: Vec::new(),
                obstacle: None,
            },
        };
        writer.buffers();
        let dispatches: usize = program.steps.iter().map(|step| writer.step(step)).sum();
        let uniforms = dispatches.max(1) as u64 * UNIFORM_SLOT;
        writer.make("uniforms", Purpose::Bookkeeping, uniforms);
        writer.ledger.write(uniforms);
        writer.forecast
    }

    /// Gives back to `ledger` what goes with the executable: weights stay on the shelf.
    pub fn drop_on(&self, ledger: &mut Ledger) {
        let gone = self.allocations.iter();
        let gone = gone.filter(|of| of.purpose != Purpose::Weights);
        ledger.free(gone.map(|of| of.bytes).sum());
    }
}

/// What stands for packed weights on the shelf of a ledger.
fn shelf_name((filter, pass, variant): Packed) -> String {
    format!("{filter:x} {pass}, {variant}")
}

struct Writer<'a> {
    program: &'a Program,
    adapter: &'a Profile,
    ledger: &'a mut Ledger,
    variants: Variants<'a>,
    /// What was uploaded, by filter, direction and variant.
    uploaded: HashSet<Packed>,
    /// The scratch memory that a step so far binds.
    bound: HashSet<&'static str>,
    forecast: Forecast,
}

impl Writer<'_> {
    fn make(&mut self, label: &str, purpose: Purpose, bytes: u64) {
        let allocation = Allocation::new(label, purpose, bytes);
        self.ledger.make(allocation.bytes);
        self.refuse_beyond_the_buffer_limit(&allocation);
        self.forecast.allocations.push(allocation);
    }

    fn refuse_beyond_the_buffer_limit(&mut self, allocation: &Allocation) {
        if allocation.bytes > self.adapter.buffer_limit {
            let label = match allocation.purpose {
                Purpose::Slot => "a feature map of this picture".to_string(),
                _ => allocation.label.clone(),
            };
            let refusal = GpuError::OutOfMemory {
                label,
                mebibytes: allocation.bytes.div_ceil(1 << 20),
            };
            self.forecast.obstacle.get_or_insert(Arc::new(refusal));
        }
    }

    /// The slots and everything that is there from the start to the end.
    fn buffers(&mut self) {
        let (height, width) = self.program.tape.picture_size();
        let picture = (3 * width * height * size_of::<f32>()) as u64;
        self.make("picture", Purpose::Picture, picture);
        if self.program.picture_gradient.is_some() {
            self.make("picture gradient", Purpose::Picture, picture);
        }
        let totals = self.program.tape.losses().len() as u64 * 4;
        self.make("loss totals", Purpose::Bookkeeping, totals);
        for (slot, bytes) in self.forecast.plan.slots.clone().into_iter().enumerate() {
            self.make(&format!("slot {slot}"), Purpose::Slot, bytes);
        }
        for value in self.constants() {
            let described = &self.program.values[value.0];
            if let Some(bytes) = described.extent.bytes() {
                self.make(&described.name, Purpose::Target, bytes);
            }
        }
    }

    /// What steps read and none makes, each once.
    fn constants(&self) -> Vec<ValueId> {
        let mut constants = Vec::new();
        for &value in self.program.steps.iter().flat_map(|step| &step.reads) {
            let made = self.forecast.plan.placement.contains_key(&value);
            if !made && !constants.contains(&value) {
                constants.push(value);
            }
        }
        constants
    }

    fn convolution(&mut self, filter: &Arc<Filter>, step: &Step, output: Shape) -> usize {
        let channels = filter.channels(step.pass);
        let wanted = Use::of(self.program, step, output);
        let choice = self.variants.choose(&Filter::on_paper(channels), &wanted);
        self.note_choice(wanted.label, step.pass, choice);
        self.convolution_by(choice.variant, filter, step, output)
    }

    fn note_choice(&mut self, layer: &str, pass: Pass, choice: Choice) {
        let noted = &mut self.forecast.convolutions;
        let is_same = |of: &ConvolutionChoice| {
            of.layer == layer && of.pass == pass && of.choice.variant == choice.variant
        };
        if !noted.iter().any(is_same) {
            let layer = layer.to_string();
            noted.push(ConvolutionChoice {
                layer,
                pass,
                choice,
            });
        }
    }

    /// By a `variant` that is chosen already. The fold of a replicated border has the weights and the dispatches of
    /// the plain one.
    fn convolution_by(
        &mut self,
        variant: Variant,
        filter: &Arc<Filter>,
        step: &Step,
        output: Shape,
    ) -> usize {
        let channels = filter.channels(step.pass);
        let name = packed(filter, step.pass, variant);
        let packing = Packing::choose(variant, filter.is_exact_in_f16());
        if self.uploaded.insert(name) {
            let label = Use::of(self.program, step, output).label;
            let label = format!("{label} {}, {variant}", step.pass);
            let bytes = variant.weight_bytes(packing, channels);
            self.weights(&label, &shelf_name(name), bytes);
        }
        let convolution = PlannedConvolution {
            maps: self.source_and_result(step),
            size: [output.width, output.height],
            is_masked: step.merge.mask,
            packing,
        };
        self.scratch(variant.scratch(self.adapter, &convolution));
        variant.dispatches(self.adapter, channels, output)
    }

    fn weights(&mut self, label: &str, name: &str, bytes: u64) {
        let allocation = Allocation::new(label, Purpose::Weights, bytes);
        self.refuse_beyond_the_buffer_limit(&allocation);
        if !self.ledger.shelve(name, allocation.bytes) {
            self.ledger.write(bytes);
        }
        self.forecast.allocations.push(allocation);
    }
}
