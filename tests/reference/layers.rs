//! The layers of the network.

use crate::{apart, assert_close, assert_gradient, dot, odd_shapes};
use impasto::reference::samples::samples;
use impasto::reference::{avgpool2, border, conv3x3, crop, l2pool2, maxpool2, picture_input, relu};
use impasto::shape::{Border, Shape, Window};

const ONE_TO_NINE: [f64; 9] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];
const POINT: [f64; 9] = [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0];

#[test]
fn conv_of_a_point_is_the_turned_kernel() {
    let y = conv3x3::forward(&POINT, Shape::new(1, 3, 3), &ONE_TO_NINE, &[10.0]);
    assert_eq!(y, [19.0, 18.0, 17.0, 16.0, 15.0, 14.0, 13.0, 12.0, 11.0]);
    assert_eq!(
        conv3x3::input_gradient(&POINT, Shape::new(1, 3, 3), &ONE_TO_NINE),
        ONE_TO_NINE
    );
}

#[test]
fn conv_pads_with_zeros() {
    let y = conv3x3::forward(&[1.0; 6], Shape::new(1, 2, 3), &[1.0; 9], &[0.0]);
    assert_eq!(y, [4.0, 6.0, 4.0, 4.0, 6.0, 4.0]);
}

#[test]
fn conv_of_a_single_pixel_mixes_channels_by_the_centre_taps() {
    // Kernel (o, c) holds 100·(10·o + c) everywhere and 10·o + c in its centre, for o = 1…3, c = 1…2.
    let weight: Vec<f64> = [11.0, 12.0, 21.0, 22.0, 31.0, 32.0]
        .iter()
        .flat_map(|&centre| (0..9).map(move |tap| if tap == 4 { centre } else { 100.0 * centre }))
        .collect();
    let y = conv3x3::forward(
        &[2.0, -1.0],
        Shape::new(2, 1, 1),
        &weight,
        &[1.0, 0.0, -1.0],
    );
    assert_eq!(y, [11.0, 20.0, 29.0]);
    let gx = conv3x3::input_gradient(&[1.0, 0.0, -1.0], Shape::new(2, 1, 1), &weight);
    assert_eq!(gx, [-20.0, -20.0]);
}

/// The formula of the doc comment, tap by tap, with a test for the border at each.
fn conv_by_definition(x: &[f64], shape: Shape, weight: &[f64], bias: &[f64]) -> Vec<f64> {
    let Shape {
        channels,
        height,
        width,
    } = shape;
    let padded = |c: usize, i: isize, j: isize| {
        let inside = (0..height as isize).contains(&i) && (0..width as isize).contains(&j);
        if inside {
            x[(c * height + i as usize) * width + j as usize]
        } else {
            0.0
        }
    };
    let mut y = Vec::new();
    for o in 0..bias.len() {
        for (i, j) in (0..height as isize).flat_map(|i| (0..width as isize).map(move |j| (i, j))) {
            let mut sum = bias[o];
            for c in 0..channels {
                for (u, v) in (0..3).flat_map(|u| (0..3).map(move |v| (u, v))) {
                    let tap = weight[(o * channels + c) * 9 + u * 3 + v];
                    sum += tap * padded(c, i + u as isize - 1, j + v as isize - 1);
                }
            }
            y.push(sum);
        }
    }
    y
}

#[test]
fn conv_agrees_with_its_definition_on_odd_shapes() {
    for (inputs, outputs) in [(1, 1), (3, 5), (4, 2)] {
        for shape in odd_shapes(inputs) {
            let (x, weight) = (samples(1, shape.len()), samples(2, outputs * inputs * 9));
            let bias = samples(3, outputs);
            let y = conv3x3::forward(&x, shape, &weight, &bias);
            assert_close(&y, &conv_by_definition(&x, shape, &weight, &bias), 1e-14);
            let entry = |at: usize| {
                let (o, pixel) = (at / shape.pixels(), at % shape.pixels());
                let place = [o, pixel / shape.width, pixel % shape.width];
                bias[o] + conv3x3::forward_at(|at| x[at], shape, |at| weight[at], place)
            };
            let one_by_one: Vec<f64> = (0..y.len()).map(entry).collect();
            assert_close(&one_by_one, &y, 1e-14);
        }
    }
}

#[test]
fn conv_gradient_is_the_transpose() {
    for (inputs, outputs) in [(1, 1), (3, 5), (4, 2)] {
        for shape in odd_shapes(inputs) {
            let (v, weight) = (samples(4, shape.len()), samples(5, outputs * inputs * 9));
            let gy = samples(6, outputs * shape.pixels());
            let jv = conv3x3::forward(&v, shape, &weight, &vec![0.0; outputs]);
            let gx = conv3x3::input_gradient(&gy, shape, &weight);
            assert_close(&[dot(&gx, &v)], &[dot(&gy, &jv)], 1e-12);
        }
    }
}

#[test]
fn conv_gradient_agrees_with_finite_differences() {
    let shape = Shape::new(3, 3, 5);
    let (x, weight, bias) = (
        samples(7, shape.len()),
        samples(8, 2 * 3 * 9),
        samples(9, 2),
    );
    let gy = samples(10, 2 * shape.pixels());
    let gx = conv3x3::input_gradient(&gy, shape, &weight);
    assert_gradient(
        |x| dot(&gy, &conv3x3::forward(x, shape, &weight, &bias)),
        &x,
        &gx,
    );
}

#[test]
fn transposing_weights_twice_gives_them_back() {
    let weight = samples(11, 5 * 3 * 9);
    let turned = conv3x3::transposed(&weight, 3);
    assert_eq!(
        turned[..9],
        weight[..9].iter().rev().copied().collect::<Vec<_>>()
    );
    assert_ne!(turned, weight);
    assert_eq!(conv3x3::transposed(&turned, 5), weight);
}

#[test]
fn relu_clips_and_masks() {
    let y = relu::forward(&[-2.0, -0.0, 0.0, 3.0]);
    assert_eq!(y, [0.0, 0.0, 0.0, 3.0]);
    assert_eq!(
        relu::gradient(&[5.0, 6.0, 7.0, 8.0], &y),
        [0.0, 0.0, 0.0, 8.0]
    );
}

#[test]
fn relu_gradient_agrees_with_finite_differences() {
    let (x, gy) = (apart(12, 30), samples(13, 30));
    let gx = relu::gradient(&gy, &relu::forward(&x));
    assert_gradient(|x| dot(&gy, &relu::forward(x)), &x, &gx);
}

/// Ties along a row, down a column and across; the last row and column are odd and the largest.
const TIES: [f64; 15] = [
    1.0, 1.0, 0.0, 2.0, 7.0, 1.0, 0.0, 2.0, 2.0, 8.0, 9.0, 9.0, 9.0, 9.0, 9.0,
];

#[test]
fn max_pooling_gives_the_gradient_to_the_first_maximum() {
    // torch.nn.functional.max_pool2d(x, 2) gives the same values and the same gradient.
    let shape = Shape::new(1, 3, 5);
    assert_eq!(
        maxpool2::output_shape(shape),
        Shape {
            channels: 1,
            height: 1,
            width: 2
        }
    );
    assert_eq!(maxpool2::forward(&TIES, shape), [1.0, 2.0]);
    let mut expected = [0.0; 15];
    expected[0] = 5.0;
    expected[3] = 6.0;
    assert_eq!(maxpool2::gradient(&[5.0, 6.0], &TIES, shape), expected);
}

#[test]
fn max_pooling_takes_each_corner_and_negative_values() {
    for corner in 0..4 {
        let mut x = [-4.0; 4];
        x[corner] = -3.0;
        let mut expected = [0.0; 4];
        expected[corner] = 2.0;
        assert_eq!(maxpool2::forward(&x, Shape::new(1, 2, 2)), [-3.0]);
        assert_eq!(
            maxpool2::gradient(&[2.0], &x, Shape::new(1, 2, 2)),
            expected
        );
    }
}

#[test]
fn max_pooling_gradient_agrees_with_finite_differences() {
    for shape in odd_shapes(2) {
        let (x, gy) = (
            apart(14, shape.len()),
            samples(15, maxpool2::output_shape(shape).len()),
        );
        let gx = maxpool2::gradient(&gy, &x, shape);
        assert_gradient(|x| dot(&gy, &maxpool2::forward(x, shape)), &x, &gx);
    }
}

#[test]
fn average_pooling_spreads_the_gradient() {
    let x = [1.0, 3.0, 100.0, 5.0, 7.0, 100.0, 100.0, 100.0, 100.0];
    assert_eq!(avgpool2::forward(&x, Shape::new(1, 3, 3)), [4.0]);
    assert_eq!(
        avgpool2::gradient(&[8.0], Shape::new(1, 3, 3)),
        [2.0, 2.0, 0.0, 2.0, 2.0, 0.0, 0.0, 0.0, 0.0]
    );
    let two_channels = [1.0, 3.0, 5.0, 7.0, -1.0, -3.0, -5.0, -7.0];
    assert_eq!(
        avgpool2::forward(&two_channels, Shape::new(2, 2, 2)),
        [4.0, -4.0]
    );
}

#[test]
fn average_pooling_gradient_is_the_transpose() {
    for shape in odd_shapes(3) {
        let (v, gy) = (
            samples(16, shape.len()),
            samples(17, avgpool2::output_shape(shape).len()),
        );
        let (jv, gx) = (avgpool2::forward(&v, shape), avgpool2::gradient(&gy, shape));
        assert_close(&[dot(&gx, &v)], &[dot(&gy, &jv)], 1e-12);
        assert_gradient(|x| dot(&gy, &avgpool2::forward(x, shape)), &v, &gx);
    }
}

#[test]
fn l2_pooling_of_three_and_four_is_five_scaled() {
    let x = [3.0, 4.0, 100.0, 0.0, 0.0, 100.0, 100.0, 100.0, 100.0];
    let shape = Shape::new(1, 3, 3);
    assert_eq!(l2pool2::forward(&x, shape), [0.78 * 5.0]);
    let shares = [0.78 * 3.0, 0.78 * 4.0];
    let expected = [shares[0], shares[1], 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    assert_close(&l2pool2::gradient(&[5.0], &x, shape), &expected, 1e-15);
    let two_channels = [1.0, 1.0, 1.0, 1.0, -1.0, -7.0, -5.0, -5.0];
    assert_eq!(
        l2pool2::forward(&two_channels, Shape::new(2, 2, 2)),
        [0.78 * 2.0, 0.78 * 10.0]
    );
}

#[test]
fn l2_pooling_lets_no_gradient_into_a_window_of_zeros() {
    let (x, shape) = ([0.0; 4], Shape::new(1, 2, 2));
    assert_eq!(l2pool2::forward(&x, shape), [0.0]);
    assert_eq!(l2pool2::gradient(&[5.0], &x, shape), [0.0; 4]);
}

#[test]
fn l2_pooling_gradient_agrees_with_finite_differences() {
    for shape in odd_shapes(2) {
        let x = apart(21, shape.len());
        let gy = samples(22, l2pool2::output_shape(shape).len());
        let gx = l2pool2::gradient(&gy, &x, shape);
        assert_gradient(|x| dot(&gy, &l2pool2::forward(x, shape)), &x, &gx);
    }
}

#[test]
fn pooling_a_single_pixel_leaves_nothing() {
    let shape = Shape::new(2, 1, 1);
    assert!(maxpool2::forward(&[1.0, 2.0], shape).is_empty());
    assert_eq!(maxpool2::gradient(&[], &[1.0, 2.0], shape), [0.0, 0.0]);
    assert!(avgpool2::forward(&[1.0, 2.0], shape).is_empty());
    assert_eq!(avgpool2::gradient(&[], shape), [0.0, 0.0]);
    assert!(l2pool2::forward(&[1.0, 2.0], shape).is_empty());
    assert_eq!(l2pool2::gradient(&[], &[1.0, 2.0], shape), [0.0, 0.0]);
}

#[test]
fn picture_input_reorders_scales_and_shifts() {
    // Two pixels; B, G, R out of R, G, B, times 255, minus a mean.
    let matrix = [[0.0, 0.0, 255.0], [0.0, 255.0, 0.0], [255.0, 0.0, 0.0]];
    let offset = [-104.0, -117.0, -124.0];
    let x = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0];
    assert_eq!(
        picture_input::forward(&x, &matrix, &offset),
        [-104.0, -104.0, -117.0, 138.0, 131.0, -124.0]
    );
    let gradient = picture_input::gradient(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &matrix);
    assert_eq!(gradient, [1275.0, 1530.0, 765.0, 1020.0, 255.0, 510.0]);
}

#[test]
fn picture_input_gradient_is_the_transpose_of_any_matrix() {
    let entries = samples(18, 9);
    let matrix = [0, 1, 2].map(|k| [0, 1, 2].map(|c| entries[3 * k + c]));
    for shape in odd_shapes(3) {
        let (v, g) = (samples(19, shape.len()), samples(20, shape.len()));
        let jv = picture_input::forward(&v, &matrix, &[0.0; 3]);
        let gx = picture_input::gradient(&g, &matrix);
        assert_close(&[dot(&gx, &v)], &[dot(&g, &jv)], 1e-12);
        assert_gradient(
            |x| dot(&g, &picture_input::forward(x, &matrix, &[1.0, -2.0, 3.0])),
            &v,
            &gx,
        );
    }
}

#[test]
fn a_crop_is_a_window_and_its_gradient_puts_it_back_among_zeros() {
    let (shape, window) = (
        Shape::new(1, 3, 3),
        Window {
            left: 1,
            top: 0,
            width: 2,
            height: 2,
        },
    );
    let y = crop::forward(&ONE_TO_NINE, shape, window);
    assert_eq!(y, [2.0, 3.0, 5.0, 6.0]);
    let gx = crop::gradient(&y, shape, window);
    assert_eq!(gx, [0.0, 2.0, 3.0, 0.0, 5.0, 6.0, 0.0, 0.0, 0.0]);
}

#[test]
fn a_paste_keeps_what_is_around_it() {
    let from = Window {
        left: 1,
        top: 2,
        width: 2,
        height: 1,
    };
    let mut y = [0.5; 8];
    let wide = Shape::new(1, 2, 4);
    crop::paste(
        &ONE_TO_NINE,
        Shape::new(1, 3, 3),
        from,
        &mut y,
        wide,
        [2, 1],
    );
    assert_eq!(y, [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 8.0, 9.0]);
}

#[test]
fn frames_hold_zeros_the_nearest_or_the_opposite() {
    let (x, shape) = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], Shape::new(1, 2, 3));
    let rows = |border| border::forward(&x, shape, border);
    assert_eq!(
        rows(Border::Zero),
        [
            [0.0, 0.0, 0.0, 0.0, 0.0],
            [0.0, 1.0, 2.0, 3.0, 0.0],
            [0.0, 4.0, 5.0, 6.0, 0.0],
            [0.0, 0.0, 0.0, 0.0, 0.0],
        ]
        .concat()
    );
    assert_eq!(
        rows(Border::Replicate),
        [
            [1.0, 1.0, 2.0, 3.0, 3.0],
            [1.0, 1.0, 2.0, 3.0, 3.0],
            [4.0, 4.0, 5.0, 6.0, 6.0],
            [4.0, 4.0, 5.0, 6.0, 6.0],
        ]
        .concat()
    );
    assert_eq!(
        rows(Border::Wrap),
        [
            [6.0, 4.0, 5.0, 6.0, 4.0],
            [3.0, 1.0, 2.0, 3.0, 1.0],
            [6.0, 4.0, 5.0, 6.0, 4.0],
            [3.0, 1.0, 2.0, 3.0, 1.0],
        ]
        .concat()
    );
}

#[test]
fn gradients_of_convolutions_with_borders_agree_with_differences() {
    for around in [Border::Zero, Border::Replicate, Border::Wrap] {
        for shape in odd_shapes(2) {
            let (x, weight) = (samples(1, shape.len()), samples(2, 3 * 2 * 9));
            let gy = samples(3, 3 * shape.pixels());
            let value = |x: &[f64]| {
                let y = conv3x3::forward_within(x, shape, around, &weight, &[0.5, 0.0, -0.5]);
                dot(&y, &gy)
            };
            let gradient = conv3x3::input_gradient_within(&gy, shape, around, &weight);
            assert_gradient(value, &x, &gradient);
        }
    }
}
