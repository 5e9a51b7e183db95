//! Tiles along one axis: which part of each map a tile answers for, and which part it must compute for that.
//!
//! Columns and rows do not depend on each other, so a tile is a span of columns and a span of rows.

use std::collections::{BTreeMap, BTreeSet};

use super::node::{Op, ValueId};
use super::strategy::Margin;
use super::tape::Tape;

/// Origins of tiles are multiples of this in every map: those of 2×2 pooling windows, and of the 4×4 tiles of
/// Winograd's convolution, which so round alike in a tile and in the whole map.
const GRAIN: usize = 4;

/// A run of columns or rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub start: usize,
    pub end: usize,
}

impl Span {
    pub(super) fn whole(length: usize) -> Self {
        Self {
            start: 0,
            end: length,
        }
    }

    pub(super) fn length(self) -> usize {
        self.end - self.start
    }

    fn hull(self, other: Self) -> Self {
        Self {
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }

    /// What a 3×3 window on each position sees of a map of this `length`.
    fn grown(self, length: usize) -> Self {
        Self {
            start: self.start.saturating_sub(1),
            end: (self.end + 1).min(length),
        }
    }

    /// What pooling windows onto these positions see.
    fn doubled(self) -> Self {
        Self {
            start: 2 * self.start,
            end: 2 * self.end,
        }
    }

    /// Outwards to multiples of [`GRAIN`] or the ends of a map of this `length`.
    fn aligned(self, length: usize) -> Self {
        Self {
            start: self.start - self.start % GRAIN,
            end: self.end.next_multiple_of(GRAIN).min(length),
        }
    }

    /// What pooling makes of these positions: whole windows alone.
    fn pooled(self) -> Self {
        Self {
            start: self.start / 2,
            end: self.end / 2,
        }
    }
}

/// One value as a tile sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reach {
    /// What the tile answers for; those of all tiles make up the map.
    pub core: Span,
    /// What is computed. Around the positions that the core depends on, it is spoilt by the zeros beyond its ends.
    pub made: Span,
    /// What the layers above are computed from: all that was made, but for a crop after pooling.
    pub used: Span,
}

/// Along which axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Axis {
    Columns,
    Rows,
}

/// The part of a tape that is cut into tiles together.
pub(super) struct Trunk<'a> {
    pub tape: &'a Tape,
    /// What it begins with: the picture, or a map that is kept whole.
    pub root: ValueId,
    /// Nodes that make maps, in order.
    pub nodes: &'a [usize],
    /// Maps that a loss, a Gram matrix or a whole map is made of.
    pub seen: &'a [ValueId],
    /// How far tiles overlap.
    pub margin: Margin,
}

impl Trunk<'_> {
    fn length(&self, value: ValueId, axis: Axis) -> usize {
        let (height, width) = self.tape.size(value);
        match axis {
            Axis::Columns => width,
            Axis::Rows => height,
        }
    }

    /// How many poolings lie between the root and each value.
    fn levels(&self) -> BTreeMap<ValueId, u32> {
        let mut levels = BTreeMap::from([(self.root, 0)]);
        for &node in self.nodes {
            let node = &self.tape.nodes[node];
            let pooled = u32::from(matches!(node.op, Op::Pool(_)));
            levels.insert(node.output, levels[&node.inputs[0]] + pooled);
        }
        levels
    }

    /// The tiles along `axis`, about `tile` long each (`None`: a single one), as equal as they can be.
    pub(super) fn tiles(&self, axis: Axis, tile: Option<usize>) -> Vec<BTreeMap<ValueId, Reach>> {
        let levels = self.levels();
        let deepest = levels.values().copied().max().unwrap_or(0);
        let length = self.length(self.root, axis);
        cores(length, tile.unwrap_or(length), 1 << deepest)
            .into_iter()
            .map(|core| self.reaches(axis, core, &levels))
            .collect()
    }

    fn reaches(
        &self,
        axis: Axis,
        root_core: Span,
        levels: &BTreeMap<ValueId, u32>,
    ) -> BTreeMap<ValueId, Reach> {
        let root_length = self.length(self.root, axis);
        let core = |value: ValueId| Span {
            start: root_core.start >> levels[&value],
            end: if root_core.end == root_length {
                self.length(value, axis)
            } else {
                root_core.end >> levels[&value]
            },
        };
        let used = self.windows(axis, core);
        let whole = Span::whole(root_length);
        let reach = |value, made, used| Reach {
            core: core(value),
            made,
            used,
        };
        let mut reaches = BTreeMap::from([(self.root, reach(self.root, whole, used[&self.root]))]);
        for &node in self.nodes {
            let node = &self.tape.nodes[node];
            let below = reaches[&node.inputs[0]].used;
            let found = match node.op {
                Op::Pool(_) => {
                    let made = below.pooled();
                    reach(node.output, made, *used.get(&node.output).unwrap_or(&made))
                }
                _ => reach(node.output, below, below),
            };
            reaches.insert(node.output, found);
        }
        reaches
    }

    /// What must be there of the root and of each pooled map that a layer above reads. Two things are asked
    /// of a map: positions on which the core depends, and a window as the layers above have it.
    fn windows(&self, axis: Axis, core: impl Fn(ValueId) -> Span) -> BTreeMap<ValueId, Span> {
        let mut exact: BTreeMap<ValueId, Span> = BTreeMap::new();
        for &value in self.seen {
            exact.insert(value, core(value));
        }
        let mut needed = exact.clone();
        let mut windows = BTreeMap::new();
        let add = |spans: &mut BTreeMap<ValueId, Span>, value, span: Span| {
            let hull = spans.get(&value).map_or(span, |other| span.hull(*other));
            spans.insert(value, hull);
        };
        let mut readers = BTreeSet::new();
        for &node in self.nodes.iter().rev() {
            let node = &self.tape.nodes[node];
            let (x, y) = (node.inputs[0], node.output);
            let length = self.length(x, axis);
            let (exact_y, needed_y) = (exact[&y], exact[&y].hull(needed[&y]));
            let (exact_x, needed_x) = match node.op {
                Op::Conv3x3 { .. } => {
                    let rounded_together = match self.margin {
                        Margin::Receptive => exact_y,
                        Margin::Winograd => exact_y.aligned(length),
                    };
                    (rounded_together.grown(length), needed_y)
                }
                Op::Pool(_) if readers.contains(&y) => {
                    let window = needed_y.aligned(self.length(y, axis));
                    windows.insert(y, window);
                    (exact_y.doubled(), window.doubled())
                }
                Op::Pool(_) => (exact_y.doubled(), exact_y.doubled()),
                _ => (exact_y, needed_y),
            };
            readers.insert(x);
            add(&mut exact, x, exact_x);
            add(&mut needed, x, needed_x.hull(exact_x));
        }
        let length = self.length(self.root, axis);
        let root = needed.get(&self.root).copied();
        windows.insert(
            self.root,
            root.unwrap_or(Span::whole(length)).aligned(length),
        );
        windows
    }
}

/// Spans of about `tile` that make up `length`; all begin at multiples of `step`, and each holds at least one.
fn cores(length: usize, tile: usize, step: usize) -> Vec<Span> {
    let count = length.div_ceil(tile.max(1)).max(1);
    let size = length.div_ceil(count).next_multiple_of(step).max(step);
    let mut starts: Vec<usize> = (0..length)
        .step_by(size)
        .filter(|start| start + step <= length)
        .collect();
    if starts.is_empty() {
        starts.push(0);
    }
    let ends = starts.iter().skip(1).copied().chain([length]);
    starts
        .iter()
        .zip(ends)
        .map(|(&start, end)| Span { start, end })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::kernels::conv3x3::Filter;
    use crate::kernels::picture_input::InputTransform;
    use crate::kernels::pool2::Pooling;

    /// Convolutions, two to a block, with `pools` poolings between them, on pictures of this width.
    fn tower(width: usize, pools: usize) -> (Tape, Vec<ValueId>) {
        let mut tape = Tape::new(width, 64);
        let transform = InputTransform {
            matrix: [[1.0; 3]; 3],
            offset: [0.0; 3],
        };
        let filter = Arc::new(Filter {
            c_in: 3,
            c_out: 3,
            weight: vec![0.0; 81],
            bias: vec![],
        });
        let mut here = tape.picture_input("input", transform).unwrap();
        let mut seen = Vec::new();
        for block in 0..=pools {
            for layer in 0..2 {
                let name = format!("conv{block}_{layer}");
                here = tape
                    .conv3x3(&name, here, Arc::clone(&filter), true)
                    .unwrap();
                seen.push(here);
            }
            if block < pools {
                here = tape
                    .pool(&format!("pool{block}"), here, Pooling::Max)
                    .unwrap();
            }
        }
        (tape, seen)
    }

    /// At every width and tile: cores make up each map; what a core depends on is there and not spoilt.
    #[test]
    fn cores_partition_every_map_and_windows_hold_what_they_depend_on() {
        for width in [16, 31, 33, 64, 97, 131, 200] {
            for pools in 0..4 {
                let (tape, seen) = tower(width, pools);
                let nodes: Vec<usize> = (0..tape.nodes.len()).collect();
                let trunk = Trunk {
                    tape: &tape,
                    root: tape.picture(),
                    nodes: &nodes,
                    seen: &seen,
                    margin: Margin::Receptive,
                };
                for tile in [8, 16, 24, 32, 50, 64, 1000] {
                    let tiles = trunk.tiles(Axis::Columns, Some(tile));
                    for &value in &seen {
                        let mut next = 0;
                        for tile in &tiles {
                            let core = tile[&value].core;
                            assert!(core.start == next && core.end > core.start);
                            next = core.end;
                        }
                        assert_eq!(next, tape.size(value).1, "{width} {tile} {value:?}");
                    }
                    for tile in &tiles {
                        assert_unspoilt(&trunk, tile);
                    }
                }
            }
        }
    }

    /// Follows which positions of each map are right, from the root upwards, as the layers would compute them.
    fn assert_unspoilt(trunk: &Trunk<'_>, tile: &BTreeMap<ValueId, Reach>) {
        let mut right = BTreeMap::from([(trunk.root, tile[&trunk.root].used)]);
        for &node in trunk.nodes {
            let node = &trunk.tape.nodes[node];
            let (x, reach) = (node.inputs[0], tile[&node.output]);
            let (below, length) = (right[&x], trunk.length(x, Axis::Columns));
            let seen = match node.op {
                Op::Conv3x3 { .. } => Span {
                    start: if below.start == 0 { 0 } else { below.start + 1 },
                    end: if below.end == length {
                        length
                    } else {
                        below.end - 1
                    },
                },
                Op::Pool(_) => Span {
                    start: below.start.div_ceil(2),
                    end: below.end / 2,
                },
                _ => below,
            };
            assert_eq!(reach.used.start % GRAIN, 0);
            assert!(reach.made.start <= reach.used.start && reach.used.end <= reach.made.end);
            assert!(reach.core.start >= seen.start && reach.core.end <= seen.end);
            let right_here = Span {
                start: seen.start.max(reach.used.start),
                end: seen.end.min(reach.used.end),
            };
            right.insert(node.output, right_here);
        }
    }

    #[test]
    fn a_single_tile_is_everything() {
        let (tape, seen) = tower(97, 3);
        let nodes: Vec<usize> = (0..tape.nodes.len()).collect();
        let trunk = Trunk {
            tape: &tape,
            root: tape.picture(),
            nodes: &nodes,
            seen: &seen,
            margin: Margin::Receptive,
        };
        let tiles = trunk.tiles(Axis::Columns, None);
        assert_eq!(tiles.len(), 1);
        for (&value, reach) in &tiles[0] {
            let whole = Span::whole(tape.size(value).1);
            assert_eq!([reach.core, reach.made, reach.used], [whole; 3]);
        }
    }
}
