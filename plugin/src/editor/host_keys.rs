//! The space bar belongs to the host: it starts and stops the song.
//!
//! Where the host receives keys that a plugin does not use (Windows, macOS), the editor ignores the space bar. On X11 a key
//! goes only to the window with the keyboard focus, and a click gives the focus to the plugin's window; so the keystroke is
//! forwarded to the parent of the plugin's window.

use egui::{Context, Event, Key};
use nice_plug_egui::{Frame, KeyCapture};
#[cfg(target_os = "linux")]
pub use x11::window_of;

/// Declares which keys stay with the host, and forwards those that arrive here anyway. Call before the keys are used.
pub fn pass_on(context: &Context, frame: &mut Frame) {
    if context.text_edit_focused() {
        frame.set_key_capture(KeyCapture::CaptureAll);
        return;
    }
    frame.set_key_capture(KeyCapture::IgnoreKeys(vec![nice_plug_egui::Key::Character(" ".to_owned())]));
    let strokes = context.input(|input| {
        input
            .events
            .iter()
            .filter_map(|event| match event {
                Event::Key { key: Key::Space, pressed, .. } => Some(*pressed),
                _ => None,
            })
            .collect::<Vec<_>>()
    });
    if !strokes.is_empty() {
        #[cfg(target_os = "linux")]
        x11::send(frame, &strokes);
    }
}

#[cfg(target_os = "linux")]
mod x11 {
    use nice_plug_egui::Frame;
    use raw_window_handle::{HasWindowHandle, RawWindowHandle};
    use x11rb::connection::Connection;
    use x11rb::errors::{ConnectError, ReplyError};
    use x11rb::protocol::xproto::{
        ConnectionExt, EventMask, KEY_PRESS_EVENT, KEY_RELEASE_EVENT, KeyButMask, KeyPressEvent,
    };

    /// X11 keysym of the space bar.
    const SPACE: u32 = 0x20;

    #[derive(Debug, thiserror::Error)]
    enum SendError {
        #[error(transparent)]
        Connect(#[from] ConnectError),
        #[error(transparent)]
        Reply(#[from] ReplyError),
        #[error(transparent)]
        Connection(#[from] x11rb::errors::ConnectionError),
    }

    /// The editor's X11 window.
    #[must_use]
    pub fn window_of(frame: &Frame) -> Option<u32> {
        let handle = frame.baseview_window().window_handle().ok()?;
        match handle.as_raw() {
            RawWindowHandle::Xlib(handle) => u32::try_from(handle.window).ok(),
            RawWindowHandle::Xcb(handle) => Some(handle.window.get()),
            _ => None,
        }
    }

    /// Forwards presses and releases of the space bar to the host. If the host cannot be reached, nothing happens.
    pub fn send(frame: &Frame, strokes: &[bool]) {
        if let Some(window) = window_of(frame)
            && let Err(error) = try_send(window, strokes)
        {
            nice_plug::nice_warn!("cannot forward the space bar to the host: {error}");
        }
    }

    fn try_send(window: u32, strokes: &[bool]) -> Result<(), SendError> {
        let (connection, screen) = x11rb::connect(None)?;
        let setup = connection.setup();
        let root = setup.roots[screen].root;
        let parent = connection.query_tree(window)?.reply()?.parent;
        if parent == root {
            return Ok(());
        }
        let count = setup.max_keycode - setup.min_keycode + 1;
        let map = connection.get_keyboard_mapping(setup.min_keycode, count)?.reply()?;
        let per_key = usize::from(map.keysyms_per_keycode.max(1));
        let Some(code) = map.keysyms.chunks(per_key).position(|symbols| symbols.contains(&SPACE)) else {
            return Ok(());
        };
        for pressed in strokes {
            let event = KeyPressEvent {
                response_type: if *pressed { KEY_PRESS_EVENT } else { KEY_RELEASE_EVENT },
                detail: setup.min_keycode + code as u8,
                sequence: 0,
                time: x11rb::CURRENT_TIME,
                root,
                event: parent,
                child: x11rb::NONE,
                root_x: 0,
                root_y: 0,
                event_x: 0,
                event_y: 0,
                state: KeyButMask::default(),
                same_screen: true,
            };
            let mask = if *pressed { EventMask::KEY_PRESS } else { EventMask::KEY_RELEASE };
            // Walk up to the first window that listens to keys.
            connection.send_event(true, parent, mask, event)?;
        }
        // The server drops requests of a connection that closes at once; a reply confirms that they were processed.
        connection.get_input_focus()?.reply()?;
        Ok(())
    }
}
