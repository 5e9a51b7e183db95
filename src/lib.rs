//! impasto paints with hand-written WGSL compute shaders: neural style transfer and dreams on VGG.
//!
//! The rooms, from the ground up; each imports only from those below it:
//!
//! | floor | room | knows |
//! |---|---|---|
//! | 4 | [`paint`], [`doctor`] | recipes, the run loop; every kernel checked against the reference |
//! | 3 | [`objective`], [`optim`] | loss terms as graph nodes; optimisers on the device |
//! | 2 | [`net`], [`image`] | VGG and its weights; pictures |
//! | 1 | [`graph`] | tape, reverse mode, buffer plan, running |
//! | 0 | [`kernels`], [`gpu`] | one op per file; device, buffers, pipelines |
//! | – | [`mod@reference`] | the meaning of every op, as f64 loops on the CPU |
#![warn(missing_docs)]

pub mod doctor;
pub mod gpu;
pub mod graph;
pub mod image;
pub mod kernels;
pub mod net;
pub mod objective;
pub mod optim;
pub mod paint;
pub mod quote;
pub mod reference;
pub mod shape;
