//! A strategy written out: the tape with a node for every tile of every layer, and the order of its steps.
//!
//! What comes out is a tape like any other, so that lifetimes, buffers and recording know nothing of tiles.
//! The nodes of the tape as it was written keep their places; those that are computed whole are used as they
//! are, the others by copies on windows. Tiles of one layer share its Gram matrix and its losses, to which
//! each adds its share, and the gradient of the map that the section begins with, in which they overlap.

use std::collections::{BTreeMap, BTreeSet};

use super::node::{Extent, Node, Op, ValueId};
use super::section::{Section, Sections};
use super::span::{Reach, Span};
use super::strategy::Strategy;
use super::tape::Tape;
use crate::kernels::Pass;
use crate::kernels::crop::Placement;
use crate::shape::{Shape, Window};

/// Nodes and directions, in order.
pub(super) type Order = Vec<(usize, Pass)>;

/// What a program shall compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// Values alone.
    Values,
    /// Losses and the gradient at the picture.
    Gradient,
}

/// Extends `tape` by what `strategy` computes in tiles or again, and says in which order. `None` where only
/// the plain way will do.
pub(super) fn unroll(
    tape: &mut Tape,
    wanted: &[ValueId],
    strategy: &Strategy,
    goal: Goal,
) -> Option<Order> {
    let Sections {
        sections,
        aside,
        style,
        moved,
    } = Sections::new(tape, wanted, strategy)?;
    let mut unrolled = Unroller {
        tape,
        style,
        goal,
        order: Vec::new(),
    };
    for &node in &aside {
        unrolled.order.push((node, Pass::Forward));
    }
    // First shares of the gradient at the picture: they fill all of it.
    for &node in aside.iter().rev() {
        if moved[node] && goal == Goal::Gradient {
            unrolled.order.push((node, Pass::Gradient));
        }
    }
    for section in &sections {
        if goal == Goal::Values || !section.runs_once() {
            unrolled.first_sweep(section);
        }
    }
    if goal == Goal::Gradient {
        for section in sections.iter().rev() {
            unrolled.second_sweep(section);
        }
    }
    Some(unrolled.order)
}

impl Section {
    /// Whether the gradient can follow the values at once: nothing lies above, and there is one tile.
    fn runs_once(&self) -> bool {
        self.kept.is_empty() && self.is_whole()
    }

    /// Nodes whose values the first of two sweeps computes: those of whole maps and of Gram matrices.
    pub(super) fn first_sweep(&self, tape: &Tape) -> BTreeSet<usize> {
        let is_gram = |&&head: &&usize| matches!(tape.nodes[head].op, Op::Gram { .. });
        let grams: Vec<usize> = self.heads.iter().filter(is_gram).copied().collect();
        let mut wanted = self.kept.clone();
        wanted.extend(grams.iter().map(|&gram| tape.nodes[gram].inputs[0]));
        let mut nodes = self.needed(tape, &wanted);
        nodes.extend(grams);
        nodes
    }
}

struct Unroller<'a> {
    tape: &'a mut Tape,
    /// Losses of Gram matrices.
    style: Vec<usize>,
    goal: Goal,
    order: Order,
}

/// One tile of a section.
struct Tile<'a> {
    section: &'a Section,
    columns: &'a BTreeMap<ValueId, Reach>,
    rows: &'a BTreeMap<ValueId, Reach>,
    /// Behind the names of its nodes; `None` where the nodes of the tape are used as they are.
    suffix: Option<String>,
}

impl Tile<'_> {
    fn window(&self, value: ValueId, of: fn(&Reach) -> Span) -> [Span; 2] {
        [of(&self.columns[&value]), of(&self.rows[&value])]
    }

    fn name(&self, of: &str) -> String {
        match &self.suffix {
            Some(suffix) => format!("{of}, {suffix}"),
            None => of.to_string(),
        }
    }
}

/// The nodes of one tile, and of each whether the picture moves it: crops of targets stand still.
#[derive(Default)]
struct TileNodes(Vec<(usize, bool)>);

impl TileNodes {
    fn add(&mut self, node: usize, moved: bool) {
        self.0.push((node, moved));
    }
}

/// `inner` as a window of a map that holds `outer`.
fn within([columns, rows]: [Span; 2], [outer_columns, outer_rows]: [Span; 2]) -> Window {
    Window {
        left: columns.start - outer_columns.start,
        top: rows.start - outer_rows.start,
        width: columns.length(),
        height: rows.length(),
    }
}

fn shape(channels: usize, [columns, rows]: [Span; 2]) -> Extent {
    Extent::Map(Shape::new(channels, rows.length(), columns.length()))
}

impl Unroller<'_> {
    /// Whole maps, Gram matrices, and what their losses and the gradients of those are. Without a second
    /// sweep also the other losses.
    fn first_sweep(&mut self, section: &Section) {
        let mut computed = section.first_sweep(self.tape);
        if self.goal == Goal::Values {
            computed.extend(section.nodes.iter().chain(&section.heads));
        }
        if computed.is_empty() {
            return;
        }
        self.tiles(section, !section.is_whole(), "", |this, tile| {
            let TileNodes(nodes) = this.tile(tile, &computed);
            this.order
                .extend(nodes.into_iter().map(|(node, _)| (node, Pass::Forward)));
        });
        self.style_losses(section);
    }

    /// Every tile again: values, losses of maps, and the gradient from the heads and whole maps down to the
    /// root.
    fn second_sweep(&mut self, section: &Section) {
        let once = section.runs_once();
        let all: BTreeSet<usize> = section
            .nodes
            .iter()
            .chain(&section.heads)
            .copied()
            .collect();
        self.tiles(section, !once, " again", |this, tile| {
            let TileNodes(nodes) = this.tile(tile, &all);
            for &(node, _) in &nodes {
                if once || this.is_read(node, &nodes) {
                    this.order.push((node, Pass::Forward));
                }
            }
            if once {
                this.style_losses(section);
            }
            let back = nodes.into_iter().rev().filter(|&(_, moved)| moved);
            this.order
                .extend(back.map(|(node, _)| (node, Pass::Gradient)));
        });
    }

    /// Whether the second sweep has a use for the value of `node`, one of a tile's `nodes`: Gram matrices and
    /// whole maps are known from the first.
    fn is_read(&self, node: usize, nodes: &[(usize, bool)]) -> bool {
        let described = &self.tape.nodes[node];
        match described.op {
            Op::Gram { .. } | Op::Paste(_) => false,
            Op::ContentLoss { .. } | Op::DreamLoss { .. } => true,
            _ => nodes.iter().any(|&(reader, _)| {
                let reader = &self.tape.nodes[reader];
                reader.inputs.contains(&described.output) && !matches!(reader.op, Op::Paste(_))
            }),
        }
    }

    /// Losses of the Gram matrices of `section`, which are complete, and the gradients at the matrices.
    fn style_losses(&mut self, section: &Section) {
        let is_here = |node: &usize| {
            let gram = self.tape.value(self.tape.nodes[*node].inputs[0]).producer;
            gram.is_some_and(|gram| section.heads.contains(&gram))
        };
        let losses: Vec<usize> = self.style.iter().copied().filter(is_here).collect();
        for &node in &losses {
            self.order.push((node, Pass::Forward));
        }
        if self.goal == Goal::Gradient {
            for &node in &losses {
                self.order.push((node, Pass::Gradient));
            }
        }
    }

    fn tiles(
        &mut self,
        section: &Section,
        copies: bool,
        again: &str,
        mut each: impl FnMut(&mut Self, &Tile<'_>),
    ) {
        for (y, rows) in section.rows.iter().enumerate() {
            for (x, columns) in section.columns.iter().enumerate() {
                let number = y * section.columns.len() + x + 1;
                let suffix = if section.is_whole() {
                    again.trim_start().to_string()
                } else {
                    format!("tile {number}{again}")
                };
                let tile = Tile {
                    section,
                    columns,
                    rows,
                    suffix: copies.then_some(suffix),
                };
                each(self, &tile);
            }
        }
    }

    /// The nodes of a tile, in order: those of `computed`, and the crops and pastes between them.
    fn tile(&mut self, tile: &Tile<'_>, computed: &BTreeSet<usize>) -> TileNodes {
        let mut nodes = TileNodes::default();
        let section = tile.section;
        let mut used = BTreeMap::new();
        used.insert(
            section.root,
            self.look(tile, computed, section.root, section.root, &mut nodes),
        );
        for &node in section.nodes.iter().filter(|node| computed.contains(node)) {
            let (x, y) = (
                self.tape.nodes[node].inputs[0],
                self.tape.nodes[node].output,
            );
            let made = match &tile.suffix {
                None => {
                    nodes.add(node, true);
                    y
                }
                Some(_) => self.layer(tile, node, used[&x], &mut nodes),
            };
            used.insert(y, self.look(tile, computed, y, made, &mut nodes));
        }
        nodes
    }

    /// A layer on the window of a tile.
    fn layer(
        &mut self,
        tile: &Tile<'_>,
        node: usize,
        x: ValueId,
        nodes: &mut TileNodes,
    ) -> ValueId {
        let Node {
            name,
            op,
            inputs,
            output,
            ..
        } = self.tape.nodes[node].clone();
        let window = tile.window(output, |reach| reach.made);
        let op = match op {
            Op::PictureInput { transform, .. } => Op::PictureInput {
                transform,
                window: within(
                    tile.window(inputs[0], |reach| reach.used),
                    self.whole(inputs[0]),
                ),
            },
            op => op,
        };
        let name = tile.name(&name);
        // A whole map that is computed in one piece needs no paste.
        let y = if tile.section.is_whole() && tile.section.kept.contains(&output) {
            output
        } else {
            let channels = self.channels(output);
            self.tape.add_value(name.clone(), shape(channels, window))
        };
        self.add(name, op, vec![x], y, Some(node), nodes);
        y
    }

    /// What looks at `value`, of which the tile has `made`: the paste into the whole map, the heads, the layers
    /// above. Returns what the latter read.
    fn look(
        &mut self,
        tile: &Tile<'_>,
        computed: &BTreeSet<usize>,
        value: ValueId,
        made: ValueId,
        nodes: &mut TileNodes,
    ) -> ValueId {
        let section = tile.section;
        let window = tile.window(value, |reach| reach.made);
        let core = tile.window(value, |reach| reach.core);
        if section.kept.contains(&value) && made != value {
            let [columns, rows] = core;
            let placement = Placement {
                from: within(core, window),
                to: [columns.start, rows.start],
            };
            let name = format!("paste of {}", self.tape.value(made).name);
            self.add(name, Op::Paste(placement), vec![made], value, None, nodes);
        }
        let looks = |this: &Self, node: &&usize| {
            computed.contains(node) && this.tape.nodes[**node].inputs[0] == value
        };
        let heads = section.heads.iter().filter(|node| looks(self, node));
        let heads: Vec<usize> = heads.copied().collect();
        if !heads.is_empty() {
            let seen = self.crop(tile, made, window, core, true, nodes);
            for head in heads {
                self.head(tile, head, seen, core, nodes);
            }
        }
        let mut readers = section.nodes.iter().filter(|node| looks(self, node));
        let Some(&reader) = readers.next() else {
            return made;
        };
        match self.tape.nodes[reader].op {
            // It takes its window by itself.
            Op::PictureInput { .. } => made,
            _ => {
                let used = tile.window(value, |reach| reach.used);
                self.crop(tile, made, window, used, true, nodes)
            }
        }
    }

    /// A Gram matrix or a loss of the core of a tile: its share of the whole.
    fn head(
        &mut self,
        tile: &Tile<'_>,
        head: usize,
        seen: ValueId,
        core: [Span; 2],
        nodes: &mut TileNodes,
    ) {
        if tile.suffix.is_none() {
            nodes.add(head, true);
            return;
        }
        let Node {
            name,
            op,
            inputs,
            output,
            ..
        } = self.tape.nodes[head].clone();
        let whole = self.whole(inputs[0]);
        let area = |[columns, rows]: [Span; 2]| (columns.length() * rows.length()) as f64;
        let portion = area(core) / area(whole);
        let share = |weight: f32| (f64::from(weight) * portion) as f32;
        let op = match op {
            Op::ContentLoss { weight } => Op::ContentLoss {
                weight: share(weight),
            },
            Op::DreamLoss { weight } => Op::DreamLoss {
                weight: share(weight),
            },
            op => op,
        };
        let mut reads = vec![seen];
        for &target in &inputs[1..] {
            reads.push(self.crop(tile, target, whole, core, false, nodes));
        }
        self.add(tile.name(&name), op, reads, output, Some(head), nodes);
    }

    /// The part `inner` of `map`, which holds `outer`; `moved` if it depends on the picture.
    fn crop(
        &mut self,
        tile: &Tile<'_>,
        map: ValueId,
        outer: [Span; 2],
        inner: [Span; 2],
        moved: bool,
        nodes: &mut TileNodes,
    ) -> ValueId {
        if inner == outer {
            return map;
        }
        let name = tile.name(&format!("crop of {}", self.tape.value(map).name));
        let channels = self.channels(map);
        let y = self.tape.add_value(name.clone(), shape(channels, inner));
        nodes.add(self.tape.nodes.len(), moved);
        self.tape.nodes.push(Node {
            name,
            op: Op::Crop(within(inner, outer)),
            inputs: vec![map],
            output: y,
            origin: None,
        });
        y
    }

    fn add(
        &mut self,
        name: String,
        op: Op,
        inputs: Vec<ValueId>,
        output: ValueId,
        origin: Option<usize>,
        nodes: &mut TileNodes,
    ) {
        nodes.add(self.tape.nodes.len(), true);
        self.tape.nodes.push(Node {
            name,
            op,
            inputs,
            output,
            origin,
        });
    }

    fn whole(&self, value: ValueId) -> [Span; 2] {
        let (height, width) = self.tape.size(value);
        [Span::whole(width), Span::whole(height)]
    }

    fn channels(&self, map: ValueId) -> usize {
        self.tape.shape(map).map_or(0, |shape| shape.channels)
    }
}
