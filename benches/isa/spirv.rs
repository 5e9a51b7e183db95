//! WGSL to SPIR-V, with the options that wgpu uses for shaders it need not check.

use impasto::gpu::{Kernel, Knob};
use naga::back::spv;
use naga::valid::{Capabilities, ShaderStages, SubgroupOperationSet, ValidationFlags, Validator};

use super::Outcome;

/// `kernel` with those of `knobs` that it has.
pub fn translate(kernel: &Kernel, knobs: &[Knob]) -> Outcome<Vec<u32>> {
    let source = kernel.shader.source;
    let module = naga::front::wgsl::parse_str(source)
        .map_err(|error| format!("{}: {}", kernel.name(), error.emit_to_string(source)))?;
    let capabilities = Capabilities::SUBGROUP
        | Capabilities::SHADER_INT64
        | Capabilities::SHADER_FLOAT16_IN_FLOAT32;
    let mut validator = Validator::new(ValidationFlags::all(), capabilities);
    validator
        .subgroup_stages(ShaderStages::COMPUTE)
        .subgroup_operations(SubgroupOperationSet::all());
    let info = validator
        .validate(&module)
        .map_err(|error| format!("{}: {}", kernel.name(), error.emit_to_string(source)))?;

    let mut constants = naga::back::PipelineConstants::default();
    for (_, knob) in module.overrides.iter() {
        let given = knobs
            .iter()
            .find(|(name, _)| knob.name.as_deref() == Some(name));
        if let Some(&(name, value)) = given {
            constants.insert(name.to_string(), f64::from(value));
        }
    }
    let entry = (naga::ShaderStage::Compute, kernel.entry);
    let (module, info) =
        naga::back::pipeline_constants::process_overrides(&module, &info, Some(entry), &constants)?;
    let pipeline = spv::PipelineOptions {
        shader_stage: naga::ShaderStage::Compute,
        entry_point: kernel.entry.to_string(),
    };
    Ok(spv::write_vec(&module, &info, &options(), Some(&pipeline))?)
}

/// As `create_shader_module_trusted` with `ShaderRuntimeChecks::unchecked` has them.
fn options() -> spv::Options<'static> {
    let unchecked = naga::proc::BoundsCheckPolicy::Unchecked;
    spv::Options {
        lang_version: (1, 3),
        bounds_check_policies: naga::proc::BoundsCheckPolicies {
            index: unchecked,
            buffer: unchecked,
            image_load: unchecked,
            binding_array: unchecked,
        },
        zero_initialize_workgroup_memory: spv::ZeroInitializeWorkgroupMemoryMode::None,
        force_loop_bounding: false,
        emit_int_div_checks: false,
        ..spv::Options::default()
    }
}
