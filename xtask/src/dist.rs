//! The release: one archive with plugins, command line, models, runtime, licences, checksums and a bill of materials. Also a
//! package for Debian and its relatives, a setup program for Windows, and an installer package for macOS.

mod check;
mod debian;
mod licences;
mod macos;
mod sbom;
mod setup;
mod shipped;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::bundle::{RESOURCES, copy, plugin_name};
use crate::command;
use crate::flags::Dist;
use crate::setup::{runtime, windows};
use crate::target::{System, Target};
use crate::vst3_preset;

/// Extension of the archive.
const fn ending(target: Target) -> &'static str {
    if matches!(target.system, System::Windows) { ".zip" } else { ".tar.gz" }
}
/// Files of the repository that are included.
const DOCUMENTS: &[&str] = &["README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"];

/// Builds everything optimised, packs it into `target/dist/`, unpacks it elsewhere and tests it there.
///
/// # Errors
/// Returns an error if a build fails, something is missing, or the packed release does not work.
pub fn run(flags: &Dist) -> Result<()> {
    let target = Target::named(flags.target)?;
    if flags.dry_run {
        return dry_run(target);
    }
    if !flags.check {
        pack(target, flags.quick)?;
    }
    check::run(target, &folder(target, flags.quick), &name(target))
}

/// Where it is packed.
fn folder(target: Target, quick: bool) -> PathBuf {
    target.folder(if quick { "dist-quick" } else { "dist" })
}

/// Name of the archive without its extension.
fn name(target: Target) -> String {
    let Target { system, processor, .. } = target;
    format!("{}-{}-{}-{processor}", plugin_name(), env!("CARGO_PKG_VERSION"), system.name())
}

/// Prints what signing needs, and what would be run.
fn dry_run(target: Target) -> Result<()> {
    println!("{SIGNING}");
    for step in signing(target, &folder(target, false), &name(target)) {
        println!("  {}", command::line(&step));
    }
    Ok(())
}

/// Instructions for signing a release.
const SIGNING: &str = "\
Signing a release. Nothing is signed by `cargo xtask dist` except macOS bundles on a Mac (ad hoc, or with RESONANTGEN_SIGNING_IDENTITY).
Windows: an Authenticode certificate as a PKCS#12 file, and its password; osslsigncode signs from Linux. Without a signature SmartScreen
         warns of an unknown publisher.
macOS:   a Developer ID Application and a Developer ID Installer certificate in the keychain, and a profile of notarytool. Without
         them, what was downloaded does not open until its quarantine is removed (xattr -dr com.apple.quarantine FILE).
Linux:   a GnuPG key.
These commands would be run:";

/// The commands that sign what is packed.
fn signing(target: Target, dist: &Path, name: &str) -> Vec<Command> {
    match target.system {
        System::Macos => macos::signing(dist, name),
        System::Windows => vec![setup::signing(dist, name)],
        System::Linux => {
            let mut gpg = Command::new("gpg");
            gpg.args(["--armor", "--detach-sign"]).arg(dist.join(format!("{name}.sha256")));
            vec![gpg]
        }
    }
}

/// Builds and packs; `quick` packs a development build, to try the packing.
fn pack(target: Target, quick: bool) -> Result<()> {
    let runtime = if target == Target::HERE { runtime::ensure(target)? } else { windows::ensure()? };
    let bundled = crate::bundle::run(target, !quick)?;
    let program = crate::generate::build_cli(target, !quick)?;

    let dist = folder(target, quick);
    let name = name(target);
    let folder = dist.join(&name);
    if dist.is_dir() {
        fs::remove_dir_all(&dist).with_context(|| format!("cannot replace {}", dist.display()))?;
    }
    fill(target, &folder, &bundled, &program, &runtime)?;
    let mut made = vec![archive(target, &dist, &name)?];
    match target.system {
        System::Linux if command::succeeds(Command::new("dpkg-deb").arg("--version")) => {
            made.push(debian::package(&dist, &folder)?);
        }
        System::Windows if command::succeeds(Command::new("makensis").arg(setup::VERSION_FLAG)) => {
            made.push(setup::package(&dist, &folder, &name, quick)?);
        }
        System::Macos => made.push(macos::package(&dist, &folder, &name)?),
        System::Linux | System::Windows => {}
    }
    write_sums(&dist.join(format!("{name}.sha256")), &dist, &made)?;
    for path in &made {
        let megabytes = fs::metadata(path)?.len() as f64 / 1e6;
        println!("dist: {} ({megabytes:.0} MB)", path.display());
    }
    Ok(())
}

/// Lays out the folder to pack.
fn fill(target: Target, folder: &Path, bundled: &Path, program: &Path, runtime: &Path) -> Result<()> {
    let resources = if target.system == System::Macos {
        bundled.join(format!("{}.clap/Contents/Resources", plugin_name()))
    } else {
        bundled.join(RESOURCES)
    };
    // One copy of models and runtime; plugins and command line share it through hard links, inside the archive as well.
    let models = folder.join("models/resonant");
    place(&resources.join("bundle"), &models, None)?;
    let library = runtime.file_name().context("the runtime library has no name")?;
    let bin = folder.join("bin");
    copy(runtime, &bin.join(library))?;
    copy(program, &bin.join(program.file_name().context("the program has no name")?))?;
    let shared = Shared { models: &models, library: &bin.join(library), bundled };
    for plugin in [
        format!("{}.clap", plugin_name()),
        format!("{}.vst3", plugin_name()),
        RESOURCES.to_owned(),
        vst3_preset::FOLDER.to_owned(),
    ] {
        let source = bundled.join(&plugin);
        if source.exists() {
            place(&source, &folder.join("plugins").join(&plugin), Some(&shared))?;
        }
    }
    for document in DOCUMENTS {
        copy(&crate::root().join(document), &folder.join(document))?;
    }
    fs::write(folder.join("INSTALL.txt"), INSTALL)?;
    let packages = shipped::packages(target.triple)?;
    fs::write(folder.join("THIRD-PARTY-LICENCES.txt"), licences::text(&packages, runtime)?)?;
    fs::write(folder.join("sbom.cdx.json"), sbom::document(&packages, runtime)?)?;
    let files = files_of(folder)?;
    write_sums(&folder.join("SHA256SUMS"), folder, &files)
}

const INSTALL: &str = "\
Linux:   copy plugins/ResonantGen.clap and plugins/ResonantGen.resources to ~/.clap/, plugins/ResonantGen.vst3 to ~/.vst3/
macOS:   copy plugins/ResonantGen.clap to ~/Library/Audio/Plug-Ins/CLAP/, plugins/ResonantGen.vst3 to ../VST3/
Windows: run the setup program, or copy plugins\\ResonantGen.clap and plugins\\ResonantGen.resources to
         %LOCALAPPDATA%\\Programs\\Common\\CLAP\\, plugins\\ResonantGen.vst3 to ..\\VST3\\. The runtime needs the Visual C++
         Redistributable (x64), which most computers have: https://aka.ms/vs/17/release/vc_redist.x64.exe
Presets for VST3 hosts: copy plugins/vst3-presets to ResonantGen/ResonantGen in ~/.vst3/presets/ (Linux), ~/Library/Audio/Presets/ (macOS) or
         Documents\\VST3 Presets\\ (Windows)
The command line is bin/resonantgen and runs in place; bin/resonantgen doctor checks it.
SHA256SUMS lists every file: sha256sum -c SHA256SUMS.
";

/// Files that are already in the folder.
struct Shared<'a> {
    models: &'a Path,
    library: &'a Path,
    /// Folder that the plugins are copied from.
    bundled: &'a Path,
}

impl Shared<'_> {
    /// The same file in the folder, for a file in a plugin's resources.
    fn twin(&self, path: &Path) -> Option<PathBuf> {
        let inside = path.strip_prefix(self.bundled).ok()?;
        let mut parts = inside.iter().skip_while(|part| *part != "bundle" && *part != "runtime");
        let is_model = parts.next()? == "bundle";
        let rest: PathBuf = parts.collect();
        if is_model {
            Some(self.models.join(rest))
        } else {
            (rest.file_name() == self.library.file_name()).then(|| self.library.to_owned())
        }
    }
}

/// Copies a file or folder, with hard links to what is already there.
fn place(from: &Path, to: &Path, shared: Option<&Shared<'_>>) -> Result<()> {
    if from.is_dir() {
        fs::create_dir_all(to).with_context(|| format!("cannot create {}", to.display()))?;
        for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
            let path = entry?.path();
            place(&path, &to.join(path.file_name().context("the path has no file name")?), shared)?;
        }
        return Ok(());
    }
    match shared.and_then(|shared| shared.twin(from)) {
        Some(twin) if fs::hard_link(&twin, to).is_ok() => Ok(()),
        _ => copy(from, to),
    }
}

/// Packs a folder in `dist`; returns the archive.
fn archive(target: Target, dist: &Path, name: &str) -> Result<PathBuf> {
    let archive = dist.join(format!("{name}{}", ending(target)));
    if target.system == System::Windows {
        zip_folder(dist, name, &archive).with_context(|| format!("cannot write {}", archive.display()))?;
    } else {
        let mut tar = Command::new("tar");
        tar.arg("-czf").arg(&archive).arg("-C").arg(dist).arg(name);
        command::run(&mut tar)?;
    }
    Ok(archive)
}

/// Writes a folder in `dist` to a zip archive.
fn zip_folder(dist: &Path, name: &str, archive: &Path) -> Result<()> {
    let mut writer = zip::ZipWriter::new(File::create(archive)?);
    let options = zip::write::SimpleFileOptions::default();
    for path in files_of(&dist.join(name))? {
        writer.start_file(path.strip_prefix(dist)?.to_string_lossy().replace('\\', "/"), options)?;
        io::copy(&mut File::open(&path)?, &mut writer)?;
    }
    writer.finish()?;
    Ok(())
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
