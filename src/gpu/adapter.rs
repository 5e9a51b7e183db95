//! Which adapter does the work: listing, ranking, choosing.

use super::{GpuError, Profile};

/// The environment variable that names an adapter where `--adapter` does not.
pub const ADAPTER_VARIABLE: &str = "IMPASTO_ADAPTER";

/// One adapter as a user sees it.
#[derive(Clone, Debug)]
pub struct AdapterSummary {
    /// Its number in the list, best first; valid for `--adapter`.
    pub index: usize,
    /// The driver's name for the device.
    pub name: String,
    /// What kind of device it is.
    pub kind: wgpu::DeviceType,
    /// Vulkan, Metal or DX12.
    pub backend: wgpu::Backend,
    /// The driver and its version.
    pub driver: String,
    /// A name for what [`super::Gpu::pipeline_cache_data`] returns, the same for adapters that can use each
    /// other's; `None` where there is no such thing.
    pub pipeline_cache_key: Option<String>,
}

impl AdapterSummary {
    pub(super) fn new(index: usize, info: &wgpu::AdapterInfo) -> Self {
        Self {
            index,
            name: info.name.clone(),
            kind: info.device_type,
            backend: info.backend,
            driver: format!("{} {}", info.driver, info.driver_info)
                .trim()
                .to_string(),
            pipeline_cache_key: wgpu::util::pipeline_cache_key(info),
        }
    }

    /// Whether the "GPU" is the processor in disguise.
    pub fn is_software(&self) -> bool {
        self.kind == wgpu::DeviceType::Cpu
    }

    /// The kind of device in words.
    pub fn kind_in_words(&self) -> &'static str {
        match self.kind {
            wgpu::DeviceType::DiscreteGpu => "discrete GPU",
            wgpu::DeviceType::IntegratedGpu => "integrated GPU",
            wgpu::DeviceType::VirtualGpu => "virtual GPU",
            wgpu::DeviceType::Cpu => "software, runs on the CPU",
            wgpu::DeviceType::Other => "other",
        }
    }
}

/// The adapters of this machine, best first: discrete, integrated, virtual, other, software.
pub struct AdapterList {
    adapters: Vec<wgpu::Adapter>,
}

impl AdapterList {
    /// Asks every native backend for its adapters.
    pub async fn discover() -> Self {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
            backends: wgpu::Backends::PRIMARY,
            flags: wgpu::InstanceFlags::empty(),
            ..wgpu::InstanceDescriptor::new_without_display_handle()
        });
        let mut adapters = instance.enumerate_adapters(wgpu::Backends::PRIMARY).await;
        adapters.sort_by_key(|adapter| rank(adapter.get_info().device_type));
        Self { adapters }
    }

    /// The adapter with this index on paper, as [`super::Gpu::open`] would open it.
    pub fn profile(&self, index: usize) -> Option<Profile> {
        let adapter = self.adapters.get(index)?;
        Some(Profile::new(adapter, &adapter.limits(), adapter.features()))
    }

    /// What is there, in the order of preference.
    pub fn summaries(&self) -> Vec<AdapterSummary> {
        self.adapters
            .iter()
            .enumerate()
            .map(|(index, adapter)| AdapterSummary::new(index, &adapter.get_info()))
            .collect()
    }

    /// The limits and features of the adapter with this index.
    pub fn capabilities(&self, index: usize) -> Option<(wgpu::Limits, wgpu::Features)> {
        let adapter = self.adapters.get(index)?;
        Some((adapter.limits(), adapter.features()))
    }

    /// The adapter that `wanted` names, by index or by a part of its name (any case), else the best. A number that is no
    /// index is a word of a name, as in `RTX 4090`.
    ///
    /// # Errors
    /// [`GpuError::NoAdapter`] on an empty list, [`GpuError::NoSuchAdapter`] if nothing matches.
    pub fn choose(
        &self,
        wanted: Option<&str>,
    ) -> Result<(AdapterSummary, &wgpu::Adapter), GpuError> {
        let summaries = self.summaries();
        if summaries.is_empty() {
            return Err(GpuError::NoAdapter);
        }
        let found = match wanted {
            None => summaries.first(),
            Some(wanted) => named(&summaries, wanted),
        };
        match found {
            Some(summary) => Ok((summary.clone(), &self.adapters[summary.index])),
            None => Err(GpuError::NoSuchAdapter {
                wanted: wanted.unwrap_or_default().to_string(),
                available: summaries
                    .iter()
                    .map(|summary| format!("{} {}", summary.index, summary.name))
                    .collect::<Vec<_>>()
                    .join(", "),
            }),
        }
    }
}

/// The one whose index is `wanted`, or else the first with that in its name. A number is looked for as a whole word: an index
/// beyond the last is in some version or width of many a name.
fn named<'a>(summaries: &'a [AdapterSummary], wanted: &str) -> Option<&'a AdapterSummary> {
    if let Ok(index) = wanted.parse::<usize>() {
        let has_it = |summary: &&AdapterSummary| summary.name.split(' ').any(|word| word == wanted);
        return summaries.get(index).or(summaries.iter().find(has_it));
    }
    let wanted = wanted.to_lowercase();
    let has_it = |summary: &&AdapterSummary| summary.name.to_lowercase().contains(&wanted);
    summaries.iter().find(has_it)
}

/// Lower is better: a real GPU before a pretended one.
fn rank(kind: wgpu::DeviceType) -> usize {
    match kind {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Other => 3,
        wgpu::DeviceType::Cpu => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_an_index_first_and_then_a_word_of_a_name() {
        let names = ["NVIDIA GeForce RTX 4090", "AMD Radeon RX 6800", "llvmpipe"];
        let summaries: Vec<AdapterSummary> = names
            .into_iter()
            .enumerate()
            .map(|(index, name)| AdapterSummary {
                index,
                name: name.to_string(),
                kind: wgpu::DeviceType::DiscreteGpu,
                backend: wgpu::Backend::Vulkan,
                driver: String::new(),
                pipeline_cache_key: None,
            })
            .collect();
        let index = |wanted| named(&summaries, wanted).map(|summary| summary.index);
        assert_eq!(index("4090"), Some(0));
        assert_eq!(index("6800"), Some(1));
        assert_eq!(index("0"), Some(0));
        assert_eq!(index("2"), Some(2));
        assert_eq!(index("radeon"), Some(1));
        assert_eq!(index("7900"), None);
        // A digit of another number is none.
        assert_eq!(index("9"), None);
    }
}
