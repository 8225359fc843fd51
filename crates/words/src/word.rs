//! Splits a prompt into words.

/// One word of a prompt.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Word {
    /// As typed, with typographic characters replaced by plain ones.
    pub(super) typed: String,
    /// In lower case.
    pub(super) lower: String,
    /// Whether it follows a comma, a full stop or similar.
    pub(super) starts_clause: bool,
    /// Whether it follows a slash.
    pub(super) follows_slash: bool,
    /// Whether it follows a hyphen, a dash, an arrow or a bar line.
    pub(super) follows_dash: bool,
}

/// What separates a word from the previous one.
#[derive(Default)]
struct Joints {
    slash: bool,
    dash: bool,
}

/// Splits at blanks, hyphens and punctuation; control characters (including NUL) count as blanks. Characters with a meaning
/// inside a word stay: sharps and flats, "7/8", "120.5", "d'n'b", "r&b", "ø". Units are split off numbers ("128bpm").
pub(super) fn words(prompt: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut current = String::new();
    let mut starts_clause = true;
    let mut joints = Joints::default();
    let mut finish = |current: &mut String, starts_clause: &mut bool, joints: &mut Joints| {
        let typed = current.trim_matches('\'').to_owned();
        current.clear();
        if typed.is_empty() {
            return;
        }
        for part in cut_unit(&typed) {
            words.push(Word {
                typed: part.to_owned(),
                lower: part.to_lowercase(),
                starts_clause: std::mem::take(starts_clause),
                follows_slash: std::mem::take(&mut joints.slash),
                follows_dash: std::mem::take(&mut joints.dash),
            });
        }
    };
    let mut characters = prompt.chars().peekable();
    let mut before = ' ';
    while let Some(typed) = characters.next() {
        let character = match typed {
            '’' | '‘' | '`' | '´' => '\'',
            '–' | '—' | '‐' | '−' | '→' | '|' | '>' => '-',
            other => other,
        };
        let next = characters.peek().copied().unwrap_or(' ');
        let joins = match character {
            '#' | '♯' | '♭' | '°' | 'ø' | '\'' => true,
            // An augmented chord, "C+" or "III+", but not "drums+bass".
            '+' => {
                let is_root = |first: char| "ABCDEFGIVv".contains(first);
                current.chars().count() <= 3 && current.starts_with(is_root) && !next.is_alphabetic()
            }
            '.' | '/' => before.is_ascii_digit() && next.is_ascii_digit(),
            '&' => before.is_alphanumeric() && next.is_alphanumeric(),
            other => other.is_alphanumeric(),
        };
        if joins {
            current.push(character);
        } else {
            finish(&mut current, &mut starts_clause, &mut joints);
            match character {
                '&' | '+' => {
                    current.push_str("and");
                    finish(&mut current, &mut starts_clause, &mut joints);
                }
                '/' => joints.slash = true,
                '-' => joints.dash = true,
                ',' | ';' | ':' | '.' | '!' | '?' | '(' | ')' | '[' | ']' | '\n' | '、' | '。' => {
                    starts_clause = true;
                }
                _ => {}
            }
        }
        before = character;
    }
    finish(&mut current, &mut starts_clause, &mut joints);
    words
}

/// "128bpm" is two words, "808", "80s" and "8bit" are one.
fn cut_unit(word: &str) -> impl Iterator<Item = &str> {
    let digits = word.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
    let (number, unit) = word.split_at(digits);
    let is_unit = !number.is_empty() && ["bpm", "bar", "bars"].contains(&unit.to_ascii_lowercase().as_str());
    let (first, second) = if is_unit { (number, Some(unit)) } else { (word, None) };
    std::iter::once(first).chain(second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_where_people_mean_it() {
        let cut = |text: &str| words(text).into_iter().map(|word| word.typed).collect::<Vec<_>>().join("_");
        assert_eq!(cut("Lo-fi hip-hop, 85.5bpm in F#m (7/8)!"), "Lo_fi_hip_hop_85.5_bpm_in_F#m_7/8");
        assert_eq!(cut("Am–F–C–G | d’n’b & r&b"), "Am_F_C_G_d'n'b_and_r&b");
        assert_eq!(cut("a\0b\u{1b}c 🎹🔥"), "a_b_c");
        assert_eq!(cut("C/E 16bars 808s"), "C_E_16_bars_808s");
        assert_eq!(cut("'' . / & é"), "and_é");
    }
}
