//! `--plot`: kernels under the roofs of their adapter (Williams, Waterman & Patterson, CACM 52(4), 2009).
//!
//! Across, what a kernel does with a byte; up, what it does in a second. Points are numbered, and their
//! names stand beside the plot, since kernels of a kind crowd together.

use std::error::Error;
use std::path::Path;

use impasto::image::write_atomically;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::figures::Work;
use super::probe::{Samples, median};
use crate::cli::failure::Failure;

/// A kernel under the roofs that were probed beside it.
pub struct Point {
    name: String,
    /// Real operations per byte.
    intensity: f64,
    /// Real GFLOP/s.
    rate: f64,
    /// GFLOP/s of the arithmetic peak.
    peak: f64,
    /// GB/s of a copy.
    bandwidth: f64,
}

impl Point {
    /// `work` in the median of `samples`.
    pub fn new(name: impl Into<String>, samples: &Samples, work: Work) -> Self {
        Self::timed(name, samples.median(), work, samples)
    }

    /// `work` in `seconds`, under the roofs of `samples`.
    pub fn timed(name: impl Into<String>, seconds: f64, work: Work, samples: &Samples) -> Self {
        Self {
            name: name.into(),
            intensity: work.real_flop as f64 / work.bytes as f64,
            rate: work.real_flop as f64 / seconds / 1e9,
            peak: samples.flop_roof() / 1e9,
            bandwidth: samples.byte_roof() / 1e9,
        }
    }

    /// Whether logarithms of it exist: a copy does no operation.
    fn can_be_drawn(&self) -> bool {
        let positive = |value: f64| value.is_finite() && value > 0.0;
        positive(self.intensity) && positive(self.rate)
    }
}

/// Writes the plot; the whole file or nothing.
pub fn draw(path: &Path, title: &str, points: &[Point]) -> Result<(), Failure> {
    let points: Vec<&Point> = points.iter().filter(|point| point.can_be_drawn()).collect();
    if points.is_empty() {
        return Err(Failure::usage(format!(
            "there is nothing to draw in `{}`, since no kernel did any operations; use a larger --size",
            path.display()
        )));
    }
    let svg = svg(title, &points).map_err(|error| {
        Failure::bad_input(format!(
            "the plot `{}` cannot be drawn ({error}); leave out --plot",
            path.display()
        ))
    })?;
    Ok(write_atomically(path, svg.as_bytes())?)
}

/// Width of the plot itself; its legend stands to the right of it.
const PLOT_WIDTH: u32 = 820;
const LEGEND_WIDTH: u32 = 480;
const LEAST_HEIGHT: u32 = 640;
/// Pixels from line to line of the legend.
const LINE: u32 = 17;
/// Pixels of a number beside its point.
const DIGIT: (i32, i32) = (7, 12);

type Canvas<'b> = DrawingArea<SVGBackend<'b>, plotters::coord::Shift>;
type Plot<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<LogCoord<f64>, LogCoord<f64>>>;

fn svg(title: &str, points: &[&Point]) -> Result<String, Box<dyn Error>> {
    let peak = median(&points.iter().map(|point| point.peak).collect::<Vec<_>>());
    let bandwidth = median(
        &points
            .iter()
            .map(|point| point.bandwidth)
            .collect::<Vec<_>>(),
    );
    let ridge = peak / bandwidth;
    let across = range(points.iter().map(|point| point.intensity).chain([ridge]));
    let up = range(points.iter().map(|point| point.rate).chain([peak]));
    let height = LEAST_HEIGHT.max(90 + LINE * points.len() as u32);

    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (PLOT_WIDTH + LEGEND_WIDTH, height))
            .into_drawing_area();
        root.fill(&WHITE)?;
        let (left, right) = root.split_horizontally(PLOT_WIDTH);
        let (left, _) = left.split_vertically(LEAST_HEIGHT);
        let mut plot = ChartBuilder::on(&left)
            .caption(title, ("sans-serif", 17))
            .margin(14)
            .x_label_area_size(44)
            .y_label_area_size(64)
            .build_cartesian_2d(
                (across[0]..across[1]).log_scale(),
                (up[0]..up[1]).log_scale(),
            )?;
        plot.configure_mesh()
            .light_line_style(WHITE)
            .bold_line_style(BLACK.mix(0.12))
            .x_labels(6)
            .y_labels(6)
            .x_label_formatter(&tick)
            .y_label_formatter(&tick)
            .x_desc("operations really done per byte")
            .y_desc("GFLOP/s really done")
            .draw()?;
        draw_roofs(&left, &mut plot, [peak, bandwidth], across, up)?;
        draw_points(&left, &plot, points)?;
        draw_legend(&right, points)?;
        root.present()?;
    }
    Ok(svg)
}

/// 0.01, 1 or 100, as few digits as it takes.
fn tick(value: &f64) -> String {
    let rounded = format!("{value:.3}");
    let short = rounded.trim_end_matches('0').trim_end_matches('.');
    short.to_string()
}

/// A little more than what the values span.
fn range(values: impl Iterator<Item = f64>) -> [f64; 2] {
    let [least, most] = values.fold([f64::INFINITY, 0.0], |[least, most], value| {
        [value.min(least), value.max(most)]
    });
    [least / 1.6, most * 1.6]
}

fn draw_roofs(
    area: &Canvas<'_>,
    plot: &mut Plot<'_, '_>,
    [peak, bandwidth]: [f64; 2],
    across: [f64; 2],
    up: [f64; 2],
) -> Result<(), Box<dyn Error>> {
    let ridge = peak / bandwidth;
    // The slope begins where it enters the plot.
    let start = across[0].max(up[0] / bandwidth);
    let roof = [(start, start * bandwidth), (ridge, peak), (across[1], peak)];
    plot.draw_series(LineSeries::new(roof, RED.mix(0.8).stroke_width(2)))?;
    // Above the flat roof at its end, and above the slope half-way up: nothing else is there.
    let style = ("sans-serif", 13).into_font().color(&RED);
    let style = style.pos(Pos::new(HPos::Right, VPos::Bottom));
    let (x, y) = plot.backend_coord(&(across[1], peak));
    let text = format!("FMA peak {peak:.0} GFLOP/s");
    area.draw(&Text::new(text, (x, y - 4), style.clone()))?;
    let half_way = (start * ridge.max(start)).sqrt();
    let (x, y) = plot.backend_coord(&(half_way, half_way * bandwidth));
    let text = format!("copy {bandwidth:.1} GB/s");
    area.draw(&Text::new(text, (x - 6, y - 4), style))?;
    Ok(())
}

/// Rectangles that a number must keep clear of: left, top, right, bottom.
type Area = [i32; 4];

fn draw_points(
    area: &Canvas<'_>,
    plot: &Plot<'_, '_>,
    points: &[&Point],
) -> Result<(), Box<dyn Error>> {
    let places: Vec<(i32, i32)> = points
        .iter()
        .map(|point| plot.backend_coord(&(point.intensity, point.rate)))
        .collect();
    let mut taken: Vec<Area> = places
        .iter()
        .map(|&(x, y)| [x - 4, y - 4, x + 4, y + 4])
        .collect();
    let style = ("sans-serif", 12).into_font().color(&BLACK);
    for (index, &(x, y)) in places.iter().enumerate() {
        area.draw(&Circle::new((x, y), 3, BLUE.filled()))?;
        let number = (index + 1).to_string();
        let label = free_place((x, y), number.len() as i32 * DIGIT.0, &taken);
        taken.push(label);
        let (left, top) = (label[0], label[1]);
        // A line leads to a number that had to move far.
        if (left - x).abs().max((top - y).abs()) > 24 {
            let middle = (left + (label[2] - left) / 2, top + DIGIT.1 / 2);
            area.draw(&PathElement::new([(x, y), middle], BLACK.mix(0.25)))?;
        }
        area.draw(&Text::new(number, (left, top), style.clone()))?;
    }
    Ok(())
}

/// Where a number of this width fits near a point: on growing circles around it.
fn free_place((x, y): (i32, i32), width: i32, taken: &[Area]) -> Area {
    let clear = |area: &Area| {
        taken.iter().all(|other| {
            area[2] <= other[0] || other[2] <= area[0] || area[3] <= other[1] || other[3] <= area[1]
        })
    };
    let around = |radius: f64| {
        (0..16).map(move |step| {
            let angle = std::f64::consts::TAU * f64::from(step) / 16.0;
            let middle = [
                x + (radius * angle.cos()) as i32,
                y - (radius * angle.sin()) as i32,
            ];
            let left = middle[0] - width / 2;
            let top = middle[1] - DIGIT.1 / 2;
            [left, top, left + width, top + DIGIT.1]
        })
    };
    let mut places = (1..20).flat_map(|ring| around(6.0 + 6.0 * f64::from(ring)));
    let beside = [x + 6, y - DIGIT.1 / 2, x + 6 + width, y + DIGIT.1 / 2];
    places.find(clear).unwrap_or(beside)
}

fn draw_legend(area: &Canvas<'_>, points: &[&Point]) -> Result<(), Box<dyn Error>> {
    let style = ("sans-serif", 12).into_font().color(&BLACK);
    let heading = "kernel, real GFLOP/s, part of what the roofs allow";
    area.draw(&Text::new(heading, (34, 30), style.clone()))?;
    for (index, point) in points.iter().enumerate() {
        let y = 54 + (LINE as usize * index) as i32;
        let allowed = point.peak.min(point.intensity * point.bandwidth);
        let text = format!(
            "{}, {:.*}, {:.0} %",
            point.name,
            if point.rate < 1.0 { 3 } else { 1 },
            point.rate,
            100.0 * point.rate / allowed
        );
        area.draw(&Text::new((index + 1).to_string(), (4, y), style.clone()))?;
        area.draw(&Text::new(text, (34, y), style.clone()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_points_that_coincide_do_not() {
        let mut taken = vec![[96, 96, 104, 104]];
        for _ in 0..40 {
            let place = free_place((100, 100), 14, &taken);
            for other in &taken {
                let apart = place[2] <= other[0]
                    || other[2] <= place[0]
                    || place[3] <= other[1]
                    || other[3] <= place[1];
                assert!(apart, "{place:?} lies on {other:?}");
            }
            taken.push(place);
        }
    }
}
