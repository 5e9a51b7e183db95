//! The driver's compiler through `VK_KHR_pipeline_executable_properties`, which tells what it made.

use std::ffi::{CStr, CString};

use ash::khr::pipeline_executable_properties as executable_properties;
use ash::vk;
use impasto::gpu::{Access, Kernel};

use super::Outcome;

/// A device of RADV's null hardware. It lives as long as the process, so nothing is destroyed.
pub struct Driver {
    // Keeps the loader's library open.
    _loader: ash::Entry,
    device: ash::Device,
    properties: executable_properties::Device,
    /// The device and the version of the driver.
    pub name: String,
}

/// What the driver tells of one pipeline.
pub struct Compiled {
    /// By the driver's own names.
    pub statistics: Vec<(String, u64)>,
    /// The text of the assembly.
    pub assembly: String,
}

impl Driver {
    /// Opens the first device that the loader finds.
    pub fn open() -> Outcome<Self> {
        // SAFETY: the loader and the driver are trusted to keep to the specification. Every structure
        // that a call reads outlives that call, and what is enabled was asked of this very device.
        unsafe {
            let loader = ash::Entry::load()?;
            let application = vk::ApplicationInfo::default().api_version(vk::API_VERSION_1_3);
            let create = vk::InstanceCreateInfo::default().application_info(&application);
            let instance = loader.create_instance(&create, None)?;
            let physical = *instance
                .enumerate_physical_devices()?
                .first()
                .ok_or("the driver offers no device")?;
            let name = describe(&instance, physical);
            let device = open_device(&instance, physical)?;
            Ok(Self {
                properties: executable_properties::Device::new(&instance, &device),
                _loader: loader,
                device,
                name,
            })
        }
    }

    /// Compiles the SPIR-V of `kernel`.
    pub fn compile(&self, kernel: &Kernel, words: &[u32]) -> Outcome<Compiled> {
        // SAFETY: naga wrote the words from a valid module; the layout has every binding of the
        // kernel (tests/shaders.rs holds the two together).
        let pipeline = unsafe { self.pipeline(kernel, words)? };
        let executable = vk::PipelineExecutableInfoKHR::default().pipeline(pipeline);
        // SAFETY: the pipeline was created with both capture flags, and a compute pipeline has the
        // one executable with index 0.
        unsafe {
            Ok(Compiled {
                statistics: self.statistics(&executable)?,
                assembly: self.assembly(&executable)?,
            })
        }
    }

    unsafe fn pipeline(&self, kernel: &Kernel, words: &[u32]) -> Outcome<vk::Pipeline> {
        let bindings: Vec<_> = kernel
            .bindings
            .iter()
            .map(|&(binding, access)| {
                vk::DescriptorSetLayoutBinding::default()
                    .binding(binding)
                    .descriptor_count(1)
                    .stage_flags(vk::ShaderStageFlags::COMPUTE)
                    .descriptor_type(match access {
                        Access::Uniform => vk::DescriptorType::UNIFORM_BUFFER,
                        Access::Read | Access::ReadWrite => vk::DescriptorType::STORAGE_BUFFER,
                        Access::ReadTexels | Access::WriteTexels => {
                            vk::DescriptorType::STORAGE_IMAGE
                        }
                    })
            })
            .collect();
        let bindings = vk::DescriptorSetLayoutCreateInfo::default().bindings(&bindings);
        let entry = CString::new(kernel.entry)?;
        let module = vk::ShaderModuleCreateInfo::default().code(words);
        // SAFETY: as the caller vouches.
        unsafe {
            let sets = [self.device.create_descriptor_set_layout(&bindings, None)?];
            let layout = vk::PipelineLayoutCreateInfo::default().set_layouts(&sets);
            let layout = self.device.create_pipeline_layout(&layout, None)?;
            let stage = vk::PipelineShaderStageCreateInfo::default()
                .stage(vk::ShaderStageFlags::COMPUTE)
                .module(self.device.create_shader_module(&module, None)?)
                .name(&entry);
            let capture = vk::PipelineCreateFlags::CAPTURE_STATISTICS_KHR
                | vk::PipelineCreateFlags::CAPTURE_INTERNAL_REPRESENTATIONS_KHR;
            let create = vk::ComputePipelineCreateInfo::default()
                .flags(capture)
                .stage(stage)
                .layout(layout);
            let cache = vk::PipelineCache::null();
            let pipelines = self.device.create_compute_pipelines(cache, &[create], None);
            let pipelines = pipelines.map_err(|(_, error)| error)?;
            Ok(pipelines[0])
        }
    }

    unsafe fn statistics(
        &self,
        executable: &vk::PipelineExecutableInfoKHR<'_>,
    ) -> Outcome<Vec<(String, u64)>> {
        // SAFETY: as the caller vouches; the format says which field of the union was written.
        unsafe {
            let all = self
                .properties
                .get_pipeline_executable_statistics(executable)?;
            let whole_numbers = all.iter().filter_map(|statistic| {
                let value = match statistic.format {
                    vk::PipelineExecutableStatisticFormatKHR::UINT64 => statistic.value.u64,
                    vk::PipelineExecutableStatisticFormatKHR::INT64 => {
                        u64::try_from(statistic.value.i64).ok()?
                    }
                    _ => return None,
                };
                Some((text(&statistic.name), value))
            });
            Ok(whole_numbers.collect())
        }
    }

    unsafe fn assembly(&self, executable: &vk::PipelineExecutableInfoKHR<'_>) -> Outcome<String> {
        let get = self
            .properties
            .fp()
            .get_pipeline_executable_internal_representations_khr;
        // Asked three times, as Vulkan has it: how many texts there are, how long they are, what they say.
        let mut count = 0;
        // SAFETY: as the caller vouches; a null pointer asks for the count alone.
        unsafe {
            get(
                self.device.handle(),
                executable,
                &mut count,
                std::ptr::null_mut(),
            )
            .result()?;
        }
        let mut representations =
            vec![vk::PipelineExecutableInternalRepresentationKHR::default(); count as usize];
        // SAFETY: `count` structures stand ready; without a pointer to data only lengths are written.
        unsafe {
            get(
                self.device.handle(),
                executable,
                &mut count,
                representations.as_mut_ptr(),
            )
            .result()?;
        }
        let mut texts: Vec<Vec<u8>> = representations
            .iter_mut()
            .map(|representation| vec![0; representation.data_size])
            .collect();
        for (representation, text) in representations.iter_mut().zip(&mut texts) {
            representation.p_data = text.as_mut_ptr().cast();
        }
        // SAFETY: each pointer leads to as many bytes as the driver asked for.
        unsafe {
            get(
                self.device.handle(),
                executable,
                &mut count,
                representations.as_mut_ptr(),
            )
            .result()?;
        }
        let assembly = representations
            .iter()
            .zip(&texts)
            .find(|(representation, _)| text(&representation.name).contains("Assembly"))
            .ok_or("the driver shows no assembly")?;
        Ok(String::from_utf8_lossy(assembly.1).into_owned())
    }
}

unsafe fn open_device(
    instance: &ash::Instance,
    physical: vk::PhysicalDevice,
) -> Outcome<ash::Device> {
    let queues = [vk::DeviceQueueCreateInfo::default()
        .queue_family_index(0)
        .queue_priorities(&[1.0])];
    let extensions = [executable_properties::NAME.as_ptr()];
    let mut wanted = vk::PhysicalDevicePipelineExecutablePropertiesFeaturesKHR::default()
        .pipeline_executable_info(true);
    let create = vk::DeviceCreateInfo::default()
        .queue_create_infos(&queues)
        .enabled_extension_names(&extensions)
        .push_next(&mut wanted);
    // SAFETY: all that `create` points to lives until the end of this function.
    Ok(unsafe { instance.create_device(physical, &create, None)? })
}

/// `NAVI21, Mesa 22.3.6`, as the driver has it.
fn describe(instance: &ash::Instance, physical: vk::PhysicalDevice) -> String {
    let mut driver = vk::PhysicalDeviceDriverProperties::default();
    let mut properties = vk::PhysicalDeviceProperties2::default().push_next(&mut driver);
    // SAFETY: Vulkan 1.2, which RADV has had for years, fills in both structures.
    unsafe { instance.get_physical_device_properties2(physical, &mut properties) };
    let device = text(&properties.properties.device_name);
    format!(
        "{device}, {} {}",
        text(&driver.driver_name),
        text(&driver.driver_info)
    )
}

/// The text before the first zero of a field of fixed length.
fn text(field: &[std::ffi::c_char]) -> String {
    let bytes: Vec<u8> = field.iter().map(|&c| c.cast_unsigned()).collect();
    CStr::from_bytes_until_nul(&bytes)
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
