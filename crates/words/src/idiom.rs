//! Simplifies idioms before the words are read one by one.

use super::lexicon::look_up;
use super::word::Word;

/// Units of files and formats; a number before them says nothing about the music.
const UNITS: [&str; 12] =
    ["khz", "hz", "kbps", "kbit", "db", "dbfs", "lufs", "fps", "mb", "wav", "mp3", "flac"];

/// Rewrites idioms in plain words: "leave out the strings", "drums off", "not too many", "320 kbps".
pub(super) fn plain(words: Vec<Word>) -> Vec<Word> {
    let mut plain: Vec<Word> = Vec::new();
    let mut index = 0;
    let lower = |index: usize| words.get(index).map_or("", |word| word.lower.as_str());
    let as_word =
        |at: usize, text: &str| Word { typed: text.to_owned(), lower: text.to_owned(), ..words[at].clone() };
    while index < words.len() {
        let is_number = lower(index).starts_with(|first: char| first.is_ascii_digit());
        match (lower(index), lower(index + 1), lower(index + 2)) {
            ("not", "too" | "so" | "that" | "very" | "overly", "many" | "much") => {
                plain.push(as_word(index, "less"));
                index += 3;
            }
            // "Drum n bas", "drums and base".
            ("drum", "n" | "'n'" | "'n" | "n'" | "&" | "and" | "nd", "bas" | "base" | "bass" | "basss") => {
                for (at, text) in ["drum", "and", "bass"].into_iter().enumerate() {
                    plain.push(as_word(index + at, text));
                }
                index += 3;
            }
            ("not", "many" | "much", _) => {
                plain.push(as_word(index, "less"));
                index += 2;
            }
            ("leave" | "leaving" | "take" | "keep", "out", _) | ("free", "of", _) => {
                plain.push(as_word(index, "without"));
                index += 2;
            }
            ("free", _, _) if words[index].follows_dash && negate_last(&mut plain, 1) => index += 1,
            // "Drums off", "leave the drums out".
            ("off", next, _)
                if !matches!(next, "beat" | "beats" | "the" | "grid") && negate_last(&mut plain, 1) =>
            {
                index += 1;
            }
            ("out", _, _) if negate_after_leave(&mut plain) => index += 1,
            (_, unit, _) if is_number && UNITS.contains(&unit) => index += 2,
            (_, "bit", _) if matches!(lower(index), "24" | "32") => index += 2,
            _ => {
                plain.push(words[index].clone());
                index += 1;
            }
        }
    }
    plain
}

/// Whether a word names a track, a part of it or an instrument.
fn is_played(word: &Word) -> bool {
    look_up(&word.lower)
        .is_some_and(|entry| entry.track.is_some() || !entry.free.is_empty() || entry.is_piece)
}

/// Puts "no" before the last `count` words if they name something that is played.
fn negate_last(plain: &mut Vec<Word>, count: usize) -> bool {
    let Some(at) = plain.len().checked_sub(count).filter(|at| is_played(&plain[*at])) else { return false };
    let no = Word { typed: "no".to_owned(), lower: "no".to_owned(), ..plain[at].clone() };
    plain[at].starts_clause = false;
    plain.insert(at, no);
    true
}

/// "Leave the drums out": the word "leave" becomes "without".
fn negate_after_leave(plain: &mut [Word]) -> bool {
    let Some(at) = plain.iter().rposition(|word| word.lower == "leave" || word.lower == "leaving") else {
        return false;
    };
    if plain.len() - at > 4 || !plain.last().is_some_and(is_played) {
        return false;
    }
    "without".clone_into(&mut plain[at].lower);
    true
}

#[cfg(test)]
mod tests {
    use super::super::word::words;
    use super::*;

    #[test]
    fn turns_of_phrase_are_made_plain() {
        for (typed, wanted) in [
            ("score, leave out the strings", "score without the strings"),
            ("leave the drums out", "without the drums"),
            ("synthwave, drums off", "synthwave no drums"),
            ("lo-fi piano, not too many drums", "lo fi piano less drums"),
            ("drum-free techno", "no drum techno"),
            ("piano, 48 kHz, 320 kbps, 24 bit", "piano"),
            ("off beat bass, 8 bit", "off beat bass 8 bit"),
        ] {
            let plain = plain(words(typed));
            assert_eq!(
                plain.iter().map(|word| word.lower.as_str()).collect::<Vec<_>>().join(" "),
                wanted,
                "{typed}"
            );
        }
    }
}
