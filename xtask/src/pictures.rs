//! The pictures of the editor in the README.

use anyhow::Result;

use crate::command;
use crate::setup::runtime;
use crate::setup::system::{self, Purpose};

/// Builds the standalone, optimised, and takes pictures of it on a screen of its own; they go to `assets/`.
///
/// # Errors
/// Setup or a build failed, or the editor did not do what it should.
pub fn run() -> Result<()> {
    system::ensure(Purpose::Tests)?;
    let runtime = runtime::ensure()?;
    let standalone =
        ["build", "--release", "--package", "resonantgen-plugin", "--features", "standalone", "--bins"];
    command::run(&mut command::cargo(standalone))?;
    let program =
        command::target("release").join(format!("resonantgen-standalone{}", std::env::consts::EXE_SUFFIX));
    command::run(
        command::cargo(["run", "--package", "resonantgen-tests", "--bin", "pictures", "--", "assets"])
            .env("RESONANTGEN_STANDALONE", program)
            .env("RESONANTGEN_RUNTIME", runtime),
    )
}
