//! What choices and sizes depend on: enough of an adapter to plan for it without opening it, or without
//! having it.

use super::Kernel;
use super::memory::adapter_memory;
use super::texels::map_rows;

/// Where an adapter's memory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdapterMemory {
    /// It has so many bytes of its own.
    Own(u64),
    /// It uses the machine's.
    Machine,
    /// It uses the machine's, of which the driver hands out at most so many bytes.
    Shared(u64),
    /// The driver does not say.
    Unknown,
}

/// An adapter on paper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its name, as in [`super::AdapterSummary`].
    pub adapter: String,
    /// The driver and its version.
    pub driver: String,
    /// Whether the "GPU" is the processor in disguise.
    pub is_software: bool,
    /// Whether kernels may use subgroup operations over at least eight lanes.
    pub has_subgroups: bool,
    /// Whether kernels may use 64-bit integers.
    pub has_int64: bool,
    /// Whether a texel is read in a fraction of the time that a vec4 of a buffer takes, see [`super::Texels`]: enough of
    /// it that writing it as a texel, or copying a whole map into texels, pays.
    pub prefers_texels: bool,
    /// Whether shaders keep every run-time check, see [`super::GpuOptions::checked`].
    pub is_checked: bool,
    /// How many workgroups a software adapter runs at once: one for each processor, as far as is known.
    pub processors: usize,
    /// The most bytes that one storage binding may span.
    pub binding_limit: u64,
    /// The most bytes of one buffer.
    pub buffer_limit: u64,
    /// The longest side of a texture, in texels.
    pub texture_side: u32,
    /// Where its memory is.
    pub memory: AdapterMemory,
}

impl Profile {
    /// No adapter in particular: a GPU with subgroups and 64-bit integers, and for the rest what WebGPU guarantees.
    pub fn typical_gpu() -> Self {
        let limits = wgpu::Limits::default();
        Self {
            adapter: "a typical GPU".to_string(),
            driver: String::new(),
            is_software: false,
            has_subgroups: true,
            has_int64: true,
            prefers_texels: false,
            is_checked: false,
            processors: 1,
            binding_limit: limits.max_storage_buffer_binding_size,
            buffer_limit: limits.max_buffer_size,
            texture_side: limits.max_texture_dimension_2d,
            memory: AdapterMemory::Unknown,
        }
    }

    pub(super) fn new(
        adapter: &wgpu::Adapter,
        limits: &wgpu::Limits,
        features: wgpu::Features,
    ) -> Self {
        let info = adapter.get_info();
        let summary = super::AdapterSummary::new(0, &info);
        Self {
            is_software: summary.is_software(),
            prefers_texels: summary.name.contains("llvmpipe")
                && loads_by_way_of_the_stack()
                && map_rows(limits.max_storage_buffer_binding_size)
                    <= limits.max_texture_dimension_2d,
            adapter: summary.name,
            driver: summary.driver,
            has_subgroups: features.contains(wgpu::Features::SUBGROUP)
                && info.subgroup_min_size >= 8,
            has_int64: features.contains(wgpu::Features::SHADER_INT64),
            is_checked: false,
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            binding_limit: limits.max_storage_buffer_binding_size,
            buffer_limit: limits.max_buffer_size,
            texture_side: limits.max_texture_dimension_2d,
            memory: adapter_memory(adapter, info.device_type),
        }
    }

    /// Whether the adapter has what `kernel` is written with.
    pub fn can_run(&self, kernel: &Kernel) -> bool {
        (!kernel.needs_subgroups || self.has_subgroups) && (!kernel.needs_int64() || self.has_int64)
    }

    /// Whether a matrix of texels of this size can be a texture here.
    pub fn fits_texels(&self, columns: u32, rows: u32) -> bool {
        columns <= self.texture_side && rows <= self.texture_side
    }
}

/// Whether Mesa's software driver puts each lane that it loads from a buffer into its vector by way of the stack: LLVM does,
/// where it has no instruction for a lane whose number is known only at run time. With AVX-512 it has.
#[cfg(target_arch = "x86_64")]
fn loads_by_way_of_the_stack() -> bool {
    !std::arch::is_x86_feature_detected!("avx512vl")
}

/// Not measured on any other processor.
#[cfg(not(target_arch = "x86_64"))]
fn loads_by_way_of_the_stack() -> bool {
    false
}
