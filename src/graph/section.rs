//! A tape in sections: the runs of layers between the maps that a strategy keeps whole.

use std::collections::{BTreeMap, BTreeSet};

use super::grad::{ancestors, descendants};
use super::node::{Extent, Op, ValueId};
use super::span::{Axis, Reach, Trunk};
use super::strategy::Strategy;
use super::tape::Tape;

/// Layers that are computed tile by tile, and what looks at them.
pub(super) struct Section {
    /// What it begins with: the picture, or a map that is kept whole.
    pub root: ValueId,
    /// Nodes that make maps, in order.
    pub nodes: Vec<usize>,
    /// Gram matrices and losses of its maps.
    pub heads: Vec<usize>,
    /// Maps of it that are wanted whole: roots of other sections, and what the caller keeps.
    pub kept: Vec<ValueId>,
    /// Spans of columns of its tiles.
    pub columns: Vec<BTreeMap<ValueId, Reach>>,
    /// Spans of rows.
    pub rows: Vec<BTreeMap<ValueId, Reach>>,
}

/// What a program does with a tape, in the order in which it can be done.
pub(super) struct Sections {
    /// From the picture upwards.
    pub sections: Vec<Section>,
    /// Needed nodes that no picture can move, and losses of the picture itself.
    pub aside: Vec<usize>,
    /// Losses of Gram matrices.
    pub style: Vec<usize>,
    /// For each node, whether it depends on the picture.
    pub moved: Vec<bool>,
}

impl Section {
    fn new(root: ValueId) -> Self {
        Self {
            root,
            nodes: Vec::new(),
            heads: Vec::new(),
            kept: Vec::new(),
            columns: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// Whether it is computed in one piece.
    pub(super) fn is_whole(&self) -> bool {
        self.columns.len() * self.rows.len() == 1
    }

    /// Maps that a head or a whole map is made of.
    fn seen(&self, tape: &Tape) -> Vec<ValueId> {
        let heads = self.heads.iter().map(|&head| tape.nodes[head].inputs[0]);
        heads.chain(self.kept.iter().copied()).collect()
    }

    /// Which of its nodes the `wanted` maps depend on.
    pub(super) fn needed(&self, tape: &Tape, wanted: &[ValueId]) -> BTreeSet<usize> {
        let mut values: BTreeSet<ValueId> = wanted.iter().copied().collect();
        let mut nodes = BTreeSet::new();
        for &node in self.nodes.iter().rev() {
            if values.contains(&tape.nodes[node].output) {
                values.insert(tape.nodes[node].inputs[0]);
                nodes.insert(node);
            }
        }
        nodes
    }
}

impl Sections {
    /// Cuts what `wanted` depends on as `strategy` says. `None` if a loss compares two computed maps: then
    /// only the whole of both will do.
    pub(super) fn new(tape: &Tape, wanted: &[ValueId], strategy: &Strategy) -> Option<Self> {
        let needed = ancestors(tape, wanted);
        let moved_values = descendants(tape);
        let is_map = |value: ValueId| matches!(tape.value(value).extent, Extent::Map(_));
        let moved = tape.nodes.iter().map(|node| moved_values[node.output.0]);
        let mut found = Self {
            sections: vec![Section::new(tape.picture())],
            aside: Vec::new(),
            style: Vec::new(),
            moved: moved.collect(),
        };
        let mut section_of = BTreeMap::from([(tape.picture(), 0)]);
        for node in (0..tape.nodes.len()).filter(|&node| needed[node]) {
            let described = &tape.nodes[node];
            let computed = |value: &ValueId| tape.value(*value).producer.is_some();
            if described.inputs.iter().skip(1).any(computed) {
                return None;
            }
            let (x, y) = (described.inputs[0], described.output);
            if !found.moved[node] || matches!(described.op, Op::TvLoss { .. }) {
                found.aside.push(node);
            } else if matches!(described.op, Op::StyleLoss { .. }) {
                found.style.push(node);
            } else if !is_map(y) {
                found.sections[section_of[&x]].heads.push(node);
            } else {
                let mut section = section_of[&x];
                found.sections[section].nodes.push(node);
                let read = (node + 1..tape.nodes.len())
                    .any(|reader| needed[reader] && tape.nodes[reader].inputs[0] == y);
                let cut = read && strategy.cuts_at(&described.name);
                if cut || wanted.contains(&y) {
                    found.sections[section].kept.push(y);
                }
                if cut {
                    section = found.sections.len();
                    found.sections.push(Section::new(y));
                }
                section_of.insert(y, section);
            }
        }
        for section in &mut found.sections {
            let tile = strategy.tile_from(&tape.value(section.root).name);
            let trunk = Trunk {
                tape,
                root: section.root,
                nodes: &section.nodes,
                seen: &section.seen(tape),
                margin: strategy.margin,
            };
            section.columns = trunk.tiles(Axis::Columns, tile.map(|[width, _]| width));
            section.rows = trunk.tiles(Axis::Rows, tile.map(|[_, height]| height));
        }
        Some(found)
    }
}
