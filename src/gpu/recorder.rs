//! Collecting commands: kernels, parameters and buffers first, then bind groups, once.

use std::sync::Arc;

use super::encoding::Copy;
use super::pipeline::{Access, Kernel, Knob};
use super::recording::{Dispatch, DispatchInfo, Recording};
use super::texels::{COPIES, TEXELS, UNUSED};
use super::{Gpu, GpuError, Texels};

/// Uniform slots are this far apart: the largest offset alignment that WebGPU lets a device ask for.
pub const UNIFORM_SLOT: u64 = 256;

/// Workgroups along one dimension, and threads of a workgroup, that every adapter can start.
const MOST_WORKGROUPS: u64 = 65_535;
const MOST_THREADS: u32 = 256;

/// A range of a buffer.
#[derive(Clone, Debug, PartialEq)]
pub struct BufferView {
    /// The buffer (a handle: cloning it copies nothing).
    pub buffer: wgpu::Buffer,
    /// First byte, a multiple of [`VIEW_ALIGNMENT`].
    pub offset: u64,
    /// Length in bytes.
    pub size: u64,
}

/// Views begin at multiples of this many bytes.
pub const VIEW_ALIGNMENT: u64 = 256;

impl BufferView {
    /// The bytes from `start` to `end`, which may be anywhere: a view from where one can begin before them, and the index in it
    /// of the f32 at `start`.
    pub fn around(buffer: &wgpu::Buffer, start: u64, end: u64) -> (Self, u32) {
        let offset = start - start % VIEW_ALIGNMENT;
        let view = Self {
            buffer: buffer.clone(),
            offset,
            size: end.next_multiple_of(16).min(buffer.size()) - offset,
        };
        (view, ((start - offset) / 4) as u32)
    }

    /// The first `bytes` of `buffer`: all that a kernel needs of one which may be larger, since planned
    /// buffers are shared and a binding must not exceed the adapter's limit.
    pub fn first(buffer: &wgpu::Buffer, bytes: u64) -> Self {
        Self {
            buffer: buffer.clone(),
            offset: 0,
            size: bytes.next_multiple_of(16).min(buffer.size()),
        }
    }

    /// All of `buffer`.
    pub fn whole(buffer: &wgpu::Buffer) -> Self {
        Self {
            buffer: buffer.clone(),
            offset: 0,
            size: buffer.size(),
        }
    }
}

/// One dispatch as a kernel file describes it.
pub struct Command {
    /// The entry point.
    pub kernel: &'static Kernel,
    /// Values for its overrides.
    pub knobs: Vec<Knob>,
    /// The bytes of its uniform (empty if it has none).
    pub uniform: Vec<u8>,
    /// One view per storage buffer, in the order of `kernel.bindings`.
    pub buffers: Vec<BufferView>,
    /// Workgroups along x, y, z.
    pub workgroups: [u32; 3],
    /// Arithmetic operations that it does (a fused multiply-add counts two).
    pub flop: u64,
    /// Bytes of storage that it must at least read and write.
    pub bytes: u64,
}

/// A command, the node it belongs to and the texels that it binds beside its buffers.
struct Labelled {
    label: Arc<str>,
    command: Command,
    texels: Vec<Texels>,
    copies: Vec<Copy>,
    real_flop: u64,
}

/// Collects commands; [`Recorder::finish`] turns them into something that can run many times.
pub struct Recorder<'a> {
    gpu: &'a Gpu,
    commands: Vec<Labelled>,
    copies: Vec<Copy>,
    label: Arc<str>,
    binding_limit: u64,
    workgroup: u32,
}

impl<'a> Recorder<'a> {
    /// An empty recorder that binds at most what `gpu` allows.
    pub fn new(gpu: &'a Gpu) -> Self {
        Self {
            // Software adapters run eight lanes at once and gain nothing from more: small workgroups
            // waste fewer lanes on narrow maps, and more of them keep every core busy.
            workgroup: if gpu.adapter().is_software() { 8 } else { 64 },
            ..Self::with_binding_limit(gpu, gpu.binding_limit())
        }
    }

    /// An empty recorder with a tighter limit, in bytes; for tests of sliced maps.
    pub fn with_binding_limit(gpu: &'a Gpu, binding_limit: u64) -> Self {
        Self {
            gpu,
            commands: Vec::new(),
            copies: Vec::new(),
            label: "".into(),
            binding_limit,
            workgroup: 64,
        }
    }

    /// The device that the commands are for, which has the scratch memory of those that want some.
    pub fn gpu(&self) -> &'a Gpu {
        self.gpu
    }

    /// The most bytes that one binding may span.
    pub fn binding_limit(&self) -> u64 {
        self.binding_limit
    }

    /// Threads per workgroup for kernels that leave the choice to the host.
    pub fn workgroup(&self) -> u32 {
        self.workgroup
    }

    /// The same for a dispatch of `threads` in a row: more of them where their workgroups would pass the limit
    /// of a dispatch.
    pub fn workgroup_for(&self, threads: usize) -> u32 {
        enough_threads(self.workgroup, threads)
    }

    /// Commands from here on belong to `label`.
    pub fn set_label(&mut self, label: &str) {
        self.label = label.into();
    }

    /// Appends a dispatch. One with no workgroups is left out: it has nothing to do.
    pub fn push(&mut self, command: Command) {
        self.push_with_texels(command, Vec::new());
    }

    /// Appends a dispatch of a kernel that binds `texels`, in the order of its bindings.
    pub fn push_with_texels(&mut self, command: Command, texels: Vec<Texels>) {
        if command.workgroups.iter().all(|&count| count > 0) {
            self.commands.push(Labelled {
                label: self.label.clone(),
                copies: std::mem::take(&mut self.copies),
                real_flop: command.flop,
                command,
                texels,
            });
        }
    }

    /// Where the next dispatch finds `view` as texels, [`super::MAP_COLUMNS`] in a row. Later ones do until somebody else asks
    /// for a copy of this name, see [`Gpu::map_texels`].
    ///
    /// # Errors
    /// No room for them.
    pub fn copy_to_texels(
        &mut self,
        name: &'static str,
        view: BufferView,
    ) -> Result<Texels, GpuError> {
        let to = self.gpu.map_texels(name, view.size)?;
        self.copies.push(Copy {
            from: view,
            to: to.clone(),
        });
        Ok(to)
    }

    /// What the next dispatch reads as texels instead: copies of `views`, in this order, where the adapter prefers that, and
    /// the knob that tells the kernel. Elsewhere a single texel stands for each, since something must be bound. For how long,
    /// see [`Self::copy_to_texels`]; on paper, [`super::Profile::read_as_texels`].
    ///
    /// # Errors
    /// No room for them.
    pub fn read_as_texels<const N: usize>(
        &mut self,
        views: [&BufferView; N],
    ) -> Result<(Vec<Texels>, Option<Knob>), GpuError> {
        if !self.gpu.profile().prefers_texels {
            let unused = self.gpu.scratch_texels(UNUSED, 1, 1)?;
            return Ok((vec![unused; N], None));
        }
        let mut texels: Vec<Texels> = Vec::with_capacity(N);
        for (index, &view) in views.iter().enumerate() {
            let same = views[..index].iter().position(|&earlier| earlier == view);
            let copied = match same {
                Some(same) => texels[same].clone(),
                None => self.copy_to_texels(COPIES[index], view.clone())?,
            };
            texels.push(copied);
        }
        Ok((texels, Some(TEXELS)))
    }

    /// The dispatch appended last does `flop` operations where its command counts, as the user wants to
    /// compare, those of the definition.
    pub fn set_real_flop(&mut self, flop: u64) {
        if let Some(last) = self.commands.last_mut() {
            last.real_flop = flop;
        }
    }

    /// Compiles what is missing, uploads the uniforms and builds the bind groups.
    ///
    /// # Errors
    /// No room for the uniforms, a dispatch beyond the adapter's limit, or a command that it rejects.
    pub fn finish(self) -> Result<Recording, GpuError> {
        let gpu = self.gpu;
        let limit = gpu.limits().max_compute_workgroups_per_dimension;
        for Labelled { label, command, .. } in &self.commands {
            if let Some(&workgroups) = command.workgroups.iter().find(|&&count| count > limit) {
                return Err(GpuError::TooManyWorkgroups {
                    label: label.to_string(),
                    workgroups,
                    limit,
                });
            }
        }
        let slots = self.commands.len() as u64;
        let mut image = vec![0u8; (slots.max(1) * UNIFORM_SLOT) as usize];
        for (slot, labelled) in self.commands.iter().enumerate() {
            let start = slot * UNIFORM_SLOT as usize;
            let uniform = &labelled.command.uniform;
            image[start..start + uniform.len()].copy_from_slice(uniform);
        }
        let uniforms = gpu.buffer(
            "uniforms",
            image.len() as u64,
            wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
        )?;
        gpu.write(&uniforms, &image);
        let commands = self.commands.iter().map(|labelled| &labelled.command);
        gpu.prepare(commands.map(|command| (command.kernel, &command.knobs[..])));
        let mut recording = Recording {
            dispatches: Vec::with_capacity(self.commands.len()),
            infos: Vec::with_capacity(self.commands.len()),
        };
        for (slot, labelled) in self.commands.into_iter().enumerate() {
            recording
                .dispatches
                .push(bind(gpu, &uniforms, slot as u64 * UNIFORM_SLOT, &labelled));
            let command = labelled.command;
            recording.infos.push(DispatchInfo {
                label: labelled.label,
                kernel: command.kernel.name(),
                flop: command.flop,
                real_flop: labelled.real_flop,
                bytes: command.bytes,
            });
        }
        gpu.check()?;
        Ok(recording)
    }
}

/// See [`Recorder::workgroup_for`].
fn enough_threads(usual: u32, threads: usize) -> u32 {
    let within = |&size: &u32| threads as u64 <= u64::from(size) * MOST_WORKGROUPS;
    let mut sizes = [usual, 64, MOST_THREADS].into_iter();
    sizes.find(within).unwrap_or(MOST_THREADS)
}

/// Whether one dispatch can have so many `threads` in a row, in workgroups as large as [`Recorder::workgroup_for`] makes them.
pub fn can_start(threads: usize) -> bool {
    threads as u64 <= u64::from(MOST_THREADS) * MOST_WORKGROUPS
}

fn bind(gpu: &Gpu, uniforms: &wgpu::Buffer, offset: u64, labelled: &Labelled) -> Dispatch {
    let command = &labelled.command;
    let pipeline = gpu.pipeline(command.kernel, &command.knobs);
    let mut buffers = command.buffers.iter();
    let mut texels = labelled.texels.iter();
    let mut entries = Vec::with_capacity(pipeline.bindings.len());
    for &(binding, access) in pipeline.bindings {
        let range = |buffer, offset, size| {
            wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                buffer,
                offset,
                size: wgpu::BufferSize::new(size),
            })
        };
        let resource = match access {
            Access::Uniform => Some(range(uniforms, offset, UNIFORM_SLOT)),
            Access::Read | Access::ReadWrite => buffers
                .next()
                .map(|view| range(&view.buffer, view.offset, view.size)),
            Access::ReadTexels | Access::WriteTexels => texels.next().map(Texels::binding),
        };
        // One view too few: wgpu reports the missing binding, `Gpu::check` passes it on.
        let Some(resource) = resource else { break };
        entries.push(wgpu::BindGroupEntry { binding, resource });
    }
    let bind_group = gpu.device().create_bind_group(&wgpu::BindGroupDescriptor {
        label: None,
        layout: &pipeline.layout,
        entries: &entries,
    });
    Dispatch {
        copies: labelled.copies.clone(),
        pipeline,
        bind_group,
        workgroups: command.workgroups,
    }
}

/// Workgroups along x and y for `groups` workgroups in a row, folded below the limit of 65 535 per
/// dimension; the kernel rebuilds the flat index as `y · x_count + x`.
pub fn fold_workgroups(groups: u64) -> [u32; 3] {
    if groups <= MOST_WORKGROUPS {
        return [groups as u32, 1, 1];
    }
    let y = groups.div_ceil(MOST_WORKGROUPS);
    [groups.div_ceil(y) as u32, y as u32, 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workgroups_grow_where_there_would_be_too_many() {
        assert_eq!(enough_threads(8, 0), 8);
        assert_eq!(enough_threads(8, 8 * 65_535), 8);
        assert_eq!(enough_threads(8, 8 * 65_535 + 1), 64);
        assert_eq!(enough_threads(8, 64 * 65_535 + 1), 256);
        assert!(can_start(256 * 65_535));
        assert!(!can_start(256 * 65_535 + 1));
    }
}
