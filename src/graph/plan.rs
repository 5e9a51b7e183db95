//! The buffer plan: which values share a buffer because they are never alive at the same time.
//!
//! Greedy by size (Pisarchyk & Lee, arXiv 2001.03288): the largest values choose first, each takes a
//! slot that is free over its whole life. Slots are separate buffers, since wgpu does not let one
//! dispatch read one part of a buffer and write another.

use std::collections::BTreeMap;

use super::grad::Program;
use super::node::{Extent, ValueId};
use crate::kernels::feature_map;

/// A value that needs memory from one step to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The value.
    pub value: ValueId,
    /// Its size on the device.
    pub bytes: u64,
    /// Index of the first step that touches it.
    pub first: usize,
    /// Index of the last step that touches it.
    pub last: usize,
}

/// Slots and who lives where.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Bytes of each slot.
    pub slots: Vec<u64>,
    /// The slot of each value.
    pub placement: BTreeMap<ValueId, usize>,
    /// What was planned, for reports.
    pub requirements: Vec<Requirement>,
}

impl Plan {
    /// Bytes of all slots together.
    pub fn bytes(&self) -> u64 {
        self.slots.iter().sum()
    }
}

/// Bytes of a value on the device; `None` for what does not live in a slot.
pub fn planned_bytes(extent: Extent) -> Option<u64> {
    match extent {
        Extent::Map(shape) => Some(feature_map::bytes(shape)),
        Extent::Gram(channels) => Some(gram_bytes(channels)),
        Extent::Workspace(bytes) => Some(bytes),
        Extent::Picture { .. } | Extent::Loss(_) => None,
    }
}

/// Bytes of a C×C matrix.
pub fn gram_bytes(channels: usize) -> u64 {
    (channels * channels * size_of::<f32>()) as u64
}

/// Lifetimes of everything that the steps of `program` make; values in `keep` live to the end.
pub fn requirements(program: &Program, keep: &[ValueId]) -> Vec<Requirement> {
    let mut found: BTreeMap<ValueId, Requirement> = BTreeMap::new();
    let end = program.steps.len().saturating_sub(1);
    for (index, step) in program.steps.iter().enumerate() {
        for &value in step
            .reads
            .iter()
            .chain([&step.write])
            .chain(&step.workspace)
        {
            if let Some(requirement) = found.get_mut(&value) {
                requirement.last = index;
                continue;
            }
            // A value that is read before any step wrote it is a constant, with a buffer of its own.
            let made_here = value == step.write || Some(value) == step.workspace;
            if let (true, Some(bytes)) = (made_here, planned_bytes(program.values[value.0].extent))
            {
                found.insert(
                    value,
                    Requirement {
                        value,
                        bytes,
                        first: index,
                        last: if keep.contains(&value) { end } else { index },
                    },
                );
            }
        }
    }
    for value in keep {
        if let Some(requirement) = found.get_mut(value) {
            requirement.last = end;
        }
    }
    found.into_values().collect()
}

/// Places every requirement; with `share` off each gets a slot of its own.
pub fn plan(requirements: Vec<Requirement>, share: bool) -> Plan {
    let mut order: Vec<&Requirement> = requirements.iter().collect();
    order.sort_by_key(|requirement| (std::cmp::Reverse(requirement.bytes), requirement.first));
    let mut slots: Vec<u64> = Vec::new();
    // Of each slot, the last step of every life by its first: programs in tiles have ten thousands of them.
    let mut tenants: Vec<BTreeMap<usize, usize>> = Vec::new();
    let mut placement = BTreeMap::new();
    for requirement in order {
        let life = (requirement.first, requirement.last);
        // Slots are made in order of falling size, so the last free one fits tightest.
        let free = (0..slots.len())
            .rev()
            .find(|&slot| share && is_free(&tenants[slot], life));
        let slot = free.unwrap_or_else(|| {
            slots.push(requirement.bytes);
            tenants.push(BTreeMap::new());
            slots.len() - 1
        });
        tenants[slot].insert(life.0, life.1);
        placement.insert(requirement.value, slot);
    }
    Plan {
        slots,
        placement,
        requirements,
    }
}

/// Whether nobody of `tenants`, whose lives do not overlap, lives during the steps from `first` to `last`.
fn is_free(tenants: &BTreeMap<usize, usize>, (first, last): (usize, usize)) -> bool {
    let latest = tenants.range(..=last).next_back();
    latest.is_none_or(|(_, &end)| end < first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::samples::sample;

    fn overlap(a: (usize, usize), b: (usize, usize)) -> bool {
        a.0 <= b.1 && b.0 <= a.1
    }

    /// Random lifetimes: no two values of one slot are ever alive together, and none is too large.
    #[test]
    fn lives_in_one_slot_never_overlap() {
        for seed in 0..200 {
            let draw = |i: u64, most: u64| ((sample(seed, i) + 1.0) / 2.0 * most as f64) as usize;
            let requirements: Vec<Requirement> = (0..40)
                .map(|i| {
                    let first = draw(3 * i, 50);
                    Requirement {
                        value: ValueId(i as usize),
                        bytes: 16 * (1 + draw(3 * i + 1, 1000) as u64),
                        first,
                        last: first + draw(3 * i + 2, 20),
                    }
                })
                .collect();
            let plan = plan(requirements.clone(), true);
            for a in &requirements {
                assert!(a.bytes <= plan.slots[plan.placement[&a.value]]);
                for b in &requirements {
                    let together = overlap((a.first, a.last), (b.first, b.last));
                    let shared = plan.placement[&a.value] == plan.placement[&b.value];
                    assert!(a.value == b.value || !(together && shared), "seed {seed}");
                }
            }
            let alone: u64 = requirements.iter().map(|r| r.bytes).sum();
            assert!(plan.bytes() < alone, "seed {seed} shares nothing");
        }
    }

    #[test]
    fn without_sharing_every_value_is_alone() {
        let requirement = |value, first| Requirement {
            value: ValueId(value),
            bytes: 64,
            first,
            last: first,
        };
        let requirements = vec![requirement(0, 0), requirement(1, 5)];
        assert_eq!(plan(requirements.clone(), true).bytes(), 64);
        assert_eq!(plan(requirements, false).bytes(), 128);
    }
}
