//! The buffer plan: which values share a buffer because they are never alive at the same time.
//!
//! Greedy by size (Pisarchyk & Lee, arXiv 2001.03288): the largest values choose first, each takes a
//! slot that is free over its whole life. Slots are separate buffers, since wgpu does not let one
//! dispatch read one part of a buffer and write another.
//!
//! For a step of recipe gatys that is within 0.5 % of the least that slots of one value at a time can take
//! ([`Plan::least_bytes`]), and up to 31 % above what is alive at once ([`Plan::live_bytes`]).
//!
//! Nothing is written in place. A dispatch may not bind a buffer as read and as written, so that takes kernels
//! which read what they replace through the binding that they write. Where that is sound, it wins little:
//! nothing for poolings (a third map as large as the first is needed one step later), 2.2 % for gradients of
//! convolutions on top of the map that masks them (measured while poolings had steps of their own).

use std::collections::BTreeMap;

use super::grad::Program;
use super::node::ValueId;

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

    /// Bytes of what is alive at each step; no plan can do with less than the most of them.
    pub fn live_bytes(&self) -> Vec<u64> {
        let steps = self.requirements.iter().map(|of| of.last + 1).max();
        let mut change = vec![0i128; steps.unwrap_or(0) + 1];
        for requirement in &self.requirements {
            change[requirement.first] += i128::from(requirement.bytes);
            change[requirement.last + 1] -= i128::from(requirement.bytes);
        }
        change.pop();
        let mut alive = 0;
        change
            .into_iter()
            .map(|change| {
                alive += change;
                // As many bytes die as were born before.
                alive as u64
            })
            .collect()
    }

    /// Bytes that any plan needs whose slots hold one value at a time: the largest value of any step, and
    /// the second largest of any step, and so on.
    pub fn least_bytes(&self) -> u64 {
        let mut born: BTreeMap<usize, Vec<&Requirement>> = BTreeMap::new();
        for requirement in &self.requirements {
            born.entry(requirement.first).or_default().push(requirement);
        }
        let mut alive: Vec<&Requirement> = Vec::new();
        let mut largest: Vec<u64> = Vec::new();
        for (step, newborn) in born {
            alive.retain(|requirement| requirement.last >= step);
            alive.extend(newborn);
            alive.sort_by_key(|requirement| std::cmp::Reverse(requirement.bytes));
            largest.resize(largest.len().max(alive.len()), 0);
            for (largest, requirement) in largest.iter_mut().zip(&alive) {
                *largest = (*largest).max(requirement.bytes);
            }
        }
        largest.iter().sum()
    }
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
            .chain(&step.workspaces)
        {
            if let Some(requirement) = found.get_mut(&value) {
                requirement.last = index;
                continue;
            }
            // A value that is read before any step wrote it is a constant, with a buffer of its own.
            let made_here = value == step.write || step.workspaces.contains(&value);
            if let (true, Some(bytes)) = (made_here, program.values[value.0].extent.bytes()) {
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
    let mut tenants: Vec<Tenants> = Vec::new();
    let mut placement = BTreeMap::new();
    for requirement in order {
        // Slots are made in order of falling size, so the last free one fits tightest.
        let free = tenants
            .iter()
            .rposition(|tenants| share && tenants.leave_room_for(requirement));
        let slot = free.unwrap_or_else(|| {
            slots.push(requirement.bytes);
            tenants.push(Tenants::default());
            slots.len() - 1
        });
        tenants[slot].0.insert(requirement.first, requirement.last);
        placement.insert(requirement.value, slot);
    }
    Plan {
        slots,
        placement,
        requirements,
    }
}

/// Lives in one slot, which never overlap: the last step of each by its first.
#[derive(Default)]
struct Tenants(BTreeMap<usize, usize>);

impl Tenants {
    /// Whether nobody lives here at any time of `newcomer`: only the last to move in by then could.
    fn leave_room_for(&self, newcomer: &Requirement) -> bool {
        let by_then = self.0.range(..=newcomer.last).next_back();
        by_then.is_none_or(|(_, &last)| last < newcomer.first)
    }
}

#[cfg(test)]
mod tests;
