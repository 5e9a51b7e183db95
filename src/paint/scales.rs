//! From coarse to fine: the sizes of a run, how its steps are shared among them, and where among them it stands.

use serde::{Deserialize, Serialize};

use crate::image::{Filter, Picture, fitted, resampled};
use crate::objective::Mask;
use crate::optim::Averaging;

/// A size at which a run paints for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// The longer side of the picture.
    pub size: usize,
    /// Evaluations of the objective, each with one move of the optimiser.
    pub steps: usize,
}

/// Where among its scales a run stands after a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScalePosition {
    /// Which scale, counted from 0, the coarsest.
    pub scale: usize,
    /// Steps of the run before this scale.
    #[serde(default)]
    pub first_step: usize,
    /// The loss at the last step at which it was judged whether it still changes.
    #[serde(default)]
    pub judged: Option<f32>,
    /// Whether it changed so little that the scale ended before its time.
    #[serde(default)]
    pub settled: bool,
}

/// Longer sides from coarse to fine: round(`end` / 2^(i/2)) for i = 0, 1, … as long as they are at least `smallest`,
/// and `end` in any case.
pub fn scale_sizes(end: usize, smallest: usize) -> Vec<usize> {
    let side = |i: i32| (end as f64 / 2f64.powf(f64::from(i) / 2.0)).round() as usize;
    let finer = std::iter::once(end);
    let coarser = (1..).map(side).take_while(|&side| side >= smallest.max(1));
    let mut sizes: Vec<usize> = finer.chain(coarser).take(MOST_SCALES).collect();
    // Rounding makes the smallest sides equal.
    sizes.dedup();
    sizes.reverse();
    sizes
}

/// From one pixel to 2³⁰.
const MOST_SCALES: usize = 61;

/// `steps` in all, of which the first scale has twice as many as each later one, for there the picture is found and
/// a step costs least. Every scale has at least one: if there are fewer steps than `sizes`, the coarsest are left out.
/// Without any step there is one scale, the last.
pub fn share_steps(sizes: &[usize], steps: usize) -> Vec<Scale> {
    let sizes = &sizes[sizes.len().saturating_sub(steps.max(1))..];
    let shares = sizes.len() as u128 + 1;
    // In u128 since a run without an end has as many steps as there are numbers.
    let until = |share: usize| (steps as u128 * share as u128 / shares) as usize;
    let scale = |(index, &size): (usize, &usize)| Scale {
        size,
        steps: until(index + 2) - if index == 0 { 0 } else { until(index + 1) },
    };
    sizes.iter().enumerate().map(scale).collect()
}

/// As [`share_steps`], the last `finish` of the `steps` at the last size once more.
pub fn share_steps_and_finish(sizes: &[usize], steps: usize, finish: usize) -> Vec<Scale> {
    let finish = finish.min(steps);
    let mut scales = match finish {
        all if all == steps && all > 0 => Vec::new(),
        _ => share_steps(sizes, steps - finish),
    };
    let last = sizes.last().filter(|_| finish > 0);
    scales.extend(last.map(|&size| Scale {
        size,
        steps: finish,
    }));
    scales
}

/// So large a part of a scale's steps the mean of its pictures looks back on, at most.
const AVERAGED_PART: usize = 10;

/// The mean over a scale of so many `steps`: with a memory of 1 / (1 − `decay`) pictures where there is time for
/// it, and else of a tenth of the steps. So whatever their number the picture that the scale begins with, and the
/// way from it, have left the mean when it ends: e⁻¹⁰ of the weight is theirs. `None` if there is nothing to average.
pub fn averaging_over(steps: usize, decay: f32) -> Option<Averaging> {
    let longest = 1.0 / (1.0 - f64::from(decay.clamp(0.0, 1.0 - f32::EPSILON)));
    let memory = longest.min(steps as f64 / AVERAGED_PART as f64);
    let decay = (1.0 - 1.0 / memory.max(1.0)) as f32;
    (decay > 0.0).then_some(Averaging { decay })
}

/// The pictures that a run is made from, at their full size.
#[derive(Clone, Debug)]
pub struct Sources {
    /// What is painted.
    pub content: Picture,
    /// In whose style, each with its share.
    pub styles: Vec<(Picture, f32)>,
    /// For each style picture, its longer side relative to that of the scale; it is never enlarged. One that is not
    /// listed is as large as the scale.
    pub style_scales: Vec<f32>,
    /// What takes the place of the scale's longer side where styles are sized: their strokes are then as many pixels broad
    /// at every scale.
    pub style_side: Option<usize>,
    /// Sides of the result are multiples of this: 1, or more for pictures that wrap around.
    pub multiple: usize,
}

impl Sources {
    /// W and H of the content, and of each style, where the longer side of the result is `side`.
    pub fn sizes(&self, side: usize) -> ([usize; 2], Vec<[usize; 2]>) {
        let style = |((style, _), longer): (&(Picture, f32), usize)| {
            let longer = longer.min(style.width.max(style.height));
            fitted(style.width, style.height, longer).into()
        };
        let (width, height) = fitted(self.content.width, self.content.height, side);
        let content = [width, height].map(|side| nearest_multiple(side, self.multiple));
        let styles = self.styles.iter().zip(self.style_sides(side));
        (content, styles.map(style).collect())
    }

    /// The content and the styles for a result whose longer side is `side`.
    pub fn at(&self, side: usize) -> (Picture, Vec<(Picture, f32)>) {
        let style = |((style, weight), longer): (&(Picture, f32), usize)| {
            (style.fit_longer_side(longer, false), *weight)
        };
        let styles = self.styles.iter().zip(self.style_sides(side));
        let styles = styles.map(style).collect();
        let ([width, height], _) = self.sizes(side);
        (self.content.resized(width, height), styles)
    }

    /// Adds `part` of what the content shows at the size of `picture` and cannot show at the size `from` (W, H): a
    /// level of its Laplacian pyramid (Burt and Adelson, 1983). Of a place only as much as a `mask` has of the content.
    pub(super) fn show_detail(
        &self,
        picture: &mut Picture,
        from: [usize; 2],
        part: f32,
        mask: Option<&Mask>,
    ) {
        let to = [picture.width, picture.height];
        if from == to {
            return;
        }
        let fine = self.content.resized(to[0], to[1]);
        let coarse = self.content.resized(from[0], from[1]);
        let coarse = carried_up(&coarse.rgb, from, to);
        let kept = mask.map(|mask| mask.resized(to).repeat(3));
        for (at, value) in picture.rgb.iter_mut().enumerate() {
            let kept = kept.as_ref().map_or(1.0, |kept| kept[at] as f32);
            let shown = *value + part * kept * (fine.rgb[at] - coarse.rgb[at]);
            *value = shown.clamp(0.0, 1.0);
        }
    }

    /// For each style, the longer side that it is wanted with where that of the result is `side`. One with fewer pixels
    /// stays as it is.
    pub fn style_sides(&self, side: usize) -> impl Iterator<Item = usize> {
        let side = self.style_side.unwrap_or(side);
        (0..self.styles.len()).map(move |index| {
            let scale = self.style_scales.get(index).copied().unwrap_or(1.0);
            ((side as f64 * f64::from(scale)).round() as usize).max(1)
        })
    }
}

/// The multiple of `of` next to `side`, at least one time `of`.
pub fn nearest_multiple(side: usize, of: usize) -> usize {
    ((side + of / 2) / of * of).max(of)
}

/// `rgb` of the size `from` (W, H) at the size `to`, in \[0, 1\]: what the next scale starts from.
pub(super) fn carried_up(rgb: &[f32], from: [usize; 2], to: [usize; 2]) -> Picture {
    let mut rgb = match from == to {
        true => rgb.to_vec(),
        false => resampled(rgb, from, to, Filter::Bicubic),
    };
    for value in &mut rgb {
        *value = value.clamp(0.0, 1.0);
    }
    let [width, height] = to;
    Picture { width, height, rgb }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_grow_by_the_root_of_two() {
        assert_eq!(scale_sizes(512, 128), [128, 181, 256, 362, 512]);
        assert_eq!(scale_sizes(128, 128), [128]);
        assert_eq!(scale_sizes(100, 128), [100]);
        assert_eq!(scale_sizes(1, 1), [1]);
        for end in 1..700 {
            for smallest in [1, 2, 37, 128, 1000] {
                let sizes = scale_sizes(end, smallest);
                assert_eq!(sizes.last(), Some(&end));
                assert!(sizes.is_sorted_by(|a, b| a < b), "{sizes:?}");
                assert!(sizes[0] >= smallest.min(end), "{sizes:?}");
                let next = (sizes[0] as f64 / 2f64.sqrt()).round() as usize;
                assert!(next <= smallest || sizes[0] == 1, "{sizes:?} may go on");
            }
        }
    }

    #[test]
    fn every_step_is_given_to_a_scale() {
        for count in 1..12 {
            let sizes: Vec<usize> = (1..=count).collect();
            for steps in (0..60).chain([150, 1000, 999_999, usize::MAX]) {
                let scales = share_steps(&sizes, steps);
                let sum: usize = scales.iter().map(|scale| scale.steps).sum();
                assert_eq!(sum, steps, "{count} scales");
                assert_eq!(scales.last().map(|scale| scale.size), Some(count));
                assert_eq!(scales.len(), count.min(steps.max(1)));
                if steps == 0 {
                    continue;
                }
                assert!(scales.iter().all(|scale| scale.steps > 0), "{scales:?}");
                let share = steps as f64 / (scales.len() + 1) as f64;
                for (index, scale) in scales.iter().enumerate() {
                    let share = if index == 0 { 2.0 * share } else { share };
                    assert!(
                        (scale.steps as f64 - share).abs() <= 1.0 + share * 1e-9,
                        "{scales:?}"
                    );
                }
            }
        }
        let steps = share_steps(&scale_sizes(512, 128), 3000);
        let steps: Vec<usize> = steps.iter().map(|scale| scale.steps).collect();
        assert_eq!(steps, [1000, 500, 500, 500, 500]);
    }

    #[test]
    fn a_mean_forgets_where_the_scale_began() {
        let decay = |steps| averaging_over(steps, 0.99).map(|averaging| averaging.decay);
        assert_eq!(decay(1_000_000), Some(0.99));
        assert_eq!(decay(1000), Some(0.99));
        assert_eq!(decay(10), None);
        assert_eq!(decay(0), None);
        assert_eq!(averaging_over(1000, 0.0), None);
        for steps in 11..2000 {
            let decay = f64::from(decay(steps).unwrap());
            assert!(decay.powi(steps as i32) < 1e-4, "{steps}: {decay}");
        }
    }

    #[test]
    fn a_finish_takes_the_last_steps() {
        let told = |steps, finish| -> Vec<(usize, usize)> {
            let scales = share_steps_and_finish(&[10, 20], steps, finish);
            scales.iter().map(|of| (of.size, of.steps)).collect()
        };
        assert_eq!(told(9, 0), [(10, 6), (20, 3)]);
        assert_eq!(told(12, 3), [(10, 6), (20, 3), (20, 3)]);
        assert_eq!(told(3, 3), [(20, 3)]);
        assert_eq!(told(2, 3), [(20, 2)]);
        assert_eq!(told(0, 0), [(20, 0)]);
    }

    #[test]
    fn pictures_are_sized_for_each_scale() {
        let picture = |width, height| Picture {
            width,
            height,
            rgb: vec![0.5; 3 * width * height],
        };
        let sources = Sources {
            content: picture(40, 30),
            styles: vec![(picture(50, 20), 1.0), (picture(9, 8), 2.0)],
            style_scales: vec![0.5],
            style_side: None,
            multiple: 1,
        };
        for side in [20, 60] {
            let (content, styles) = sources.at(side);
            let sizes = sources.sizes(side);
            let size_of = |picture: &Picture| [picture.width, picture.height];
            assert_eq!(sizes.0, size_of(&content));
            assert_eq!(sizes.0, [side, side * 3 / 4]);
            let of_styles: Vec<[usize; 2]> =
                styles.iter().map(|(style, _)| size_of(style)).collect();
            assert_eq!(sizes.1, of_styles);
            assert_eq!(sizes.1[0][0], side / 2);
            assert_eq!(sizes.1[1], [9, 8], "too small to be enlarged");
        }
        let style_side = Some(30);
        let same = Sources {
            style_side,
            ..sources
        };
        for side in [20, 60] {
            let (content, styles) = same.sizes(side);
            assert_eq!(content, [side, side * 3 / 4]);
            assert_eq!(styles, [[15, 6], [9, 8]]);
        }
    }

    /// Where the coarser scale painted the content itself, the finer one begins with the content itself.
    #[test]
    fn a_picture_gets_the_detail_that_it_could_not_have() {
        let (from, to) = ([21, 15], [40, 29]);
        let value = |at: usize| 0.5 + 0.3 * ((at * at % 97) as f32 / 97.0 - 0.5);
        let content = Picture {
            width: to[0],
            height: to[1],
            rgb: (0..3 * to[0] * to[1]).map(value).collect(),
        };
        let coarse = content.resized(from[0], from[1]);
        let enlarged = carried_up(&coarse.rgb, from, to);
        let sources = Sources {
            content,
            styles: Vec::new(),
            style_scales: Vec::new(),
            style_side: None,
            multiple: 1,
        };
        let mut picture = enlarged.clone();
        sources.show_detail(&mut picture, from, 1.0, None);
        let content = &sources.content.rgb;
        let far = |a: &[f32], b: &[f32]| {
            let squares = a.iter().zip(b).map(|(a, b)| (a - b).powi(2));
            (squares.sum::<f32>() / a.len() as f32).sqrt()
        };
        assert!(far(&picture.rgb, content) < 1e-6);
        let lost = far(&enlarged.rgb, content);
        assert!(lost > 0.05, "{lost}");
        let mut half = enlarged.clone();
        sources.show_detail(&mut half, from, 0.5, None);
        assert!((far(&half.rgb, content) / lost - 0.5).abs() < 1e-3);
        // The left half is the content's.
        let width = to[0];
        let is_left = |at: usize| at % width < width / 2;
        let kept = (0..to[0] * to[1]).map(|at| if is_left(at) { 1.0 } else { 0.0 });
        let mask = Mask {
            width,
            height: to[1],
            values: kept.collect(),
        };
        let mut masked = enlarged.clone();
        sources.show_detail(&mut masked, from, 1.0, Some(&mask));
        for (at, value) in masked.rgb.iter().enumerate() {
            let expected = if is_left(at) { content } else { &enlarged.rgb };
            assert!((value - expected[at]).abs() < 1e-6, "{at}");
        }
        let mut same = content.clone();
        same.reverse();
        let mut unmoved = Picture {
            width,
            height: to[1],
            rgb: same.clone(),
        };
        sources.show_detail(&mut unmoved, to, 1.0, None);
        assert!(unmoved.rgb == same, "a finish begins with what is there");
    }

    #[test]
    fn what_is_carried_up_is_a_picture() {
        let rgb: Vec<f32> = (0..48)
            .map(|i| if i % 4 < 2 { -0.5 } else { 1.5 })
            .collect();
        let up = carried_up(&rgb, [4, 4], [6, 6]);
        assert_eq!((up.width, up.height, up.rgb.len()), (6, 6, 108));
        assert!(up.rgb.iter().all(|value| (0.0..=1.0).contains(value)));
    }
}
