//! Vectors as long as the picture, which optimisers work on, in slices that a binding holds.

use crate::gpu::BufferView;

/// A part of a vector, in vec4s of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VectorSlice {
    first: usize,
    /// How many there are.
    pub vectors: usize,
}

impl VectorSlice {
    /// The part of `buffer`, which holds such a vector.
    pub fn of(self, buffer: &wgpu::Buffer) -> BufferView {
        BufferView {
            buffer: buffer.clone(),
            offset: 16 * self.first as u64,
            size: 16 * self.vectors as u64,
        }
    }
}

/// A vector of `values` f32 in as few slices as bindings of `binding_limit` bytes allow, one after the other.
pub fn vector_slices(
    values: usize,
    binding_limit: u64,
) -> impl ExactSizeIterator<Item = VectorSlice> {
    // Views begin at multiples of 16 vec4s, 256 bytes.
    let most = (binding_limit / 256).max(1) as usize * 16;
    let all = values.div_ceil(4);
    (0..all.div_ceil(most)).map(move |slice| VectorSlice {
        first: slice * most,
        vectors: most.min(all - slice * most),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_follow_each_other_and_none_is_longer_than_a_binding() {
        for (values, limit, expected) in [
            (1, 1 << 27, vec![1]),
            (255, 256, vec![16, 16, 16, 16]),
            (257, 512, vec![32, 32, 1]),
            (257, 767, vec![32, 32, 1]),
            (0, 256, vec![]),
        ] {
            let slices: Vec<_> = vector_slices(values, limit).collect();
            let lengths: Vec<usize> = slices.iter().map(|slice| slice.vectors).collect();
            assert_eq!(lengths, expected, "{values} {limit}");
            let ends = slices.iter().map(|slice| slice.first + slice.vectors);
            let firsts = slices.iter().map(|slice| slice.first).skip(1);
            assert!(
                firsts.zip(ends).all(|(first, end)| first == end),
                "{values} {limit}"
            );
        }
    }
}
