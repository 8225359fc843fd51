//! Patches: the timbres that a bundle's networks were trained to play.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::manifest::TIMBRE_LENGTH;
use crate::generator::condition::Family;
use resonantgen_music::score::DRUM_CLASS_COUNT;
use resonantgen_music::track::Track;
use resonantgen_sound::codec::excitation::{
    DrumBodies, DrumBody, MAX_PARTIALS, MAX_STIFFNESSES, TonalExcitation,
};
use resonantgen_sound::codec::hits::{CURVE_POINTS, Curve, Hits};
use resonantgen_sound::codec::kit::{Kit, KitPiece};
use resonantgen_sound::codec::notes::{Instrument, Zone};
use resonantgen_words::{STYLE_COUNT, Style};

/// Names of the drum classes in a kit's excitation, in the order of [`resonantgen_music::score::DrumClass::ALL`].
pub(crate) const CLASS_NAMES: [&str; DRUM_CLASS_COUNT] = [
    "kick",
    "snare",
    "clap",
    "rim",
    "closed_hat",
    "open_hat",
    "low_tom",
    "high_tom",
    "crash",
    "ride",
    "shaker",
    "perc",
];

/// Excitation of a patch's notes.
#[derive(Clone, Debug, PartialEq)]
pub enum PatchExcitation {
    /// Half-saws per note.
    Tonal(TonalExcitation),
    /// Impulses and bodies per hit.
    Drums(Box<DrumBodies>),
    /// Hits of the bundle's file: no network takes part.
    Kit(Box<Kit>),
    /// Notes of the bundle's file: no network takes part.
    Notes(Box<Instrument>),
}

/// A patch: one timbre of one track.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    /// Id within the bundle.
    pub id: String,
    /// Track it plays.
    pub track: Track,
    /// Name for display.
    pub name: String,
    /// Instrument family.
    pub family: Family,
    /// Words that describe it, lower case.
    pub tags: Vec<String>,
    /// How well it suits each style, in `0.0..=1.0` (index as [`Style::ALL`]).
    pub styles: [f32; STYLE_COUNT],
    /// Brightness, in `0.0..=1.0`.
    pub brightness: f32,
    /// Aggression, in `0.0..=1.0`.
    pub aggression: f32,
    /// Level correction in decibels.
    pub gain_db: f32,
    /// Stereo width, in `0.0..=1.0`.
    pub width: f32,
    /// Excitation.
    pub excitation: PatchExcitation,
    /// The performer's timbre vector, [`TIMBRE_LENGTH`] values.
    pub timbre: Vec<f32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPatch {
    id: String,
    track: Track,
    name: String,
    family: String,
    tags: Vec<String>,
    styles: BTreeMap<String, f32>,
    attributes: RawAttributes,
    gain_db: f32,
    width: f32,
    excitation: serde_json::Value,
    timbre: Vec<f32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAttributes {
    brightness: f32,
    aggression: f32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKit {
    pieces: BTreeMap<String, RawPiece>,
    room: f32,
    room_s: f64,
    drive_db: f64,
    tone: Vec<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawInstrument {
    /// Pitches and the names of their pieces.
    zones: Vec<(u8, String)>,
    release_s: f64,
    is_monophonic: bool,
    tone: Vec<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPiece {
    piece: String,
    gain_db: f64,
    tune: f64,
}

/// Reads and validates a list of patches; kits need their pieces among `hits`.
pub(super) fn parse(text: &str, hits: &Hits) -> Result<Vec<Patch>, String> {
    let raw: Vec<RawPatch> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let mut patches = Vec::with_capacity(raw.len());
    for one in raw {
        let id = one.id.clone();
        let patch = validate(one, hits).map_err(|reason| format!("patch {id}: {reason}"))?;
        if patches.iter().any(|other: &Patch| other.id == patch.id) {
            return Err(format!("patch {id} occurs twice"));
        }
        patches.push(patch);
    }
    for track in Track::ALL {
        if !patches.iter().any(|patch| patch.track == track) {
            return Err(format!("no patch for {track}"));
        }
    }
    Ok(patches)
}

fn within(what: &str, value: f64, low: f64, high: f64) -> Result<(), String> {
    if (low..=high).contains(&value) {
        Ok(())
    } else {
        Err(format!("{what} is {value}, allowed is {low} to {high}"))
    }
}

fn validate(raw: RawPatch, hits: &Hits) -> Result<Patch, String> {
    if raw.id.is_empty() {
        return Err("the id is empty".to_owned());
    }
    let family =
        Family::from_name(&raw.family).ok_or_else(|| format!("'{}' is no instrument family", raw.family))?;
    let mut styles = [0.0; STYLE_COUNT];
    for (name, weight) in raw.styles {
        let style = Style::ALL.into_iter().find(|style| style.name() == name);
        let style = style.ok_or_else(|| format!("'{name}' is no style"))?;
        within(&format!("weight of {name}"), f64::from(weight), 0.0, 1.0)?;
        styles[style.index()] = weight;
    }
    for (what, value, low, high) in [
        ("brightness", raw.attributes.brightness, 0.0, 1.0),
        ("aggression", raw.attributes.aggression, 0.0, 1.0),
        ("gain_db", raw.gain_db, -60.0, 24.0),
        ("width", raw.width, 0.0, 1.0),
    ] {
        within(what, f64::from(value), low, high)?;
    }
    if raw.timbre.len() != TIMBRE_LENGTH || raw.timbre.iter().any(|value| !value.is_finite()) {
        return Err(format!("timbre needs {TIMBRE_LENGTH} finite numbers"));
    }
    let excitation = if raw.track == Track::Drums && raw.excitation.get("pieces").is_some() {
        PatchExcitation::Kit(Box::new(kit(raw.excitation, hits)?))
    } else if raw.track != Track::Drums && raw.excitation.get("zones").is_some() {
        PatchExcitation::Notes(Box::new(instrument(raw.excitation, raw.width, hits)?))
    } else if raw.track == Track::Drums {
        PatchExcitation::Drums(Box::new(bodies(raw.excitation)?))
    } else {
        let tonal: TonalExcitation =
            serde_json::from_value(raw.excitation).map_err(|error| format!("excitation: {error}"))?;
        check_tonal(&tonal)?;
        PatchExcitation::Tonal(tonal)
    };
    Ok(Patch {
        id: raw.id,
        track: raw.track,
        name: raw.name,
        family,
        tags: raw.tags.iter().map(|tag| tag.to_lowercase()).collect(),
        styles,
        brightness: raw.attributes.brightness,
        aggression: raw.attributes.aggression,
        gain_db: raw.gain_db,
        width: raw.width,
        excitation,
        timbre: raw.timbre,
    })
}

fn check_tonal(tonal: &TonalExcitation) -> Result<(), String> {
    for (what, value, low, high) in [
        ("voices", f64::from(tonal.voices), 1.0, 7.0),
        ("detune_cents", tonal.detune_cents, -1200.0, 1200.0),
        ("attack_s", tonal.attack_s, 0.0, 20.0),
        ("decay_s", tonal.decay_s, 0.0, 60.0),
        ("sustain", tonal.sustain, 0.0, 1.0),
        ("release_s", tonal.release_s, 0.0, 20.0),
        ("vibrato_hz", tonal.vibrato_hz, 0.0, 50.0),
        ("vibrato_cents", tonal.vibrato_cents, 0.0, 1200.0),
        ("vibrato_delay_s", tonal.vibrato_delay_s, 0.0, 60.0),
        ("glide_s", tonal.glide_s, 0.0, 5.0),
        ("transpose", tonal.transpose, -48.0, 48.0),
    ] {
        within(what, value, low, high)?;
    }
    if tonal.partials.len() > MAX_PARTIALS {
        return Err(format!(
            "partials has {} weights, at most {MAX_PARTIALS} are allowed",
            tonal.partials.len()
        ));
    }
    for &weight in &tonal.partials {
        within("a weight in partials", weight, 0.0, 100.0)?;
    }
    if tonal.inharmonicity.len() > MAX_STIFFNESSES {
        return Err(format!(
            "inharmonicity has {} pairs, at most {MAX_STIFFNESSES} are allowed",
            tonal.inharmonicity.len()
        ));
    }
    for &(pitch, stiffness) in &tonal.inharmonicity {
        within("a pitch in inharmonicity", pitch, 0.0, 127.0)?;
        within("a coefficient in inharmonicity", stiffness, 1e-9, 0.1)?;
    }
    if !tonal.inharmonicity.is_sorted_by(|low, high| low.0 < high.0) {
        return Err("the pitches in inharmonicity do not rise".to_owned());
    }
    if !tonal.inharmonicity.is_empty() && (tonal.vibrato_cents > 0.0 || tonal.glide_s > 0.0) {
        return Err("a patch with inharmonicity can have neither vibrato_cents nor glide_s".to_owned());
    }
    Ok(())
}

/// The class with this name, or with this index as text.
fn class_index(name: &str) -> Result<usize, String> {
    let by_index = || name.parse().ok().filter(|index| *index < DRUM_CLASS_COUNT);
    let index = CLASS_NAMES.iter().position(|class| *class == name).or_else(by_index);
    index.ok_or_else(|| format!("'{name}' is no drum class"))
}

fn tone(gains: Vec<f64>) -> Result<Curve, String> {
    let tone: Curve = gains
        .try_into()
        .map_err(|tone: Vec<f64>| format!("tone has {} gains, {CURVE_POINTS} are needed", tone.len()))?;
    for gain in tone {
        within("a gain of tone", gain, -40.0, 24.0)?;
    }
    Ok(tone)
}

fn instrument(value: serde_json::Value, width: f32, hits: &Hits) -> Result<Instrument, String> {
    let raw: RawInstrument = serde_json::from_value(value).map_err(|error| format!("excitation: {error}"))?;
    within("release_s", raw.release_s, 0.005, 10.0)?;
    if raw.zones.is_empty() {
        return Err("zones are empty".to_owned());
    }
    let mut zones = Vec::with_capacity(raw.zones.len());
    for (pitch, piece) in raw.zones {
        within("a pitch of zones", f64::from(pitch), 0.0, 127.0)?;
        if hits.piece(&piece).is_none() {
            return Err(format!("pitch {pitch} needs '{piece}', which the file of notes does not have"));
        }
        zones.push(Zone { pitch, piece });
    }
    if !zones.is_sorted_by(|low, high| low.pitch < high.pitch) {
        return Err("the pitches of zones do not rise".to_owned());
    }
    let tone = tone(raw.tone)?;
    Ok(Instrument { zones, release_s: raw.release_s, is_monophonic: raw.is_monophonic, tone, width })
}

fn kit(value: serde_json::Value, hits: &Hits) -> Result<Kit, String> {
    let raw: RawKit = serde_json::from_value(value).map_err(|error| format!("excitation: {error}"))?;
    for (what, value, low, high) in [
        ("room", f64::from(raw.room), 0.0, 1.0),
        ("room_s", raw.room_s, 0.05, 5.0),
        ("drive_db", raw.drive_db, 0.0, 30.0),
    ] {
        within(what, value, low, high)?;
    }
    let tone = tone(raw.tone)?;
    let mut pieces: [Option<KitPiece>; DRUM_CLASS_COUNT] = Default::default();
    for (name, own) in raw.pieces {
        within(&format!("gain_db of {name}"), own.gain_db, -40.0, 24.0)?;
        within(&format!("tune of {name}"), own.tune, 0.25, 4.0)?;
        if hits.piece(&own.piece).is_none() {
            return Err(format!("{name} needs '{}', which the file of hits does not have", own.piece));
        }
        pieces[class_index(&name)?] =
            Some(KitPiece { piece: own.piece, gain_db: own.gain_db, tune: own.tune });
    }
    Ok(Kit { pieces, room: raw.room, room_s: raw.room_s, drive_db: raw.drive_db, tone })
}

/// Bodies by class name, or by the class's index as text.
fn bodies(value: serde_json::Value) -> Result<DrumBodies, String> {
    let raw: BTreeMap<String, DrumBody> =
        serde_json::from_value(value).map_err(|error| format!("excitation: {error}"))?;
    let mut bodies = DrumBodies::default();
    for (name, body) in raw {
        let index = class_index(&name)?;
        for (what, value, low, high) in [
            ("hz", body.hz, 0.0, 20_000.0),
            ("start_ratio", body.start_ratio, 0.0, 100.0),
            ("sweep_s", body.sweep_s, 0.0, 5.0),
            ("decay_s", body.decay_s, 1e-4, 10.0),
        ] {
            within(&format!("{what} of {name}"), value, low, high)?;
        }
        bodies[index] = Some(body);
    }
    Ok(bodies)
}
