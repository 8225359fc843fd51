//! What the tests of prompts share.

#[path = "../../../../engine/tests/support/prompts.rs"]
#[allow(dead_code, reason = "each test uses a part of it")]
pub mod prompts;

pub fn repository() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
