//! What is still to be done, counted in pixels, because a step of a larger scale takes longer.

use std::time::Instant;

use impasto::paint::{Scale, ScalePosition};

/// The steps of a run and how fast they go.
pub struct Work {
    /// Steps of each scale, and the pixels of one.
    scales: Vec<(usize, f64)>,
    /// Steps of all of them, and whether the last is a finish.
    planned: usize,
    ends_in_a_finish: bool,
    position: ScalePosition,
    /// The part of a step at the present scale that takes as long at any other.
    fixed: f64,
    /// The step after which the watch was started, always one of the present scale, and when that was.
    since: (usize, Instant),
}

impl Work {
    /// Nothing done yet. The shorter side is to the longer everywhere as in the result, which is of `size` (W, H).
    pub fn new((scales, ends_in_a_finish): (&[Scale], bool), size: [usize; 2]) -> Self {
        let [width, height] = size.map(|side| side as f64);
        let shape = width.min(height) / width.max(height);
        let pixels = |scale: &Scale| (scale.size as f64).powi(2) * shape;
        Self {
            planned: scales
                .iter()
                .map(|scale| scale.steps)
                .fold(0, usize::saturating_add),
            ends_in_a_finish,
            scales: scales
                .iter()
                .map(|scale| (scale.steps, pixels(scale)))
                .collect(),
            position: ScalePosition::default(),
            fixed: 0.0,
            since: (0, Instant::now()),
        }
    }

    /// How many scales there are.
    pub fn scales(&self) -> usize {
        self.scales.len()
    }

    /// Steps of the scale at `position`.
    pub fn steps_at(&self, position: ScalePosition) -> usize {
        self.scales
            .get(position.scale)
            .map_or(0, |&(steps, _)| steps)
    }

    /// Steps of the whole run, those that were left out so far not counted.
    pub fn steps(&self) -> usize {
        let later = self.scales.iter().skip(self.position.scale);
        let later: usize = later.map(|(steps, _)| steps).sum();
        self.position.first_step.saturating_add(later)
    }

    /// So large a `part` of a step depends on no number of pixels.
    pub fn set_fixed(&mut self, part: f64) {
        self.fixed = part;
    }

    /// A scale begins, or is taken up after `step`.
    pub fn enter(&mut self, position: ScalePosition, step: usize) {
        self.position = position;
        if self.ends_in_a_finish
            && let Some((finish, scales)) = self.scales.split_last_mut()
        {
            // It has those steps too that scales before it left over.
            let here_and_later = scales.iter().skip(position.scale);
            let before: usize = here_and_later.map(|(steps, _)| steps).sum();
            finish.0 = self.planned.saturating_sub(position.first_step + before);
        }
        self.since = (step, Instant::now());
    }

    /// Seconds of a step at this scale, judged after `step`; `None` before the first.
    pub fn seconds_a_step(&self, step: usize) -> Option<f64> {
        let (first, since) = self.since;
        let steps = step.checked_sub(first).filter(|&steps| steps > 0)?;
        Some(since.elapsed().as_secs_f64() / steps as f64)
    }

    /// Seconds that the run still takes after `step`, if a step takes `seconds` now.
    pub fn seconds_left(&self, step: usize, seconds: f64) -> f64 {
        let done = step.saturating_sub(self.position.first_step);
        let mut here_and_later = self.scales.iter().skip(self.position.scale);
        let Some(&(steps, pixels)) = here_and_later.next() else {
            return 0.0;
        };
        let as_long = |of_later: f64| self.fixed + (1.0 - self.fixed) * of_later / pixels;
        let later: f64 = here_and_later
            .map(|&(steps, of_later)| steps as f64 * as_long(of_later))
            .sum();
        seconds * (steps.saturating_sub(done) as f64 + later)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_larger_scales_take_longer() {
        let scale = |size, steps| Scale { size, steps };
        let scales = [scale(100, 20), scale(200, 10), scale(400, 10)];
        let mut work = Work::new((&scales, false), [400, 300]);
        assert_eq!((work.scales(), work.steps()), (3, 40));
        let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-9, "{found}");
        near(work.seconds_left(0, 1.0), 20.0 + 10.0 * 4.0 + 10.0 * 16.0);
        near(work.seconds_left(20, 1.0), 10.0 * 4.0 + 10.0 * 16.0);
        work.set_fixed(0.5);
        near(work.seconds_left(0, 1.0), 20.0 + 10.0 * 2.5 + 10.0 * 8.5);
        work.set_fixed(0.0);
        // The first scale ended five steps before its time.
        let position = ScalePosition {
            scale: 1,
            first_step: 15,
            ..ScalePosition::default()
        };
        work.enter(position, 15);
        assert_eq!((work.steps(), work.steps_at(position)), (35, 10));
        near(work.seconds_left(17, 3.0), 3.0 * (8.0 + 10.0 * 4.0));
        near(work.seconds_left(35, 3.0), 3.0 * 40.0);
        assert!(work.seconds_a_step(15).is_none());
        assert!(work.seconds_a_step(16).is_some());
    }

    #[test]
    fn a_finish_has_what_was_left_over() {
        let scale = |size, steps| Scale { size, steps };
        let scales = [scale(100, 20), scale(200, 10), scale(200, 30)];
        let mut work = Work::new((&scales, true), [200, 200]);
        let at = |scale, first_step| ScalePosition {
            scale,
            first_step,
            ..ScalePosition::default()
        };
        work.enter(at(1, 12), 12);
        assert_eq!((work.steps(), work.steps_at(at(2, 22))), (60, 38));
        work.enter(at(2, 15), 15);
        assert_eq!((work.steps(), work.steps_at(at(2, 15))), (60, 45));
    }
}
