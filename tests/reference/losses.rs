//! Gram matrices, the terms of the objective, and a small network from picture to objective.

use crate::{assert_close, assert_gradient, dot, odd_shapes};
use impasto::reference::samples::samples;
use impasto::reference::{
    avgpool2, content_loss, conv3x3, dream_loss, gram, maxpool2, normalise, picture_input, relu,
    style_loss, tv_loss,
};
use impasto::shape::Shape;

#[test]
fn gram_by_hand() {
    // F = [[1, 2], [3, −4]]: F·Fᵀ = [[5, −5], [−5, 25]], over two positions.
    let (features, shape) = (
        [1.0, 2.0, 3.0, -4.0],
        Shape {
            channels: 2,
            height: 1,
            width: 2,
        },
    );
    assert_eq!(gram::forward(&features, shape), [2.5, -2.5, -2.5, 12.5]);
    // gG = [[1, 0], [2, 0]]: gG + gGᵀ = [[2, 2], [2, 0]], times F = [[8, −4], [2, 4]].
    assert_eq!(
        gram::gradient(&[1.0, 0.0, 2.0, 0.0], &features, shape),
        [4.0, -2.0, 1.0, 2.0]
    );
}

#[test]
fn gram_is_symmetric_and_its_trace_is_the_mean_energy() {
    for shape in odd_shapes(4) {
        let features = samples(21, shape.len());
        let gram = gram::forward(&features, shape);
        assert!((0..16).all(|k| gram[k] == gram[k % 4 * 4 + k / 4]));
        let trace: f64 = (0..4).map(|c| gram[5 * c]).sum();
        assert_close(
            &[trace],
            &[dot(&features, &features) / shape.pixels() as f64],
            1e-14,
        );
    }
}

#[test]
fn gram_gradient_agrees_with_finite_differences() {
    for shape in odd_shapes(3) {
        let (features, weights) = (samples(22, shape.len()), samples(23, 9));
        let gradient = gram::gradient(&weights, &features, shape);
        let entry = |at: usize| {
            let place = [at / shape.pixels(), at % shape.pixels()];
            gram::gradient_at(|at| weights[at], |at| features[at], shape, place)
        };
        let one_by_one: Vec<f64> = (0..gradient.len()).map(entry).collect();
        assert_close(&one_by_one, &gradient, 1e-14);
        assert_gradient(
            |f| dot(&weights, &gram::forward(f, shape)),
            &features,
            &gradient,
        );
    }
}

#[test]
fn content_loss_by_hand() {
    let (features, target) = ([1.0, 2.0, 3.0, 4.0], [1.0, 0.0, 6.0, 4.0]);
    assert_eq!(content_loss::value(&features, &target, 8.0), 26.0);
    assert_eq!(
        content_loss::gradient(&features, &target, 8.0),
        [0.0, 8.0, -12.0, 0.0]
    );
}

#[test]
fn style_loss_by_hand() {
    let (gram, target) = ([2.0, 1.0, 1.0, 5.0], [0.0, 1.0, 1.0, 1.0]);
    assert_eq!(style_loss::value(&gram, &target, 2.0), 10.0);
    assert_eq!(
        style_loss::gradient(&gram, &target, 2.0),
        [2.0, 0.0, 0.0, 4.0]
    );
}

#[test]
fn tv_loss_by_hand() {
    // Rows (0, 1) and (3, 3): dx = 1, 0; dy = 3, 2. Sum of squares 14 over 4 entries.
    let (x, shape) = (
        [0.0, 1.0, 3.0, 3.0],
        Shape {
            channels: 1,
            height: 2,
            width: 2,
        },
    );
    assert_eq!(tv_loss::value(&x, shape, 2.0), 7.0);
    assert_eq!(tv_loss::gradient(&x, shape, 2.0), [-4.0, -1.0, 3.0, 2.0]);
}

#[test]
fn tv_loss_sees_no_difference_across_border_or_channel() {
    let one_row = Shape {
        channels: 3,
        height: 1,
        width: 2,
    };
    let x = [1.0, 1.0, 5.0, 5.0, 9.0, 9.0];
    assert_eq!(tv_loss::value(&x, one_row, 1.0), 0.0);
    assert_eq!(tv_loss::gradient(&x, one_row, 1.0), [0.0; 6]);
    let one_pixel = Shape {
        channels: 3,
        height: 1,
        width: 1,
    };
    assert_eq!(tv_loss::value(&[1.0, 2.0, 3.0], one_pixel, 1.0), 0.0);
}

#[test]
fn tv_loss_of_three_channels_is_the_mean_of_each_alone() {
    for shape in odd_shapes(3) {
        let x = samples(29, shape.len());
        let single = Shape {
            channels: 1,
            ..shape
        };
        let channels = || x.chunks_exact(shape.pixels());
        let mean = channels()
            .map(|channel| tv_loss::value(channel, single, 0.7))
            .sum::<f64>()
            / 3.0;
        assert_close(&[tv_loss::value(&x, shape, 0.7)], &[mean], 1e-14);
        let gradient: Vec<f64> = channels()
            .flat_map(|channel| tv_loss::gradient(channel, single, 0.7 / 3.0))
            .collect();
        assert_close(&tv_loss::gradient(&x, shape, 0.7), &gradient, 1e-14);
    }
}

#[test]
fn dream_loss_by_hand() {
    assert_eq!(dream_loss::value(&[1.0, -3.0], 2.0), 10.0);
    assert_eq!(dream_loss::gradient(&[1.0, -3.0], 2.0), [2.0, -6.0]);
    assert_eq!(dream_loss::root_value(&[1.0, -7.0], 2.0), 10.0);
    let gradient = dream_loss::root_gradient(&[1.0, -7.0], 2.0);
    assert_close(&gradient, &[0.2, -1.4], 1e-15);
    assert_eq!(dream_loss::root_gradient(&[0.0, 0.0], 2.0), [0.0, 0.0]);
    assert_eq!(dream_loss::mean_value(&[1.0, -7.0], 2.0), -6.0);
    assert_eq!(dream_loss::mean_gradient(&[1.0, -7.0], 2.0), [1.0, 1.0]);
}

#[test]
fn gradients_of_the_terms_agree_with_finite_differences() {
    for shape in odd_shapes(3) {
        let (f, p) = (samples(24, shape.len()), samples(25, shape.len()));
        assert_gradient(
            |f| content_loss::value(f, &p, 0.7),
            &f,
            &content_loss::gradient(&f, &p, 0.7),
        );
        assert_gradient(
            |f| dream_loss::value(f, 0.7),
            &f,
            &dream_loss::gradient(&f, 0.7),
        );
        assert_gradient(
            |f| dream_loss::root_value(f, 0.7),
            &f,
            &dream_loss::root_gradient(&f, 0.7),
        );
        assert_gradient(
            |f| dream_loss::mean_value(f, 0.7),
            &f,
            &dream_loss::mean_gradient(&f, 0.7),
        );
        let (pixels, some) = (shape.pixels(), [0, 2]);
        let of_some = dream_loss::chosen(&f, pixels, &some);
        assert_gradient(
            |f| dream_loss::root_value(&dream_loss::chosen(f, pixels, &some), 0.7),
            &f,
            &dream_loss::spread(&dream_loss::root_gradient(&of_some, 0.7), pixels, &some, 3),
        );
        assert_gradient(
            |x| tv_loss::value(x, shape, 0.7),
            &f,
            &tv_loss::gradient(&f, shape, 0.7),
        );
    }
    let (g, a) = (samples(26, 25), samples(27, 25));
    assert_gradient(
        |g| style_loss::value(g, &a, 0.7),
        &g,
        &style_loss::gradient(&g, &a, 0.7),
    );
}

#[test]
fn terms_vanish_at_their_targets() {
    let f = samples(28, 16);
    assert_eq!(content_loss::value(&f, &f, 3.0), 0.0);
    assert_eq!(content_loss::gradient(&f, &f, 3.0), [0.0; 16]);
    assert_eq!(style_loss::value(&f, &f, 3.0), 0.0);
    assert_eq!(style_loss::gradient(&f, &f, 3.0), [0.0; 16]);
}

/// picture → input → conv → ReLU → max pool → conv → ReLU → average pool, with style on the first ReLU and content on the end.
struct SmallNetwork {
    weights: [Vec<f64>; 2],
    biases: [Vec<f64>; 2],
    style: Vec<f64>,
    content: Vec<f64>,
}

const PICTURE: Shape = Shape {
    channels: 3,
    height: 7,
    width: 5,
};
const FIRST: Shape = Shape {
    channels: 4,
    ..PICTURE
};
const SECOND: Shape = Shape {
    channels: 4,
    height: 3,
    width: 2,
};
const THIRD: Shape = Shape {
    channels: 6,
    ..SECOND
};
const MATRIX: [[f64; 3]; 3] = [[0.0, 0.1, 2.0], [0.0, 2.0, 0.0], [2.0, 0.0, 0.3]];

/// The maps behind each ReLU, all that reverse mode needs, and the end.
struct Maps {
    after: [Vec<f64>; 2],
    end: Vec<f64>,
}

impl SmallNetwork {
    fn maps(&self, x: &[f64]) -> Maps {
        let input = picture_input::forward(x, &MATRIX, &[-1.0, 0.5, 0.2]);
        let after1 = relu::forward(&conv3x3::forward(
            &input,
            PICTURE,
            &self.weights[0],
            &self.biases[0],
        ));
        let pooled = maxpool2::forward(&after1, FIRST);
        let after2 = relu::forward(&conv3x3::forward(
            &pooled,
            SECOND,
            &self.weights[1],
            &self.biases[1],
        ));
        let end = avgpool2::forward(&after2, THIRD);
        Maps {
            after: [after1, after2],
            end,
        }
    }

    /// On which side of every kink x lies: who is active in each ReLU, and who is the maximum of each window.
    fn sides(&self, x: &[f64]) -> Vec<bool> {
        let [after1, after2] = self.maps(x).after;
        let maxima = maxpool2::gradient(
            &[1.0; SECOND.channels * SECOND.height * SECOND.width],
            &after1,
            FIRST,
        );
        [after1, after2, maxima]
            .concat()
            .iter()
            .map(|&entry| entry > 0.0)
            .collect()
    }

    fn value(&self, x: &[f64]) -> f64 {
        let maps = self.maps(x);
        style_loss::value(&gram::forward(&maps.after[0], FIRST), &self.style, 0.3)
            + content_loss::value(&maps.end, &self.content, 2.0)
            + tv_loss::value(x, PICTURE, 0.5)
    }

    fn gradient(&self, x: &[f64]) -> Vec<f64> {
        let maps = self.maps(x);
        let g = content_loss::gradient(&maps.end, &self.content, 2.0);
        let g = relu::gradient(&avgpool2::gradient(&g, THIRD), &maps.after[1]);
        let g = conv3x3::input_gradient(&g, SECOND, &self.weights[1]);
        let g = maxpool2::gradient(&g, &maps.after[0], FIRST);
        let style = style_loss::gradient(&gram::forward(&maps.after[0], FIRST), &self.style, 0.3);
        let g = sum(&g, &gram::gradient(&style, &maps.after[0], FIRST));
        let g = conv3x3::input_gradient(
            &relu::gradient(&g, &maps.after[0]),
            PICTURE,
            &self.weights[0],
        );
        sum(
            &picture_input::gradient(&g, &MATRIX),
            &tv_loss::gradient(x, PICTURE, 0.5),
        )
    }
}

fn sum(a: &[f64], b: &[f64]) -> Vec<f64> {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

#[test]
fn a_small_network_agrees_with_finite_differences() {
    let network = SmallNetwork {
        weights: [samples(31, 4 * 3 * 9), samples(32, 6 * 4 * 9)],
        biases: [samples(33, 4), samples(34, 6)],
        style: samples(35, 16),
        content: samples(36, THIRD.channels),
    };
    let x = samples(37, PICTURE.len());
    let sides = network.sides(&x);
    assert!(sides.contains(&true) && sides.contains(&false));
    let value = |x: &[f64]| {
        assert_eq!(
            network.sides(x),
            sides,
            "a kink is near; choose another seed"
        );
        network.value(x)
    };
    assert_gradient(value, &x, &network.gradient(&x));
}

/// No function has it as its gradient, so there are no finite differences to hold it against.
#[test]
fn normalise_by_hand() {
    // ‖g‖₁ = 8.
    let found = normalise::forward(&[1.0, -2.0, 0.0, 5.0], 4.0);
    assert_close(&found, &[0.5, -1.0, 0.0, 2.5], 2e-9);
    assert_eq!(normalise::forward(&[0.0; 3], 4.0), [0.0; 3]);
    // A norm as small as ε counts by half.
    let half = normalise::forward(&[-normalise::EPSILON], 4.0);
    assert_close(&half, &[-2.0], 1e-15);
}

#[test]
fn normalise_makes_any_gradient_as_strong_as_its_pull() {
    for shape in odd_shapes(3) {
        for scale in [1e-3, 1.0, 1e9] {
            let gradient: Vec<f64> = samples(41, shape.len()).iter().map(|g| scale * g).collect();
            let found = normalise::forward(&gradient, 7.0);
            let norm: f64 = found.iter().map(|g| g.abs()).sum();
            assert!((norm - 7.0).abs() < 7e-3, "{norm}");
            let along = dot(&found, &gradient);
            let lengths = dot(&found, &found) * dot(&gradient, &gradient);
            assert!((along - lengths.sqrt()).abs() < 1e-12 * along, "it turned");
        }
    }
}
