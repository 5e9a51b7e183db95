//! What an adapter was measured to do: the table behind a choice of variants that rules cannot make.
//!
//! Only data and the matching; who measures it and where it is kept is not known on this floor.

use super::{Filter, Variant};
use crate::gpu::AdapterSummary;
use crate::kernels::Pass;
use crate::shape::Shape;

/// A convolution as far as its speed goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which way.
    pub pass: Pass,
    /// C of the layer, whatever the direction.
    pub c_in: usize,
    /// O of the layer, whatever the direction.
    pub c_out: usize,
    /// Pixels across.
    pub width: usize,
    /// Pixels down.
    pub height: usize,
}

impl Problem {
    /// What running `filter` onto a map of `output` shape is; a gradient runs the transposed filter.
    pub fn new(filter: &Filter, output: Shape, pass: Pass) -> Self {
        let (c_in, c_out) = match pass {
            Pass::Forward => (filter.c_in, filter.c_out),
            Pass::Gradient => (filter.c_out, filter.c_in),
        };
        Self {
            pass,
            c_in,
            c_out,
            width: output.width,
            height: output.height,
        }
    }

    /// How many times more pixels the larger of the two has, if they differ in nothing else.
    fn distance(&self, other: &Self) -> Option<f64> {
        let kind = |of: &Self| (of.pass, of.c_in, of.c_out);
        let pixels = |of: &Self| (of.width * of.height) as f64;
        let ratio = pixels(self) / pixels(other);
        (kind(self) == kind(other)).then_some(ratio.max(1.0 / ratio))
    }
}

/// One variant on one problem.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measurement {
    /// What ran.
    pub variant: Variant,
    /// Median seconds.
    pub seconds: f64,
    /// Effective share of the FMA peak that was probed beside it.
    pub share_of_peak: f64,
}

/// Every variant that was tried on one problem.
#[derive(Clone, Debug, PartialEq)]
pub struct TuningRow {
    /// The problem.
    pub problem: Problem,
    /// One per variant, in any order.
    pub measurements: Vec<Measurement>,
}

impl TuningRow {
    /// The seconds of `variant`, if it was tried.
    pub fn seconds(&self, variant: Variant) -> Option<f64> {
        let tried = self.measurements.iter();
        tried
            .filter(|measurement| measurement.variant == variant)
            .map(|measurement| measurement.seconds)
            .next()
    }
}

/// Everything measured on one adapter with one driver by one version of impasto.
#[derive(Clone, Debug, PartialEq)]
pub struct TuningTable {
    /// [`AdapterSummary::name`].
    pub adapter: String,
    /// [`AdapterSummary::driver`].
    pub driver: String,
    /// The version of impasto whose kernels ran.
    pub version: String,
    /// One per problem.
    pub rows: Vec<TuningRow>,
}

impl TuningTable {
    /// The version that a table must have been made by, and that of the kernels: the latter grows when one of them changes its
    /// speed, since a table would go on to choose by what is no longer so.
    pub const VERSION: &'static str = concat!(env!("CARGO_PKG_VERSION"), ", kernels 2");
    /// Rows of maps with more or fewer pixels than by this factor say nothing.
    pub const LARGEST_DISTANCE: f64 = 2.0;

    /// An empty table for `adapter`.
    pub fn new(adapter: &AdapterSummary) -> Self {
        Self {
            adapter: adapter.name.clone(),
            driver: adapter.driver.clone(),
            version: Self::VERSION.to_string(),
            rows: Vec::new(),
        }
    }

    /// Whether it was measured on `adapter`, with this driver, by this version.
    pub fn is_for(&self, adapter: &str, driver: &str) -> bool {
        self.adapter == adapter && self.driver == driver && self.version == Self::VERSION
    }

    /// The row of the same direction and channels whose pixel count is nearest to that of `problem`,
    /// at most twice or half of it.
    pub fn find(&self, problem: &Problem) -> Option<&TuningRow> {
        self.rows
            .iter()
            .filter_map(|row| Some((row.problem.distance(problem)?, row)))
            .filter(|(distance, _)| *distance <= Self::LARGEST_DISTANCE)
            .min_by(|(a, _), (b, _)| a.total_cmp(b))
            .map(|(_, row)| row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(pass: Pass, [c_in, c_out]: [usize; 2], [width, height]: [usize; 2]) -> Problem {
        Problem {
            pass,
            c_in,
            c_out,
            width,
            height,
        }
    }

    fn table(problems: &[Problem]) -> TuningTable {
        TuningTable {
            adapter: "a".to_string(),
            driver: "d".to_string(),
            version: TuningTable::VERSION.to_string(),
            rows: problems
                .iter()
                .map(|&problem| TuningRow {
                    problem,
                    measurements: vec![],
                })
                .collect(),
        }
    }

    #[test]
    fn a_row_serves_the_same_channels_and_direction_up_to_twice_the_pixels() {
        use Pass::{Forward, Gradient};
        let measured = problem(Forward, [64, 128], [100, 80]);
        let table = table(&[measured]);
        let found = |wanted: Problem| table.find(&wanted).map(|row| row.problem);
        assert_eq!(found(measured), Some(measured));
        for size in [[200, 80], [50, 80], [80, 100], [8000, 1]] {
            assert_eq!(found(problem(Forward, [64, 128], size)), Some(measured));
        }
        for size in [[201, 80], [49, 80]] {
            assert_eq!(found(problem(Forward, [64, 128], size)), None);
        }
        assert_eq!(found(problem(Gradient, [64, 128], [100, 80])), None);
        assert_eq!(found(problem(Forward, [128, 64], [100, 80])), None);
        assert_eq!(found(problem(Forward, [64, 64], [100, 80])), None);
    }

    #[test]
    fn the_nearest_pixel_count_wins_in_ratio_not_in_difference() {
        let at = |side| problem(Pass::Gradient, [64, 64], [side, 100]);
        let table = table(&[at(60), at(190)]);
        let found = |side| table.find(&at(side)).map(|row| row.problem.width);
        // 110 is nearer to 60 by difference (50 against 80), and to 190 by ratio (1.73 against 1.83).
        assert_eq!(found(110), Some(190));
        assert_eq!(found(100), Some(60));
    }

    #[test]
    fn a_gradient_is_looked_up_by_the_channels_of_its_layer() {
        let filter = Filter {
            c_in: 3,
            c_out: 64,
            weight: vec![0.0; 3 * 64 * 9],
            bias: vec![],
        };
        let forward = Problem::new(&filter, Shape::new(64, 5, 7), Pass::Forward);
        let gradient = Problem::new(&filter.transposed(), Shape::new(3, 5, 7), Pass::Gradient);
        assert_eq!(forward, problem(Pass::Forward, [3, 64], [7, 5]));
        assert_eq!(gradient, problem(Pass::Gradient, [3, 64], [7, 5]));
    }
}
