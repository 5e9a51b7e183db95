//! Weights on the device: packed and uploaded once for all steps that share a filter, a direction and a
//! variant, however many tiles there are; and for the next program that wants them, as those of scales, octaves and
//! target pictures do. A program that does not want them takes them off the shelf before it asks for memory.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::grad::{Program, Step};
use super::node::Op;
use crate::gpu::{Gpu, GpuError, Profile};
use crate::kernels::Pass;
use crate::kernels::conv3x3::{Choice, DeviceFilter, Filter, Packing, Preference, Variant};
use crate::shape::{Border, Shape};

/// What a step wants a filter for.
pub(super) struct Use<'a> {
    /// The node on the tape as it was written.
    pub node: usize,
    /// Its name.
    pub label: &'a str,
    /// Direction.
    pub pass: Pass,
    /// What the node makes of a whole picture, in this direction.
    pub whole: Shape,
    /// What this step makes: of a tile, less.
    pub output: Shape,
}

/// A filter by its address, the direction, and the variant that it is packed for. Whoever has a name keeps the filter.
pub(super) type Packed = (usize, Pass, Variant);

/// The name of what is packed of a filter.
pub(super) fn packed(filter: &Arc<Filter>, pass: Pass, variant: Variant) -> Packed {
    (Arc::as_ptr(filter) as usize, pass, variant)
}

/// What was uploaded, with the filters whose addresses are its names.
#[derive(Default)]
struct Shelf(HashMap<Packed, (Arc<Filter>, Arc<DeviceFilter>)>);

/// Which variant each step gets; asks no device.
pub(super) struct Variants<'a> {
    adapter: &'a Profile,
    /// The same adapter, if it could bind maps of any size.
    unbounded: Profile,
    preference: &'a Preference,
    chosen: HashMap<(usize, Pass), Choice>,
}

impl<'a> Variants<'a> {
    pub(super) fn new(adapter: &'a Profile, preference: &'a Preference) -> Self {
        Self {
            adapter,
            unbounded: Profile {
                binding_limit: u64::MAX,
                ..adapter.clone()
            },
            preference,
            chosen: HashMap::new(),
        }
    }

    /// The same for all tiles of a layer, and for the whole of it unless only tiles fit a binding of the
    /// variant that is best: then tiles sum in the order of the whole.
    pub(super) fn choose(&mut self, filter: &Filter, wanted: &Use<'_>) -> Choice {
        let best = |adapter, shape| {
            self.preference
                .choose_on(adapter, filter, shape, wanted.pass)
        };
        let of_all = *self
            .chosen
            .entry((wanted.node, wanted.pass))
            .or_insert_with(|| best(&self.unbounded, wanted.whole));
        if of_all.variant.supports(self.adapter, filter, wanted.output) {
            of_all
        } else {
            best(self.adapter, wanted.output)
        }
    }
}

/// What the steps of `program` want packed.
pub(super) fn wanted(
    program: &Program,
    adapter: &Profile,
    preference: &Preference,
) -> HashSet<Packed> {
    let mut variants = Variants::new(adapter, preference);
    let mut wanted = HashSet::new();
    for step in &program.steps {
        let Op::Conv3x3 { filter, border, .. } = &program.tape.nodes()[step.node].op else {
            continue;
        };
        let output = program.convolved(step);
        let on_paper = Filter::on_paper(filter.channels(step.pass));
        let variant = variants
            .choose(&on_paper, &Use::of(program, step, output))
            .variant;
        wanted.insert(packed(filter, step.pass, variant));
        if (step.pass, *border) == (Pass::Gradient, Border::Replicate) {
            wanted.insert(packed(filter, step.pass, Variant::Plain));
        }
    }
    wanted
}

pub(super) struct Filters<'a> {
    gpu: &'a Gpu,
    variants: Variants<'a>,
    turned: HashMap<usize, Arc<Filter>>,
    uploaded: HashMap<Packed, Arc<DeviceFilter>>,
}

impl<'a> Use<'a> {
    /// What `step` wants, which writes a map of `output` shape.
    pub(super) fn of(program: &'a Program, step: &Step, output: Shape) -> Self {
        let nodes = program.tape.nodes();
        let node = nodes[step.node].origin.unwrap_or(step.node);
        let whole = match step.pass {
            Pass::Forward => nodes[node].output,
            Pass::Gradient => nodes[node].inputs[0],
        };
        Self {
            node,
            label: &nodes[node].name,
            pass: step.pass,
            whole: program.tape.shape(whole).unwrap_or(output),
            output,
        }
    }
}

impl<'a> Filters<'a> {
    /// For the steps of `program`; takes what it does not want off the shelf.
    pub(super) fn new(gpu: &'a Gpu, program: &Program, preference: &'a Preference) -> Self {
        let wanted = wanted(program, gpu.profile(), preference);
        gpu.with_shelf(|shelf: &mut Shelf| shelf.0.retain(|name, _| wanted.contains(name)));
        Self {
            gpu,
            variants: Variants::new(gpu.profile(), preference),
            turned: HashMap::new(),
            uploaded: HashMap::new(),
        }
    }

    /// Bytes of all of them.
    pub(super) fn bytes(&self) -> u64 {
        self.uploaded.values().map(|filter| filter.bytes()).sum()
    }

    /// Bytes of those that are packed in f16.
    pub(super) fn bytes_in_f16(&self) -> u64 {
        let all = self.uploaded.values();
        all.filter(|filter| filter.packing() == Packing::F16)
            .map(|filter| filter.bytes())
            .sum()
    }

    /// The weights of `filter` for `wanted`; turned for a gradient.
    pub(super) fn get(
        &mut self,
        filter: &Arc<Filter>,
        wanted: &Use<'_>,
    ) -> Result<Arc<DeviceFilter>, GpuError> {
        // The choice depends on shapes alone, so nothing is turned for it that is on the device already.
        let on_paper = Filter::on_paper(filter.channels(wanted.pass));
        let variant = self.variants.choose(&on_paper, wanted).variant;
        self.upload(filter, wanted, variant)
    }

    /// The turned weights for the rest of a gradient with a replicated border.
    pub(super) fn get_for_fold(
        &mut self,
        filter: &Arc<Filter>,
        wanted: &Use<'_>,
    ) -> Result<Arc<DeviceFilter>, GpuError> {
        self.upload(filter, wanted, Variant::Plain)
    }

    fn turned(&mut self, filter: &Arc<Filter>) -> Arc<Filter> {
        let turned = self.turned.entry(Arc::as_ptr(filter) as usize);
        Arc::clone(turned.or_insert_with(|| Arc::new(filter.transposed())))
    }

    fn upload(
        &mut self,
        filter: &Arc<Filter>,
        wanted: &Use<'_>,
        variant: Variant,
    ) -> Result<Arc<DeviceFilter>, GpuError> {
        let name = packed(filter, wanted.pass, variant);
        if let Some(uploaded) = self.uploaded.get(&name) {
            return Ok(Arc::clone(uploaded));
        }
        let shelved = self
            .gpu
            .with_shelf(|shelf: &mut Shelf| shelf.0.get(&name).map(|(_, there)| Arc::clone(there)));
        if let Some(shelved) = shelved {
            self.uploaded.insert(name, Arc::clone(&shelved));
            return Ok(shelved);
        }
        let oriented = match wanted.pass {
            Pass::Forward => Arc::clone(filter),
            Pass::Gradient => self.turned(filter),
        };
        let uploaded = DeviceFilter::upload(self.gpu, wanted.label, &oriented, variant)?;
        let uploaded = Arc::new(uploaded);
        self.uploaded.insert(name, Arc::clone(&uploaded));
        let kept = (Arc::clone(filter), Arc::clone(&uploaded));
        self.gpu
            .with_shelf(|shelf: &mut Shelf| shelf.0.insert(name, kept));
        Ok(uploaded)
    }
}
