//! Which variant computes a convolution, and why: a wish first, then what was measured on this
//! adapter, then the shipped rules.

use std::fmt;
use std::sync::Arc;

use super::tuning::{Problem, TuningTable};
use super::{Filter, Variant};
use crate::gpu::{Gpu, Profile};
use crate::kernels::Pass;
use crate::shape::Shape;

/// What is known and wanted about the choice of variants. The default wishes nothing and knows nothing
/// but the shipped rules.
#[derive(Clone, Debug, Default)]
pub struct Preference {
    /// The variant of every convolution that can run it, even an inexact one where `exact` is set.
    pub wish: Option<Variant>,
    /// Choose only variants that round no coarser than a direct sum, see [`Variant::is_exact`].
    pub exact: bool,
    /// What was measured; passed over if it belongs to another adapter, driver or version.
    pub table: Option<Arc<TuningTable>>,
}

/// A variant and why it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// What computes the convolution.
    pub variant: Variant,
    /// Why.
    pub reason: Reason,
}

/// Why a variant was chosen. Displays as half a sentence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reason {
    /// The caller asked for it.
    Wished,
    /// The fastest in the tuning table.
    Measured {
        /// Its seconds.
        seconds: f64,
        /// Width and height of the map that was measured.
        size: [usize; 2],
        /// The choice of the shipped rules and its seconds, if it was measured too.
        shipped: Option<(Variant, f64)>,
    },
    /// First that can run it of those shipped for software adapters.
    SoftwareRule,
    /// First that can run it of those shipped for GPUs.
    GpuRule,
    /// None of the special ones can.
    NothingElse,
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Wished => out.write_str("asked for"),
            Self::Measured {
                seconds,
                size: [width, height],
                shipped,
            } => {
                let milliseconds = seconds * 1e3;
                write!(
                    out,
                    "measured at {width}×{height}: {milliseconds:.2} ms against "
                )?;
                match shipped {
                    Some((variant, seconds)) => {
                        let milliseconds = seconds * 1e3;
                        write!(out, "{milliseconds:.2} ms of the shipped choice, {variant}")
                    }
                    None => out.write_str("a shipped choice that was not measured"),
                }
            }
            Self::SoftwareRule => out.write_str("shipped rule for software adapters"),
            Self::GpuRule => out.write_str("shipped rule for GPUs"),
            Self::NothingElse => out.write_str("nothing else can run it"),
        }
    }
}

/// Fastest first, for adapters that run on the processor. Loads are the cost there and registers are
/// memory anyway, so large tiles pay, and a quarter of the multiplications pays more:
///
/// - [`Variant::FromRgbBroadcast`] for the first layer: 4.8 ms at 256² where [`Variant::Direct`] takes 13.8 and
///   [`Variant::FromRgb`] 13.4;
/// - [`Variant::ToRgb`] for its gradient: of the 16 channels of [`Variant::Direct`], one output group uses four;
/// - [`Variant::WinogradFused`] from 16 channels up to 128 on the narrower side and 256 on the wider, where its frequencies stay in the
///   cache: 64→64 at 256² in 38 ms, in three passes 51. It needs 256 tiles or more: 128→256 takes 23 ms at 32², 12 in
///   three passes, and 26 at 12², 4 in three (Zen 3; `impasto bench conv --variant`). Not where texels are preferred, as its
///   frequencies are in a buffer;
/// - [`Variant::Winograd`] for more channels and for smaller maps. Both wherever either side has at least 16 to share the transforms
///   (see [`Variant::suits`]);
/// - [`Variant::Direct`] for the rest;
/// - the last two for adapters without subgroups, which all of the others but [`Variant::ToRgb`] need.
const ON_SOFTWARE: &[Variant] = &[
    Variant::FromRgbBroadcast,
    Variant::ToRgb,
    Variant::WinogradFused,
    Variant::Winograd,
    Variant::Direct,
    Variant::FromRgb,
    Variant::DirectPortable,
];

/// Fastest first, for real GPUs, which have fewer registers (RDNA2 spills 1086 of the large tile's) but
/// memory that the threads of a workgroup share.
pub(in crate::kernels) const ON_GPUS: &[Variant] = &[
    Variant::FromRgb,
    Variant::ToRgb,
    Variant::Gemm,
    Variant::DirectPortable,
];

impl Preference {
    /// No wish and no table, but as exact as a direct sum: for figures that are compared with others'.
    pub fn exact() -> Self {
        Self {
            exact: true,
            ..Self::default()
        }
    }

    /// Whether a variant may be chosen that rounds the pixels of a tile together.
    pub fn may_round_in_tiles(&self) -> bool {
        self.wish.map_or(!self.exact, |wish| !wish.is_exact())
    }

    /// The variant for `filter` onto a map of `output` shape. For [`Pass::Gradient`] the filter is the
    /// transposed one and the output the gradient of the layer's input.
    pub fn choose(&self, gpu: &Gpu, filter: &Filter, output: Shape, pass: Pass) -> Choice {
        self.choose_on(gpu.profile(), filter, output, pass)
    }

    /// The same on paper.
    pub fn choose_on(
        &self,
        adapter: &Profile,
        filter: &Filter,
        output: Shape,
        pass: Pass,
    ) -> Choice {
        let wish = self.wish;
        if let Some(wish) = wish.filter(|wish| wish.supports(adapter, filter, output)) {
            return Choice {
                variant: wish,
                reason: Reason::Wished,
            };
        }
        let can_run = |variant: Variant| {
            (variant.is_exact() || !self.exact) && variant.supports(adapter, filter, output)
        };
        let shipped = shipped_choice(adapter.is_software, |variant| {
            can_run(variant) && variant.suits(adapter, filter, output)
        });
        let problem = Problem::new(filter, output, pass);
        self.table
            .as_ref()
            .filter(|table| table.is_for(&adapter.adapter, &adapter.driver))
            .and_then(|table| measured_choice(table, &problem, shipped.variant, can_run))
            .unwrap_or(shipped)
    }
}

/// The first variant of the rules that can run it; [`Variant::Plain`] always can.
fn shipped_choice(is_software: bool, can_run: impl Fn(Variant) -> bool) -> Choice {
    let (fastest_first, reason) = if is_software {
        (ON_SOFTWARE, Reason::SoftwareRule)
    } else {
        (ON_GPUS, Reason::GpuRule)
    };
    let found = fastest_first.iter().find(|&&variant| can_run(variant));
    match found {
        Some(&variant) => Choice { variant, reason },
        None => Choice {
            variant: Variant::Plain,
            reason: Reason::NothingElse,
        },
    }
}

/// The fastest that was measured on a problem like this one and can run it.
fn measured_choice(
    table: &TuningTable,
    problem: &Problem,
    shipped: Variant,
    can_run: impl Fn(Variant) -> bool,
) -> Option<Choice> {
    let row = table.find(problem)?;
    let fastest = row
        .measurements
        .iter()
        .filter(|measurement| can_run(measurement.variant))
        .min_by(|a, b| a.seconds.total_cmp(&b.seconds))?;
    Some(Choice {
        variant: fastest.variant,
        reason: Reason::Measured {
            seconds: fastest.seconds,
            size: [row.problem.width, row.problem.height],
            shipped: row.seconds(shipped).map(|seconds| (shipped, seconds)),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::super::tuning::{Measurement, TuningRow};
    use super::*;

    const PROBLEM: Problem = Problem {
        pass: Pass::Forward,
        c_in: 64,
        c_out: 64,
        width: 32,
        height: 16,
    };

    fn table() -> TuningTable {
        let measured = |variant, seconds| Measurement {
            variant,
            seconds,
            share_of_peak: 0.1,
        };
        TuningTable {
            adapter: String::new(),
            driver: String::new(),
            version: TuningTable::VERSION.to_string(),
            rows: vec![TuningRow {
                problem: PROBLEM,
                measurements: vec![
                    measured(Variant::Plain, 0.009),
                    measured(Variant::Winograd, 0.001),
                    measured(Variant::DirectPortable, 0.002),
                    measured(Variant::Direct, 0.003),
                ],
            }],
        }
    }

    #[test]
    fn rules_take_the_first_that_can_run_and_plain_at_the_last() {
        let software = shipped_choice(true, |variant| {
            !matches!(variant, Variant::ToRgb | Variant::FromRgbBroadcast)
        });
        assert_eq!(software.variant, Variant::WinogradFused);
        assert_eq!(software.reason, Reason::SoftwareRule);
        let real = shipped_choice(false, |variant| variant == Variant::Gemm);
        assert_eq!(real.variant, Variant::Gemm);
        assert_eq!(real.reason, Reason::GpuRule);
        let nothing = shipped_choice(true, |_| false);
        assert_eq!(nothing.variant, Variant::Plain);
        assert_eq!(nothing.reason.to_string(), "nothing else can run it");
    }

    #[test]
    fn maps_with_few_tiles_are_left_to_winograd_in_three_passes() {
        let filter = Filter::on_paper([128, 256]);
        let on = |side| {
            let output = Shape::new(256, side, side);
            shipped_choice(true, |variant| {
                variant.suits(&Profile::typical_gpu(), &filter, output) && variant.pools()
            })
        };
        assert_eq!(on(60).variant, Variant::Winograd);
        assert_eq!(on(61).variant, Variant::WinogradFused);
    }

    #[test]
    fn maps_that_do_not_fill_a_workgroup_of_gemm_are_left_to_direct_portable() {
        let filter = Filter::on_paper([64, 64]);
        let on = |height, width| {
            let output = Shape::new(64, height, width);
            let has_many_channels = |variant| !matches!(variant, Variant::FromRgb | Variant::ToRgb);
            shipped_choice(false, |variant| {
                has_many_channels(variant)
                    && variant.suits(&Profile::typical_gpu(), &filter, output)
            })
        };
        assert_eq!(on(14, 14).variant, Variant::Gemm);
        assert_eq!(on(7, 7).variant, Variant::DirectPortable);
    }

    #[test]
    fn the_fastest_measured_that_can_run_is_taken_and_says_what_it_won() {
        let shipped = Variant::Direct;
        let choice = measured_choice(&table(), &PROBLEM, shipped, |_| true).unwrap();
        assert_eq!(choice.variant, Variant::Winograd);
        let choice = measured_choice(&table(), &PROBLEM, shipped, Variant::is_exact).unwrap();
        assert_eq!(choice.variant, Variant::DirectPortable);
        assert_eq!(
            choice.reason.to_string(),
            "measured at 32×16: 2.00 ms against 3.00 ms of the shipped choice, direct"
        );
        let unmeasured = measured_choice(&table(), &PROBLEM, Variant::ToRgb, |_| true).unwrap();
        assert!(unmeasured.reason.to_string().ends_with("was not measured"));
        assert_eq!(
            measured_choice(&table(), &PROBLEM, shipped, |_| false),
            None
        );
    }
}
