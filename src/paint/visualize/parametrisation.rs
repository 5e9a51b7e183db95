//! What stands behind a picture: numbers in which a step of the optimiser is as long at every frequency and in every
//! colour (Olah, Mordvintsev & Schubert, "Feature Visualization", Distill 2017; constants of lucid).

use rand_chacha::ChaCha8Rng;

use crate::gpu::{Gpu, GpuError, Ledger, Recorder};
use crate::kernels::decorrelate::{self, ColourMatrix};
use crate::kernels::fourier::{Fourier, columns, spectrum_len};
use crate::paint::noise::bell;

/// The variable that is optimised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Parametrisation {
    /// The spectrum of the picture; the amplitude of frequency f is divided by f to the power `decay`.
    Fourier {
        /// 1 as photographs have it.
        decay: f32,
    },
    /// The picture itself.
    Pixels,
}

/// The square root of the covariance of colours of ImageNet, divided by the longest of its columns.
const CORRELATED: ColourMatrix = [
    [0.562_829, 0.194_825, 0.043_295],
    [0.584_476, 0.0, -0.108_236],
    [0.584_476, -0.194_825, 0.064_942],
];
const PLAIN: ColourMatrix = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

/// Standard deviation of what a run starts from.
const START: f64 = 0.01;

/// A variable on the device, its gradient, and the picture that is made of it.
pub(super) struct Variable {
    size: [usize; 2],
    matrix: ColourMatrix,
    fourier: Option<Fourier>,
    /// The variable.
    pub values: wgpu::Buffer,
    /// The gradient at the variable.
    pub gradient: wgpu::Buffer,
    /// Uncorrelated colours; the variable itself if there is no spectrum.
    plain: wgpu::Buffer,
    plain_gradient: wgpu::Buffer,
    /// The picture, (H, W) vec4.
    pub picture: wgpu::Buffer,
    /// The gradient at the picture.
    pub picture_gradient: wgpu::Buffer,
}

impl Variable {
    /// Memory for a picture of `size`, W and H.
    pub fn new(
        gpu: &Gpu,
        parametrisation: Parametrisation,
        decorrelate: bool,
        size: [usize; 2],
    ) -> Result<Self, GpuError> {
        let colours = |label: &str| gpu.storage(label, 16 * (size[0] * size[1]) as u64);
        let (plain, plain_gradient) = (colours("plain colours")?, colours("their gradient")?);
        let (fourier, values, gradient) = match parametrisation {
            Parametrisation::Pixels => (None, plain.clone(), plain_gradient.clone()),
            Parametrisation::Fourier { decay } => {
                let bytes = 4 * spectrum_len(size) as u64;
                (
                    Some(Fourier::new(gpu, size, &spectrum_scale(size, decay))?),
                    gpu.storage("spectrum", bytes)?,
                    gpu.storage("gradient of the spectrum", bytes)?,
                )
            }
        };
        Ok(Self {
            size,
            matrix: if decorrelate { CORRELATED } else { PLAIN },
            fourier,
            values,
            gradient,
            plain,
            plain_gradient,
            picture: colours("picture")?,
            picture_gradient: colours("picture gradient")?,
        })
    }

    /// What [`Variable::new`] would do to the memory of a device; returns the f32 of the variable.
    pub fn on_paper(
        parametrisation: Parametrisation,
        size: [usize; 2],
        ledger: &mut Ledger,
    ) -> usize {
        let colours = Ledger::rounded(16 * (size[0] * size[1]) as u64);
        // Plain colours, the picture, and the gradients at both.
        (0..4).for_each(|_| ledger.make(colours));
        match parametrisation {
            Parametrisation::Pixels => 4 * size[0] * size[1],
            Parametrisation::Fourier { .. } => {
                Fourier::on_paper(size, ledger);
                let spectrum = Ledger::rounded(4 * spectrum_len(size) as u64);
                (0..2).for_each(|_| ledger.make(spectrum));
                spectrum_len(size)
            }
        }
    }

    /// f32 of the variable.
    pub fn len(&self) -> usize {
        match self.fourier {
            Some(_) => spectrum_len(self.size),
            None => 4 * self.pixels(),
        }
    }

    fn pixels(&self) -> usize {
        self.size[0] * self.size[1]
    }

    /// Something to start from, near grey.
    pub fn start(&self, source: &mut ChaCha8Rng) -> Vec<f32> {
        let mut values = vec![0.0; self.len()];
        for vector in values.chunks_exact_mut(4) {
            for value in &mut vector[..3] {
                *value = (START * bell(source)) as f32;
            }
        }
        values
    }

    /// Records the picture from the variable.
    pub fn forward(&self, recorder: &mut Recorder<'_>) {
        if let Some(fourier) = &self.fourier {
            fourier.forward(recorder, &self.values, &self.plain);
        }
        let pixels = self.pixels();
        decorrelate::forward(recorder, self.matrix, pixels, &self.plain, &self.picture);
    }

    /// Records the gradient at the variable from that at the picture.
    pub fn backward(&self, recorder: &mut Recorder<'_>) {
        let (pixels, at) = (self.pixels(), [&self.picture, &self.picture_gradient]);
        decorrelate::gradient(recorder, self.matrix, pixels, at, &self.plain_gradient);
        if let Some(fourier) = &self.fourier {
            fourier.gradient(recorder, &self.plain_gradient, &self.gradient);
        }
    }
}

/// s\[k, l\] = 1 / (4·√(W·H) · max(f, 1 / max(W, H))^decay) with the frequency f in cycles per pixel, (H, W/2 + 1).
fn spectrum_scale([width, height]: [usize; 2], decay: f32) -> Vec<f32> {
    let lowest = 1.0 / width.max(height) as f64;
    let common = 4.0 * ((width * height) as f64).sqrt();
    let columns = columns(width);
    let scale = |wave: usize| {
        let (k, l) = (wave / columns, wave % columns);
        // Rows beyond the middle are negative frequencies.
        let across = l as f64 / width as f64;
        let down = k.min(height - k) as f64 / height as f64;
        let frequency = across.hypot(down).max(lowest);
        (1.0 / (common * frequency.powf(decay.into()))) as f32
    };
    (0..height * columns).map(scale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn low_frequencies_move_most_and_the_lowest_as_much_as_the_next() {
        let scale = spectrum_scale([8, 4], 1.0);
        let common = 4.0 * 32f32.sqrt();
        // f = 0 counts as 1/8; k = 3 is the frequency −1/4.
        let near = |at: usize, wanted: f32| assert!((scale[at] * common - wanted).abs() < 1e-4);
        near(0, 8.0);
        near(1, 8.0);
        near(4, 2.0);
        near(5, 4.0);
        near(15, 4.0);
        assert!(
            spectrum_scale([8, 4], 0.0)
                .iter()
                .all(|&s| (s * common - 1.0).abs() < 1e-6)
        );
    }
}
