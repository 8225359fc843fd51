//! Makes sure that a window shown late is drawn.
//!
//! The window library asks the X server (extension Present) for a notification of the next screen refresh, and draws when
//! it arrives; until then it does not ask again. It asks when the window is created, but listens only once the window is
//! shown. If the host, or a busy machine, takes longer than a refresh to show the window, the notification reaches nobody
//! and the window stays black. The server notifies all listeners of a window, whoever asked: so this module repeats the
//! library's first request until the editor has been drawn. The library ignores a notification it has already received.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use x11rb::connection::Connection as _;
use x11rb::errors::{ConnectionError, ReplyOrIdError};
use x11rb::protocol::Event;
use x11rb::protocol::present::{self, ConnectionExt as _};
use x11rb::protocol::xproto::Window;
use x11rb::rust_connection::RustConnection;

/// Serial number of the library's first request.
const FIRST: u32 = 0;
/// Refreshes between two attempts: about a tenth of a second.
const PAUSE: u64 = 6;

/// Waits for the first drawing of a window.
#[derive(Debug)]
pub struct FirstDrawing {
    window: Window,
    listener: u32,
    is_drawn: Arc<AtomicBool>,
}

impl FirstDrawing {
    /// Starts before the window is shown; `is_drawn` is set by the editor. The connection must receive the window's structure
    /// events.
    ///
    /// # Errors
    /// Returns an error if the server has no Present; the window library then needs no help.
    pub fn watch(
        connection: &RustConnection,
        window: Window,
        is_drawn: Arc<AtomicBool>,
    ) -> Result<Self, ReplyOrIdError> {
        let listener = connection.generate_id()?;
        connection.present_select_input(listener, window, present::EventMask::COMPLETE_NOTIFY)?.check()?;
        Ok(Self { window, listener, is_drawn })
    }

    /// Handles events of the window and of screen refreshes.
    ///
    /// # Errors
    /// Returns an error if the server is gone.
    pub fn hear(&self, connection: &RustConnection, event: &Event) -> Result<(), ConnectionError> {
        let refresh = match event {
            Event::MapNotify(event) if event.window == self.window => 0,
            Event::PresentCompleteNotify(event) if event.serial == FIRST => event.msc + PAUSE,
            _ => return Ok(()),
        };
        if self.is_drawn.load(Ordering::Relaxed) {
            connection.present_select_input(self.listener, self.window, present::EventMask::NO_EVENT)?;
        } else {
            connection.present_notify_msc(self.window, FIRST, refresh, 1, 0)?;
        }
        Ok(())
    }
}
