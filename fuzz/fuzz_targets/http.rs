#![no_main]

#[path = "../../server/tests/bytes/mod.rs"]
mod bytes;
#[path = "../../server/tests/support/mod.rs"]
mod support;

libfuzzer_sys::fuzz_target!(|data: &[u8]| bytes::http(data));
