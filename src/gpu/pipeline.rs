//! From WGSL text to a compute pipeline.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::Builder;

/// A WGSL file of `shaders/`, embedded in the binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shader {
    /// File stem: `relu` for `shaders/relu.wgsl`.
    pub stem: &'static str,
    /// The text of the file.
    pub source: &'static str,
}

/// Embeds `shaders/<stem>.wgsl`.
#[macro_export]
macro_rules! shader {
    ($stem:literal) => {
        $crate::gpu::Shader {
            stem: $stem,
            source: include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/shaders/",
                $stem,
                ".wgsl"
            )),
        }
    };
}

/// How a kernel uses one binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Shapes and scalars, written once.
    Uniform,
    /// A storage buffer that is only read.
    Read,
    /// A storage buffer that is written, and perhaps read.
    ReadWrite,
    /// A matrix of vec4s in a texture that is only read, see [`super::Texels`].
    ReadTexels,
    /// One that is only written.
    WriteTexels,
}

/// An entry point of a shader with what the host must know about it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Kernel {
    /// The file.
    pub shader: Shader,
    /// The name of the `@compute` function.
    pub entry: &'static str,
    /// Binding number and use, in the order in which buffers and texels are handed over; all in group 0.
    pub bindings: &'static [(u32, Access)],
    /// Whether the adapter must offer subgroup operations.
    pub needs_subgroups: bool,
}

impl Kernel {
    /// `stem` alone for the entry point `main`, else `stem.entry`.
    pub fn name(&self) -> String {
        match self.entry {
            "main" => self.shader.stem.to_string(),
            entry => format!("{}.{entry}", self.shader.stem),
        }
    }

    /// Whether the adapter must offer 64-bit integers: a shader that uses them has their name in its text.
    pub fn needs_int64(&self) -> bool {
        self.shader.source.contains("u64")
    }
}

/// A value for an `override` of the shader.
pub type Knob = (&'static str, u32);

/// A compiled kernel and the layout of its bindings.
pub struct Pipeline {
    pub(super) pipeline: wgpu::ComputePipeline,
    pub(super) layout: wgpu::BindGroupLayout,
    pub(super) bindings: &'static [(u32, Access)],
}

type PipelineKey = (&'static str, &'static str, Vec<Knob>);

/// Things by name. Whoever first asks for one makes it, while others may make other ones.
struct Made<K, V>(Mutex<HashMap<K, Arc<OnceLock<V>>>>);

impl<K: Eq + Hash, V: Clone> Made<K, V> {
    fn slot(&self, key: K) -> Arc<OnceLock<V>> {
        // A poisoned lock means that another thread panicked in here: the map itself is still whole.
        let mut slots = self.0.lock().unwrap_or_else(|e| e.into_inner());
        Arc::clone(slots.entry(key).or_default())
    }

    fn get(&self, key: K, make: impl FnOnce() -> V) -> V {
        self.slot(key).get_or_init(make).clone()
    }
}

/// Pipelines by kernel and knobs. The first pipeline of a kind costs a run of the driver's compiler, unless
/// the driver finds it in what an earlier run left.
pub(super) struct PipelineCache {
    modules: Made<&'static str, wgpu::ShaderModule>,
    pipelines: Made<PipelineKey, Arc<Pipeline>>,
    of_driver: Option<wgpu::PipelineCache>,
    unpacks_halves: bool,
}

impl PipelineCache {
    /// No pipelines yet. With `compiled`, which may be empty, the driver keeps what it compiles.
    pub(super) fn new(
        device: &wgpu::Device,
        compiled: Option<&[u8]>,
        unpacks_halves: bool,
    ) -> Self {
        let of_driver = compiled.map(|bytes| {
            let descriptor = wgpu::PipelineCacheDescriptor {
                label: Some("pipelines"),
                data: Some(bytes).filter(|bytes| !bytes.is_empty()),
                fallback: true,
            };
            // SAFETY: the bytes came out of `data` below in an earlier run; `GpuOptions` demands that they
            // are undamaged, and the command line keeps a checksum beside them. Those of another adapter,
            // driver or version of wgpu are known by their header: wgpu then starts anew (`fallback`).
            unsafe { device.create_pipeline_cache(&descriptor) }
        });
        Self {
            modules: Made(Mutex::default()),
            pipelines: Made(Mutex::default()),
            of_driver,
            unpacks_halves,
        }
    }

    /// What the driver compiled and was given.
    pub(super) fn data(&self) -> Option<Vec<u8>> {
        self.of_driver.as_ref()?.get_data()
    }

    /// The pipeline of `kernel` with `knobs`, compiled at the first call.
    pub(super) fn get(
        &self,
        device: &wgpu::Device,
        checked: bool,
        kernel: &'static Kernel,
        knobs: &[Knob],
    ) -> Arc<Pipeline> {
        self.pipelines.get(key(kernel, knobs), || {
            let module = self.module(device, checked, kernel.shader);
            let cache = self.of_driver.as_ref();
            Arc::new(compile(device, &module, kernel, knobs, cache))
        })
    }

    /// Compiles what is missing of `wanted`, on all processors. A first step of VGG-19 at 128² on Mesa's software driver,
    /// which remembers what LLVM made, came 0.3 s earlier on two of them than by one pipeline after the other.
    pub(super) fn prepare<'k>(
        &self,
        device: &wgpu::Device,
        checked: bool,
        wanted: impl Iterator<Item = (&'static Kernel, &'k [Knob])>,
    ) {
        let mut missing = HashMap::new();
        for (kernel, knobs) in wanted {
            let key = key(kernel, knobs);
            if self.pipelines.slot(key.clone()).get().is_none() {
                missing.insert(key, (kernel, knobs));
            }
        }
        let missing: Vec<_> = missing.into_values().collect();
        let processors = std::thread::available_parallelism().map_or(1, |count| count.get());
        let next = AtomicUsize::new(0);
        let work = || {
            while let Some(&(kernel, knobs)) = missing.get(next.fetch_add(1, Ordering::Relaxed)) {
                self.get(device, checked, kernel, knobs);
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..processors.min(missing.len()) {
                // Where the system has no more threads for us, fewer do it.
                if Builder::new().spawn_scoped(scope, work).is_err() {
                    break;
                }
            }
            work();
        });
    }

    fn module(&self, device: &wgpu::Device, checked: bool, shader: Shader) -> wgpu::ShaderModule {
        self.modules.get(shader.stem, || {
            let descriptor = wgpu::ShaderModuleDescriptor {
                label: Some(shader.stem),
                source: wgpu::ShaderSource::Wgsl(shader.text(self.unpacks_halves)),
            };
            if checked {
                return device.create_shader_module(descriptor);
            }
            let checks = wgpu::ShaderRuntimeChecks::unchecked();
            // SAFETY: the text is one of our own shaders, embedded at build time. Each guards its
            // indices against the extents in its uniforms and each loop ends at such an extent;
            // the test suite also runs all of them with every check switched on.
            unsafe { device.create_shader_module_trusted(descriptor, checks) }
        })
    }
}

fn key(kernel: &'static Kernel, knobs: &[Knob]) -> PipelineKey {
    (kernel.shader.stem, kernel.entry, knobs.to_vec())
}

fn binding_type(access: Access) -> wgpu::BindingType {
    let buffer = |ty| wgpu::BindingType::Buffer {
        ty,
        has_dynamic_offset: false,
        min_binding_size: None,
    };
    let texels = |access| wgpu::BindingType::StorageTexture {
        access,
        format: wgpu::TextureFormat::Rgba32Float,
        view_dimension: wgpu::TextureViewDimension::D2,
    };
    match access {
        Access::Uniform => buffer(wgpu::BufferBindingType::Uniform),
        Access::Read => buffer(wgpu::BufferBindingType::Storage { read_only: true }),
        Access::ReadWrite => buffer(wgpu::BufferBindingType::Storage { read_only: false }),
        Access::ReadTexels => texels(wgpu::StorageTextureAccess::ReadOnly),
        Access::WriteTexels => texels(wgpu::StorageTextureAccess::WriteOnly),
    }
}

fn compile(
    device: &wgpu::Device,
    module: &wgpu::ShaderModule,
    kernel: &'static Kernel,
    knobs: &[Knob],
    cache: Option<&wgpu::PipelineCache>,
) -> Pipeline {
    let entries: Vec<_> = kernel
        .bindings
        .iter()
        .map(|&(binding, access)| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: binding_type(access),
            count: None,
        })
        .collect();
    let name = kernel.name();
    let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some(&name),
        entries: &entries,
    });
    let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some(&name),
        bind_group_layouts: &[Some(&layout)],
        immediate_size: 0,
    });
    let constants: Vec<_> = knobs
        .iter()
        .map(|&(knob, value)| (knob, f64::from(value)))
        .collect();
    let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some(&name),
        layout: Some(&pipeline_layout),
        module,
        entry_point: Some(kernel.entry),
        compilation_options: wgpu::PipelineCompilationOptions {
            constants: &constants,
            zero_initialize_workgroup_memory: false,
        },
        cache,
    });
    Pipeline {
        pipeline,
        layout,
        bindings: kernel.bindings,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_are_made_once_whoever_asks() {
        let made = Made(Mutex::default());
        let count = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for key in 0..100 {
                        let value = made.get(key, || count.fetch_add(1, Ordering::Relaxed));
                        assert_eq!(made.get(key, || usize::MAX), value);
                    }
                });
            }
        });
        assert_eq!(count.into_inner(), 100);
    }
}
