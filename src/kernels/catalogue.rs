//! Every kernel there is, for listings and for the tests that hold each to its shader.

use super::{
    adam, alignment_loss, average, content_loss, conv3x3, copy_bandwidth, crop, decorrelate,
    dream_loss, dream_step, fma_peak, fourier, gaussian_cascade, gram, guide_loss,
    laplacian_pyramid, lbfgs, matrix_product, mean, normalise, picture_input, pool2, relu,
    resample, roll, style_loss, sum, tv_loss, wasserstein_loss, zoom,
};
use crate::gpu::Kernel;

/// All kernels, in the order in which a step runs them: network, losses, optimisers, probes.
pub fn catalogue() -> Vec<&'static Kernel> {
    let mut kernels = vec![&picture_input::FORWARD, &picture_input::GRADIENT];
    kernels.extend(conv3x3::Variant::ALL.map(conv3x3::Variant::kernel));
    kernels.extend([
        &conv3x3::winograd::INPUT,
        &conv3x3::winograd::INPUT_UNPOOLED,
        &conv3x3::winograd::OUTPUT,
        &conv3x3::winograd::OUTPUT_POOLED,
        &conv3x3::winograd_fused::POOLED,
        &conv3x3::winograd_fused::UNPOOLED,
        &conv3x3::replicate::FOLD,
        &relu::FORWARD,
        &relu::GRADIENT,
        &pool2::MAX_FORWARD,
        &pool2::MAX_GRADIENT,
        &pool2::AVERAGE_FORWARD,
        &pool2::AVERAGE_GRADIENT,
        &pool2::L2_FORWARD,
        &pool2::L2_GRADIENT,
        &crop::MAIN,
        &gram::PARTIAL,
        &gram::BROADCAST,
        &gram::TILED,
        &gram::REDUCE,
        &gram::GRADIENT,
        &gram::GRADIENT_PORTABLE,
        &mean::PARTIAL,
        &mean::REDUCE,
        &style_loss::VALUE,
        &style_loss::GRADIENT,
        &matrix_product::BROADCAST,
        &matrix_product::TILED,
        &wasserstein_loss::ENERGY,
        &wasserstein_loss::COVARIANCE,
        &wasserstein_loss::NORMALISE,
        &wasserstein_loss::VALUE,
        &wasserstein_loss::GRADIENT,
        &wasserstein_loss::GRADIENT_MEANS,
        &wasserstein_loss::CARRY,
        &content_loss::VALUE,
        &content_loss::GRADIENT,
        &dream_loss::VALUE,
        &dream_loss::ROOT,
        &dream_loss::GRADIENT,
        &alignment_loss::MEASURE,
        &alignment_loss::CONCLUDE,
        &alignment_loss::GRADIENT,
        &guide_loss::BEST,
        &guide_loss::ALIGN,
        &guide_loss::GRADIENT,
        &tv_loss::VALUE,
        &tv_loss::GRADIENT,
        &sum::MAIN,
        &normalise::MEASURE,
        &normalise::ADD,
        &fourier::COLUMNS,
        &fourier::ROWS,
        &fourier::ROWS_GRADIENT,
        &fourier::COLUMNS_GRADIENT,
        &decorrelate::FORWARD,
        &decorrelate::GRADIENT,
        &resample::FORWARD,
        &resample::GRADIENT,
        &adam::MAIN,
        &lbfgs::MEASURE,
        &lbfgs::JUDGE,
        &lbfgs::BEGIN,
        &lbfgs::DESCEND,
        &lbfgs::TURN,
        &lbfgs::ASCEND,
        &lbfgs::AIM,
        &lbfgs::DECIDE,
        &lbfgs::ADVANCE,
        &average::MAIN,
        &roll::MAIN,
        &dream_step::MAGNITUDE,
        &dream_step::CLIMB,
        &gaussian_cascade::ACROSS,
        &gaussian_cascade::DOWN,
        &laplacian_pyramid::SHRINK,
        &laplacian_pyramid::SPLIT,
        &laplacian_pyramid::ENERGY,
        &laplacian_pyramid::MERGE,
        &zoom::MAIN,
        &fma_peak::MAIN,
        &copy_bandwidth::MAIN,
    ]);
    kernels
}

/// The kernels that run on adapters that are not software: by the shipped rules, or for the asking with
/// the variant of Winograd that was made for them.
pub fn catalogue_of_real_gpus() -> Vec<&'static Kernel> {
    let mut chosen = vec![
        conv3x3::Variant::WinogradTiled.kernel(),
        gram::Tiling::fastest(false, true).kernel(),
        gram::gradient_kernel(false),
        matrix_product::Tiling::fastest(false).kernel(),
    ];
    chosen.extend(conv3x3::ON_GPUS.iter().map(|variant| variant.kernel()));
    let mut choices = vec![
        &gram::GRADIENT,
        &gram::GRADIENT_PORTABLE,
        &conv3x3::winograd_fused::POOLED,
        &conv3x3::winograd_fused::UNPOOLED,
    ];
    choices.extend(conv3x3::Variant::ALL.map(conv3x3::Variant::kernel));
    choices.extend(gram::Tiling::ALL.map(gram::Tiling::kernel));
    choices.extend(matrix_product::Tiling::ALL.map(matrix_product::Tiling::kernel));
    let mut kernels = catalogue();
    kernels.retain(|kernel| chosen.contains(kernel) || !choices.contains(kernel));
    kernels
}
