//! The plugin's parameters. Their ids must never change, because hosts store automation by id (see the golden list in the tests).

use std::sync::Arc;

use nice_plug::plugin::ParamValue;
use nice_plug::prelude::*;
use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_music::variation::NoteDials;
use resonantgen_playback::{Dials, SwapAt};
use resonantgen_session::TAKE_NUMBERS;
use resonantgen_words::form::MOST_SECTIONS;

use crate::control::Control;
use crate::control::state::{
    DamagedField, EditorSizeField, OverridesField, PresetField, PromptsField, SessionField,
};

/// Level below which a track is silent, in dB.
pub const LEVEL_MIN_DB: f32 = -60.0;
/// Highest level, in dB.
pub const LEVEL_MAX_DB: f32 = 6.0;
/// Largest tilt of the dial *Brightness*, in dB.
pub const BRIGHTNESS_MAX_DB: f32 = 6.0;
/// Highest seed.
pub const SEED_MAX: i32 = 9999;
/// Highest take that can be chosen by number; 0 means "the current one".
pub const TAKE_MAX: i32 = TAKE_NUMBERS as i32;
/// Number of prompts per instance.
pub const SLOT_COUNT: usize = 8;
/// Lowest key of chords by default (C4 where middle C is C3): above all keys that trigger something.
pub const CHORD_KEYS_DEFAULT: i32 = 72;
/// Value of *Chord Keys From* at which no key is part of a chord.
pub const CHORD_KEYS_OFF: i32 = 128;
/// How many sections can be chosen by number.
pub const SECTION_COUNT: usize = MOST_SECTIONS;
/// Last bar of the host, counted from 1, at which a song can start.
pub const SONG_START_MAX: i32 = 999;
/// Most bars that the parameter asks for; 0 means "as the prompt says".
pub const BARS_MAX: i32 = 32;

/// When a new take takes over.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwapMoment {
    /// As soon as it is available.
    #[id = "now"]
    Now,
    /// On the next quarter note.
    #[id = "beat"]
    Beat,
    /// On the next bar line.
    #[id = "bar"]
    Bar,
    /// When the loop starts over.
    #[id = "loop"]
    Loop,
}

impl From<SwapMoment> for SwapAt {
    fn from(moment: SwapMoment) -> Self {
        match moment {
            SwapMoment::Now => Self::Now,
            SwapMoment::Beat => Self::Beat,
            SwapMoment::Bar => Self::Bar,
            SwapMoment::Loop => Self::Loop,
        }
    }
}

/// Where the seed of a trigger comes from.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeedMode {
    /// One more than the last: something new each time.
    #[id = "next"]
    Next,
    /// The parameter's value: the same music each time.
    #[id = "fixed"]
    Fixed,
    /// The parameter's value plus the trigger's position in the song in sixteenths: each position has its own music, on every
    /// pass.
    #[id = "place"]
    #[name = "By Place"]
    ByPlace,
}

/// Whether, and when, the loop follows chords that are played into the plugin.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum FollowMoment {
    /// It does not.
    #[id = "off"]
    Off,
    /// A chord sounds one bar after it was played.
    #[id = "next_bar"]
    #[name = "Next Bar"]
    NextBar,
    /// Two bars after, for slower machines and faster songs.
    #[id = "in_two_bars"]
    #[name = "In Two Bars"]
    InTwoBars,
}

impl FollowMoment {
    /// How many half bars later a chord sounds; `None` if chords are not followed. Realtime-safe.
    #[must_use]
    pub const fn lead(self) -> Option<u32> {
        match self {
            Self::Off => None,
            Self::NextBar => Some(2),
            Self::InTwoBars => Some(4),
        }
    }
}

/// Whether a track is part of the Main output.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum InMain {
    /// Unless the host is known to have connected the track's own output.
    #[id = "auto"]
    Auto,
    /// Always.
    #[id = "on"]
    On,
    /// Never.
    #[id = "off"]
    Off,
}

/// What a track outputs.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrackOutput {
    /// Its stem.
    #[id = "audio"]
    Audio,
    /// Its notes, as events on the plugin's note output; the stem is silent.
    #[id = "midi"]
    #[name = "MIDI"]
    Midi,
    /// Its stem and its notes.
    #[id = "both"]
    Both,
}

impl TrackOutput {
    /// Whether the stem sounds. Realtime-safe.
    #[must_use]
    pub fn has_audio(self) -> bool {
        self != Self::Midi
    }

    /// Whether the notes are sent. Realtime-safe.
    #[must_use]
    pub fn has_notes(self) -> bool {
        self != Self::Audio
    }
}

/// Parameters of one track.
#[derive(Params)]
pub struct TrackParams {
    /// The track's take may not change.
    #[id = "lock"]
    pub lock: BoolParam,
    /// Trigger: each rising edge requests a new take.
    #[id = "regenerate"]
    pub regenerate: BoolParam,
    /// Silent.
    #[id = "mute"]
    pub mute: BoolParam,
    /// Silences the tracks that are not soloed.
    #[id = "solo"]
    pub solo: BoolParam,
    /// Level in dB, in [`LEVEL_MIN_DB`]`..=`[`LEVEL_MAX_DB`]; the lowest is silence.
    #[id = "level"]
    pub level: FloatParam,
    /// Balance, -1 (left) to 1 (right).
    #[id = "pan"]
    pub pan: FloatParam,
    /// Whether the track sounds in Main.
    #[id = "in_main"]
    pub in_main: EnumParam<InMain>,
    /// Number of the take that plays. 0, or a number without a take, leaves the choice to the session.
    #[id = "take"]
    pub take: IntParam,
    /// Whether the track outputs its stem, its notes, or both.
    #[id = "output"]
    pub output: EnumParam<TrackOutput>,
    /// Swing of the playing take: -1 straight, 0 as the take was made, 1 the hardest.
    #[id = "swing"]
    pub swing: FloatParam,
    /// Timing of the playing take: -1 on the grid, 0 as the take was made, 1 loose.
    #[id = "humanise"]
    pub humanise: FloatParam,
    /// Tilt of the playing take towards the treble, in dB, in -[`BRIGHTNESS_MAX_DB`]`..=`[`BRIGHTNESS_MAX_DB`].
    #[id = "brightness"]
    pub brightness: FloatParam,
    /// Level, dynamics and treble of the playing take: -1 calm, 0 as the take was made, 1 driving.
    #[id = "intensity"]
    pub intensity: FloatParam,
    /// How many notes are played: -2 much sparser, 0 as written, 2 much denser.
    #[id = "density"]
    pub density: IntParam,
    /// How rich the notes are: -2 much plainer, 0 as written, 2 much richer.
    #[id = "complexity"]
    pub complexity: IntParam,
    /// Fills and pick-ups at the ends of phrases: -2 none, 0 as written, 2 many.
    #[id = "fills"]
    pub fills: IntParam,
}

impl TrackParams {
    fn new(track: Track) -> Self {
        let name = |what: &str| format!("{} {what}", track.title());
        Self {
            lock: BoolParam::new(name("Lock"), false),
            regenerate: BoolParam::new(name("Regenerate"), false),
            mute: BoolParam::new(name("Mute"), false),
            solo: BoolParam::new(name("Solo"), false),
            level: FloatParam::new(
                name("Level"),
                0.0,
                FloatRange::Linear { min: LEVEL_MIN_DB, max: LEVEL_MAX_DB },
            )
            .with_unit(" dB")
            .with_value_to_string(Arc::new(|level_db| {
                if level_db < LEVEL_MIN_DB + 0.05 { "-inf".to_owned() } else { format!("{level_db:.1}") }
            }))
            .with_string_to_value(Arc::new(parse_level)),
            pan: FloatParam::new(name("Pan"), 0.0, FloatRange::Linear { min: -1.0, max: 1.0 })
                .with_value_to_string(pan_text())
                .with_string_to_value(formatters::s2v_f32_panning()),
            in_main: EnumParam::new(name("In Main"), InMain::Auto),
            take: count_or(&name("Take"), TAKE_MAX, "current", ""),
            output: EnumParam::new(name("Output"), TrackOutput::Audio),
            swing: dial(&name("Swing"), 1.0, 100.0, 0, " %"),
            humanise: dial(&name("Humanise"), 1.0, 100.0, 0, " %"),
            brightness: dial(&name("Brightness"), BRIGHTNESS_MAX_DB, 1.0, 1, " dB"),
            intensity: dial(&name("Intensity"), 1.0, 100.0, 0, " %"),
            density: note_dial(&name("Density"), DENSITY),
            complexity: note_dial(&name("Complexity"), COMPLEXITY),
            fills: note_dial(&name("Fills"), FILLS),
        }
    }
}

/// A parameter that has no effect in its middle, at 0. It is displayed as `scale` times the value, with its sign.
fn dial(name: &str, max: f32, scale: f32, decimals: usize, unit: &'static str) -> FloatParam {
    FloatParam::new(name, 0.0, FloatRange::Linear { min: -max, max })
        .with_unit(unit)
        .with_value_to_string(Arc::new(move |value| {
            let shown = value * scale;
            let text = format!("{shown:+.decimals$}");
            // A value that rounds to zero has no sign.
            if text[1..].parse() == Ok(0.0_f32) { text[1..].to_owned() } else { text }
        }))
        .with_string_to_value(Arc::new(move |text| {
            let number =
                text.trim().trim_end_matches(|unit: char| unit.is_alphabetic() || unit == '%').trim();
            number
                .parse::<f32>()
                .ok()
                .filter(|shown| !shown.is_nan())
                .map(|shown| (shown / scale).clamp(-max, max))
        }))
}

/// Texts of the dials that need other notes, from the lowest position to the highest.
const DENSITY: [&str; 5] = ["much sparser", "sparser", AS_WRITTEN, "denser", "much denser"];
const COMPLEXITY: [&str; 5] = ["much plainer", "plainer", AS_WRITTEN, "richer", "much richer"];
const FILLS: [&str; 5] = ["none", "fewer", AS_WRITTEN, "more", "many"];
const AS_WRITTEN: &str = "as written";

/// A dial that needs other notes: [`NoteDials::RANGE`], with a text for each position.
fn note_dial(name: &str, texts: [&'static str; 5]) -> IntParam {
    let (min, max) = (i32::from(*NoteDials::RANGE.start()), i32::from(*NoteDials::RANGE.end()));
    IntParam::new(name, 0, IntRange::Linear { min, max })
        .with_value_to_string(Arc::new(move |value| {
            let index = usize::try_from(value - min).ok();
            index
                .and_then(|index| texts.get(index))
                .map_or_else(|| value.to_string(), |text| (*text).to_owned())
        }))
        .with_string_to_value(Arc::new(move |text| {
            let text = text.trim();
            let named = texts.iter().position(|known| text.eq_ignore_ascii_case(known));
            let named = named.and_then(|index| i32::try_from(index).ok()).map(|index| index + min);
            named.or_else(|| text.parse::<i32>().ok().map(|value| value.clamp(min, max)))
        }))
}

/// The framework's text for a pan, except that a value that rounds to the centre names no side.
fn pan_text() -> Arc<dyn Fn(f32) -> String + Send + Sync> {
    let text_of = formatters::v2s_f32_panning();
    Arc::new(move |pan| {
        let text = text_of(pan);
        if matches!(text.as_str(), "0L" | "0R") { "C".to_owned() } else { text }
    })
}

fn parse_level(text: &str) -> Option<f32> {
    let number = text.trim().trim_end_matches(|unit: char| unit.is_alphabetic()).trim();
    if text.to_lowercase().contains("inf") {
        return Some(LEVEL_MIN_DB);
    }
    number.parse::<f32>().ok().map(|level_db| level_db.clamp(LEVEL_MIN_DB, LEVEL_MAX_DB))
}

fn percent(name: &str) -> FloatParam {
    FloatParam::new(name, 0.5, FloatRange::Linear { min: 0.0, max: 1.0 })
        .with_unit(" %")
        .with_value_to_string(formatters::v2s_f32_percentage(0))
        .with_string_to_value(formatters::s2v_f32_percentage())
}

/// An integer with a name for 0, and optionally a unit for other values.
fn count_or(name: &str, max: i32, zero: &'static str, unit: &'static str) -> IntParam {
    IntParam::new(name, 0, IntRange::Linear { min: 0, max })
        .with_value_to_string(Arc::new(move |value| match value {
            0 => zero.to_owned(),
            1 => format!("1{}", unit.trim_end_matches('s')),
            _ => format!("{value}{unit}"),
        }))
        .with_string_to_value(Arc::new(move |text| {
            let text = text.trim();
            if text.eq_ignore_ascii_case(zero) {
                return Some(0);
            }
            let number = text.trim_end_matches(|unit: char| unit.is_alphabetic()).trim();
            number.parse().ok().map(|value: i32| value.clamp(0, max))
        }))
}

/// A MIDI key by its name (middle C is C3), or "off".
fn key_or_off(name: &str, default: i32) -> IntParam {
    const NAMES: [&str; 12] = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];
    let name_of = |key: i32| match key {
        CHORD_KEYS_OFF => "off".to_owned(),
        key => format!("{}{}", NAMES[key.rem_euclid(12) as usize], key.div_euclid(12) - 2),
    };
    IntParam::new(name, default, IntRange::Linear { min: 0, max: CHORD_KEYS_OFF })
        .with_value_to_string(Arc::new(name_of))
        .with_string_to_value(Arc::new(move |text| {
            let text = text.trim();
            let is_named = |key: &i32| name_of(*key).eq_ignore_ascii_case(text);
            (0..=CHORD_KEYS_OFF)
                .find(is_named)
                .or_else(|| text.parse().ok().filter(|key| (0..=CHORD_KEYS_OFF).contains(key)))
        }))
}

/// The number of a section, shown as the section's name.
fn section(control: &Arc<Control>) -> IntParam {
    const OPEN: &str = "open";
    const NONE: &str = "(none)";
    let name = {
        let control = Arc::clone(control);
        move |number: i32| match u32::try_from(number) {
            Ok(number) if number > 0 => {
                let snapshot = control.snapshot();
                let section = snapshot.session.numbered_section(number);
                section.map_or_else(|| format!("{number} {NONE}"), |section| section.name.to_owned())
            }
            _ => OPEN.to_owned(),
        }
    };
    let control = Arc::clone(control);
    let number = move |text: &str| {
        let text = text.trim();
        if text.eq_ignore_ascii_case(OPEN) {
            return Some(0);
        }
        let by_name = control.snapshot().session.find_section(text);
        let session = control.session();
        let number = by_name.ok().and_then(|id| session.section(id)).map(|section| section.number as i32);
        number.or_else(|| {
            text.trim_end_matches(NONE)
                .trim()
                .parse()
                .ok()
                .map(|number: i32| number.clamp(0, SECTION_COUNT as i32))
        })
    };
    IntParam::new("Section", 0, IntRange::Linear { min: 0, max: SECTION_COUNT as i32 })
        .with_value_to_string(Arc::new(name))
        .with_string_to_value(Arc::new(number))
}

/// Parameters that record the sidechain.
#[derive(Params)]
pub struct RecordParams {
    /// Trigger: each rising edge records the drums.
    #[id = "drums"]
    drums: BoolParam,
    /// The same for the bass.
    #[id = "bass"]
    bass: BoolParam,
    /// The same for the harmony.
    #[id = "harmony"]
    harmony: BoolParam,
    /// The same for the melody.
    #[id = "melody"]
    melody: BoolParam,
    /// Number of bars, 1 to [`BARS_MAX`].
    #[id = "bars"]
    bars: IntParam,
}

impl RecordParams {
    fn new() -> Self {
        let trigger = |track: Track| BoolParam::new(format!("Record {}", track.title()), false);
        Self {
            drums: trigger(Track::Drums),
            bass: trigger(Track::Bass),
            harmony: trigger(Track::Harmony),
            melody: trigger(Track::Melody),
            bars: IntParam::new("Record Bars", 4, IntRange::Linear { min: 1, max: BARS_MAX }),
        }
    }

    /// The trigger of a track. Realtime-safe.
    #[must_use]
    pub fn is_down(&self, track: Track) -> bool {
        let trigger = match track {
            Track::Drums => &self.drums,
            Track::Bass => &self.bass,
            Track::Harmony => &self.harmony,
            Track::Melody => &self.melody,
        };
        trigger.value()
    }

    /// How many bars a trigger records. Realtime-safe.
    #[must_use]
    pub fn bars(&self) -> u32 {
        self.bars.value().unsigned_abs()
    }
}

/// All parameters, and what is saved next to them.
#[derive(Params)]
pub struct ResonantParams {
    /// Trigger: each rising edge generates all unlocked tracks.
    #[id = "generate"]
    pub generate: BoolParam,
    /// Seed of the next generation, depending on [`seed_mode`](Self::seed_mode).
    #[id = "seed"]
    pub seed: IntParam,
    /// Where the seed of a trigger comes from.
    #[id = "seed_mode"]
    pub seed_mode: EnumParam<SeedMode>,
    /// Number of the prompt to generate from, 1 to [`SLOT_COUNT`].
    #[id = "prompt_slot"]
    pub prompt_slot: IntParam,
    /// Length in bars; 0 leaves it to the prompt.
    #[id = "bars"]
    pub bars: IntParam,
    /// When a new take takes over.
    #[id = "swap_at"]
    pub swap_at: EnumParam<SwapMoment>,
    /// How far results may stray from the most likely.
    #[id = "variation"]
    pub variation: FloatParam,
    /// How strictly the prompt is followed.
    #[id = "adherence"]
    pub adherence: FloatParam,
    /// Whether new takes are made at the host's tempo.
    #[id = "follow_host"]
    pub follow_host: BoolParam,
    /// Lowest MIDI key that is played as part of a chord, and so triggers nothing; [`CHORD_KEYS_OFF`] for none.
    #[id = "chord_keys"]
    pub chord_keys: IntParam,

    /// Number of the section that plays; 0, and numbers that no section has, leave it to the section that is open.
    #[id = "section"]
    pub section: IntParam,
    /// The host's timeline plays the whole song.
    #[id = "song_mode"]
    pub song_mode: BoolParam,
    /// Bar of the host at which the song starts, from 1.
    #[id = "song_start"]
    pub song_start: IntParam,

    /// Drums.
    #[nested(id_prefix = "drums", group = "Drums")]
    pub drums: TrackParams,
    /// Bass.
    #[nested(id_prefix = "bass", group = "Bass")]
    pub bass: TrackParams,
    /// Harmony.
    #[nested(id_prefix = "harmony", group = "Harmony")]
    pub harmony: TrackParams,
    /// Melody.
    #[nested(id_prefix = "melody", group = "Melody")]
    pub melody: TrackParams,

    // From here on in the order in which they were added, so that hosts that count parameters find the others in their places.
    /// Whether the loop follows chords that are played.
    #[id = "follow_chords"]
    pub follow_chords: EnumParam<FollowMoment>,
    /// Records the sidechain.
    #[nested(id_prefix = "record", group = "Sidechain")]
    pub record: RecordParams,

    /// The prompts as typed, one per slot.
    #[persist = "prompts"]
    prompts: PromptsField,
    /// The facts that the user has fixed.
    #[persist = "overrides"]
    overrides: OverridesField,
    /// The session with its takes.
    #[persist = "session"]
    session: SessionField,
    /// A session that could not be read, kept for a version that can read it.
    #[persist = "damaged_session"]
    damaged: DamagedField,
    /// The prompt of a preset.
    #[persist = "preset_prompt"]
    preset: PresetField,
    /// The editor's size.
    #[persist = "editor_size"]
    editor_size: EditorSizeField,
}

impl ResonantParams {
    /// Parameters at their defaults. `control` supplies and receives the data saved with them.
    #[must_use]
    pub fn new(control: &Arc<Control>) -> Self {
        Self {
            generate: BoolParam::new("Generate", false),
            seed: IntParam::new("Seed", 1, IntRange::Linear { min: 0, max: SEED_MAX }),
            seed_mode: EnumParam::new("Seed Mode", SeedMode::Next),
            prompt_slot: IntParam::new("Prompt Slot", 1, IntRange::Linear { min: 1, max: SLOT_COUNT as i32 }),
            bars: count_or("Bars", BARS_MAX, "auto", " bars"),
            swap_at: EnumParam::new("Swap At", SwapMoment::Bar),
            variation: percent("Variation"),
            adherence: percent("Adherence"),
            follow_host: BoolParam::new("Follow Host Tempo", true),
            chord_keys: key_or_off("Chord Keys From", CHORD_KEYS_DEFAULT),
            section: section(control),
            song_mode: BoolParam::new("Song Mode", false),
            song_start: IntParam::new("Song Start", 1, IntRange::Linear { min: 1, max: SONG_START_MAX }),
            drums: TrackParams::new(Track::Drums),
            bass: TrackParams::new(Track::Bass),
            harmony: TrackParams::new(Track::Harmony),
            melody: TrackParams::new(Track::Melody),
            follow_chords: EnumParam::new("Follow Chords", FollowMoment::Off),
            record: RecordParams::new(),
            prompts: PromptsField(Arc::clone(control)),
            overrides: OverridesField(Arc::clone(control)),
            session: SessionField(Arc::clone(control)),
            damaged: DamagedField(Arc::clone(control)),
            preset: PresetField(Arc::clone(control)),
            editor_size: EditorSizeField(Arc::clone(control)),
        }
    }

    /// Parameters of one track.
    #[must_use]
    pub fn track(&self, track: Track) -> &TrackParams {
        match track {
            Track::Drums => &self.drums,
            Track::Bass => &self.bass,
            Track::Harmony => &self.harmony,
            Track::Melody => &self.melody,
        }
    }

    /// Index of the prompt to generate from, in `0..SLOT_COUNT`. Realtime-safe.
    #[must_use]
    pub fn slot(&self) -> usize {
        usize::try_from(self.prompt_slot.value() - 1).unwrap_or(0).min(SLOT_COUNT - 1)
    }

    /// Index of the section that is chosen by number. Realtime-safe.
    #[must_use]
    pub fn section_index(&self) -> Option<usize> {
        usize::try_from(self.section.value() - 1).ok()
    }

    /// The host's bar at which the song starts, from 0, if the whole song plays. Realtime-safe.
    #[must_use]
    pub fn song_start(&self) -> Option<i32> {
        self.song_mode.value().then(|| self.song_start.value() - 1)
    }

    /// The number by which a take of each track is chosen, from 1 (index as [`Track::ALL`]). Realtime-safe.
    #[must_use]
    pub fn takes(&self) -> [Option<u32>; TRACK_COUNT] {
        Track::ALL
            .map(|track| u32::try_from(self.track(track).take.value()).ok().filter(|number| *number > 0))
    }

    /// Lowest MIDI key that is part of a chord. Realtime-safe.
    #[must_use]
    pub fn chord_keys(&self) -> Option<u8> {
        u8::try_from(self.chord_keys.value()).ok().filter(|key| i32::from(*key) < CHORD_KEYS_OFF)
    }

    /// Which tracks are neither muted nor silenced by another track's solo (index as [`Track::ALL`]). Realtime-safe.
    #[must_use]
    pub fn audible(&self) -> [bool; TRACK_COUNT] {
        let solo = Track::ALL.into_iter().any(|track| self.track(track).solo.value());
        Track::ALL.map(|track| {
            let params = self.track(track);
            !params.mute.value() && (!solo || params.solo.value())
        })
    }

    /// Each track's dials (index as [`Track::ALL`]). Realtime-safe.
    #[must_use]
    pub fn dials(&self) -> [Dials; TRACK_COUNT] {
        Track::ALL.map(|track| {
            let params = self.track(track);
            Dials {
                swing: params.swing.value(),
                humanise: params.humanise.value(),
                brightness_db: params.brightness.value(),
                intensity: params.intensity.value(),
            }
        })
    }

    /// Each track's dials that need other notes (index as [`Track::ALL`]). Realtime-safe.
    #[must_use]
    pub fn note_dials(&self) -> [NoteDials; TRACK_COUNT] {
        Track::ALL.map(|track| {
            let params = self.track(track);
            let position = |param: &IntParam| param.value() as i8;
            NoteDials {
                density: position(&params.density),
                complexity: position(&params.complexity),
                fills: position(&params.fills),
            }
        })
    }

    /// Which tracks are locked (index as [`Track::ALL`]). Realtime-safe.
    #[must_use]
    pub fn locked(&self) -> [bool; TRACK_COUNT] {
        Track::ALL.map(|track| self.track(track).lock.value())
    }
}

/// Sets parameters that a project of an older version lacks to their defaults; otherwise the framework would leave them at the
/// instance's previous values. A preset changes only what it contains.
pub fn complete(state: &mut PluginState) {
    if !state.fields.contains_key("session") {
        return;
    }
    state.params.entry("chord_keys".to_owned()).or_insert(ParamValue::I32(CHORD_KEYS_DEFAULT));
    let song = [
        ("section", ParamValue::I32(0)),
        ("song_mode", ParamValue::Bool(false)),
        ("song_start", ParamValue::I32(1)),
        ("follow_chords", ParamValue::String("off".to_owned())),
        ("record_bars", ParamValue::I32(4)),
    ];
    for (id, default) in song {
        state.params.entry(id.to_owned()).or_insert(default);
    }
    for track in Track::ALL {
        let dials = ["swing", "humanise", "brightness", "intensity"];
        let defaults = dials.map(|id| (id, ParamValue::F32(0.0)));
        let notes = ["density", "complexity", "fills"].map(|id| (id, ParamValue::I32(0)));
        let output = [("output", ParamValue::String("audio".to_owned()))];
        for (id, default) in defaults.into_iter().chain(notes).chain(output) {
            state.params.entry(format!("{}_{id}", track.name())).or_insert(default);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One line per parameter: id, smallest and largest plain value, default, unit. A changed line breaks projects.
    const GOLDEN: &str = include_str!("../tests/parameters.txt");

    fn plain(pointer: ParamPtr, normalized: f32) -> String {
        // SAFETY: the pointer comes from the parameters that outlive this call.
        unsafe { pointer.normalized_value_to_string(normalized, true) }
    }

    #[test]
    fn ids_ranges_and_defaults_are_frozen() {
        let params = ResonantParams::new(&Control::new().0);
        let mut lines = String::new();
        for (id, pointer, _) in params.param_map() {
            // SAFETY: the pointer comes from the parameters above, which are alive.
            let default = unsafe { pointer.default_normalized_value() };
            lines += &format!(
                "{id}: {} .. {}, default {}\n",
                plain(pointer, 0.0),
                plain(pointer, 1.0),
                plain(pointer, default)
            );
        }
        assert_eq!(lines, GOLDEN);
    }

    #[test]
    fn an_old_project_gets_the_defaults_of_new_parameters() {
        let state = |fields: &[&str]| PluginState {
            version: "0.1.0".to_owned(),
            params: [("bass_output".to_owned(), ParamValue::String("both".to_owned()))].into(),
            fields: fields.iter().map(|name| ((*name).to_owned(), String::new())).collect(),
        };
        let mut project = state(&["session", "prompts"]);
        complete(&mut project);
        let value = |id: &str| match project.params.get(id) {
            Some(ParamValue::String(value)) => value.as_str(),
            _ => "",
        };
        assert_eq!((value("bass_output"), value("melody_output")), ("both", "audio"));
        assert!(matches!(project.params.get("song_mode"), Some(ParamValue::Bool(false))));
        assert!(matches!(project.params.get("section"), Some(ParamValue::I32(0))));
        assert_eq!(value("follow_chords"), "off");
        let mut preset = state(&["preset_prompt"]);
        complete(&mut preset);
        assert_eq!(preset.params.len(), 1, "a preset changes what it names");
    }

    #[test]
    fn texts_are_read_back_as_they_are_written() {
        let params = ResonantParams::new(&Control::new().0);
        for (id, pointer, _) in params.param_map() {
            for normalized in [0.0, 0.25, 0.5, 1.0] {
                let text = plain(pointer, normalized);
                // SAFETY: the pointer comes from the parameters above, which are alive.
                let value = unsafe { pointer.string_to_normalized_value(&text) };
                let again = plain(pointer, value.unwrap_or_else(|| panic!("{id} cannot read '{text}'")));
                assert_eq!(text, again, "{id}");
            }
        }
    }
}
