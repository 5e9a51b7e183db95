//! The inverse Fourier transform of a real picture, from the half of its spectrum that says everything.

use std::f64::consts::TAU;

use crate::shape::Shape;

/// L = W/2 + 1: columns of the spectrum of a picture that is `width` wide.
pub fn columns(width: usize) -> usize {
    width / 2 + 1
}

/// x\[c, i, j\] = Σ_kl s\[k, l\] · w_l · Re(S\[c, k, l\] · e^(2πi(ki/H + lj/W))), with w_l = 1 where l = 0 or 2l = W and
/// 2 elsewhere.
///
/// `spectrum` is (C, H, L) of pairs, real and imaginary; `scale` is s, (H, L); the result has `shape`. With
/// s = 1/√(H·W) this is `numpy.fft.irfft2(S, (H, W), norm="ortho")`.
pub fn forward(spectrum: &[f64], scale: &[f64], shape: Shape) -> Vec<f64> {
    let mut x = vec![0.0; shape.len()];
    for_each_term(shape, |wave, pixel, [cosine, sine]| {
        let (plane, waves) = (shape.pixels(), scale.len());
        let s = scale[wave];
        for c in 0..shape.channels {
            let at = 2 * (c * waves + wave);
            x[c * plane + pixel] += s * (cosine * spectrum[at] - sine * spectrum[at + 1]);
        }
    });
    x
}

/// The gradient at the real and the imaginary parts, from that at x: the transpose of [`forward`].
pub fn gradient(gx: &[f64], scale: &[f64], shape: Shape) -> Vec<f64> {
    let mut gradient = vec![0.0; 2 * shape.channels * scale.len()];
    for_each_term(shape, |wave, pixel, [cosine, sine]| {
        let (plane, waves) = (shape.pixels(), scale.len());
        let s = scale[wave];
        for c in 0..shape.channels {
            let at = 2 * (c * waves + wave);
            gradient[at] += s * cosine * gx[c * plane + pixel];
            gradient[at + 1] -= s * sine * gx[c * plane + pixel];
        }
    });
    gradient
}

/// Calls `visit(k·L + l, i·W + j, w_l · (cos, sin))` for every wave and every pixel.
fn for_each_term(shape: Shape, mut visit: impl FnMut(usize, usize, [f64; 2])) {
    let (height, width) = (shape.height, shape.width);
    let columns = columns(width);
    for wave in 0..height * columns {
        let (k, l) = (wave / columns, wave % columns);
        let times = if l == 0 || 2 * l == width { 1.0 } else { 2.0 };
        for pixel in 0..height * width {
            let (i, j) = (pixel / width, pixel % width);
            let turns =
                (k * i % height) as f64 / height as f64 + (l * j % width) as f64 / width as f64;
            let (sine, cosine) = (TAU * turns).sin_cos();
            visit(wave, pixel, [times * cosine, times * sine]);
        }
    }
}
