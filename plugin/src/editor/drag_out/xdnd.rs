//! A source for XDND version 5 (<https://www.freedesktop.org/wiki/Specifications/XDND/>), on its own X11 connection.
//!
//! The pointer is polled, never grabbed. The window library holds the grab until the button is released, so no grab remains
//! afterwards, whatever the other program does. All waits have deadlines.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use x11rb::connection::Connection;
use x11rb::errors::{ConnectError, ConnectionError, ReplyError, ReplyOrIdError};
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    Atom, AtomEnum, ClientMessageEvent, ConnectionExt as _, CreateWindowAux, EventMask, KeyButMask, PropMode,
    SELECTION_NOTIFY_EVENT, SelectionNotifyEvent, SelectionRequestEvent, Window, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

use crate::editor::xdnd::{Atoms, VERSION};

use super::{DragOutError, Outcome, SourceWindow, uri_list};

/// Interval at which the pointer is polled.
const TURN: Duration = Duration::from_millis(12);
/// How long a program may take to say whether it accepts the files.
const ANSWER: Duration = Duration::from_millis(1_000);
/// How long a program may take to read the files after the drop.
const READ: Duration = Duration::from_secs(10);
/// Maximum nesting depth of windows.
const DEPTH: usize = 32;
/// X11 keysym of Escape.
const ESCAPE: u32 = 0xff1b;

/// A window that accepts drops, and the window to which its messages are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Target {
    window: Window,
    receiver: Window,
    version: u32,
}

struct Drag<'a> {
    connection: RustConnection,
    atoms: Atoms,
    root: Window,
    /// The window of this drag, which owns the selection.
    own: Window,
    editor: Window,
    list: &'a str,
    escape: Option<u8>,
    target: Option<Target>,
    /// When a position was sent that has not been answered yet.
    asked: Option<Instant>,
    accepts: bool,
    /// The pointer position last sent to the target.
    told: Option<[i16; 2]>,
    time: u32,
}

/// See [`super::drag`].
pub fn drag(window: SourceWindow, files: &[PathBuf]) -> Result<Outcome, DragOutError> {
    let list = uri_list(files);
    let mut drag = Drag::begin(window.0, &list).map_err(DragOutError::new)?;
    let outcome = drag.run().map_err(DragOutError::new)?;
    drag.settle().map_err(DragOutError::new)?;
    Ok(outcome)
}

/// The display is gone or refuses the request.
#[derive(Debug, thiserror::Error)]
enum XdndError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    #[error(transparent)]
    Reply(#[from] ReplyError),
    #[error(transparent)]
    Id(#[from] ReplyOrIdError),
}

impl<'a> Drag<'a> {
    fn begin(editor: Window, list: &'a str) -> Result<Self, XdndError> {
        let (connection, screen) = RustConnection::connect(None)?;
        let atoms = Atoms::new(&connection)?.reply()?;
        let root = connection.setup().roots[screen].root;
        let own = connection.generate_id()?;
        let looks = CreateWindowAux::new().override_redirect(1).event_mask(EventMask::PROPERTY_CHANGE);
        connection.create_window(0, own, root, -1, -1, 1, 1, 0, WindowClass::INPUT_ONLY, 0, &looks)?;
        let escape = key_code(&connection, ESCAPE)?;
        let mut drag = Self {
            connection,
            atoms,
            root,
            own,
            editor,
            list,
            escape,
            target: None,
            asked: None,
            accepts: false,
            told: None,
            time: 0,
        };
        drag.time = drag.server_time()?;
        drag.connection.set_selection_owner(own, atoms.XdndSelection, drag.time)?.check()?;
        Ok(drag)
    }

    /// The server's time, taken from an event caused by a change of our own.
    fn server_time(&self) -> Result<u32, XdndError> {
        let kind = AtomEnum::INTEGER;
        self.connection.change_property32(PropMode::REPLACE, self.own, self.atoms.TIME, kind, &[0])?;
        self.connection.flush()?;
        let began = Instant::now();
        while began.elapsed() < ANSWER {
            match self.connection.poll_for_event()? {
                Some(Event::PropertyNotify(event)) if event.window == self.own => return Ok(event.time),
                Some(_) => {}
                None => std::thread::sleep(Duration::from_millis(1)),
            }
        }
        Ok(x11rb::CURRENT_TIME)
    }

    fn run(&mut self) -> Result<Outcome, XdndError> {
        loop {
            self.answer_all()?;
            let pointer = self.connection.query_pointer(self.root)?.reply()?;
            let at = [pointer.root_x, pointer.root_y];
            if !pointer.mask.contains(KeyButMask::BUTTON1) {
                return self.release();
            }
            if self.is_escaped()? {
                self.leave()?;
                return Ok(Outcome::Refused);
            }
            self.enter(self.target_at(at))?;
            self.tell_position(at)?;
            self.connection.flush()?;
            std::thread::sleep(TURN);
        }
    }

    /// Waits until the server has read everything. It throws away what it has not read when a connection closes, and the last
    /// program would never learn that the drag is over.
    fn settle(&self) -> Result<(), XdndError> {
        self.connection.get_input_focus()?.reply()?;
        Ok(())
    }

    fn is_escaped(&self) -> Result<bool, XdndError> {
        let Some(code) = self.escape else { return Ok(false) };
        let keys = self.connection.query_keymap()?.reply()?.keys;
        Ok(keys[usize::from(code / 8)] & (1 << (code % 8)) != 0)
    }

    /// The outermost window at a position that accepts drops. The editor does not accept its own files, whatever it is embedded
    /// in.
    fn target_at(&self, at: [i16; 2]) -> Option<Target> {
        let mut window = self.root;
        let mut found = None;
        for _ in 0..DEPTH {
            // A window that has just disappeared is ignored.
            let below = self.connection.translate_coordinates(self.root, window, at[0], at[1]).ok()?;
            let child = below.reply().ok()?.child;
            if child == x11rb::NONE {
                break;
            }
            if child == self.editor {
                return None;
            }
            found = found.or_else(|| self.target(child));
            window = child;
        }
        found
    }

    fn target(&self, window: Window) -> Option<Target> {
        let number = |of: Window, name: Atom| -> Option<u32> {
            let property = self.connection.get_property(false, of, name, AtomEnum::ANY, 0, 1).ok()?;
            property.reply().ok()?.value32()?.next()
        };
        let proxy = number(window, self.atoms.XdndProxy)
            .filter(|proxy| number(*proxy, self.atoms.XdndProxy) == Some(*proxy));
        let receiver = proxy.unwrap_or(window);
        let version = number(receiver, self.atoms.XdndAware)?;
        (version >= 3).then_some(Target { window, receiver, version: version.min(VERSION) })
    }

    /// Leaves one target and enters another.
    fn enter(&mut self, target: Option<Target>) -> Result<(), XdndError> {
        if self.target == target {
            return Ok(());
        }
        self.leave()?;
        self.target = target;
        if let Some(target) = target {
            let types = [self.atoms.LIST, self.atoms.TEXT, 0];
            self.tell(self.atoms.XdndEnter, [self.own, target.version << 24, types[0], types[1], types[2]])?;
        }
        Ok(())
    }

    fn leave(&mut self) -> Result<(), XdndError> {
        if self.target.is_some() {
            self.tell(self.atoms.XdndLeave, [self.own, 0, 0, 0, 0])?;
            self.connection.flush()?;
        }
        (self.target, self.asked, self.accepts, self.told) = (None, None, false, None);
        Ok(())
    }

    /// Sends the pointer position, if the last one was answered or timed out.
    fn tell_position(&mut self, at: [i16; 2]) -> Result<(), XdndError> {
        let is_waiting = self.asked.is_some_and(|asked| asked.elapsed() < ANSWER);
        if self.target.is_none() || is_waiting || self.told == Some(at) {
            return Ok(());
        }
        let place = u32::from(at[0] as u16) << 16 | u32::from(at[1] as u16);
        self.tell(self.atoms.XdndPosition, [self.own, 0, place, self.time, self.atoms.XdndActionCopy])?;
        (self.asked, self.told) = (Some(Instant::now()), Some(at));
        Ok(())
    }

    /// Called when the button is released: drops the files, and serves them until the target has them.
    fn release(&mut self) -> Result<Outcome, XdndError> {
        if self.target.is_none() {
            return Ok(Outcome::Refused);
        }
        // The user may release the button before the target has answered.
        while let Some(asked) = self.asked {
            if asked.elapsed() >= ANSWER {
                self.leave()?;
                return Ok(Outcome::Silent);
            }
            self.answer_all()?;
            std::thread::sleep(Duration::from_millis(2));
        }
        if !self.accepts {
            self.leave()?;
            return Ok(Outcome::Refused);
        }
        self.tell(self.atoms.XdndDrop, [self.own, 0, self.time, 0, 0])?;
        self.connection.flush()?;
        let dropped = Instant::now();
        while dropped.elapsed() < READ {
            if let Some(is_taken) = self.answer_all()? {
                return Ok(if is_taken { Outcome::Taken } else { Outcome::Refused });
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(Outcome::Silent)
    }

    /// Handles all pending events. Returns whether the target accepted the files, once it has finished.
    fn answer_all(&mut self) -> Result<Option<bool>, XdndError> {
        let mut finished = None;
        while let Some(event) = self.connection.poll_for_event()? {
            match event {
                Event::ClientMessage(message) => {
                    let data = message.data.as_data32();
                    let is_target = self.target.is_some_and(|target| target.window == data[0]);
                    if message.type_ == self.atoms.XdndStatus && is_target {
                        self.asked = None;
                        self.accepts = data[1] & 1 == 1;
                    } else if message.type_ == self.atoms.XdndFinished && is_target {
                        // Before version 5, targets did not report whether they accepted the files.
                        let says = self.target.is_some_and(|target| target.version >= 5);
                        finished = Some(!says || data[1] & 1 == 1);
                    }
                }
                Event::SelectionRequest(request) => {
                    // A failure of the requesting program does not matter here.
                    let _ = self.serve(&request);
                }
                _ => {}
            }
        }
        self.connection.flush()?;
        Ok(finished)
    }

    /// Answers a request for the list of files.
    fn serve(&self, request: &SelectionRequestEvent) -> Result<(), XdndError> {
        let property = if request.property == x11rb::NONE { request.target } else { request.property };
        let (to, atoms) = (request.requestor, &self.atoms);
        let is_served = if request.target == atoms.TARGETS {
            let kinds = [atoms.TARGETS, atoms.LIST, atoms.TEXT];
            self.connection.change_property32(PropMode::REPLACE, to, property, AtomEnum::ATOM, &kinds)?;
            true
        } else if request.target == atoms.LIST || request.target == atoms.TEXT {
            let (kind, bytes) = (request.target, self.list.as_bytes());
            self.connection.change_property8(PropMode::REPLACE, to, property, kind, bytes)?;
            true
        } else {
            false
        };
        let answer = SelectionNotifyEvent {
            response_type: SELECTION_NOTIFY_EVENT,
            sequence: 0,
            time: request.time,
            requestor: to,
            selection: request.selection,
            target: request.target,
            property: if is_served { property } else { x11rb::NONE },
        };
        self.connection.send_event(false, to, EventMask::NO_EVENT, answer)?;
        Ok(())
    }

    fn tell(&self, kind: Atom, data: [u32; 5]) -> Result<(), XdndError> {
        let Some(target) = self.target else { return Ok(()) };
        let message = ClientMessageEvent::new(32, target.window, kind, data);
        self.connection.send_event(false, target.receiver, EventMask::NO_EVENT, message)?;
        Ok(())
    }
}

/// The key code for a keysym.
fn key_code(connection: &RustConnection, symbol: u32) -> Result<Option<u8>, XdndError> {
    let setup = connection.setup();
    let (first, last) = (setup.min_keycode, setup.max_keycode);
    let map = connection.get_keyboard_mapping(first, last - first + 1)?.reply()?;
    let per_key = usize::from(map.keysyms_per_keycode.max(1));
    let found = map.keysyms.chunks(per_key).position(|symbols| symbols.contains(&symbol));
    Ok(found.and_then(|index| u8::try_from(usize::from(first) + index).ok()))
}
