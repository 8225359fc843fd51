//! Shows the editor's controls to screen readers and other assistive programs, through AccessKit: AT-SPI on Linux, UI Automation on
//! Windows, AppKit on macOS. Nothing is computed until such a program asks for the controls.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use egui::accesskit::{ActionHandler, ActionRequest, ActivationHandler, TreeUpdate};
use egui::{Context, Event, FullOutput, RawInput};
use nice_plug_egui::Frame;
use parking_lot::Mutex;

use super::RepaintNotifier;

/// What an assistive program asks for.
#[derive(Debug)]
struct Asked {
    /// Whether it wants to know the controls.
    is_wanted: AtomicBool,
    requests: Mutex<Vec<ActionRequest>>,
    repaint: RepaintNotifier,
}

impl Asked {
    fn want(&self, is_wanted: bool) {
        self.is_wanted.store(is_wanted, Ordering::Release);
        self.repaint.request_repaint();
    }
}

/// Answers calls of the system, on any thread.
struct Handler(Arc<Asked>);

impl ActivationHandler for Handler {
    fn request_initial_tree(&mut self) -> Option<TreeUpdate> {
        // The next drawing has it.
        self.0.want(true);
        None
    }
}

impl ActionHandler for Handler {
    fn do_action(&mut self, request: ActionRequest) {
        self.0.requests.lock().push(request);
        self.0.repaint.request_repaint();
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::path::Path;

    use accesskit_unix::Adapter;
    use egui::accesskit::{DeactivationHandler, TreeUpdate};
    use nice_plug_egui::Frame;

    use super::{Arc, Asked, Handler};

    impl DeactivationHandler for Handler {
        fn deactivate_accessibility(&mut self) {
            self.0.want(false);
        }
    }

    /// The window's connection to AT-SPI.
    #[derive(Debug)]
    pub struct Connection(Adapter);

    impl Connection {
        /// Connects to AT-SPI, if the user's session has a message bus. AccessKit keeps a thread for it until the process ends.
        pub fn open(_: &Frame, asked: &Arc<Asked>) -> Option<Self> {
            let is_set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
            let has_bus = is_set("DBUS_SESSION_BUS_ADDRESS").is_some()
                || is_set("XDG_RUNTIME_DIR").is_some_and(|folder| Path::new(&folder).join("bus").exists());
            let handler = || Handler(Arc::clone(asked));
            has_bus.then(|| Self(Adapter::new(handler(), handler(), handler())))
        }

        pub fn update(&mut self, update: TreeUpdate) {
            self.0.update_if_active(|| update);
        }

        pub fn focus(&mut self, is_focused: bool) {
            self.0.update_window_focus_state(is_focused);
        }
    }
}

#[cfg(any(windows, target_os = "macos"))]
mod system {
    use std::cell::RefCell;
    use std::collections::HashMap;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[cfg(target_os = "macos")]
    use accesskit_macos::SubclassingAdapter;
    #[cfg(windows)]
    use accesskit_windows::SubclassingAdapter;
    use egui::accesskit::TreeUpdate;
    use nice_plug_egui::Frame;
    use raw_window_handle::{HasWindowHandle, RawWindowHandle};

    use super::{Arc, Asked, Handler};

    thread_local! {
        /// The connections of the windows of this thread: a window must be served on its own.
        static CONNECTIONS: RefCell<HashMap<u64, SubclassingAdapter>> = RefCell::default();
    }

    /// The window's connection to UI Automation, or to the accessibility of AppKit.
    #[derive(Debug)]
    pub struct Connection(u64);

    impl Connection {
        /// Connects a new window of this thread.
        pub fn open(frame: &Frame, asked: &Arc<Asked>) -> Option<Self> {
            static NEXT: AtomicU64 = AtomicU64::new(0);
            let adapter = adapter(frame, || Handler(Arc::clone(asked)))?;
            let id = NEXT.fetch_add(1, Ordering::Relaxed);
            CONNECTIONS.with_borrow_mut(|connections| connections.insert(id, adapter));
            Some(Self(id))
        }

        pub fn update(&mut self, update: TreeUpdate) {
            let events = CONNECTIONS
                .with_borrow_mut(|connections| connections.get_mut(&self.0)?.update_if_active(|| update));
            if let Some(events) = events {
                events.raise();
            }
        }

        /// Windows knows by itself which window has the focus.
        pub fn focus(&mut self, is_focused: bool) {
            #[cfg(target_os = "macos")]
            if let Some(events) = CONNECTIONS.with_borrow_mut(|connections| {
                connections.get_mut(&self.0)?.update_view_focus_state(is_focused)
            }) {
                events.raise();
            }
            #[cfg(windows)]
            let _ = is_focused;
        }
    }

    impl Drop for Connection {
        fn drop(&mut self) {
            let gone = CONNECTIONS.with_borrow_mut(|connections| connections.remove(&self.0));
            drop(gone);
        }
    }

    #[cfg(windows)]
    fn adapter(frame: &Frame, handler: impl Fn() -> Handler) -> Option<SubclassingAdapter> {
        use accesskit_windows::HWND;
        use windows::Win32::UI::WindowsAndMessaging::{SW_HIDE, SW_SHOWNA, ShowWindow};

        let RawWindowHandle::Win32(handle) = frame.baseview_window().window_handle().ok()?.as_raw() else {
            return None;
        };
        let window = HWND(handle.hwnd.get() as _);
        // AccessKit demands a hidden window.
        // SAFETY: the window is open, and of this thread.
        unsafe {
            let _ = ShowWindow(window, SW_HIDE);
        }
        let adapter = SubclassingAdapter::new(window, handler(), handler());
        // SAFETY: as above.
        unsafe {
            let _ = ShowWindow(window, SW_SHOWNA);
        }
        Some(adapter)
    }

    #[cfg(target_os = "macos")]
    fn adapter(frame: &Frame, handler: impl Fn() -> Handler) -> Option<SubclassingAdapter> {
        let RawWindowHandle::AppKit(handle) = frame.baseview_window().window_handle().ok()?.as_raw() else {
            return None;
        };
        // SAFETY: the view is that of the open window.
        Some(unsafe { SubclassingAdapter::new(handle.ns_view.as_ptr(), handler(), handler()) })
    }
}

use system::Connection;

/// The connection of an open window; closed with [`close`](Self::close) or when it is dropped.
#[derive(Clone, Debug, Default)]
pub struct Accessible(Arc<Mutex<Option<Connection>>>);

impl Accessible {
    /// Connects a newly created window, which is drawn by `context`.
    #[must_use]
    pub fn open(context: &Context, frame: &Frame, repaint: &RepaintNotifier) -> Self {
        let asked = Arc::new(Asked {
            is_wanted: AtomicBool::new(false),
            requests: Mutex::default(),
            repaint: repaint.clone(),
        });
        let accessible = Self(Arc::new(Mutex::new(Connection::open(frame, &asked))));
        context.add_plugin(Bridge { asked, connection: accessible.clone(), was_wanted: false });
        accessible
    }

    /// Closes the connection.
    pub fn close(&self) {
        let connection = self.0.lock().take();
        drop(connection);
    }
}

/// Passes the controls on to the system, and its requests to the editor.
struct Bridge {
    asked: Arc<Asked>,
    connection: Accessible,
    was_wanted: bool,
}

impl egui::Plugin for Bridge {
    fn debug_name(&self) -> &'static str {
        "accessibility"
    }

    fn input_hook(&mut self, context: &Context, input: &mut RawInput) {
        let is_wanted = self.asked.is_wanted.load(Ordering::Acquire);
        if std::mem::replace(&mut self.was_wanted, is_wanted) != is_wanted {
            if is_wanted {
                context.enable_accesskit();
            } else {
                context.disable_accesskit();
            }
        }
        let requests = std::mem::take(&mut *self.asked.requests.lock());
        input.events.extend(requests.into_iter().map(Event::AccessKitActionRequest));
        if let Some(connection) = &mut *self.connection.0.lock() {
            connection.focus(input.focused);
        }
    }

    fn output_hook(&mut self, _: &Context, output: &mut FullOutput) {
        let mut update = output.platform_output.accesskit_update.take();
        if let Some(TreeUpdate { nodes, tree: Some(tree), .. }) = &mut update
            && let Some((_, window)) = nodes.iter_mut().find(|(id, _)| *id == tree.root)
        {
            window.set_label("ResonantGen");
        }
        if let Some((update, connection)) = update.zip(self.connection.0.lock().as_mut()) {
            connection.update(update);
        }
    }
}
