//! How much of a picture is computed at once, and what is kept meanwhile.
//!
//! The plain way keeps every map until the gradient has used it. Two things save memory, and neither changes
//! the result. *Cuts*: only the maps after some poolings are kept; the layers between two of them are computed
//! once more when the gradient comes by. *Tiles*: such a section is computed in pieces, each with as much
//! around it as its layers look at. Gram matrices are means over a whole layer: a first sweep over all tiles
//! adds them up, a second computes every tile again and takes its gradient, given the gradient of the whole
//! matrix.

use std::collections::BTreeMap;
use std::fmt;

use super::node::{Extent, Op, ValueId};
use super::section::{Section, Sections};
use super::span::Reach;
use super::tape::Tape;
use crate::kernels::gram;
use crate::shape::Shape;

/// A pooling whose whole output is kept, and how the layers above it are computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Name of the pooling node. Tapes without it are not cut there.
    pub layer: String,
    /// Width and height of the tiles above it, in pixels of its output; `None` for all at once.
    pub tile: Option<[usize; 2]>,
}

/// How far around its own part of a picture a tile looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Margin {
    /// As far as the layers do: 72 pixels at relu5_1 of VGG. Convolutions that sum pixel by pixel find the values
    /// of the whole picture to the bit. Winograd's rounds a 4×4 tile together, and where one lies half outside
    /// differs in the last bits; then a maximum or a ReLU that hangs on these may let the gradient pass another
    /// way, in a few places.
    #[default]
    Receptive,
    /// As far as the 4×4 tiles do: up to four times as far. The values are those of the whole picture to the bit by
    /// Winograd's convolution too.
    Winograd,
}

/// Cuts and tiles. The default, no cuts and no tiles, keeps everything and computes nothing twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Strategy {
    /// Width and height of the tiles of the picture, up to the first cut; `None` for all at once. A tile as
    /// wide as the picture is a band of rows.
    pub tile: Option<[usize; 2]>,
    /// From the picture upwards.
    pub cuts: Vec<Cut>,
    /// How far the tiles overlap.
    pub margin: Margin,
}

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
    /// Whether it is the plain way, which keeps everything.
    pub fn is_plain(&self) -> bool {
        self.tile.is_none() && self.cuts.is_empty()
    }

    fn has_tiles(&self) -> bool {
        self.tile.is_some() || self.cuts.iter().any(|cut| cut.tile.is_some())
    }

    pub(super) fn cuts_at(&self, layer: &str) -> bool {
        self.cuts.iter().any(|cut| cut.layer == layer)
    }

    /// The tiles of the section that begins with this map.
    pub(super) fn tile_from(&self, root: &str) -> Option<[usize; 2]> {
        let cut = self.cuts.iter().find(|cut| cut.layer == root);
        cut.map_or(self.tile, |cut| cut.tile)
    }

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

/// `tiles of 512×512 up to pool2, the rest kept`, or `recomputed up to pool1, up to pool2, the rest kept`.
impl fmt::Display for Strategy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_plain() {
            return out.write_str("everything kept");
        }
        let tiles = |[width, height]: [usize; 2]| format!("tiles of {width}×{height}");
        let mut tile = self.tile;
        let mut said = String::new();
        for cut in &self.cuts {
            let words = tile.map_or("recomputed".to_string(), tiles);
            if words != said {
                write!(out, "{words} ")?;
            }
            write!(out, "up to {}, ", cut.layer)?;
            (said, tile) = (words, cut.tile);
        }
        match tile {
            None => out.write_str("the rest kept"),
            Some(tile) if self.cuts.is_empty() => out.write_str(&tiles(tile)),
            Some(tile) => write!(out, "{} above", tiles(tile)),
        }
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
