//! Export: stems and scores for a DAW, under names that say what they are.

use std::collections::HashSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::wav::{RATE_RANGE_HZ, SampleDepth, wav};
use super::{StoreError, mix};
use resonantgen_music::midi;
use resonantgen_music::plan::{Mode, Plan};
use resonantgen_music::score::Score;
use resonantgen_music::track::Track;
use resonantgen_session::Session;
use resonantgen_take::{StemAudio, TAKE_SAMPLE_RATE_HZ, Take};

/// Longest part of a file's name that comes from the prompt, in characters.
const NAME_LENGTH: usize = 40;

/// What to export.
#[derive(Clone, Debug, PartialEq)]
pub struct ExportOptions {
    /// Tracks; those without a take are left out.
    pub tracks: Vec<Track>,
    /// Also the mix of these tracks, and one MIDI file of all of them.
    pub mix: bool,
    /// WAV files.
    pub audio: bool,
    /// MIDI files.
    pub midi: bool,
    /// Audio frames per second of the WAV files, in 8,000 to 384,000.
    pub sample_rate_hz: u32,
    /// Sample form of the WAV files.
    pub depth: SampleDepth,
}

impl Default for ExportOptions {
    /// Everything, as takes are kept.
    fn default() -> Self {
        Self {
            tracks: Track::ALL.to_vec(),
            mix: true,
            audio: true,
            midi: true,
            sample_rate_hz: TAKE_SAMPLE_RATE_HZ,
            depth: SampleDepth::default(),
        }
    }
}

/// Writes the takes that play into `dir`, which is made if need be, and returns the files' paths. Names are like
/// `dark-techno_bass_132bpm_Am_8bars.wav`; a file of the same name is replaced in one piece.
///
/// # Errors
/// When the rate is out of range, no chosen track has a take, or a file cannot be written.
pub fn export(session: &Session, dir: &Path, options: &ExportOptions) -> Result<Vec<PathBuf>, StoreError> {
    if !RATE_RANGE_HZ.contains(&options.sample_rate_hz) {
        return Err(StoreError::Rate(options.sample_rate_hz));
    }
    let chosen: Vec<(Track, &Take)> = Track::ALL
        .into_iter()
        .filter(|track| options.tracks.contains(track))
        .filter_map(|track| Some((track, session.track(track).take()?.as_ref())))
        .filter(|(_, take)| !take.is_asleep())
        .collect();
    let plan = session.plan.as_ref().filter(|_| !chosen.is_empty()).ok_or(StoreError::NothingToExport)?;
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| StoreError::Write { path, source }
    };
    fs::create_dir_all(dir).map_err(failed(dir))?;
    let mut written = Vec::new();
    let mut put = |what: &str, plan: &Plan, extension: &str, bytes: &[u8]| {
        let path = dir.join(format!("{}.{extension}", export_name(session, what, plan)));
        let whole = || {
            let mut file = tempfile::Builder::new().prefix(".exporting-").tempfile_in(dir)?;
            file.write_all(bytes)?;
            readable_by_all(file.as_file())?;
            file.persist(&path)?;
            Ok(())
        };
        whole().map_err(failed(&path))?;
        written.push(path);
        Ok(())
    };
    let wave = |audio: &StemAudio, plan: &Plan| wav(audio, plan, options.sample_rate_hz, options.depth);
    for (track, take) in &chosen {
        let plan = &take.recipe.plan;
        if options.audio {
            put(track.name(), plan, "wav", &wave(&take.audio, plan))?;
        }
        if options.midi {
            put(track.name(), plan, "mid", &midi::track_file(*track, &take.score, plan))?;
        }
    }
    if options.mix {
        let stems: Vec<&StemAudio> = chosen.iter().map(|(_, take)| take.audio.as_ref()).collect();
        let scores: Vec<(Track, &Score)> = chosen.iter().map(|(track, take)| (*track, &take.score)).collect();
        if options.audio {
            put("mix", plan, "wav", &wave(&mix(&stems), plan))?;
        }
        if options.midi {
            put("all", plan, "mid", &midi::session_file(&scores, plan))?;
        }
    }
    Ok(written)
}

/// Name of an exported file without its extension: prompt, track, tempo, key, length. It needs no escaping in addresses, apart
/// from letters beyond ASCII in the prompt: F# is written `Fs`.
#[must_use]
pub fn export_name(session: &Session, what: &str, plan: &Plan) -> String {
    let mode = match plan.key.mode {
        Mode::Major => String::new(),
        Mode::Minor => "m".to_owned(),
        mode => format!("-{}", mode.name()),
    };
    // "#" begins a fragment in an address, so sharps are written out.
    let key = plan.key.to_string();
    let tonic = key.split(' ').next().unwrap_or_default().replace('#', "s");
    let bpm = (plan.bpm * 100.0).round() / 100.0;
    let bars = if plan.bars == 1 { "bar" } else { "bars" };
    format!("{}_{what}_{bpm}bpm_{tonic}{mode}_{}{bars}", slug(&session.prompt), plan.bars)
}
/// Makes a temporary file as readable as a usual one.
fn readable_by_all(file: &fs::File) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(fs::Permissions::from_mode(0o644))?;
    }
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}

/// Words of a prompt as part of a file's name.
fn slug(prompt: &str) -> String {
    let lower = prompt.to_lowercase();
    let words = lower.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    let mut slug = String::new();
    for word in words {
        if slug.chars().count() + word.chars().count() >= NAME_LENGTH {
            break;
        }
        if !slug.is_empty() {
            slug.push('-');
        }
        slug.push_str(word);
    }
    // Names that Windows keeps for devices.
    let reserved: HashSet<&str> = ["con", "prn", "aux", "nul"].into();
    if slug.is_empty() || reserved.contains(slug.as_str()) { "resonantgen".to_owned() } else { slug }
}

#[cfg(test)]
mod tests {
    use super::*;
    use resonantgen_session::fake::generated;
    use resonantgen_take::FULL_SCALE;

    fn names(paths: &[PathBuf]) -> Vec<String> {
        paths.iter().map(|path| path.file_name().expect("a name").to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn names_say_what_is_inside_and_lengths_are_exact() {
        let session = generated("Dark techno, with F# minor BASS!", 7);
        let folder = tempfile::tempdir().expect("a folder");
        let dir = folder.path().join("to/the daw");
        let files = export(&session, &dir, &ExportOptions::default()).expect("exported");
        assert_eq!(files.len(), 10);
        let names = names(&files);
        assert!(
            names.contains(&"dark-techno-with-f-minor-bass_bass_240bpm_Fsm_1bar.wav".to_owned()),
            "{names:?}"
        );
        assert!(
            names.contains(&"dark-techno-with-f-minor-bass_all_240bpm_Fsm_1bar.mid".to_owned()),
            "{names:?}"
        );
        let plan = session.plan.as_ref().expect("a plan");
        for (depth, bits) in [(SampleDepth::Int16, 16), (SampleDepth::Int24, 24), (SampleDepth::Float32, 32)]
        {
            let options = ExportOptions {
                tracks: vec![Track::Bass],
                mix: false,
                midi: false,
                depth,
                ..ExportOptions::default()
            };
            for rate in [44_100, 48_000, 96_000] {
                let files =
                    export(&session, &dir, &ExportOptions { sample_rate_hz: rate, ..options.clone() })
                        .expect("exported");
                assert_eq!(files.len(), 1);
                let mut reader = hound::WavReader::open(&files[0]).expect("a WAV file");
                let spec = reader.spec();
                assert_eq!((spec.sample_rate, spec.bits_per_sample), (rate, bits));
                assert_eq!(reader.duration() as usize, plan.audio_frames(rate));
                if rate != 48_000 {
                    continue;
                }
                let take = session.track(Track::Bass).take().expect("a take");
                let samples: Vec<f32> = match depth {
                    SampleDepth::Float32 => reader.samples::<f32>().map(|s| s.expect("a sample")).collect(),
                    _ => {
                        let full = f32::from(1_u16 << 15) * if bits == 24 { 256.0 } else { 1.0 };
                        reader.samples::<i32>().map(|s| s.expect("a sample") as f32 / full).collect()
                    }
                };
                let bound = if bits == 16 { 1.6 / 32_768.0 } else { 0.0 };
                for (index, sample) in samples.iter().enumerate() {
                    let source = if index % 2 == 0 { &take.audio.left } else { &take.audio.right };
                    assert!((source[index / 2] as f32 / FULL_SCALE - sample).abs() <= bound);
                }
            }
        }
    }

    #[test]
    fn nothing_to_export_and_odd_rates_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut session = generated("???", 1);
        assert!(
            export_name(&session, "bass", session.plan.as_ref().expect("a plan")).starts_with("resonantgen_")
        );
        let fast = ExportOptions { sample_rate_hz: 1_000_000, ..ExportOptions::default() };
        assert!(matches!(export(&session, folder.path(), &fast), Err(StoreError::Rate(1_000_000))));
        session.track_mut(Track::Bass).current = None;
        let bass = ExportOptions { tracks: vec![Track::Bass], ..ExportOptions::default() };
        assert!(matches!(export(&session, folder.path(), &bass), Err(StoreError::NothingToExport)));
    }
}
