//! First and second moments of a feature map in one buffer: the C×C matrix S = F·T·Fᵀ/M, then the C means μ = F·t/M, with
//! the weights t of positions where there are any, on the diagonal of T, and ones elsewhere. Both are sums over positions, so the shares of tiles add up.

use super::gram::{self, Share, Tiling};
use super::mean;
use super::weighted::Weighted;
use super::{FeatureMap, Merge};
use crate::gpu::{BufferView, Gpu, GpuError, Profile, Recorder};
use crate::shape::Shape;

/// Bytes of the moments of so many channels.
pub fn bytes(channels: usize) -> u64 {
    (channels * (channels + 1) * size_of::<f32>()) as u64
}

/// Bytes of partial sums for the moments of a map.
pub fn workspace_bytes(shape: Shape) -> u64 {
    gram::workspace_bytes(shape).max(mean::workspace_bytes(shape))
}

/// How many dispatches [`forward`] takes on a map of this shape, by the shipped rule.
///
/// # Errors
/// A plane that no binding can hold.
pub fn dispatches(adapter: &Profile, shape: Shape) -> Result<usize, GpuError> {
    let of_means = mean::dispatches(shape, adapter.binding_limit)?;
    Ok(gram::dispatches(adapter, shape)? + of_means)
}

/// Records S (+)= F·T·Fᵀ/M and μ (+)= F·t/M; C is a multiple of four and `partials` has [`workspace_bytes`].
///
/// # Errors
/// A plane that no binding can hold.
pub fn forward(
    recorder: &mut Recorder<'_>,
    tiling: Tiling,
    source: Weighted<'_>,
    partials: &wgpu::Buffer,
    moments: &wgpu::Buffer,
    share: Share,
) -> Result<(), GpuError> {
    gram::forward(recorder, tiling, source, partials, moments, share)?;
    let moments = BufferView::first(moments, bytes(source.0.shape.channels));
    mean::forward(recorder, source, partials, moments, share)
}

/// Records gf (+)= (2/M · gs·F + gμ/M)·T for a symmetric gs, which every loss on moments has, and M positions.
///
/// # Errors
/// A plane that no binding can hold.
pub fn gradient(
    recorder: &mut Recorder<'_>,
    gpu: &Gpu,
    gm: &wgpu::Buffer,
    source: Weighted<'_>,
    gf: &FeatureMap,
    positions: usize,
    merge: Merge,
) -> Result<(), GpuError> {
    let gm = BufferView::first(gm, bytes(source.0.shape.channels));
    gram::gradient_of_moments(recorder, gpu, gm, source, gf, positions, merge)
}
