//! The first way to compute something that fits a budget, found with few plans.
//!
//! What a way takes is known at three prices: bytes that it needs at least, for next to nothing; a sketch with
//! one tile of each kind, for a plan of some hundred steps; and everything, for a plan of every tile. Only what
//! passed the cheaper is asked the dearer.

use std::sync::Arc;

use crate::gpu::GpuError;
use crate::graph::{Candidate, Detail, Margin, Strategy, Tape, TapeError};
use crate::kernels::conv3x3::Preference;

/// So many of the smallest ways are looked at to see whether anything fits.
const SMALLEST: usize = 16;

/// Time of a step by exact variants, 1 for that by the others: on Mesa's software driver they reach 35 to 39 % of the
/// arithmetic peak at 256×256, where Winograd's reach 98 to 130 (`impasto bench step`, and with `--variant direct`, three
/// rounds in turns). Less than that, since tiles with wide margins cost more than their operations. A step of 1024×1024
/// within 800 MiB takes 67 and 76 s by exact ones beside a peak of 71 and 69 GFLOP/s, 56 and 68 s by the others beside one of
/// 48 and 38.
const EXACT_COST: f64 = 2.5;

/// How a step is computed: its tiles, and the variants of its convolutions.
#[derive(Clone, Debug)]
pub struct Way {
    /// Cuts and tiles.
    pub candidate: Candidate,
    /// How variants are chosen.
    pub preference: Preference,
    /// Whether the variants are other ones than were preferred.
    pub gives_up_speed: bool,
}

impl Way {
    /// Ways to compute the step of `tape`, the fastest first. All have the gradient of the plain one but for the
    /// order of sums, on an adapter that binds so many bytes. Variants that round the pixels of a tile together need wide margins for that; where these
    /// cost more than they save, exact variants with narrow ones come first.
    pub fn all(tape: &Tape, preference: &Preference, binding_limit: u64) -> Vec<Self> {
        let ways = |margin, preference: &Preference, gives_up_speed| -> Vec<Self> {
            let candidates = Strategy::candidates(tape, margin, binding_limit).into_iter();
            let way = |candidate| Self {
                candidate,
                preference: preference.clone(),
                gives_up_speed,
            };
            candidates.map(way).collect()
        };
        if !preference.may_round_in_tiles() {
            return ways(Margin::Receptive, preference, false);
        }
        let mut all = ways(Margin::Winograd, preference, false);
        // A variant that was wished for stays.
        if preference.wish.is_none() {
            let exact = Preference {
                exact: true,
                ..preference.clone()
            };
            all.extend(ways(Margin::Receptive, &exact, true));
        }
        all.sort_by(|a, b| a.cost().total_cmp(&b.cost()));
        all
    }

    /// Its time, 1 for that of the plain way with the preferred variants; roughly.
    pub fn cost(&self) -> f64 {
        let of_variants = if self.gives_up_speed { EXACT_COST } else { 1.0 };
        self.candidate.flop_ratio * of_variants
    }
}

/// Something that would run, as far as memory goes.
pub trait OnPaper {
    /// The most bytes that are ever held at once.
    fn peak(&self) -> u64;

    /// What stands in the way on this adapter, however much memory it has.
    fn obstacle(&self) -> Option<&Arc<GpuError>>;

    /// Whether it can run within `budget` bytes.
    fn fits(&self, budget: Option<u64>) -> bool {
        self.obstacle().is_none() && budget.is_none_or(|budget| self.peak() <= budget)
    }
}

/// Nothing fits: the smallest that was tried.
#[derive(Clone, Debug)]
pub struct Misfit<T>(pub T);

/// Ways and what they are held against.
pub struct Search<'a, T> {
    /// The fastest first.
    pub ways: &'a [Way],
    /// Bytes that every way takes beside those of its step; `None` where nothing is known without a plan.
    pub beside: Option<u64>,
    /// Bytes that there are; `None` for any number.
    pub budget: Option<u64>,
    /// What a way would take.
    pub on_paper: &'a dyn Fn(&Way, Detail) -> Result<T, TapeError>,
}

impl<T: OnPaper> Search<'_, T> {
    /// The first way that fits.
    ///
    /// # Errors
    /// A picture too small for a layer.
    pub fn first(&self) -> Result<Result<T, Misfit<T>>, TapeError> {
        for way in self.ways.iter().filter(|way| self.may_fit(way)) {
            if let Some(found) = self.fitting(way)? {
                return Ok(Ok(found));
            }
        }
        Ok(Err(Misfit(self.smallest_in_full()?)))
    }

    /// The smallest of [`Self::smallest`]. A sketch leaves out tiles that are like others but in size, so it is the
    /// least that its way can take: those are done in full whose sketch is below the smallest so far.
    fn smallest_in_full(&self) -> Result<T, TapeError> {
        let rank = |paper: &T| (paper.obstacle().is_some(), paper.peak());
        let mut sketches = Vec::new();
        for way in self.smallest() {
            sketches.push((rank(&(self.on_paper)(way, Detail::Sketch)?), way));
        }
        sketches.sort_by_key(|&(least, _)| least);
        let mut best: Option<T> = None;
        for (least, way) in sketches {
            if best.as_ref().is_some_and(|best| rank(best) <= least) {
                break;
            }
            let full = (self.on_paper)(way, Detail::Full)?;
            if best.as_ref().is_none_or(|best| rank(&full) < rank(best)) {
                best = Some(full);
            }
        }
        match best {
            Some(best) => Ok(best),
            // There is always a way: the plain one is among them, wherever it stands.
            None => (self.on_paper)(&self.ways[0], Detail::Full),
        }
    }

    /// One of the smallest ways if it fits: an answer to whether anything does. In full it is true of what is
    /// found; that nothing is found is most likely true.
    ///
    /// # Errors
    /// A picture too small for a layer.
    pub fn any(&self, detail: Detail) -> Result<Option<T>, TapeError> {
        for way in self.smallest().into_iter().filter(|way| self.may_fit(way)) {
            let found = match detail {
                Detail::Sketch => {
                    let sketch = (self.on_paper)(way, detail)?;
                    sketch.fits(self.budget).then_some(sketch)
                }
                Detail::Full => self.fitting(way)?,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// `way` in full if it fits, which a sketch can deny.
    fn fitting(&self, way: &Way) -> Result<Option<T>, TapeError> {
        if !(self.on_paper)(way, Detail::Sketch)?.fits(self.budget) {
            return Ok(None);
        }
        let full = (self.on_paper)(way, Detail::Full)?;
        Ok(full.fits(self.budget).then_some(full))
    }

    fn may_fit(&self, way: &Way) -> bool {
        let least = self.beside.map(|bytes| bytes + way.candidate.least_bytes);
        match (least, self.budget) {
            (Some(least), Some(budget)) => least <= budget,
            _ => true,
        }
    }

    /// Those that need the least.
    fn smallest(&self) -> Vec<&Way> {
        let mut ways: Vec<&Way> = self.ways.iter().collect();
        ways.sort_by_key(|way| way.candidate.least_bytes);
        ways.truncate(SMALLEST);
        ways
    }
}

/// The largest side up to `longest` for which `fits` holds, to a 64th of it: a round number to say, for few
/// questions.
pub fn largest_side(longest: usize, mut fits: impl FnMut(usize) -> bool) -> Option<usize> {
    let step = longest.div_ceil(64).max(1);
    let (mut fitting, mut too_large) = (0, longest.div_ceil(step) + 1);
    while too_large - fitting > 1 {
        let middle = fitting + (too_large - fitting) / 2;
        if fits((middle * step).min(longest)) {
            fitting = middle;
        } else {
            too_large = middle;
        }
    }
    (fitting > 0).then_some((fitting * step).min(longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many bytes and nothing else.
    struct Paper(u64);

    impl OnPaper for Paper {
        fn peak(&self) -> u64 {
            self.0
        }

        fn obstacle(&self) -> Option<&Arc<GpuError>> {
            None
        }
    }

    /// A hundred ways, each smaller than the one before, of which a plan takes `above` more than the least.
    fn search<R>(
        budget: u64,
        above: u64,
        find: impl FnOnce(Search<'_, Paper>) -> R,
    ) -> (R, [usize; 2]) {
        let way = |number: u64| Way {
            candidate: Candidate {
                strategy: Strategy::default(),
                flop_ratio: number as f64,
                least_bytes: 1000 - 5 * number,
            },
            preference: Preference::default(),
            gives_up_speed: false,
        };
        let ways: Vec<Way> = (0..100).map(way).collect();
        let plans = [Detail::Sketch, Detail::Full].map(|_| std::cell::Cell::new(0));
        let found = find(Search {
            ways: &ways,
            beside: Some(50),
            budget: Some(budget),
            on_paper: &|way, detail| {
                let of_detail = &plans[usize::from(detail == Detail::Full)];
                of_detail.set(of_detail.get() + 1);
                Ok(Paper(50 + way.candidate.least_bytes + above))
            },
        });
        (found, plans.map(|of_detail| of_detail.get()))
    }

    #[test]
    fn what_cannot_fit_is_never_planned() {
        let (found, plans) = search(800, 10, |search| search.first().unwrap());
        // 50 + 1000 − 5·52 + 10 are the first that fit.
        assert_eq!(found.ok().map(|paper| paper.0), Some(800));
        assert_eq!(plans, [3, 1]);

        let (found, plans) = search(400, 10, |search| search.first().unwrap());
        let smallest = found.err().map(|Misfit(paper)| paper.0);
        assert_eq!(smallest, Some(50 + 505 + 10));
        assert_eq!(plans, [SMALLEST, 1]);
    }

    #[test]
    fn whether_anything_fits_takes_few_plans() {
        for detail in [Detail::Sketch, Detail::Full] {
            let (found, plans) = search(600, 10, |search| search.any(detail).unwrap());
            assert_eq!(found.map(|paper| paper.0), Some(565));
            assert_eq!(plans, [1, usize::from(detail == Detail::Full)]);
            let (found, plans) = search(600, 100, |search| search.any(detail).unwrap());
            assert!(found.is_none());
            // 50 + 505 + 5·9 is the last that may fit.
            assert_eq!(plans, [10, 0]);
            let (found, plans) = search(500, 0, |search| search.any(detail).unwrap());
            assert!(found.is_none());
            assert_eq!(plans, [0, 0]);
        }
    }

    #[test]
    fn the_largest_side_is_found_wherever_it_is() {
        for longest in [1, 60, 1000] {
            for largest in 0..=longest {
                let found = largest_side(longest, |side| side <= largest);
                let found = found.unwrap_or(0);
                assert!(
                    found <= largest && largest - found <= longest / 64,
                    "{largest}: {found}"
                );
            }
        }
    }
}
