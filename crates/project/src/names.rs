//! File names that are valid on every system.

/// Whether Windows reserves a name for a device, with any extension and in any case: `con`, `Nul.json`, `COM1` (Microsoft,
/// "Naming Files, Paths, and Namespaces").
#[must_use]
pub fn is_device_name(name: &str) -> bool {
    const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_lowercase();
    let numbered = ["com", "lpt"].into_iter().find_map(|port| stem.strip_prefix(port));
    let is_port = numbered.is_some_and(|number| {
        let mut digits = number.chars();
        // The superscript digits count as well.
        digits.next().is_some_and(|digit| digit.is_ascii_digit() || "\u{b9}\u{b2}\u{b3}".contains(digit))
            && digits.next().is_none()
    });
    is_port || DEVICES.contains(&stem.as_str())
}

#[cfg(test)]
mod tests {
    use super::is_device_name;

    #[test]
    fn devices_are_known_with_any_ending_and_in_any_case() {
        for name in
            ["con", "NUL", "Aux.json", "prn.tar.gz", "com1", "LPT9.wav", "com\u{b2}", "con ", "CONIN$"]
        {
            assert!(is_device_name(name), "{name}");
        }
        for name in ["", "console", "com", "com10", "lpt-1", "concert.json", "\u{e7}on", "my con"] {
            assert!(!is_device_name(name), "{name}");
        }
    }
}
