//! The 3×3 convolution and its gradient, in every variant.

use super::Check;
use super::comparison::{Output, added, compare, draw, draw_coarse, input_map, masked, widen};
use crate::gpu::{Gpu, GpuError};
use crate::kernels::Merge;
use crate::kernels::conv3x3::{self, DeviceFilter, Epilogue, Filter, Packing, Variant, replicate};
use crate::reference;
use crate::shape::{Border, Shape};

/// Rounding of some hundred products, relative to the result.
const TOLERANCE: f64 = 3e-5;

/// Which way through the convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// y = conv(x) + bias, clipped if `relu`.
    Forward {
        /// Whether the ReLU is fused.
        relu: bool,
    },
    /// gx from gy, joined with what is there.
    Gradient(Merge),
}

/// One thing to try.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// How it is computed.
    pub variant: Variant,
    /// How its weights are stored; for f16 they are drawn so that this is exact.
    pub packing: Packing,
    /// (C, H, W) of the forward input.
    pub shape: Shape,
    /// O.
    pub outputs: usize,
    /// How the input goes on beyond its edge.
    pub border: Border,
    /// Forward or gradient.
    pub pass: Pass,
    /// Bytes per binding, to force slices; `None` for the adapter's limit.
    pub binding_limit: Option<u64>,
    /// Of the inputs.
    pub seed: u64,
}

impl Case {
    /// A forward pass with bias and ReLU on a map of `shape`.
    pub fn forward(variant: Variant, shape: Shape, outputs: usize) -> Self {
        Self {
            variant,
            packing: Packing::F32,
            shape,
            outputs,
            border: Border::Zero,
            pass: Pass::Forward { relu: true },
            binding_limit: None,
            seed: 1,
        }
    }

    /// Whether the variant can do this on the adapter (the limit aside).
    pub fn is_supported(&self, gpu: &Gpu) -> bool {
        let (adapter, filter) = (gpu.profile(), self.filter());
        match self.pass {
            Pass::Forward { .. } => {
                let output = self.shape.with_channels(self.outputs);
                self.variant.supports(adapter, &filter, output)
            }
            Pass::Gradient(_) => self
                .variant
                .supports(adapter, &filter.transposed(), self.shape),
        }
    }

    fn filter(&self) -> Filter {
        let (c_in, c_out) = (self.shape.channels, self.outputs);
        let draw_weights = match self.packing {
            Packing::F32 => draw,
            Packing::F16 => draw_coarse,
        };
        Filter {
            c_in,
            c_out,
            weight: draw_weights(self.seed, c_out * c_in * 9),
            bias: draw(self.seed + 1, c_out),
        }
    }

    fn in_words(&self) -> String {
        let Shape {
            channels,
            height,
            width,
        } = self.shape;
        let pass = match self.pass {
            Pass::Forward { relu: true } => ", ReLU".to_string(),
            Pass::Forward { relu: false } => String::new(),
            Pass::Gradient(merge) => format!(", gradient{}", super::merge_in_words(merge)),
        };
        let slices = super::slices_in_words(self.binding_limit);
        let packing = match self.packing {
            Packing::F32 => "",
            Packing::F16 => ", weights in f16",
        };
        let border = match self.border {
            Border::Zero => "",
            Border::Replicate => ", replicated",
            Border::Wrap => ", wrapped",
        };
        format!(
            "{channels}→{} on {width}×{height}{border}{pass}{packing}{slices}",
            self.outputs
        )
    }
}

/// Runs one case.
///
/// # Errors
/// What the device refuses.
pub async fn check(gpu: &Gpu, case: &Case) -> Result<Check, GpuError> {
    match case.pass {
        Pass::Forward { relu } => forward(gpu, case, relu).await,
        Pass::Gradient(merge) => gradient(gpu, case, merge).await,
    }
}

async fn forward(gpu: &Gpu, case: &Case, relu: bool) -> Result<Check, GpuError> {
    let filter = case.filter();
    let x = draw(case.seed + 2, case.shape.len());
    let (weight, bias) = (widen(&filter.weight), widen(&filter.bias));
    let x_wide = widen(&x);
    let mut expected =
        reference::conv3x3::forward_within(&x_wide, case.shape, case.border, &weight, &bias);
    if relu {
        expected = reference::relu::forward(&expected);
    }
    let y_shape = case.shape.with_channels(case.outputs);
    let x = input_map(gpu, case.shape, &x)?;
    let y = Output::map(gpu, y_shape, None, &expected)?;
    let filter = DeviceFilter::upload(gpu, "checked filter", &filter, case.variant)?;
    let epilogue = Epilogue {
        relu,
        ..Epilogue::default()
    };
    compare(
        gpu,
        case.in_words(),
        TOLERANCE,
        case.binding_limit,
        &[&y],
        |recorder| {
            let y = y.as_map(y_shape);
            conv3x3::record(recorder, &filter, case.border, &x, &y, epilogue)
        },
    )
    .await
}

async fn gradient(gpu: &Gpu, case: &Case, merge: Merge) -> Result<Check, GpuError> {
    let filter = case.filter();
    let gy_shape = case.shape.with_channels(case.outputs);
    let gy = draw(case.seed + 3, gy_shape.len());
    // With zeros among the values: the mask is open for positive ones alone.
    let x = draw_coarse(case.seed + 4, case.shape.len());
    let before = draw(case.seed + 5, case.shape.len());
    let before = merge.accumulate.then_some(&before[..]);
    let (gy_wide, weight) = (widen(&gy), widen(&filter.weight));
    let expected =
        reference::conv3x3::input_gradient_within(&gy_wide, case.shape, case.border, &weight);
    let expected = masked(added(expected, before), merge.mask.then_some(&x[..]));
    let (gy, x) = (
        input_map(gpu, gy_shape, &gy)?,
        input_map(gpu, case.shape, &x)?,
    );
    let gx = Output::map(gpu, case.shape, before, &expected)?;
    let turned = filter.transposed();
    let plain = DeviceFilter::upload(gpu, "checked filter", &turned, Variant::Plain)?;
    let turned = DeviceFilter::upload(gpu, "checked filter", &turned, case.variant)?;
    let border = case.border.of_gradient();
    let epilogue = Epilogue::of_gradient(merge, Some(&x));
    let mut check = compare(
        gpu,
        case.in_words(),
        TOLERANCE,
        case.binding_limit,
        &[&gx],
        |recorder| {
            let gx = gx.as_map(case.shape);
            conv3x3::record(recorder, &turned, border, &gy, &gx, epilogue)?;
            match case.border {
                Border::Replicate => replicate::fold(recorder, &plain, &gy, &gx, epilogue.mask),
                Border::Zero | Border::Wrap => Ok(()),
            }
        },
    )
    .await?;
    if case.border == Border::Replicate {
        // The kernel of the edge has no other check: what it adds to is the work of the first.
        check.name = format!("{} after {}", replicate::FOLD.shader.stem, check.name);
    }
    Ok(check)
}

/// A forward pass and a gradient of each variant that the adapter supports, with zeros and with another border.
pub fn selection(gpu: &Gpu) -> Vec<Case> {
    let merge = Merge {
        accumulate: true,
        mask: true,
    };
    let cases = Variant::ALL.into_iter().flat_map(|variant| {
        let forward = match variant {
            Variant::FromRgb | Variant::FromRgbBroadcast => {
                Case::forward(variant, Shape::new(3, 17, 33), 64)
            }
            Variant::ToRgb => Case::forward(variant, Shape::new(64, 17, 33), 3),
            _ => Case::forward(variant, Shape::new(64, 17, 33), 64),
        };
        let channels = [forward.shape.channels, forward.outputs];
        let gradient = Case {
            shape: forward.shape.with_channels(channels[1]),
            outputs: channels[0],
            pass: Pass::Gradient(merge),
            ..forward
        };
        let wrapped = Case {
            border: Border::Wrap,
            ..forward
        };
        let replicated = Case {
            border: Border::Replicate,
            ..gradient
        };
        [forward, gradient, wrapped, replicated]
    });
    let in_each = cases.flat_map(|case| {
        let halves = Packing::choose(case.variant, true) == Packing::F16;
        let in_f16 = Case {
            packing: Packing::F16,
            ..case
        };
        [case].into_iter().chain(halves.then_some(in_f16))
    });
    in_each.filter(|case| case.is_supported(gpu)).collect()
}
