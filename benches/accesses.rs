//! What an access to memory costs a software adapter: `cargo bench --bench accesses [-- PART OF A NAME]`.
//!
//! Nanoseconds of one core for the eight lanes of a workgroup, in a loop over 32 KiB or less, the best of several runs. What
//! the loop itself costs is printed first. These figures decide how kernels are written, see `shaders/README.md`, section 4.

use std::error::Error;
use std::time::Instant;

use impasto::gpu::{Gpu, GpuOptions};

/// Workgroups of a dispatch, and turns of each.
const WORKGROUPS: u32 = 64;
const TURNS: u32 = 2000;
const RUNS: usize = 12;

/// A name, what is bound beside the sums, functions, and the body of the loop: `at` is the address of the lane.
type Case = (&'static str, &'static str, &'static str);

const CASES: [Case; 15] = [
    ("empty loop", "", "sum += vec4f(f32(at));"),
    (
        "load f32",
        "var<storage, read> a: array<f32>;",
        "sum += vec4f(a[at]);",
    ),
    (
        "load vec4f",
        "var<storage, read> a: array<vec4f>;",
        "sum += a[at];",
    ),
    (
        "load vec2<u64>",
        "var<storage, read> a: array<vec2<u64>>;",
        "sum += unpack(a[at]);",
    ),
    (
        "load vec4<u64>",
        "var<storage, read> a: array<vec4<u64>>;",
        "sum += unpack(a[at].xy) + unpack(a[at].zw);",
    ),
    (
        "load vec4f, uniform buffer",
        "var<uniform> a: array<vec4f, 1024>;",
        "sum += a[at];",
    ),
    (
        "load vec4f, workgroup memory",
        "var<storage, read> unused: array<f32>; var<workgroup> a: array<vec4f, 1024>;",
        "sum += a[at] + unused[0];",
    ),
    (
        "load texel, rgba32float",
        "var a: texture_storage_2d<rgba32float, read>;",
        "sum += textureLoad(a, texel);",
    ),
    (
        "load vec4f, broadcast",
        "var<storage, read> a: array<vec4f>;",
        "sum += subgroupBroadcast(a[at], 3u);",
    ),
    (
        "store f32",
        "var<storage, read_write> a: array<f32>;",
        "a[at] = sum.x; sum.x += 1.0;",
    ),
    (
        "store vec4f",
        "var<storage, read_write> a: array<vec4f>;",
        "a[at] = sum; sum += 1.0;",
    ),
    (
        "store vec2<u64>",
        "var<storage, read_write> a: array<vec2<u64>>;",
        "a[at] = pack(sum); sum += 1.0;",
    ),
    (
        "store vec4<u64>",
        "var<storage, read_write> a: array<vec4<u64>>;",
        "a[at] = vec4(pack(sum), pack(sum.wzyx)); sum += 1.0;",
    ),
    (
        "store vec4f, lanes 4 apart",
        "var<storage, read_write> a: array<vec4f>;",
        "a[(at + 3u * lane) & 1023u] = sum; sum += 1.0;",
    ),
    (
        "store texel, rgba32float",
        "var a: texture_storage_2d<rgba32float, write>;",
        "textureStore(a, texel, sum); sum += 1.0;",
    ),
];

const PACKING: &str = "
fn unpack(pair: vec2<u64>) -> vec4f {
    return bitcast<vec4f>(vec4u(u32(pair.x), u32(pair.x >> 32u), u32(pair.y), u32(pair.y >> 32u)));
}
fn pack(value: vec4f) -> vec2<u64> {
    let bits = bitcast<vec4u>(value);
    return vec2<u64>(u64(bits.x) | (u64(bits.y) << 32u), u64(bits.z) | (u64(bits.w) << 32u));
}";

fn main() -> Result<(), Box<dyn Error>> {
    // Cargo says `--bench` to every bench.
    let wanted = std::env::args()
        .skip(1)
        .find(|word| !word.starts_with("--"));
    let wanted = wanted.unwrap_or_default();
    let gpu = pollster::block_on(Gpu::open(&GpuOptions::default()))?;
    let profile = gpu.profile();
    if !profile.is_software || !profile.has_int64 || !profile.has_subgroups {
        println!(
            "{} is no software adapter with all that kernels use",
            profile.adapter
        );
        return Ok(());
    }
    let cores = profile.processors.min(WORKGROUPS as usize) as f64;
    println!("{}, {}", profile.adapter, profile.driver);
    for case in CASES.iter().filter(|(name, ..)| name.contains(&wanted)) {
        let seconds = best(&gpu, case)?;
        let nanoseconds = seconds * 1e9 * cores / f64::from(WORKGROUPS * TURNS);
        println!("{:30} {nanoseconds:7.1} ns", case.0);
    }
    Ok(())
}

/// The text of a case as a shader. The turns are no constant, and begin elsewhere in each workgroup: else the driver unrolls
/// them, or moves what they load before them.
fn text((_, binding, body): &Case) -> String {
    let packing = if body.contains("pack(") { PACKING } else { "" };
    let binding = match binding.is_empty() {
        true => String::new(),
        false => format!("@group(0) @binding(1) {binding}"),
    };
    format!(
        "@group(0) @binding(0) var<uniform> turns: vec4u;
{binding}
@group(0) @binding(2) var<storage, read_write> sums: array<vec4f>;
{packing}
@compute @workgroup_size(8)
fn main(@builtin(local_invocation_id) local: vec3u, @builtin(workgroup_id) workgroup: vec3u) {{
    let lane = local.x;
    var sum = vec4f();
    for (var turn = workgroup.x; turn < workgroup.x + turns.x; turn++) {{
        let at = (turn * 8u & 1023u) + lane;
        let texel = vec2u(at & 255u, at >> 8u);
        {body}
    }}
    sums[workgroup.x * 8u + lane] = sum;
}}"
    )
}

/// The shortest time of a dispatch, in seconds.
fn best(gpu: &Gpu, case: &Case) -> Result<f64, Box<dyn Error>> {
    let device = gpu.device();
    let descriptor = wgpu::ShaderModuleDescriptor {
        label: Some(case.0),
        source: wgpu::ShaderSource::Wgsl(text(case).into()),
    };
    // SAFETY: `at` stays below 1024, and all that is bound has room for as many of the largest type.
    let module = unsafe {
        device.create_shader_module_trusted(descriptor, wgpu::ShaderRuntimeChecks::unchecked())
    };
    let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some(case.0),
        layout: None,
        module: &module,
        entry_point: Some("main"),
        compilation_options: Default::default(),
        cache: None,
    });
    let uniform = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
    let buffer = |size, usage| {
        device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(case.0),
            size,
            usage,
            mapped_at_creation: false,
        })
    };
    let turns = buffer(16, uniform);
    gpu.write(&turns, &[TURNS, 0, 0, 0]);
    let sums = buffer(u64::from(WORKGROUPS) * 8 * 16, wgpu::BufferUsages::STORAGE);
    let accessed = buffer(
        1 << 16,
        wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::UNIFORM,
    );
    let texels = gpu.texels(case.0, 256, 8)?;
    let mut entries = vec![
        (0, turns.as_entire_binding()),
        (2, sums.as_entire_binding()),
    ];
    if case.1.contains("texture") {
        entries.push((1, texels.binding()));
    } else if !case.1.is_empty() {
        entries.push((1, accessed.as_entire_binding()));
    }
    let entries: Vec<_> = entries
        .into_iter()
        .map(|(binding, resource)| wgpu::BindGroupEntry { binding, resource })
        .collect();
    let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some(case.0),
        layout: &pipeline.get_bind_group_layout(0),
        entries: &entries,
    });
    let mut best = f64::INFINITY;
    for _ in 0..RUNS {
        let started = Instant::now();
        let mut encoder = device.create_command_encoder(&Default::default());
        let mut pass = encoder.begin_compute_pass(&Default::default());
        pass.set_pipeline(&pipeline);
        pass.set_bind_group(0, &group, &[]);
        pass.dispatch_workgroups(WORKGROUPS, 1, 1);
        drop(pass);
        gpu.submit(encoder.finish());
        gpu.wait();
        best = best.min(started.elapsed().as_secs_f64());
    }
    gpu.check()?;
    Ok(best)
}
