//! Where the models and the runtime are.
//!
//! In order: the environment (`RESONANTGEN_BUNDLE`, a folder with a `manifest.json`; `RESONANTGEN_RUNTIME`, a library
//! file), the plugin's own bundle (`Contents/Resources`), a folder `ResonantGen.resources` beside the plugin, the
//! user's data folder, and, for a plugin inside a checkout, the repository's `models/resonant` and `.setup`.

use std::path::{Path, PathBuf};

/// Folder of resources beside a plugin that is a single file.
pub const RESOURCES_BESIDE: &str = "ResonantGen.resources";
/// Sub-folder with the models.
const BUNDLE: &str = "bundle";
/// Sub-folder with the factory presets.
const PRESETS: &str = "factory-presets";
/// Sub-folder with the runtime library.
const RUNTIME: &str = "runtime";

/// Folder with the factory presets as files, if the plugin was installed with its resources.
#[must_use]
pub fn presets() -> Option<PathBuf> {
    resource_folders().into_iter().map(|folder| folder.join(PRESETS)).find(|folder| folder.is_dir())
}

/// Folder of the models.
///
/// # Errors
/// Returns an error if no folder has models; the message lists the folders that were searched.
pub fn bundle() -> Result<PathBuf, Vec<PathBuf>> {
    if let Some(folder) = std::env::var_os("RESONANTGEN_BUNDLE") {
        return Ok(folder.into());
    }
    let mut folders: Vec<PathBuf> =
        resource_folders().into_iter().map(|folder| folder.join(BUNDLE)).collect();
    folders.extend(ancestors().map(|folder| folder.join("models/resonant")));
    match folders.iter().find(|folder| folder.join("manifest.json").is_file()) {
        Some(folder) => Ok(folder.clone()),
        None => {
            // The folders of a checkout are only for developers and are not listed.
            folders.truncate(resource_folders().len());
            Err(folders)
        }
    }
}

/// The runtime library; `None` leaves it to the engine.
#[must_use]
pub fn runtime() -> Option<PathBuf> {
    if let Some(library) = std::env::var_os("RESONANTGEN_RUNTIME") {
        return Some(library.into());
    }
    let mut folders: Vec<PathBuf> =
        resource_folders().into_iter().map(|folder| folder.join(RUNTIME)).collect();
    folders.extend(ancestors().map(|folder| folder.join(".setup/onnxruntime")));
    folders.iter().find_map(|folder| runtime_in(folder))
}

fn runtime_in(folder: &Path) -> Option<PathBuf> {
    let mut libraries: Vec<PathBuf> = std::fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().contains("onnxruntime")))
        .filter(|path| {
            let name = path.to_string_lossy();
            name.contains(".so") || name.ends_with(".dylib") || name.ends_with(".dll")
        })
        .collect();
    libraries.sort();
    libraries.into_iter().next()
}

/// Folders that may hold [`BUNDLE`] and [`RUNTIME`], the nearest first.
fn resource_folders() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    if let Some(library) = own_path()
        && let Some(folder) = library.parent()
    {
        if let Some(contents) = folder.parent()
            && contents.file_name().is_some_and(|name| name == "Contents")
        {
            folders.push(contents.join("Resources"));
        }
        folders.push(folder.join(RESOURCES_BESIDE));
    }
    folders.extend(user_data().map(|folder| folder.join("resonantgen")));
    folders
}

/// Folder of the user's data.
pub fn user_data() -> Option<PathBuf> {
    directories::BaseDirs::new().map(|folders| folders.data_local_dir().to_owned())
}

fn ancestors() -> impl Iterator<Item = PathBuf> {
    own_path()
        .into_iter()
        .flat_map(|path| path.ancestors().skip(1).map(Path::to_path_buf).collect::<Vec<_>>())
}

/// The file that this code was loaded from, with links resolved.
#[cfg(unix)]
fn own_path() -> Option<PathBuf> {
    use std::ffi::CStr;
    use std::os::unix::ffi::OsStrExt;

    let mut information = std::mem::MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: the address is that of a function of this library; `dladdr` fills the structure or returns 0.
    let found = unsafe { libc::dladdr(own_path as *const libc::c_void, information.as_mut_ptr()) };
    if found == 0 {
        return None;
    }
    // SAFETY: `dladdr` has succeeded; all-zero bytes would be valid as well.
    let information = unsafe { information.assume_init() };
    if information.dli_fname.is_null() {
        return None;
    }
    // SAFETY: a terminated string that lives as long as the library is loaded, as this code is.
    let name = unsafe { CStr::from_ptr(information.dli_fname) };
    std::fs::canonicalize(std::ffi::OsStr::from_bytes(name.to_bytes())).ok()
}

/// The file that this code was loaded from.
#[cfg(windows)]
fn own_path() -> Option<PathBuf> {
    use std::os::windows::ffi::OsStringExt;

    use windows_sys::Win32::System::LibraryLoader::{
        GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT, GetModuleFileNameW,
    };

    /// Longest path that Windows knows, in its units.
    const LONGEST_PATH: usize = 32_768;
    let module = own_module(GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT)?;
    let mut name = vec![0_u16; LONGEST_PATH];
    // SAFETY: the module is loaded, as this code is; the buffer has the stated length.
    let length = unsafe { GetModuleFileNameW(module, name.as_mut_ptr(), LONGEST_PATH as u32) } as usize;
    let is_whole = (1..LONGEST_PATH).contains(&length);
    is_whole.then(|| std::ffi::OsString::from_wide(&name[..length]).into())
}

/// The library that this code is in.
#[cfg(windows)]
fn own_module(flags: u32) -> Option<windows_sys::Win32::Foundation::HMODULE> {
    use windows_sys::Win32::System::LibraryLoader::{
        GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, GetModuleHandleExW,
    };

    let mut module = std::ptr::null_mut();
    let address: *const u16 = (own_module as *const ()).cast();
    // SAFETY: with this flag, the address of a function is passed instead of a name; the handle is written to a local.
    let found =
        unsafe { GetModuleHandleExW(flags | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, address, &mut module) };
    (found != 0).then_some(module)
}

/// Keeps this library in memory until the process ends.
#[cfg(unix)]
pub fn stay_loaded() {
    use std::os::unix::ffi::OsStrExt;

    let Some(path) = own_path() else { return };
    let Ok(path) = std::ffi::CString::new(path.as_os_str().as_bytes()) else { return };
    keep_loaded(&path);
}

/// Keeps a library in memory until the process ends, if it is loaded.
#[cfg(unix)]
pub fn keep_loaded(library: &std::ffi::CStr) {
    // SAFETY: a library that is loaded already (NOLOAD); the handle is given up on purpose.
    unsafe { libc::dlopen(library.as_ptr(), libc::RTLD_NOW | libc::RTLD_NOLOAD | libc::RTLD_NODELETE) };
}

/// Keeps this library in memory until the process ends.
#[cfg(windows)]
pub fn stay_loaded() {
    // The handle itself is not needed.
    let _ = own_module(windows_sys::Win32::System::LibraryLoader::GET_MODULE_HANDLE_EX_FLAG_PIN);
}
