//! What every operation means, as plain `f64` loops on the CPU.
//!
//! This room is the ground truth of the house. Each file holds one operation with its gradient beside it, carries the
//! same stem as its shader and its kernel, and is written to be read before them: no tiles, no packing, no threads.
//! A feature map is a planar slice `[C][H][W]`, so channel `c`, row `i`, column `j` stands at `(c·H + i)·W + j`; in the
//! formulas `g·` is the gradient of the objective with respect to `·`. Tests and `impasto doctor` compare every kernel
//! with these functions, and these functions with hand values and finite differences. A slice whose length is not that
//! of its shape is a mistake in the calling code, not in a user's input, and panics in a debug build.
//!
//! Reading order: [`picture_input`], [`conv3x3`] (with [`border`]), [`relu`], [`maxpool2`], [`avgpool2`] and [`l2pool2`]
//! make the network, [`crop`] its tiles; [`gram`], [`mean`], [`moments`], [`content_loss`], [`style_loss`], [`wasserstein_loss`],
//! [`tv_loss`], [`dream_loss`] and [`guide_loss`] make the objective, with [`matrix_product`] between them and [`normalise`] on
//! the way back; [`adam`] and [`lbfgs`] change the picture, [`average`] smooths its way; [`roll`], [`gaussian_cascade`], [`laplacian_pyramid`],
//! [`dream_step`] and [`zoom`] are a dream's. [`alignment_loss`] is what a visualisation climbs, on a picture made by
//! [`fourier`] and [`decorrelate`] and seen through [`resample`]. [`samples`] supplies numbers to try all of it on.

pub mod adam;
pub mod alignment_loss;
pub mod average;
pub mod avgpool2;
pub mod border;
pub mod content_loss;
pub mod conv3x3;
pub mod crop;
pub mod decorrelate;
pub mod dream_loss;
pub mod dream_step;
pub mod fourier;
pub mod gaussian_cascade;
pub mod gram;
pub mod guide_loss;
pub mod l2pool2;
pub mod laplacian_pyramid;
pub mod lbfgs;
pub mod matrix_product;
pub mod maxpool2;
pub mod mean;
pub mod moments;
pub mod normalise;
pub mod picture_input;
pub mod relu;
pub mod resample;
pub mod roll;
pub mod samples;
pub mod style_loss;
pub mod tv_loss;
pub mod wasserstein_loss;
pub mod zoom;
