//! Criterion benches of single kernels: `cargo bench --bench kernels`.
//!
//! `impasto bench` puts the same kernels beside a probe of the adapter's peak; this one has the statistics.

#[path = "../tests/kernels/shapes.rs"]
mod shapes;
#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use impasto::gpu::{Gpu, Recorder, Recording};
use impasto::kernels::conv3x3::{self, DeviceFilter, Epilogue, Filter, Variant};
use impasto::kernels::matrix_product::{self, Product};
use impasto::kernels::pool2::{self, Pooling};
use impasto::kernels::{FeatureMap, Merge, gram};
use impasto::reference::samples::sample;
use impasto::shape::{Border, Shape};
use support::{gpu, wait};

/// Wall time of `count` runs in one go.
fn time(gpu: &Gpu, recording: &Recording, count: u64) -> Duration {
    let started = Instant::now();
    for _ in 0..count {
        recording.submit(gpu);
    }
    gpu.wait();
    started.elapsed()
}

fn random_map(gpu: &Gpu, shape: Shape) -> FeatureMap {
    let values: Vec<f32> = (0..shape.len() as u64)
        .map(|i| sample(1, i) as f32)
        .collect();
    FeatureMap::upload(gpu, "bench", shape, &values).expect("room for a bench map")
}

fn bench(criterion: &mut Criterion, gpu: &Gpu, group: &str, name: String, recording: &Recording) {
    let flop: u64 = recording.infos().iter().map(|info| info.flop).sum();
    let mut group = criterion.benchmark_group(group);
    group.throughput(Throughput::Elements(flop)).sample_size(10);
    group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
        bencher.iter_custom(|count| time(gpu, recording, count));
    });
    group.finish();
}

/// Forward; the gradient is the same kernel.
fn convolutions(criterion: &mut Criterion, gpu: &Gpu) {
    for (c_in, output) in shapes::convolutions() {
        let c_out = output.channels;
        let filter = Filter {
            c_in,
            c_out,
            weight: (0..9 * c_in * c_out)
                .map(|i| sample(2, i as u64) as f32)
                .collect(),
            bias: vec![0.0; c_out],
        };
        let x = random_map(gpu, output.with_channels(c_in));
        let y = random_map(gpu, output);
        for variant in Variant::ALL
            .into_iter()
            .filter(|v| v.supports(gpu.profile(), &filter, output))
        {
            let on_device =
                DeviceFilter::upload(gpu, "bench", &filter, variant).expect("room for a filter");
            let mut recorder = Recorder::new(gpu);
            conv3x3::record(
                &mut recorder,
                &on_device,
                Border::Zero,
                &x,
                &y,
                Epilogue::default(),
            )
            .expect("maps that fit");
            let recording = recorder.finish().expect("a valid recording");
            let name = format!("{c_in} channels → {output}, {variant}");
            bench(criterion, gpu, "conv3x3", name, &recording);
        }
    }
}

fn gram_matrices(criterion: &mut Criterion, gpu: &Gpu) {
    for shape in shapes::grams() {
        let channels = shape.channels;
        let f = random_map(gpu, shape);
        let gf = random_map(gpu, shape);
        let g = gpu
            .storage("bench", (4 * channels * channels) as u64)
            .expect("room for a matrix");
        let partials = gpu
            .storage("bench", gram::workspace_bytes(shape))
            .expect("room for partial sums");
        let mut forward = Recorder::new(gpu);
        let (tiling, share) = (gram::Tiling::choose(gpu), gram::Share::whole(shape));
        gram::forward(&mut forward, tiling, (&f, None), &partials, &g, share)
            .expect("maps that fit");
        let forward = forward.finish().expect("a valid recording");
        bench(criterion, gpu, "gram", format!("forward {shape}"), &forward);
        let mut back = Recorder::new(gpu);
        let (positions, merge) = (shape.pixels(), Merge::default());
        gram::gradient(&mut back, gpu, &g, (&f, None), &gf, positions, merge)
            .expect("maps that fit");
        let back = back.finish().expect("a valid recording");
        bench(criterion, gpu, "gram", format!("gradient {shape}"), &back);
    }
}

/// Those of the Wasserstein loss: half of a symmetric matrix.
fn matrix_products(criterion: &mut Criterion, gpu: &Gpu) {
    for channels in [64, 128, 256, 512] {
        let [l, r, y] = [1, 2, 3].map(|seed| {
            let values: Vec<f32> = (0..(channels * channels) as u64)
                .map(|i| sample(seed, i) as f32)
                .collect();
            gpu.storage_with("bench", &values)
                .expect("room for a matrix")
        });
        let mut recorder = Recorder::new(gpu);
        let tiling = matrix_product::Tiling::choose(gpu);
        let product = Product::of(&l, &r).symmetric();
        matrix_product::forward(&mut recorder, tiling, channels, product, &y)
            .expect("matrices that fit");
        let recording = recorder.finish().expect("a valid recording");
        let name = format!("{channels}×{channels}, half");
        bench(criterion, gpu, "matrix_product", name, &recording);
    }
}

fn pooling(criterion: &mut Criterion, gpu: &Gpu) {
    let shape = shapes::pooled();
    let (x, gx) = (random_map(gpu, shape), random_map(gpu, shape));
    let y = random_map(gpu, pool2::pooled(shape));
    for (pooling, name) in [
        (Pooling::Max, "max"),
        (Pooling::Average, "average"),
        (Pooling::L2, "L2"),
    ] {
        let mut recorder = Recorder::new(gpu);
        pool2::forward(&mut recorder, pooling, &x, &y).expect("maps that fit");
        pool2::gradient(&mut recorder, pooling, Some(&x), &y, &gx, Merge::default())
            .expect("maps that fit");
        let recording = recorder.finish().expect("a valid recording");
        bench(
            criterion,
            gpu,
            "pool2",
            format!("{name} {shape}, both directions"),
            &recording,
        );
    }
}

fn all(criterion: &mut Criterion) {
    let gpu = gpu();
    // The kernels must be right before their speed means anything.
    let checks = wait(gpu, impasto::doctor::check_all(gpu, |_| {})).expect("a device that answers");
    assert!(
        checks.iter().all(|check| check.passed()),
        "run `impasto doctor`"
    );
    convolutions(criterion, gpu);
    gram_matrices(criterion, gpu);
    matrix_products(criterion, gpu);
    pooling(criterion, gpu);
}

criterion_group!(benches, all);
criterion_main!(benches);
