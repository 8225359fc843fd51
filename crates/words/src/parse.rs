//! From a prompt to an [`Intent`], and from an edit to the next one.

use super::reader::{Description, Reading, read};
use super::sense::{TextUnderstanding, complete, complete_edit};
use super::sound::add;
use super::{Attributes, Intent, STYLE_COUNT, Style, TrackIntent};
use resonantgen_music::plan::Plan;
use resonantgen_music::track::Track;

/// Longest prompt, in characters.
pub const MAX_PROMPT_CHARACTERS: usize = 2_000;
/// How closely an edit follows the current take, and how closely if it changes the instrument.
const CLOSE: f32 = 0.75;
const CLOSE_BY_ANOTHER: f32 = 0.6;
/// Distance of dials from their ends, where the composers have little training data.
const MARGIN: f32 = 0.02;

/// Why a prompt cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PromptError {
    /// The prompt is empty or blank.
    #[error("the prompt is empty: describe the music, like \"dark techno with driving bass\"")]
    Empty,
    /// The prompt is longer than [`MAX_PROMPT_CHARACTERS`]; its length in characters.
    #[error("the prompt has {0} characters: use at most {MAX_PROMPT_CHARACTERS}")]
    TooLong(usize),
}

fn check_length(text: &str) -> Result<(), PromptError> {
    let characters = text.chars().count();
    if characters > MAX_PROMPT_CHARACTERS { Err(PromptError::TooLong(characters)) } else { Ok(()) }
}

/// Reads a prompt. Words without a known meaning end up in [`Intent::unknown`]; a prompt with no known word is read as
/// neutral pop.
///
/// # Errors
/// Returns an error if the prompt is empty or blank, or too long.
pub fn parse(prompt: &str) -> Result<Intent, PromptError> {
    parse_with(prompt, None)
}

/// As [`parse`], with a sentence model for what the words leave open. Words in the lexicon always win.
///
/// # Errors
/// Returns an error if the prompt is empty or blank, or too long.
pub fn parse_with(prompt: &str, text: Option<&dyn TextUnderstanding>) -> Result<Intent, PromptError> {
    check_length(prompt)?;
    if prompt.chars().all(|character| character.is_whitespace() || character.is_control()) {
        return Err(PromptError::Empty);
    }
    let mut reading = read(prompt);
    colour_piece_by_its_only_track(&mut reading);
    if let Some(text) = text {
        complete(&mut reading, prompt, text);
    }
    say_guess(&mut reading);
    share_instruments(&mut reading);
    let unwanted = unwanted(&reading);
    let attributes = shifted(Attributes::default(), &reading.piece);
    let mut intent = Intent {
        styles: styles(&reading).unwrap_or_else(|| only(Style::Pop)),
        other_styles: Default::default(),
        genres: reading.genres,
        attributes,
        moods: reading.moods,
        bpm: reading.bpm,
        key: reading.key,
        mode: reading.mode,
        pace: reading.pace,
        usual_bpm: reading.usual_bpm.filter(|_| !reading.names_plain_style),
        bpm_range: reading.bpm_range,
        meter: reading.meter,
        bars: reading.bars,
        seconds: reading.seconds,
        swing: reading.swing,
        chords: reading.chords,
        numerals: reading.numerals,
        feel: reading.feel,
        groove: None,
        tracks: Default::default(),
        unknown: reading.unknown,
        notes: reading.notes,
    };
    for (track, description) in intent.tracks.iter_mut().zip(&reading.tracks) {
        *track = TrackIntent {
            attributes: shifted(attributes, description),
            moods: description.words.clone(),
            sound: together(&reading.piece, description),
            instruments: description.wanted_instruments(),
            absent: description.absent || (reading.only_named && !description.wanted),
            without: unwanted
                .iter()
                .filter(|tag| !description.instruments.contains(tag) || description.unwanted.contains(tag))
                .chain(&description.silent)
                .cloned()
                .collect(),
            octave: description.octave,
            ..TrackIntent::default()
        };
    }
    intent.groove = intent.usual_groove(reading.looseness);
    intent.tracks[Track::Bass.index()].follow_kick = reading.follows_kick;
    for track in Track::ALL {
        if track != Track::Drums {
            let octave = &mut intent.tracks[track.index()].octave;
            *octave = (*octave + reading.piece.octave).clamp(-3, 3);
        }
    }
    // "Only" without a name, or with every track excluded, would leave no music, so it is ignored.
    if intent.tracks.iter().all(|track| track.absent) {
        intent.notes.push("all four tracks play: the words rule out each of them".to_owned());
        for track in &mut intent.tracks {
            track.absent = false;
        }
    }
    Ok(intent)
}

/// Reports that the style was guessed, if no word names one.
fn say_guess(reading: &mut Reading) {
    let is_named = reading.styles.iter().any(|weight| *weight > 0.0) || !reading.genres.is_empty();
    if is_named || reading.notes.iter().any(|note| note.starts_with("guessed")) {
        return;
    }
    let total: f32 = reading.hints.iter().sum();
    let mut hinted: Vec<Style> =
        Style::ALL.into_iter().filter(|style| reading.hints[style.index()] > 0.2 * total).collect();
    hinted.sort_by(|a, b| reading.hints[b.index()].total_cmp(&reading.hints[a.index()]));
    let titles: Vec<&str> = hinted.iter().take(3).map(|style| style.title()).collect();
    reading.notes.push(match titles.as_slice() {
        [] => "guessed: pop, as no style is named".to_owned(),
        titles => format!("guessed from the words: {}", titles.join(" / ")),
    });
}

/// Tags of instruments that harmony and melody can both have.
const SHARED: [&str; 31] = [
    "piano",
    "felt",
    "lofi",
    "rhodes",
    "organ",
    "clavinet",
    "harpsichord",
    "guitar",
    "nylon",
    "steel",
    "acoustic",
    "clean",
    "distortion",
    "muted",
    "strings",
    "pizzicato",
    "brass",
    "choir",
    "vox",
    "harp",
    "celesta",
    "marimba",
    "vibraphone",
    "kalimba",
    "sax",
    "trombone",
    "french horn",
    "clarinet",
    "woodwind",
    "pluck",
    "synth",
];

/// A track has one instrument. If several are named for it, the first plays, unless chords and melody can share them. Reports
/// instruments that are left out or replaced by others.
fn share_instruments(reading: &mut Reading) {
    let mut left_out = Vec::new();
    for track in [Track::Harmony, Track::Melody] {
        let other = if track == Track::Harmony { Track::Melody } else { Track::Harmony };
        let groups = reading.tracks[track.index()].groups.clone();
        let Some(first) = groups.first().copied() else { continue };
        let mut others: Vec<usize> = groups.into_iter().filter(|group| *group != first).collect();
        others.dedup();
        for group in others {
            let description = &mut reading.tracks[track.index()];
            let mut tags = Vec::new();
            for at in (0..description.groups.len()).rev() {
                if description.groups[at] == group {
                    description.groups.remove(at);
                    tags.insert(0, description.instruments.remove(at));
                }
            }
            let is_free = {
                let there = &reading.tracks[other.index()];
                there.instruments.is_empty() && !there.absent
            };
            if is_free && tags.iter().any(|tag| SHARED.contains(&tag.as_str())) {
                let there = &mut reading.tracks[other.index()];
                there.groups = vec![group; tags.len()];
                there.instruments = tags;
                there.wanted = true;
            } else {
                let name = |group: usize| reading.named.get(group).map_or("", |(name, _)| name.as_str());
                left_out.push(format!("{} plays the {track}; left out: {}", name(first), name(group)));
            }
        }
    }
    reading.notes.extend(left_out);
    for track in Track::ALL {
        let description = &reading.tracks[track.index()];
        for (at, group) in description.groups.iter().enumerate() {
            let is_first = description.groups.iter().position(|other| other == group) == Some(at);
            if let Some((name, true)) = reading.named.get(*group).filter(|_| is_first) {
                reading.notes.push(format!(
                    "no patch sounds like {name}: the nearest, {}, plays",
                    description.instruments[at]
                ));
            }
        }
    }
}

/// Words for instruments that must not play.
fn unwanted(reading: &Reading) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for tag in reading.tracks.iter().chain([&reading.piece]).flat_map(|description| &description.unwanted) {
        if !tags.contains(tag) {
            tags.push(tag.clone());
        }
    }
    tags
}

/// "A sad piano": if the prompt is about a single track, what it says applies to the whole piece.
fn colour_piece_by_its_only_track(reading: &mut Reading) {
    let mut spoken_of = reading
        .tracks
        .iter_mut()
        .filter(|description| description.wanted || !description.instruments.is_empty());
    if reading.styles.iter().any(|weight| *weight > 0.0) || !reading.piece.shifts.is_empty() {
        return;
    }
    if let (Some(only), None) = (spoken_of.next(), spoken_of.next()) {
        reading.piece.shifts = std::mem::take(&mut only.shifts);
        reading.piece.sounds.append(&mut only.sounds);
    }
}

/// Whether any word of a prompt has a known meaning. [`parse`] reads a prompt without one as neutral pop.
#[must_use]
pub fn is_understood(prompt: &str) -> bool {
    is_understood_with(prompt, None)
}

/// Whether any word of a prompt has a known meaning, or the prompt as a whole resembles a phrase known to the sentence
/// model.
#[must_use]
pub fn is_understood_with(prompt: &str, text: Option<&dyn TextUnderstanding>) -> bool {
    let reading = read(prompt);
    reading != Reading { unknown: reading.unknown.clone(), ..Reading::default() }
        || text.is_some_and(|text| text.sense(prompt).is_some())
}

/// Applies an edit to the current take's intent ("more aggressive", "less busy", "an octave lower", "with rhodes instead").
/// The returned intent differs in what is requested of `track`, and in its styles if the edit names one.
///
/// Facts shared by all tracks (tempo, key, meter, length, chords) cannot be edited for one track; they are listed as
/// unknown. An empty text changes nothing.
///
/// ```
/// use resonantgen_music::track::Track;
/// use resonantgen_words::{edit, parse};
///
/// let intent = parse("dark techno with a warm bass")?;
/// let sparser = edit(&intent, Track::Bass, "less busy")?;
/// let [before, after] = [&intent, &sparser].map(|intent| intent.tracks[Track::Bass.index()].attributes);
/// assert!(after.density < before.density);
/// assert_eq!(sparser.tracks[Track::Drums.index()], intent.tracks[Track::Drums.index()]);
/// # Ok::<(), resonantgen_words::PromptError>(())
/// ```
///
/// # Errors
/// Returns an error if the text is too long.
pub fn edit(intent: &Intent, track: Track, text: &str) -> Result<Intent, PromptError> {
    edit_with(intent, track, text, None)
}

/// Whether an edit is about the sound of a part alone ("dustier", "a warm, distant sound"), so that its notes can stay as they are.
///
/// ```
/// use resonantgen_words::is_about_sound;
///
/// assert!(is_about_sound("punchier and drier"));
/// assert!(!is_about_sound("dusty, fewer notes"));
/// assert!(!is_about_sound("more aggressive"));
/// ```
#[must_use]
pub fn is_about_sound(text: &str) -> bool {
    check_length(text).is_ok() && read(text).is_about_sound()
}

/// As [`edit`], with a sentence model for words that are not in the lexicon.
///
/// # Errors
/// Returns an error if the text is too long.
pub fn edit_with(
    intent: &Intent,
    track: Track,
    text: &str,
    understanding: Option<&dyn TextUnderstanding>,
) -> Result<Intent, PromptError> {
    check_length(text)?;
    let mut reading = read(text);
    if let Some(understanding) = understanding {
        complete_edit(&mut reading, text, understanding);
    }
    let mut edited = intent.clone();
    if let Some(named) = styles(&reading) {
        let is_named = reading.styles.iter().any(|weight| *weight > 0.0);
        if is_named {
            for (style, weight) in edited.styles.iter_mut().zip(named) {
                *style = 0.4 * *style + 0.6 * weight;
            }
            if !reading.genres.is_empty() {
                edited.genres.clone_from(&reading.genres);
            }
        }
    }
    let description = &mut edited.tracks[track.index()];
    // The edit always applies to this track, whatever its words refer to.
    let said: Vec<&Description> = std::iter::once(&reading.piece).chain(&reading.tracks).collect();
    let mut all = Description::default();
    for part in &said {
        all.shifts.extend(&part.shifts);
        all.octave += part.octave;
    }
    if reading.pace != 0.0 {
        all.shifts.push([0.15, 0.2, 0.0, 0.0, 0.0].map(|part: f32| part * reading.pace));
    }
    description.attributes = shifted(description.attributes, &all);
    for (sound, strength) in said.iter().flat_map(|part| &part.sounds) {
        add(&mut description.sound, sound, *strength);
    }
    description.octave = (description.octave + all.octave).clamp(-3, 3);
    let own = &reading.tracks[track.index()];
    let instruments: Vec<String> = if own.instruments.is_empty() {
        said.iter().flat_map(|part| part.wanted_instruments()).collect()
    } else {
        own.wanted_instruments()
    };
    if !instruments.is_empty() {
        description.instruments = instruments;
    }
    description.instruments.retain(|tag| !said.iter().any(|part| part.unwanted.contains(tag)));
    for tag in said.iter().flat_map(|part| part.unwanted.iter().chain(&part.silent)) {
        if !description.without.contains(tag) {
            description.without.push(tag.clone());
        }
    }
    description.without.retain(|tag| !said.iter().any(|part| part.instruments.contains(tag)));
    description.moods = said.iter().flat_map(|part| part.words.iter().cloned()).collect();
    description.absent = false;
    description.follow_kick |= reading.follows_kick;
    let names_another =
        !description.instruments.is_empty() && description.instruments != intent.track(track).instruments;
    description.closeness = if text.trim().is_empty() {
        0.0
    } else {
        reading.closeness.unwrap_or(if names_another { CLOSE_BY_ANOTHER } else { CLOSE })
    };
    edited.feel = reading.feel.or(edited.feel);
    if let Some(looseness) = reading.looseness {
        edited.groove = edited.usual_groove(Some(looseness));
    }
    edited.notes = reading.notes;
    edited.unknown = reading.unknown;
    let shared = [
        ("tempo", reading.bpm.is_some()),
        ("key", reading.key.is_some()),
        ("meter", reading.meter.is_some()),
        ("bars", reading.bars.is_some()),
        ("chords", reading.chords.is_some() || !reading.numerals.is_empty()),
        ("swing", reading.swing.is_some()),
    ];
    edited.unknown.extend(shared.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| name.to_owned()));
    Ok(edited)
}

/// The sound requested for the piece and for a track.
fn together(piece: &Description, own: &Description) -> Vec<(String, f32)> {
    let mut sound = piece.sounds.clone();
    for (name, strength) in &own.sounds {
        add(&mut sound, name, *strength);
    }
    sound
}

fn only(style: Style) -> [f32; STYLE_COUNT] {
    let mut styles = [0.0; STYLE_COUNT];
    styles[style.index()] = 1.0;
    styles
}

/// The named styles, otherwise those suggested by moods and instruments; the weights sum to 1.
fn styles(reading: &Reading) -> Option<[f32; STYLE_COUNT]> {
    [reading.styles, reading.hints].into_iter().find_map(|weights| {
        let sum: f32 = weights.iter().sum();
        (sum > 0.0).then(|| weights.map(|weight| weight / sum))
    })
}

fn shifted(attributes: Attributes, description: &Description) -> Attributes {
    let [energy, density, brightness, aggression, complexity] = description.shift();
    let moved = |dial: f32, by: f32| (dial + by).clamp(MARGIN, 1.0 - MARGIN);
    if description.shifts.is_empty() {
        return attributes;
    }
    Attributes {
        energy: moved(attributes.energy, energy),
        density: moved(attributes.density, density),
        brightness: moved(attributes.brightness, brightness),
        aggression: moved(attributes.aggression, aggression),
        complexity: moved(attributes.complexity, complexity),
    }
}

impl Intent {
    /// Notices for the user about how the prompt was read: contradictions and how they were resolved, and words that were not
    /// understood.
    #[must_use]
    pub fn notices(&self) -> Vec<String> {
        let mut notices = self.notes.clone();
        if !self.unknown.is_empty() {
            notices.push(format!("nothing was made of: {}", self.unknown.join(", ")));
        }
        notices
    }

    /// The intent in one line: "dark techno, 130 bpm, A minor, driving bass".
    #[must_use]
    pub fn summary(&self) -> String {
        self.describe(None)
    }

    /// As [`Intent::summary`], with the plan's tempo and key if the prompt stated none.
    #[must_use]
    pub fn summary_with(&self, plan: &Plan) -> String {
        self.describe(Some(plan))
    }

    fn describe(&self, plan: Option<&Plan>) -> String {
        let style = super::style_name(self).unwrap_or_else(|| "neutral".to_owned());
        let mut parts =
            vec![self.moods.iter().map(String::as_str).chain([style.as_str()]).collect::<Vec<_>>().join(" ")];
        if let Some(bpm) = plan.map(|plan| plan.bpm).or(self.bpm) {
            parts.push(format!("{bpm} bpm"));
        } else if let Some((low, high)) = self.bpm_range {
            parts.push(format!("{low} to {high} bpm"));
        }
        if let Some(key) = plan.map(|plan| plan.key).or(self.key) {
            parts.push(key.to_string());
        } else if let Some(mode) = self.mode {
            parts.push(mode.name().to_owned());
        }
        if let Some(meter) =
            plan.map(|plan| plan.meter).or(self.meter).filter(|meter| meter.to_string() != "4/4")
        {
            parts.push(meter.to_string());
        }
        match (self.bars, self.seconds, plan) {
            (Some(bars), _, _) => parts.push(format!("{bars} bars")),
            (None, Some(seconds), Some(plan)) => {
                parts.push(format!("{} bars ({:.0} s of {seconds:.0} s)", plan.bars, plan.seconds()));
            }
            (None, Some(seconds), None) => parts.push(format!("{seconds:.0} s")),
            (None, None, _) => {}
        }
        if let Some(chords) = &self.chords {
            parts.push(chords.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
        } else if !self.numerals.is_empty() {
            parts.push(self.numerals.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
        }
        if let Some(feel) = self.feel {
            parts.push(feel.name().to_owned());
        }
        for track in Track::ALL {
            let description = self.track(track);
            if description.absent {
                parts.push(format!("no {track}"));
                continue;
            }
            let words: Vec<&str> =
                description.moods.iter().chain(&description.instruments).map(String::as_str).collect();
            if !words.is_empty() {
                parts.push(format!("{} {track}", words.join(" ")));
            }
            if description.octave != 0 {
                parts.push(format!(
                    "{track} {:+} octave{}",
                    description.octave,
                    if description.octave.abs() > 1 { "s" } else { "" }
                ));
            }
        }
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SOUNDS;
    use proptest::prelude::*;

    fn summary(prompt: &str) -> String {
        let intent = parse(prompt).expect("a readable prompt");
        let unknown =
            if intent.unknown.is_empty() { String::new() } else { format!(" ?{}", intent.unknown.join(" ")) };
        intent.summary() + &unknown
    }

    #[test]
    fn prompts_are_understood() {
        let mut wrong = Vec::new();
        for (prompt, expected) in [
            ("dark techno with driving bass", "dark techno, driving bass"),
            ("Dark techno, 130 bpm, A minor", "dark techno, 130 bpm, A minor"),
            (
                "liquid drum & bass at 174 in F# minor with rhodes",
                "dreamy liquid drum and bass, 174 bpm, F# minor, liquid bass, rhodes harmony",
            ),
            (
                "lo-fi hip-hop, 85.5bpm, dusty piano",
                "chill lo-fi hip hop, 85.5 bpm, lofi drums, lofi bass, lofi piano harmony",
            ),
            ("boom bap in Eb dorian, 16 bars", "boom bap, Eb dorian, 16 bars, boom bap drums, boom bap bass"),
            ("synthwave Am F C G", "synthwave, Am F C G"),
            ("pop with chords Dm7-G7-Cmaj7", "pop, Dm7 G7 Cmaj7"),
            ("7/8 jazz without bass", "jazz, 7/8, no bass"),
            ("ambient, no drums or bass", "ambient, no drums, no bass"),
            ("house but no drums and bass", "house, no drums, no bass"),
            ("heavy metal in e minor", "metal, E minor, metal bass, metal harmony"),
            ("808 trap", "trap, 808 drums, 808 bass"),
            ("trap with distorted 808 bass", "trap, distorted 808 bass"),
            ("techno 135", "techno, 135 bpm"),
            ("deep warehouse techno", "warehouse techno"),
            ("vaporwave", "nostalgic vaporwave, tape harmony"),
            ("acoustic guitar ballad in G major", "ballad, G major, acoustic guitar harmony"),
            (
                "uplifting house with supersaw chords and a sax melody",
                "uplifting house, supersaw harmony, sax melody",
            ),
            ("funk, F#m, tempo 104", "funk, 104 bpm, F# minor"),
            ("epic orchestral score, waltz", "epic orchestral, 3/4, orchestral drums, strings harmony"),
            ("only piano", "pop, no drums, no bass, piano harmony, no melody"),
            ("techno in A", "techno, A major"),
            ("chill beat in a dark room", "chill dark hip hop / techno / cinematic ?room"),
            ("melody an octave higher, rock", "rock, melody +1 octave"),
            ("not dark house", "house"),
            ("trap beat without hi hats", "trap, not hi hats drums"),
            ("pop in C and F# minor", "pop, C major"),
            ("minor-key house, a piano", "house, minor, piano harmony"),
            ("minimal drum and bass", "drum and bass"),
            ("sad piano ballad in C minor 70 bpm", "melancholic ballad, 70 bpm, C minor, piano harmony"),
            (
                "Jazz trio with upright bass and brushes, no melody",
                "jazz, brushes drums, upright bass, no melody",
            ),
            ("house w/ funky slap bass, melody: simple flute", "house, slap bass, simple flute melody"),
            ("夜の音楽 🎹", "pop"),
        ] {
            if summary(prompt) != expected {
                wrong.push(format!("{prompt}: {} instead of {expected}", summary(prompt)));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn genres_beyond_the_twelve_have_neighbours_and_a_tempo() {
        for (prompt, style, usual_bpm) in [
            ("filthy dubstep wub wub", Style::Trap, Some(140.0)),
            ("amapiano w log drum pls", Style::House, Some(113.0)),
            ("reggaeton dembow", Style::Pop, Some(94.0)),
            ("reggae one drop", Style::Funk, Some(76.0)),
            ("ukg 2step shuffly", Style::House, Some(133.0)),
            ("like daft punk", Style::House, None),
            ("some skrillex type beat", Style::Trap, Some(140.0)),
            ("midwest emo", Style::Rock, Some(128.0)),
            ("cumbia", Style::Pop, Some(94.0)),
            ("bossa nova cafe", Style::Jazz, Some(130.0)),
            // A plain style next to it has its own range.
            ("drill and rock", Style::Trap, None),
        ] {
            let intent = parse(prompt).expect("readable");
            assert_eq!((intent.main_style(), intent.usual_bpm), (style, usual_bpm), "{prompt}");
        }
    }

    #[test]
    fn adjectives_bind_to_their_track() {
        let intent = parse("calm house with aggressive bass and soft pads").expect("readable");
        let [drums, bass, harmony, _] = &intent.tracks;
        assert!(bass.attributes.aggression > intent.attributes.aggression + 0.25);
        assert!(harmony.attributes.aggression < intent.attributes.aggression);
        assert_eq!(drums.attributes, intent.attributes);
        assert!(intent.attributes.energy < 0.35);
        let later = parse("techno, the bass is driving").expect("readable");
        assert!(later.tracks[1].attributes.energy > 0.6 && later.attributes.energy == 0.5);
    }

    #[test]
    fn negation_turns_a_word_round() {
        let bright = parse("pop, not dark").expect("readable");
        assert!(bright.attributes.brightness > 0.55 && bright.moods.is_empty());
        assert!(parse("less busy drums, rock").expect("readable").tracks[0].attributes.density < 0.3);
    }

    #[test]
    fn words_about_the_sound_reach_their_track_and_add_up() {
        let intent = parse("house with dusty drums and a very wide, distant piano").expect("readable");
        let sound = |track: Track| intent.track(track).sound.clone();
        assert_eq!(sound(Track::Drums), [("dusty".to_owned(), 1.0)]);
        assert_eq!(sound(Track::Bass), []);
        let harmony = sound(Track::Harmony);
        assert!(harmony.iter().any(|(name, strength)| name == "wide" && *strength > 1.0), "{harmony:?}");
        assert!(harmony.iter().any(|(name, _)| name == "distant"));
        let all = parse("lo-fi beat, not bright").expect("readable");
        let bright = all.tracks[0].sound.iter().find(|(name, _)| name == "bright");
        assert!(bright.is_some_and(|(_, strength)| *strength < 0.0));
        assert!(all.tracks.iter().all(|track| track.sound.iter().any(|(name, _)| name == "lo-fi")));
        let more = edit(&intent, Track::Drums, "dustier, crunchy").expect("readable");
        assert!(more.tracks[0].sound.iter().any(|(name, strength)| name == "dusty" && *strength > 1.0));
        assert!(more.tracks[0].sound.iter().any(|(name, _)| name == "crunchy"));
        for word in SOUNDS {
            let intent = parse(&format!("{word} techno")).expect("readable");
            let found = &intent.tracks[1].sound;
            assert!(
                found.iter().any(|(name, strength)| name == word && *strength > 0.0),
                "{word}: {found:?}"
            );
            assert!(intent.unknown.is_empty(), "{word}");
        }
    }

    #[test]
    fn edits_move_what_they_name() {
        let start = parse("techno with acid bass").expect("readable");
        let bass = |text: &str| edit(&start, Track::Bass, text).expect("readable").tracks[1].clone();
        let base = &start.tracks[1];
        assert!(bass("more aggressive").attributes.aggression > base.attributes.aggression + 0.3);
        assert!(bass("darker").attributes.brightness < base.attributes.brightness - 0.2);
        assert!(bass("less busy").attributes.density < base.attributes.density - 0.25);
        assert!(bass("simpler").attributes.complexity < base.attributes.complexity - 0.2);
        assert!(bass("a bit brighter").attributes.brightness < bass("brighter").attributes.brightness);
        assert!(bass("a bit brighter").attributes.brightness > base.attributes.brightness);
        assert!(bass("less bass").attributes.density < base.attributes.density);
        assert_eq!(bass("an octave lower").octave, -1);
        assert_eq!(bass("octave up").octave, 1);
        assert_eq!(bass("with reese instead").instruments, ["reese"]);
        assert!(bass("no acid").instruments.is_empty());
        assert!(bass("follow the kick").follow_kick && !base.follow_kick);
        assert!(bass("like before but brighter").closeness > bass("brighter").closeness);
        assert!(bass("more variation").closeness < bass("brighter").closeness);
        assert_eq!((bass("something completely different").closeness, bass("").closeness), (0.0, 0.0));
        let slower = edit(&start, Track::Drums, "half-time").expect("readable");
        assert_eq!((slower.feel, start.feel), (Some(crate::Feel::HalfTime), None));
        assert_eq!(bass(""), TrackIntent { moods: Vec::new(), ..base.clone() });
        let edited = edit(&start, Track::Bass, "more jazzy at 90 bpm").expect("readable");
        assert!(edited.styles[Style::Jazz.index()] > 0.5);
        assert_eq!((edited.bpm, edited.unknown.as_slice()), (None, ["tempo".to_owned()].as_slice()));
        assert_eq!(edited.tracks[0], start.tracks[0]);
    }

    #[test]
    fn bad_prompts_get_one_clear_line() {
        for blank in ["", "   ", "\n\t", "\0\0"] {
            assert_eq!(parse(blank), Err(PromptError::Empty));
        }
        let long = "a ".repeat(5_000);
        let error = parse(&long).expect_err("too long").to_string();
        assert!(error.contains("10000") && error.contains("2000") && !error.contains('\n'), "{error}");
        assert!(edit(&Intent::default(), Track::Bass, &long).is_err());
        assert_eq!(parse("techno 0 bpm").expect("readable").bpm, Some(0.0));
        assert_eq!(parse("techno 1e9 bpm").expect("readable").bpm, Some(1e9));
        assert_eq!(parse("99999999999999 bars").expect("readable").bars, Some(u32::MAX));
        assert_eq!(parse("NaN bpm techno").expect("readable").bpm, None);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,200}", track in 0_usize..4) {
            if let Ok(intent) = parse(&text) {
                let sum: f32 = intent.styles.iter().sum();
                prop_assert!((sum - 1.0).abs() < 1e-4);
                for attributes in intent.tracks.iter().map(|track| track.attributes).chain([intent.attributes]) {
                    prop_assert!(attributes.to_array().iter().all(|dial| (0.0..=1.0).contains(dial)));
                }
                prop_assert!(edit(&intent, Track::ALL[track], &text).is_ok());
                prop_assert!(!intent.summary().is_empty());
            }
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn any_mix_of_known_words_is_read(
            picks in prop::collection::vec(prop::sample::select(vec![
                "no", "more", "less", "very", "dark", "techno", "bass", "drums", "with", "and", ",", "in", "a", "A",
                "minor", "F#", "808", "piano", "not", "or", "only", "solo", "octave", "lower", "7/8", "8", "bars",
                "120", "bpm", "Am", "C/E", "sharp", "key", "of", "chords", "beat", "without", "driving", "/", "b",
            ]), 0..40),
        ) {
            let text = picks.join(" ");
            if let Ok(intent) = parse(&text) {
                prop_assert!(intent.tracks.iter().any(|track| !track.absent));
            }
        }
    }
}
