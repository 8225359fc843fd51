//! Fetches what a bare clone lacks: the inference runtime, system packages, the tests' Python environment.
//!
//! Everything goes into `.setup/`, which git ignores; each step first checks whether its work is already done.

pub mod accelerated;
pub mod library;
pub mod python;
pub mod runtime;
pub mod system;
pub mod windows;

use std::path::PathBuf;

use anyhow::Result;

use crate::flags::Setup;
use crate::setup::system::Purpose;
use crate::target::{Other, System, Target};

/// The ignored folder that setup fills.
pub fn folder() -> PathBuf {
    crate::root().join(".setup")
}

/// Runs all steps and prints what each did.
///
/// # Errors
/// Returns an error if a step fails; completed steps stay and are not repeated.
pub fn run(flags: &Setup) -> Result<()> {
    let library = runtime::ensure(Target::HERE)?;
    println!("setup: ONNX Runtime {} is at {}", runtime::VERSION, library.display());
    if flags.target == Some(Other::Macos) && System::HERE == System::Linux {
        library::ensure("aarch64-apple-darwin")?;
        library::ensure("x86_64-apple-darwin")?;
        println!("setup: types can be checked for macOS");
    } else if Target::named(flags.target)? == Target::WINDOWS {
        let library = windows::ensure()?;
        println!("setup: Windows can be built for and run; its ONNX Runtime is at {}", library.display());
    }
    if let Some(accelerator) = flags.provider {
        let folder = accelerated::ensure(accelerator)?;
        println!(
            "setup: the runtime for it is in {}; `resonantgen doctor` says whether it works",
            folder.display()
        );
    }
    system::ensure(if flags.tests { Purpose::Tests } else { Purpose::Build })?;
    println!("setup: system packages are there");
    if flags.tests {
        let python = python::ensure()?;
        println!("setup: the tests' Python is {}", python.display());
    }
    println!("setup: done");
    Ok(())
}
