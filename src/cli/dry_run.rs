//! `--dry-run`: what a run would do, in lines on standard output. Whatever the run itself would refuse before its first
//! step is refused; nothing is painted and nothing is written.

use std::path::Path;

use impasto::graph::{ConvolutionChoice, Pass};
use impasto::kernels::conv3x3::{Reason, Variant};

use super::failure::Failure;
use super::flags::is_stream;
use super::terminal::print;

/// Lines of what would be done.
pub struct Report {
    lines: Vec<String>,
}

impl Report {
    /// Of a run that would make `what`, such as `a dream of 512×384 in 40 steps`.
    pub fn of(what: &str) -> Self {
        Self {
            lines: vec![format!("dry run of {what}: nothing is painted or written")],
        }
    }

    /// One more line.
    pub fn line(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    /// What computes the convolutions, at which size and why.
    pub fn convolutions(&mut self, choices: &[ConvolutionChoice], [width, height]: [usize; 2]) {
        let groups = in_groups(choices);
        let at = format!("convolutions at {width}×{height}");
        self.lines
            .extend(groups.iter().map(|group| format!("{at}: {group}")));
    }

    /// A file that would be written, and whether another would go for it; `what` it is, if that has to be said.
    pub fn output(&mut self, path: &Path, what: &str) {
        let shown = path.display();
        self.lines.push(match is_stream(path) {
            true => format!("writes: standard output{what}"),
            false if path.exists() => {
                format!("writes: `{shown}`{what}, in place of the one that is there")
            }
            false => format!("writes: `{shown}`{what}"),
        });
    }

    /// Prints the lines.
    pub fn print(self) -> Result<(), Failure> {
        self.lines.iter().try_for_each(print)
    }
}

/// For each variant its layers and the reason, in the order of the network.
fn in_groups(choices: &[ConvolutionChoice]) -> Vec<String> {
    let mut variants: Vec<Variant> = Vec::new();
    for of in choices {
        if !variants.contains(&of.choice.variant) {
            variants.push(of.choice.variant);
        }
    }
    let of_pass = |variant, pass| in_ranges(choices, pass, variant);
    let group = |&variant: &Variant| {
        let forward = of_pass(variant, Pass::Forward);
        let gradient = of_pass(variant, Pass::Gradient);
        let layers = match (forward.as_str(), gradient.as_str()) {
            (both, same) if both == same => format!("{both} both ways"),
            (layers, "") => format!("{layers} forward"),
            ("", layers) => format!("gradient of {layers}"),
            (one, other) => format!("{one} forward, gradient of {other}"),
        };
        format!("{variant} for {layers} ({})", reason(choices, variant))
    };
    variants.iter().map(group).collect()
}

/// `conv1_2–conv3_1, conv4_1`: the layers of `variant`, neighbours from the first to the last.
fn in_ranges(choices: &[ConvolutionChoice], pass: Pass, variant: Variant) -> String {
    let of_pass = choices.iter().filter(|of| of.pass == pass);
    let mut of_pass: Vec<&ConvolutionChoice> = of_pass.collect();
    // The gradient comes from behind.
    of_pass.sort_by(|a, b| a.layer.cmp(&b.layer));
    let runs = of_pass.chunk_by(|a, b| a.choice.variant == b.choice.variant);
    let runs = runs.filter(|run| run[0].choice.variant == variant);
    let range = |run: &[&ConvolutionChoice]| match run {
        [only] => only.layer.clone(),
        [first, .., last] => format!("{}–{}", first.layer, last.layer),
        [] => String::new(),
    };
    runs.map(range).collect::<Vec<_>>().join(", ")
}

/// Why `variant`, without the milliseconds of single layers.
fn reason(choices: &[ConvolutionChoice], variant: Variant) -> String {
    let of_variant = choices.iter().filter(|of| of.choice.variant == variant);
    let mut reasons: Vec<String> = Vec::new();
    for of in of_variant {
        let reason = match of.choice.reason {
            Reason::Measured { .. } => "measured on this adapter".to_string(),
            other => other.to_string(),
        };
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    reasons.join(", or ")
}

#[cfg(test)]
mod tests {
    use impasto::kernels::conv3x3::Choice;

    use super::*;

    #[test]
    fn neighbours_by_one_variant_are_told_together() {
        let choice = |layer: &str, pass, variant, reason| ConvolutionChoice {
            layer: layer.to_string(),
            pass,
            choice: Choice { variant, reason },
        };
        let rule = |layer, pass, variant| choice(layer, pass, variant, Reason::GpuRule);
        let (forward, gradient) = (Pass::Forward, Pass::Gradient);
        let measured = Reason::Measured {
            seconds: 0.1,
            size: [8, 8],
            shipped: None,
        };
        let choices = [
            rule("conv1_1", forward, Variant::Direct),
            rule("conv1_2", forward, Variant::Winograd),
            rule("conv2_1", forward, Variant::Winograd),
            choice("conv2_2", forward, Variant::Direct, measured),
            rule("conv2_2", gradient, Variant::Winograd),
            rule("conv2_1", gradient, Variant::Winograd),
            rule("conv1_2", gradient, Variant::Winograd),
            rule("conv1_1", gradient, Variant::Plain),
        ];
        assert_eq!(
            in_groups(&choices),
            [
                "direct for conv1_1, conv2_2 forward (shipped rule for GPUs, or measured on this adapter)",
                "winograd for conv1_2–conv2_1 forward, gradient of conv1_2–conv2_2 (shipped rule for GPUs)",
                "plain for gradient of conv1_1 (shipped rule for GPUs)",
            ]
        );
        let both = [
            rule("conv1_1", forward, Variant::Direct),
            rule("conv1_1", gradient, Variant::Direct),
        ];
        assert_eq!(
            in_groups(&both),
            ["direct for conv1_1 both ways (shipped rule for GPUs)"]
        );
    }
}
