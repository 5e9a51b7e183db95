//! How a feature map lies in device memory: `[C/4][plane]` vec4s, four channels side by side.
//!
//! `plane` is H·W rounded up to 16 vec4s, so that every channel group starts at a multiple of
//! 256 bytes and any run of groups can be bound by itself: a map larger than the adapter's binding
//! limit is worked on in slices of channel groups. Channels are padded to a multiple of four with zeros.

use crate::gpu::{BufferView, Gpu, GpuError};
use crate::shape::Shape;

/// Bytes of one vec4 of f32.
const VECTOR: u64 = 16;

/// A feature map on the device.
#[derive(Clone, Debug)]
pub struct FeatureMap {
    /// The buffer; it may be larger than the map.
    pub buffer: wgpu::Buffer,
    /// C×H×W.
    pub shape: Shape,
}

/// A run of channel groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupSlice {
    /// Its first group.
    pub first: usize,
    /// How many groups.
    pub count: usize,
}

/// Groups of four channels.
pub fn groups(channels: usize) -> usize {
    channels.div_ceil(4)
}

/// vec4s from one channel group to the next.
pub fn plane(shape: Shape) -> usize {
    shape.pixels().next_multiple_of(16)
}

/// Bytes of a map of this shape on the device.
pub fn bytes(shape: Shape) -> u64 {
    group_bytes(shape) * groups(shape.channels) as u64
}

fn group_bytes(shape: Shape) -> u64 {
    plane(shape) as u64 * VECTOR
}

/// Splits `shape` into runs of groups of at most `limit` bytes each, as equal as possible.
///
/// # Errors
/// [`GpuError::BindingTooLarge`] if a single group is larger than `limit`.
pub fn slices(shape: Shape, limit: u64) -> Result<Vec<GroupSlice>, GpuError> {
    let most = (limit / group_bytes(shape).max(1)) as usize;
    if most == 0 {
        return Err(GpuError::BindingTooLarge {
            label: format!("a feature map of {shape}"),
            mebibytes: group_bytes(shape).div_ceil(1 << 20),
            limit_mebibytes: limit >> 20,
        });
    }
    // Kernels that compute several groups at once want slices to begin at a multiple of four groups.
    let step = if most >= 4 { 4 } else { 1 };
    let most = most - most % step;
    let all = groups(shape.channels);
    let pieces = all.div_ceil(most);
    let count = all.div_ceil(pieces.max(1)).next_multiple_of(step);
    Ok((0..all)
        .step_by(count.max(1))
        .map(|first| GroupSlice {
            first,
            count: count.min(all - first),
        })
        .collect())
}

/// Bytes of the first slice of `map`, the largest, which is cut like one of its channels at `size`, width and height. All of
/// it if no slice can be bound, which is refused where it is recorded.
pub fn first_slice_bytes(map: Shape, [width, height]: [usize; 2], limit: u64) -> u64 {
    let cut = slices(Shape::new(map.channels, height, width), limit);
    let first = cut.map(|slices| slices.first().map_or(0, |slice| slice.count));
    let groups = first.unwrap_or(groups(map.channels));
    group_bytes(map) * groups as u64
}

impl FeatureMap {
    /// A new map on the device, all zeros.
    ///
    /// # Errors
    /// No room for it.
    pub fn zeros(gpu: &Gpu, label: &str, shape: Shape) -> Result<Self, GpuError> {
        let buffer = gpu.storage(label, bytes(shape))?;
        Ok(Self { buffer, shape })
    }

    /// Uploads planar `values` (C, H, W).
    ///
    /// # Errors
    /// No room for it.
    pub fn upload(gpu: &Gpu, label: &str, shape: Shape, values: &[f32]) -> Result<Self, GpuError> {
        let map = Self::zeros(gpu, label, shape)?;
        gpu.write(&map.buffer, &pack(values, shape));
        Ok(map)
    }

    /// vec4s from one channel group to the next.
    pub fn plane(&self) -> u32 {
        plane(self.shape) as u32
    }

    /// The bytes of these groups.
    pub fn view(&self, slice: GroupSlice) -> BufferView {
        BufferView {
            buffer: self.buffer.clone(),
            offset: slice.first as u64 * group_bytes(self.shape),
            size: slice.count as u64 * group_bytes(self.shape),
        }
    }

    /// The bytes of the whole map.
    pub fn whole(&self) -> BufferView {
        self.view(GroupSlice {
            first: 0,
            count: groups(self.shape.channels),
        })
    }

    /// Copies the map to the host as planar (C, H, W).
    ///
    /// # Errors
    /// Device lost, or no room for the staging buffer.
    pub async fn read(&self, gpu: &Gpu) -> Result<Vec<f32>, GpuError> {
        Ok(unpack(&gpu.read(&self.whole()).await?, self.shape))
    }
}

/// Planar (C, H, W) values to the device layout.
pub fn pack(values: &[f32], shape: Shape) -> Vec<f32> {
    let (pixels, plane) = (shape.pixels(), plane(shape));
    let mut packed = vec![0.0; groups(shape.channels) * plane * 4];
    for (c, channel) in values.chunks_exact(pixels.max(1)).enumerate() {
        let start = (c / 4) * plane * 4 + c % 4;
        for (pixel, &value) in channel.iter().enumerate() {
            packed[start + pixel * 4] = value;
        }
    }
    packed
}

/// The device layout to planar (C, H, W) values.
pub fn unpack(packed: &[f32], shape: Shape) -> Vec<f32> {
    let (pixels, plane) = (shape.pixels(), plane(shape));
    let mut values = Vec::with_capacity(shape.len());
    for c in 0..shape.channels {
        let start = (c / 4) * plane * 4 + c % 4;
        values.extend((0..pixels).map(|pixel| packed[start + pixel * 4]));
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_and_unpacking_are_inverse() {
        let shape = Shape::new(6, 3, 5);
        let values: Vec<f32> = (0..shape.len()).map(|i| i as f32).collect();
        let packed = pack(&values, shape);
        assert_eq!(packed.len() as u64 * 4, bytes(shape));
        assert_eq!(packed[0..4], [0.0, 15.0, 30.0, 45.0]);
        assert_eq!(unpack(&packed, shape), values);
    }

    #[test]
    fn slices_cover_every_group_once_and_respect_the_limit() {
        let shape = Shape::new(70, 9, 7);
        for limit in [1024, 4096, 5000, 1 << 20] {
            let mut next = 0;
            for slice in slices(shape, limit).unwrap() {
                assert_eq!(slice.first, next);
                assert!(slice.count as u64 * group_bytes(shape) <= limit);
                next += slice.count;
            }
            assert_eq!(next, 18);
        }
        assert!(slices(shape, 1023).is_err());
    }
}
