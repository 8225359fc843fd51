//! Arguments of `cargo xtask`.

use clap::{Args, Parser, Subcommand};

use crate::setup::accelerated::Accelerator;
use crate::target::Other;

/// Every chore of the repository. Each runs the setup steps that it needs.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
pub struct Flags {
    /// The chore to run.
    #[command(subcommand)]
    pub chore: Chore,
}

/// One chore.
#[derive(Debug, Subcommand)]
pub enum Chore {
    /// Fetch the ONNX Runtime and install the system packages that the plugin's window needs
    Setup(Setup),
    /// Set up, build, and turn a prompt into four stems under out/
    Generate(Generate),
    /// Build the plugin and lay out the CLAP and VST3 bundles in target/bundled/
    Bundle(Bundle),
    /// Bundle (optimised) and copy the plugins into your plugin folders
    Install,
    /// Build the release, pack it into target/dist/ (plugins, command line, models, licences, checksums), unpack it elsewhere
    /// and test it there
    Dist(Dist),
    /// Fuzz every parser of untrusted bytes (Linux)
    Fuzz(Fuzz),
    /// Look for data races and realtime violations during playback on two threads (Linux)
    Sanitize,
    /// Look for data races and memory errors in the hand-over to the audio thread (needs nightly Rust with Miri)
    Miri,
    /// Check licences, sources and known vulnerabilities of the dependencies (fetches cargo-deny and the vulnerability
    /// database)
    Audit,
    /// Set up what the tests need and run all of them
    Test(Test),
    /// Regenerate the golden files in tests/golden/ from the reference code in training/
    Golden,
    /// Measure how well the prompts in tests/prompts/ are understood
    Words,
    /// Make target/listen/index.html: pieces of 24 prompts with players and spectrograms
    Listen(Listen),
    /// Retake the README's pictures of the editor, from an optimised build (Linux)
    Pictures,
    /// Measure the warm speed of each stage on this machine
    Bench(Bench),
    /// Run a Windows program under Wine, with a limit to its time (Linux)
    #[command(hide = true)]
    Wine(Wine),
    /// Measure the quality of the music over more than 40 prompts; writes target/evaluation/
    Evaluate(Evaluate),
}

/// Flags of `listen`.
#[derive(Debug, Args)]
pub struct Listen {
    /// Other models for a second column
    #[arg(long, value_name = "DIR")]
    pub before: Option<std::path::PathBuf>,
    /// How many of the prompts
    #[arg(long, value_name = "N")]
    pub prompts: Option<u16>,
    /// Make the README's examples in assets/examples/ instead
    #[arg(long)]
    pub examples: bool,
}

/// Flags of `setup`.
#[derive(Debug, Args)]
pub struct Setup {
    /// Also install what the tests need: hosts (Ardour, pedalboard, DawDreamer), a virtual screen, a browser (some hundred MB)
    #[arg(long)]
    pub tests: bool,
    /// Also fetch the ONNX Runtime for a graphics card
    #[arg(long, value_name = "NAME")]
    pub provider: Option<Accelerator>,
    /// What building for another system and trying it needs: for Windows mingw-w64, Wine, NSIS, Rust's standard library and the
    /// ONNX Runtime (300 MB to fetch, 2 GB on disk)
    #[arg(long, value_name = "SYSTEM")]
    pub target: Option<Other>,
}

/// Flags of `generate`.
#[derive(Debug, Args)]
pub struct Generate {
    /// What you want to hear, for example "dark techno with driving bass"
    pub prompt: String,
    /// Flags passed to `resonantgen generate`, for example --bpm 128 --key "F minor" --out my-loop; the default folder is
    /// named after the prompt, under `out/`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub rest: Vec<String>,
}

/// Flags of `bundle`.
#[derive(Debug, Args)]
pub struct Bundle {
    /// Optimise fully (slower to build)
    #[arg(long)]
    pub release: bool,
    /// The system to build for [default: this one]
    #[arg(long, value_name = "SYSTEM")]
    pub target: Option<Other>,
}

/// Flags of `dist`.
#[derive(Debug, Args)]
pub struct Dist {
    /// Do not build or pack: only test the contents of target/dist/
    #[arg(long)]
    pub check: bool,
    /// Pack a development build into target/dist-quick/, to try the packing
    #[arg(long, hide = true)]
    pub quick: bool,
    /// Do nothing; print what signing a release needs and which commands it would run
    #[arg(long, conflicts_with_all = ["check", "quick"])]
    pub dry_run: bool,
    /// The system to pack for [default: this one]
    #[arg(long, value_name = "SYSTEM")]
    pub target: Option<Other>,
}

/// Flags of `fuzz`.
#[derive(Debug, Args)]
pub struct Fuzz {
    /// One of fuzz/fuzz_targets [default: all of them in turn]
    pub target: Option<String>,
    /// Seconds per target
    #[arg(long, default_value_t = 60)]
    pub seconds: u64,
}

/// Flags of `test`.
#[derive(Debug, Args)]
pub struct Test {
    /// Run all tests of training/, not just those of the reference code (downloads PyTorch, about 1 GB)
    #[arg(long)]
    pub training: bool,
    /// Skip the plugin, its hosts and what they need
    #[arg(long)]
    pub no_hosts: bool,
    /// Only the comparisons with golden files, on processors that can do less than this one: restricted kernels, and an
    /// emulated processor without AVX (Linux on x86-64)
    #[arg(long, conflicts_with_all = ["training", "no_hosts"])]
    pub simd: bool,
    /// Everything of ours for another system: Windows is built from Linux and run under Wine
    #[arg(long, value_name = "SYSTEM", conflicts_with_all = ["training", "no_hosts", "simd"])]
    pub target: Option<Other>,
}

/// Flags of `wine`.
#[derive(Debug, Args)]
pub struct Wine {
    /// Longest time in seconds; then the program is ended, with exit code 124
    #[arg(long, default_value_t = 600)]
    pub seconds: u64,
    /// End everything that runs there, and start nothing
    #[arg(long)]
    pub stop: bool,
    /// The program
    #[arg(required_unless_present = "stop", default_value = "")]
    pub program: String,
    /// Its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub rest: Vec<String>,
}

/// Flags of `bench`.
#[derive(Debug, Args)]
pub struct Bench {
    /// Measure beside a peer of MusicGen-small's size with random weights, which the training code makes once (2 GB in
    /// target/peer)
    #[arg(long)]
    pub peer: bool,
    /// Flags passed to `resonantgen bench`, for example --runs 5 --json
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub rest: Vec<String>,
}

/// Flags of `evaluate`.
#[derive(Debug, Args)]
pub struct Evaluate {
    /// Flags passed to `resonantgen evaluate`, for example --prompts 8 --seeds 1 --bundle my-models
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub rest: Vec<String>,
}
