//! `--plot`: the loss terms of a run over its steps, on a logarithmic axis, as SVG.
//!
//! Terms are drawn as the optimiser sees them, weights included, so that they add up to the total. Where a scale or an
//! octave begins there is a line; what lies left and right of it was measured at different sizes.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};

use impasto::image::write_atomically;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::failure::Failure;

/// The name of the line of all terms together.
const TOTAL: &str = "total";

/// What a run noted of its losses.
pub struct LossPlot {
    path: PathBuf,
    title: String,
    /// By name; each a step and a value, in the order of the steps.
    lines: BTreeMap<String, Vec<(usize, f64)>>,
    /// Names in the order in which they were first noted.
    names: Vec<String>,
    /// After which step a part of the run begins, and what it is called.
    parts: Vec<(usize, String)>,
}

impl LossPlot {
    /// An empty plot that will lie at `path`.
    pub fn new(path: &Path, title: String) -> Self {
        Self {
            path: path.to_path_buf(),
            title,
            lines: BTreeMap::new(),
            names: Vec::new(),
            parts: Vec::new(),
        }
    }

    /// Where it will lie.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A part of the run, called `name`, begins after `step`.
    pub fn begin(&mut self, step: usize, name: String) {
        self.parts.push((step, name));
    }

    /// Notes the terms after `step`, by their names such as `style:relu1_1`, and their sum. Logarithms exist of numbers
    /// above 0 alone; others leave a gap.
    pub fn note(&mut self, step: usize, names: &[String], terms: &[f32]) {
        let total: f64 = terms.iter().map(|&term| f64::from(term)).sum();
        let total = (&TOTAL.to_string(), total);
        // One term alone is the total.
        let total = Some(total).filter(|_| terms.len() > 1);
        let terms = names.iter().zip(terms.iter().map(|&term| f64::from(term)));
        for (name, value) in total.into_iter().chain(terms) {
            if !self.lines.contains_key(name) {
                self.names.push(name.clone());
            }
            let line = self.lines.entry(name.clone()).or_default();
            if value.is_finite() && value > 0.0 {
                line.push((step, value));
            }
        }
    }

    /// Writes the plot; the whole file or nothing.
    pub fn write(&self) -> Result<(), Failure> {
        let failure = |reason: String| {
            Failure::bad_input(format!(
                "--plot `{}` cannot be written ({reason}); check the folder and the free space",
                self.path.display()
            ))
        };
        let svg = self.svg().map_err(|error| failure(error.to_string()))?;
        write_atomically(&self.path, svg.as_bytes()).map_err(|error| failure(error.to_string()))
    }
}

const SIZE: (u32, u32) = (1040, 600);
/// Right of the plot itself.
const LEGEND_WIDTH: u32 = 210;
/// Above the plot: the title, then the names of parts.
const TITLE_HEIGHT: i32 = 36;
const PARTS_HEIGHT: u32 = 20;
/// Pixels of a letter in a name of a part, about.
const LETTER: i32 = 6;
/// Points of a line for which there is room; of more steps the smallest and the largest value in a column are drawn.
const COLUMNS: usize = 800;

type Canvas<'b> = DrawingArea<SVGBackend<'b>, Shift>;
type Plot<'a, 'b> = ChartContext<
    'a,
    SVGBackend<'b>,
    Cartesian2d<plotters::coord::types::RangedCoordf64, LogCoord<f64>>,
>;

impl LossPlot {
    fn svg(&self) -> Result<String, Box<dyn Error>> {
        let mut svg = String::new();
        {
            let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
            root.fill(&WHITE)?;
            let style = ("sans-serif", 17).into_font().color(&BLACK);
            root.draw(&Text::new(self.title.as_str(), (16, 12), style))?;
            let (_, root) = root.split_vertically(TITLE_HEIGHT);
            let (left, right) = root.split_horizontally(SIZE.0 - LEGEND_WIDTH);
            if self.drawn().next().is_none() {
                let style = ("sans-serif", 15).into_font().color(&BLACK);
                left.draw(&Text::new("no step was made", (16, 40), style))?;
            } else {
                self.draw_lines(&left)?;
                self.draw_legend(&right)?;
            }
            root.present()?;
        }
        Ok(svg)
    }

    /// Names of the lines that have a point, in their order.
    fn drawn(&self) -> impl DoubleEndedIterator<Item = &String> {
        let has_points = |name: &&String| !self.lines[*name].is_empty();
        self.names.iter().filter(has_points)
    }

    fn draw_lines(&self, area: &Canvas<'_>) -> Result<(), Box<dyn Error>> {
        let [first, last] = self.steps();
        let [least, most] = self.values();
        let mut plot = ChartBuilder::on(area)
            .margin(8)
            .margin_top(PARTS_HEIGHT)
            .x_label_area_size(40)
            .y_label_area_size(64)
            .build_cartesian_2d(first..last, (least..most).log_scale())?;
        plot.configure_mesh()
            .disable_y_mesh()
            .light_line_style(WHITE)
            .bold_line_style(BLACK.mix(0.1))
            .x_labels(10)
            // Those of the library are too few.
            .y_labels(0)
            .y_label_formatter(&|_| String::new())
            .label_style(("sans-serif", 13))
            .x_label_formatter(&|step| format!("{step:.0}"))
            .x_desc("step")
            .draw()?;
        draw_levels(area, &plot, [first, last], [least, most])?;
        self.draw_parts(area, &plot, [first, last], [least, most])?;
        // The total comes last and lies on top.
        for name in self.drawn().rev() {
            let points = thinned(&self.lines[name], [first, last]);
            plot.draw_series(LineSeries::new(points, self.style(name)))?;
        }
        Ok(())
    }

    /// From the first step to the last, at least one apart.
    fn steps(&self) -> [f64; 2] {
        let steps = self.lines.values().flatten().map(|&(step, _)| step as f64);
        let [first, last] = span(steps);
        // Where the first part begins after a step, that is where the axis begins.
        let begins = self.parts.first().map_or(first, |&(step, _)| step as f64);
        [begins.min(first), last.max(begins.min(first) + 1.0)]
    }

    /// A little more than the values span.
    fn values(&self) -> [f64; 2] {
        let [least, most] = span(self.lines.values().flatten().map(|&(_, value)| value));
        [least / 1.3, most * 1.3]
    }

    /// A line where each part begins, and its name above it where there is room.
    fn draw_parts(
        &self,
        area: &Canvas<'_>,
        plot: &Plot<'_, '_>,
        [first, last]: [f64; 2],
        [least, most]: [f64; 2],
    ) -> Result<(), Box<dyn Error>> {
        let column = |step: f64| plot.backend_coord(&(step, most)).0;
        let style = ("sans-serif", 11).into_font().color(&BLACK.mix(0.7));
        let style = style.pos(Pos::new(HPos::Left, VPos::Bottom));
        let [top, bottom] = [most, least].map(|value| plot.backend_coord(&(first, value)).1);
        // Coordinates of the backend are those of the whole picture.
        let base = area.get_base_pixel();
        for (index, (step, name)) in self.parts.iter().enumerate() {
            let end = self.parts.get(index + 1);
            let end = end.map_or(last, |&(step, _)| step as f64);
            let [left, right] = [*step as f64, end].map(|step| column(step) - base.0);
            let (top, bottom) = (top - base.1, bottom - base.1);
            if index > 0 {
                let line = [(left, top), (left, bottom)];
                area.draw(&PathElement::new(line, BLACK.mix(0.35)))?;
            }
            if LETTER * name.chars().count() as i32 <= right - left {
                area.draw(&Text::new(
                    name.as_str(),
                    (left + 2, top - 4),
                    style.clone(),
                ))?;
            }
        }
        Ok(())
    }

    /// Name and last value of each line.
    fn draw_legend(&self, area: &Canvas<'_>) -> Result<(), Box<dyn Error>> {
        let style = ("sans-serif", 13).into_font().color(&BLACK);
        for (index, name) in self.drawn().enumerate() {
            let y = PARTS_HEIGHT as i32 + 12 + 22 * index as i32;
            let line = PathElement::new([(10, y), (34, y)], self.style(name));
            area.draw(&line)?;
            let last = self.lines[name].last().map_or(0.0, |&(_, value)| value);
            let text = format!("{} {last:.2e}", name.replace(':', " "));
            let place = (42, y);
            let style = style.clone().pos(Pos::new(HPos::Left, VPos::Center));
            area.draw(&Text::new(text, place, style))?;
        }
        Ok(())
    }

    /// The total thick and black, the content blue, the total variation green, the layers of the style from yellow to
    /// dark red as they lie deeper in the network; what is of another kind likewise.
    fn style(&self, name: &str) -> ShapeStyle {
        const CONTENT: RGBColor = RGBColor(31, 102, 190);
        const TV: RGBColor = RGBColor(60, 150, 80);
        let of_kind = |other: &&String| {
            !other.starts_with("content") && !other.starts_with("tv") && *other != TOTAL
        };
        match name.split(':').next() {
            Some(TOTAL) => BLACK.stroke_width(3),
            Some("content") => CONTENT.stroke_width(2),
            Some("tv") => TV.stroke_width(2),
            _ => {
                let layers: Vec<&String> = self.drawn().filter(of_kind).collect();
                let index = layers.iter().position(|layer| *layer == name).unwrap_or(0);
                let depth = index as f64 / (layers.len().max(2) - 1) as f64;
                let between = |from: f64, to: f64| (from + (to - from) * depth) as u8;
                let colour = RGBColor(
                    between(240.0, 120.0),
                    between(175.0, 0.0),
                    between(40.0, 50.0),
                );
                colour.stroke_width(2)
            }
        }
    }
}

/// Lines at round values, with these beside them.
fn draw_levels(
    area: &Canvas<'_>,
    plot: &Plot<'_, '_>,
    [first, last]: [f64; 2],
    range: [f64; 2],
) -> Result<(), Box<dyn Error>> {
    let base = area.get_base_pixel();
    let place = |step, value| {
        let (x, y) = plot.backend_coord(&(step, value));
        (x - base.0, y - base.1)
    };
    let style = ("sans-serif", 13).into_font().color(&BLACK);
    let style = style.pos(Pos::new(HPos::Right, VPos::Center));
    for level in levels(range) {
        let (left, right) = (place(first, level), place(last, level));
        area.draw(&PathElement::new([left, right], BLACK.mix(0.1)))?;
        let beside = (left.0 - 8, left.1);
        area.draw(&Text::new(in_short(level), beside, style.clone()))?;
    }
    Ok(())
}

/// Powers of ten in a range, not too many; where there are few, twice and five times these too.
fn levels([least, most]: [f64; 2]) -> Vec<f64> {
    const MOST: i32 = 8;
    let [bottom, top] = [least.log10().floor() as i32, most.log10().ceil() as i32];
    let decades = top - bottom;
    let factors: &[f64] = if decades <= 3 {
        &[1.0, 2.0, 5.0]
    } else {
        &[1.0]
    };
    let every = (decades / MOST + 1) as usize;
    let powers = (bottom..=top).step_by(every).map(|power| 10f64.powi(power));
    let all = powers.flat_map(|power| factors.iter().map(move |factor| factor * power));
    all.filter(|level| (least..=most).contains(level)).collect()
}

/// The least and the greatest of some values.
fn span(values: impl Iterator<Item = f64>) -> [f64; 2] {
    values.fold(
        [f64::INFINITY, f64::NEG_INFINITY],
        |[least, most], value| [least.min(value), most.max(value)],
    )
}

/// The points, or where there are more than columns the smallest and the largest of each column.
fn thinned(points: &[(usize, f64)], [first, last]: [f64; 2]) -> Vec<(f64, f64)> {
    let point = |&(step, value): &(usize, f64)| (step as f64, value);
    if points.len() <= 2 * COLUMNS {
        return points.iter().map(point).collect();
    }
    let column = |step: usize| ((step as f64 - first) / (last - first) * COLUMNS as f64) as usize;
    let columns = points.chunk_by(|a, b| column(a.0) == column(b.0));
    let extremes = columns.flat_map(|column| {
        let by_value = |a: &&(usize, f64), b: &&(usize, f64)| a.1.total_cmp(&b.1);
        let mut ends: Vec<_> = [
            column.iter().min_by(by_value),
            column.iter().max_by(by_value),
        ]
        .into_iter()
        .flatten()
        .collect();
        ends.sort_by_key(|(step, _)| *step);
        ends
    });
    extremes.map(point).collect()
}

/// `1e-3`; `0.5`, `20` where that is as short.
fn in_short(level: f64) -> String {
    // Powers of ten are not exact, but their first digit is.
    match level {
        0.0099..1e3 => format!("{}", (level * 1e3).round() / 1e3),
        _ => format!("{level:.0e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(steps: usize) -> LossPlot {
        let mut plot = LossPlot::new(Path::new("unused.svg"), "a run".to_string());
        let names = ["content:relu4_2", "style:relu1_1", "tv"].map(String::from);
        plot.begin(0, "64×64".to_string());
        for step in 1..=steps {
            let value = 1.0 / step as f32;
            plot.note(step, &names, &[value, 2.0 * value, 0.0]);
        }
        plot
    }

    #[test]
    fn every_term_that_has_a_logarithm_is_a_line() {
        let mut plot = plot(5);
        let names = ["content:relu4_2".to_string()];
        plot.note(6, &names, &[f32::NAN]);
        let drawn: Vec<&String> = plot.drawn().collect();
        assert_eq!(drawn, ["total", "content:relu4_2", "style:relu1_1"]);
        assert_eq!(plot.lines["total"].len(), 5);
        let svg = plot.svg().unwrap();
        // Beside each line there is one in the legend.
        let content = svg.matches("#1F66BE").count();
        assert_eq!(content, 2, "{svg}");
        assert!(svg.contains("style relu1_1 4.00e-1"), "{svg}");
        assert!(svg.contains("64×64") && svg.contains("a run"), "{svg}");
    }

    #[test]
    fn no_step_is_no_line() {
        assert!(plot(0).svg().unwrap().contains("no step was made"));
        // One alone has no width.
        assert!(plot(1).svg().is_ok());
    }

    #[test]
    fn levels_are_few_and_round() {
        assert_eq!(levels([0.9, 30.0]), [1.0, 2.0, 5.0, 10.0, 20.0]);
        let texts: Vec<String> = levels([3e-3, 4e5]).into_iter().map(in_short).collect();
        assert_eq!(texts, ["0.1", "10", "1e3", "1e5"]);
        let texts: Vec<String> = levels([0.04, 0.3]).into_iter().map(in_short).collect();
        assert_eq!(texts, ["0.05", "0.1", "0.2"]);
        assert_eq!(in_short(2e5), "2e5");
    }

    #[test]
    fn long_runs_keep_their_peaks() {
        let mut points: Vec<(usize, f64)> = (1..=100_000).map(|step| (step, 1.0)).collect();
        points[54_321].1 = 9.0;
        points[54_322].1 = 0.1;
        let drawn = thinned(&points, [0.0, 100_000.0]);
        assert!(drawn.len() <= 2 * COLUMNS + 2, "{}", drawn.len());
        assert_eq!(span(drawn.iter().map(|point| point.1)), [0.1, 9.0]);
        assert!(drawn.is_sorted_by_key(|point| point.0));
    }
}
