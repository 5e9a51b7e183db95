//! Weights on the device: packed and uploaded once for all steps that share a filter, a direction and a
//! variant, however many tiles there are.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::grad::{Program, Step};
use crate::gpu::{Gpu, GpuError, Profile};
use crate::kernels::Pass;
use crate::kernels::conv3x3::{Choice, DeviceFilter, Filter, Packing, Preference, Variant};
use crate::shape::Shape;

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

/// Filters by their address: those of a tape live as long as its program.
type Address = *const Filter;

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

pub(super) struct Filters<'a> {
    gpu: &'a Gpu,
    variants: Variants<'a>,
    turned: HashMap<Address, Arc<Filter>>,
    uploaded: HashMap<(Address, Pass, Variant), Rc<DeviceFilter>>,
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
    pub(super) fn new(gpu: &'a Gpu, preference: &'a Preference) -> Self {
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
    ) -> Result<Rc<DeviceFilter>, GpuError> {
        // The choice hangs on shapes alone, so nothing is turned for it that is on the device already.
        let on_paper = Filter::on_paper(filter.channels(wanted.pass));
        let variant = self.variants.choose(&on_paper, wanted).variant;
        self.upload(filter, wanted, variant)
    }

    /// The turned weights for the rest of a gradient with a replicated border.
    pub(super) fn get_for_fold(
        &mut self,
        filter: &Arc<Filter>,
        wanted: &Use<'_>,
    ) -> Result<Rc<DeviceFilter>, GpuError> {
        self.upload(filter, wanted, Variant::Plain)
    }

    fn turned(&mut self, filter: &Arc<Filter>) -> Arc<Filter> {
        let turned = self.turned.entry(Arc::as_ptr(filter));
        Arc::clone(turned.or_insert_with(|| Arc::new(filter.transposed())))
    }

    fn upload(
        &mut self,
        filter: &Arc<Filter>,
        wanted: &Use<'_>,
        variant: Variant,
    ) -> Result<Rc<DeviceFilter>, GpuError> {
        let key = (Arc::as_ptr(filter), wanted.pass, variant);
        if let Some(uploaded) = self.uploaded.get(&key) {
            return Ok(Rc::clone(uploaded));
        }
        let oriented = match wanted.pass {
            Pass::Forward => Arc::clone(filter),
            Pass::Gradient => self.turned(filter),
        };
        let uploaded = DeviceFilter::upload(self.gpu, wanted.label, &oriented, variant)?;
        let uploaded = Rc::new(uploaded);
        self.uploaded.insert(key, Rc::clone(&uploaded));
        Ok(uploaded)
    }
}
