//! A tape in sections: the runs of layers between the maps that a strategy keeps whole.

use std::collections::{BTreeMap, BTreeSet};

use super::lineage::{ancestors, descendants};
use super::node::{Extent, Op, ValueId};
use super::span::{Axis, Reach, Span, Trunk};
use super::strategy::Strategy;
use super::tape::Tape;
use crate::kernels::feature_map;
use crate::kernels::pool2::Pooling;
use crate::shape::Shape;

/// Layers that are computed tile by tile, and what looks at them.
pub(super) struct Section {
    /// What it begins with: the picture, or a map that is kept whole.
    pub root: ValueId,
    /// Nodes that make maps, in order.
    pub nodes: Vec<usize>,
    /// Statistics and losses of its maps.
    pub heads: Vec<usize>,
    /// Maps of it that are wanted whole: roots of other sections, and what the caller keeps.
    pub kept: Vec<ValueId>,
    /// Spans of columns of its tiles.
    pub columns: Vec<BTreeMap<ValueId, Reach>>,
    /// Spans of rows.
    pub rows: Vec<BTreeMap<ValueId, Reach>>,
    /// Whether it is computed in one piece.
    pub is_whole: bool,
}

/// What a program does with a tape, in the order in which it can be done.
pub(super) struct Sections {
    /// From the picture upwards.
    pub sections: Vec<Section>,
    /// Needed nodes that no picture can move, and losses of the picture itself.
    pub aside: Vec<usize>,
    /// Losses of Gram matrices and moments.
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
            is_whole: true,
        }
    }

    /// Bytes that are alive at once for one of its tiles, at least: the maps between its root and the layer at
    /// which the gradient turns back, as far as a mask or the gradient of a pooling is made from them.
    pub(super) fn least_bytes(&self, tape: &Tape) -> u64 {
        let is_read = |y: ValueId| {
            let mut readers = self.nodes.iter().map(|&reader| &tape.nodes[reader]);
            readers.any(|reader| {
                // A maximum may be part of the convolution before it: then switches are all that it leaves.
                let keeps = matches!(
                    reader.op,
                    Op::Conv3x3 { .. } | Op::Pool(Pooling::Average | Pooling::L2)
                );
                reader.inputs[0] == y && keeps
            })
        };
        let masks: Vec<(ValueId, usize)> = self
            .nodes
            .iter()
            .map(|&node| &tape.nodes[node])
            .filter(|node| matches!(node.op, Op::Conv3x3 { relu: true, .. }))
            .filter(|node| is_read(node.output))
            .filter_map(|node| Some((node.output, tape.shape(node.output)?.channels)))
            .collect();
        let lengths = |spans: &[BTreeMap<ValueId, Reach>]| -> BTreeSet<Vec<usize>> {
            let made = |reaches: &BTreeMap<ValueId, Reach>| {
                let lengths = masks.iter().map(|(value, _)| reaches[value].made.length());
                lengths.collect()
            };
            spans.iter().map(made).collect()
        };
        let (columns, rows) = (lengths(&self.columns), lengths(&self.rows));
        let tiles = columns.iter().flat_map(|widths| {
            rows.iter().map(|heights| {
                let sizes = widths.iter().zip(heights);
                let maps = masks.iter().zip(sizes);
                maps.map(|((_, channels), (&width, &height))| {
                    feature_map::bytes(Shape::new(*channels, height, width))
                })
                .sum()
            })
        });
        tiles.max().unwrap_or(0)
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
            } else if described.op.judges_statistics() {
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
            let tile = tile.filter(|_| !tape.needs_whole_maps());
            let trunk = Trunk {
                tape,
                root: section.root,
                nodes: &section.nodes,
                seen: &section.seen(tape),
                margin: strategy.margin,
            };
            section.columns = trunk.tiles(Axis::Columns, tile.map(|[width, _]| width));
            section.rows = trunk.tiles(Axis::Rows, tile.map(|[_, height]| height));
            section.is_whole = section.columns.len() * section.rows.len() == 1;
        }
        Some(found)
    }

    /// Forgets all tiles but one of each kind: of those whose maps have the same sizes.
    pub(super) fn sketch(&mut self) {
        for section in &mut self.sections {
            for spans in [&mut section.columns, &mut section.rows] {
                let mut known = BTreeSet::new();
                spans.retain(|reaches| {
                    let sizes = reaches
                        .values()
                        .flat_map(|reach| [reach.core, reach.made, reach.used].map(Span::length));
                    known.insert(sizes.collect::<Vec<usize>>())
                });
            }
        }
    }

    /// Bytes of a step with a gradient, at least: of what is there all the time, of the maps that are kept whole
    /// and the gradient of one of them, and of what a tile needs.
    pub(super) fn least_bytes(&self, tape: &Tape) -> u64 {
        let (height, width) = tape.picture_size();
        let pictures = 2 * (12 * width * height) as u64;
        let constants = tape.values.iter().filter(|value| value.producer.is_none());
        let constants: u64 = constants.filter_map(|value| value.extent.bytes()).sum();
        // In both directions, in f16; what is in f32 or transformed for a variant is larger.
        let weights = tape.nodes.iter().map(|node| match &node.op {
            Op::Conv3x3 { filter, .. } => 2 * 18 * (filter.c_in * filter.c_out) as u64,
            _ => 0,
        });
        pictures + constants + weights.sum::<u64>() + self.least_bytes_of_maps(tape)
    }

    fn least_bytes_of_maps(&self, tape: &Tape) -> u64 {
        let whole = |section: &Section| tape.shape(section.root).map_or(0, feature_map::bytes);
        let mut below = 0;
        let mut least = 0;
        for (index, section) in self.sections.iter().enumerate() {
            below += whole(section);
            let gradient = self.sections.get(index + 1).map_or(0, whole);
            least = least.max(below + gradient + section.least_bytes(tape));
        }
        least
    }
}
