//! The setup program for Windows, packed with NSIS.
//!
//! It installs for one user and therefore needs no administrator rights. The command line and a single copy of the models go
//! below `%LOCALAPPDATA%\Programs\ResonantGen`, the plugins to the user's plugin folders (`%LOCALAPPDATA%\Programs\Common`), with
//! hard links to the models. The parts to install can be chosen by clicking, or with `/ONLY=vst3,clap,program` in a silent run
//! (`/S`). The uninstaller removes exactly what was installed; the user's presets and settings stay.
//!
//! The script names each file, so that nothing else is ever removed.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::files_of;
use crate::bundle::{RESOURCES, plugin_name};
use crate::command;
use crate::vst3_preset;

/// Installation folders, in NSIS's syntax.
const HOME: &str = "$INSTDIR";
const COMMON: &str = "$LOCALAPPDATA\\Programs\\Common";
const PRESETS: &str = "$DOCUMENTS\\VST3 Presets";
/// Key of the list of installed programs.
const UNINSTALL_KEY: &str = "Software\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\ResonantGen";

/// The flag that makes `makensis` print its version.
pub const VERSION_FLAG: &str = "-VERSION";

/// What can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// Models, runtime, licences: needed by all others.
    Shared,
    Vst3,
    Clap,
    Program,
}

impl Part {
    /// The parts that the user can choose.
    const CHOICES: [Self; 3] = [Self::Vst3, Self::Clap, Self::Program];

    const fn name(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Vst3 => "vst3",
            Self::Clap => "clap",
            Self::Program => "program",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Shared => "Models and licences",
            Self::Vst3 => "VST3 plugin",
            Self::Clap => "CLAP plugin",
            Self::Program => "Command line",
        }
    }
}

/// A file of the packed folder, and where it goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Item {
    part: Part,
    /// Path in Windows notation, starting from a folder that NSIS knows.
    target: String,
    /// Path on this machine. For a link, the target of the item in the shared part.
    source: Source,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    File(PathBuf),
    Installed(String),
}

/// Packs a filled folder; returns the setup program. `quick` compresses little.
///
/// # Errors
/// Returns an error if `makensis` is missing or fails.
pub fn package(dist: &Path, folder: &Path, name: &str, quick: bool) -> Result<PathBuf> {
    let setup = dist.join(format!("{name}-setup.exe"));
    let script = dist.join(format!("{name}-setup.nsi"));
    fs::write(&script, script_of(&items(folder)?, &setup, quick))
        .with_context(|| format!("cannot write {}", script.display()))?;
    // Its output is long and uninteresting on success.
    command::output(Command::new("makensis").args(["-V2", "-WX", "-INPUTCHARSET", "UTF8"]).arg(&script))
        .context("the setup program cannot be packed: `cargo xtask setup --target windows` installs NSIS")?;
    fs::remove_file(&script)?;
    Ok(setup)
}

/// The command that signs the setup program (Authenticode).
pub fn signing(dist: &Path, name: &str) -> Command {
    let setup = dist.join(format!("{name}-setup.exe"));
    let mut command = Command::new("osslsigncode");
    command
        .args(["sign", "-pkcs12", "CERTIFICATE.p12", "-readpass", "PASSWORD.txt", "-h", "sha256"])
        .args(["-n", plugin_name(), "-in"])
        .arg(&setup)
        .arg("-out")
        .arg(setup.with_extension("signed.exe"));
    command
}

/// Where each file goes.
fn items(folder: &Path) -> Result<Vec<Item>> {
    let plugins = folder.join("plugins");
    let mut items = Vec::new();
    for path in files_of(folder)? {
        let inside = path.strip_prefix(folder)?;
        let Ok(plugin) = inside.strip_prefix("plugins") else {
            let part = if inside.starts_with("bin") && inside.extension().is_some_and(|end| end == "exe") {
                Part::Program
            } else {
                Part::Shared
            };
            items.push(Item { part, target: windows(HOME, inside), source: Source::File(path) });
            continue;
        };
        let (part, target) = if let Ok(preset) = plugin.strip_prefix(vst3_preset::FOLDER) {
            (Part::Vst3, windows(PRESETS, &Path::new(vst3_preset::PLACE).join(preset)))
        } else if plugin.starts_with(format!("{}.vst3", plugin_name())) {
            (Part::Vst3, windows(&format!("{COMMON}\\VST3"), plugin))
        } else {
            (Part::Clap, windows(&format!("{COMMON}\\CLAP"), plugin))
        };
        // The archive has models and runtime once, as hard links; the CLAP's presets are those of the VST3.
        let source = match shared_twin(folder, &plugins, plugin) {
            Some(twin) => Source::Installed(windows(HOME, &twin)),
            None => Source::File(path),
        };
        items.push(Item { part, target, source });
    }
    store_plugin_once(&mut items);
    items.sort();
    Ok(items)
}

/// Both formats are the same library, which is packed and stored once like the models.
fn store_plugin_once(items: &mut Vec<Item>) {
    let is_library = |item: &Item| match &item.source {
        Source::File(path) => {
            path.is_file() && [".clap", ".vst3"].iter().any(|end| item.target.ends_with(end))
        }
        Source::Installed(_) => false,
    };
    let libraries: Vec<usize> = (0..items.len()).filter(|index| is_library(&items[*index])).collect();
    let [first, second] = libraries[..] else { return };
    let (Source::File(one), Source::File(other)) =
        (items[first].source.clone(), items[second].source.clone())
    else {
        return;
    };
    if same_file(&one, &other) {
        let target = format!("{HOME}\\plugins\\{}.dll", plugin_name());
        for index in [first, second] {
            items[index].source = Source::Installed(target.clone());
        }
        items.push(Item { part: Part::Shared, target, source: Source::File(one) });
    }
}

/// The same file in the shared part, for one of a plugin's resources.
fn shared_twin(folder: &Path, plugins: &Path, plugin: &Path) -> Option<PathBuf> {
    let vst3 = format!("{}.vst3", plugin_name());
    let resources = [Path::new(&vst3).join("Contents/Resources"), PathBuf::from(RESOURCES)];
    let inside = resources.iter().find_map(|resources| plugin.strip_prefix(resources).ok())?;
    let twin = match inside.strip_prefix("bundle") {
        Ok(model) => Path::new("models/resonant").join(model),
        Err(_) => Path::new("bin").join(inside.strip_prefix("runtime").ok()?),
    };
    let is_same = same_file(&plugins.join(plugin), &folder.join(&twin));
    is_same.then_some(twin)
}

/// Whether two files have the same contents.
fn same_file(one: &Path, other: &Path) -> bool {
    matches!((fs::read(one), fs::read(other)), (Ok(one), Ok(other)) if one == other)
}

/// A path in Windows's notation.
fn windows(base: &str, path: &Path) -> String {
    format!("{base}\\{}", path.to_string_lossy().replace('/', "\\"))
}

/// The folder of a target.
fn folder_of(target: &str) -> &str {
    target.rsplit_once('\\').map_or(target, |(folder, _)| folder)
}

/// All folders that hold something of ours, the deepest first; not those that are there anyway.
fn folders(items: &[Item]) -> Vec<String> {
    let mut folders = BTreeSet::new();
    for item in items {
        let mut folder = folder_of(&item.target);
        while folder.contains('\\') && folder != COMMON && folder != PRESETS {
            folders.insert(folder.to_owned());
            folder = folder_of(folder);
        }
    }
    for shared in ["VST3", "CLAP"] {
        folders.remove(&format!("{COMMON}\\{shared}"));
    }
    folders.remove("$LOCALAPPDATA\\Programs");
    let mut folders: Vec<String> = folders.into_iter().collect();
    folders.reverse();
    folders
}

/// The script.
fn script_of(items: &[Item], setup: &Path, quick: bool) -> String {
    let name = plugin_name();
    let version = env!("CARGO_PKG_VERSION");
    let compressor = if quick { "zlib" } else { "/SOLID lzma" };
    let mut script = format!(
        r#"Target amd64-unicode
Unicode true
ManifestDPIAware true
SetCompressor {compressor}
Name "{name} {version}"
OutFile "{setup}"
RequestExecutionLevel user
InstallDir "$LOCALAPPDATA\Programs\{name}"
InstallDirRegKey HKCU "Software\{name}" "Folder"
VIProductVersion "{version}.0"
VIAddVersionKey ProductName "{name}"
VIAddVersionKey FileDescription "{name} setup"
VIAddVersionKey FileVersion "{version}"
VIAddVersionKey LegalCopyright "MIT OR Apache-2.0"
!include MUI2.nsh
!include LogicLib.nsh
!include FileFunc.nsh
!include Sections.nsh
!include WordFunc.nsh
!insertmacro GetParameters
!insertmacro GetOptions
!insertmacro WordFind
!insertmacro MUI_PAGE_COMPONENTS
!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_UNPAGE_CONFIRM
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE English

; A link to a file that is installed already, or a copy on another disk.
!macro Link FROM TO
  Delete "${{TO}}"
  System::Call 'kernel32::CreateHardLinkW(w "${{TO}}", w "${{FROM}}", p 0) i .r0'
  ${{If}} $0 == 0
    CopyFiles /SILENT "${{FROM}}" "${{TO}}"
  ${{EndIf}}
!macroend

; Waits until no program has a file open: five seconds, as antivirus programs look at files for a moment, then asks.
!macro Free PREFIX FILE
  StrCpy $9 "${{FILE}}"
  Call ${{PREFIX}}Free
!macroend
!macro FreeFunction PREFIX
Function ${{PREFIX}}Free
  StrCpy $7 0
  again:
  ${{If}} ${{FileExists}} $9
    ClearErrors
    FileOpen $8 $9 a
    ${{If}} ${{Errors}}
      ${{If}} $7 < 20
        IntOp $7 $7 + 1
        Sleep 250
        Goto again
      ${{EndIf}}
      MessageBox MB_RETRYCANCEL|MB_ICONEXCLAMATION "Another program has $9 open. Close your DAW and every program that uses {name}, then retry. Nothing has been changed yet." /SD IDCANCEL IDRETRY again
      SetErrorLevel 3
      Quit
    ${{EndIf}}
    FileClose $8
  ${{EndIf}}
FunctionEnd
!macroend
!insertmacro FreeFunction ""
!insertmacro FreeFunction "un."

"#,
        setup = setup.display(),
    );
    let binaries: Vec<&str> = items
        .iter()
        .map(|item| item.target.as_str())
        .filter(|target| [".vst3", ".clap", ".exe", ".dll"].iter().any(|end| target.ends_with(end)))
        .collect();
    let checks = |prefix: &str| -> String {
        binaries.iter().map(|file| format!("  !insertmacro Free \"{prefix}\" \"{file}\"\n")).collect()
    };
    section(&mut script, Part::Shared, items, &checks(""));
    for part in Part::CHOICES {
        section(&mut script, part, items, "");
    }
    let _ = write!(
        script,
        r#"Section "-end"
  WriteUninstaller "$INSTDIR\uninstall.exe"
  WriteRegStr HKCU "Software\{name}" "Folder" "$INSTDIR"
  WriteRegStr HKCU "{UNINSTALL_KEY}" "DisplayName" "{name}"
  WriteRegStr HKCU "{UNINSTALL_KEY}" "DisplayVersion" "{version}"
  WriteRegStr HKCU "{UNINSTALL_KEY}" "Publisher" "The {name} developers"
  WriteRegStr HKCU "{UNINSTALL_KEY}" "InstallLocation" "$INSTDIR"
  WriteRegStr HKCU "{UNINSTALL_KEY}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKCU "{UNINSTALL_KEY}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD HKCU "{UNINSTALL_KEY}" "NoModify" 1
  WriteRegDWORD HKCU "{UNINSTALL_KEY}" "NoRepair" 1
  ${{IfNot}} ${{FileExists}} "$SYSDIR\vcruntime140_1.dll"
    MessageBox MB_YESNO|MB_ICONINFORMATION "{name} also needs the Visual C++ Redistributable (x64) by Microsoft, which this computer lacks. Open its download page?" /SD IDNO IDNO done
    ExecShell "open" "https://aka.ms/vs/17/release/vc_redist.x64.exe"
    done:
  ${{EndIf}}
SectionEnd

Function .onInit
  ${{GetParameters}} $0
  ClearErrors
  ${{GetOptions}} $0 "/ONLY=" $1
  ${{IfNot}} ${{Errors}}
"#
    );
    for part in Part::CHOICES {
        let _ = write!(
            script,
            r#"    ${{WordFind}} ",$1," ",{}," "E#" $2
    ${{If}} ${{Errors}}
      !insertmacro UnselectSection ${{{}}}
    ${{EndIf}}
"#,
            part.name(),
            part.name()
        );
    }
    script += "  ${EndIf}\nFunctionEnd\n\n";

    script += "Section \"un.all\"\n";
    script += &checks("un.");
    for item in items {
        let _ = writeln!(script, "  Delete \"{}\"", item.target);
    }
    script += "  Delete \"$INSTDIR\\uninstall.exe\"\n";
    // A folder goes only when it is empty.
    for folder in folders(items) {
        let _ = writeln!(script, "  RMDir \"{folder}\"");
    }
    script += "  RMDir \"$INSTDIR\"\n";
    let _ = write!(
        script,
        "  DeleteRegKey HKCU \"{UNINSTALL_KEY}\"\n  DeleteRegKey HKCU \"Software\\{name}\"\nSectionEnd\n"
    );
    script
}

/// The section of a part; `first` are lines at its beginning.
fn section(script: &mut String, part: Part, items: &[Item], first: &str) {
    let hidden = if part == Part::Shared { "-" } else { "" };
    let _ = writeln!(script, "Section \"{hidden}{}\" {}", part.title(), part.name());
    *script += first;
    let mut folder = "";
    for item in items.iter().filter(|item| item.part == part) {
        let (wanted, file) = item.target.rsplit_once('\\').unwrap_or(("", &item.target));
        if wanted != folder {
            let _ = writeln!(script, "  SetOutPath \"{wanted}\"");
            folder = wanted;
        }
        let _ = match &item.source {
            Source::File(path) => writeln!(script, "  File \"/oname={file}\" \"{}\"", path.display()),
            Source::Installed(from) => {
                writeln!(script, "  !insertmacro Link \"{from}\" \"{}\"", item.target)
            }
        };
    }
    *script += "SectionEnd\n\n";
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, name: &str, text: &str) {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("room");
        fs::write(path, text).expect("room");
    }

    #[test]
    fn models_are_packed_once_and_every_file_is_removed_again() {
        let place = tempfile::tempdir().expect("room");
        for (name, text) in [
            ("README.md", "words"),
            ("bin/resonantgen.exe", "program"),
            ("bin/onnxruntime.dll", "runtime"),
            ("models/resonant/a.onnx", "network"),
            ("plugins/ResonantGen.clap", "plugin"),
            ("plugins/ResonantGen.resources/bundle/a.onnx", "network"),
            ("plugins/ResonantGen.resources/runtime/onnxruntime.dll", "runtime"),
            ("plugins/ResonantGen.vst3/Contents/x86_64-win/ResonantGen.vst3", "plugin"),
            ("plugins/ResonantGen.vst3/Contents/Resources/bundle/a.onnx", "network"),
            ("plugins/vst3-presets/Deep.vstpreset", "preset"),
        ] {
            write(place.path(), name, text);
        }
        let items = items(place.path()).expect("files");
        assert_eq!(items.len(), 11);
        let links = items.iter().filter(|item| matches!(item.source, Source::Installed(_))).count();
        assert_eq!(links, 5, "{items:#?}");
        let of = |part| items.iter().filter(|item| item.part == part).count();
        assert_eq!([Part::Shared, Part::Vst3, Part::Clap, Part::Program].map(of), [4, 3, 3, 1]);
        let script = script_of(&items, Path::new("setup.exe"), true);
        for item in &items {
            assert!(script.contains(&format!("  Delete \"{}\"", item.target)), "{}", item.target);
        }
        let folders = folders(&items);
        assert!(
            folders.iter().all(|folder| folder.contains("ResonantGen") || folder.starts_with(HOME)),
            "{folders:?}"
        );
        let depths: Vec<bool> = folders
            .iter()
            .enumerate()
            .map(|(index, folder)| {
                folders[..index].iter().all(|before| !folder.starts_with(&format!("{before}\\")))
            })
            .collect();
        assert!(depths.iter().all(|fine| *fine), "the deepest go first: {folders:?}");
    }
}
