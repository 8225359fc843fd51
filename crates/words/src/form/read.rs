//! Parses a typed form.

use super::rules::{LONGEST_NAME, kind_of, rules_of};
use super::{Form, FormError, FormPart, MOST_PARTS, SectionKind};
use crate::Style;

/// A word or a number of a form.
#[derive(Clone, Debug, PartialEq)]
enum Token {
    Section(SectionKind, String),
    Number(u64),
    /// "bars", which makes the preceding number a length.
    Bars,
    /// "x2", "twice".
    Repeats(u64),
}

/// Words for bars, then filler words.
const BARS: [&str; 22] = [
    "bar",
    "bars",
    "measure",
    "measures",
    "takt",
    "takte",
    "takten",
    "mesure",
    "mesures",
    "compás",
    "compas",
    "compases",
    "battuta",
    "battute",
    "compasso",
    "compassos",
    "小節",
    "小节",
    "마디",
    "такт",
    "такта",
    "тактов",
];
const FILLERS: [&str; 22] = [
    "of", "a", "an", "the", "then", "and", "with", "von", "und", "dann", "de", "del", "et", "puis", "y",
    "luego", "e", "di", "poi", "depois", "und", "the",
];
const NUMBERS: [(&str, u64); 22] = [
    ("one", 1),
    ("two", 2),
    ("four", 4),
    ("six", 6),
    ("eight", 8),
    ("twelve", 12),
    ("sixteen", 16),
    ("twenty", 20),
    ("thirty", 30),
    ("vier", 4),
    ("acht", 8),
    ("zwölf", 12),
    ("sechzehn", 16),
    ("quatre", 4),
    ("huit", 8),
    ("seize", 16),
    ("cuatro", 4),
    ("ocho", 8),
    ("quattro", 4),
    ("otto", 8),
    ("quatro", 4),
    ("oito", 8),
];
const REPEATS: [(&str, u64); 9] = [
    ("once", 1),
    ("twice", 2),
    ("thrice", 3),
    ("doppelt", 2),
    ("zweimal", 2),
    ("dreimal", 3),
    ("deux fois", 2),
    ("dos veces", 2),
    ("due volte", 2),
];
/// Maximum digits of a number that is read; longer numbers are out of range anyway.
const MOST_DIGITS: usize = 9;

pub(super) fn form(text: &str) -> Result<Form, FormError> {
    let mut parts: Vec<FormPart> = Vec::new();
    let mut seen: Vec<(SectionKind, bool)> = Vec::new();
    for chunk in text.split([',', ';', '\n', '|', '>', '→', '+', '、', '，', '。']) {
        let tokens = tokens(chunk)?;
        if tokens.is_empty() {
            continue;
        }
        for entry in entries(&tokens) {
            parts.push(part(chunk, &entry, &mut seen)?);
            if parts.len() > MOST_PARTS {
                // The rest is counted, but not parsed.
                let count = text.split([',', ';', '\n', '|', '>', '→']).count().max(parts.len());
                return Err(FormError::TooManyParts { count });
            }
        }
    }
    Form::new(parts)
}

/// Splits a chunk into words, separating letters from digits: "verse16" and "副歌8" become two words, but "x2" and "2x" stay whole.
fn words(chunk: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let plain = chunk.to_lowercase().replace(['-', '–', '—', '_', '(', ')', '[', ']', ':', '='], " ");
    for word in plain.replace('×', "x").split_whitespace() {
        let is_repeat = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if word.strip_prefix('x').is_some_and(is_repeat) || word.strip_suffix('x').is_some_and(is_repeat) {
            words.push(word.to_owned());
            continue;
        }
        let mut current = String::new();
        let mut is_digits = false;
        for letter in word.chars() {
            if letter.is_ascii_digit() != is_digits && !current.is_empty() {
                words.push(std::mem::take(&mut current));
            }
            is_digits = letter.is_ascii_digit();
            current.push(letter);
        }
        words.push(current);
    }
    words
}

fn tokens(chunk: &str) -> Result<Vec<Token>, FormError> {
    let words = words(chunk);
    let mut tokens = Vec::new();
    let mut index = 0;
    while index < words.len() {
        let longest = (1..=LONGEST_NAME.min(words.len() - index))
            .rev()
            .find_map(|count| Some((count, kind_of(&words[index..index + count].join(" "))?)));
        let word = words[index].as_str();
        // "a" is an article before a section's name, as in "a verse", and otherwise a section.
        let is_article =
            word == "a" && words.get(index + 1).is_some_and(|next| next.len() > 1 && kind_of(next).is_some());
        if let Some((count, kind)) = longest.filter(|_| !is_article) {
            tokens.push(Token::Section(kind, titled(&words[index..index + count].join(" "))));
            index += count;
            continue;
        }
        index += 1;
        let repeats = word.strip_prefix('x').or(word.strip_suffix('x')).and_then(number);
        let pair = words.get(index).map(|next| format!("{word} {next}"));
        if let Some(repeats) = repeats {
            tokens.push(Token::Repeats(repeats));
        } else if let Some((_, count)) = REPEATS.iter().find(|(name, _)| *name == word) {
            tokens.push(Token::Repeats(*count));
        } else if let Some((_, count)) = REPEATS.iter().find(|(name, _)| Some(*name) == pair.as_deref()) {
            tokens.push(Token::Repeats(*count));
            index += 1;
        } else if word == "x" || word == "times" || word == "mal" {
            // "x 2", "3 times".
            match (tokens.last().cloned(), words.get(index).and_then(|next| number(next))) {
                (_, Some(count)) if word == "x" => {
                    tokens.push(Token::Repeats(count));
                    index += 1;
                }
                (Some(Token::Number(count)), _) => {
                    tokens.pop();
                    tokens.push(Token::Repeats(count));
                }
                _ => return Err(FormError::UnknownWord { word: word.to_owned() }),
            }
        } else if let Some(value) = number(word) {
            match tokens.last_mut() {
                // "thirty two".
                Some(Token::Number(tens))
                    if (*tens == 20 || *tens == 30) && value < 10 && !is_digits(word) =>
                {
                    *tens += value;
                }
                _ => tokens.push(Token::Number(value)),
            }
        } else if BARS.contains(&word) {
            tokens.push(Token::Bars);
        } else if !FILLERS.contains(&word) {
            return Err(FormError::UnknownWord { word: word.to_owned() });
        }
    }
    Ok(tokens)
}

fn is_digits(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit())
}

fn number(word: &str) -> Option<u64> {
    if !word.is_empty() && is_digits(word) {
        return Some(if word.len() > MOST_DIGITS { u64::from(u32::MAX) } else { word.parse().ok()? });
    }
    NUMBERS.iter().find(|(name, _)| *name == word).map(|(_, value)| *value)
}

fn titled(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Splits the tokens of a chunk into one list per section. Lengths come either after their sections or before all of them.
fn entries(tokens: &[Token]) -> Vec<Vec<Token>> {
    let is_section = |token: &Token| matches!(token, Token::Section(..));
    let leads = matches!(tokens.first(), Some(Token::Number(_)));
    let mut entries: Vec<Vec<Token>> = Vec::new();
    let mut current: Vec<Token> = Vec::new();
    for token in tokens {
        let starts = if leads { matches!(token, Token::Number(_)) } else { is_section(token) };
        if starts && current.iter().any(is_section) {
            entries.push(std::mem::take(&mut current));
        }
        current.push(token.clone());
    }
    entries.push(current);
    entries
}

/// Parses one section. `seen` lists the kinds so far, and whether each had a lone number as its length.
fn part(chunk: &str, tokens: &[Token], seen: &mut Vec<(SectionKind, bool)>) -> Result<FormPart, FormError> {
    let clipped = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let section = tokens.iter().find_map(|token| match token {
        Token::Section(kind, name) => Some((*kind, name.clone())),
        _ => None,
    });
    let mut numbers: Vec<(u64, bool)> = Vec::new();
    let mut repeats = 1;
    for (index, token) in tokens.iter().enumerate() {
        match token {
            Token::Number(number) => {
                numbers.push((*number, tokens.get(index + 1) == Some(&Token::Bars)));
            }
            Token::Repeats(count) => repeats = *count,
            Token::Section(..) | Token::Bars => {}
        }
    }
    let Some((kind, name)) = section else {
        let bars = numbers.first().map_or(0, |(number, _)| clipped(*number));
        return Err(FormError::NoSection { text: chunk.trim().to_owned(), bars });
    };
    let before: Vec<bool> =
        seen.iter().filter(|(known, _)| *known == kind).map(|(_, has_length)| *has_length).collect();
    let nth = before.len() as u64 + 1;
    let counts = numbers.len() > 1 || before.iter().all(|has_length| !has_length);
    // In "verse 2 16" the first number is an ordinal. So is a lone number that fits: in a form with one verse so far, "verse 2"
    // is the second.
    let is_ordinal =
        counts && numbers.first().is_some_and(|(number, is_length)| !is_length && *number == nth && nth < 4);
    if is_ordinal && matches!(tokens.first(), Some(Token::Section(..))) {
        numbers.remove(0);
        seen.push((kind, false));
    } else {
        seen.push((kind, !numbers.is_empty()));
    }
    let usual = u64::from(rules_of(kind, Style::Pop).bars);
    let bars = numbers.first().map_or(usual, |(number, _)| *number);
    let bars = u32::try_from(bars).map_err(|_| FormError::Bars { name: name.clone(), bars })?;
    let repeats = u32::try_from(repeats).map_err(|_| FormError::Repeats { name: name.clone(), repeats })?;
    Ok(FormPart { kind, name, bars, repeats })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> String {
        match text.parse::<Form>() {
            Ok(form) => form.to_string(),
            Err(error) => format!("{error}"),
        }
    }

    #[test]
    fn typed_forms_are_read() {
        for (text, expected) in [
            (
                "intro 8, verse 16, chorus 8, verse 16, chorus 16, outro 8",
                "Intro 8, Verse 16, Chorus 8, Verse 16, Chorus 16, Outro 8",
            ),
            ("Intro 8 Verse 16 Chorus 8", "Intro 8, Verse 16, Chorus 8"),
            ("8 bars of intro, 16 bars of verse, hook x2", "Intro 8, Verse 16, Hook 8 x2"),
            ("8 bars intro 16 bars verse 8 chorus", "Intro 8, Verse 16, Chorus 8"),
            ("verse16 > pre-chorus 4 > chorus 8 x 2", "Verse 16, Pre chorus 4, Chorus 8 x2"),
            ("verse 1, chorus, verse 2, chorus", "Verse 8, Chorus 8, Verse 8, Chorus 8"),
            ("verse 1 16 bars; chorus 1 8; verse 2 16", "Verse 16, Chorus 8, Verse 16"),
            ("build 2, drop 8, build 2, drop 8", "Build 2, Drop 8, Build 2, Drop 8"),
            ("A 8, B 8, A, C, A", "A 8, B 8, A 8, C 8, A 8"),
            (
                "AABA is no word".split(' ').next().unwrap_or_default(),
                "'aaba' is not a section: use intro, verse, build, chorus (or hook), drop, break, bridge, solo, head, outro, or A to H",
            ),
            ("Strophe 16 Takte, Refrain 8 Takte zweimal, Schluss 4", "Strophe 16, Refrain 8 x2, Schluss 4"),
            ("couplet 8, refrain 8, pont 8", "Couplet 8, Refrain 8, Pont 8"),
            ("estrofa 8, estribillo 8, puente 4", "Estrofa 8, Estribillo 8, Puente 4"),
            ("strofa 8, ritornello 8", "Strofa 8, Ritornello 8"),
            ("verso 8, refrão 8, ponte 4", "Verso 8, Refrão 8, Ponte 4"),
            ("主歌16、副歌8", "主歌 16, 副歌 8"),
            ("a verse of sixteen bars, then thirty-two bars of chorus", "Verse 16, Chorus 32"),
            ("drop 16 twice, outro", "Drop 16 x2, Outro 4"),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_in_plain_words() {
        let thousand = vec!["verse 8"; 1_000].join(", ");
        for (text, expected) in [
            ("", "the form is empty"),
            (" , ;", "the form is empty"),
            ("intro 8, banana 16", "'banana' is not a section"),
            ("intro 0, verse 8", "Intro has 0 bars: a section has 1 to 64"),
            ("verse 10000", "Verse has 10000 bars"),
            ("verse 99999999999999999999", "Verse has 4294967295 bars"),
            ("outro 8, verse 8", "Outro comes before other sections"),
            ("verse 8, intro 8", "Intro comes after other sections"),
            (&thousand, "the form has 1000 sections"),
            ("8, verse 8", "\"8\" gives 8 bars, but names no section"),
            ("verse 8 x0", "Verse cannot be played 0 times"),
            ("verse 8 x99", "Verse cannot be played 99 times"),
            (&["verse 64 x16"; 2].join(","), "the form has 2048 bars"),
        ] {
            let error = read(text);
            assert!(error.starts_with(expected) && !error.contains('\n'), "{text:.40}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,80}") {
            if let Ok(form) = text.parse::<Form>() {
                prop_assert!(form.bars() >= 1);
            }
        }

        #[test]
        fn what_is_read_is_read_again_from_its_own_words(
            picks in prop::collection::vec((0_usize..18, 1_u32..33, 1_u32..4), 1..12),
        ) {
            let text: Vec<String> = picks
                .iter()
                .map(|(kind, bars, repeats)| format!("{} {bars} bars x{repeats}", SectionKind::ALL[*kind].name()))
                .collect();
            if let Ok(form) = text.join(", ").parse::<Form>() {
                prop_assert_eq!(form.parts().len(), picks.len());
                prop_assert_eq!(form.parts()[0].bars, picks[0].1);
            }
        }
    }
}
