//! The Wasserstein-2 distance of two Gaussians, squared, as a loss on moments, and its gradient
//! (`shaders/wasserstein_loss.wgsl`, with the products of [`super::matrix_product`]).
//!
//! The root of A = R·Σ·R, with R = √Σ*, is found through A^-½ by the coupled iteration of Guo & Higham ("A
//! Schur–Newton method for the matrix pth root and its inverse", SIAM J. Matrix Anal. Appl. 28, 2006) on M = A/‖A‖:
//! T = a·I − b·M, X ← T·X, M ← T·M·T, with M → I and X → (A/‖A‖)^-½. All of it are polynomials of A, so half of each
//! product is enough. (The coupled iteration of Newton and Schulz takes a third more and does not bear that: it
//! blows up when the product of its two iterates is taken for symmetric.) The constants are those of `turns.rs`.
//!
//! The root gives the gradient without another solver: d tr √(RΣR) = ½ tr(R·A^-½·R dΣ).

mod turns;

use super::matrix_product::{self, Product, Tiling};
use super::sum::{self, PARTIAL_WORKGROUPS, PARTIALS, TotalSlot, partial_view};
use super::{Merge, moments, over_positions};
use crate::gpu::{Access, BufferView, Command, Gpu, GpuError, Kernel, Recorder};
use turns::{TURNS, turns};

pub use turns::attained;

const UNIFORM: (u32, Access) = (0, Access::Uniform);
const MOMENTS: (u32, Access) = (1, Access::Read);
const ROOT: (u32, Access) = (2, Access::Read);
const MATRIX: (u32, Access) = (3, Access::Read);
const INVERSE: (u32, Access) = (4, Access::Read);
const SCALARS: (u32, Access) = (5, Access::Read);
const RESULT: (u32, Access) = (6, Access::ReadWrite);
const SECOND: (u32, Access) = (7, Access::ReadWrite);

const fn kernel(entry: &'static str, bindings: &'static [(u32, Access)]) -> Kernel {
    Kernel {
        shader: crate::shader!("wasserstein_loss"),
        entry,
        bindings,
        needs_subgroups: false,
    }
}

/// Partial sums of the squares of a matrix.
pub static ENERGY: Kernel = kernel("energy", &[UNIFORM, MATRIX, RESULT]);
/// Σ / tr Σ* from the moments.
pub static COVARIANCE: Kernel = kernel("covariance", &[UNIFORM, MOMENTS, SCALARS, RESULT]);
/// A over its norm, and the first X.
pub static NORMALISE: Kernel = kernel("normalise", &[UNIFORM, MATRIX, SCALARS, RESULT, SECOND]);
/// Partial sums of the value.
pub static VALUE: Kernel = kernel(
    "value",
    &[UNIFORM, MOMENTS, ROOT, MATRIX, INVERSE, SCALARS, RESULT],
);
/// The gradient at S.
pub static GRADIENT: Kernel = kernel("gradient", &[UNIFORM, MATRIX, SCALARS, RESULT]);
/// The gradient at μ.
pub static GRADIENT_MEANS: Kernel = kernel(
    "gradient_means",
    &[UNIFORM, MOMENTS, ROOT, MATRIX, SCALARS, RESULT],
);
/// What the value has left, as the gradient or added to it.
pub static CARRY: Kernel = kernel("carry", &[UNIFORM, MATRIX, RESULT]);

/// κ: ε, which is added to the variances of both Gaussians, over the mean variance of the target, tr Σ*/C. A share and no
/// constant, since variances go from 1 (networks on [0, 1]) to 10⁶ (on [0, 255]). It is as small as single precision
/// can use: the eigenvalues of A go down to its square, and below 10⁻⁷ of the largest they are noise.
pub const REGULARISATION: f64 = 1e-2;

/// Same order as `WassersteinParams` in the shader.
#[repr(C)]
#[derive(Clone, Copy, Default, bytemuck::NoUninit)]
struct WassersteinParams {
    channels: u32,
    entries: u32,
    flags: u32,
    epsilon: f32,
    weight: f32,
    diagonal: f32,
    factor: f32,
    padding: u32,
}

/// C×C matrices of scratch memory beside the outcome.
const MATRICES: usize = 5;

/// Bytes of the scalars.
const SCALAR_BYTES: u64 = 16;

/// Bytes of the buffers of [`Workspace`] in order, but for the outcome.
pub fn workspace_bytes(channels: usize) -> [u64; 2 + MATRICES] {
    let matrix = (4 * channels * channels) as u64;
    let mut bytes = [matrix; 2 + MATRICES];
    bytes[0] = (4 * PARTIALS) as u64;
    bytes[1] = SCALAR_BYTES;
    bytes
}

/// Scratch memory of the value, in buffers of their own: a dispatch cannot read one part of a buffer and write another.
pub struct Workspace<'a> {
    partials: &'a wgpu::Buffer,
    /// tr Σ* and ‖A/tr Σ*‖².
    scalars: &'a wgpu::Buffer,
    matrices: [&'a wgpu::Buffer; MATRICES],
    /// Moments. It holds A on the way, and the gradient with respect to the moments afterwards, for [`gradient`].
    outcome: &'a wgpu::Buffer,
}

impl<'a> Workspace<'a> {
    /// Buffers of [`workspace_bytes`], and one for moments; `None` if they are not as many.
    pub fn new(buffers: &[&'a wgpu::Buffer]) -> Option<Self> {
        let &[partials, scalars, ref matrices @ .., outcome] = buffers else {
            return None;
        };
        Some(Self {
            partials,
            scalars,
            matrices: matrices.try_into().ok()?,
            outcome,
        })
    }
}

/// A loss on the moments of one layer.
#[derive(Clone, Copy)]
pub struct Distance<'a> {
    /// w.
    pub weight: f32,
    /// C, a multiple of four.
    pub channels: usize,
    /// S and μ.
    pub moments: &'a wgpu::Buffer,
    /// √Σ* and μ* in the same layout.
    pub target: &'a wgpu::Buffer,
}

/// How many dispatches [`value`] records, with the gradient in its outcome or not.
pub fn dispatches(with_gradient: bool) -> usize {
    // Sums of three kinds, two dispatches each; covariance, A, its normal form; the turns; the gradient.
    let products = 2 + 3 * (TURNS - 1);
    6 + 2 + products + if with_gradient { 4 } else { 0 }
}

/// Records the value into `total`, and the gradient at the moments into the outcome of `workspace` if `with_gradient`.
///
/// # Errors
/// As [`matrix_product::forward`].
pub fn value(
    recorder: &mut Recorder<'_>,
    gpu: &Gpu,
    distance: Distance<'_>,
    workspace: &Workspace<'_>,
    total: &TotalSlot,
    with_gradient: bool,
) -> Result<(), GpuError> {
    let mut steps = Steps {
        recorder,
        tiling: Tiling::choose(gpu),
        distance,
        workspace,
    };
    let inverse = steps.inverse_root()?;
    steps.value(inverse, total);
    if with_gradient {
        steps.gradient(inverse)?;
    }
    Ok(())
}

/// Records gM (+)= the gradient at the moments that [`value`] has left in `outcome`.
pub fn gradient(
    recorder: &mut Recorder<'_>,
    channels: usize,
    [outcome, gm]: [&wgpu::Buffer; 2],
    merge: Merge,
) {
    let bytes = moments::bytes(channels);
    let entries = channels * (channels + 1);
    recorder.push(Command {
        kernel: &CARRY,
        knobs: vec![],
        uniform: bytemuck::bytes_of(&WassersteinParams {
            entries: entries as u32,
            flags: merge.flags(),
            ..WassersteinParams::default()
        })
        .to_vec(),
        buffers: [outcome, gm]
            .map(|buffer| BufferView::first(buffer, bytes))
            .to_vec(),
        workgroups: over_positions(entries, 1),
        flop: entries as u64,
        bytes: 3 * bytes,
    });
}

/// The parts of [`value`].
struct Steps<'a, 'b, 'g> {
    recorder: &'b mut Recorder<'g>,
    tiling: Tiling,
    distance: Distance<'a>,
    workspace: &'b Workspace<'a>,
}

impl<'a> Steps<'a, '_, '_> {
    /// A/tr Σ* into the outcome, ‖A/tr Σ*‖² into the scalars; returns the buffer of (A/‖A‖)^-½. The last of the
    /// matrices is free afterwards, and so is one more.
    fn inverse_root(&mut self) -> Result<Scratch<'a>, GpuError> {
        let [mut m, n, mut m_next, mut x, mut x_next] = self.workspace.matrices;
        let (target, a_matrix) = (self.distance.target, self.workspace.outcome);
        self.energy(target, 0);
        self.push(&COVARIANCE, &[self.distance.moments], &[m], [0.0; 2]);
        self.product(Product::of(m, target), n)?;
        self.product(Product::of(target, n).symmetric(), a_matrix)?;
        self.energy(a_matrix, 1);
        let [first, turns @ ..] = turns();
        self.push(&NORMALISE, &[a_matrix], &[m, x], first.map(|of| of as f32));
        let mut constants = first;
        for next in turns {
            // N = T·M, then M ← T·N.
            self.product(turned(m, m, constants), n)?;
            self.product(turned(m, n, constants), m_next)?;
            std::mem::swap(&mut m, &mut m_next);
            constants = next;
            self.product(turned(m, x, constants), x_next)?;
            std::mem::swap(&mut x, &mut x_next);
        }
        Ok(Scratch {
            inverse: x,
            free: [n, x_next],
        })
    }

    fn value(&mut self, scratch: Scratch<'a>, total: &TotalSlot) {
        let Distance {
            weight,
            channels,
            moments,
            target,
        } = self.distance;
        let reads = [moments, target, self.workspace.outcome, scratch.inverse];
        self.push_partials(&VALUE, &reads);
        let scale = weight / channels as f32;
        sum::main(
            self.recorder,
            self.workspace.partials,
            PARTIALS,
            scale,
            total,
        );
    }

    /// R·X·R, and the gradients from it, over A in the outcome.
    fn gradient(&mut self, scratch: Scratch<'a>) -> Result<(), GpuError> {
        let (moments, target) = (self.distance.moments, self.distance.target);
        let ([half, mapped], outcome) = (scratch.free, self.workspace.outcome);
        self.product(Product::of(scratch.inverse, target), half)?;
        self.product(Product::of(target, half).symmetric(), mapped)?;
        self.push(&GRADIENT, &[mapped], &[outcome], [0.0; 2]);
        let reads = [moments, target, mapped];
        self.push(&GRADIENT_MEANS, &reads, &[outcome], [0.0; 2]);
        Ok(())
    }

    fn product(&mut self, product: Product<'_>, y: &wgpu::Buffer) -> Result<(), GpuError> {
        let channels = self.distance.channels;
        matrix_product::forward(self.recorder, self.tiling, channels, product, y)
    }

    /// The sum of the squares of `matrix` into the scalar at `slot`.
    fn energy(&mut self, matrix: &wgpu::Buffer, slot: usize) {
        self.push_partials(&ENERGY, &[matrix]);
        let total = TotalSlot {
            totals: self.workspace.scalars.clone(),
            slot,
            accumulate: false,
        };
        let partials = self.workspace.partials;
        sum::main(self.recorder, partials, PARTIALS, 1.0, &total);
    }

    fn push_partials(&mut self, kernel: &'static Kernel, reads: &[&wgpu::Buffer]) {
        let workgroups = [PARTIAL_WORKGROUPS, 1, 1];
        let partials = partial_view(self.workspace.partials, 1);
        self.push_with(kernel, reads, vec![partials], ([0.0; 2], workgroups));
    }

    /// One thread per entry of the matrix, or eight to a workgroup for one per channel.
    fn push(
        &mut self,
        kernel: &'static Kernel,
        reads: &[&wgpu::Buffer],
        writes: &[&wgpu::Buffer],
        constants: [f32; 2],
    ) {
        let channels = self.distance.channels;
        let workgroups = if *kernel == GRADIENT_MEANS {
            [channels.div_ceil(8) as u32, 1, 1]
        } else {
            over_positions(channels * channels, 1)
        };
        let writes = writes.iter().map(|buffer| self.view(buffer)).collect();
        self.push_with(kernel, reads, writes, (constants, workgroups));
    }

    fn push_with(
        &mut self,
        kernel: &'static Kernel,
        reads: &[&wgpu::Buffer],
        writes: Vec<BufferView>,
        ([diagonal, factor], workgroups): ([f32; 2], [u32; 3]),
    ) {
        let (channels, weight) = (self.distance.channels, self.distance.weight);
        let entries = channels * channels;
        let mut buffers: Vec<BufferView> = reads.iter().map(|buffer| self.view(buffer)).collect();
        let scalars = BufferView::first(self.workspace.scalars, SCALAR_BYTES);
        if kernel.bindings.contains(&SCALARS) {
            buffers.push(scalars);
        }
        let bytes = 4 * (entries * (reads.len() + writes.len())) as u64;
        buffers.extend(writes);
        self.recorder.push(Command {
            kernel,
            knobs: vec![],
            uniform: bytemuck::bytes_of(&WassersteinParams {
                channels: channels as u32,
                entries: entries as u32,
                epsilon: (REGULARISATION / channels as f64) as f32,
                weight: weight / channels as f32,
                diagonal,
                factor,
                ..WassersteinParams::default()
            })
            .to_vec(),
            buffers,
            workgroups,
            flop: 2 * entries as u64,
            bytes,
        });
    }

    /// The moments or the matrix that a buffer holds.
    fn view(&self, buffer: &wgpu::Buffer) -> BufferView {
        BufferView::first(buffer, moments::bytes(self.distance.channels))
    }
}

/// T·D = a·D − b·M·D.
fn turned<'a>(m: &'a wgpu::Buffer, d: &'a wgpu::Buffer, [a, b]: [f64; 2]) -> Product<'a> {
    Product {
        factors: [m, d],
        scale: -b as f32,
        share: Some(a as f32),
        symmetric: true,
    }
}

/// Where the inverse root is, and matrices that nobody needs any more.
#[derive(Clone, Copy)]
struct Scratch<'a> {
    inverse: &'a wgpu::Buffer,
    free: [&'a wgpu::Buffer; 2],
}
