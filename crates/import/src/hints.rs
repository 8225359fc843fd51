//! Hints at the tempo from a file's name and tags.

/// Range of whole numbers in a name that may be a tempo.
const LIKELY_BPM: std::ops::RangeInclusive<f64> = 55.0..=220.0;

/// A noted tempo.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Hint {
    pub(super) bpm: f64,
    /// Whether it is marked as a tempo, unlike a bare number in a name.
    pub(super) is_tempo: bool,
}

/// Possible tempos in the name of a file, the likeliest first.
pub(super) fn of_name(name: &str) -> Vec<Hint> {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_lowercase();
    let mut told = Vec::new();
    let mut bare = Vec::new();
    for (start, end) in numbers(&stem) {
        let Ok(bpm) = stem[start..end].replace(',', ".").parse::<f64>() else { continue };
        let is_gap = |letter: char| " _-.()[]".contains(letter);
        let before = stem[..start].trim_end_matches(is_gap);
        let behind = stem[end..].trim_start_matches(is_gap);
        let is_tempo = behind.starts_with("bpm") || before.ends_with("bpm") || before.ends_with("tempo");
        if is_tempo {
            told.push(Hint { bpm, is_tempo });
        } else if LIKELY_BPM.contains(&bpm) {
            bare.push(Hint { bpm, is_tempo });
        }
    }
    told.extend(bare);
    told
}

/// Ranges of the numbers in a text, with at most one point or comma between digits.
fn numbers(text: &str) -> Vec<(usize, usize)> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let start = at;
        let mut has_point = false;
        while at < bytes.len() {
            let is_point =
                b".,".contains(&bytes[at]) && !has_point && bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
            if !bytes[at].is_ascii_digit() && !is_point {
                break;
            }
            has_point |= is_point;
            at += 1;
        }
        found.push((start, at));
    }
    found
}

/// A tempo written as text in a tag.
pub(super) fn of_text(text: &str) -> Option<f64> {
    text.trim_matches(|letter: char| letter.is_whitespace() || letter == '\0').replace(',', ".").parse().ok()
}

/// The tempo (TBPM) of an ID3v2 tag (ID3v2.2 to 2.4, sections 3 and 4.2) that starts with `tag`.
pub(super) fn id3_bpm(tag: &[u8]) -> Option<f64> {
    let head = tag.get(..10).filter(|head| head.starts_with(b"ID3"))?;
    let version = head[3];
    let mut at = 10;
    if version > 2 && head[5] & 0x40 != 0 {
        let size = tag.get(10..14)?;
        // The size of an extended header counts itself from 2.4 on.
        at += if version == 3 { 4 + plain(size) } else { syncsafe(size) };
    }
    let end = tag.len().min(10 + syncsafe(&head[6..10]));
    let (name_length, head_length) = if version == 2 { (3, 6) } else { (4, 10) };
    while at + head_length <= end {
        let head = &tag[at..at + head_length];
        let size = match version {
            2 => plain(&head[3..6]),
            3 => plain(&head[4..8]),
            _ => syncsafe(&head[4..8]),
        };
        at += head_length;
        let content = tag.get(at..at.checked_add(size)?.min(end))?;
        if head[..name_length] == b"TBPM"[..name_length] || head.starts_with(b"TBP\0") {
            // The first byte is the encoding. In all of them, digits differ only by zero bytes.
            let digits: String = content
                .iter()
                .skip(1)
                .filter(|byte| byte.is_ascii_digit() || b".,".contains(byte))
                .map(|byte| char::from(*byte))
                .collect();
            return of_text(&digits);
        }
        if head[0] == 0 {
            break;
        }
        at += size;
    }
    None
}

fn plain(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |size, byte| size << 8 | usize::from(*byte))
}

/// A size whose bytes have seven bits each.
pub(super) fn syncsafe(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |size, byte| size << 7 | usize::from(*byte & 0x7f))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tempos_are_found_in_names() {
        for (name, told, all) in [
            ("Amen_172bpm.wav", Some(172.0), 1),
            ("dusty 87.5 BPM loop 04.flac", Some(87.5), 1),
            ("BPM-93,5-keys.mp3", Some(93.5), 1),
            ("tempo_140.aif", Some(140.0), 1),
            ("d_72.wav", None, 1),
            ("1bar138.wav", None, 1),
            ("808 kick 12.wav", None, 0),
            ("\u{30eb}\u{30fc}\u{30d7}120.wav", None, 1),
            ("", None, 0),
        ] {
            let found = of_name(name);
            let first = found.first().filter(|hint| hint.is_tempo).map(|hint| hint.bpm);
            assert_eq!((first, found.len()), (told, all), "{name}: {found:?}");
        }
    }

    #[test]
    fn the_tempo_of_a_tag_is_read() {
        let frame = |name: &[u8], text: &[u8], version: u8| {
            let mut content = vec![0];
            content.extend(text);
            let size = content.len() as u8;
            let mut frame = name.to_vec();
            frame.extend(if version == 2 { vec![0, 0, size] } else { vec![0, 0, 0, size, 0, 0] });
            frame.extend(content);
            frame
        };
        let tag = |version: u8, frames: &[Vec<u8>]| {
            let content = frames.concat();
            [&b"ID3"[..], &[version, 0, 0, 0, 0, 0, content.len() as u8], &content, &[0; 30]].concat()
        };
        for (version, title, bpm) in
            [(2, &b"TT2"[..], &b"TBP"[..]), (3, b"TIT2", b"TBPM"), (4, b"TIT2", b"TBPM")]
        {
            let bytes = tag(version, &[frame(title, b"loop", version), frame(bpm, b"87.5", version)]);
            assert_eq!(id3_bpm(&bytes), Some(87.5), "{version}");
            assert_eq!(id3_bpm(&tag(version, &[frame(title, b"loop", version)])), None, "{version}");
            for end in 0..bytes.len() {
                let _ = id3_bpm(&bytes[..end]);
            }
        }
    }
}
