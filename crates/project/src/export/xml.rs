//! XML documents being written.

use std::fmt::Write as _;

/// An XML 1.0 document, or a part of one, being written.
#[derive(Debug, Default)]
pub(super) struct Xml(String);

impl Xml {
    /// An empty document in UTF-8. (A part of a document is made with `Xml::default`.)
    pub(super) fn document() -> Self {
        Self("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned())
    }

    pub(super) fn begin(&mut self, name: &str, attributes: &[(&str, String)]) {
        let _ = write!(self.0, "<{name}");
        for (attribute, value) in attributes {
            let _ = write!(self.0, " {attribute}=\"{}\"", escaped(value));
        }
        self.0.push_str(">\n");
    }

    pub(super) fn end(&mut self, name: &str) {
        let _ = writeln!(self.0, "</{name}>");
    }

    pub(super) fn empty(&mut self, name: &str, attributes: &[(&str, String)]) {
        self.begin(name, attributes);
        self.0.truncate(self.0.len() - 2);
        self.0.push_str("/>\n");
    }

    pub(super) fn text(&mut self, name: &str, text: &str) {
        let _ = writeln!(self.0, "<{name}>{}</{name}>", escaped(text));
    }

    /// Appends a part of a document.
    pub(super) fn append(&mut self, part: &Self) {
        self.0.push_str(&part.0);
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// Escapes text for XML 1.0.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => {}
            letter => out.push(letter),
        }
    }
    out
}
