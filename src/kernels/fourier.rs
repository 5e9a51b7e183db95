//! Colours from their spectrum and the gradient of that (`shaders/fourier.wgsl`).

use std::f64::consts::TAU;

use super::over_positions;
use crate::gpu::{Access, BufferView, Command, Gpu, GpuError, Kernel, Ledger, Recorder};

const BINDINGS: &[(u32, Access)] = &[
    (0, Access::Uniform),
    (1, Access::Read),
    (2, Access::Read),
    (3, Access::Read),
    (4, Access::ReadWrite),
];

/// Without the scale, which belongs to columns.
const ROW_BINDINGS: &[(u32, Access)] = &[
    (0, Access::Uniform),
    (1, Access::Read),
    (3, Access::Read),
    (4, Access::ReadWrite),
];

/// T\[i, l\] from S\[k, l\].
pub static COLUMNS: Kernel = Kernel {
    shader: crate::shader!("fourier"),
    entry: "columns",
    bindings: BINDINGS,
    needs_subgroups: false,
};

/// x\[i, j\] from T\[i, l\].
pub static ROWS: Kernel = Kernel {
    shader: crate::shader!("fourier"),
    entry: "rows",
    bindings: ROW_BINDINGS,
    needs_subgroups: false,
};

/// gT\[i, l\] from gx\[i, j\].
pub static ROWS_GRADIENT: Kernel = Kernel {
    shader: crate::shader!("fourier"),
    entry: "rows_gradient",
    bindings: ROW_BINDINGS,
    needs_subgroups: false,
};

/// gS\[k, l\] from gT\[i, l\].
pub static COLUMNS_GRADIENT: Kernel = Kernel {
    shader: crate::shader!("fourier"),
    entry: "columns_gradient",
    bindings: BINDINGS,
    needs_subgroups: false,
};

/// Same order as `Params` in the shader.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Params {
    height: u32,
    width: u32,
    columns: u32,
    padding: u32,
}

/// L = W/2 + 1: columns of the spectrum of a picture that is `width` wide; the others mirror them.
pub fn columns(width: usize) -> usize {
    width / 2 + 1
}

/// f32 of a spectrum: real and imaginary parts of H·L numbers, each of three colours and a fourth that is 0.
pub fn spectrum_len([width, height]: [usize; 2]) -> usize {
    8 * height * columns(width)
}

/// A transform of one size, with its tables and its scratch memory.
pub struct Fourier {
    /// W and H of the picture.
    size: [usize; 2],
    /// s, (H, L).
    scale: wgpu::Buffer,
    /// Cosines and sines of W parts of a turn.
    row_turns: wgpu::Buffer,
    /// Cosines and sines of H parts of a turn.
    column_turns: wgpu::Buffer,
    /// T or gT.
    half: wgpu::Buffer,
}

impl Fourier {
    /// A transform to pictures of `size`, W and H, that weighs the entry (k, l) of a spectrum by `scale`, (H, L).
    ///
    /// # Errors
    /// No room for the tables and the scratch memory.
    pub fn new(gpu: &Gpu, size: [usize; 2], scale: &[f32]) -> Result<Self, GpuError> {
        let [width, height] = size;
        Ok(Self {
            size,
            scale: gpu.storage_with("scale of a spectrum", scale)?,
            row_turns: gpu.storage_with("turns of rows", &roots_of_unity(width))?,
            column_turns: gpu.storage_with("turns of columns", &roots_of_unity(height))?,
            half: gpu.storage("half of a Fourier transform", 4 * spectrum_len(size) as u64)?,
        })
    }

    /// What [`Fourier::new`] would do to the memory of a device.
    pub fn on_paper([width, height]: [usize; 2], ledger: &mut Ledger) {
        let scale = 4 * (height * columns(width)) as u64;
        for table in [scale, 8 * width as u64, 8 * height as u64] {
            ledger.make(Ledger::rounded(table));
            ledger.write(table);
        }
        let half = 4 * spectrum_len([width, height]) as u64;
        ledger.make(Ledger::rounded(half));
    }

    /// Records x from a `spectrum`, of [`spectrum_len`] f32; x is (H, W) vec4.
    pub fn forward(&self, recorder: &mut Recorder<'_>, spectrum: &wgpu::Buffer, x: &wgpu::Buffer) {
        let [width, height] = self.size;
        let scaled = [spectrum, &self.scale, &self.column_turns, &self.half];
        self.push(recorder, &COLUMNS, &scaled, (self.waves(), height));
        let plain = [&self.half, &self.row_turns, x];
        self.push(recorder, &ROWS, &plain, (width * height, columns(width)));
    }

    /// Records the gradient at the spectrum from `gx`, the one at x.
    pub fn gradient(
        &self,
        recorder: &mut Recorder<'_>,
        gx: &wgpu::Buffer,
        spectrum: &wgpu::Buffer,
    ) {
        let [width, height] = self.size;
        let plain = [gx, &self.row_turns, &self.half];
        self.push(recorder, &ROWS_GRADIENT, &plain, (self.waves(), width));
        let scaled = [&self.half, &self.scale, &self.column_turns, spectrum];
        self.push(recorder, &COLUMNS_GRADIENT, &scaled, (self.waves(), height));
    }

    fn waves(&self) -> usize {
        self.size[1] * columns(self.size[0])
    }

    fn push(
        &self,
        recorder: &mut Recorder<'_>,
        kernel: &'static Kernel,
        buffers: &[&wgpu::Buffer],
        (sums, terms): (usize, usize),
    ) {
        let [width, height] = self.size;
        let waves = self.waves();
        // Values read and written. The scale belongs to columns alone.
        let values = if kernel == &COLUMNS || kernel == &COLUMNS_GRADIENT {
            17 * waves
        } else {
            8 * waves + 4 * width * height
        };
        recorder.push(Command {
            kernel,
            knobs: vec![],
            uniform: bytemuck::bytes_of(&Params {
                height: height as u32,
                width: width as u32,
                columns: columns(width) as u32,
                padding: 0,
            })
            .to_vec(),
            buffers: buffers
                .iter()
                .map(|buffer| BufferView::whole(buffer))
                .collect(),
            workgroups: over_positions(sums, 1),
            flop: 24 * (sums * terms) as u64,
            bytes: 4 * values as u64,
        });
    }
}

/// Cosine and sine of 2πn/N for n < N.
fn roots_of_unity(whole: usize) -> Vec<f32> {
    let turn = |n: usize| {
        let (sine, cosine) = (TAU * n as f64 / whole as f64).sin_cos();
        [cosine as f32, sine as f32]
    };
    (0..whole).flat_map(turn).collect()
}
