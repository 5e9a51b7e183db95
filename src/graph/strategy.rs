//! How much of a picture is computed at once, and what is kept meanwhile.
//!
//! The plain way keeps every map until the gradient has used it. Two things save memory, and neither changes
//! the result. *Cuts*: only the maps after some poolings are kept; the layers between two of them are computed
//! once more when the gradient comes by. *Tiles*: such a section is computed in pieces, each with as much
//! around it as its layers look at. Gram matrices are means over a whole layer: a first sweep over all tiles
//! adds them up, a second computes every tile again and takes its gradient, given the gradient of the whole
//! matrix.

use std::fmt;

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
    /// differs in the last bits; then a maximum or a ReLU that depends on these may let the gradient pass another
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

impl Strategy {
    /// Whether it is the plain way, which keeps everything.
    pub fn is_plain(&self) -> bool {
        self.tile.is_none() && self.cuts.is_empty()
    }

    pub(super) fn has_tiles(&self) -> bool {
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
