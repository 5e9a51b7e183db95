//! Flags of what pictures say about themselves.

use clap::{ArgAction, Args};

use crate::cli::failure::Failure;

#[derive(Clone, Copy, Args)]
pub struct RecordingArguments {
    /// Leave out the record of options, versions, adapter, losses, and the paths and checksums of inputs, which
    /// pictures have otherwise (see `inspect record`)
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = ArgAction::Set, hide_possible_values = true, hide_default_value = true, value_name = "true|false")]
    pub no_record: bool,
    /// Also record when the picture was painted and how long that took; without it the same command makes the same bytes
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = ArgAction::Set, hide_possible_values = true, hide_default_value = true, value_name = "true|false")]
    pub record_time: bool,
}

impl RecordingArguments {
    /// Refuses flags that do not go together. A run that goes on has both, as false as they may be.
    pub fn check(self) -> Result<(), Failure> {
        if self.no_record && self.record_time {
            return Err(Failure::usage(
                "--record-time is for records, and --no-record leaves them out; leave one of them away",
            ));
        }
        Ok(())
    }
}
