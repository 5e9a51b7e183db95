//! What a visualisation is made of: spectrum, colours, transforms, alignment.

use crate::{assert_close, assert_gradient, dot, odd_shapes};
use impasto::reference::resample::Affine;
use impasto::reference::samples::samples;
use impasto::reference::{alignment_loss, decorrelate, fourier, resample};
use impasto::shape::Shape;

const MATRIX: [[f64; 3]; 3] = [[0.5, 0.25, -0.125], [0.75, -1.0, 2.0], [1.5, 0.375, 0.625]];

fn turned() -> Affine {
    Affine {
        linear: [[0.9, -0.3], [0.2, 1.1]],
        offset: [-0.7, 1.3],
    }
}

/// numpy.fft.irfft2([[1, 2 + 1j], [3 − 1j, 4]], (2, 3)) · 6, by numpy 2.
#[test]
fn fourier_is_that_of_numpy() {
    let spectrum = [1.0, 0.0, 2.0, 1.0, 3.0, -1.0, 4.0, 0.0];
    let x = fourier::forward(&spectrum, &[1.0; 4], Shape::new(1, 2, 3));
    let root = 3f64.sqrt();
    let expected = [16.0, -2.0 - root, -2.0 + root, -6.0, -root, root];
    assert_close(&x, &expected, 1e-14);
}

#[test]
fn fourier_keeps_the_energy_of_a_picture() {
    for shape in odd_shapes(2) {
        let x = samples(71, shape.len());
        let waves = shape.height * fourier::columns(shape.width);
        let scale = vec![1.0 / (shape.pixels() as f64).sqrt(); waves];
        // The gradient is the transform of a real picture, each entry times as often as it stands in the spectrum.
        let mut spectrum = fourier::gradient(&x, &scale, shape);
        for (at, part) in spectrum.iter_mut().enumerate() {
            let l = at / 2 % fourier::columns(shape.width);
            *part /= if l == 0 || 2 * l == shape.width {
                1.0
            } else {
                2.0
            };
        }
        assert_close(&fourier::forward(&spectrum, &scale, shape), &x, 1e-12);
    }
}

#[test]
fn fourier_gradient_is_its_transpose() {
    for shape in odd_shapes(3) {
        let waves = shape.height * fourier::columns(shape.width);
        let (scale, spectrum) = (samples(72, waves), samples(73, 6 * waves));
        let gx = samples(74, shape.len());
        let there = dot(&gx, &fourier::forward(&spectrum, &scale, shape));
        let back = dot(&fourier::gradient(&gx, &scale, shape), &spectrum);
        assert!((there - back).abs() < 1e-12 * (1.0 + there.abs()));
        assert_gradient(
            |s| dot(&gx, &fourier::forward(s, &scale, shape)),
            &spectrum,
            &fourier::gradient(&gx, &scale, shape),
        );
    }
}

#[test]
fn decorrelate_gradient_agrees_with_finite_differences() {
    let (t, gx) = (samples(75, 15), samples(76, 15));
    assert_eq!(decorrelate::forward(&[0.0; 3], &MATRIX), [0.5; 3]);
    assert_gradient(
        |t| dot(&gx, &decorrelate::forward(t, &MATRIX)),
        &t,
        &decorrelate::gradient(&gx, &decorrelate::forward(&t, &MATRIX), &MATRIX),
    );
}

#[test]
fn resample_by_hand() {
    // Half a pixel to the right: means of neighbours, and of the last with grey.
    let half = Affine {
        linear: [[1.0, 0.0], [0.0, 1.0]],
        offset: [0.5, 0.0],
    };
    let x = [1.0, 3.0, 7.0];
    let shape = Shape::new(1, 1, 3);
    assert_eq!(
        resample::forward(&x, shape, &half, [1, 3], 0.5),
        [2.0, 5.0, 3.75]
    );
    assert_eq!(
        resample::gradient(&[1.0, 10.0, 100.0], shape, &half, [1, 3]),
        [0.5, 5.5, 55.0]
    );
}

#[test]
fn resample_gradient_agrees_with_finite_differences() {
    for shape in odd_shapes(2) {
        let (x, gy) = (samples(77, shape.len()), samples(78, 2 * 5 * 4));
        assert_gradient(
            |x| dot(&gy, &resample::forward(x, shape, &turned(), [5, 4], 0.5)),
            &x,
            &resample::gradient(&gy, shape, &turned(), [5, 4]),
        );
    }
}

#[test]
fn alignment_by_hand() {
    // F·D = 11, ‖F‖ = 5, ‖D‖ = √5, over one position.
    let (f, d) = ([3.0, 4.0], [1.0, 2.0]);
    assert_eq!(alignment_loss::value(&f, &d, 1, (2.0, 0.0)), 22.0);
    assert_eq!(alignment_loss::gradient(&f, &d, 1, (2.0, 0.0)), [2.0, 4.0]);
    let cosine = 11.0 / (5.0 * 5f64.sqrt());
    assert_close(
        &[alignment_loss::value(&f, &d, 1, (2.0, 1.0))],
        &[22.0 * cosine],
        1e-12,
    );
    let against = alignment_loss::value(&f, &[-1.0, -2.0], 1, (2.0, 1.0));
    assert_close(&[against], &[-22.0 * alignment_loss::FLOOR], 1e-12);
}

#[test]
fn alignment_gradient_agrees_with_finite_differences() {
    for shape in odd_shapes(3) {
        let (f, noise) = (samples(79, shape.len()), samples(80, shape.len()));
        for side in [1.0, -1.0] {
            let pairs = f.iter().zip(&noise);
            let d: Vec<f64> = pairs.map(|(f, noise)| side * f + 0.3 * noise).collect();
            for power in [0.0, 1.0, 2.5] {
                let how = (0.7, power);
                assert_gradient(
                    |f| alignment_loss::value(f, &d, shape.pixels(), how),
                    &f,
                    &alignment_loss::gradient(&f, &d, shape.pixels(), how),
                );
            }
        }
    }
}
