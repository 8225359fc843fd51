//! Files that people name on a command line or write in an editor.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

/// Opens a file for reading. Folders, named pipes and devices are refused before they are opened: reading them might never end.
///
/// # Errors
/// When it is not a regular file or cannot be opened. The message completes "cannot read FILE: ".
///
/// ```
/// let folder = tempfile::tempdir()?;
/// let refused = resonantgen_project::open_file(folder.path()).unwrap_err();
/// assert_eq!(refused.to_string(), "it is a folder");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn open_file(path: &Path) -> io::Result<File> {
    check_regular(path)?;
    File::open(path)
}

/// Reads a file of at most `most_bytes` bytes.
///
/// # Errors
/// As [`open_file`], or when it is larger or cannot be read.
///
/// ```
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("table.csv");
/// std::fs::write(&path, "prompt\n")?;
/// assert_eq!(resonantgen_project::read_file(&path, 100)?, b"prompt\n");
/// assert!(resonantgen_project::read_file(&path, 3).is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn read_file(path: &Path, most_bytes: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_file(path)?.take(most_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most_bytes {
        return Err(io::Error::other(match most_bytes >> 20 {
            0 => format!("it is larger than {most_bytes} bytes"),
            megabytes => format!("it is larger than {megabytes} MB"),
        }));
    }
    Ok(bytes)
}

/// Reads a text of at most `most_bytes` bytes as editors save it: UTF-8 or UTF-16, with or without a byte order mark (UTF-16 needs
/// one). The mark is left out.
///
/// # Errors
/// As [`read_file`], or when it is neither UTF-8 nor UTF-16.
///
/// ```
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("genres.toml");
/// std::fs::write(&path, b"\xff\xfed\0u\0b\0")?;
/// assert_eq!(resonantgen_project::read_text(&path, 100)?, "dub");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn read_text(path: &Path, most_bytes: u64) -> io::Result<String> {
    let bytes = read_file(path, most_bytes)?;
    let text = match unmarked(&bytes) {
        Cow::Borrowed(text) => str::from_utf8(text).map(ToOwned::to_owned).ok(),
        Cow::Owned(text) => String::from_utf8(text).ok(),
    };
    text.ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidData, "it is no UTF-8 text: save it as UTF-8 in the editor")
    })
}

/// Checks that a path leads to a regular file.
pub(crate) fn check_regular(path: &Path) -> io::Result<()> {
    let facts = fs::metadata(path)?;
    match facts.is_file() {
        true => Ok(()),
        false if facts.is_dir() => Err(io::Error::other("it is a folder")),
        false => Err(io::Error::other("it is not a regular file")),
    }
}

/// A text as it was before an editor put a byte order mark before it, or made UTF-16 of it.
pub(crate) fn unmarked(text: &[u8]) -> Cow<'_, [u8]> {
    let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
        let text: String =
            char::decode_utf16(units).map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
        Cow::Owned(text.into_bytes())
    };
    match text {
        [0xef, 0xbb, 0xbf, rest @ ..] => Cow::Borrowed(rest),
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        text => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_editors_save_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.txt");
        let text = "caf\u{e9} \u{1f3b7}";
        let wide = |unit: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(unit).collect::<Vec<_>>();
        for bytes in [
            text.as_bytes().to_vec(),
            [b"\xef\xbb\xbf", text.as_bytes()].concat(),
            [&b"\xff\xfe"[..], &wide(u16::to_le_bytes)].concat(),
            [&b"\xfe\xff"[..], &wide(u16::to_be_bytes)].concat(),
        ] {
            fs::write(&path, bytes).expect("written");
            assert_eq!(read_text(&path, 100).expect("a text"), text);
        }
        fs::write(&path, b"caf\xe9").expect("written");
        assert!(read_text(&path, 100).expect_err("Latin-1").to_string().contains("save it as UTF-8"));
    }

    #[test]
    #[cfg(unix)]
    fn what_may_never_end_is_not_opened() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("a program").success());
        for path in [&pipe, Path::new("/dev/zero"), Path::new("/dev/null")] {
            let refused = read_file(path, 100).expect_err("no file").to_string();
            assert_eq!(refused, "it is not a regular file", "{}", path.display());
        }
        let missing = read_file(&folder.path().join("nowhere"), 100).expect_err("no file");
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }
}
