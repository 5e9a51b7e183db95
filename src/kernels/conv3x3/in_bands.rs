//! What the three passes of [`super::winograd`] work in: the frequencies of a band of tiles, and the maps that they read, as
//! buffers or as texels.

use super::job::Job;
use super::winograd_bands::{Bands, M, SCRATCH, V};
use crate::gpu::{BufferView, Gpu, GpuError, Knob, Recorder, TEXELS, Texels, UNUSED};

/// A convolution, with room for the frequencies of a band of its maps. That is shared with others, which run before it or
/// after it.
pub(super) struct InBands<'a> {
    pub job: &'a Job<'a>,
    /// Of the input.
    pub v: Texels,
    /// Of the output.
    m: Product,
    /// Bound where a kernel has no use for texels: something must be.
    pub unused: Texels,
    pub bands: Bands,
}

/// Where the product of frequencies goes, and with it whether the maps are read as texels.
enum Product {
    /// To a buffer, and maps are read where they are.
    Buffer(wgpu::Buffer),
    /// To texels, and maps are copied into some.
    Texels(Texels),
}

impl<'a> InBands<'a> {
    /// Room for `job` with `channels`, C and O. The product in tiles of workgroup memory reads a buffer.
    ///
    /// # Errors
    /// No room.
    pub(super) fn new(
        gpu: &Gpu,
        job: &'a Job<'a>,
        channels: [usize; 2],
        is_tiled: bool,
    ) -> Result<Self, GpuError> {
        let bands = Bands::new(channels, is_tiled, gpu.profile().texture_side);
        let [columns, rows] = bands.v_size();
        let as_texels = gpu.profile().prefers_texels && !is_tiled;
        Ok(Self {
            job,
            v: gpu.scratch_texels(V, columns, rows)?,
            m: if as_texels {
                let [columns, rows] = bands.m_size();
                Product::Texels(gpu.scratch_texels(M, columns, rows)?)
            } else {
                Product::Buffer(gpu.scratch(SCRATCH, bands.m_bytes())?)
            },
            unused: gpu.scratch_texels(UNUSED, 1, 1)?,
            bands,
        })
    }

    /// From one row, or from one frequency, of the product to the next: vec4s of a buffer, or rows of texels.
    pub(super) fn m_stride(&self) -> u32 {
        match self.m {
            Product::Buffer(_) => self.bands.m_stride() as u32,
            Product::Texels(_) => self.bands.m_rows() as u32,
        }
    }

    /// Whether the kernels read maps and frequencies as texels.
    fn as_texels(&self) -> bool {
        matches!(self.m, Product::Texels(_))
    }

    /// What tells them.
    pub(super) fn knob(&self) -> Option<Knob> {
        self.as_texels().then_some(TEXELS)
    }

    /// `view` of a map as texels, copied if what is there is another one's.
    pub(super) fn texels(
        &self,
        recorder: &mut Recorder<'_>,
        name: &'static str,
        view: BufferView,
        is_new: bool,
    ) -> Result<Texels, GpuError> {
        if !self.as_texels() {
            return Ok(self.unused.clone());
        }
        if is_new {
            return recorder.copy_to_texels(name, view);
        }
        recorder.gpu().map_texels(name, view.size)
    }

    /// The product of a whole band, as a buffer and as texels; the one that the kernel does not read is any that can be bound.
    pub(super) fn m(&self) -> (BufferView, Texels) {
        match &self.m {
            Product::Buffer(m) => {
                let bytes = self.bands.m_bytes();
                (BufferView::first(m, bytes), self.unused.clone())
            }
            Product::Texels(texels) => {
                let unread = BufferView::whole(self.job.bias);
                (unread, texels.clone())
            }
        }
    }
}
