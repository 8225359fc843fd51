#![no_main]

#[path = "../../engine/tests/attack/mod.rs"]
#[allow(dead_code)]
mod attack;

libfuzzer_sys::fuzz_target!(|data: &[u8]| attack::import(data));
