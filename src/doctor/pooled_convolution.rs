//! Convolutions with the maximum after them fused in, and their gradient.

use super::Check;
use super::comparison::{Output, added, compare, draw, input_map, masked, widen};
use crate::gpu::{Gpu, GpuError};
use crate::kernels::Merge;
use crate::kernels::conv3x3::{self, DeviceFilter, Epilogue, Filter, Switches, Variant, switches};
use crate::kernels::pool2::pooled;
use crate::reference::{self, maxpool2};
use crate::shape::{Border, Shape};

/// Rounding of some hundred products, relative to the result.
const TOLERANCE: f64 = 3e-5;

/// One thing to try: there and back.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// How it is computed, see [`Variant::pools`].
    pub variant: Variant,
    /// (C, H, W) of the input, at least 2×2.
    pub shape: Shape,
    /// O.
    pub outputs: usize,
    /// How the gradient joins what is there.
    pub merge: Merge,
    /// Bytes per binding, to force slices; `None` for the adapter's limit.
    pub binding_limit: Option<u64>,
    /// Of the inputs.
    pub seed: u64,
}

impl Case {
    /// Whether the variant can do both ways on the adapter (the limit aside).
    pub fn is_supported(&self, gpu: &Gpu) -> bool {
        let (adapter, filter) = (gpu.profile(), self.filter());
        let between = self.shape.with_channels(self.outputs);
        self.variant.pools()
            && self.variant.supports(adapter, &filter, between)
            && self
                .variant
                .supports(adapter, &filter.transposed(), self.shape)
    }

    fn filter(&self) -> Filter {
        let (c_in, c_out) = (self.shape.channels, self.outputs);
        Filter {
            c_in,
            c_out,
            weight: draw(self.seed, c_out * c_in * 9),
            bias: draw(self.seed + 1, c_out),
        }
    }
}

/// y = maxpool(relu(conv(x) + bias)), then gx (+)= its gradient at x, given gy and the switches that the first left.
///
/// # Errors
/// What the device refuses.
pub async fn check(gpu: &Gpu, case: &Case) -> Result<Check, GpuError> {
    let (filter, shape) = (case.filter(), case.shape);
    let between = shape.with_channels(case.outputs);
    let x = draw(case.seed + 2, shape.len());
    let gy = draw(case.seed + 3, pooled(between).len());
    let before = draw(case.seed + 4, shape.len());
    let before = case.merge.accumulate.then_some(&before[..]);
    let weight = widen(&filter.weight);
    let map = reference::conv3x3::forward(&widen(&x), shape, &weight, &widen(&filter.bias));
    let map = reference::relu::forward(&map);
    let expected_y = maxpool2::forward(&map, between);
    let routed = maxpool2::gradient(&widen(&gy), &map, between);
    let open: Vec<f32> = map.iter().map(|&value| value as f32).collect();
    let routed = masked(routed, Some(&open));
    let expected_gx = reference::conv3x3::input_gradient(&routed, shape, &weight);
    let mask = case.merge.mask.then_some(&x[..]);
    let expected_gx = masked(added(expected_gx, before), mask);

    let (x, gy) = (
        input_map(gpu, shape, &x)?,
        input_map(gpu, pooled(between), &gy)?,
    );
    let y = Output::map(gpu, pooled(between), None, &expected_y)?;
    let gx = Output::map(gpu, shape, before, &expected_gx)?;
    let bits = Output::scratch(gpu, switches::bytes(between) as usize / 4)?;
    let there = DeviceFilter::upload(gpu, "checked filter", &filter, case.variant)?;
    let back = DeviceFilter::upload(gpu, "checked filter", &filter.transposed(), case.variant)?;
    let merge = super::merge_in_words(case.merge);
    let slices = super::slices_in_words(case.binding_limit);
    let name = format!(
        "{}→{} on {}×{}, pooled there and back{merge}{slices}",
        shape.channels, case.outputs, shape.width, shape.height
    );
    let outputs = [&y, &gx, &bits];
    compare(
        gpu,
        name,
        TOLERANCE,
        case.binding_limit,
        &outputs,
        |recorder| {
            let switches = Switches {
                buffer: bits.buffer.clone(),
                shape: between,
            };
            let y = y.as_map(pooled(between));
            let gx = gx.as_map(shape);
            conv3x3::record_pooled(recorder, &there, Border::Zero, [&x, &y], &switches)?;
            let epilogue = Epilogue::of_gradient(case.merge, Some(&x));
            conv3x3::record_unpooled(recorder, &back, [&gy, &gx], &switches, epilogue)
        },
    )
    .await
}

/// A case for each variant that the adapter supports.
pub fn selection(gpu: &Gpu) -> Vec<Case> {
    let cases = Variant::ALL.map(|variant| Case {
        variant,
        shape: Shape::new(64, 17, 33),
        outputs: 64,
        merge: Merge {
            accumulate: true,
            mask: true,
        },
        binding_limit: None,
        seed: 1,
    });
    cases
        .into_iter()
        .filter(|case| case.is_supported(gpu))
        .collect()
}
