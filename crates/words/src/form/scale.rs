//! Scales forms to a given length.

use super::{Form, FormPart, MOST_BARS, MOST_PARTS, SectionKind};
use resonantgen_music::plan::BARS_RANGE;

/// The length of a song.
///
/// ```
/// use resonantgen_words::form::Length;
///
/// assert_eq!("64 bars".parse(), Ok(Length::Bars(64)));
/// assert_eq!("2:30".parse(), Ok(Length::Seconds(150.0)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Length {
    /// In bars.
    Bars(u32),
    /// In seconds.
    Seconds(f64),
}

/// The text is not a length.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("'{0}' is not a length: write like \"3 minutes\", \"2:30\", \"90 s\" or \"64 bars\"")]
pub struct ParseLengthError(pub String);

impl std::str::FromStr for Length {
    type Err = ParseLengthError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseLengthError(text.trim().to_owned());
        let plain = text.trim().to_lowercase();
        let positive = |seconds: f64| {
            (seconds.is_finite() && seconds > 0.0).then_some(Self::Seconds(seconds)).ok_or_else(wrong)
        };
        if let Some((minutes, seconds)) = plain.split_once(':') {
            let minutes: u32 = minutes.trim().parse().map_err(|_| wrong())?;
            let seconds: u32 =
                seconds.trim().parse().ok().filter(|seconds| *seconds < 60).ok_or_else(wrong)?;
            return positive(60.0 * f64::from(minutes) + f64::from(seconds));
        }
        let digits = plain.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
        let (number, unit) = plain.split_at(digits);
        let number: f64 = number.parse().map_err(|_| wrong())?;
        match unit.trim() {
            "m" | "min" | "mins" | "minute" | "minutes" | "minuten" | "minutos" | "minuti" => {
                positive(60.0 * number)
            }
            "s" | "sec" | "secs" | "second" | "seconds" | "sekunden" => positive(number),
            "bar" | "bars" | "takte" | "mesures" | "compases" | "battute" | "compassos"
                if number >= 1.0 && number.fract() == 0.0 && number <= f64::from(u32::MAX) =>
            {
                Ok(Self::Bars(number as u32))
            }
            _ => Err(wrong()),
        }
    }
}

/// Length ratio above which a form grows by repeating its middle. Below `LEAVE_OUT`, it loses sections.
const PLAY_AGAIN: f64 = 1.5;
const LEAVE_OUT: f64 = 0.5;

impl Form {
    /// Scales the form to about `wanted` bars. Sections become longer or shorter by whole phrases. If that is not enough, the
    /// middle is repeated, or returning sections are left out. The order is kept, so the song still opens and ends with the same
    /// sections.
    #[must_use]
    pub fn scaled(&self, wanted: u32) -> Self {
        self.scaled_in_passes(wanted, 1)
    }

    /// Like [`Form::scaled`], but the main section is played in whole passes of a loop of `pass` bars.
    #[must_use]
    pub fn scaled_in_passes(&self, wanted: u32, pass: u32) -> Self {
        let wanted = wanted.clamp(1, MOST_BARS);
        let mut parts = self.parts.clone();
        let ratio = |parts: &[FormPart]| f64::from(wanted) / f64::from(bars_of(parts));
        while ratio(&parts) > PLAY_AGAIN {
            let Some(again) = played_again(&parts).filter(|again| again.len() <= MOST_PARTS) else { break };
            // Do not overshoot, unless that comes nearer.
            if (ratio(&again).ln()).abs() >= ratio(&parts).ln().abs() {
                break;
            }
            parts = again;
        }
        let main = self.parts[self.main_part()].kind;
        let fits = (1..=*BARS_RANGE.end()).contains(&pass);
        let phrase_of =
            |part: &FormPart| if part.kind == main && fits && pass > 1 { pass } else { phrase(part) };
        // The minimum length: one phrase per part.
        let least = |parts: &[FormPart]| parts.iter().map(phrase_of).sum::<u32>();
        while ratio(&parts) < LEAVE_OUT || least(&parts) > wanted {
            let Some(index) = dispensable(&parts) else { break };
            parts.remove(index);
        }
        let factor = ratio(&parts);
        let originals: Vec<Original> =
            parts.iter().map(|part| Original { bars: length(part), phrase: phrase_of(part) }).collect();
        for (part, original) in parts.iter_mut().zip(&originals) {
            set_length(part, original.phrase, f64::from(original.bars) * factor);
        }
        settle(&mut parts, &originals, wanted);
        Self { parts }
    }
}

/// A part before its length changed.
struct Original {
    bars: u32,
    phrase: u32,
}

fn length(part: &FormPart) -> u32 {
    part.bars * part.repeats
}

fn bars_of(parts: &[FormPart]) -> u32 {
    parts.iter().map(length).sum()
}

/// Phrase length in bars: four, or two for short sections.
fn phrase(part: &FormPart) -> u32 {
    match part.bars {
        bars if bars.is_multiple_of(12) => 12,
        0..=3 => 1,
        4..=7 => 2,
        _ => 4,
    }
}

/// Sets a part's length to about `wanted` bars, in whole phrases and at most the maximum length of a section.
fn set_length(part: &mut FormPart, phrase: u32, wanted: f64) {
    let most = *BARS_RANGE.end() / phrase * phrase;
    let whole = ((wanted / f64::from(phrase)).round() as u32).max(1) * phrase;
    if part.repeats > 1 && whole.is_multiple_of(part.bars) {
        part.repeats = whole / part.bars;
    } else {
        part.repeats = 1;
        part.bars = whole.min(most);
    }
}

/// Lengthens or shortens parts by one phrase at a time while that comes nearer to `wanted`, starting with those that it changes
/// least.
fn settle(parts: &mut [FormPart], originals: &[Original], wanted: u32) {
    for _ in 0..MOST_PARTS {
        let missing = i64::from(wanted) - i64::from(bars_of(parts));
        let step = |index: usize| i64::from(originals[index].phrase) * missing.signum();
        let after = |index: usize| i64::from(parts[index].bars) + step(index);
        let fits = |index: &usize| {
            parts[*index].repeats == 1
                && after(*index) >= i64::from(originals[*index].phrase)
                && after(*index) <= i64::from(*BARS_RANGE.end())
                && (missing - step(*index)).abs() < missing.abs()
        };
        let strain = |index: usize| (after(index) as f64 / f64::from(originals[index].bars)).ln().abs();
        let best =
            (0..parts.len()).filter(fits).min_by(|a, b| strain(*a).total_cmp(&strain(*b)).then(b.cmp(a)));
        let Some(index) = best else { return };
        let bars = after(index) as u32;
        parts[index].bars = bars;
    }
}

/// The parts with the middle played twice. The middle runs from the first section after the intro to the first main section.
fn played_again(parts: &[FormPart]) -> Option<Vec<FormPart>> {
    let is_edge = |part: &FormPart| matches!(part.kind, SectionKind::Intro | SectionKind::Outro);
    let first = parts.iter().position(|part| !is_edge(part))?;
    let last = parts.iter().rposition(|part| !is_edge(part))?;
    let main = parts[Form { parts: parts.to_vec() }.main_part()].kind;
    let end = (first..=last).find(|index| parts[*index].kind == main).unwrap_or(last) + 1;
    let mut again = parts[..end].to_vec();
    again.extend_from_slice(&parts[first..]);
    Some(again)
}

/// The most dispensable part: the last one whose kind occurs more than once, and never the first main section.
fn dispensable(parts: &[FormPart]) -> Option<usize> {
    let main = Form { parts: parts.to_vec() }.main_part();
    let count = |kind: SectionKind| parts.iter().filter(|part| part.kind == kind).count();
    let again =
        (0..parts.len()).rev().filter(|index| *index != main).find(|index| count(parts[*index].kind) > 1);
    let rank = |kind: SectionKind| match kind {
        SectionKind::Bridge | SectionKind::Solo | SectionKind::Break => Some(0),
        SectionKind::Build | SectionKind::C | SectionKind::D => Some(1),
        SectionKind::B | SectionKind::Verse => Some(2),
        _ => None,
    };
    let other = || {
        (0..parts.len())
            .filter(|index| *index != main)
            .filter_map(|index| Some((rank(parts[index].kind)?, index)))
            .min()
            .map(|(_, index)| index)
    };
    again.or_else(other).filter(|_| parts.len() > 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::genre::genres;
    use proptest::prelude::*;

    #[test]
    fn lengths_are_read() {
        for (text, length) in [
            ("3 minutes", Ok(Length::Seconds(180.0))),
            ("2:30", Ok(Length::Seconds(150.0))),
            ("90s", Ok(Length::Seconds(90.0))),
            ("64 bars", Ok(Length::Bars(64))),
            ("2.5 min", Ok(Length::Seconds(150.0))),
        ] {
            assert_eq!(text.parse::<Length>(), length, "{text}");
        }
        for text in ["", "soon", "-3 minutes", "0 min", "1e9999 min", "3", "1:99", "0 bars"] {
            assert!(text.parse::<Length>().is_err(), "{text}");
        }
    }

    #[test]
    fn every_genre_has_a_form_that_scales_to_any_usual_length() {
        for genre in genres().all() {
            let form = &genre.form;
            assert!(form.parts().len() >= 4, "{}", genre.name);
            assert_eq!(form.to_string().parse::<Form>().as_ref(), Ok(form), "{}", genre.name);
            for wanted in [32, 64, 96, 128] {
                let scaled = form.scaled(wanted);
                // A twelve-bar blues is not cut.
                let is_blues = form.parts().iter().any(|part| part.bars == 12);
                let most = (wanted / 10).max(if is_blues { 8 } else { 4 });
                let off = scaled.bars().abs_diff(wanted);
                assert!(off <= most, "{} at {wanted}: {scaled} has {}", genre.name, scaled.bars());
                let ends = |form: &Form| form.parts().last().map(|part| part.kind);
                assert_eq!(ends(&scaled), ends(form), "{}", genre.name);
                assert_eq!(scaled.parts()[0].kind, form.parts()[0].kind, "{}", genre.name);
            }
        }
    }

    #[test]
    fn the_main_section_is_scaled_in_passes_of_its_loop() {
        for genre in genres().all() {
            let scaled = genre.form.scaled_in_passes(64, 8);
            let main = scaled.parts()[scaled.main_part()].kind;
            assert!(
                scaled.parts().iter().filter(|part| part.kind == main).all(|part| part.bars % 8 == 0),
                "{scaled}"
            );
            assert!(scaled.bars().abs_diff(64) <= 12, "{}: {scaled} has {}", genre.name, scaled.bars());
        }
    }

    #[test]
    fn house_drops_and_jazz_solos() {
        let form = |name: &str| genres().get(name).expect("a genre").form.clone();
        assert!(form("deep_house").to_string().contains("Build 8, Drop 16"));
        assert!(form("bebop").to_string().contains("Head 16, Solo 16"));
        assert_eq!(form("slow_blues").parts()[1].bars, 12);
        assert_eq!(form("pop").parts()[form("pop").main_part()].name, "Chorus");
    }

    proptest! {
        #[test]
        fn scaling_keeps_the_limits(wanted in 1_u32..3_000, pick in 0_usize..200) {
            let all: Vec<_> = genres().all().collect();
            let scaled = all[pick % all.len()].form.scaled(wanted);
            prop_assert!(Form::new(scaled.parts().to_vec()).is_ok(), "{scaled}");
        }
    }
}
