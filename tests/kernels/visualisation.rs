//! What a visualisation is made of, against the f64 reference.

use super::cases::map_cases;
use super::devices::everywhere;
use impasto::doctor;

/// At the floor of the cosine, above it, and without one.
#[test]
fn alignment_loss() {
    everywhere(async |gpu| {
        let mut checks = Vec::new();
        for case in map_cases() {
            for (power, against) in [(0.0, false), (0.0, true), (2.0, false), (2.0, true)] {
                let check = doctor::alignment_loss::check(gpu, &case, power, against);
                checks.push(check.await?);
            }
        }
        Ok(checks)
    });
}

/// Sides of one pixel, odd and even, primes and powers of two.
#[test]
fn fourier() {
    everywhere(async |gpu| {
        let mut checks = Vec::new();
        for size in [
            [1, 1],
            [2, 1],
            [1, 3],
            [5, 3],
            [8, 6],
            [19, 1],
            [33, 17],
            [64, 32],
        ] {
            checks.push(doctor::fourier::forward(gpu, size, 1).await?);
            checks.push(doctor::fourier::gradient(gpu, size, 2).await?);
        }
        Ok(checks)
    });
}

/// Also where the colours are as good as black and white.
#[test]
fn decorrelate() {
    everywhere(async |gpu| {
        let mut checks = Vec::new();
        for pixels in [1, 63, 500] {
            for stretch in [1.0, 200.0] {
                checks.push(doctor::decorrelate::forward(gpu, pixels, stretch, 1).await?);
            }
            checks.push(doctor::decorrelate::gradient(gpu, pixels, 2).await?);
        }
        Ok(checks)
    });
}

/// The map that changes nothing, moves by whole pixels and parts, scales beyond what transforms do, quarter turns, and
/// a picture of which nothing is seen.
#[test]
fn resample() {
    let case = |size, seen, scale, angle, shift| doctor::resample::Case {
        size,
        seen,
        scale,
        angle,
        shift,
        seed: 3,
    };
    let cases = [
        case([1, 1], [1, 1], 1.0, 0.0, [0.0, 0.0]),
        case([19, 5], [19, 5], 1.0, 0.0, [0.0, 0.0]),
        case([19, 5], [23, 9], 1.0, 0.0, [-2.0, -2.0]),
        case([19, 5], [7, 3], 1.0, 0.0, [3.0, 1.0]),
        case([33, 17], [33, 17], 0.9, -0.17, [0.3, 1.7]),
        case([33, 17], [40, 25], 1.1, 0.17, [-4.2, 1.1]),
        case([33, 17], [40, 25], 3.0, 1.2, [5.5, 1.1]),
        case([33, 17], [9, 9], 0.3, 0.5, [1.5, 1.1]),
        case([6, 6], [5, 5], 1.0, 0.0, [90.0, -1e6]),
    ];
    everywhere(async |gpu| {
        let mut checks = Vec::new();
        for case in &cases {
            checks.push(doctor::resample::forward(gpu, case).await?);
            checks.push(doctor::resample::gradient(gpu, case).await?);
        }
        Ok(checks)
    });
}
