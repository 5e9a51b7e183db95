//! Weights on the device: packed and uploaded once for all steps that share a filter, a direction and a
//! variant, however many tiles there are.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::gpu::{Gpu, GpuError};
use crate::kernels::Pass;
use crate::kernels::conv3x3::{DeviceFilter, Filter, Preference, Variant};
use crate::kernels::feature_map::slices;
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

pub(super) struct Filters<'a> {
    gpu: &'a Gpu,
    preference: &'a Preference,
    turned: HashMap<Address, Arc<Filter>>,
    chosen: HashMap<(usize, Pass), Variant>,
    uploaded: HashMap<(Address, Pass, Variant), Rc<DeviceFilter>>,
}

impl<'a> Filters<'a> {
    pub(super) fn new(gpu: &'a Gpu, preference: &'a Preference) -> Self {
        Self {
            gpu,
            preference,
            turned: HashMap::new(),
            chosen: HashMap::new(),
            uploaded: HashMap::new(),
        }
    }

    /// Bytes of all of them.
    pub(super) fn bytes(&self) -> u64 {
        self.uploaded.values().map(|filter| filter.bytes()).sum()
    }

    /// The weights of `filter` for `wanted`; turned for a gradient.
    pub(super) fn get(
        &mut self,
        filter: &Arc<Filter>,
        wanted: &Use<'_>,
    ) -> Result<Rc<DeviceFilter>, GpuError> {
        let address = Arc::as_ptr(filter);
        let oriented = match wanted.pass {
            Pass::Forward => Arc::clone(filter),
            Pass::Gradient => Arc::clone(
                self.turned
                    .entry(address)
                    .or_insert_with(|| Arc::new(filter.transposed())),
            ),
        };
        let variant = self.variant(&oriented, wanted);
        let key = (address, wanted.pass, variant);
        if let Some(uploaded) = self.uploaded.get(&key) {
            return Ok(Rc::clone(uploaded));
        }
        let uploaded = DeviceFilter::upload(self.gpu, wanted.label, &oriented, variant)?;
        let uploaded = Rc::new(uploaded);
        self.uploaded.insert(key, Rc::clone(&uploaded));
        Ok(uploaded)
    }

    /// The same for all tiles of a layer, and for the whole of it where a binding holds that: then tiles sum
    /// in the order of the whole.
    fn variant(&mut self, filter: &Filter, wanted: &Use<'_>) -> Variant {
        let gpu = self.gpu;
        let known = self.chosen.get(&(wanted.node, wanted.pass)).copied();
        let of_all = known.unwrap_or_else(|| {
            let bound = slices(wanted.whole, gpu.binding_limit()).is_ok();
            let shape = if bound { wanted.whole } else { wanted.output };
            self.preference
                .choose(gpu, filter, shape, wanted.pass)
                .variant
        });
        self.chosen.insert((wanted.node, wanted.pass), of_all);
        if of_all.supports(gpu, filter, wanted.output) {
            of_all
        } else {
            let choice = self
                .preference
                .choose(gpu, filter, wanted.output, wanted.pass);
            choice.variant
        }
    }
}
