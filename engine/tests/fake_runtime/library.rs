//! A fake ONNX Runtime library with a graphics card, built by `fake_runtime.rs` while the test runs.
//!
//! It forwards every call to the real runtime (`FAKE_REAL`), so that "the card" computes the same as the processor. Its own
//! answers depend on `FAKE_MODE`; see `fake_runtime.rs`.

use std::collections::HashSet;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

type Status = *mut c_void;

/// Indices of functions in `OrtApi` (onnxruntime_c_api.h), which never change, and its length in the version fetched by setup (1.28).
const CREATE_STATUS: usize = 0;
const CREATE_SESSION: usize = 7;
const RUN: usize = 9;
const RELEASE_SESSION: usize = 95;
const RELEASE_SESSION_OPTIONS: usize = 100;
const GET_AVAILABLE_PROVIDERS: usize = 125;
const RELEASE_AVAILABLE_PROVIDERS: usize = 126;
const APPEND_CUDA: usize = 204;
const CREATE_CUDA_OPTIONS: usize = 205;
const UPDATE_CUDA_OPTIONS: usize = 206;
const RELEASE_CUDA_OPTIONS: usize = 208;
const LENGTH: usize = 428;

#[repr(C)]
struct ApiBase {
    get_api: unsafe extern "system" fn(u32) -> *const usize,
    get_version: unsafe extern "system" fn() -> *const c_char,
}

unsafe extern "C" {
    fn dlopen(file: *const c_char, flags: c_int) -> *mut c_void;
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
}

static BASE: ApiBase = ApiBase { get_api, get_version };
static REAL: OnceLock<usize> = OnceLock::new();
static TABLE: OnceLock<Vec<usize>> = OnceLock::new();
/// Addresses of session options and sessions that use the card.
static ON_CARD: Mutex<Option<HashSet<usize>>> = Mutex::new(None);
static RUNS: AtomicUsize = AtomicUsize::new(0);

fn mode() -> String {
    std::env::var("FAKE_MODE").unwrap_or_default()
}

fn on_card<T>(work: impl FnOnce(&mut HashSet<usize>) -> T) -> T {
    work(ON_CARD.lock().expect("no panic").get_or_insert_default())
}

fn real_base() -> &'static ApiBase {
    let address = REAL.get_or_init(|| {
        let path = CString::new(std::env::var("FAKE_REAL").expect("a path")).expect("a path");
        // SAFETY: both strings are terminated; the library is the real runtime.
        unsafe {
            let library = dlopen(path.as_ptr(), 2);
            let entry = dlsym(library, c"OrtGetApiBase".as_ptr());
            assert!(!entry.is_null(), "the real runtime has its entry");
            let entry: unsafe extern "system" fn() -> *const ApiBase = std::mem::transmute(entry);
            entry() as usize
        }
    });
    // SAFETY: the entry returns a static table.
    unsafe { &*(*address as *const ApiBase) }
}

/// A function of the real runtime.
unsafe fn real<F: Copy>(place: usize) -> F {
    // SAFETY: the newest version requested by this program is at least as long; the caller names the function's type.
    unsafe { std::mem::transmute_copy(&*(real_base().get_api)(24).add(place)) }
}

fn failure(text: &str) -> Status {
    let text = CString::new(text).expect("no zeros");
    // SAFETY: CreateStatus(code, message); 1 is ORT_FAIL. The message is copied.
    unsafe {
        real::<unsafe extern "system" fn(c_int, *const c_char) -> Status>(CREATE_STATUS)(1, text.as_ptr())
    }
}

#[unsafe(no_mangle)]
extern "system" fn OrtGetApiBase() -> *const c_void {
    (&raw const BASE).cast()
}

unsafe extern "system" fn get_version() -> *const c_char {
    match mode().as_str() {
        "old" => c"1.17.3".as_ptr(),
        "talkative" => c"1.31.0".as_ptr(),
        // SAFETY: the same contract as the real function's.
        _ => unsafe { (real_base().get_version)() },
    }
}

unsafe extern "system" fn get_api(version: u32) -> *const usize {
    if mode() == "hollow" {
        return null();
    }
    let table = TABLE.get_or_init(|| {
        // SAFETY: the real table has at least this many functions.
        let real = unsafe { std::slice::from_raw_parts((real_base().get_api)(version), LENGTH) };
        let mut table = real.to_vec();
        table[CREATE_SESSION] = create_session as *const () as usize;
        table[RUN] = run as *const () as usize;
        table[RELEASE_SESSION] = release_session as *const () as usize;
        table[RELEASE_SESSION_OPTIONS] = release_session_options as *const () as usize;
        table[GET_AVAILABLE_PROVIDERS] = get_available_providers as *const () as usize;
        table[RELEASE_AVAILABLE_PROVIDERS] = release_available_providers as *const () as usize;
        table[APPEND_CUDA] = append_cuda as *const () as usize;
        table[CREATE_CUDA_OPTIONS] = create_cuda_options as *const () as usize;
        table[UPDATE_CUDA_OPTIONS] = update_cuda_options as *const () as usize;
        table[RELEASE_CUDA_OPTIONS] = release_cuda_options as *const () as usize;
        table
    });
    table.as_ptr()
}

struct Names([*const c_char; 2]);
// SAFETY: the strings are static.
unsafe impl Sync for Names {}
static NAMES: Names = Names([c"CUDAExecutionProvider".as_ptr(), c"CPUExecutionProvider".as_ptr()]);

unsafe extern "system" fn get_available_providers(
    names: *mut *const *const c_char,
    count: *mut c_int,
) -> Status {
    // SAFETY: the caller provides space for both.
    unsafe {
        *names = NAMES.0.as_ptr();
        *count = NAMES.0.len() as c_int;
    }
    null_mut()
}

unsafe extern "system" fn release_available_providers(_: *const *const c_char, _: c_int) -> Status {
    null_mut()
}

unsafe extern "system" fn create_cuda_options(options: *mut *mut c_void) -> Status {
    if mode() == "unstartable" {
        return failure("CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version");
    }
    // SAFETY: the caller provides space for a pointer, which is never dereferenced.
    unsafe { *options = (&raw const RUNS).cast_mut().cast() };
    null_mut()
}

unsafe extern "system" fn update_cuda_options(
    _: *mut c_void,
    _: *const c_void,
    _: *const c_void,
    _: usize,
) -> Status {
    null_mut()
}

unsafe extern "system" fn release_cuda_options(_: *mut c_void) {}

unsafe extern "system" fn append_cuda(options: *mut c_void, _: *const c_void) -> Status {
    if mode() == "refuses" {
        return failure("CUDA failure 100: no CUDA-capable device is detected");
    }
    on_card(|all| all.insert(options as usize));
    null_mut()
}

type CreateSession =
    unsafe extern "system" fn(*const c_void, *const c_char, *const c_void, *mut *mut c_void) -> Status;

unsafe extern "system" fn create_session(
    environment: *const c_void,
    path: *const c_char,
    options: *const c_void,
    session: *mut *mut c_void,
) -> Status {
    let is_on_card = on_card(|all| all.contains(&(options as usize)));
    // SAFETY: the path is terminated.
    let name = unsafe { CStr::from_ptr(path) }.to_string_lossy();
    if is_on_card && mode() == "unloadable" && name.contains("decode") {
        return failure("Could not find an implementation for the node");
    }
    // SAFETY: the caller's own arguments.
    let status = unsafe { real::<CreateSession>(CREATE_SESSION)(environment, path, options, session) };
    if is_on_card && status.is_null() {
        // SAFETY: written on success.
        let session = unsafe { *session } as usize;
        on_card(|all| all.insert(session));
    }
    status
}

type Run = unsafe extern "system" fn(
    *mut c_void,
    *const c_void,
    *const *const c_char,
    *const *const c_void,
    usize,
    *const *const c_char,
    usize,
    *mut *mut c_void,
) -> Status;

#[allow(clippy::too_many_arguments, reason = "as in the runtime")]
unsafe extern "system" fn run(
    session: *mut c_void,
    options: *const c_void,
    input_names: *const *const c_char,
    inputs: *const *const c_void,
    input_count: usize,
    output_names: *const *const c_char,
    output_count: usize,
    outputs: *mut *mut c_void,
) -> Status {
    if on_card(|all| all.contains(&(session as usize))) {
        // The third run of a take is in the middle of its decoding.
        let number = RUNS.fetch_add(1, Ordering::Relaxed) + 1;
        if mode() == "fails" && number >= 3 {
            return failure("CUDA failure 700: an illegal memory access was encountered");
        }
    }
    // SAFETY: the caller's own arguments.
    unsafe {
        real::<Run>(RUN)(
            session,
            options,
            input_names,
            inputs,
            input_count,
            output_names,
            output_count,
            outputs,
        )
    }
}

unsafe fn release(place: usize, what: *mut c_void) {
    on_card(|all| all.remove(&(what as usize)));
    // SAFETY: the caller's own argument.
    unsafe { real::<unsafe extern "system" fn(*mut c_void)>(place)(what) }
}

unsafe extern "system" fn release_session(session: *mut c_void) {
    // SAFETY: the caller's own argument.
    unsafe { release(RELEASE_SESSION, session) }
}

unsafe extern "system" fn release_session_options(options: *mut c_void) {
    // SAFETY: the caller's own argument.
    unsafe { release(RELEASE_SESSION_OPTIONS, options) }
}
