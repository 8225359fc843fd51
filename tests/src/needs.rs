//! Requirements of tests that not every machine meets; `cargo xtask test` names them in the environment. Each function skips
//! the running test if its requirement is missing; the caller then returns.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::skip::{leave_out, skip};

/// Set by `cargo xtask test --no-hosts`.
const NO_HOSTS: &str = "RESONANTGEN_NO_HOSTS";
/// Set to run the other tests on a system without Ardour 7.
const NO_ARDOUR: &str = "RESONANTGEN_NO_ARDOUR";

/// The folder of the plugin's bundles.
#[must_use]
pub fn plugins() -> Option<PathBuf> {
    named("RESONANTGEN_PLUGINS", "a folder with the plugin's bundles")
}

/// The standalone.
#[must_use]
pub fn standalone() -> Option<PathBuf> {
    named("RESONANTGEN_STANDALONE", "the standalone")
}

/// The Python with the hosts from PyPI.
#[must_use]
pub fn python() -> Option<PathBuf> {
    named("RESONANTGEN_PYTHON", "a Python with the test packages")
}

/// Whether Ardour 7 is installed. Newer versions name their interpreter differently and have not been tested with the script.
#[must_use]
pub fn ardour() -> bool {
    let path = Path::new("/usr/bin/ardour7-lua");
    if path.is_file() {
        return true;
    }
    let why = format!("there is no Ardour 7 ({})", path.display());
    if std::env::var_os(NO_ARDOUR).is_some() {
        leave_out(&why)
    } else {
        skip(&why)
    }
    false
}

/// The build outputs for Windows (command line, folder of the bundles, runtime library), Wine's prefix, and the program that starts
/// Wine. `cargo xtask test` builds them where possible and otherwise reports why; without them these tests are skipped.
#[must_use]
pub fn windows() -> Option<[PathBuf; 5]> {
    let names = ["PROGRAM", "PLUGINS", "RUNTIME", "PREFIX", "RUNNER"];
    let found = names.map(|name| std::env::var_os(format!("RESONANTGEN_WINDOWS_{name}")).map(PathBuf::from));
    let [Some(program), Some(plugins), Some(runtime), Some(prefix), Some(runner)] = found else {
        leave_out("nothing was built for Windows: `cargo xtask test` does that, or says why not");
        return None;
    };
    Some([program, plugins, runtime, prefix, runner])
}

/// Whether there is `xmllint`, which checks XML against schemas.
#[must_use]
pub fn xml_lint() -> bool {
    let found = Command::new("xmllint").arg("--version").output().is_ok();
    if !found {
        skip("there is no xmllint (Debian: libxml2-utils)");
    }
    found
}

fn named(variable: &str, what: &str) -> Option<PathBuf> {
    if std::env::var_os(NO_HOSTS).is_some() {
        leave_out(&format!("{NO_HOSTS} is set"));
        return None;
    }
    let found = std::env::var_os(variable).map(PathBuf::from);
    if found.is_none() {
        skip(&format!("{variable} does not name {what} (`cargo xtask test` does)"));
    }
    found
}
