//! Pictures seen through affine maps, and the gradient of that.

use super::Check;
use super::comparison::{Output, compare, draw, input_vector, widen};
use super::fourier::interleaved;
use crate::gpu::{Gpu, GpuError};
use crate::kernels::resample::{self, Affine, View};
use crate::reference;
use crate::shape::Shape;

/// A place is rounded to a part of a pixel, which weighs as much in the mix.
const TOLERANCE: f64 = 1e-4;
const GREY: f32 = 0.5;

/// What a case differs in.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// W and H of the picture.
    pub size: [usize; 2],
    /// W and H of what is seen.
    pub seen: [usize; 2],
    /// By which factor the picture is enlarged.
    pub scale: f64,
    /// Counter-clockwise, in radians.
    pub angle: f64,
    /// Of the picture, in pixels.
    pub shift: [f64; 2],
    /// Of the inputs.
    pub seed: u64,
}

impl Case {
    /// About the corner of both; sizes are small.
    fn map(&self) -> Affine {
        let (sine, cosine) = self.angle.sin_cos();
        let linear = [[cosine, -sine], [sine, cosine]];
        Affine {
            linear: linear.map(|row| row.map(|entry| entry / self.scale)),
            offset: self.shift,
        }
    }

    fn in_words(&self) -> String {
        let ([width, height], [seen_width, seen_height]) = (self.size, self.seen);
        let Self { scale, angle, .. } = self;
        format!("{width}×{height} to {seen_width}×{seen_height}, scaled {scale}, turned {angle}")
    }

    /// The map as the reference has it, rounded as the device has it, and the buffer of it.
    fn maps(&self, gpu: &Gpu) -> Result<(reference::resample::Affine, wgpu::Buffer), GpuError> {
        let numbers = self.map().numbers();
        let [a, b, c, d, x, y] = [0, 1, 2, 3, 4, 5].map(|at| f64::from(numbers[at]));
        let exact = reference::resample::Affine {
            linear: [[a, b], [c, d]],
            offset: [x, y],
        };
        Ok((exact, gpu.storage_with("checked map", &numbers)?))
    }

    fn view<'a>(&self, map: &'a wgpu::Buffer) -> View<'a> {
        View {
            map,
            size: self.size,
            seen: self.seen,
            grey: GREY,
        }
    }

    fn shape(&self) -> Shape {
        Shape::new(3, self.size[1], self.size[0])
    }
}

/// y from x.
///
/// # Errors
/// What the device refuses.
pub async fn forward(gpu: &Gpu, case: &Case) -> Result<Check, GpuError> {
    let (exact, map) = case.maps(gpu)?;
    let x = draw(case.seed, case.shape().len());
    let [width, height] = case.seen;
    let expected = reference::resample::forward(
        &widen(&x),
        case.shape(),
        &exact,
        [height, width],
        GREY.into(),
    );
    let y = Output::vector(gpu, None, &expected)?;
    let x = input_vector(gpu, &interleaved(&x))?;
    compare(gpu, case.in_words(), TOLERANCE, None, &[&y], |recorder| {
        resample::forward(recorder, case.view(&map), &x, &y.buffer);
        Ok(())
    })
    .await
}

/// gx from gy.
///
/// # Errors
/// What the device refuses.
pub async fn gradient(gpu: &Gpu, case: &Case) -> Result<Check, GpuError> {
    let (exact, map) = case.maps(gpu)?;
    let [width, height] = case.seen;
    let gy = draw(case.seed + 1, 3 * width * height);
    let expected =
        reference::resample::gradient(&widen(&gy), case.shape(), &exact, [height, width]);
    let gx = Output::vector(gpu, None, &interleaved(&expected))?;
    let gy = input_vector(gpu, &gy)?;
    compare(gpu, case.in_words(), TOLERANCE, None, &[&gx], |recorder| {
        resample::gradient(recorder, case.view(&map), &gy, &gx.buffer);
        Ok(())
    })
    .await
}
