//! Matrices of vec4s in textures.
//!
//! Mesa's software driver loads a texel for eight lanes in a quarter of the time that it needs for a vec4
//! of a storage buffer (5 ns against 20; storing one takes twice as long, 50 ns against 25), and without AVX-512 in
//! less than a tenth (6 against 210). Kernels for such adapters read what they read often, and others wrote once, as
//! texels; in the second case they read copies of maps too, see [`super::Recorder::read_as_texels`].

use super::memory::PORTION;
use super::{Gpu, GpuError, Knob, Profile};

/// A matrix of `vec4<f32>` that kernels bind as a storage texture, `rgba32float`.
#[derive(Clone, Debug)]
pub struct Texels {
    pub(super) view: wgpu::TextureView,
    columns: u32,
    rows: u32,
}

/// Names of the scratch texels into which what a kernel reads is copied, see [`super::Recorder::read_as_texels`].
pub const COPIES: [&str; 3] = [
    "first copy as texels",
    "second copy as texels",
    "third copy as texels",
];
/// Name of a single one, bound where there must be some.
pub const UNUSED: &str = "unused texels";
/// What tells a kernel to read texels instead of buffers.
pub const TEXELS: Knob = ("TEXELS", 1);

/// Columns of texels that hold a feature map, or any other buffer, in rows one after the other: texel (i % 1024, i / 1024).
/// As many as every adapter has, a power of two.
pub const MAP_COLUMNS: u32 = 1024;

/// Scratch memory on paper, by name and bytes, in the order in which it is asked for; see [`super::Ledger::scratch`].
pub type Asked = Vec<(&'static str, u64)>;

/// Scratch texels of this size on paper.
pub fn asked_texels(name: &'static str, [columns, rows]: [u32; 2]) -> (&'static str, u64) {
    (name, allocated(columns, rows))
}

impl Profile {
    /// What [`super::Recorder::read_as_texels`] asks for with views of so many bytes, none where an earlier one is the same.
    pub fn read_as_texels<const N: usize>(&self, views: [Option<u64>; N]) -> Asked {
        if !self.prefers_texels {
            return vec![asked_texels(UNUSED, [1, 1])];
        }
        let views = COPIES.into_iter().zip(views);
        views
            .filter_map(|(name, bytes)| Some(asked_map(name, bytes?)))
            .collect()
    }
}

/// Scratch texels that hold `bytes` of a map on paper, see [`Gpu::map_texels`].
pub fn asked_map(name: &'static str, bytes: u64) -> (&'static str, u64) {
    asked_texels(name, [MAP_COLUMNS, map_rows(bytes)])
}

impl Texels {
    /// Rows.
    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// Columns.
    pub fn columns(&self) -> u32 {
        self.columns
    }

    /// As a bind group wants it.
    pub fn binding(&self) -> wgpu::BindingResource<'_> {
        wgpu::BindingResource::TextureView(&self.view)
    }

    /// Bytes on the device.
    pub fn bytes(&self) -> u64 {
        allocated(self.columns, self.rows)
    }
}

/// Rows of [`MAP_COLUMNS`] texels that hold `bytes`.
pub(super) fn map_rows(bytes: u64) -> u32 {
    bytes.div_ceil(16 * u64::from(MAP_COLUMNS)) as u32
}

fn bytes(columns: u32, rows: u32) -> u64 {
    16 * u64::from(columns) * u64::from(rows)
}

/// Bytes that a matrix has on the device.
fn allocated(columns: u32, rows: u32) -> u64 {
    bytes(columns, allocated_rows(rows))
}

/// Rows of the texture of a matrix. Mesa's software driver compiles a kernel, for seconds, once for textures whose height is
/// a power of two and once for others, with nothing gained; so none is one, as long as every adapter has textures as high.
fn allocated_rows(rows: u32) -> u32 {
    match rows {
        1 => 3,
        8192.. => rows,
        _ => rows + u32::from(rows.is_power_of_two()),
    }
}

impl Gpu {
    /// A zeroed matrix.
    ///
    /// # Errors
    /// No room for it.
    pub fn texels(&self, label: &str, columns: u32, rows: u32) -> Result<Texels, GpuError> {
        let usage = wgpu::TextureUsages::STORAGE_BINDING | wgpu::TextureUsages::COPY_DST;
        let texture = self.texture(label, columns, rows, usage)?;
        Ok(Texels {
            view: texture.create_view(&Default::default()),
            columns,
            rows,
        })
    }

    /// Scratch texels that hold `bytes` of a map in rows of [`MAP_COLUMNS`].
    ///
    /// # Errors
    /// As [`Gpu::texels`].
    pub fn map_texels(&self, name: &'static str, bytes: u64) -> Result<Texels, GpuError> {
        self.scratch_texels(name, MAP_COLUMNS, map_rows(bytes))
    }

    /// A matrix of so many blocks of rows, each of `size` (columns, rows); `fill` writes a block into rows that hold what it
    /// wrote last, zeros at first. No more than a block is ever on the host.
    ///
    /// # Errors
    /// No room for it.
    pub fn texels_in_blocks(
        &self,
        label: &str,
        [columns, rows]: [u32; 2],
        blocks: usize,
        fill: impl Fn(usize, &mut [f32]),
    ) -> Result<Texels, GpuError> {
        let usage = wgpu::TextureUsages::STORAGE_BINDING | wgpu::TextureUsages::COPY_DST;
        let texture = self.texture(label, columns, rows * blocks as u32, usage)?;
        let mut values = vec![0.0; 4 * (columns * rows) as usize];
        for block in 0..blocks {
            fill(block, &mut values);
            self.write_rows(&texture, (columns, rows * block as u32), &values);
        }
        Ok(Texels {
            view: texture.create_view(&Default::default()),
            columns,
            rows: rows * blocks as u32,
        })
    }

    /// Whole rows from `first` on; portion after portion, see [`Gpu::write`].
    fn write_rows(&self, texture: &wgpu::Texture, (columns, first): (u32, u32), values: &[f32]) {
        let rows = (PORTION / bytes(columns, 1)).max(1) as u32;
        let portions = values.chunks(4 * (rows * columns) as usize);
        for (first, portion) in (first..).step_by(rows as usize).zip(portions) {
            let rows = (portion.len() / 4) as u32 / columns;
            self.make_room_for_upload(bytes(columns, rows));
            self.queue().write_texture(
                wgpu::TexelCopyTextureInfo {
                    origin: wgpu::Origin3d {
                        x: 0,
                        y: first,
                        z: 0,
                    },
                    ..texture.as_image_copy()
                },
                bytemuck::cast_slice(portion),
                wgpu::TexelCopyBufferLayout {
                    offset: 0,
                    bytes_per_row: Some(16 * columns),
                    rows_per_image: None,
                },
                wgpu::Extent3d {
                    width: columns,
                    height: rows,
                    depth_or_array_layers: 1,
                },
            );
            self.uploaded(bytes(columns, rows));
        }
    }

    fn texture(
        &self,
        label: &str,
        columns: u32,
        rows: u32,
        usage: wgpu::TextureUsages,
    ) -> Result<wgpu::Texture, GpuError> {
        let texture = self.device().create_texture(&wgpu::TextureDescriptor {
            label: Some(label),
            size: wgpu::Extent3d {
                width: columns,
                height: allocated_rows(rows),
                depth_or_array_layers: 1,
            },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: wgpu::TextureFormat::Rgba32Float,
            usage,
            view_formats: &[],
        });
        self.claim(label, allocated(columns, rows))?;
        Ok(texture)
    }
}

#[cfg(test)]
mod tests {
    use super::allocated_rows;

    /// A power of two would compile kernels twice, fewer rows would lose some, more than a row or two would waste memory.
    #[test]
    fn no_texture_is_as_high_as_a_power_of_two() {
        for rows in 1..8192 {
            let allocated = allocated_rows(rows);
            assert!(!allocated.is_power_of_two(), "{rows}");
            assert!((rows..=rows + 2).contains(&allocated), "{rows}");
        }
        // What every adapter has, and not a row more.
        assert_eq!(allocated_rows(8191), 8191);
        assert_eq!(allocated_rows(8192), 8192);
    }
}
