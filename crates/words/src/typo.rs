//! Typing mistakes: an unknown word that is one letter away from a known one.

use super::lexicon::{is_filler, look_up, single_words};

/// Minimum length of a word that can be a typo.
const SHORTEST: usize = 5;
/// From this length on, two mistakes are corrected.
const LONG: usize = 8;
/// From this length on, a replaced letter is corrected: too many short words have a neighbour with another meaning.
const MEDIUM: usize = 7;

/// The known word that a misspelled word most likely means. Only words of lower-case ASCII letters are considered, and only
/// candidates with the same first letter. Of equally close candidates, the first in alphabetical order is taken.
pub(super) fn likely_meant(word: &str) -> Option<&'static str> {
    let letters: Vec<char> = word.chars().collect();
    if letters.len() < SHORTEST || !word.bytes().all(|byte| byte.is_ascii_lowercase()) || is_filler(word) {
        return None;
    }
    // "Drumz", "keyz", "beatz" are slang, not typos.
    if let Some(stem) = word.strip_suffix('z')
        && let Some(known) = single_words().iter().find(|known| **known == stem)
    {
        return Some(known);
    }
    let allowed = if letters.len() > LONG { 2 } else { 1 };
    let mut best: Option<(usize, &'static str)> = None;
    for known in single_words() {
        if known.len() + 1 < SHORTEST || !known.starts_with(letters[0]) {
            continue;
        }
        let target: Vec<char> = known.chars().collect();
        if target.len().abs_diff(letters.len()) > allowed {
            continue;
        }
        let distance = slips(&letters, &target);
        if distance <= allowed && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, known));
        }
    }
    best.map(|(_, known)| known).filter(|known| look_up(known).is_some())
}

/// Missing, doubled, swapped and replaced letters between two words (restricted Damerau-Levenshtein distance; Damerau
/// 1964, "A technique for computer detection and correction of spelling errors"). A replaced letter of a short word
/// counts as many.
fn slips(a: &[char], b: &[char]) -> usize {
    let replaced = if a.len() >= MEDIUM { 1 } else { 9 };
    let mut rows: Vec<Vec<usize>> = (0..=a.len()).map(|row| (row..=row + b.len()).collect()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let same = if a[i - 1] == b[j - 1] { 0 } else { replaced };
            let mut least = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + same);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = least;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_forgiven_and_other_words_left_alone() {
        for (typed, meant) in [
            ("agressive", "aggressive"),
            ("synthwav", "synthwave"),
            ("arpegio", "arpeggio"),
            ("drumz", "drum"),
            ("melanchly", "melancholy"),
            ("balad", "ballad"),
            ("hypnotc", "hypnotic"),
            ("ambeint", "ambient"),
            ("saxaphone", "saxophone"),
        ] {
            assert_eq!(likely_meant(typed), Some(meant), "{typed}");
        }
        for word in ["stars", "horse", "cloud", "xyzzy", "mouse", "walks", "room", "übler", "stone", "table"]
        {
            assert_eq!(likely_meant(word), None, "{word}");
        }
    }
}
