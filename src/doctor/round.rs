//! The round of the doctor: each kernel a few times, in every variant that the adapter supports.

use super::{
    Check, Evenness, alignment_loss, average, conv3x3, copy_bandwidth, crop, decorrelate, dream,
    fma_peak, fourier, gram, losses, moments, normalise, optimisers, picture_input, pool2,
    pooled_convolution, relu, resample, wasserstein_loss,
};
use crate::gpu::{Gpu, GpuError};
use crate::kernels::Merge;
use crate::kernels::dream_loss::Measure;
use crate::kernels::gram::Tiling;
use crate::kernels::guide_loss::Correspondence;
use crate::kernels::matrix_product;
use crate::kernels::pool2::Pooling;
use crate::shape::{Border, Shape, Window};

/// Checks every kernel, in every variant that the adapter supports, in a few seconds; `report` hears of each at once.
///
/// # Errors
/// A kernel that the driver refuses, a lost device, no memory. A kernel that computes wrongly is no error but a
/// [`Check`] that has not passed.
pub async fn check_all(gpu: &Gpu, report: impl FnMut(&Check)) -> Result<Vec<Check>, GpuError> {
    check_shaders(gpu, |_| true, report).await
}

/// As [`check_all`], of the kernels alone whose shader is `wanted` by its stem. All passes of Winograd's convolution are
/// checked where its multiplication is wanted.
///
/// # Errors
/// Those of [`check_all`].
pub async fn check_shaders(
    gpu: &Gpu,
    wanted: impl Fn(&str) -> bool,
    report: impl FnMut(&Check),
) -> Result<Vec<Check>, GpuError> {
    let mut round = Round {
        gpu,
        wanted,
        report,
        checks: Vec::new(),
    };
    round.convolutions().await?;
    round.maps().await?;
    round.gram_matrices().await?;
    round.losses().await?;
    round.moments().await?;
    round.parametrisation().await?;
    round.dreams().await?;
    round.optimisers().await?;
    round.probes().await?;
    Ok(round.checks)
}

const SHAPE: Shape = Shape {
    channels: 64,
    height: 17,
    width: 33,
};

const JOINED: Merge = Merge {
    accumulate: true,
    mask: true,
};

const MAP: losses::MapCase = losses::MapCase {
    shape: SHAPE,
    merge: JOINED,
    binding_limit: None,
    seed: 1,
};

struct Round<'a, W, R> {
    gpu: &'a Gpu,
    wanted: W,
    report: R,
    checks: Vec<Check>,
}

impl<W: Fn(&str) -> bool, R: FnMut(&Check)> Round<'_, W, R> {
    fn add(&mut self, check: Check) {
        (self.report)(&check);
        self.checks.push(check);
    }

    async fn convolutions(&mut self) -> Result<(), GpuError> {
        for case in conv3x3::selection(self.gpu) {
            // The gradient of a replicated border ends in a fold of its own.
            let folds = case.border == Border::Replicate;
            let wanted = (self.wanted)(case.variant.kernel().shader.stem)
                && (!folds || (self.wanted)("conv3x3_replicate"));
            if wanted {
                self.add(conv3x3::check(self.gpu, &case).await?);
            }
        }
        for case in pooled_convolution::selection(self.gpu) {
            if (self.wanted)(case.variant.kernel().shader.stem) {
                self.add(pooled_convolution::check(self.gpu, &case).await?);
            }
        }
        Ok(())
    }

    async fn maps(&mut self) -> Result<(), GpuError> {
        let gpu = self.gpu;
        if (self.wanted)("relu") {
            self.add(relu::forward(gpu, SHAPE, None, 1).await?);
            self.add(relu::gradient(gpu, SHAPE, JOINED, None, 1).await?);
        }
        for (pooling, stem) in [
            (Pooling::Max, "maxpool2"),
            (Pooling::Average, "avgpool2"),
            (Pooling::L2, "l2pool2"),
        ] {
            if (self.wanted)(stem) {
                self.add(pool2::forward(gpu, pooling, SHAPE, None, 1).await?);
                self.add(pool2::gradient(gpu, pooling, SHAPE, JOINED, None, 1).await?);
            }
        }
        let window = Window {
            left: 4,
            top: 8,
            width: 21,
            height: 6,
        };
        if (self.wanted)("crop") {
            let case = crop::Case {
                shape: SHAPE,
                window,
                merge: JOINED,
                binding_limit: None,
                seed: 1,
            };
            self.add(crop::forward(gpu, &case).await?);
            self.add(crop::gradient(gpu, &case).await?);
            self.add(crop::paste(gpu, &case).await?);
            self.add(crop::paste_gradient(gpu, &case).await?);
        }
        if (self.wanted)("picture_input") {
            self.add(picture_input::forward(gpu, [33, 17], window, None, 1).await?);
            self.add(picture_input::gradient(gpu, [33, 17], window, JOINED, None, 1).await?);
        }
        Ok(())
    }

    async fn gram_matrices(&mut self) -> Result<(), GpuError> {
        let gpu = self.gpu;
        for tiling in Tiling::ALL {
            if tiling.is_supported(gpu) && (self.wanted)(tiling.kernel().shader.stem) {
                let how = (gram::Part::Second, Evenness::Weighted);
                self.add(gram::forward(gpu, tiling, SHAPE, how, None, 1).await?);
            }
        }
        // The adapter gets one of the twins.
        if (self.wanted)("gram_gradient") || (self.wanted)("gram_gradient_portable") {
            let how = (JOINED, Evenness::Weighted);
            self.add(gram::gradient(gpu, SHAPE, how, None, 1).await?);
        }
        Ok(())
    }

    async fn losses(&mut self) -> Result<(), GpuError> {
        let gpu = self.gpu;
        if (self.wanted)("content_loss") {
            self.add(losses::content_value(gpu, &MAP, Evenness::Weighted).await?);
            self.add(losses::content_gradient(gpu, &MAP, Evenness::Weighted).await?);
        }
        if (self.wanted)("alignment_loss") {
            self.add(alignment_loss::check(gpu, &MAP, 2.0, false).await?);
        }
        if (self.wanted)("style_loss") {
            self.add(losses::style_value(gpu, 64, 1).await?);
            self.add(losses::style_gradient(gpu, 64, JOINED, 1).await?);
        }
        if (self.wanted)("tv_loss") {
            self.add(losses::tv_value(gpu, [33, 17], None, 1).await?);
            self.add(losses::tv_gradient(gpu, ([33, 17], None), JOINED, 1).await?);
        }
        if (self.wanted)("sum") {
            self.add(losses::sum(gpu, 5000, true, 1).await?);
        }
        if (self.wanted)("normalise") {
            self.add(normalise::check(gpu, &MAP, 1.0).await?);
        }
        Ok(())
    }

    async fn moments(&mut self) -> Result<(), GpuError> {
        let gpu = self.gpu;
        if (self.wanted)("mean") {
            let how = (gram::Part::Second, Evenness::Weighted);
            self.add(moments::mean(gpu, SHAPE, how, None, 1).await?);
            let how = (JOINED, Evenness::Weighted);
            self.add(moments::gradient(gpu, SHAPE, how, None, 1).await?);
        }
        for tiling in matrix_product::Tiling::ALL {
            if tiling.is_supported(gpu) && (self.wanted)(tiling.kernel().shader.stem) {
                self.add(moments::product(gpu, tiling, 68, true, 1).await?);
            }
        }
        if (self.wanted)("wasserstein_loss") {
            let case = wasserstein_loss::SharedAxes {
                channels: 64,
                rank: 20,
                decay: 1.0,
                root: wasserstein_loss::Root::Exact,
            };
            self.add(wasserstein_loss::on_shared_axes(gpu, &case).await?);
        }
        Ok(())
    }

    async fn parametrisation(&mut self) -> Result<(), GpuError> {
        let gpu = self.gpu;
        if (self.wanted)("fourier") {
            self.add(fourier::forward(gpu, [33, 17], 1).await?);
            self.add(fourier::gradient(gpu, [33, 17], 1).await?);
        }
        if (self.wanted)("decorrelate") {
            self.add(decorrelate::forward(gpu, 500, 1.0, 1).await?);
            self.add(decorrelate::gradient(gpu, 500, 1).await?);
        }
        if (self.wanted)("resample") {
            let case = resample::Case {
                size: [33, 17],
                seen: [29, 23],
                scale: 1.08,
                angle: 0.15,
                shift: [2.3, -3.7],
                seed: 1,
            };
            self.add(resample::forward(gpu, &case).await?);
            self.add(resample::gradient(gpu, &case).await?);
        }
        Ok(())
    }

    async fn dreams(&mut self) -> Result<(), GpuError> {
        let gpu = self.gpu;
        if (self.wanted)("dream_loss") {
            for measure in [Measure::Square, Measure::Root, Measure::Mean] {
                for channels in [&[][..], &[1, 6, 40]] {
                    let aim = dream::Aim { measure, channels };
                    self.add(dream::value(gpu, &MAP, aim).await?);
                    self.add(dream::gradient(gpu, &MAP, aim).await?);
                }
            }
        }
        if (self.wanted)("guide_loss") {
            let guide = Shape::new(64, 26, 21);
            for (correspondence, other) in [
                (Correspondence::Best, guide),
                (Correspondence::Itself, SHAPE),
            ] {
                let how = (correspondence, 2.0);
                self.add(dream::guided(gpu, (SHAPE, other), how, JOINED).await?);
            }
        }
        if (self.wanted)("roll") {
            self.add(dream::roll(gpu, [33, 17], [4, 16]).await?);
        }
        if (self.wanted)("dream_step") {
            for evenness in [Evenness::Even, Evenness::Weighted] {
                let flags = (true, true);
                self.add(dream::step(gpu, [33, 17], [4, 16], evenness, flags).await?);
            }
        }
        if (self.wanted)("zoom") {
            self.add(dream::zoom(gpu, [33, 17], (1.25, 10.0)).await?);
        }
        if (self.wanted)("gaussian_cascade") {
            self.add(dream::cascade(gpu, [33, 17], 1.5).await?);
        }
        if (self.wanted)("laplacian_pyramid") {
            self.add(dream::pyramid(gpu, [33, 17]).await?);
        }
        Ok(())
    }

    async fn optimisers(&mut self) -> Result<(), GpuError> {
        for case in optimisers::selection() {
            if (self.wanted)(case.settings.shader()) {
                self.add(optimisers::check(self.gpu, &case).await?);
            }
        }
        if (self.wanted)("average") {
            let mean = average::Case {
                values: 1004,
                updates: 5,
                decay: 0.75,
                bad: Some(3),
                binding_limit: None,
            };
            self.add(average::check(self.gpu, &mean).await?);
        }
        Ok(())
    }

    async fn probes(&mut self) -> Result<(), GpuError> {
        if (self.wanted)("fma_peak") {
            self.add(fma_peak::check(self.gpu, 4).await?);
        }
        if (self.wanted)("copy_bandwidth") {
            self.add(copy_bandwidth::check(self.gpu, 5000).await?);
        }
        Ok(())
    }
}
