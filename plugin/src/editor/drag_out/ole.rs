//! A source for OLE drag and drop. The shell creates the data object and the feedback for existing files.
//!
//! `SHDoDragDrop` runs its own message loop until the button is released, so it is called on a separate thread whose input is
//! attached to that of the editor's thread meanwhile.

use std::path::PathBuf;

use windows::Win32::Foundation::{HWND, LPARAM, RPC_E_CHANGED_MODE, WPARAM};
use windows::Win32::System::Com::{CoTaskMemFree, IBindCtx, IDataObject};
use windows::Win32::System::Ole::{
    DROPEFFECT_COPY, DROPEFFECT_NONE, IDropSource, OleInitialize, OleUninitialize,
};
use windows::Win32::System::Threading::{AttachThreadInput, GetCurrentThreadId};
use windows::Win32::UI::Shell::Common::ITEMIDLIST;
use windows::Win32::UI::Shell::{
    BHID_DataObject, SHCreateShellItemArrayFromIDLists, SHDoDragDrop, SHParseDisplayName,
};
use windows::Win32::UI::WindowsAndMessaging::{
    GetCursorPos, GetWindowThreadProcessId, PostMessageW, WM_LBUTTONUP, WindowFromPoint,
};
use windows::core::{HSTRING, Result};

use super::{DragOutError, Outcome, SourceWindow};

/// See [`super::drag`]. The window under the pointer is the editor's, because the button was pressed there.
pub fn drag(_: SourceWindow, files: &[PathBuf]) -> std::result::Result<Outcome, DragOutError> {
    try_drag(files).map_err(DragOutError::new)
}

/// Initialises OLE on this thread for as long as it exists.
struct Ole;

impl Ole {
    fn start() -> Result<Self> {
        // SAFETY: this thread is ours, and `Drop` ends what begins here.
        match unsafe { OleInitialize(None) } {
            Err(error) if error.code() == RPC_E_CHANGED_MODE => Err(error),
            _ => Ok(Self),
        }
    }
}

impl Drop for Ole {
    fn drop(&mut self) {
        // SAFETY: it was started on this thread.
        unsafe { OleUninitialize() };
    }
}

/// Shell items, as item identifier lists.
struct Items(Vec<*const ITEMIDLIST>);

impl Items {
    fn of(files: &[PathBuf]) -> Result<Self> {
        let mut items = Self(Vec::new());
        for file in files {
            let mut item: *mut ITEMIDLIST = std::ptr::null_mut();
            // SAFETY: `item` is written before it is read, and freed by `Drop`.
            unsafe {
                SHParseDisplayName(
                    &HSTRING::from(file.as_path()),
                    None::<&IBindCtx>,
                    &raw mut item,
                    0,
                    None,
                )?;
            }
            items.0.push(item);
        }
        Ok(items)
    }

    fn data(&self) -> Result<IDataObject> {
        // SAFETY: the lists live as long as `self`.
        unsafe {
            SHCreateShellItemArrayFromIDLists(&self.0)?.BindToHandler(None::<&IBindCtx>, &BHID_DataObject)
        }
    }
}

impl Drop for Items {
    fn drop(&mut self) {
        for item in &self.0 {
            // SAFETY: the shell allocated it, and it is no longer used.
            unsafe { CoTaskMemFree(Some(item.cast())) };
        }
    }
}

/// Attaches the input of the editor's thread to this thread's.
struct Attached {
    here: u32,
    editor: u32,
}

impl Drop for Attached {
    fn drop(&mut self) {
        // SAFETY: plain values; if a thread has ended, the call fails and changes nothing.
        let _ = unsafe { AttachThreadInput(self.here, self.editor, false) };
    }
}

fn try_drag(files: &[PathBuf]) -> Result<Outcome> {
    let _ole = Ole::start()?;
    let items = Items::of(files)?;
    let data = items.data()?;
    let window = window_under_pointer()?;
    // SAFETY: if the window is gone, it has no thread and the calls fail.
    let _attached = unsafe {
        let (here, editor) = (GetCurrentThreadId(), GetWindowThreadProcessId(window, None));
        AttachThreadInput(here, editor, true).ok()?;
        Attached { here, editor }
    };
    // SAFETY: the data object lives until the call returns; without a source of ours the shell uses its own.
    let effect = unsafe { SHDoDragDrop(None, &data, None::<&IDropSource>, DROPEFFECT_COPY) };
    // The release went to this thread, and the editor still believes that the button is down. SAFETY: plain values.
    let _ = unsafe { PostMessageW(Some(window), WM_LBUTTONUP, WPARAM(0), LPARAM(-1)) };
    Ok(if effect? == DROPEFFECT_NONE { Outcome::Refused } else { Outcome::Taken })
}

fn window_under_pointer() -> Result<HWND> {
    let mut at = Default::default();
    // SAFETY: `at` is written before it is read.
    unsafe {
        GetCursorPos(&raw mut at)?;
        Ok(WindowFromPoint(at))
    }
}
