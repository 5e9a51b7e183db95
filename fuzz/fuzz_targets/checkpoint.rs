#![no_main]

#[path = "../../tests/untrusted/inputs.rs"]
mod inputs;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| inputs::checkpoint(bytes));
