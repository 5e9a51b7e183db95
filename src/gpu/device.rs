//! An open device: the one handle that every higher floor holds.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::adapter::{AdapterList, AdapterSummary};
use super::fault::{Watch, one_line};
use super::memory::{Meter, PORTION};
use super::pipeline::{Kernel, Knob, Pipeline, PipelineCache};
use super::shelf::Shelves;
use super::{GpuError, Profile, Texels};

/// How to open a device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GpuOptions {
    /// Index or part of the name of the adapter; `None` takes the best.
    pub adapter: Option<String>,
    /// Keep every run-time check of the shader compiler (bounds, loops): slow, for tests.
    pub checked: bool,
    /// Use only what WebGPU guarantees, and less: default limits, no subgroup operations, no 64-bit integers,
    /// no instruction that unpacks halves. For tests.
    pub portable: bool,
    /// Bind at most this many bytes, where the adapter would allow more. For tests of sliced maps.
    pub binding_limit: Option<u64>,
    /// Whether kernels read texels where they can, see [`Profile::prefers_texels`]; `None` leaves it to what the processor
    /// is. For tests.
    pub prefers_texels: Option<bool>,
    /// What [`Gpu::pipeline_cache_data`] returned on an adapter with the same key, or no bytes to start
    /// anew; `None` keeps nothing. Bytes that are damaged must not be handed over: wgpu looks at their
    /// header alone, and the driver trusts the rest.
    pub pipeline_cache: Option<Vec<u8>>,
}

/// A device, its queue, its limits and its compiled kernels.
pub struct Gpu {
    device: wgpu::Device,
    queue: wgpu::Queue,
    adapter: AdapterSummary,
    limits: wgpu::Limits,
    profile: Profile,
    features: wgpu::Features,
    pipelines: PipelineCache,
    scratch: Mutex<HashMap<&'static str, wgpu::Buffer>>,
    scratch_texels: Mutex<HashMap<&'static str, Texels>>,
    pub(super) shelves: Shelves,
    submissions: AtomicU64,
    pub(super) meter: Meter,
    pub(super) watch: Watch,
}

impl Drop for Gpu {
    /// wgpu waits for a queue that it drops, and panics if a lost device answers with anything but a loss.
    fn drop(&mut self) {
        if self.watch.is_lost() {
            std::mem::forget(self.queue.clone());
        }
    }
}

impl Gpu {
    /// Opens the best adapter, or the one that `options` names, with all of its limits.
    ///
    /// # Errors
    /// No adapter, no such adapter, or a driver that refuses.
    pub async fn open(options: &GpuOptions) -> Result<Self, GpuError> {
        Self::open_from(&AdapterList::discover().await, options).await
    }

    /// As [`Gpu::open`], from adapters already discovered.
    ///
    /// # Errors
    /// As [`Gpu::open`].
    pub async fn open_from(list: &AdapterList, options: &GpuOptions) -> Result<Self, GpuError> {
        let (summary, adapter) = list.choose(options.adapter.as_deref())?;
        let wanted = wgpu::Features::SUBGROUP
            | wgpu::Features::TIMESTAMP_QUERY
            | wgpu::Features::SHADER_INT64
            | wgpu::Features::PIPELINE_CACHE;
        let (features, limits) = if options.portable {
            (wgpu::Features::empty(), wgpu::Limits::default())
        } else {
            (adapter.features() & wanted, adapter.limits())
        };
        if let Some(reason) = shortcoming(&limits) {
            return Err(GpuError::DeviceRefused {
                adapter: summary.name.clone(),
                reason,
            });
        }
        let (device, queue) = adapter
            .request_device(&wgpu::DeviceDescriptor {
                label: Some("impasto"),
                required_features: features,
                required_limits: limits.clone(),
                memory_hints: wgpu::MemoryHints::MemoryUsage,
                ..Default::default()
            })
            .await
            .map_err(|error| GpuError::DeviceRefused {
                adapter: summary.name.clone(),
                reason: one_line(&error.to_string()),
            })?;
        let watch = Watch::over(&device);
        let compiled = options
            .pipeline_cache
            .as_deref()
            .filter(|_| features.contains(wgpu::Features::PIPELINE_CACHE));
        let downlevel = adapter.get_downlevel_capabilities().flags;
        let unpacks_halves =
            !options.portable && downlevel.contains(wgpu::DownlevelFlags::SHADER_F16_IN_F32);
        let pipelines = PipelineCache::new(&device, compiled, unpacks_halves);
        let profile = Profile::new(adapter, &limits, features);
        Ok(Self {
            meter: Meter::new(&device),
            device,
            queue,
            adapter: summary,
            profile: Profile {
                binding_limit: options
                    .binding_limit
                    .unwrap_or(u64::MAX)
                    .min(profile.binding_limit),
                is_checked: options.checked,
                prefers_texels: options.prefers_texels.unwrap_or(profile.prefers_texels),
                ..profile
            },
            limits,
            features,
            pipelines,
            scratch: Mutex::default(),
            scratch_texels: Mutex::default(),
            shelves: Shelves::default(),
            submissions: AtomicU64::new(0),
            watch,
        })
    }

    /// The adapter in use.
    pub fn adapter(&self) -> &AdapterSummary {
        &self.adapter
    }

    /// What choices and sizes depend on.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The limits that the device was opened with.
    pub fn limits(&self) -> &wgpu::Limits {
        &self.limits
    }

    /// The underlying device; [`Gpu::wait`] waits for it.
    pub fn device(&self) -> &wgpu::Device {
        &self.device
    }

    /// The queue, for writes and for what it knows of time; commands go through [`Gpu::submit`].
    pub fn queue(&self) -> &wgpu::Queue {
        &self.queue
    }

    /// Whether kernels may use subgroup operations over at least eight lanes.
    pub fn has_subgroups(&self) -> bool {
        self.profile.has_subgroups
    }

    /// Whether the device has what `kernel` is written with.
    pub fn can_run(&self, kernel: &Kernel) -> bool {
        self.profile.can_run(kernel)
    }

    /// Whether passes can be timed on the device.
    pub fn has_timestamps(&self) -> bool {
        self.features.contains(wgpu::Features::TIMESTAMP_QUERY)
    }

    /// The most bytes that one storage binding may span.
    pub fn binding_limit(&self) -> u64 {
        self.profile.binding_limit
    }

    /// The pipeline of `kernel`, compiled at the first call.
    pub fn pipeline(&self, kernel: &'static Kernel, knobs: &[Knob]) -> Arc<Pipeline> {
        self.pipelines
            .get(&self.device, self.profile.is_checked, kernel, knobs)
    }

    /// Compiles what is missing of these, on all processors.
    pub(super) fn prepare<'k>(&self, wanted: impl Iterator<Item = (&'static Kernel, &'k [Knob])>) {
        let checked = self.profile.is_checked;
        self.pipelines.prepare(&self.device, checked, wanted);
    }

    /// What the driver compiled so far and what it was given, for [`GpuOptions::pipeline_cache`] of a later
    /// run; `None` where nothing is kept.
    pub fn pipeline_cache_data(&self) -> Option<Vec<u8>> {
        self.pipelines.data()
    }

    /// A zeroed storage buffer of at least `bytes` (a multiple of 16, never empty).
    ///
    /// # Errors
    /// [`GpuError::OutOfMemory`] if it exceeds the adapter's limit or the driver has no room.
    pub fn storage(&self, label: &str, bytes: u64) -> Result<wgpu::Buffer, GpuError> {
        let usage = wgpu::BufferUsages::STORAGE
            | wgpu::BufferUsages::COPY_SRC
            | wgpu::BufferUsages::COPY_DST;
        self.buffer(label, bytes.next_multiple_of(16).max(16), usage)
    }

    /// Scratch memory under this name, shared by everybody who asks for it: at least `bytes`, with no
    /// particular contents. Dispatches of one queue run one after the other, so sharing is safe for what
    /// is written and read again within one op.
    ///
    /// # Errors
    /// As [`Gpu::storage`].
    pub fn scratch(&self, name: &'static str, bytes: u64) -> Result<wgpu::Buffer, GpuError> {
        let mut scratch = self.scratch.lock().unwrap_or_else(|e| e.into_inner());
        if let Some(buffer) = scratch.get(name).filter(|buffer| buffer.size() >= bytes) {
            return Ok(buffer.clone());
        }
        let buffer = self.storage(name, bytes)?;
        scratch.insert(name, buffer.clone());
        Ok(buffer)
    }

    /// Scratch texels under this name, shared like [`Gpu::scratch`]: so many columns, always the same for a name, and at
    /// least so many rows.
    ///
    /// # Errors
    /// As [`Gpu::texels`].
    pub fn scratch_texels(
        &self,
        name: &'static str,
        columns: u32,
        rows: u32,
    ) -> Result<Texels, GpuError> {
        let mut scratch = self
            .scratch_texels
            .lock()
            .unwrap_or_else(|e| e.into_inner());
        if let Some(texels) = scratch.get(name).filter(|texels| texels.rows() >= rows) {
            return Ok(texels.clone());
        }
        let texels = self.texels(name, columns, rows)?;
        scratch.insert(name, texels.clone());
        Ok(texels)
    }

    /// A storage buffer holding `values`.
    ///
    /// # Errors
    /// As [`Gpu::storage`].
    pub fn storage_with<T: bytemuck::NoUninit>(
        &self,
        label: &str,
        values: &[T],
    ) -> Result<wgpu::Buffer, GpuError> {
        let buffer = self.storage(label, size_of_val(values) as u64)?;
        self.write(&buffer, values);
        Ok(buffer)
    }

    /// Gives back what nobody uses any more: scratch memory, and what the device has done with.
    pub fn release(&self) {
        self.scratch
            .lock()
            .unwrap_or_else(|e| e.into_inner())
            .clear();
        self.scratch_texels
            .lock()
            .unwrap_or_else(|e| e.into_inner())
            .clear();
        // Does not wait.
        self.poll(wgpu::PollType::Poll);
    }

    /// A buffer of any usage, refused before the driver sees it if no adapter limit allows it.
    pub(super) fn buffer(
        &self,
        label: &str,
        bytes: u64,
        usage: wgpu::BufferUsages,
    ) -> Result<wgpu::Buffer, GpuError> {
        if bytes > self.limits.max_buffer_size {
            return Err(refusal(label, bytes));
        }
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size: bytes,
            usage,
            mapped_at_creation: false,
        });
        self.claim(label, bytes)?;
        Ok(buffer)
    }

    /// Whether the driver had room for what was just created. Everything on the device passes through here.
    pub(super) fn claim(&self, label: &str, bytes: u64) -> Result<(), GpuError> {
        self.meter.note(&self.device);
        match self.watch.take_out_of_memory() {
            true => Err(refusal(label, bytes)),
            false => Ok(()),
        }
    }

    /// Overwrites the start of `buffer`; takes effect before the next submit. Waits for what the device is
    /// doing where it writes much.
    pub fn write<T: bytemuck::NoUninit>(&self, buffer: &wgpu::Buffer, values: &[T]) {
        let portions = bytemuck::cast_slice(values).chunks(PORTION as usize);
        for (start, portion) in (0..).step_by(PORTION as usize).zip(portions) {
            let bytes = portion.len() as u64;
            self.make_room_for_upload(bytes);
            self.queue.write_buffer(buffer, start, portion);
            self.uploaded(bytes);
        }
    }

    /// Hands `commands` to the device; all of its work passes through here. Each time costs the driver a
    /// round trip, so a step of the optimiser is meant to cost one.
    pub fn submit(&self, commands: wgpu::CommandBuffer) {
        self.submissions.fetch_add(1, Ordering::Relaxed);
        self.meter.flushed();
        self.queue.submit([commands]);
    }

    /// Sends what was written on its way without any command.
    pub(super) fn flush(&self) {
        self.submissions.fetch_add(1, Ordering::Relaxed);
        self.meter.flushed();
        self.queue.submit([]);
    }

    /// How often [`Gpu::submit`] was called, read-backs and large writes included.
    pub fn submissions(&self) -> u64 {
        self.submissions.load(Ordering::Relaxed)
    }
}

/// What the shaders count on that WebGPU guarantees and some old drivers do not have.
fn shortcoming(limits: &wgpu::Limits) -> Option<String> {
    let least = wgpu::Limits::default();
    let of = |name: &str, has: u32, needs: u32| {
        (has < needs).then(|| format!("it has {has} {name}, where WebGPU guarantees {needs}"))
    };
    of(
        "storage buffers for a kernel",
        limits.max_storage_buffers_per_shader_stage,
        least.max_storage_buffers_per_shader_stage,
    )
    .or(of(
        "bytes of workgroup memory",
        limits.max_compute_workgroup_storage_size,
        least.max_compute_workgroup_storage_size,
    ))
    .or(of(
        "threads in a workgroup",
        limits.max_compute_invocations_per_workgroup,
        least.max_compute_invocations_per_workgroup,
    ))
}

fn refusal(label: &str, bytes: u64) -> GpuError {
    GpuError::OutOfMemory {
        label: label.to_string(),
        mebibytes: bytes.div_ceil(1 << 20),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adapter_that_has_less_than_webgpu_guarantees_is_named_as_such() {
        assert_eq!(shortcoming(&wgpu::Limits::default()), None);
        let old = wgpu::Limits {
            max_storage_buffers_per_shader_stage: 4,
            ..wgpu::Limits::default()
        };
        let reason = "it has 4 storage buffers for a kernel, where WebGPU guarantees 8";
        assert_eq!(shortcoming(&old).as_deref(), Some(reason));
    }
}
