//! What the flags of a run are about, for whoever has to tell them apart: records, checkpoints, sheets and films.
//!
//! A flag that is new belongs into one of these lists if it names a picture that is read or a place that is written to.
//! One in none of them decides what is painted: records have it, and a run that is gone on with must agree with it.

use std::ffi::OsStr;

use super::network;

/// They name pictures that are read.
pub const PICTURES: [&str; 10] = [
    "content",
    "style",
    "styles",
    "mask",
    "content-mask",
    "init",
    "invert",
    "caricature",
    "image",
    "guide",
];

/// They decide where things go, when, and whether with a note of their making, but not what is painted: with others the
/// same picture comes out.
pub const DESTINATIONS: [&str; 12] = [
    "output",
    "format",
    "out-dir",
    "keep",
    "save-every",
    "trace",
    "plot",
    "preview",
    "checkpoint",
    "checkpoint-every",
    "no-record",
    "record-time",
];

/// They name the network and the device.
pub const MACHINERY: [&str; 3] = ["model", "weights", "adapter"];

/// Whether `value` of the flag `name` is a path, and no name or stream.
pub fn is_path(name: &str, value: &OsStr) -> bool {
    match name {
        "init" => value != "content" && value != "noise" && value != "-",
        // A stream may have a weight.
        "style" | "styles" => value != "-" && !value.as_encoded_bytes().starts_with(b"-:"),
        "trace" | "plot" | "checkpoint" | "weights" | "out-dir" | "keep" | "invert"
        | "caricature" => true,
        "output" | "preview" => value != "-",
        "model" => value.to_str().is_none_or(|model| !network::is_name(model)),
        _ => PICTURES.contains(&name) && value != "-",
    }
}
