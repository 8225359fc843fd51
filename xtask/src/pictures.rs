//! Takes the README's pictures of the editor.

use anyhow::Result;

use crate::command;
use crate::setup::runtime;
use crate::setup::system::{self, Purpose};
use crate::target::Target;

/// Builds an optimised standalone, takes pictures of it on a virtual screen and writes them to `assets/`.
///
/// # Errors
/// Returns an error if setup or a build fails, or the editor does not behave as expected.
pub fn run() -> Result<()> {
    system::ensure(Purpose::Tests)?;
    let runtime = runtime::ensure(Target::HERE)?;
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
