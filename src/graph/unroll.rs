//! A strategy written out: the tape with a node for every tile of every layer, and the order of its steps.
//!
//! What comes out is a tape like any other, so that lifetimes, buffers and recording know nothing of tiles.
//! The nodes of the tape as it was written keep their places; those that are computed whole are used as they
//! are, the others by copies on windows. Tiles of one layer share its Gram matrix and its losses, to which
//! each adds its share, and the gradient of the map that the section begins with, in which they overlap.

use std::collections::BTreeSet;

use super::node::{Op, ValueId};
use super::section::{Section, Sections};
use super::strategy::Strategy;
use super::tape::Tape;
use super::tile::{Tile, TileBuilder, TileNode};
use crate::kernels::Pass;

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

/// How much of a program is written out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// One tile of each kind. It computes nothing of use, but its plan takes about what that of all tiles does and
    /// is made in a fraction of the time: tiles with maps of the same sizes take turns in the same slots.
    Sketch,
    /// Every tile.
    Full,
}

/// Extends `tape` by what `strategy` computes in tiles or again, and says in which order. `None` where only
/// the plain way will do.
pub(super) fn unroll(
    tape: &mut Tape,
    wanted: &[ValueId],
    strategy: &Strategy,
    (goal, detail): (Goal, Detail),
) -> Option<Order> {
    let mut found = Sections::new(tape, wanted, strategy)?;
    if detail == Detail::Sketch {
        found.sketch();
    }
    let Sections {
        sections,
        aside,
        style,
        moved,
    } = found;
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
    pub(super) fn runs_once(&self) -> bool {
        self.kept.is_empty() && self.is_whole
    }

    /// Nodes whose values the first of two sweeps computes: those of whole maps and of Gram matrices.
    pub(super) fn first_sweep(&self, tape: &Tape) -> BTreeSet<usize> {
        let is_statistics = |&&head: &&usize| tape.nodes[head].op.is_statistics();
        let statistics: Vec<usize> = self.heads.iter().filter(is_statistics).copied().collect();
        let mut wanted = self.kept.clone();
        wanted.extend(statistics.iter().map(|&head| tape.nodes[head].inputs[0]));
        let mut nodes = self.needed(tape, &wanted);
        nodes.extend(statistics);
        nodes
    }
}

struct Unroller<'a> {
    tape: &'a mut Tape,
    /// Losses of Gram matrices and moments.
    style: Vec<usize>,
    goal: Goal,
    order: Order,
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
        self.tiles(section, !section.is_whole, "", |this, tile| {
            let nodes = this.tile(tile, &computed);
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
            let nodes = this.tile(tile, &all);
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
    fn is_read(&self, node: usize, nodes: &[TileNode]) -> bool {
        let described = &self.tape.nodes[node];
        match described.op {
            Op::Gram { .. } | Op::Moments { .. } | Op::Paste(_) => false,
            Op::ContentLoss { .. }
            | Op::DreamLoss(_)
            | Op::GuideLoss(_)
            | Op::AlignmentLoss { .. } => true,
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

    fn tile(&mut self, tile: &Tile<'_>, computed: &BTreeSet<usize>) -> Vec<TileNode> {
        let builder = TileBuilder {
            tape: self.tape,
            tile,
            computed,
            nodes: Vec::new(),
        };
        builder.build()
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
                let suffix = if section.is_whole {
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
}
