//! A run of dispatches and copies in one encoder.

use super::{BufferView, Texels};

/// Appends to an encoder: a compute pass is open while nothing but dispatches come, and closed for a copy.
pub struct Encoding<'a> {
    encoder: &'a mut wgpu::CommandEncoder,
    open: Option<wgpu::ComputePass<'static>>,
}

/// A range of a buffer that is copied into texels, row by row, before a dispatch reads it there.
#[derive(Clone, Debug)]
pub(super) struct Copy {
    pub(super) from: BufferView,
    pub(super) to: Texels,
}

impl<'a> Encoding<'a> {
    /// Begins where `encoder` stands. What is appended is complete when this is dropped.
    pub fn new(encoder: &'a mut wgpu::CommandEncoder) -> Self {
        Self {
            encoder,
            open: None,
        }
    }

    pub(super) fn compute(&mut self) -> &mut wgpu::ComputePass<'static> {
        let encoder = &mut self.encoder;
        self.open.get_or_insert_with(|| {
            encoder
                .begin_compute_pass(&Default::default())
                .forget_lifetime()
        })
    }

    pub(super) fn copy(&mut self, copy: &Copy) {
        self.open = None;
        copy.encode(self.encoder);
    }
}

impl Copy {
    /// Whole rows first, then what is left of the last.
    pub(super) fn encode(&self, encoder: &mut wgpu::CommandEncoder) {
        let columns = self.to.columns();
        let all = (self.from.size / 16) as u32;
        let mut copy = |row: u32, width: u32, height: u32| {
            if width == 0 || height == 0 {
                return;
            }
            let row_bytes = 16 * u64::from(columns);
            encoder.copy_buffer_to_texture(
                wgpu::TexelCopyBufferInfo {
                    buffer: &self.from.buffer,
                    layout: wgpu::TexelCopyBufferLayout {
                        offset: self.from.offset + u64::from(row) * row_bytes,
                        bytes_per_row: Some(row_bytes as u32),
                        rows_per_image: None,
                    },
                },
                wgpu::TexelCopyTextureInfo {
                    origin: wgpu::Origin3d { x: 0, y: row, z: 0 },
                    ..self.to.view.texture().as_image_copy()
                },
                wgpu::Extent3d {
                    width,
                    height,
                    depth_or_array_layers: 1,
                },
            );
        };
        copy(0, columns, all / columns);
        copy(all / columns, all % columns, 1);
    }
}
