//! Weights in f16: half the bytes, the same result to the bit.

use impasto::gpu::{Gpu, Recorder};
use impasto::kernels::FeatureMap;
use impasto::kernels::conv3x3::{self, DeviceFilter, Epilogue, Filter, Packing, Variant};
use impasto::reference::samples::samples;
use impasto::shape::{Border, Shape};

use crate::devices::portable;
use crate::support::{gpu, wait};

/// f16 of every size below 64, subnormal ones and zeros of both signs among them.
fn halves(count: usize) -> Vec<f32> {
    let bits = (0..count as u32).map(|index| (index.wrapping_mul(40_503) >> 3) as u16);
    let values = bits.map(|bits| half::f16::from_bits(bits).to_f32());
    values
        .map(|value| if value.abs() < 64.0 { value } else { -0.0 })
        .collect()
}

fn run(gpu: &Gpu, filter: &DeviceFilter, x: &FeatureMap, y: Shape) -> Vec<u32> {
    let y = FeatureMap::zeros(gpu, "y", y).unwrap();
    // Slices of the input add up in the output.
    let mut recorder = Recorder::with_binding_limit(gpu, 8 * 4 * 20 * 16 * 4);
    let epilogue = Epilogue {
        relu: true,
        ..Epilogue::default()
    };
    conv3x3::record(&mut recorder, filter, Border::Zero, x, &y, epilogue).unwrap();
    recorder.finish().unwrap().submit(gpu);
    let values = wait(gpu, y.read(gpu)).unwrap();
    values.into_iter().map(f32::to_bits).collect()
}

#[test]
fn conv3x3_is_the_same_to_the_bit_with_weights_in_f16() {
    let output = Shape::new(36, 11, 19);
    let input = output.with_channels(44);
    let filter = Filter {
        c_in: input.channels,
        c_out: output.channels,
        weight: halves(9 * input.channels * output.channels),
        bias: samples(2, output.channels)
            .iter()
            .map(|&b| b as f32)
            .collect(),
    };
    let subnormal = |weight: &&f32| **weight != 0.0 && weight.abs() < 2.0_f32.powi(-14);
    assert!(filter.weight.iter().filter(subnormal).count() > 200);
    let values: Vec<f32> = samples(1, input.len()).iter().map(|&x| x as f32).collect();
    let mut compared = 0;
    for gpu in [gpu(), portable()] {
        let x = FeatureMap::upload(gpu, "x", input, &values).unwrap();
        for variant in [Variant::Direct, Variant::DirectPortable, Variant::Gemm] {
            if !variant.supports(gpu.profile(), &filter, output) {
                continue;
            }
            let [full, packed] = [Packing::F32, Packing::F16].map(|packing| {
                DeviceFilter::upload_as(gpu, "filter", &filter, variant, packing).unwrap()
            });
            let chosen = DeviceFilter::upload(gpu, "filter", &filter, variant).unwrap();
            assert_eq!(chosen.packing(), Packing::F16);
            assert_eq!(chosen.bytes(), packed.bytes());
            // The biases, which stay as they are, are in both.
            let bias = 4 * output.channels as u64;
            assert_eq!(
                2 * (packed.bytes() - bias),
                full.bytes() - bias,
                "{variant}"
            );
            let [full, packed] = [full, packed].map(|filter| run(gpu, &filter, &x, output));
            assert!(full.iter().any(|&bits| bits != 0));
            assert!(full == packed, "{variant}");
            compared += 1;
        }
    }
    // Two variants need no subgroups, and every adapter can be without.
    assert!(compared >= 4);
}

#[test]
fn conv3x3_keeps_in_f32_what_f16_would_change() {
    let filter = Filter {
        c_in: 4,
        c_out: 8,
        weight: vec![0.1; 288],
        bias: Vec::new(),
    };
    let upload = |packing| {
        DeviceFilter::upload_as(gpu(), "filter", &filter, Variant::Gemm, packing).unwrap()
    };
    assert_eq!(upload(Packing::F16).packing(), Packing::F32);
    assert_eq!(upload(Packing::F16).bytes(), upload(Packing::F32).bytes());
}
