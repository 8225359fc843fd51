//! Files that are dragged over the window from a file manager.
//!
//! The window library receives them, but its bridge to egui does not forward them. On X11 a window may name another one
//! that speaks the protocol for it (`XdndProxy`): here a small one of our own, served by a thread while the editor is
//! open. On other systems nothing arrives, and files are imported through a lane's menu. Source:
//! <https://www.freedesktop.org/wiki/Specifications/XDND/>, version 5.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[cfg(target_os = "linux")]
pub use x11::Target;

/// Dragged files, shared by the protocol's thread and the editor.
#[derive(Clone, Debug, Default)]
pub struct Drag(Arc<Mutex<State>>);

/// Positions in pixels of the window, and dropped paths.
#[derive(Clone, Debug, Default)]
struct State {
    over: Option<[i16; 2]>,
    dropped: Option<([i16; 2], Vec<PathBuf>)>,
}

impl Drag {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is one assignment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Position of the current drag, in pixels of the window.
    #[must_use]
    pub fn over(&self) -> Option<[i16; 2]> {
        self.lock().over
    }

    /// Takes the dropped paths and their position.
    #[must_use]
    pub fn take_dropped(&self) -> Option<([i16; 2], Vec<PathBuf>)> {
        self.lock().dropped.take()
    }

    /// Sets the position of the current drag; `None` ends it.
    #[cfg(target_os = "linux")]
    pub fn move_to(&self, over: Option<[i16; 2]>) {
        self.lock().over = over;
    }

    /// Records a drop.
    #[cfg(any(target_os = "linux", test))]
    pub fn drop_at(&self, at: [i16; 2], paths: Vec<PathBuf>) {
        *self.lock() = State { over: None, dropped: Some((at, paths)) };
    }
}

#[cfg(target_os = "linux")]
mod x11 {
    use std::path::PathBuf;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;
    use std::thread::JoinHandle;

    use nice_plug_egui::{Frame, RepaintNotifier};
    use x11rb::connection::Connection;
    use x11rb::errors::{ConnectError, ConnectionError, ReplyError, ReplyOrIdError};
    use x11rb::protocol::Event;
    use x11rb::protocol::xproto::{
        Atom, AtomEnum, ChangeWindowAttributesAux, ClientMessageEvent, ConnectionExt as _, CreateWindowAux,
        EventMask, KeyButMask, PropMode, Window, WindowClass,
    };
    use x11rb::rust_connection::RustConnection;
    use x11rb::wrapper::ConnectionExt as _;

    use super::Drag;
    use crate::editor::browse::path_of;
    use crate::editor::dead_key::DeadKey;
    use crate::editor::first_drawing::FirstDrawing;
    use crate::editor::host_keys::window_of;
    use crate::editor::xdnd::{Atoms, VERSION};

    /// Longest accepted list of files, in units of four bytes.
    const LIST_LENGTH: u32 = 1 << 16;

    #[derive(Debug, thiserror::Error)]
    enum DragError {
        #[error(transparent)]
        Connect(#[from] ConnectError),
        #[error(transparent)]
        Connection(#[from] ConnectionError),
        #[error(transparent)]
        Reply(#[from] ReplyError),
        #[error(transparent)]
        Id(#[from] ReplyOrIdError),
        #[error(transparent)]
        Thread(#[from] std::io::Error),
    }

    /// Speaks the protocol for the editor's window and watches for its first drawing, until the window is closed or this is
    /// dropped.
    #[derive(Debug)]
    pub struct Target {
        connection: Arc<RustConnection>,
        proxy: Window,
        quit: Atom,
        thread: Option<JoinHandle<()>>,
    }

    impl Target {
        /// Starts before the window is shown; `is_drawn` is set by the editor. `None` if the window is not an X11 window, or the
        /// server refuses.
        #[must_use]
        pub fn open(
            frame: &Frame,
            heard: (&Drag, &DeadKey),
            repaint: &RepaintNotifier,
            is_drawn: Arc<AtomicBool>,
        ) -> Option<Self> {
            Self::try_open(window_of(frame)?, heard, repaint, is_drawn)
                .inspect_err(|error| nice_plug::nice_warn!("files cannot be dropped on the editor: {error}"))
                .ok()
        }

        fn try_open(
            window: Window,
            (drag, dead_key): (&Drag, &DeadKey),
            repaint: &RepaintNotifier,
            is_drawn: Arc<AtomicBool>,
        ) -> Result<Self, DragError> {
            let (connection, screen) = RustConnection::connect(None)?;
            let atoms = Atoms::new(&connection)?.reply()?;
            let root = connection.setup().roots[screen].root;
            let proxy = connection.generate_id()?;
            let looks = CreateWindowAux::new().override_redirect(1);
            connection.create_window(0, proxy, root, -1, -1, 1, 1, 0, WindowClass::INPUT_ONLY, 0, &looks)?;
            let put = |window: Window, name: Atom, kind: AtomEnum, value: u32| {
                connection.change_property32(PropMode::REPLACE, window, name, kind, &[value])
            };
            put(proxy, atoms.XdndAware, AtomEnum::ATOM, VERSION)?;
            put(proxy, atoms.XdndProxy, AtomEnum::WINDOW, proxy)?;
            put(window, atoms.XdndAware, AtomEnum::ATOM, VERSION)?;
            put(window, atoms.XdndProxy, AtomEnum::WINDOW, proxy)?.check()?;
            // Several clients can listen for keys.
            let events = EventMask::STRUCTURE_NOTIFY | EventMask::KEY_PRESS;
            let events = ChangeWindowAttributesAux::new().event_mask(events);
            connection.change_window_attributes(window, &events)?.check()?;
            let first = FirstDrawing::watch(&connection, window, is_drawn).ok();
            let connection = Arc::new(connection);
            let mut session = Session {
                first,
                connection: Arc::clone(&connection),
                atoms,
                root,
                window,
                proxy,
                drag: drag.clone(),
                keys: Keys::of(&connection)?,
                dead_key: dead_key.clone(),
                repaint: repaint.clone(),
                source: None,
                paths: None,
                at: [0, 0],
                is_dropped: false,
            };
            // It also ends with the connection: then there is no window to drop on.
            let serve = move || while session.serve().unwrap_or(false) {};
            let thread = std::thread::Builder::new().name("resonantgen window".to_owned()).spawn(serve)?;
            Ok(Self { connection, proxy, quit: atoms.QUIT, thread: Some(thread) })
        }
    }

    impl Drop for Target {
        fn drop(&mut self) {
            let message = ClientMessageEvent::new(32, self.proxy, self.quit, [0; 5]);
            let sent = self.connection.send_event(false, self.proxy, EventMask::NO_EVENT, message);
            if sent.is_ok()
                && self.connection.flush().is_ok()
                && let Some(thread) = self.thread.take()
            {
                // The thread has nothing left to do but end.
                let _ = thread.join();
            }
        }
    }

    /// The symbols of the keyboard's keys.
    struct Keys {
        first: u8,
        per_key: usize,
        symbols: Vec<u32>,
    }

    impl Keys {
        fn of(connection: &RustConnection) -> Result<Self, DragError> {
            let (first, last) = (connection.setup().min_keycode, connection.setup().max_keycode);
            let map = connection.get_keyboard_mapping(first, last - first + 1)?.reply()?;
            Ok(Self { first, per_key: usize::from(map.keysyms_per_keycode), symbols: map.keysyms })
        }

        /// The symbol of a key while others are held: Shift, and AltGr for the third and fourth level.
        fn symbol(&self, code: u8, state: KeyButMask) -> u32 {
            // The core protocol lists the levels of the first group, of the second, then the third and fourth of both.
            let level = if state.contains(KeyButMask::MOD5) { 4 } else { 0 };
            let level = level + usize::from(state.contains(KeyButMask::SHIFT));
            let key = usize::from(code.saturating_sub(self.first)) * self.per_key;
            self.symbols.get(key + level).copied().filter(|_| level < self.per_key).unwrap_or(0)
        }
    }

    /// Handles one drag after another.
    struct Session {
        /// `None` if the window library draws without Present.
        first: Option<FirstDrawing>,
        connection: Arc<RustConnection>,
        atoms: Atoms,
        root: Window,
        window: Window,
        proxy: Window,
        drag: Drag,
        keys: Keys,
        dead_key: DeadKey,
        repaint: RepaintNotifier,
        /// Window that the drag comes from.
        source: Option<Window>,
        /// The files' paths, once received.
        paths: Option<Vec<PathBuf>>,
        at: [i16; 2],
        is_dropped: bool,
    }

    impl Session {
        /// Waits for an event and handles it; returns whether to continue.
        fn serve(&mut self) -> Result<bool, DragError> {
            let event = self.connection.wait_for_event()?;
            if let Some(first) = &self.first {
                first.hear(&self.connection, &event)?;
            }
            match event {
                Event::DestroyNotify(event) if event.window == self.window => return Ok(false),
                Event::ClientMessage(message) => {
                    let kind = message.type_;
                    if kind == self.atoms.QUIT {
                        return Ok(false);
                    }
                    let data = message.data.as_data32();
                    // A source that disappears in mid-drag causes errors that can be ignored.
                    let _ = self.answer(kind, data);
                }
                Event::KeyPress(event) => self.dead_key.press(self.keys.symbol(event.detail, event.state)),
                Event::MappingNotify(_) => self.keys = Keys::of(&self.connection)?,
                Event::SelectionNotify(_) => {
                    let _ = self.read();
                }
                _ => {}
            }
            self.connection.flush()?;
            Ok(true)
        }

        fn answer(&mut self, kind: Atom, data: [u32; 5]) -> Result<(), DragError> {
            let from = data[0];
            if kind == self.atoms.XdndEnter {
                let types = if data[1] & 1 == 1 { self.types(from)? } else { data[2..].to_vec() };
                self.source = types.contains(&self.atoms.LIST).then_some(from);
                self.paths = None;
                self.is_dropped = false;
                if self.source.is_some() {
                    self.ask(x11rb::CURRENT_TIME)?;
                }
            } else if kind == self.atoms.XdndPosition {
                let accepts = self.source == Some(from);
                if accepts {
                    let [x, y] = [(data[2] >> 16) as i16, data[2] as i16];
                    let place =
                        self.connection.translate_coordinates(self.root, self.window, x, y)?.reply()?;
                    self.at = [place.dst_x, place.dst_y];
                    self.drag.move_to(Some(self.at));
                    self.repaint.request_repaint();
                }
                let action = if accepts { self.atoms.XdndActionCopy } else { 0 };
                // Bit 1: report each movement.
                self.tell(from, self.atoms.XdndStatus, [self.window, u32::from(accepts) | 2, 0, 0, action])?;
            } else if kind == self.atoms.XdndLeave && self.source == Some(from) {
                self.end();
            } else if kind == self.atoms.XdndDrop {
                if self.source == Some(from) {
                    self.is_dropped = true;
                    self.finish()?;
                } else {
                    self.tell(from, self.atoms.XdndFinished, [self.window, 0, 0, 0, 0])?;
                }
            }
            Ok(())
        }

        /// The data types of a source that has more than fit into one message.
        fn types(&self, source: Window) -> Result<Vec<Atom>, DragError> {
            let list = self
                .connection
                .get_property(false, source, self.atoms.XdndTypeList, AtomEnum::ATOM, 0, LIST_LENGTH)?
                .reply()?;
            Ok(list.value32().map(Iterator::collect).unwrap_or_default())
        }

        /// Requests the files' names.
        fn ask(&self, time: u32) -> Result<(), DragError> {
            let selection = self.atoms.XdndSelection;
            self.connection.convert_selection(self.proxy, selection, self.atoms.LIST, selection, time)?;
            Ok(())
        }

        /// Reads the requested names.
        fn read(&mut self) -> Result<(), DragError> {
            let selection = self.atoms.XdndSelection;
            let list = self
                .connection
                .get_property(true, self.proxy, selection, self.atoms.LIST, 0, LIST_LENGTH)?
                .reply()?;
            let text = String::from_utf8_lossy(&list.value).into_owned();
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
            self.paths = Some(lines.map(path_of).collect());
            self.finish()
        }

        /// Delivers the drop, once the names are known.
        fn finish(&mut self) -> Result<(), DragError> {
            if !self.is_dropped {
                return Ok(());
            }
            let (Some(source), Some(paths)) = (self.source, self.paths.take()) else { return Ok(()) };
            let taken = u32::from(!paths.is_empty());
            let action = self.atoms.XdndActionCopy;
            self.tell(source, self.atoms.XdndFinished, [self.window, taken, action, 0, 0])?;
            self.drag.drop_at(self.at, paths);
            self.end();
            Ok(())
        }

        fn end(&mut self) {
            self.source = None;
            self.drag.move_to(None);
            self.repaint.request_repaint();
        }

        fn tell(&self, whom: Window, kind: Atom, data: [u32; 5]) -> Result<(), DragError> {
            let message = ClientMessageEvent::new(32, whom, kind, data);
            self.connection.send_event(false, whom, EventMask::NO_EVENT, message)?;
            Ok(())
        }
    }
}
