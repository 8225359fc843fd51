//! Compares with golden files on processors with fewer instruction sets than this one.
//!
//! Kernels are chosen when a program starts, by what the processor can do: numpy's, the BLAS's, libm's, those of the transforms
//! and of ONNX Runtime. The first three can be told to take others; for all of them there is a processor that QEMU emulates.
//! Comparisons are the tests with `golden` in their names, and Python's reference tests.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::Result;

use super::run::Run;
use super::{REFERENCE_TESTS, SCOPE, pytest};
use crate::command;
use crate::setup::system::{self, Purpose};
use crate::setup::{python, runtime};
use crate::target::Target;

/// Runs programs on an emulated processor.
const EMULATOR: &str = "qemu-x86_64";
/// Processors that it emulates: without AVX, and with AVX2 and FMA.
const PROCESSORS: [&str; 2] = ["Nehalem", "Haswell"];

/// Golden files that Python computes again.
const PYTHON_GOLDENS: &[&str] = &["tests/test_codec_golden.py", "tests/test_compose_golden.py"];

/// Variables that choose other kernels: numpy's, numba's and libm's.
const NUMPY: (&str, &str) = ("NPY_DISABLE_CPU_FEATURES", "X86_V3 X86_V4");
const NUMBA: (&str, &str) = ("NUMBA_CPU_NAME", "nehalem");
const LIBM: (&str, &str) = ("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-AVX,-AVX2,-FMA,-FMA4,-AVX512F");
const BLAS: &str = "OPENBLAS_CORETYPE";

/// Kernels of the BLAS that this processor can run.
fn blas_kernels() -> Vec<&'static str> {
    let mut kernels = vec!["Prescott", "Nehalem"];
    #[cfg(target_arch = "x86_64")]
    {
        for (kernel, runs) in [
            ("Sandybridge", is_x86_feature_detected!("avx")),
            ("Haswell", is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")),
            ("SkylakeX", is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq")),
        ] {
            if runs {
                kernels.push(kernel);
            }
        }
    }
    kernels
}

/// Runs the comparisons with one set of kernels after another.
///
/// # Errors
/// Returns an error if setup or the build fails, or if a comparison does.
pub fn run() -> Result<()> {
    let begin = Instant::now();
    let mut run = Run::new("simd-logs")?;
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        run.skip("other kernels", "they are chosen and emulated on Linux on x86-64 only")?;
        return run.finish(begin);
    }
    let runtime = runtime::ensure(Target::HERE)?;
    let python = python::ensure()?;
    system::ensure(Purpose::Build)?;
    system::ensure(Purpose::Emulation)?;
    let build = &mut command::cargo(["test", "--no-run", "--message-format=json-render-diagnostics"]);
    let tests = run.executables("build", build.args(SCOPE))?;
    let tests: Vec<PathBuf> = tests.into_iter().filter(|test| has_goldens(test)).collect();

    // numba keeps what it has compiled, for each processor by its name.
    let cache = command::target("simd-numba");
    let python_with = |tests: &[&str], variables: &[(&str, &str)]| {
        let mut command = pytest(&python, tests);
        command.env("NUMBA_CACHE_DIR", &cache).envs(variables.iter().copied());
        command
    };
    run.tests("reference as it is", &mut python_with(REFERENCE_TESTS, &[]))?;
    run.tests("reference with plain numpy", &mut python_with(PYTHON_GOLDENS, &[NUMPY]))?;
    for kernel in blas_kernels() {
        let name = format!("reference with BLAS for {kernel}");
        run.tests(&name, &mut python_with(PYTHON_GOLDENS, &[(BLAS, kernel)]))?;
    }
    let all = [NUMPY, NUMBA, LIBM, (BLAS, "Prescott")];
    run.tests("reference with all of it plain", &mut python_with(REFERENCE_TESTS, &all))?;
    for test in &tests {
        let name = name_of(test);
        run.tests(&format!("{name} as it is"), goldens(&mut Command::new(test), &runtime))?;
        let mut plain = Command::new(test);
        run.tests(&format!("{name} with plain libm"), goldens(plain.env(LIBM.0, LIBM.1), &runtime))?;
    }

    if !command::succeeds(Command::new(EMULATOR).arg("--version")) {
        run.skip("emulated processors", &format!("there is no {EMULATOR}"))?;
        return run.finish(begin);
    }
    for processor in PROCESSORS {
        for test in &tests {
            let mut emulated = Command::new(EMULATOR);
            emulated.args(["-cpu", processor]).arg(test);
            run.tests(&format!("{} on {processor}", name_of(test)), goldens(&mut emulated, &runtime))?;
        }
    }
    let processor = PROCESSORS[0];
    let mut emulated = Command::new(EMULATOR);
    emulated.args(["-cpu", processor]).arg(&python).args(["-m", "pytest", "-q"]).args(PYTHON_GOLDENS);
    emulated.env("NUMBA_CACHE_DIR", &cache).current_dir(crate::root().join("training"));
    run.tests(&format!("reference on {processor}"), &mut emulated)?;
    run.finish(begin)
}

/// Adds what a test program needs to run its comparisons alone.
fn goldens<'a>(command: &'a mut Command, runtime: &Path) -> &'a mut Command {
    command.arg("golden").env("RESONANTGEN_RUNTIME", runtime).env("RESONANTGEN_NO_HOSTS", "1")
}

/// Whether a test program compares with golden files.
fn has_goldens(test: &Path) -> bool {
    let list = Command::new(test).args(["golden", "--list", "--format", "terse"]).output();
    list.is_ok_and(|list| String::from_utf8_lossy(&list.stdout).lines().any(|line| line.ends_with(": test")))
}

/// The name of a test program, without the hash that cargo adds.
fn name_of(test: &Path) -> String {
    let stem = test.file_stem().unwrap_or_default().to_string_lossy();
    stem.rsplit_once('-').map_or(stem.as_ref(), |(name, _)| name).to_owned()
}
