//! What is given to people: one archive with plugins, command line, models, runtime, licences, checksums and a bill of
//! materials, and on Debian and its relatives a package.

mod debian;
mod licences;
mod sbom;
mod shipped;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::bundle::{NAME, RESOURCES, copy};
use crate::command;
use crate::setup::runtime;

/// Files of the repository that go along.
const DOCUMENTS: &[&str] = &["README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"];

/// Builds everything, optimised, packs it into `target/dist/`, unpacks it again elsewhere and tries it there.
///
/// # Errors
/// A build failed, something is missing, or the packed program does not work.
pub fn run() -> Result<()> {
    let runtime = runtime::ensure()?;
    let bundled = crate::bundle::run(true)?;
    let program = crate::generate::build_cli()?;

    let dist = command::target("dist");
    let name = format!("{NAME}-{}-{}", env!("CARGO_PKG_VERSION"), platform());
    let folder = dist.join(&name);
    if dist.is_dir() {
        fs::remove_dir_all(&dist).with_context(|| format!("cannot replace {}", dist.display()))?;
    }
    fill(&folder, &bundled, &program, &runtime)?;
    let archive = pack(&dist, &name)?;
    let mut made = vec![archive.clone()];
    if cfg!(target_os = "linux") && command::succeeds(Command::new("dpkg-deb").arg("--version")) {
        made.push(debian::package(&dist, &folder)?);
    }
    write_sums(&dist.join("SHA256SUMS"), &dist, &made)?;
    try_out(&archive, &name)?;
    for path in &made {
        let megabytes = fs::metadata(path)?.len() as f64 / 1e6;
        println!("dist: {} ({megabytes:.0} MB)", path.display());
    }
    Ok(())
}

/// Operating system and processor, such as `linux-x86_64`.
fn platform() -> String {
    format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH)
}

/// Lays out the folder that is packed.
fn fill(folder: &Path, bundled: &Path, program: &Path, runtime: &Path) -> Result<()> {
    let resources = if cfg!(target_os = "macos") {
        bundled.join(format!("{NAME}.clap/Contents/Resources"))
    } else {
        bundled.join(RESOURCES)
    };
    // One copy of models and runtime; plugins and command line share it by hard links, also inside the archive.
    let models = folder.join("models/resonant");
    place(&resources.join("bundle"), &models, None)?;
    let library = runtime.file_name().context("the runtime library has no name")?;
    let bin = folder.join("bin");
    copy(runtime, &bin.join(library))?;
    copy(program, &bin.join(program.file_name().context("the program has no name")?))?;
    let shared = Shared { models: &models, library: &bin.join(library) };
    for plugin in [format!("{NAME}.clap"), format!("{NAME}.vst3"), RESOURCES.to_owned()] {
        let source = bundled.join(&plugin);
        if source.exists() {
            place(&source, &folder.join("plugins").join(&plugin), Some(&shared))?;
        }
    }
    for document in DOCUMENTS {
        copy(&crate::root().join(document), &folder.join(document))?;
    }
    fs::write(folder.join("INSTALL.txt"), INSTALL)?;
    let packages = shipped::packages()?;
    fs::write(folder.join("THIRD-PARTY-LICENCES.txt"), licences::text(&packages, runtime)?)?;
    fs::write(folder.join("sbom.cdx.json"), sbom::document(&packages, runtime)?)?;
    let files = files_of(folder)?;
    write_sums(&folder.join("SHA256SUMS"), folder, &files)
}

const INSTALL: &str = "\
Linux:   copy plugins/ResonantGen.clap and plugins/ResonantGen.resources to ~/.clap/, plugins/ResonantGen.vst3 to ~/.vst3/
macOS:   copy plugins/ResonantGen.clap to ~/Library/Audio/Plug-Ins/CLAP/, plugins/ResonantGen.vst3 to ../VST3/
Windows: copy plugins\\ResonantGen.clap and plugins\\ResonantGen.resources to %LOCALAPPDATA%\\Programs\\Common\\CLAP\\,
         plugins\\ResonantGen.vst3 to ..\\VST3\\
The command line is bin/resonantgen; it works from where it is: bin/resonantgen doctor says whether all is well.
SHA256SUMS lists every file: sha256sum -c SHA256SUMS.
";

/// Files that are in the folder already.
struct Shared<'a> {
    models: &'a Path,
    library: &'a Path,
}

impl Shared<'_> {
    /// The same file in the folder, for a file of a plugin's resources.
    fn twin(&self, path: &Path) -> Option<PathBuf> {
        let name = path.file_name()?;
        let parent = path.parent()?.file_name()?;
        if parent == "bundle" {
            Some(self.models.join(name))
        } else {
            (parent == "runtime" && Some(name) == self.library.file_name()).then(|| self.library.to_owned())
        }
    }
}

/// Copies a file or folder, with hard links to what is there already.
fn place(from: &Path, to: &Path, shared: Option<&Shared<'_>>) -> Result<()> {
    if from.is_dir() {
        fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
        for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
            let path = entry?.path();
            place(&path, &to.join(path.file_name().context("a file has a name")?), shared)?;
        }
        return Ok(());
    }
    match shared.and_then(|shared| shared.twin(from)) {
        Some(twin) if fs::hard_link(&twin, to).is_ok() => Ok(()),
        _ => copy(from, to),
    }
}

/// Packs a folder of `dist`; returns the archive. `tar` is part of all three systems.
fn pack(dist: &Path, name: &str) -> Result<PathBuf> {
    let archive = dist.join(format!("{name}{}", if cfg!(windows) { ".zip" } else { ".tar.gz" }));
    let mut tar = Command::new("tar");
    // On Windows the ending chooses the format.
    tar.arg(if cfg!(windows) { "-acf" } else { "-czf" }).arg(&archive).arg("-C").arg(dist).arg(name);
    command::run(&mut tar)?;
    Ok(archive)
}

/// All files of a folder, sorted.
fn files_of(folder: &Path) -> Result<Vec<PathBuf>> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next)? {
            let path = entry?.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    Ok(files)
}

/// Writes the SHA-256 of files, in the form of `sha256sum`, with paths relative to `base`.
fn write_sums(to: &Path, base: &Path, files: &[PathBuf]) -> Result<()> {
    let mut lines = String::new();
    for path in files {
        let name = path.strip_prefix(base)?.to_string_lossy().replace('\\', "/");
        lines += &format!("{}  {name}\n", sha256(path)?);
    }
    fs::write(to, lines).with_context(|| format!("cannot write {}", to.display()))
}

/// SHA-256 of a file, in hex.
fn sha256(path: &Path) -> Result<String> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Unpacks the archive into an empty folder and makes music there, with nothing of the repository in reach.
fn try_out(archive: &Path, name: &str) -> Result<()> {
    let elsewhere = tempfile::tempdir()?;
    command::run(Command::new("tar").arg("-xf").arg(archive).arg("-C").arg(elsewhere.path()))?;
    let folder = elsewhere.path().join(name);
    let program = folder.join("bin").join(format!("resonantgen{}", std::env::consts::EXE_SUFFIX));
    let resonantgen = |words: &[&str]| {
        let mut command = Command::new(&program);
        command.args(words).current_dir(elsewhere.path());
        for variable in ["RESONANTGEN_RUNTIME", "RESONANTGEN_BUNDLE"] {
            command.env_remove(variable);
        }
        command
    };
    command::run(&mut resonantgen(&["doctor"]))?;
    command::run(&mut resonantgen(&[
        "generate",
        "dark techno",
        "--bars",
        "2",
        "--seed",
        "7",
        "--out",
        "loop",
    ]))?;
    for stem in ["drums.wav", "bass.wav", "harmony.wav", "melody.wav", "mix.wav"] {
        if fs::metadata(elsewhere.path().join("loop").join(stem)).map_or(0, |file| file.len()) < 10_000 {
            bail!("the packed program made no {stem}");
        }
    }
    println!("dist: the archive works in an empty folder");
    Ok(())
}
