//! The uncased BERT tokenizer: splits words into the longest pieces in a vocabulary (Wu et al. 2016, "Google's Neural
//! Machine Translation System", section 4.1; Devlin et al. 2019).

use std::collections::HashMap;

/// Maximum length of a word in characters; longer words are unknown.
const LONGEST_WORD: usize = 100;

/// A vocabulary of word pieces.
#[derive(Debug)]
pub(super) struct WordPiece {
    pieces: HashMap<String, i64>,
    unknown: i64,
    start: i64,
    end: i64,
}

impl WordPiece {
    /// Parses a vocabulary, one piece per line; `None` if a special piece is missing.
    pub(super) fn new(vocabulary: &str) -> Option<Self> {
        let pieces: HashMap<String, i64> =
            vocabulary.lines().zip(0..).map(|(piece, id)| (piece.to_owned(), id)).collect();
        let special = |name: &str| pieces.get(name).copied();
        let (unknown, start, end) = (special("[UNK]")?, special("[CLS]")?, special("[SEP]")?);
        Some(Self { pieces, unknown, start, end })
    }

    /// Ids of a text with start and end tokens, at most `most`.
    pub(super) fn ids(&self, text: &str, most: usize) -> Vec<i64> {
        let mut ids = vec![self.start];
        for word in words(text) {
            self.cut(&word, &mut ids);
        }
        ids.truncate(most.saturating_sub(1));
        ids.push(self.end);
        ids
    }

    fn cut(&self, word: &str, ids: &mut Vec<i64>) {
        let begin = ids.len();
        if word.chars().count() > LONGEST_WORD {
            ids.push(self.unknown);
            return;
        }
        let mut rest = word;
        while !rest.is_empty() {
            let prefix = if ids.len() == begin { "" } else { "##" };
            let ends = rest.char_indices().map(|(at, letter)| at + letter.len_utf8()).rev();
            let found = ends
                .filter_map(|end| Some((*self.pieces.get(&format!("{prefix}{}", &rest[..end]))?, end)))
                .next();
            let Some((id, end)) = found else {
                ids.truncate(begin);
                ids.push(self.unknown);
                return;
            };
            ids.push(id);
            rest = &rest[end..];
        }
    }
}

/// Splits a text into lower-case words without accents; punctuation and ideographs are words of their own.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut current = String::new();
    for letter in text.chars().flat_map(char::to_lowercase).map(without_accent) {
        let is_combining = ('\u{300}'..='\u{36f}').contains(&letter);
        if is_combining || (letter.is_control() && !letter.is_whitespace()) {
            continue;
        }
        let stands_alone = is_ideograph(letter) || is_punctuation(letter);
        if letter.is_whitespace() || stands_alone {
            if !current.is_empty() {
                words.push(std::mem::take(&mut current));
            }
            if stands_alone {
                words.push(letter.to_string());
            }
        } else {
            current.push(letter);
        }
    }
    if !current.is_empty() {
        words.push(current);
    }
    words
}

/// The base letter of an accented Latin letter.
fn without_accent(letter: char) -> char {
    match letter {
        'à'..='å' | 'ā' | 'ă' | 'ą' => 'a',
        'ç' | 'ć' | 'č' => 'c',
        'ď' => 'd',
        'è'..='ë' | 'ē' | 'ė' | 'ę' | 'ě' => 'e',
        'ğ' => 'g',
        'ì'..='ï' | 'ī' => 'i',
        'ñ' | 'ń' | 'ň' => 'n',
        'ò'..='ö' | 'ō' | 'ő' => 'o',
        'ř' => 'r',
        'ś' | 'š' | 'ş' => 's',
        'ť' => 't',
        'ù'..='ü' | 'ū' | 'ů' | 'ű' => 'u',
        'ý' | 'ÿ' => 'y',
        'ź' | 'ż' | 'ž' => 'z',
        other => other,
    }
}

fn is_punctuation(letter: char) -> bool {
    letter.is_ascii_punctuation()
        || matches!(letter, '\u{a1}' | '\u{a7}' | '\u{ab}' | '\u{b6}' | '\u{b7}' | '\u{bb}' | '\u{bf}' | '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205e}' | '\u{3001}'..='\u{3003}')
}

fn is_ideograph(letter: char) -> bool {
    matches!(letter, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{2ceaf}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_agree_with_the_goldens() {
        let read = |path: &str| {
            let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
            std::fs::read_to_string(root.join(path)).expect("a file of the repository")
        };
        let tokenizer = WordPiece::new(&read("models/text/vocab.txt")).expect("a vocabulary");
        let golden: serde_json::Value = serde_json::from_str(&read("tests/golden/text.json")).expect("JSON");
        let cases = golden["ids"].as_object().expect("a map");
        assert!(cases.len() > 100);
        for (text, expected) in cases {
            let expected: Vec<i64> = serde_json::from_value(expected.clone()).expect("numbers");
            assert_eq!(tokenizer.ids(text, 128), expected, "{text}");
        }
        assert_eq!(tokenizer.ids(&"word ".repeat(900), 128).len(), 128);
        assert!(WordPiece::new("only\nthese").is_none());
    }
}
