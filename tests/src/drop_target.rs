//! Windows that take dragged files, or do not answer. Linux only.

use std::path::Path;

use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    Atom, AtomEnum, BUTTON_PRESS_EVENT, BUTTON_RELEASE_EVENT, ClientMessageEvent, ConnectionExt as _,
    CreateWindowAux, EventMask, MOTION_NOTIFY_EVENT, PropMode, Window, WindowClass,
};
use x11rb::protocol::xtest::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

use crate::screen::Screen;

/// How a window responds to a drag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Accepts, reads the files and confirms.
    Takes,
    /// Refuses the files.
    Refuses,
    /// Announces support for drags, and never answers.
    Mute,
}

/// A window of 200 x 200 pixels with its own connection.
pub struct DropTarget {
    connection: RustConnection,
    root: Window,
    window: Window,
    behaviour: Behaviour,
    source: Window,
    is_dropped: bool,
    /// Names of the messages received, in order; repeated positions are listed once.
    pub heard: Vec<&'static str>,
}

impl DropTarget {
    /// Shows the window at a position on the screen.
    ///
    /// # Panics
    /// Panics if the screen is gone.
    #[must_use]
    pub fn show(screen: &Screen, (left, top): (i16, i16), behaviour: Behaviour) -> Self {
        let (connection, number) =
            RustConnection::connect(Some(&screen.display)).expect("the screen is there");
        let root = connection.setup().roots[number].root;
        let window = connection.generate_id().expect("a number is free");
        let looks = CreateWindowAux::new().override_redirect(1);
        connection
            .create_window(0, window, root, left, top, 200, 200, 0, WindowClass::INPUT_OUTPUT, 0, &looks)
            .expect("sent");
        let target = Self {
            connection,
            root,
            window,
            behaviour,
            source: x11rb::NONE,
            is_dropped: false,
            heard: Vec::new(),
        };
        let aware = target.atom("XdndAware");
        let connection = &target.connection;
        connection.change_property32(PropMode::REPLACE, window, aware, AtomEnum::ATOM, &[5]).expect("sent");
        connection.map_window(window).expect("sent").check().expect("it is shown");
        target
    }

    fn atom(&self, name: &str) -> Atom {
        self.connection.intern_atom(false, name.as_bytes()).expect("sent").reply().expect("a name").atom
    }

    /// Presses the left button at a position in `window` and moves the mouse in steps to the middle of this one.
    ///
    /// # Panics
    /// Panics if the screen is gone.
    pub fn drag_from(&self, window: Window, (x, y): (i16, i16)) {
        let corner = |of: Window| {
            let place = self.connection.translate_coordinates(of, self.root, 0, 0).expect("sent");
            let place = place.reply().expect("the window is there");
            (place.dst_x, place.dst_y)
        };
        let (left, top) = corner(window);
        let from = (left + x, top + y);
        let own = corner(self.window);
        let to = (own.0 + 100, own.1 + 100);
        self.fake(MOTION_NOTIFY_EVENT, 0, from);
        self.fake(BUTTON_PRESS_EVENT, 1, (0, 0));
        const STEPS: i16 = 40;
        const STEP: std::time::Duration = std::time::Duration::from_millis(25);
        for step in 1..=STEPS {
            // As slowly as a hand, so that the editor sees the press before the pointer has left.
            std::thread::sleep(STEP);
            let between = |a: i16, b: i16| {
                a + ((i32::from(b) - i32::from(a)) * i32::from(step) / i32::from(STEPS)) as i16
            };
            self.fake(MOTION_NOTIFY_EVENT, 0, (between(from.0, to.0), between(from.1, to.1)));
        }
    }

    /// Releases the left button.
    ///
    /// # Panics
    /// Panics if the screen is gone.
    pub fn release(&self) {
        self.fake(BUTTON_RELEASE_EVENT, 1, (0, 0));
    }

    fn fake(&self, kind: u8, detail: u8, (x, y): (i16, i16)) {
        self.connection.xtest_fake_input(kind, detail, 0, self.root, x, y, 0).expect("sent");
        self.connection.flush().expect("sent");
    }

    /// Handles pending messages; returns the list of files once they have been dropped and read.
    ///
    /// # Panics
    /// Panics if the screen is gone.
    pub fn serve(&mut self) -> Option<String> {
        let names = ["XdndEnter", "XdndPosition", "XdndLeave", "XdndDrop"];
        let atoms = names.map(|name| self.atom(name));
        let (selection, list) = (self.atom("XdndSelection"), self.atom("text/uri-list"));
        while let Some(event) = self.connection.poll_for_event().expect("the screen is there") {
            match event {
                Event::ClientMessage(message) => {
                    let Some(index) = atoms.iter().position(|atom| *atom == message.type_) else { continue };
                    if self.heard.last() != Some(&names[index]) {
                        self.heard.push(names[index]);
                    }
                    let data = message.data.as_data32();
                    self.source = data[0];
                    match (index, self.behaviour) {
                        (_, Behaviour::Mute) => {}
                        (1, behaviour) => {
                            let takes = u32::from(behaviour == Behaviour::Takes);
                            let action = if takes == 1 { self.atom("XdndActionCopy") } else { 0 };
                            self.tell("XdndStatus", [self.window, takes, 0, 0, action]);
                        }
                        (3, _) => {
                            self.is_dropped = true;
                            let time = data[2];
                            self.connection
                                .convert_selection(self.window, selection, list, selection, time)
                                .expect("sent");
                        }
                        _ => {}
                    }
                }
                Event::SelectionNotify(_) if self.is_dropped => {
                    let read = self
                        .connection
                        .get_property(true, self.window, selection, AtomEnum::ANY, 0, 1 << 16)
                        .expect("sent");
                    let text = String::from_utf8(read.reply().expect("the list").value).expect("UTF-8");
                    self.tell("XdndFinished", [self.window, 1, self.atom("XdndActionCopy"), 0, 0]);
                    self.connection.flush().expect("sent");
                    return Some(text);
                }
                _ => {}
            }
        }
        self.connection.flush().expect("sent");
        None
    }

    fn tell(&self, kind: &str, data: [u32; 5]) {
        let message = ClientMessageEvent::new(32, self.source, self.atom(kind), data);
        self.connection.send_event(false, self.source, EventMask::NO_EVENT, message).expect("sent");
    }
}

/// The path of a file URL without escapes.
#[must_use]
pub fn plain_path(address: &str) -> Option<&Path> {
    address.trim().strip_prefix("file://").map(Path::new)
}
