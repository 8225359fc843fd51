//! Finds the runtime library and reads its version.

use std::ffi::CStr;
use std::path::{Path, PathBuf};

use super::{LIBRARY_VARIABLE, RuntimeError};

/// Folders below a checkout where `cargo xtask setup` puts libraries. A library for a graphics card, which was fetched
/// deliberately, comes first; it also supports the CPU.
const SETUP_FOLDERS: [&str; 3] =
    [".setup/onnxruntime-cuda", ".setup/onnxruntime-directml", ".setup/onnxruntime"];

/// The first minor version whose official builds for Linux and macOS send usage data to their maker from the moment they
/// start: onnxruntime pull request 27379.
const REPORTING_MINOR: u32 = 29;
/// Set to 1, it disables this telemetry. It is only read here, never set: other threads of a host may be reading it.
const SILENCE: &str = "ORT_DISABLE_TELEMETRY";

/// Whether `name` is a file name of the library on this platform, such as `libonnxruntime.so.1.28.0`.
fn is_library_name(name: &str) -> bool {
    let stem = format!("{}onnxruntime", std::env::consts::DLL_PREFIX);
    let Some(rest) = name.strip_prefix(&stem) else { return false };
    // `.so.1.28.0` on Linux, `.1.28.0.dylib` on macOS, `.dll` on Windows; never `_providers_shared.so`.
    rest.starts_with('.') && rest.contains(std::env::consts::DLL_SUFFIX)
}

/// The library in `folder`; if there are several, the one with the last name.
fn in_folder(folder: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?;
    let names = entries.flatten().map(|entry| entry.file_name()).filter_map(|name| name.into_string().ok());
    let name = names.filter(|name| is_library_name(name)).max()?;
    Some(folder.join(name))
}

/// `path` itself if it is a file, or the library in it if it is a folder.
fn at(path: &Path) -> Option<PathBuf> {
    if path.is_file() { Some(path.to_owned()) } else { in_folder(path) }
}

/// Absolute path of the library to use.
pub(super) fn find(named: Option<&Path>) -> Result<PathBuf, RuntimeError> {
    let variable = std::env::var_os(LIBRARY_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
    let mut tried = Vec::new();
    if let Some(path) = named.map(Path::to_owned).or(variable) {
        tried.push(path);
    } else {
        let executable = std::env::current_exe().ok();
        let own = executable.as_deref().and_then(Path::parent).map(Path::to_owned);
        tried.extend(own.clone());
        let working = std::env::current_dir().ok();
        for start in working.iter().chain(&own) {
            let in_folder = |folder: &Path| SETUP_FOLDERS.map(|setup| folder.join(setup));
            tried.extend(start.ancestors().flat_map(in_folder));
        }
    }
    let found = tried.iter().find_map(|path| at(path));
    match found {
        Some(path) => Ok(std::path::absolute(&path).unwrap_or(path)),
        None => {
            // A list of every folder would not help.
            tried.retain(|path| !SETUP_FOLDERS[..2].iter().any(|setup| path.ends_with(setup)));
            tried.truncate(2);
            Err(RuntimeError::NotFound { tried })
        }
    }
}

/// Whether a library is there, but cannot be loaded because one that it needs is not (Windows). The official builds need nothing but
/// the Visual C++ runtime.
fn lacks_another_library(error: &libloading::Error, path: &Path) -> bool {
    /// `ERROR_MOD_NOT_FOUND` (winerror.h).
    const MODULE_NOT_FOUND: i32 = 126;
    let libloading::Error::LoadLibraryExW { source } = error else { return false };
    // The system's number is in there, but only its sentence can be read.
    let sentence = std::io::Error::from_raw_os_error(MODULE_NOT_FOUND).to_string();
    source.to_string() == sentence && path.is_file()
}

/// Why the system refused to load a library.
fn reason(error: &libloading::Error) -> String {
    match error {
        libloading::Error::LoadLibraryExW { source } => source.to_string(),
        error => error.to_string(),
    }
}

/// Version of the library at `path`, if it is supported.
pub(super) fn version(path: &Path) -> Result<String, RuntimeError> {
    // SAFETY: loading a library runs its initialisers; the path was named by the user or is where setup puts the runtime,
    // and the file is used as the runtime afterwards.
    let library = unsafe { libloading::Library::new(path) }.map_err(|error| match error {
        error if lacks_another_library(&error, path) => RuntimeError::VisualCpp { path: path.to_owned() },
        error => RuntimeError::Unloadable { path: path.to_owned(), reason: reason(&error) },
    })?;
    let stranger = || RuntimeError::Stranger { path: path.to_owned() };
    // SAFETY: a symbol of this name has this signature in every ONNX Runtime (onnxruntime_c_api.h).
    let base = unsafe {
        let entry = library
            .get::<unsafe extern "system" fn() -> *const ort::sys::OrtApiBase>(b"OrtGetApiBase\0")
            .map_err(|_| stranger())?;
        entry().as_ref().ok_or_else(stranger)?
    };
    // SAFETY: the function returns a pointer to a static, null-terminated string.
    let found = unsafe {
        let text = (base.GetVersionString)();
        if text.is_null() {
            return Err(stranger());
        }
        CStr::from_ptr(text).to_string_lossy().into_owned()
    };
    let mut numbers = found.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let (major, minor) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if major != 1 || minor < ort::MINOR_VERSION {
        return Err(RuntimeError::Version { path: path.to_owned(), found, needed: ort::MINOR_VERSION });
    }
    if minor >= REPORTING_MINOR
        && !cfg!(windows)
        && std::env::var_os(SILENCE).is_none_or(|value| value != "1")
    {
        return Err(RuntimeError::Reports { path: path.to_owned(), found });
    }
    // SAFETY: the function may be called with any version; it returns a static table, or null for one that it lacks.
    if unsafe { (base.GetApi)(ort::sys::ORT_API_VERSION) }.is_null() {
        let reason = format!("it lacks the interface of version 1.{}", ort::MINOR_VERSION);
        return Err(RuntimeError::Start { path: path.to_owned(), reason });
    }
    // The runtime stays loaded for the lifetime of the process; `ort` opens the same file again.
    std::mem::forget(library);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::is_library_name;

    #[test]
    fn only_the_runtime_of_this_system_counts() {
        for (system, name) in [
            ("linux", "libonnxruntime.so.1.28.0"),
            ("linux", "libonnxruntime.so"),
            ("macos", "libonnxruntime.1.28.0.dylib"),
            ("macos", "libonnxruntime.dylib"),
            ("windows", "onnxruntime.dll"),
            ("none", "libonnxruntime_providers_shared.so"),
            ("none", "onnxruntime_providers_shared.dll"),
        ] {
            assert_eq!(is_library_name(name), system == std::env::consts::OS, "{name}");
        }
    }
}
