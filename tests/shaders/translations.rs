//! What wgpu makes of the shaders on Windows and on a Mac, as far as that can be made here: HLSL and MSL.
//!
//! They stay in `target/tmp/translations`, for whoever has a compiler of theirs: `dxc -T cs_6_0 -E ENTRY FILE.hlsl`.

use std::fs;
use std::path::Path;

use impasto::gpu::Kernel;
use impasto::kernels::catalogue;
use naga::ShaderStage;
use naga::back::{PipelineConstants, hlsl, msl, pipeline_constants};
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};

use super::{ShaderFile, shader_files};

/// A kernel with its knobs as the shader has them.
struct Entry<'a> {
    module: &'a naga::Module,
    info: &'a naga::valid::ModuleInfo,
    point: (ShaderStage, String),
}

impl Entry<'_> {
    fn hlsl(&self, shader_model: hlsl::ShaderModel) -> Result<String, String> {
        let options = hlsl::Options {
            shader_model,
            fake_missing_bindings: true,
            restrict_indexing: false,
            zero_initialize_workgroup_memory: false,
            force_loop_bounding: false,
            ..Default::default()
        };
        let pipeline = hlsl::PipelineOptions {
            entry_point: Some(self.point.clone()),
        };
        let mut text = String::new();
        let mut writer = hlsl::Writer::new(&mut text, &options, &pipeline);
        let written = writer.write(self.module, self.info, None);
        let names = written.map_err(|error| error.to_string())?;
        let names: Result<Vec<_>, _> = names.entry_point_names.into_iter().collect();
        names.map(|_| text).map_err(|error| error.to_string())
    }

    fn msl(&self, lang_version: (u8, u8)) -> Result<String, String> {
        let unchecked = BoundsCheckPolicy::Unchecked;
        let options = msl::Options {
            lang_version,
            fake_missing_bindings: true,
            bounds_check_policies: BoundsCheckPolicies {
                index: unchecked,
                buffer: unchecked,
                image_load: unchecked,
                binding_array: unchecked,
            },
            zero_initialize_workgroup_memory: false,
            force_loop_bounding: false,
            emit_int_div_checks: false,
            ..Default::default()
        };
        let pipeline = msl::PipelineOptions {
            entry_point: Some(self.point.clone()),
            ..Default::default()
        };
        let written = msl::write_string(self.module, self.info, &options, &pipeline);
        let (text, info) = written.map_err(|error| error.to_string())?;
        let names: Result<Vec<_>, _> = info.entry_point_names.into_iter().collect();
        names.map(|_| text).map_err(|error| error.to_string())
    }
}

/// Kernels with subgroup operations or 64-bit integers are taken where DX12 has shader model 6 and Metal 2.3; the others run
/// on what is older.
#[test]
fn every_kernel_has_a_translation_for_dx12_and_metal() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("translations");
    fs::create_dir_all(&folder).unwrap();
    let files = shader_files();
    let file = |kernel: &Kernel| -> &ShaderFile {
        let stem = kernel.shader.stem;
        files.iter().find(|file| file.stem == stem).unwrap()
    };
    for kernel in catalogue() {
        let ShaderFile { module, info, .. } = file(kernel);
        let point = (ShaderStage::Compute, kernel.entry.to_string());
        let constants = PipelineConstants::default();
        let wanted = Some((point.0, &*point.1));
        let (module, info) =
            pipeline_constants::process_overrides(module, info, wanted, &constants).unwrap();
        let entry = Entry {
            module: &module,
            info: &info,
            point,
        };
        let is_new = kernel.needs_subgroups || kernel.shader.source.contains("u64");
        let (model, version) = match is_new {
            true => (hlsl::ShaderModel::V6_0, (2, 3)),
            false => (hlsl::ShaderModel::V5_1, (2, 0)),
        };
        let name = kernel.name();
        let refused = |error| -> String { panic!("{name}: {error}") };
        let hlsl = entry.hlsl(model).unwrap_or_else(refused);
        let msl = entry.msl(version).unwrap_or_else(refused);
        for (text, ending) in [(hlsl, "hlsl"), (msl, "metal")] {
            fs::write(folder.join(format!("{name}.{ending}")), text).unwrap();
        }
    }
}
