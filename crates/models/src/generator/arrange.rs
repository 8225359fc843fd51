//! How a new stem makes room: register, tone and level, planned across tracks and relative to the takes that are heard.
//!
//! Nothing here moves a note or changes an existing take. The rules follow common mixing practice (Izhaki, "Mixing Audio",
//! chapters 14 to 16): one instrument owns the lows, others are cut below their lowest note, the bass ducks briefly under
//! the bass drum, and chords make room for the lead around its centre.

use super::TakeRequest;
use super::colour::Colour;
use super::random::{Purpose, Random};
use resonantgen_music::harmony;
use resonantgen_music::plan::Plan;
use resonantgen_music::score::{DrumClass, Note};
use resonantgen_music::track::{TRACK_COUNT, Track};
use resonantgen_sound::codec::BANDS;
use resonantgen_sound::codec::filter::band_hz;
use resonantgen_sound::codec::hits::Curve;
use resonantgen_take::{Finish, TAKE_SAMPLE_RATE_HZ, Take};
use resonantgen_words::{Intent, STYLE_COUNT, Style};

/// Loudness of a stem in LUFS, so that four of them sum to about -16.
const LOUDNESS_LUFS: [f32; TRACK_COUNT] = [-19.9, -21.4, -24.4, -22.9];
/// Adjustment by style, in decibels (index as [`Style::ALL`], then as [`Track::ALL`]); each row keeps the sum at about the
/// same loudness.
const STYLE_DB: [[f32; TRACK_COUNT]; STYLE_COUNT] = [
    [0.5, 0.5, -1.5, -1.5],
    [0.5, 0.0, 0.0, -0.5],
    [0.0, 0.5, 0.0, -0.5],
    [0.0, 1.0, -1.0, -0.5],
    [0.5, 0.5, -1.0, -1.0],
    [0.0, 0.0, 1.0, -0.5],
    [0.0, 0.0, 0.0, 0.5],
    [-6.0, -1.0, 4.0, 1.5],
    [-2.0, 0.5, 1.0, 1.0],
    [0.0, 0.5, -0.5, -0.5],
    [0.0, 0.0, 1.0, -0.5],
    [-2.0, -0.5, 2.5, 1.0],
];
/// Range added by energy and by aggression, in decibels each.
const ATTRIBUTE_DB: f32 = 2.0;
/// Maximum sample of a stem: drums may peak, sustained instruments need not.
const CEILING: [f32; TRACK_COUNT] = [0.66, 0.43, 0.38, 0.38];
/// How far above the ceiling a stem's maximum sample may be before limiting: drum peaks are short and may lose 5 dB before it
/// is audible, others half of that.
const OVER: [f32; TRACK_COUNT] = [1.85, 1.35, 1.35, 1.35];
/// Ducking of the bass under a bass drum, in decibels (index as [`Style::ALL`]). In trap and hip hop the long 808 is part of
/// the kick; a jazz kick is felt more than heard.
const YIELD_DB: [f32; STYLE_COUNT] = [4.0, 4.0, 2.0, 1.5, 3.0, 2.0, 3.0, 0.0, 0.0, 1.5, 4.0, 1.5];
/// Additional ducking of the bass's lows under a bass drum in a mixed stem, in decibels (index as [`Style::ALL`]), because both
/// share the octave in which the kick is heard.
const YIELD_LOWS_DB: [f32; STYLE_COUNT] = [7.0, 7.0, 5.0, 4.5, 6.5, 5.5, 6.0, 4.5, 4.0, 5.5, 7.0, 5.0];
/// Upper limit of those lows, in hertz.
const LOWS_BELOW_HZ: f32 = 150.0;
/// Target loudness of all playing tracks together, in LUFS. Loud tracks mask the others slightly.
const PIECE_LUFS: f32 = -16.0;
/// Adjustment of mixed stems relative to levelled ones, in decibels, so that in more pieces chords and lead have an octave to
/// themselves.
const MIXED_DB: [f32; TRACK_COUNT] = [0.0, 0.0, 3.4, 1.2];
/// Further adjustment of mixed stems by style, in decibels, where chords or lead were rarely heard (index as [`Track::ALL`]).
const MIXED_STYLE_DB: [(Style, [f32; TRACK_COUNT]); 2] =
    [(Style::Techno, [0.0, 0.0, 1.2, 0.5]), (Style::Ambient, [0.0, 0.0, -0.5, 1.0])];
/// Factor on a mixed stem's ceiling, so that the plain sum of the stems rarely clips.
const MIXED_CEILING: f32 = 0.95;
/// Range added to the piece's loudness by its energy and its aggression, in decibels each.
const PIECE_DB: f32 = 0.75;
/// Maximum deviation of a piece's stems from their usual loudness, in decibels. A stem that plays alone is up to this much
/// louder.
const MOST_SHIFT_DB: f32 = 8.0;
/// Maximum ceiling of a stem, however few play.
const MOST_CEILING: f32 = 0.84;
/// How far above its ceiling a mixed stem's peaks may be before limiting, as a factor.
const MIXED_OVER: [f32; TRACK_COUNT] = [2.4, 1.8, 1.8, 1.8];
/// Most drive into the saturation of a stem that its peaks would keep too soft, in decibels: plucked basses have the sharpest peaks, and
/// a drum's distortion is heard first.
const MOST_DRIVE_DB: [f32; TRACK_COUNT] = [6.0, 10.0, 8.0, 8.0];
/// Cut of chords around the centre of a heard melody, in decibels.
const MELODY_ROOM_DB: f32 = 2.5;
/// The lowest octave of a timbre curve, in hertz.
const LOWEST_OCTAVE_HZ: f32 = 31.25;
/// Minimum span of a narrowed register, in semitones.
const LEAST_SPAN: u8 = 26;
/// The same for single lines that follow a reference.
const LEAST_REFERRED_SPAN: u8 = 12;

/// How a stem is mixed among others.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Arrangement {
    /// Natural-log gain per codec band.
    pub(super) equaliser: [f32; BANDS],
    /// Audio frames, from the loop's start, at which the stem ducks, sorted.
    pub(super) yields_at: Vec<usize>,
    /// Depth of the ducking, in decibels.
    pub(super) yields_db: f32,
    /// Additional ducking of the lows, in decibels; see `yields_db`.
    pub(super) yields_lows_db: f32,
    /// Upper limit of the lows, in hertz.
    pub(super) lows_below_hz: f32,
    /// Most drive into the saturation of a stem that its peaks keep too soft, in decibels.
    pub(super) most_drive_db: f32,
    /// Frames in which notes start, sorted.
    pub(super) onsets: Vec<usize>,
    /// Effects of a mixed stem and the seed of their noise; `None` for a stem that is only levelled.
    pub(super) colour: Option<(Colour, u64)>,
    /// Target loudness in LUFS.
    pub(super) loudness_lufs: f32,
    /// Maximum sample.
    pub(super) ceiling: f32,
    /// Maximum sample before limiting, relative to the ceiling.
    pub(super) over: f32,
    /// Whether it becomes louder towards its end; tonal parts also become brighter.
    pub(super) rises: Rise,
    /// Length of the plan in audio frames. The rendered audio may be longer.
    pub(super) frames: usize,
}

/// How a stem rises towards the end of a section that builds up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Rise {
    /// Not at all.
    #[default]
    None,
    /// Becomes louder.
    Level,
    /// Becomes louder, and brighter through an opening low-pass.
    LevelAndFilter,
}

/// The takes that a request hears, without the track's own.
fn heard<'a>(request: &TakeRequest<'a>) -> impl Iterator<Item = &'a Take> {
    let own = request.track;
    request.context.iter().map(AsRef::as_ref).filter(move |take| take.recipe.track != own)
}

/// The notes of another track, if it is heard.
pub(super) fn heard_notes<'a>(request: &TakeRequest<'a>, track: Track) -> Option<&'a [Note]> {
    heard(request)
        .find(|take| take.recipe.track == track && !take.score.notes.is_empty())
        .map(|take| take.score.notes.as_slice())
}

/// The pitch below which `share` of the notes are.
fn pitch_quantile(notes: &[Note], share: f32) -> u8 {
    let mut pitches: Vec<u8> = notes.iter().map(|note| note.pitch).collect();
    pitches.sort_unstable();
    pitches[((pitches.len() - 1) as f32 * share).round() as usize]
}

/// The lowest and highest MIDI pitch of a tonal part given what is heard: chords stay above a bass and do not climb over a
/// melody, a melody stays above the middle of the chords, a bass below them.
pub(super) fn register(request: &TakeRequest<'_>) -> Option<(u8, u8)> {
    let (low, high) = harmony::register(request.track)?;
    let reference = request.intent.track(request.track).reference.as_ref();
    if let Some((lowest, highest)) = reference.and_then(|reference| reference.register) {
        // At least so wide that every chord has notes in it.
        let span = if request.track == Track::Harmony { LEAST_SPAN } else { LEAST_REFERRED_SPAN };
        let more = span.saturating_sub(highest.saturating_sub(lowest));
        let low = lowest.saturating_sub(more / 2).clamp(low, high.saturating_sub(span));
        return Some((low, highest.saturating_add(more / 2).clamp(low + span, high.max(low + span))));
    }
    let quantile = |track, share| heard_notes(request, track).map(|notes| pitch_quantile(notes, share));
    let narrowed = match request.track {
        Track::Drums => (low, high),
        Track::Bass => {
            let chords = quantile(Track::Harmony, 0.1).map_or(high, |pitch| pitch.clamp(48, high));
            (low, chords)
        }
        Track::Harmony => {
            let bass = quantile(Track::Bass, 0.9).map_or(low, |pitch| (pitch + 5).clamp(low, 52));
            let melody = quantile(Track::Melody, 0.75).map_or(high, |pitch| pitch.clamp(72, high));
            (bass, melody.max(bass + LEAST_SPAN))
        }
        Track::Melody => {
            let chords = quantile(Track::Harmony, 0.5).map_or(low, |pitch| pitch.clamp(low, 62));
            (chords, high)
        }
    };
    Some(narrowed)
}

impl Arrangement {
    /// Plans the sound of `notes`, the part written for `request`. `has_room` tells whether the patch has a room of its own.
    pub(super) fn new(request: &TakeRequest<'_>, notes: &[Note], has_room: bool) -> Self {
        let track = request.track;
        let kicks = heard_notes(request, Track::Drums).filter(|_| track == Track::Bass);
        let shape = request.intent.track(track).shape.as_ref();
        let level_db = shape.map_or(0.0, |shape| shape.level_db);
        let rises = match track {
            _ if !shape.is_some_and(|shape| shape.rises) => Rise::None,
            Track::Drums => Rise::Level,
            Track::Bass | Track::Harmony | Track::Melody => Rise::LevelAndFilter,
        };
        let levelled = Self {
            rises,
            frames: request.plan.audio_frames(TAKE_SAMPLE_RATE_HZ),
            equaliser: equaliser(request, notes),
            yields_at: kicks.map_or_else(Vec::new, |drums| kick_frames(request.plan, drums)),
            onsets: frames(request.plan, notes.iter()),
            most_drive_db: MOST_DRIVE_DB[track.index()],
            yields_db: by_style(&request.intent.styles, |style| YIELD_DB[style]),
            yields_lows_db: 0.0,
            lows_below_hz: LOWS_BELOW_HZ,
            colour: None,
            loudness_lufs: loudness_lufs(track, request.intent) + level_db,
            ceiling: CEILING[track.index()],
            over: OVER[track.index()],
        };
        if request.settings.finish == Finish::Levelled {
            return levelled;
        }
        let shift = shift_db(request.intent);
        let seed = Random::new(request.seed, track, Purpose::Grain, 0).integer();
        Self {
            yields_lows_db: by_style(&request.intent.styles, |style| YIELD_LOWS_DB[style]),
            colour: Some((Colour::new(request, has_room), seed)),
            loudness_lufs: mixed_lufs(track, request.intent) + shift + level_db,
            ceiling: MIXED_CEILING * (levelled.ceiling * 10f32.powf(shift / 20.0)).min(MOST_CEILING),
            over: MIXED_OVER[track.index()],
            ..levelled
        }
    }
}

impl Arrangement {
    /// Equaliser gains at the octaves of a timbre curve, in decibels.
    pub(super) fn per_octave(&self) -> Curve {
        std::array::from_fn(|octave| {
            let hz = LOWEST_OCTAVE_HZ * (octave as f32).exp2();
            let above = (1..BANDS - 1).find(|band| band_hz(*band) >= hz).unwrap_or(BANDS - 1);
            let (low, high) = (band_hz(above - 1), band_hz(above));
            let share = ((hz - low) / (high - low)).clamp(0.0, 1.0);
            let gain = self.equaliser[above - 1] * (1.0 - share) + self.equaliser[above] * share;
            f64::from(gain * 20.0 / std::f32::consts::LN_10)
        })
    }
}

/// A figure averaged over the mix of styles.
pub(super) fn by_style(styles: &[f32; STYLE_COUNT], figure: impl Fn(usize) -> f32) -> f32 {
    Style::ALL.into_iter().map(|style| styles[style.index()] * figure(style.index())).sum()
}

fn loudness_lufs(track: Track, intent: &Intent) -> f32 {
    let own = &intent.track(track).attributes;
    LOUDNESS_LUFS[track.index()]
        + by_style(&intent.styles, |style| STYLE_DB[style][track.index()])
        + ATTRIBUTE_DB * (own.energy + own.aggression - 1.0)
}

/// Loudness of a mixed stem before all stems are brought to the piece's target, in LUFS.
fn mixed_lufs(track: Track, intent: &Intent) -> f32 {
    let of_style = |(style, decibels): &(Style, [f32; TRACK_COUNT])| {
        intent.styles[style.index()] * decibels[track.index()]
    };
    loudness_lufs(track, intent) + MIXED_DB[track.index()] + MIXED_STYLE_DB.iter().map(of_style).sum::<f32>()
}

/// How much louder than usual the stems of a piece are, in decibels, so that the playing ones sum to the piece's target.
fn shift_db(intent: &Intent) -> f32 {
    let playing = Track::ALL.into_iter().filter(|track| !intent.track(*track).absent);
    let power: f32 = playing.map(|track| 10f32.powf(mixed_lufs(track, intent) / 10.0)).sum();
    let wanted = PIECE_LUFS + PIECE_DB * (intent.attributes.energy + intent.attributes.aggression - 1.0);
    (wanted - 10.0 * power.max(1e-9).log10()).clamp(-MOST_SHIFT_DB, MOST_SHIFT_DB)
}

fn kick_frames(plan: &Plan, drums: &[Note]) -> Vec<usize> {
    frames(plan, drums.iter().filter(|note| note.pitch == DrumClass::Kick.key()))
}

/// The frames in which notes start, sorted.
fn frames<'a>(plan: &Plan, notes: impl Iterator<Item = &'a Note>) -> Vec<usize> {
    let rate = f64::from(TAKE_SAMPLE_RATE_HZ);
    let seconds = |note: &Note| plan.seconds_at(f64::from(note.step) + f64::from(note.offset)).max(0.0);
    let mut frames: Vec<usize> = notes.map(|note| (seconds(note) * rate) as usize).collect();
    frames.sort_unstable();
    frames.dedup();
    frames
}

fn hz_of_pitch(pitch: u8) -> f32 {
    440.0 * ((f32::from(pitch) - 69.0) / 12.0).exp2()
}

/// Natural-log gains: a high-pass below the part's range, a gentle low-pass for the bass, room for a melody.
fn equaliser(request: &TakeRequest<'_>, notes: &[Note]) -> [f32; BANDS] {
    let is_tonal = request.track != Track::Drums;
    let lowest = notes.iter().map(|note| note.pitch).min().filter(|_| is_tonal).map_or(25.0, hz_of_pitch);
    let has_bass = heard_notes(request, Track::Bass).is_some();
    let (wanted_low_cut, high_cut) = match request.track {
        Track::Drums => (25.0, None),
        Track::Bass => (30.0, Some(6_000.0)),
        Track::Harmony => (if has_bass { 140.0 } else { 60.0 }, Some(14_000.0)),
        Track::Melody => (if has_bass { 180.0 } else { 80.0 }, None),
    };
    // Fundamentals are not cut.
    let low_cut: f32 = f32::min(wanted_low_cut, 0.75 * lowest).max(20.0);
    let melody = heard_notes(request, Track::Melody).filter(|_| request.track == Track::Harmony);
    // The range that distinguishes a lead from the chords: two octaves above its middle note.
    let room_hz = melody.map(|melody| 4.0 * hz_of_pitch(pitch_quantile(melody, 0.5)));
    std::array::from_fn(|band| {
        let hz = band_hz(band);
        // Magnitudes of Butterworth filters: second order below, first order above.
        let mut decibels = -10.0 * (1.0 + (low_cut / hz).powi(4)).log10();
        if let Some(cut) = high_cut {
            decibels -= 10.0 * (1.0 + (hz / cut).powi(2)).log10();
        }
        if let Some(room) = room_hz {
            let octaves = (hz / room).log2();
            decibels -= MELODY_ROOM_DB * (-octaves * octaves).exp();
        }
        decibels * std::f32::consts::LN_10 / 20.0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_plays_a_mixed_piece_is_as_loud_as_others() {
        for prompt in [
            "techno",
            "ambient, very calm",
            "solo piano",
            "aggressive metal",
            "just drums",
            "jazz, no melody",
        ] {
            let intent = resonantgen_words::parse(prompt).expect("a prompt");
            let playing = Track::ALL.into_iter().filter(|track| !intent.track(*track).absent);
            let shift = shift_db(&intent);
            let power: f32 =
                playing.map(|track| 10f32.powf((mixed_lufs(track, &intent) + shift) / 10.0)).sum();
            let sum = 10.0 * power.log10();
            assert!((-17.5..=-14.8).contains(&sum), "{prompt} sums to {sum}");
        }
    }

    #[test]
    fn four_stems_of_any_style_sum_to_about_the_same() {
        for style in Style::ALL {
            let mut intent = Intent { styles: [0.0; STYLE_COUNT], ..Intent::default() };
            intent.styles[style.index()] = 1.0;
            let power: f32 =
                Track::ALL.into_iter().map(|track| 10f32.powf(loudness_lufs(track, &intent) / 10.0)).sum();
            let sum = 10.0 * power.log10();
            assert!((-16.7..=-14.7).contains(&sum), "{} sums to {sum}", style.name());
        }
    }

    #[test]
    fn a_middle_note_lies_in_the_middle() {
        let notes: Vec<Note> =
            [60, 48, 72].map(|pitch| Note { step: 0, offset: 0.0, length: 1.0, pitch, velocity: 90 }).into();
        assert_eq!([0.0, 0.5, 1.0].map(|share| pitch_quantile(&notes, share)), [48, 60, 72]);
    }
}
