//! How much memory the driver holds for us, and how much an adapter has.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{AdapterMemory, Gpu};

/// Bytes that are under way to the device, or from it, at once. wgpu keeps a copy of everything that is written
/// until the device has taken it; in one piece, a network's weights or the features of a poster would be there
/// twice.
pub(super) const PORTION: u64 = 8 << 20;

/// Watches wgpu's count of device memory: buffers, textures and the copies of what is being written, as
/// the driver rounds them. Memory grows only where something is made, so looking there finds the peak.
pub(super) struct Meter {
    at_open: u64,
    peak: AtomicU64,
    waiting: AtomicU64,
}

impl Meter {
    /// Takes what wgpu needs for itself as zero.
    pub(super) fn new(device: &wgpu::Device) -> Self {
        Self {
            at_open: held(device),
            peak: AtomicU64::new(0),
            waiting: AtomicU64::new(0),
        }
    }

    /// Looks.
    pub(super) fn note(&self, device: &wgpu::Device) -> u64 {
        let bytes = held(device).saturating_sub(self.at_open);
        self.peak.fetch_max(bytes, Ordering::Relaxed);
        bytes
    }

    /// Everything written so far is on its way.
    pub(super) fn flushed(&self) {
        self.waiting.store(0, Ordering::Relaxed);
    }
}

/// Bytes of buffers and textures.
fn held(device: &wgpu::Device) -> u64 {
    let counters = device.get_internal_counters().hal;
    let bytes = counters.buffer_memory.read() + counters.texture_memory.read();
    u64::try_from(bytes).unwrap_or(0)
}

impl Gpu {
    /// Bytes that the driver holds for us now: buffers, textures and copies of what is being written.
    pub fn allocated_bytes(&self) -> u64 {
        self.meter.note(self.device())
    }

    /// The most that [`Gpu::allocated_bytes`] ever was.
    pub fn peak_bytes(&self) -> u64 {
        self.meter.note(self.device());
        self.meter.peak.load(Ordering::Relaxed)
    }

    /// Before a write of `bytes`: has the device take the copies of earlier ones, if they would be too many
    /// together.
    pub(super) fn make_room_for_upload(&self, bytes: u64) {
        if self.meter.waiting.load(Ordering::Relaxed) + bytes > PORTION {
            self.flush();
            self.wait();
        }
    }

    /// To be called after every write of `bytes`.
    pub(super) fn uploaded(&self, bytes: u64) {
        self.meter.note(self.device());
        self.meter.waiting.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Where the memory of an adapter of this kind is.
pub(super) fn adapter_memory(adapter: &wgpu::Adapter, kind: wgpu::DeviceType) -> AdapterMemory {
    match kind {
        wgpu::DeviceType::Cpu => AdapterMemory::Machine,
        wgpu::DeviceType::IntegratedGpu => match heaps(adapter) {
            // Drivers cut the one memory into a local heap and another, and use both.
            Some(heaps) => AdapterMemory::Shared(heaps.iter().map(|heap| heap.bytes).sum()),
            None => AdapterMemory::Machine,
        },
        wgpu::DeviceType::DiscreteGpu => {
            let heaps = heaps(adapter).unwrap_or_default();
            let local = heaps.iter().filter(|heap| heap.is_local);
            let largest = local.map(|heap| heap.bytes).max();
            largest.map_or(AdapterMemory::Unknown, AdapterMemory::Own)
        }
        _ => AdapterMemory::Unknown,
    }
}

/// Memory that a driver hands out.
struct Heap {
    bytes: u64,
    /// Whether it is the device's own.
    is_local: bool,
}

/// The heaps of the device, by Vulkan: wgpu has no portable way to ask.
#[cfg(not(target_vendor = "apple"))]
fn heaps(adapter: &wgpu::Adapter) -> Option<Vec<Heap>> {
    // SAFETY: the adapter is only asked, and neither it nor its instance is destroyed.
    let vulkan = unsafe { adapter.as_hal::<wgpu::hal::api::Vulkan>() }?;
    let instance = vulkan.shared_instance().raw_instance();
    // SAFETY: the physical device belongs to this instance, and both live as long as `vulkan`.
    let memory =
        unsafe { instance.get_physical_device_memory_properties(vulkan.raw_physical_device()) };
    /// VK_MEMORY_HEAP_DEVICE_LOCAL_BIT.
    const DEVICE_LOCAL: u32 = 1;
    let heaps = &memory.memory_heaps[..memory.memory_heap_count as usize];
    let heaps = heaps.iter().map(|heap| Heap {
        bytes: heap.size,
        is_local: heap.flags.as_raw() & DEVICE_LOCAL != 0,
    });
    Some(heaps.collect())
}

/// There is no Vulkan to ask.
#[cfg(target_vendor = "apple")]
fn heaps(_: &wgpu::Adapter) -> Option<Vec<Heap>> {
    None
}

#[cfg(all(test, not(target_vendor = "apple")))]
mod tests {
    use super::*;

    /// Every adapter that Vulkan reaches tells its heaps, whatever its kind.
    #[test]
    fn vulkan_knows_the_heaps_of_its_adapters() {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
        let adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::VULKAN));
        assert!(!adapters.is_empty(), "these tests run on a device");
        for adapter in adapters {
            let heaps = heaps(&adapter).unwrap();
            assert!(heaps.iter().any(|heap| heap.is_local));
            assert!(heaps.iter().all(|heap| heap.bytes > 1 << 20));
        }
    }
}
