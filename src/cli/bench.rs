//! placeholder
use super::arguments::{BenchArguments, Common};
use super::failure::Failure;
pub fn run(_common: &Common, _arguments: &BenchArguments) -> Result<(), Failure> {
    Ok(())
}
