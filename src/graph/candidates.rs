//! Which strategies there are for a tape, and what each costs, without a plan of its memory.

use std::collections::BTreeMap;

use super::node::{Extent, Op, ValueId};
use super::section::{Section, Sections};
use super::span::Reach;
use super::strategy::{Cut, Margin, Strategy};
use super::tape::Tape;
use crate::kernels::gram;
use crate::shape::Shape;

/// A strategy and what it costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Cuts and tiles.
    pub strategy: Strategy,
    /// Arithmetic of a step, 1 for that of the plain way; counts convolutions and Gram matrices.
    pub flop_ratio: f64,
    /// Bytes that a step with a gradient takes at least, targets and weights included: enough to see without a
    /// plan that it cannot fit.
    pub least_bytes: u64,
}

impl Strategy {
    /// Strategies for `tape`, from the least arithmetic to the most. Further down the list memory gets less, by and large:
    /// walk it until one fits. The plain way is always among them, and comes first but where maps are larger than a binding
    /// may be, `binding_limit` bytes: there tiles that fit one can be the faster way. [`Margin::Winograd`] costs next to
    /// nothing up to the second pooling and much above. A tape that needs whole maps is cut, but not into tiles.
    pub fn candidates(tape: &Tape, margin: Margin, binding_limit: u64) -> Vec<Candidate> {
        let (height, width) = tape.picture_size();
        let pools: Vec<&str> = tape
            .nodes
            .iter()
            .filter(|node| matches!(node.op, Op::Pool(_)))
            .map(|node| node.name.as_str())
            .collect();
        let is_whole = tape.needs_whole_maps();
        let mut strategies = vec![Self::default()];
        for cuts in 0..1u32 << pools.len().min(4) {
            // Of all subsets those without gaps: the others lie between them in time and memory.
            let cuts = (0..pools.len()).filter(|&pool| cuts >> pool & 1 == 1);
            let cuts: Vec<usize> = cuts.collect();
            if cuts.windows(2).all(|pair| pair[1] == pair[0] + 1) {
                let tilings = Self::tilings(&pools, &cuts, [width, height]);
                strategies.extend(
                    tilings
                        .into_iter()
                        .filter(|of| !(is_whole && of.has_tiles())),
                );
            }
        }
        let (plain, _) = cost(tape, &Self::default(), binding_limit);
        let mut candidates: Vec<Candidate> = strategies
            .into_iter()
            .map(|strategy| Self { margin, ..strategy })
            .map(|strategy| {
                let (flop, least_bytes) = cost(tape, &strategy, binding_limit);
                Candidate {
                    strategy,
                    flop_ratio: if plain > 0.0 { flop / plain } else { 1.0 },
                    least_bytes,
                }
            })
            .collect();
        candidates.sort_by(|a, b| a.flop_ratio.total_cmp(&b.flop_ratio));
        // Tiles larger than a section leave it whole: several then say the same.
        candidates.dedup();
        candidates
    }

    /// With these cuts: bands of rows, and tiles, of the picture alone and of every section.
    fn tilings(pools: &[&str], cuts: &[usize], [width, height]: [usize; 2]) -> Vec<Self> {
        let cut = |tile: Option<[usize; 2]>| -> Vec<Cut> {
            let cut = |&pool: &usize| Cut {
                layer: pools[pool].to_string(),
                tile: tile.map(|tile| tile.map(|side| (side >> (pool + 1)).max(1))),
            };
            cuts.iter().map(cut).collect()
        };
        let mut strategies = vec![Self {
            tile: None,
            cuts: cut(None),
            ..Self::default()
        }];
        // Tiles smaller than these are all margin, and so many that they are slow to plan.
        let least = width.max(height) / 32;
        let sides = [2048, 1024, 512, 384, 256, 128, 64].into_iter();
        for side in sides.filter(|&side| side >= least) {
            let bands = (side < height).then_some([width, side]);
            let tiles = (side < width.max(height)).then_some([side, side]);
            for tile in bands.into_iter().chain(tiles) {
                strategies.push(Self {
                    tile: Some(tile),
                    cuts: cut(None),
                    ..Self::default()
                });
                if !cuts.is_empty() {
                    strategies.push(Self {
                        tile: Some(tile),
                        cuts: cut(Some(tile)),
                        ..Self::default()
                    });
                }
            }
        }
        strategies
    }
}

/// Operations of the convolutions and Gram matrices of a step, or of everything if the tape has no losses, by their
/// definition (Gram matrices as often as slices make it), and the bytes that are the least it has at once.
fn cost(tape: &Tape, strategy: &Strategy, binding_limit: u64) -> (f64, u64) {
    let mut wanted = tape.loss_values();
    if wanted.is_empty() {
        wanted = tape.nodes.iter().map(|node| node.output).collect();
    }
    match Sections::new(tape, &wanted, strategy) {
        Some(sections) => (
            flop(tape, &sections, binding_limit),
            sections.least_bytes(tape),
        ),
        // The plain way, whatever the strategy says.
        None => (0.0, 0),
    }
}

fn flop(tape: &Tape, Sections { sections, .. }: &Sections, binding_limit: u64) -> f64 {
    let of = |section: &Section, nodes: &[usize]| -> f64 {
        let node_flop = |&node| node_flop(tape, section, node, binding_limit);
        let each = nodes.iter().map(node_flop);
        each.sum()
    };
    sections
        .iter()
        .map(|section| {
            let layers = of(section, &section.nodes);
            let back = layers + of(section, &section.heads);
            let first: Vec<usize> = section.first_sweep(tape).into_iter().collect();
            if section.runs_once() {
                2.0 * back
            } else {
                of(section, &first) + layers + back
            }
        })
        .sum()
}

/// Operations of one node over all tiles, in one direction.
fn node_flop(tape: &Tape, section: &Section, node: usize, binding_limit: u64) -> f64 {
    let described = &tape.nodes[node];
    let pixels = |of: fn(&Reach) -> usize, value: ValueId| -> f64 {
        let sum = |spans: &[BTreeMap<ValueId, Reach>]| -> usize {
            spans.iter().map(|reaches| of(&reaches[&value])).sum()
        };
        (sum(&section.columns) * sum(&section.rows)) as f64
    };
    match &described.op {
        Op::Conv3x3 { filter, .. } => {
            let pixels = pixels(|reach| reach.made.length(), described.output);
            18.0 * (filter.c_in * filter.c_out) as f64 * pixels
        }
        Op::Gram { .. } | Op::Moments { .. } => match tape.value(described.output).extent {
            Extent::Gram(channels) | Extent::Moments(channels) => {
                let map = described.inputs[0];
                let pixels = pixels(|reach| reach.core.length(), map);
                let longest = |spans: &[BTreeMap<ValueId, Reach>]| -> usize {
                    let lengths = spans.iter().map(|reaches| reaches[&map].core.length());
                    lengths.max().unwrap_or(0)
                };
                let largest =
                    Shape::new(channels, longest(&section.rows), longest(&section.columns));
                let repetition = gram::repetition(largest, binding_limit);
                2.0 * (channels * channels) as f64 * pixels * repetition
            }
            _ => 0.0,
        },
        _ => 0.0,
    }
}
