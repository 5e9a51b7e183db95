//! Floor 0: one file per op. Each knows its shader, its parameters, how much to dispatch and what it costs.
//!
//! A function of a kernel file records commands; nothing runs before a [`crate::gpu::Recording`] is
//! submitted. The meaning of each op stands in the file of the same stem under [`crate::reference`]
//! (of `pool2` in `maxpool2`, `avgpool2` and `l2pool2`); sums and probes have none.

pub mod adam;
pub mod alignment_loss;
pub mod average;
mod catalogue;
pub mod content_loss;
pub mod conv3x3;
pub mod copy_bandwidth;
pub mod crop;
pub mod decorrelate;
pub mod dream_loss;
pub mod dream_step;
pub mod feature_map;
pub mod fma_peak;
pub mod fourier;
pub mod gaussian_cascade;
pub mod gram;
pub mod guide_loss;
pub mod laplacian_pyramid;
pub mod lbfgs;
pub mod matrix_product;
pub mod mean;
mod merge;
pub mod moments;
pub mod normalise;
mod pass;
pub mod picture_input;
pub mod pool2;
pub mod relu;
pub mod resample;
pub mod roll;
pub mod style_loss;
pub mod sum;
pub mod tv_loss;
mod vector_slices;
pub mod wasserstein_loss;
mod weighted;
pub mod zoom;

pub use catalogue::{catalogue, catalogue_of_real_gpus};
pub use feature_map::FeatureMap;
pub use merge::{ACCUMULATE, BIAS, MASK, MEAN, Merge, RELU};
pub use pass::Pass;
pub use vector_slices::{VectorSlice, vector_slices};
pub use weighted::Weighted;

use crate::gpu::fold_workgroups;

/// Workgroups of 64 threads in a row for one thread per pixel, where a kernel knows the row by its workgroup.
fn over_rows([width, height]: [usize; 2]) -> [u32; 3] {
    let [y, z, _] = fold_workgroups(height as u64);
    [width.div_ceil(64) as u32, y, z]
}

/// Workgroups of 64 threads for one thread per position, `depth` times along z: channel groups, for example.
fn over_positions(positions: usize, depth: usize) -> [u32; 3] {
    let [x, y, _] = fold_workgroups(positions.div_ceil(64) as u64);
    [x, y, depth as u32]
}
