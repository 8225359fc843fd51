//! Elements in the manner of Live: most hold one value, in the attribute `Value`.

use std::fmt::Display;

use super::super::xml::Xml;

/// Writes a part of a set, and hands out ids.
#[derive(Debug, Default)]
pub(super) struct Writer {
    xml: Xml,
    last_id: u32,
}

impl Writer {
    /// An id, counted from 1, that nothing else in the set has.
    pub(super) fn new_id(&mut self) -> u32 {
        self.last_id += 1;
        self.last_id
    }

    pub(super) fn value(&mut self, name: &str, value: impl Display) {
        self.xml.empty(name, &[("Value", value.to_string())]);
    }

    /// What is the same in every set.
    pub(super) fn values(&mut self, values: &[(&str, &str)]) {
        for (name, value) in values {
            self.value(name, value);
        }
    }

    /// An element with attributes alone.
    pub(super) fn empty(&mut self, name: &str, attributes: &[(&str, String)]) {
        self.xml.empty(name, attributes);
    }

    /// References to what scripts see, which Live makes anew when it opens a set.
    pub(super) fn wrappers(&mut self, names: &[&str]) {
        for name in names {
            self.empty(name, &[("LomId", "0".to_owned())]);
        }
    }

    pub(super) fn within(&mut self, name: &str, inside: impl FnOnce(&mut Self)) {
        self.element(name, &[], inside);
    }

    /// A member of a list, with its id there.
    pub(super) fn member(&mut self, name: &str, id: impl Display, inside: impl FnOnce(&mut Self)) {
        self.element(name, &[("Id", id.to_string())], inside);
    }

    pub(super) fn element(
        &mut self,
        name: &str,
        attributes: &[(&str, String)],
        inside: impl FnOnce(&mut Self),
    ) {
        self.xml.begin(name, attributes);
        inside(self);
        self.xml.end(name);
    }

    /// Something that envelopes can refer to by a new id.
    pub(super) fn target(&mut self, name: &str) {
        let id = self.new_id();
        self.target_with(name, id);
    }

    /// The same with an id that has been handed out.
    pub(super) fn target_with(&mut self, name: &str, id: u32) {
        self.member(name, id, |w| w.value("LockEnvelope", 0));
    }

    /// What was written, and the first id that is free.
    pub(super) fn finish(self) -> (Xml, u32) {
        (self.xml, self.last_id + 1)
    }
}
