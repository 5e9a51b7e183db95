//! Floor 4: checks every kernel on the adapter at hand against the f64 reference.
//!
//! A driver may compile a kernel wrongly, and a picture hides much. Each check runs one kernel on numbers from
//! [`crate::reference::samples`], compares what comes out with [`crate::reference`], and looks whether anything was
//! written that should not have been. `impasto doctor` reports [`check_all`]; the test suite calls the same functions
//! with many more cases.

pub mod alignment_loss;
pub mod average;
mod comparison;
pub mod conv3x3;
pub mod copy_bandwidth;
pub mod crop;
pub mod decorrelate;
pub mod dream;
mod evenness;
pub mod fma_peak;
pub mod fourier;
pub mod gram;
pub mod losses;
pub mod moments;
pub mod optimisers;
pub mod picture_input;
pub mod pool2;
pub mod pooled_convolution;
pub mod relu;
pub mod resample;
pub mod wasserstein_loss;

use std::fmt;

pub use evenness::Evenness;

use crate::gpu::{Gpu, GpuError};
use crate::kernels::Merge;
use crate::kernels::dream_loss::Measure;
use crate::kernels::gram::Tiling;
use crate::kernels::guide_loss::Correspondence;
use crate::kernels::matrix_product;
use crate::kernels::pool2::Pooling;
use crate::shape::{Shape, Window};

/// What one kernel was found to compute.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// Kernel and case: `conv3x3_direct 64→64 on 33×17`.
    pub name: String,
    /// The largest difference from the reference, relative to the root mean square of the latter; infinite with a fault.
    pub deviation: f64,
    /// The largest deviation that rounding explains.
    pub tolerance: f64,
    /// What is wrong that no rounding explains.
    pub fault: Option<Fault>,
}

/// What a kernel must never do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It wrote where nothing of its output is: to this f32 of the buffer, which pads a plane or comes after the last.
    Strays(usize),
    /// Two runs from the same start differ in a bit.
    Wavers,
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Strays(at) => write!(out, "writes outside of its output, to f32 number {at}"),
            Self::Wavers => write!(out, "differs between two runs from the same start"),
        }
    }
}

impl Check {
    /// Whether the kernel does what it should; a deviation that is no number does not pass.
    pub fn passed(&self) -> bool {
        self.fault.is_none() && self.deviation <= self.tolerance
    }

    /// What was found: `is off by 3.1e-7, allowed 3.0e-5`, or the fault.
    pub fn finding(&self) -> String {
        match self.fault {
            Some(fault) => fault.to_string(),
            None => {
                format!(
                    "is off by {:.1e}, allowed {:.1e}",
                    self.deviation, self.tolerance
                )
            }
        }
    }
}

/// Checks every kernel, in every variant that the adapter supports, in a few seconds; `report` hears of each at once.
///
/// # Errors
/// A kernel that the driver refuses, a lost device, no memory. A kernel that computes wrongly is no error but a
/// [`Check`] that has not passed.
pub async fn check_all(gpu: &Gpu, mut report: impl FnMut(&Check)) -> Result<Vec<Check>, GpuError> {
    let mut checks = Vec::new();
    let mut add = |check: Check| {
        report(&check);
        checks.push(check);
    };
    for case in conv3x3::selection(gpu) {
        add(conv3x3::check(gpu, &case).await?);
    }
    for case in pooled_convolution::selection(gpu) {
        add(pooled_convolution::check(gpu, &case).await?);
    }
    let shape = Shape::new(64, 17, 33);
    let joined = Merge {
        accumulate: true,
        mask: true,
    };
    add(relu::forward(gpu, shape, None, 1).await?);
    add(relu::gradient(gpu, shape, joined, None, 1).await?);
    for pooling in [Pooling::Max, Pooling::Average] {
        add(pool2::forward(gpu, pooling, shape, None, 1).await?);
        add(pool2::gradient(gpu, pooling, shape, joined, None, 1).await?);
    }
    let window = Window {
        left: 4,
        top: 8,
        width: 21,
        height: 6,
    };
    check_crop(gpu, shape, window, joined, &mut add).await?;
    add(picture_input::forward(gpu, [33, 17], window, 1).await?);
    add(picture_input::gradient(gpu, [33, 17], window, joined, None, 1).await?);
    for tiling in Tiling::ALL
        .into_iter()
        .filter(|tiling| tiling.is_supported(gpu))
    {
        let how = (gram::Part::Second, Evenness::Weighted);
        add(gram::forward(gpu, tiling, shape, how, None, 1).await?);
    }
    let how = (joined, Evenness::Weighted);
    add(gram::gradient(gpu, shape, how, None, 1).await?);
    check_losses(gpu, &mut add).await?;
    check_moments(gpu, &mut add).await?;
    check_parametrisation(gpu, &mut add).await?;
    check_dreams(gpu, &mut add).await?;
    for case in optimisers::selection() {
        add(optimisers::check(gpu, &case).await?);
    }
    let mean = average::Case {
        values: 1004,
        updates: 5,
        decay: 0.75,
        bad: Some(3),
        binding_limit: None,
    };
    add(average::check(gpu, &mean).await?);
    add(fma_peak::check(gpu, 4).await?);
    add(copy_bandwidth::check(gpu, 5000).await?);
    Ok(checks)
}

async fn check_crop(
    gpu: &Gpu,
    shape: Shape,
    window: Window,
    merge: Merge,
    add: &mut impl FnMut(Check),
) -> Result<(), GpuError> {
    let case = crop::Case {
        shape,
        window,
        merge,
        binding_limit: None,
        seed: 1,
    };
    add(crop::forward(gpu, &case).await?);
    add(crop::gradient(gpu, &case).await?);
    add(crop::paste(gpu, &case).await?);
    add(crop::paste_gradient(gpu, &case).await?);
    Ok(())
}

async fn check_losses(gpu: &Gpu, add: &mut impl FnMut(Check)) -> Result<(), GpuError> {
    let merge = Merge {
        accumulate: true,
        mask: true,
    };
    let case = losses::MapCase {
        shape: Shape::new(64, 17, 33),
        merge,
        binding_limit: None,
        seed: 1,
    };
    add(losses::content_value(gpu, &case, Evenness::Weighted).await?);
    add(losses::content_gradient(gpu, &case, Evenness::Weighted).await?);
    add(alignment_loss::check(gpu, &case, 2.0, false).await?);
    add(losses::style_value(gpu, 64, 1).await?);
    add(losses::style_gradient(gpu, 64, merge, 1).await?);
    add(losses::tv_value(gpu, [33, 17], None, 1).await?);
    add(losses::tv_gradient(gpu, ([33, 17], None), merge, 1).await?);
    add(losses::sum(gpu, 5000, true, 1).await?);
    Ok(())
}

async fn check_moments(gpu: &Gpu, add: &mut impl FnMut(Check)) -> Result<(), GpuError> {
    let shape = Shape::new(64, 17, 33);
    let joined = Merge {
        accumulate: true,
        mask: true,
    };
    add(moments::mean(
        gpu,
        shape,
        (gram::Part::Second, Evenness::Weighted),
        None,
        1,
    )
    .await?);
    add(moments::gradient(gpu, shape, (joined, Evenness::Weighted), None, 1).await?);
    for tiling in matrix_product::Tiling::ALL
        .into_iter()
        .filter(|tiling| tiling.is_supported(gpu))
    {
        add(moments::product(gpu, tiling, 68, true, 1).await?);
    }
    let case = wasserstein_loss::SharedAxes {
        channels: 64,
        rank: 20,
        decay: 1.0,
        root: wasserstein_loss::Root::Exact,
    };
    add(wasserstein_loss::on_shared_axes(gpu, &case).await?);
    Ok(())
}

async fn check_parametrisation(gpu: &Gpu, add: &mut impl FnMut(Check)) -> Result<(), GpuError> {
    add(fourier::forward(gpu, [33, 17], 1).await?);
    add(fourier::gradient(gpu, [33, 17], 1).await?);
    add(decorrelate::forward(gpu, 500, 1.0, 1).await?);
    add(decorrelate::gradient(gpu, 500, 1).await?);
    let case = resample::Case {
        size: [33, 17],
        seen: [29, 23],
        scale: 1.08,
        angle: 0.15,
        shift: [2.3, -3.7],
        seed: 1,
    };
    add(resample::forward(gpu, &case).await?);
    add(resample::gradient(gpu, &case).await?);
    Ok(())
}

async fn check_dreams(gpu: &Gpu, add: &mut impl FnMut(Check)) -> Result<(), GpuError> {
    let case = losses::MapCase {
        shape: Shape::new(64, 17, 33),
        merge: Merge {
            accumulate: true,
            mask: true,
        },
        binding_limit: None,
        seed: 1,
    };
    for measure in [Measure::Square, Measure::Root, Measure::Mean] {
        for channels in [&[][..], &[1, 6, 40]] {
            let aim = dream::Aim { measure, channels };
            add(dream::value(gpu, &case, aim).await?);
            add(dream::gradient(gpu, &case, aim).await?);
        }
    }
    let (shape, guide) = (Shape::new(64, 17, 33), Shape::new(64, 26, 21));
    for (correspondence, other) in [
        (Correspondence::Best, guide),
        (Correspondence::Itself, shape),
    ] {
        let how = (correspondence, 2.0);
        add(dream::guided(gpu, (shape, other), how, case.merge).await?);
    }
    add(dream::roll(gpu, [33, 17], [4, 16]).await?);
    for evenness in [Evenness::Even, Evenness::Weighted] {
        add(dream::step(gpu, [33, 17], [4, 16], evenness, (true, true)).await?);
    }
    add(dream::zoom(gpu, [33, 17], (1.25, 10.0)).await?);
    add(dream::cascade(gpu, [33, 17], 1.5).await?);
    add(dream::pyramid(gpu, [33, 17]).await?);
    Ok(())
}

/// How a gradient joins others, for the name of a check.
fn merge_in_words(merge: Merge) -> &'static str {
    match (merge.accumulate, merge.mask) {
        (false, false) => "",
        (true, false) => ", added",
        (false, true) => ", masked",
        (true, true) => ", added and masked",
    }
}

fn slices_in_words(binding_limit: Option<u64>) -> String {
    binding_limit.map_or_else(String::new, |bytes| format!(", {bytes} bytes a binding"))
}
