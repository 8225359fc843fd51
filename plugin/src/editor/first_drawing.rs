//! Sees to it that a window that is shown late is drawn.
//!
//! The window library asks the X server (its extension Present) to be told of the screen's next refresh, and draws when it
//! is told; until then it asks no more. It listens from when the window is shown on, but asks before: if the host, or
//! a busy machine, takes longer than a refresh to show the window, the answer goes to nobody, and the window stays
//! black. The server tells all who listen whatever anybody asks of a window: so the library's first question is asked
//! once more for it, until the editor was drawn. An answer that was heard already is ignored there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use x11rb::connection::Connection as _;
use x11rb::errors::{ConnectionError, ReplyOrIdError};
use x11rb::protocol::Event;
use x11rb::protocol::present::{self, ConnectionExt as _};
use x11rb::protocol::xproto::Window;
use x11rb::rust_connection::RustConnection;

/// Number of the library's first question.
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
    /// Begins before the window is shown; `is_drawn` is set elsewhere. Who asks must be told of the window's structure.
    ///
    /// # Errors
    /// When the server has no Present; the window library needs no help then.
    pub fn watch(
        connection: &RustConnection,
        window: Window,
        is_drawn: Arc<AtomicBool>,
    ) -> Result<Self, ReplyOrIdError> {
        let listener = connection.generate_id()?;
        connection.present_select_input(listener, window, present::EventMask::COMPLETE_NOTIFY)?.check()?;
        Ok(Self { window, listener, is_drawn })
    }

    /// Hears of the window and of the screen's refreshes.
    ///
    /// # Errors
    /// When the server is gone.
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
