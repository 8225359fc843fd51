//! Translates words of other languages into English, so that the reader needs to know only one grammar.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::lexicon::{is_filler, joined_spellings, look_up};
use super::word::{Word, words};

/// Maximum number of words in a foreign phrase.
const LONGEST: usize = 4;
/// Maximum spelling length, in characters, searched for in text without word separators.
const LONGEST_JOINED: usize = 16;
/// Stands for a negation that follows its noun.
const NO_BEFORE: &str = "<no";

struct Table {
    whole: HashMap<&'static str, &'static str>,
    begun: Vec<(&'static str, &'static str)>,
}

fn table() -> &'static Table {
    static TABLE: LazyLock<Table> = LazyLock::new(|| {
        let mut table = Table { whole: HashMap::new(), begun: Vec::new() };
        let lines = include_str!("languages.txt").lines().map(str::trim);
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (english, spellings) = line.split_once(" = ").expect("each line has words");
            for spelling in spellings.split(',').map(str::trim) {
                match spelling.strip_suffix('*') {
                    Some(begin) if !begin.contains('*') => table.begun.push((begin, english)),
                    Some(_) => {}
                    None => {
                        table.whole.entry(spelling).or_insert(english);
                    }
                }
            }
        }
        table
    });
    &TABLE
}

/// Whether a character belongs to a script that is written without spaces between words, or with particles at their ends.
pub(super) fn is_joined(character: char) -> bool {
    matches!(character, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{ff66}'..='\u{ff9f}')
}

/// All spellings that may occur anywhere in unseparated text.
fn joined() -> &'static HashMap<usize, Vec<&'static str>> {
    static JOINED: LazyLock<HashMap<usize, Vec<&'static str>>> = LazyLock::new(|| {
        let foreign = table().whole.keys().copied().filter(|spelling| spelling.chars().any(is_joined));
        let mut by_length: HashMap<usize, Vec<&'static str>> = HashMap::new();
        for spelling in foreign.chain(joined_spellings()).filter(|spelling| !spelling.contains(' ')) {
            by_length.entry(spelling.chars().count()).or_default().push(spelling);
        }
        by_length
    });
    &JOINED
}

/// Translates the words into English as far as they are known; others are kept.
pub(super) fn in_english(prompt: Vec<Word>) -> Vec<Word> {
    let prompt: Vec<Word> = prompt.into_iter().flat_map(pieces).collect();
    let mut english: Vec<Word> = Vec::new();
    // Start of the last noun phrase, because a negation may follow it.
    let mut last = 0;
    // Whether a dropped word began a clause.
    let mut clause_began = false;
    let mut is_foreign = false;
    let mut index = 0;
    while index < prompt.len() {
        let mut first = prompt[index].clone();
        let Some((taken, found)) = meaning(&prompt[index..]) else {
            // "E", "y" and "o" are conjunctions in Romance languages.
            if is_foreign && matches!(first.typed.as_str(), "e" | "y" | "o") {
                clause_began |= first.starts_clause;
                index += 1;
                continue;
            }
            last = english.len();
            first.starts_clause |= std::mem::take(&mut clause_began);
            english.push(first);
            index += 1;
            continue;
        };
        index += taken;
        is_foreign = true;
        match found {
            "." => clause_began |= first.starts_clause,
            NO_BEFORE => {
                let starts_clause = english.get(last).is_some_and(|word| word.starts_clause);
                let no = Word { typed: "no".to_owned(), lower: "no".to_owned(), starts_clause, ..first };
                if let Some(noun) = english.get_mut(last) {
                    noun.starts_clause = false;
                }
                english.insert(last.min(english.len()), no);
            }
            found => {
                last = english.len();
                first.starts_clause |= std::mem::take(&mut clause_began);
                for (at, mut word) in words(found).into_iter().enumerate() {
                    word.starts_clause = at == 0 && first.starts_clause;
                    word.follows_dash = at == 0 && first.follows_dash;
                    word.follows_slash = at == 0 && first.follows_slash;
                    english.push(word);
                }
            }
        }
    }
    english
}

/// The English words for the phrase at the start, and its number of words.
fn meaning(prompt: &[Word]) -> Option<(usize, &'static str)> {
    let table = table();
    let known = |count: usize| {
        let phrase: Vec<&str> = prompt[..count].iter().map(|word| word.lower.as_str()).collect();
        phrase.join(" ")
    };
    for count in (2..=LONGEST.min(prompt.len())).rev() {
        if prompt[1..count].iter().any(|word| word.starts_clause) {
            continue;
        }
        let phrase = known(count);
        if look_up(&phrase).is_some() {
            return None;
        }
        if let Some(english) = table.whole.get(phrase.as_str()) {
            return Some((count, english));
        }
    }
    let word = prompt.first()?.lower.as_str();
    // Note names are kept, as in "in D".
    if word.chars().count() < 2 && word.is_ascii() || look_up(word).is_some() || is_filler(word) {
        return None;
    }
    let whole = table.whole.get(word).copied();
    whole
        .or_else(|| {
            table.begun.iter().find(|(begin, _)| word.starts_with(begin)).map(|(_, english)| *english)
        })
        .map(|english| (1, english))
}

/// Splits a word of a script without spaces into known words and the rest.
fn pieces(word: Word) -> Vec<Word> {
    let letters: Vec<char> = word.lower.chars().collect();
    if !letters.iter().copied().any(is_joined)
        || look_up(&word.lower).is_some()
        || table().whole.contains_key(word.lower.as_str())
    {
        return vec![word];
    }
    let known = joined();
    let mut found: Vec<(String, bool)> = Vec::new();
    let mut at = 0;
    while at < letters.len() {
        let longest = (1..=LONGEST_JOINED.min(letters.len() - at)).rev().find_map(|length| {
            let piece: String = letters[at..at + length].iter().collect();
            known.get(&length)?.contains(&piece.as_str()).then_some((length, piece))
        });
        match longest {
            Some((length, piece)) => {
                found.push((piece, true));
                at += length;
            }
            None => {
                let is_same_script = |last: &str| {
                    last.chars().next_back().is_some_and(|last| is_joined(last) == is_joined(letters[at]))
                };
                match found.last_mut() {
                    Some((text, false)) if is_same_script(text) => text.push(letters[at]),
                    _ => found.push((letters[at].to_string(), false)),
                }
                at += 1;
            }
        }
    }
    if found.iter().all(|(_, is_known)| !is_known) && found.len() < 2 {
        return vec![word];
    }
    // Inflectional endings need not be reported.
    let is_ending = |text: &str| text.chars().count() < 2 && text.chars().all(is_joined);
    let mut first = true;
    let mut pieces = Vec::new();
    for (text, is_known) in found {
        if !is_known && is_ending(&text) {
            continue;
        }
        let starts = std::mem::take(&mut first);
        pieces.push(Word {
            typed: if text.is_ascii() { text.to_uppercase() } else { text.clone() },
            lower: text,
            starts_clause: starts && word.starts_clause,
            follows_slash: starts && word.follows_slash,
            follows_dash: starts && word.follows_dash,
        });
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn english(prompt: &str) -> String {
        let words = in_english(words(prompt));
        words.iter().map(|word| word.lower.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn nine_languages_become_one() {
        for (foreign, wanted) in [
            ("melancholische Klaviermusik mit Regen", "melancholic piano music with rainy"),
            ("House ohne Schlagzeug", "house no drums"),
            ("jazz sans batterie", "jazz sans drums"),
            ("salsa sin bajo", "salsa no bass"),
            ("ritmo de cumbia alegre con acordeón", "cumbia happy with accordion"),
            ("basse lourde", "bass heavy"),
            ("forró com sanfona e zabumba", "forró with accordion kick"),
            ("canzone napoletana con mandolino", "canzone napoletana with mandolin"),
            ("穏やかなピアノとストリングス", "calm piano strings"),
            ("欢快的电子舞曲", "happy 电子舞曲"),
            ("신나는 케이팝", "exciting energetic 케이팝"),
            ("грустное пианино", "sad piano"),
            ("ドラムなしのジャズ", "no drums ジャズ"),
            ("드럼 없이 재즈", "no drums 재즈"),
            ("langsamer trauriger Walzer", "slow sad waltz"),
            ("C小调 钢琴", "c minor piano"),
            // English text is not changed.
            ("dark techno in D with a bass", "dark techno in d with a bass"),
            ("hard rock for the band", "hard rock for the band"),
        ] {
            assert_eq!(english(foreign), wanted, "{foreign}");
        }
    }

    #[test]
    fn the_words_of_each_language_are_well_formed() {
        for line in
            include_str!("languages.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            let (english, spellings) = line.split_once(" = ").expect(line);
            assert!(!english.trim().is_empty() && !spellings.contains("-"), "{line}");
            assert_eq!(spellings, spellings.to_lowercase(), "{line}");
        }
    }
}
