//! The command as its users run it: what it says, what it leaves behind, and what it refuses.
//!
//! One program, so that it is linked once and always has another test for a processor that would wait.

mod batch;
mod bench;
mod cache;
mod checkpoint;
mod colour;
mod completions;
mod demo;
mod detail;
mod devices;
mod disk_full;
mod dream;
mod dream_checkpoint;
mod dream_mask;
mod dream_term;
mod dry_run;
mod inputs;
mod inspect;
mod interrupt;
mod kill;
mod masks;
mod memory;
mod pictures;
mod pipes;
mod plan;
mod plot;
mod preset;
mod preview;
mod random;
mod record;
mod repeat;
mod scales;
mod strength;
mod style;
mod sweep;
mod talk;
mod tensor;
mod texture;
mod tuning;
mod vanishing;
mod visualize;
mod visualize_checkpoint;
mod visualize_memory;
mod weights;
mod workshop;
