//! placeholder
use super::arguments::Common;
use super::failure::Failure;
pub fn run(_common: &Common) -> Result<(), Failure> {
    Ok(())
}
