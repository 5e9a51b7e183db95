//! `impasto inspect record`: how a picture was made.

use std::path::Path;

use crate::cli::failure::Failure;
use crate::cli::record::{self, Painted, Record};
use crate::cli::terminal::print;

/// Runs the command.
pub fn run(picture: &Path, json: bool) -> Result<(), Failure> {
    let text = record::text(picture)?;
    if json {
        return print(text);
    }
    print(in_words(&Record::parse(&text, picture)?))
}

/// One fact a line, and the options as a command line has them.
fn in_words(record: &Record) -> String {
    let origin = &record.origin;
    let mut lines = vec![
        format!("made by    impasto {}", origin.impasto),
        format!("adapter    {} ({})", origin.adapter, origin.driver),
        format!("size       {}×{}", origin.size[0], origin.size[1]),
        format!("steps      {}", record.steps),
        format!("seed       {}", record.seed),
    ];
    if let Some(Painted { at, seconds }) = &record.painted {
        lines.push(format!("painted    {at}, in {seconds:.1} s"));
    }
    if let Some(resolved) = &record.resolved {
        lines.push(format!("strategy   {}", resolved.strategy));
        // The settings are made of numbers and names, so they can always be written.
        let optimiser = serde_json::to_string(&resolved.optimiser).unwrap_or_default();
        lines.push(format!("optimiser  {optimiser}"));
    }
    for (name, loss) in &record.losses {
        let loss = loss.map_or("not finite".to_string(), |loss| format!("{loss:.4e}"));
        lines.push(format!("loss       {name} {loss}"));
    }
    for run in &record.runs {
        let options = run
            .options
            .iter()
            .map(|(flag, value)| format!("--{flag} {value}"));
        let options: Vec<String> = options.collect();
        let losses = run.losses.iter().map(|(name, loss)| match loss {
            Some(loss) => format!(", {name} {loss:.4e}"),
            None => format!(", {name} not finite"),
        });
        let losses: String = losses.collect();
        let painted = run.painted.as_ref().map_or(String::new(), |painted| {
            format!(", {} in {:.1} s", painted.at, painted.seconds)
        });
        lines.push(format!(
            "run        {}: {} steps{losses}{painted}",
            options.join(" "),
            run.steps
        ));
    }
    for input in &record.inputs {
        let [option, path, sha256] = [&input.option, &input.path, &input.sha256];
        lines.push(format!("{option:10} {path}, sha256 {sha256}"));
    }
    lines.push(format!("weights    sha256 {}", origin.weights));
    for (flag, values) in &origin.options {
        // What stands on the command line without a flag is among the files above.
        let is_named = !["content", "styles", "image"].contains(&&**flag);
        let values = values.iter().filter(|_| is_named);
        lines.extend(values.map(|value| format!("option     --{flag} {value}")));
    }
    lines.join("\n")
}
