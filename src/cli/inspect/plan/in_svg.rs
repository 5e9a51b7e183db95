//! The plan as a picture. The column at the left is the peak, to scale, with what lives from the start to
//! the end. The plot shows its slots: across the steps of one iteration, up the bytes, each slot a band and
//! each value a bar in it over its life. The line is what is alive at once.

use std::fmt::{self, Write};

use impasto::graph::{Pass, Purpose, Requirement};

use super::Report;
use crate::cli::memory::Bytes;

const WIDTH: f64 = 1400.0;
const HEIGHT: f64 = 900.0;
/// The plot in it: left, top, right, bottom.
const LEFT: f64 = 330.0;
const TOP: f64 = 110.0;
const RIGHT: f64 = WIDTH - 40.0;
const BOTTOM: f64 = HEIGHT - 150.0;
/// Left and right of the column beside it.
const COLUMN: [f64; 2] = [80.0, 220.0];
/// Pixels of a letter, about.
const LETTER: f64 = 6.2;

/// Fills of maps and their gradients by the block of the network that they belong to.
const FORWARD: [&str; 6] = [
    "#b9c0c7", "#6baed6", "#74c476", "#fd8d3c", "#9e9ac8", "#e0b13a",
];
const GRADIENT: [&str; 6] = [
    "#dfe3e6", "#bdd7ee", "#c9e9c5", "#fdd0a2", "#d4d3ea", "#f2dfa6",
];
/// Fills of what lives throughout.
const THROUGHOUT: &str = "#e9e6e0";

/// The picture as SVG.
pub fn draw(report: &Report) -> String {
    let mut svg = String::new();
    // Writing into a string does not fail.
    let _ = Drawing::new(report, &mut svg).draw();
    svg
}

/// From bytes to pixels.
#[derive(Clone, Copy)]
struct Scale {
    /// Bytes at the top.
    top: f64,
}

impl Scale {
    fn y(self, bytes: u64) -> f64 {
        BOTTOM - (BOTTOM - TOP) * bytes as f64 / self.top
    }
}

struct Drawing<'a> {
    report: &'a Report,
    steps: usize,
    /// Of the plot.
    scale: Scale,
    out: &'a mut String,
}

impl<'a> Drawing<'a> {
    fn new(report: &'a Report, out: &'a mut String) -> Self {
        Self {
            report,
            steps: report.program().steps.len().max(1),
            scale: Scale {
                top: report.plan().bytes().max(1) as f64,
            },
            out,
        }
    }

    fn x(&self, step: usize) -> f64 {
        LEFT + (RIGHT - LEFT) * step as f64 / self.steps as f64
    }

    fn draw(mut self) -> fmt::Result {
        writeln!(
            self.out,
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="11">
<rect width="100%" height="100%" fill="white"/>"#
        )?;
        let title = format!("Device memory over a step: {}", self.report.title());
        self.text([20.0, 30.0], "start", 17, "#222", &title)?;
        let subtitle = "left: everything at the peak; right: its slots over the steps, each a band that values share, each value a bar over its life, coloured by block, pale for gradients; red: what is alive at once";
        self.text([20.0, 50.0], "start", 12, "#555", subtitle)?;
        self.column()?;
        self.slots()?;
        self.alive()?;
        self.steps_below()?;
        self.out.write_str("</svg>\n")
    }

    fn text(
        &mut self,
        [x, y]: [f64; 2],
        anchor: &str,
        size: u32,
        fill: &str,
        text: &str,
    ) -> fmt::Result {
        writeln!(
            self.out,
            r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" font-size="{size}" fill="{fill}">{}</text>"#,
            escaped(text)
        )
    }

    /// A rectangle with a tooltip.
    fn rectangle(
        &mut self,
        [left, right]: [f64; 2],
        [bottom, top]: [f64; 2],
        fill: &str,
        tooltip: &str,
    ) -> fmt::Result {
        let (width, height) = (right - left, bottom - top);
        writeln!(
            self.out,
            r##"<rect x="{left:.1}" y="{top:.2}" width="{width:.1}" height="{height:.2}" fill="{fill}" stroke="white" stroke-width="0.6"><title>{}</title></rect>"##,
            escaped(tooltip)
        )
    }

    /// A rectangle with its name in it where it fits.
    fn bar(
        &mut self,
        [left, right]: [f64; 2],
        [bottom, top]: [f64; 2],
        fill: &str,
        [name, more]: [&str; 2],
    ) -> fmt::Result {
        let label = format!("{name}, {more}");
        self.rectangle([left, right], [bottom, top], fill, &label)?;
        for label in [label.as_str(), name] {
            let width = LETTER * label.chars().count() as f64 + 6.0;
            if bottom - top >= 11.0 && width <= right - left {
                let middle = (top + bottom) / 2.0 + 4.0;
                return self.text([left + 4.0, middle], "start", 11, "#222", label);
            }
        }
        Ok(())
    }

    /// Round numbers of bytes left of the column, and left of the plot.
    fn grid(&mut self, scale: Scale, [left, right]: [f64; 2]) -> fmt::Result {
        let mut step = 1u64 << 10;
        while scale.top / step as f64 > 10.0 {
            step *= 2;
        }
        for bytes in (0..=scale.top as u64).step_by(step as usize) {
            let y = scale.y(bytes);
            writeln!(
                self.out,
                r##"<path d="M{left} {y:.1}H{right}" stroke="#ddd"/>"##
            )?;
            let label = Bytes(bytes).to_string();
            self.text([left - 6.0, y + 4.0], "end", 11, "#555", &label)?;
        }
        Ok(())
    }

    /// Everything at the peak, to scale; the plot shows its uppermost part.
    fn column(&mut self) -> fmt::Result {
        let forecast = &self.report.forecast;
        let scale = Scale {
            top: forecast.peak as f64,
        };
        self.grid(scale, COLUMN)?;
        let parts = Purpose::ALL.into_iter().filter(|&of| of != Purpose::Slot);
        let parts = parts.chain([Purpose::Slot]);
        let mut parts: Vec<(&str, u64)> = parts
            .map(|purpose| (purpose.name(), forecast.bytes(purpose)))
            .collect();
        let slots = parts.len() - 1;
        parts.push(("copies", forecast.transfers()));
        let mut base = 0;
        for (index, (name, bytes)) in parts.into_iter().enumerate() {
            let heights = [scale.y(base), scale.y(base + bytes)];
            let fill = if index == slots {
                "#9fb8cc"
            } else {
                THROUGHOUT
            };
            self.bar(COLUMN, heights, fill, [name, &Bytes(bytes).to_string()])?;
            if index == slots {
                let ([from, to], [_, right]) = (heights, COLUMN);
                writeln!(
                    self.out,
                    r##"<path d="M{right} {from:.1}L{LEFT} {BOTTOM}M{right} {to:.1}L{LEFT} {TOP}" stroke="#9fb8cc" stroke-dasharray="3 3"/>"##
                )?;
            }
            base += bytes;
        }
        let peak = Bytes(forecast.peak);
        self.text(
            [COLUMN[0], TOP - 22.0],
            "start",
            13,
            "#222",
            &format!("peak {peak}"),
        )?;
        let per_pixel = self.report.bytes_per_pixel(forecast.peak);
        let per_pixel = format!("{per_pixel:.0} bytes per pixel");
        self.text([COLUMN[0], TOP - 7.0], "start", 11, "#555", &per_pixel)
    }

    fn slots(&mut self) -> fmt::Result {
        let report = self.report;
        let scale = self.scale;
        self.grid(scale, [LEFT, RIGHT])?;
        let mut base = 0;
        for (slot, &bytes) in report.plan().slots.iter().enumerate() {
            let heights = [scale.y(base), scale.y(base + bytes)];
            let name = format!("slot {slot}");
            self.rectangle([LEFT, RIGHT], heights, "#f4f4f4", &name)?;
            for life in report.lives() {
                if report.slot_of(life) == slot {
                    let span = [self.x(life.first), self.x(life.last + 1)];
                    let heights = [scale.y(base), scale.y(base + life.bytes)];
                    let (name, more) = (report.value_name(life), Bytes(life.bytes).to_string());
                    self.bar(span, heights, fill(report, life), [&name, &more])?;
                }
            }
            base += bytes;
        }
        Ok(())
    }

    /// The line of what is alive at once.
    fn alive(&mut self) -> fmt::Result {
        let scale = self.scale;
        let mut path = String::new();
        for (step, bytes) in self.report.plan().live_bytes().into_iter().enumerate() {
            let command = if step == 0 { 'M' } else { 'L' };
            let y = scale.y(bytes);
            let (left, right) = (self.x(step), self.x(step + 1));
            write!(path, "{command}{left:.1} {y:.1}H{right:.1}")?;
        }
        writeln!(
            self.out,
            r##"<path d="{path}" fill="none" stroke="#b2182b" stroke-width="2"/>"##
        )?;
        let (step, bytes) = self.report.busiest_step();
        let (x, y) = ((self.x(step) + self.x(step + 1)) / 2.0, scale.y(bytes));
        writeln!(
            self.out,
            r##"<circle cx="{x:.1}" cy="{y:.1}" r="4" fill="#b2182b"/>"##
        )?;
        let label = format!(
            "most alive at once: {} in {}",
            Bytes(bytes),
            self.report.step_name(step)
        );
        // White behind it: bars may lie there.
        let width = LETTER * 1.1 * label.chars().count() as f64 + 8.0;
        let left = (x - width / 2.0).clamp(LEFT, RIGHT - width);
        writeln!(
            self.out,
            r#"<rect x="{left:.1}" y="{:.1}" width="{width:.1}" height="17" rx="3" fill="white" fill-opacity="0.9"/>"#,
            y - 25.0
        )?;
        self.text([left + 4.0, y - 12.0], "start", 12, "#b2182b", &label)
    }

    /// Names of the steps, as many as there is room for, and where the way back begins.
    fn steps_below(&mut self) -> fmt::Result {
        let report = self.report;
        let room = ((RIGHT - LEFT) / 13.0) as usize;
        let every = self.steps.div_ceil(room).max(1);
        for step in (0..self.steps).step_by(every) {
            let x = (self.x(step) + self.x(step + 1)) / 2.0 + 3.0;
            let y = BOTTOM + 10.0;
            writeln!(
                self.out,
                r##"<text x="{x:.1}" y="{y}" transform="rotate(-60 {x:.1} {y})" text-anchor="end" font-size="10" fill="#555">{}</text>"##,
                escaped(&report.step_name(step))
            )?;
        }
        let steps = &report.program().steps;
        if let Some(turn) = steps.iter().position(|step| step.pass == Pass::Gradient) {
            let x = self.x(turn);
            writeln!(
                self.out,
                r##"<path d="M{x:.1} {TOP}V{BOTTOM}" stroke="#222" stroke-dasharray="5 4"/>"##
            )?;
            self.text([x - 6.0, TOP - 4.0], "end", 12, "#222", "forward ←")?;
            self.text([x + 6.0, TOP - 4.0], "start", 12, "#222", "→ backward")?;
        }
        Ok(())
    }
}

/// The colour of the block of the network whose layer a value belongs to, pale for gradients.
fn fill(report: &Report, life: &Requirement) -> &'static str {
    let name = report.value_name(life);
    let is_gradient = name.starts_with("gradient of");
    let digit = name.chars().find_map(|letter| letter.to_digit(10));
    let block = digit.filter(|&block| block < 6).unwrap_or(0) as usize;
    if is_gradient {
        GRADIENT[block]
    } else {
        FORWARD[block]
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
