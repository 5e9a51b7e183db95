//! The nodes of one tile: layers on its windows, crops and pastes between them, and its shares of Gram
//! matrices and losses.

use std::collections::{BTreeMap, BTreeSet};

use super::node::{Extent, Node, Op, ValueId};
use super::section::Section;
use super::span::{Reach, Span};
use super::tape::Tape;
use crate::kernels::crop::Placement;
use crate::kernels::dream_loss::DreamGoal;
use crate::kernels::guide_loss::{Correspondence, GuideGoal};
use crate::shape::{Shape, Window};

/// One tile of a section.
pub(super) struct Tile<'a> {
    pub section: &'a Section,
    pub columns: &'a BTreeMap<ValueId, Reach>,
    pub rows: &'a BTreeMap<ValueId, Reach>,
    /// Behind the names of its nodes; `None` where the nodes of the tape are used as they are.
    pub suffix: Option<String>,
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

/// A node of a tile, and whether the picture moves it: crops of targets stand still.
pub(super) type TileNode = (usize, bool);

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

/// Writes the nodes of a tile onto a tape: those that stand for the nodes of `computed`.
pub(super) struct TileBuilder<'a> {
    pub tape: &'a mut Tape,
    pub tile: &'a Tile<'a>,
    pub computed: &'a BTreeSet<usize>,
    pub nodes: Vec<TileNode>,
}

impl TileBuilder<'_> {
    /// The nodes in order: those of `computed`, and the crops and pastes between them.
    pub(super) fn build(mut self) -> Vec<TileNode> {
        let section = self.tile.section;
        let mut used = BTreeMap::new();
        used.insert(section.root, self.look(section.root, section.root));
        for &node in section
            .nodes
            .iter()
            .filter(|node| self.computed.contains(node))
        {
            let (x, y) = (
                self.tape.nodes[node].inputs[0],
                self.tape.nodes[node].output,
            );
            let made = match &self.tile.suffix {
                None => {
                    self.nodes.push((node, true));
                    y
                }
                Some(_) => self.layer(node, used[&x]),
            };
            used.insert(y, self.look(y, made));
        }
        self.nodes
    }

    /// A layer on the window of the tile.
    fn layer(&mut self, node: usize, x: ValueId) -> ValueId {
        let Node {
            name,
            op,
            inputs,
            output,
            ..
        } = self.tape.nodes[node].clone();
        let window = self.tile.window(output, |reach| reach.made);
        let op = match op {
            Op::PictureInput { transform, .. } => Op::PictureInput {
                transform,
                window: within(
                    self.tile.window(inputs[0], |reach| reach.used),
                    self.whole(inputs[0]),
                ),
            },
            op => op,
        };
        let name = self.tile.name(&name);
        // A whole map that is computed in one piece needs no paste.
        let y = if self.tile.section.is_whole && self.tile.section.kept.contains(&output) {
            output
        } else {
            let channels = self.channels(output);
            self.tape.add_value(name.clone(), shape(channels, window))
        };
        self.add(name, op, vec![x], y, Some(node));
        y
    }

    /// What looks at `value`, of which the tile has `made`: the paste into the whole map, the heads, the layers
    /// above. Returns what the latter read.
    fn look(&mut self, value: ValueId, made: ValueId) -> ValueId {
        let section = self.tile.section;
        let window = self.tile.window(value, |reach| reach.made);
        let core = self.tile.window(value, |reach| reach.core);
        if section.kept.contains(&value) && made != value {
            let [columns, rows] = core;
            let placement = Placement {
                from: within(core, window),
                to: [columns.start, rows.start],
            };
            let name = format!("paste of {}", self.tape.value(made).name);
            self.add(name, Op::Paste(placement), vec![made], value, None);
        }
        let looks = |this: &Self, node: &&usize| {
            self.computed.contains(node) && this.tape.nodes[**node].inputs[0] == value
        };
        let heads = section.heads.iter().filter(|node| looks(self, node));
        let heads: Vec<usize> = heads.copied().collect();
        if !heads.is_empty() {
            let seen = self.crop(made, window, core, true);
            for head in heads {
                self.head(head, seen, core);
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
                let used = self.tile.window(value, |reach| reach.used);
                self.crop(made, window, used, true)
            }
        }
    }

    /// A Gram matrix or a loss of the core of a tile: its share of the whole.
    fn head(&mut self, head: usize, seen: ValueId, core: [Span; 2]) {
        if self.tile.suffix.is_none() {
            self.nodes.push((head, true));
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
            Op::DreamLoss(goal) => Op::DreamLoss(DreamGoal {
                weight: share(goal.weight),
                ..goal
            }),
            Op::GuideLoss(goal) => Op::GuideLoss(GuideGoal {
                weight: share(goal.weight),
                ..goal
            }),
            Op::AlignmentLoss { weight, power } => Op::AlignmentLoss {
                weight: share(weight),
                power,
            },
            op => op,
        };
        let mut reads = vec![seen];
        for &target in &inputs[1..] {
            reads.push(match op {
                // Every position looks at all of the guide.
                Op::GuideLoss(goal) if goal.correspondence == Correspondence::Best => target,
                _ => self.crop(target, whole, core, false),
            });
        }
        self.add(self.tile.name(&name), op, reads, output, Some(head));
    }

    /// The part `inner` of `map`, which holds `outer`; `moved` if it depends on the picture.
    fn crop(&mut self, map: ValueId, outer: [Span; 2], inner: [Span; 2], moved: bool) -> ValueId {
        if inner == outer {
            return map;
        }
        let name = self
            .tile
            .name(&format!("crop of {}", self.tape.value(map).name));
        let channels = self.channels(map);
        let y = self.tape.add_value(name.clone(), shape(channels, inner));
        self.nodes.push((self.tape.nodes.len(), moved));
        self.tape.nodes.push(Node {
            name,
            op: Op::Crop(within(inner, outer)),
            inputs: vec![map],
            output: y,
            origin: None,
            pull: None,
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
    ) {
        self.nodes.push((self.tape.nodes.len(), true));
        // Such a tape has no tiles, so what is computed again is the share of all of a map.
        let pull = origin.and_then(|origin| self.tape.nodes[origin].pull);
        self.tape.nodes.push(Node {
            name,
            op,
            inputs,
            output,
            origin,
            pull,
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
