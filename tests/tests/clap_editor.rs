//! The editors of three instances in the windows of a CLAP host. A separate process, because the plugin opens the screen
//! named in the environment, and because threads are counted.
#![cfg(target_os = "linux")]

#[path = "clap_host/host.rs"]
#[allow(dead_code, reason = "the other host tests use more of it")]
mod host;

use std::process::Command;

use clack_extensions::gui::{GuiApiType, GuiConfiguration, PluginGui, Window};
use resonantgen_tests::editor::{SIZE, is_idle};
use resonantgen_tests::screen::{Screen, wait_for};

use host::{Host, PORTS};

/// Sets the screen in the host process.
const SCREEN: &str = "RESONANTGEN_TEST_SCREEN";
/// How long the host takes to lay out its own windows, in screen refreshes: half a second.
const LAYOUT: u32 = 30;

#[test]
fn editors_that_are_shown_late_are_drawn_and_leave_no_thread_when_closed() {
    if host::plugin().is_none() {
        return;
    }
    if let Some(screen) = std::env::var_os(SCREEN) {
        return show_and_close_three(&Screen::at(&screen.to_string_lossy()));
    }
    let screen = Screen::open(3_000, 700);
    let this = std::env::current_exe().expect("the tests have a file");
    let status = Command::new(this)
        .env(SCREEN, &screen.display)
        .env("DISPLAY", &screen.display)
        .env("LIBGL_ALWAYS_SOFTWARE", "1")
        .env_remove("WAYLAND_DISPLAY")
        .status()
        .expect("the host starts");
    assert!(status.success(), "in the host's process: {status}");
}

fn show_and_close_three(screen: &Screen) {
    let mut hosts = [(); 3].map(|()| Host::open(None, PORTS).expect("there is a plugin"));
    let (width, height) = (SIZE.0 as u16, SIZE.1 as u16);
    let places = [0, 1, 2].map(|index| (index * (width as i16 + 10), 20));
    let parents = places.map(|place| screen.host_window(place, (width, height)));
    let configuration = GuiConfiguration { api_type: GuiApiType::X11, is_floating: false };
    // Closed and opened again, as when a project is worked on.
    for _ in 0..2 {
        for host in &mut hosts {
            let handle = host.instance.plugin_handle();
            let gui: PluginGui = handle.get_extension().expect("it has a window");
            gui.create(&handle, configuration).expect("the window is made");
        }
        screen.wait_for_refreshes(LAYOUT);
        for (host, parent) in hosts.iter_mut().zip(parents) {
            let handle = host.instance.plugin_handle();
            let gui: PluginGui = handle.get_extension().expect("it has a window");
            // SAFETY: the host's window outlives the editor's.
            unsafe { gui.set_parent(&handle, Window::from_x11_handle(parent.into())) }.expect("it moves in");
            gui.show(&handle).expect("it is shown");
        }
        for parent in parents {
            screen.wait_to_see(parent, "the editor", is_idle);
        }
        for host in &mut hosts {
            let handle = host.instance.plugin_handle();
            let gui: PluginGui = handle.get_extension().expect("it has a window");
            gui.destroy(&handle);
        }
        // Each ends when it notices that its window is gone.
        wait_for("the end of the editors' threads", || (editor_threads() == 0).then_some(()));
    }
}

/// Number of editor threads in this process.
fn editor_threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux tells of threads");
    // The system keeps 15 characters of a name.
    let name =
        |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
    tasks.flatten().map(name).filter(|name| name.starts_with("resonantgen win")).count()
}
