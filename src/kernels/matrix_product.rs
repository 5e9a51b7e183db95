//! Products of square matrices, C×C row-major (`shaders/matrix_product_broadcast.wgsl` or
//! `matrix_product_tiled.wgsl`).

use crate::gpu::{Access, Asked, BufferView, Command, Gpu, GpuError, Kernel, Profile, Recorder};

const BINDINGS_WITH_TEXELS: &[(u32, Access)] = &[
    (0, Access::Uniform),
    (1, Access::Read),
    (2, Access::Read),
    (3, Access::ReadWrite),
    (4, Access::ReadTexels),
    (5, Access::ReadTexels),
];
const BINDINGS: &[(u32, Access)] = &[
    (0, Access::Uniform),
    (1, Access::Read),
    (2, Access::Read),
    (3, Access::ReadWrite),
];

/// With lanes along the rows, loads of 64 bits.
pub static BROADCAST: Kernel = Kernel {
    shader: crate::shader!("matrix_product_broadcast"),
    entry: "main",
    bindings: BINDINGS_WITH_TEXELS,
    needs_subgroups: true,
};

/// With tiles in workgroup memory.
pub static TILED: Kernel = Kernel {
    shader: crate::shader!("matrix_product_tiled"),
    entry: "main",
    bindings: BINDINGS,
    needs_subgroups: false,
};

/// How a product is shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tiling {
    /// [`BROADCAST`]: a tile over the lanes of a subgroup.
    Lanes,
    /// [`TILED`]: a tile for a whole workgroup, in the memory that it shares.
    Workgroups,
}

impl Tiling {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Lanes, Self::Workgroups];

    /// The shipped rule.
    pub fn choose(gpu: &Gpu) -> Self {
        Self::fastest(gpu.adapter().is_software() && gpu.can_run(&BROADCAST))
    }

    pub(super) fn fastest(software_that_broadcasts: bool) -> Self {
        // A barrier costs a software adapter more than it wins; a real GPU spills the large tiles.
        if software_that_broadcasts {
            Self::Lanes
        } else {
            Self::Workgroups
        }
    }

    /// Whether the adapter can run it.
    pub fn is_supported(self, gpu: &Gpu) -> bool {
        gpu.can_run(self.kernel())
    }

    /// Rows and columns of a workgroup, as the shaders have them.
    fn tile(self) -> [usize; 2] {
        match self {
            Self::Lanes => [64, 32],
            Self::Workgroups => [64, 64],
        }
    }

    /// Its kernel.
    pub fn kernel(self) -> &'static Kernel {
        match self {
            Self::Lanes => &BROADCAST,
            Self::Workgroups => &TILED,
        }
    }
}

/// Bits that the shaders test.
const SYMMETRIC: u32 = 1;
const ADD: u32 = 2;

/// Same order as `MatrixProductParams` in the shaders.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct MatrixProductParams {
    groups: u32,
    flags: u32,
    scale: f32,
    share: f32,
}

/// Y = (scale · L + share · I)·R.
#[derive(Clone, Copy, Debug)]
pub struct Product<'a> {
    /// L, which is symmetric, and R.
    pub factors: [&'a wgpu::Buffer; 2],
    /// Of the product.
    pub scale: f32,
    /// What is added of R, if anything.
    pub share: Option<f32>,
    /// Whether Y is symmetric but for rounding: then half of it is computed, and it is symmetric to the bit.
    pub symmetric: bool,
}

impl<'a> Product<'a> {
    /// L·R, which may be anything.
    pub fn of(l: &'a wgpu::Buffer, r: &'a wgpu::Buffer) -> Self {
        Self {
            factors: [l, r],
            scale: 1.0,
            share: None,
            symmetric: false,
        }
    }

    /// The same, symmetric but for rounding.
    pub fn symmetric(self) -> Self {
        Self {
            symmetric: true,
            ..self
        }
    }
}

/// Scratch memory that products of C×C matrices ask for.
pub fn scratch(adapter: &Profile, channels: usize) -> Asked {
    let bytes = Some((4 * channels * channels) as u64);
    match Tiling::fastest(adapter.is_software && adapter.can_run(&BROADCAST)) {
        Tiling::Lanes => adapter.read_as_texels([bytes, bytes]),
        Tiling::Workgroups => Vec::new(),
    }
}

/// Records `product` of C×C matrices into `y`, which is none of them; C is a multiple of four.
///
/// # Errors
/// No room for copies of the factors, where they are read as texels.
pub fn forward(
    recorder: &mut Recorder<'_>,
    tiling: Tiling,
    channels: usize,
    product: Product<'_>,
    y: &wgpu::Buffer,
) -> Result<(), GpuError> {
    let [l, r] = product.factors;
    let symmetric = if product.symmetric { SYMMETRIC } else { 0 };
    let add = if product.share.is_some() { ADD } else { 0 };
    let params = MatrixProductParams {
        groups: (channels / 4) as u32,
        flags: symmetric | add,
        scale: product.scale,
        share: product.share.unwrap_or(0.0),
    };
    let bytes = (4 * channels * channels) as u64;
    let tiles = tiling.tile().map(|side| channels.div_ceil(side) as u32);
    let c = channels as u64;
    let factors = product
        .factors
        .map(|factor| BufferView::first(factor, bytes));
    let (texels, knob) = match tiling {
        Tiling::Lanes => recorder.read_as_texels([&factors[0], &factors[1]])?,
        Tiling::Workgroups => (Vec::new(), None),
    };
    let command = Command {
        kernel: tiling.kernel(),
        knobs: knob.into_iter().collect(),
        uniform: bytemuck::bytes_of(&params).to_vec(),
        buffers: [l, r, y]
            .map(|buffer| BufferView::first(buffer, bytes))
            .to_vec(),
        workgroups: [tiles[1], tiles[0], 1],
        flop: if product.symmetric {
            c * c * (c + 1)
        } else {
            2 * c * c * c
        },
        bytes: 3 * bytes,
    };
    recorder.push_with_texels(command, texels);
    Ok(())
}
