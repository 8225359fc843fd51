//! A virtual screen (Xvfb) with programs, a mouse and a keyboard. Linux only.
//!
//! Nothing here waits for a fixed time: every wait is for a condition, with a deadline.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, IoSlice};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use x11rb::connection::{Connection, RequestConnection as _};
use x11rb::protocol::Event;
use x11rb::protocol::present::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{
    Atom, AtomEnum, BUTTON_PRESS_EVENT, BUTTON_RELEASE_EVENT, ChangeWindowAttributesAux, ClientMessageEvent,
    ConnectionExt as _, CreateWindowAux, EventMask, ImageFormat, KEY_PRESS_EVENT, KEY_RELEASE_EVENT,
    MOTION_NOTIFY_EVENT, PropMode, SELECTION_NOTIFY_EVENT, SelectionNotifyEvent, SelectionRequestEvent,
    Window, WindowClass,
};
use x11rb::protocol::xtest::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

/// Deadline of every wait, long enough for busy machines.
const PATIENCE: Duration = Duration::from_secs(240);
/// Interval at which a condition is checked.
const INTERVAL: Duration = Duration::from_millis(15);
/// X11 keysyms of keys that are not letters.
pub mod key {
    /// Return.
    pub const ENTER: u32 = 0xff0d;
    /// The left Control.
    pub const CONTROL: u32 = 0xffe3;
    /// The left Shift.
    const SHIFT_LEFT: u32 = 0xffe1;
    /// Space.
    pub const SPACE: u32 = 0x20;
    pub(super) const SHIFT: u32 = SHIFT_LEFT;
}

/// Waits until `condition` holds.
///
/// # Panics
/// Panics if it does not hold within four minutes; `what` names the condition.
pub fn wait_for<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(INTERVAL);
    }
}

/// A picture with three bytes per pixel.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Red, green and blue, row by row.
    pub pixels: Vec<[u8; 3]>,
}

impl Picture {
    /// The colour at a place.
    #[must_use]
    pub fn at(&self, (x, y): (i16, i16)) -> [u8; 3] {
        self.pixels[y as usize * self.width + x as usize]
    }

    /// A part of the picture: left, top, width, height.
    #[must_use]
    pub fn part(&self, [left, top, width, height]: [usize; 4]) -> Self {
        let rows = (top..top + height).map(|row| row * self.width + left);
        let pixels = rows.flat_map(|from| self.pixels[from..from + width].iter().copied()).collect();
        Self { width, height, pixels }
    }

    /// Share of the pixels that differ visibly from another picture of the same size.
    ///
    /// # Panics
    /// Panics if the sizes differ.
    #[must_use]
    pub fn difference(&self, other: &Self) -> f64 {
        const VISIBLE: u8 = 24;
        assert_eq!((self.width, self.height), (other.width, other.height), "pictures of one size");
        let differs = |(one, other): (&[u8; 3], &[u8; 3])| {
            one.iter().zip(other).any(|(one, other)| one.abs_diff(*other) > VISIBLE)
        };
        let count = self.pixels.iter().zip(&other.pixels).filter(|pair| differs(*pair)).count();
        count as f64 / self.pixels.len() as f64
    }

    /// Number of pixels of about this colour.
    #[must_use]
    pub fn count(&self, color: [u8; 3]) -> usize {
        self.pixels.iter().filter(|pixel| is_near(**pixel, color)).count()
    }

    /// Reads a PNG file.
    ///
    /// # Panics
    /// Panics if it is not a PNG file with three bytes per pixel.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        let file = std::fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut reader = png::Decoder::new(BufReader::new(file)).read_info().expect("a PNG");
        let mut bytes = vec![0; reader.output_buffer_size().expect("it has a size")];
        let info = reader.next_frame(&mut bytes).expect("a PNG");
        assert_eq!(info.color_type, png::ColorType::Rgb, "three bytes a pixel");
        let pixels = bytes.chunks_exact(3).map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
        Self { width: info.width as usize, height: info.height as usize, pixels }
    }

    /// Writes a PNG file.
    ///
    /// # Panics
    /// Panics if it cannot be written.
    pub fn write(&self, path: &Path) {
        let file = std::fs::File::create(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut encoder = png::Encoder::new(file, self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_compression(png::Compression::High);
        let mut writer = encoder.write_header().expect("room");
        writer.write_image_data(self.pixels.as_flattened()).expect("room");
    }
}

/// Whether two colours look the same.
#[must_use]
pub fn is_near(one: [u8; 3], other: [u8; 3]) -> bool {
    one.iter().zip(other).all(|(one, other)| one.abs_diff(other) < 20)
}

/// A program that is killed when its owner is dropped.
#[derive(Debug)]
pub struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // The program may already have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Program {
    /// Whether the program is still running.
    pub fn is_running(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }
}

/// A screen that shows only programs started here.
pub struct Screen {
    connection: RustConnection,
    root: Window,
    /// Symbols of the keys from `first_key` on, `per_key` per key.
    symbols: Vec<u32>,
    per_key: usize,
    first_key: u8,
    /// Display name for programs.
    pub display: String,
    /// `None` if another process owns the screen.
    _server: Option<Program>,
    /// The message bus of the programs, and what runs it, if they have one.
    bus: Option<(String, [Program; 2])>,
}

impl Screen {
    /// Starts a screen.
    ///
    /// # Panics
    /// Panics if there is no Xvfb (`cargo xtask setup` installs it).
    #[must_use]
    pub fn open(width: u16, height: u16) -> Self {
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-nolisten", "tcp", "-noreset", "+extension", "GLX", "-screen", "0"])
            .arg(format!("{width}x{height}x24"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb starts: cargo xtask setup installs it");
        let mut line = String::new();
        let output = server.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut line).expect("it says which screen it is");
        Self { _server: Some(Program(server)), ..Self::at(&format!(":{}", line.trim())) }
    }

    /// An existing screen.
    ///
    /// # Panics
    /// Panics if it does not exist.
    #[must_use]
    pub fn at(display: &str) -> Self {
        let (connection, screen) = RustConnection::connect(Some(display)).expect("the screen is there");
        let setup = connection.setup();
        let root = setup.roots[screen].root;
        let first_key = setup.min_keycode;
        let count = setup.max_keycode - first_key + 1;
        let map = connection.get_keyboard_mapping(first_key, count).expect("sent").reply().expect("a map");
        Self {
            root,
            per_key: usize::from(map.keysyms_per_keycode),
            symbols: map.keysyms,
            first_key,
            display: display.to_owned(),
            connection,
            _server: None,
            bus: None,
        }
    }

    /// Gives the programs that are started from now on a message bus, on which assistive programs are expected.
    ///
    /// # Panics
    /// Panics if there is no D-Bus or no AT-SPI (`cargo xtask setup` installs them).
    pub fn assist(&mut self) {
        let mut daemon = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--print-address=1"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-daemon starts: cargo xtask setup installs it");
        let mut address = String::new();
        let output = daemon.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut address).expect("it says where it is");
        let address = address.trim().to_owned();
        let launcher = Command::new("/usr/libexec/at-spi-bus-launcher")
            .args(["--launch-immediately"])
            .env("DBUS_SESSION_BUS_ADDRESS", &address)
            .env("DISPLAY", &self.display)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("at-spi-bus-launcher starts: cargo xtask setup installs it");
        self.bus = Some((address.clone(), [Program(daemon), Program(launcher)]));
        let words = ["--session", "--print-reply", "--dest=org.a11y.Bus", "/org/a11y/bus"];
        let words = words.into_iter().chain(["org.freedesktop.DBus.Properties.Set"]);
        let words = words.chain(["string:org.a11y.Status", "string:IsEnabled", "variant:boolean:true"]);
        let mut enable = Command::new("dbus-send");
        enable.args(words).env("DBUS_SESSION_BUS_ADDRESS", &address);
        wait_for("the bus of assistive programs", || {
            enable.output().is_ok_and(|output| output.status.success()).then_some(())
        });
    }

    /// Lets a program find this screen, and no message bus but its own.
    pub fn prepare(&self, command: &mut Command) {
        command.env("DISPLAY", &self.display).env_remove("WAYLAND_DISPLAY").env_remove("XDG_RUNTIME_DIR");
        match &self.bus {
            Some((address, _)) => command.env("DBUS_SESSION_BUS_ADDRESS", address),
            None => command.env_remove("DBUS_SESSION_BUS_ADDRESS"),
        };
    }

    /// Takes control of when windows are shown, as window managers and hosts do.
    ///
    /// # Panics
    /// Panics if another program already does so.
    pub fn manage(&self) {
        let wish = ChangeWindowAttributesAux::new().event_mask(EventMask::SUBSTRUCTURE_REDIRECT);
        let is_sent = self.connection.change_window_attributes(self.root, &wish).expect("sent");
        is_sent.check().expect("nobody else manages the windows");
    }

    /// Waits for a window that asks to be shown, and shows it after a number of screen refreshes.
    ///
    /// # Panics
    /// Panics if there is no such window.
    #[must_use]
    pub fn show_late(&self, refreshes: u32) -> Window {
        let window = wait_for("a window", || {
            match self.connection.poll_for_event().expect("the screen is there")? {
                Event::MapRequest(request) => Some(request.window),
                _ => None,
            }
        });
        self.wait_for_refreshes(refreshes);
        self.connection.map_window(window).expect("sent").check().expect("the window is there");
        window
    }

    /// Waits for a number of screen refreshes.
    ///
    /// # Panics
    /// Panics if the screen does not report them.
    pub fn wait_for_refreshes(&self, refreshes: u32) {
        let listener = self.connection.generate_id().expect("a number is free");
        self.connection
            .present_select_input(listener, self.root, present::EventMask::COMPLETE_NOTIFY)
            .expect("sent")
            .check()
            .expect("the screen tells when it is drawn");
        for refresh in 0..refreshes {
            self.connection.present_notify_msc(self.root, refresh, 0, 1, 0).expect("sent");
            self.connection.flush().expect("sent");
            wait_for("the screen to be drawn", || {
                match self.connection.poll_for_event().expect("the screen is there")? {
                    Event::PresentCompleteNotify(event) if event.serial == refresh => Some(()),
                    _ => None,
                }
            });
        }
    }

    /// Starts a program here.
    ///
    /// # Panics
    /// Panics if it cannot be started.
    #[must_use]
    pub fn start(&self, command: &mut Command) -> Program {
        self.prepare(command);
        command.env("LIBGL_ALWAYS_SOFTWARE", "1");
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Program(child.unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }

    /// Waits for a window with a title.
    #[must_use]
    pub fn window(&self, title: &str) -> Window {
        wait_for(title, || self.find(self.root, title))
    }

    fn find(&self, under: Window, title: &str) -> Option<Window> {
        let children = self.connection.query_tree(under).ok()?.reply().ok()?.children;
        children.into_iter().find_map(|window| {
            let name = self
                .connection
                .get_property(false, window, AtomEnum::WM_NAME, AtomEnum::ANY, 0, 64)
                .ok()?
                .reply()
                .ok()?;
            // A window manager may give its frame the same title, so take the innermost window.
            let inner = self.find(window, title);
            inner.or_else(|| (name.value == title.as_bytes()).then_some(window))
        })
    }

    /// The parent of a window.
    ///
    /// # Panics
    /// Panics if the window is gone.
    #[must_use]
    pub fn parent(&self, window: Window) -> Window {
        self.connection.query_tree(window).expect("sent").reply().expect("the window is there").parent
    }

    /// Position of a window's upper left corner.
    fn corner(&self, window: Window) -> (i16, i16) {
        let place = self.connection.translate_coordinates(window, self.root, 0, 0).expect("sent");
        let place = place.reply().expect("the window is there");
        (place.dst_x, place.dst_y)
    }

    /// All windows, including hidden ones.
    #[must_use]
    pub fn windows(&self) -> Vec<Window> {
        let mut found = vec![self.root];
        let mut next = 0;
        while let Some(under) = found.get(next).copied() {
            let tree = self.connection.query_tree(under).ok().and_then(|sent| sent.reply().ok());
            found.extend(tree.into_iter().flat_map(|tree| tree.children));
            next += 1;
        }
        found
    }

    /// The contents of a window that another program redirects and draws itself (X's Composite
    /// extension), as Wine does. An empty picture if the window is gone or not redirected.
    #[must_use]
    pub fn look_into(&self, window: Window) -> Picture {
        let picture = || {
            let size = self.connection.get_geometry(window).ok()?.reply().ok()?;
            let (width, height) = (size.width, size.height);
            let pixmap = self.connection.generate_id().ok()?;
            self.name_window_pixmap(window, pixmap)?;
            let image = self
                .connection
                .get_image(ImageFormat::Z_PIXMAP, pixmap, 0, 0, width, height, u32::MAX)
                .ok()
                .and_then(|sent| sent.reply().ok());
            self.connection.free_pixmap(pixmap).ok()?;
            let image = image?;
            let pixels = image.data.chunks_exact(4).map(|pixel| [pixel[2], pixel[1], pixel[0]]).collect();
            Some(Picture { width: width.into(), height: height.into(), pixels })
        };
        picture().unwrap_or(Picture { width: 0, height: 0, pixels: Vec::new() })
    }

    /// Names a window's off-screen pixmap: the request of X's Composite extension (version 0.2), which would be the
    /// only one used here.
    fn name_window_pixmap(&self, window: Window, pixmap: u32) -> Option<()> {
        const NAME_WINDOW_PIXMAP: u8 = 6;
        /// Length in units of four bytes.
        const LENGTH: u16 = 3;
        let extension = self.connection.extension_information("Composite").ok()??;
        let mut request = vec![extension.major_opcode, NAME_WINDOW_PIXMAP];
        request.extend(LENGTH.to_ne_bytes());
        request.extend(window.to_ne_bytes());
        request.extend(pixmap.to_ne_bytes());
        let sent = self.connection.send_request_without_reply(&[IoSlice::new(&request)], Vec::new());
        sent.ok()?.check().ok()
    }

    /// The visible contents of a window.
    ///
    /// # Panics
    /// Panics if the window is gone.
    #[must_use]
    pub fn look(&self, window: Window) -> Picture {
        let size = self.connection.get_geometry(window).expect("sent").reply().expect("the window is there");
        let (left, top) = self.corner(window);
        let (width, height) = (size.width, size.height);
        let image = self
            .connection
            .get_image(ImageFormat::Z_PIXMAP, self.root, left, top, width, height, u32::MAX)
            .expect("sent")
            .reply()
            .expect("the window lies on the screen");
        let pixels = image.data.chunks_exact(4).map(|pixel| [pixel[2], pixel[1], pixel[0]]).collect();
        Picture { width: width.into(), height: height.into(), pixels }
    }

    /// Waits until a window meets a condition.
    ///
    /// # Panics
    /// Panics if it never does.
    pub fn wait_to_see(&self, window: Window, what: &str, is_so: impl Fn(&Picture) -> bool) -> Picture {
        wait_for(what, || Some(self.look(window)).filter(|picture| is_so(picture)))
    }

    fn fake(&self, kind: u8, detail: u8, x: i16, y: i16) {
        self.connection.xtest_fake_input(kind, detail, 0, self.root, x, y, 0).expect("sent");
        self.connection.flush().expect("sent");
    }

    /// Moves the mouse to a place in a window.
    pub fn point(&self, window: Window, (x, y): (i16, i16)) {
        let (left, top) = self.corner(window);
        self.fake(MOTION_NOTIFY_EVENT, 0, left + x, top + y);
    }

    /// Clicks a place in a window.
    pub fn click(&self, window: Window, place: (i16, i16)) {
        self.point(window, place);
        self.fake(BUTTON_PRESS_EVENT, 1, 0, 0);
        self.fake(BUTTON_RELEASE_EVENT, 1, 0, 0);
    }

    /// Code of the key for a symbol, and whether it needs Shift.
    fn code(&self, symbol: u32) -> (u8, bool) {
        let place = self.symbols.iter().position(|known| *known == symbol);
        let place = place.unwrap_or_else(|| panic!("no key for {symbol:#x}"));
        (self.first_key + (place / self.per_key) as u8, place % self.per_key == 1)
    }

    /// Presses a key while others are held.
    pub fn press(&self, held: &[u32], symbol: u32) {
        let (code, shifted) = self.code(symbol);
        let held: Vec<u8> =
            held.iter().copied().chain(shifted.then_some(key::SHIFT)).map(|held| self.code(held).0).collect();
        for held in &held {
            self.fake(KEY_PRESS_EVENT, *held, 0, 0);
        }
        self.fake(KEY_PRESS_EVENT, code, 0, 0);
        self.fake(KEY_RELEASE_EVENT, code, 0, 0);
        for held in held.iter().rev() {
            self.fake(KEY_RELEASE_EVENT, *held, 0, 0);
        }
    }

    /// Types ASCII text.
    pub fn type_text(&self, text: &str) {
        for letter in text.chars() {
            self.press(&[], u32::from(letter));
        }
    }

    /// Opens a window like a host's for an editor and records its keys.
    ///
    /// # Panics
    /// Panics if the screen is gone.
    #[must_use]
    pub fn host_window(&self, (left, top): (i16, i16), (width, height): (u16, u16)) -> Window {
        let host = self.connection.generate_id().expect("a number is free");
        let looks = CreateWindowAux::new().event_mask(EventMask::KEY_PRESS).override_redirect(1);
        let kind = WindowClass::INPUT_OUTPUT;
        self.connection
            .create_window(0, host, self.root, left, top, width, height, 0, kind, 0, &looks)
            .expect("sent");
        self.connection.map_window(host).expect("sent").check().expect("it is shown");
        host
    }

    /// Embeds a window in one that was opened here.
    ///
    /// # Panics
    /// Panics if the window is gone.
    #[must_use]
    pub fn embed(&self, window: Window) -> Window {
        let size = self.connection.get_geometry(window).expect("sent").reply().expect("the window is there");
        let host = self.host_window((10, 10), (size.width + 40, size.height + 60));
        self.connection.reparent_window(window, host, 20, 40).expect("sent").check().expect("it moves in");
        host
    }

    /// Waits until a window has the keyboard focus.
    ///
    /// # Panics
    /// Panics if it never gets it.
    pub fn wait_for_focus(&self, window: Window) {
        wait_for("the keyboard", || {
            let focus =
                self.connection.get_input_focus().expect("sent").reply().expect("the screen is there");
            (focus.focus == window).then_some(())
        });
    }

    /// The key codes that such a window has received since the last call.
    ///
    /// # Panics
    /// Panics if the screen is gone.
    #[must_use]
    pub fn heard_keys(&self, window: Window) -> Vec<u8> {
        // The reply arrives after all earlier events.
        self.connection.get_input_focus().expect("sent").reply().expect("the screen is there");
        let events = std::iter::from_fn(|| self.connection.poll_for_event().expect("the screen is there"));
        events
            .filter_map(|event| match event {
                Event::KeyPress(press) if press.event == window => Some(press.detail),
                _ => None,
            })
            .collect()
    }

    /// Code of a key.
    #[must_use]
    pub fn key_code(&self, symbol: u32) -> u8 {
        self.code(symbol).0
    }

    /// Drags a file from a simulated file manager over a window and drops it there.
    ///
    /// # Panics
    /// Panics if the window does not accept files.
    pub fn drop_file(&self, window: Window, (x, y): (i16, i16), file: &Path) {
        let atom = |name: &str| -> Atom {
            self.connection.intern_atom(false, name.as_bytes()).expect("sent").reply().expect("a name").atom
        };
        let source = self.connection.generate_id().expect("a number is free");
        self.connection
            .create_window(
                0,
                source,
                self.root,
                0,
                0,
                1,
                1,
                0,
                WindowClass::INPUT_OUTPUT,
                0,
                &CreateWindowAux::new(),
            )
            .expect("sent");
        let selection = atom("XdndSelection");
        self.connection.set_selection_owner(source, selection, x11rb::CURRENT_TIME).expect("sent");
        let target = wait_for("a window that takes files", || {
            let proxy = self
                .connection
                .get_property(false, window, atom("XdndProxy"), AtomEnum::WINDOW, 0, 1)
                .ok()?
                .reply()
                .ok()?;
            proxy.value32()?.next()
        });
        let (left, top) = self.corner(window);
        let place = (u32::from((left + x) as u16) << 16) | u32::from((top + y) as u16);
        let list = atom("text/uri-list");
        let tell = |kind: &str, data: [u32; 4]| {
            let data = [source, data[0], data[1], data[2], data[3]];
            let message = ClientMessageEvent::new(32, window, atom(kind), data);
            self.connection.send_event(false, target, EventMask::NO_EVENT, message).expect("sent");
            self.connection.flush().expect("sent");
        };
        let mut address = String::from("file://");
        for byte in file.to_str().expect("a path in UTF-8").bytes() {
            // Escapes more than necessary, as file managers do.
            if byte.is_ascii_alphanumeric() || b"/._-".contains(&byte) {
                address.push(byte.into());
            } else {
                write!(address, "%{byte:02X}").expect("a string takes all");
            }
        }
        address.push_str("\r\n");
        let (status, finished) = (atom("XdndStatus"), atom("XdndFinished"));
        tell("XdndEnter", [5 << 24, list, 0, 0]);
        tell("XdndPosition", [0, place, x11rb::CURRENT_TIME, atom("XdndActionCopy")]);
        let mut is_dropped = false;
        wait_for("the end of the drag", || {
            match self.connection.poll_for_event().expect("the screen is there")? {
                Event::SelectionRequest(request) => {
                    self.answer(&request, list, address.as_bytes());
                    None
                }
                Event::ClientMessage(message) if message.type_ == status => {
                    assert_eq!(message.data.as_data32()[1] & 1, 1, "it takes the file");
                    if !std::mem::replace(&mut is_dropped, true) {
                        tell("XdndDrop", [0, x11rb::CURRENT_TIME, 0, 0]);
                    }
                    None
                }
                Event::ClientMessage(message) if message.type_ == finished => {
                    assert_eq!(message.data.as_data32()[1] & 1, 1, "it took the file");
                    Some(())
                }
                _ => None,
            }
        });
    }

    fn answer(&self, request: &SelectionRequestEvent, kind: Atom, data: &[u8]) {
        self.connection
            .change_property8(PropMode::REPLACE, request.requestor, request.property, kind, data)
            .expect("sent");
        let answer = SelectionNotifyEvent {
            response_type: SELECTION_NOTIFY_EVENT,
            sequence: 0,
            time: request.time,
            requestor: request.requestor,
            selection: request.selection,
            target: request.target,
            property: request.property,
        };
        self.connection.send_event(false, request.requestor, EventMask::NO_EVENT, answer).expect("sent");
        self.connection.flush().expect("sent");
    }
}
