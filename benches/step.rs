//! Criterion benches of a whole step of recipe gatys on VGG-19: `cargo bench --bench step`.
//!
//! `impasto bench step` puts the step beside a probe of the adapter's peak; this one has the statistics.

#[path = "../tests/support/mod.rs"]
mod support;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use impasto::gpu::{Encoding, Gpu};
use impasto::graph::{Executable, Strategy};
use impasto::image::Picture;
use impasto::kernels::conv3x3::Preference;
use impasto::net::{Network, Weights};
use impasto::objective::{StyleTargets, style_executable};
use impasto::paint::gatys;
use impasto::reference::samples::samples;
use support::{gpu, wait};

/// The sides of the square pictures; the smaller shows what does not grow with the pixels.
const SIZES: [usize; 2] = [64, 128];

static VGG19: &[u8] = include_bytes!("../weights/vgg19.npz");

fn picture(seed: u64, size: usize) -> Picture {
    let values = samples(seed, 3 * size * size);
    Picture {
        width: size,
        height: size,
        rgb: values.iter().map(|v| 0.5 + 0.4 * *v as f32).collect(),
    }
}

fn executable(gpu: &Gpu, network: &Network, size: usize) -> Executable {
    let terms = gatys(network.architecture);
    let content = picture(1, size);
    let styles = [(picture(2, size), 1.0)];
    let (preference, plain) = (Preference::default(), Strategy::default());
    let targets =
        StyleTargets::measure(gpu, network, &terms, &content, &styles, &preference, &plain);
    let targets = wait(gpu, targets).expect("room for the targets");
    let executable = style_executable(
        gpu,
        network,
        &terms,
        [size, size],
        &targets,
        &preference,
        &plain,
    )
    .expect("room for a step");
    executable.write_picture(gpu, &content.rgb);
    executable
}

fn steps(criterion: &mut Criterion) {
    let gpu = gpu();
    let weights = Weights::from_bytes(VGG19, "vgg19").expect("the bundled weights");
    let network = Network::new(weights);
    let mut group = criterion.benchmark_group("step");
    group.sample_size(10);
    for size in SIZES {
        let executable = executable(gpu, &network, size);
        let name = |what| BenchmarkId::new(what, format!("{size}×{size}"));
        group.bench_function(name("forward and gradient"), |bencher| {
            bencher.iter(|| {
                executable.run(gpu);
                gpu.wait();
            });
        });
        // The host's share: what is left of a step when the device takes no time.
        group.bench_function(name("encode alone"), |bencher| {
            bencher.iter(|| {
                let mut encoder = gpu.device().create_command_encoder(&Default::default());
                let recording = executable.recording();
                recording.encode(&mut Encoding::new(&mut encoder));
                encoder.finish()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, steps);
criterion_main!(benches);
