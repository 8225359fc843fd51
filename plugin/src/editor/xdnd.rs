//! Names of XDND, version 5 (<https://www.freedesktop.org/wiki/Specifications/XDND/>), which [`drag`](super::drag) receives and
//! [`drag_out`](super::drag_out) sends.

/// Supported version of the protocol.
pub const VERSION: u32 = 5;

x11rb::atom_manager! {
    /// Atoms of the protocol, and two of our own.
    pub Atoms: AtomsCookie {
        XdndAware,
        XdndProxy,
        XdndEnter,
        XdndPosition,
        XdndStatus,
        XdndLeave,
        XdndDrop,
        XdndFinished,
        XdndSelection,
        XdndTypeList,
        XdndActionCopy,
        TARGETS,
        LIST: b"text/uri-list",
        TEXT: b"text/plain",
        TIME: b"_RESONANTGEN_TIME",
        QUIT: b"_RESONANTGEN_QUIT",
    }
}
