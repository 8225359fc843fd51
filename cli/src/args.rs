//! The command line's arguments, validated as far as possible without a model.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use resonantgen_models::runtime::ProviderChoice;
use resonantgen_music::plan::{BARS_RANGE, BPM_RANGE, Chord, Key, Meter, Numeral};
use resonantgen_music::track::Track;
use resonantgen_music::variation::NoteDials;
use resonantgen_take::GenerationSettings;
use resonantgen_take::maker::MOST_CANDIDATES;
use resonantgen_words::Overrides;
use resonantgen_words::Style;
use resonantgen_words::form::{Form, Length};

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "resonantgen",
    version,
    about = "Turns words into four stems that loop (drums, bass, harmony and melody), on this machine",
    disable_help_subcommand = true,
    after_help = "\
Example:
  resonantgen generate \"dark techno with driving bass\" --out my-loop --bpm 132 --key \"A minor\"
  resonantgen lock my-loop drums bass
  resonantgen regenerate my-loop --track melody \"more aggressive, fewer notes\"

Exit codes: 0 success, 1 failure, 2 invalid command line, 130 cancelled with Ctrl-C."
)]
pub struct Arguments {
    /// The command to run.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Generate four stems from a prompt (locked tracks of an existing folder are kept)
    Generate(Generate),
    /// Regenerate one track; it hears the others
    Regenerate(Regenerate),
    /// Make a song from a loop: intro, verses, builds, drops, breaks and an ending in the form of its genre
    Song(Song),
    /// List the sections of a song, or copy, rename, move, delete, lock or regenerate them
    Section(Section),
    /// Lock tracks: generate and regenerate do not change them
    Lock(Tracks),
    /// Unlock tracks
    Unlock(Tracks),
    /// Put your own loop on a track and lock it; later takes are generated around it
    Import(Import),
    /// Undo the last action on a folder
    Undo(Show),
    /// Redo the last undone action
    Redo(Show),
    /// List the takes of a track, or choose the one that plays
    Take(Take),
    /// List the sounds of a track, or play its notes with another sound
    Sound(Sound),
    /// Make a take of a track's notes, fewer or more, plainer or richer, with or without fills
    Vary(Vary),
    /// Write stems and MIDI files for a DAW, named by tempo, key and length
    Export(Export),
    /// Show the contents of a folder: plan, chords, tracks, locks, seeds
    Show(Show),
    /// Check the runtime and the models, and say how to fix what is wrong
    Doctor(Doctor),
    /// Convert audio to the tokens of a third-party neural codec, and back
    Codec(crate::codec::Codec),
    /// Generate a whole mix with a third-party text-to-music model
    Mix(crate::mix::Mix),
    /// Generate a session for each row of a table (CSV); resumes an interrupted batch
    Batch(Batch),
    /// Measure the cost of a generation on this machine, and compare it with an earlier measurement
    Bench(Bench),
    /// Measure the quality of a bundle's music over many pieces and edits; takes some minutes
    #[command(hide = true)]
    Evaluate(Evaluate),
    /// List the genres that prompts may name, or describe one
    Genres(Genres),
    #[cfg(feature = "serve")]
    /// Let other programs generate over HTTP, with a page to try it in a browser
    Serve(Serve),
    /// Make the plugin generate on a server, or on this machine again
    Connect(Connect),
}

/// Arguments of `generate`.
#[derive(Debug, Args)]
pub struct Generate {
    /// What you want to hear, for example "dark techno with driving bass"
    pub prompt: String,
    /// Folder for the stems, MIDI files, session.json and overview.png
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Facts that override the prompt.
    #[command(flatten)]
    pub facts: Facts,
    /// Tracks to generate, separated by commas [default: all four]
    #[arg(long, value_name = "TRACKS", value_delimiter = ',', value_parser = track)]
    pub tracks: Vec<Track>,
    /// Seed of every random choice; the same command with the same seed gives the same sound [default: a new one each time]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Candidates to choose from.
    #[command(flatten)]
    pub choice: Choice,
    /// Generation settings.
    #[command(flatten)]
    pub settings: Settings,
    /// Model options.
    #[command(flatten)]
    pub models: Models,
    /// Server options.
    #[command(flatten)]
    pub elsewhere: Elsewhere,
    /// Make a whole song from the loop, in the form of its genre
    #[arg(long)]
    pub song: bool,
    /// Form of the song.
    #[command(flatten)]
    pub form: SongForm,
    /// Sample rate of the WAV files in Hz
    #[arg(long, value_name = "HZ", default_value_t = 48_000, value_parser = rate)]
    pub rate: u32,
    /// Print one JSON document instead of a table
    #[arg(long)]
    pub json: bool,
}

/// Form and length of a song.
#[derive(Clone, Debug, Default, Args)]
pub struct SongForm {
    /// Sections with their bars, for example "intro 8, verse 16, chorus 8, verse 16, chorus 16, outro 8" [default: the genre's]
    #[arg(long, value_name = "FORM", value_parser = form)]
    pub form: Option<Form>,
    /// Length of the song, for example "64 bars", "2:30" or "3 minutes" [default: the form's]
    #[arg(long, value_name = "LENGTH", value_parser = length, conflicts_with = "minutes")]
    pub length: Option<Length>,
    /// Length of the song in minutes
    #[arg(long, value_name = "N", value_parser = minutes)]
    pub minutes: Option<f64>,
}

/// Arguments of `song`.
#[derive(Debug, Args)]
pub struct Song {
    /// Folder made by `generate`
    pub folder: PathBuf,
    /// Form of the song.
    #[command(flatten)]
    pub form: SongForm,
    /// Seed of every random choice [default: the loop's]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Generation settings.
    #[command(flatten)]
    pub settings: Settings,
    /// Model options.
    #[command(flatten)]
    pub models: Models,
    /// Server options.
    #[command(flatten)]
    pub elsewhere: Elsewhere,
    /// Print one JSON document instead of a table
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `section`.
#[derive(Debug, Args)]
pub struct Section {
    /// What to do.
    #[command(subcommand)]
    pub action: SectionAction,
    /// Print one JSON document instead of a table
    #[arg(long, global = true)]
    pub json: bool,
}

/// What to do with sections. A section is given by its name or by its number in the list.
#[derive(Debug, Subcommand)]
pub enum SectionAction {
    /// List the sections and their order
    List {
        /// Folder made by `generate`
        folder: PathBuf,
    },
    /// Choose the section that `regenerate`, `take`, `lock` and `import` work on
    Open {
        /// Folder made by `generate`
        folder: PathBuf,
        /// Section
        section: String,
    },
    /// Copy a section; the copy is played after it
    Copy {
        /// Folder made by `generate`
        folder: PathBuf,
        /// Section
        section: String,
    },
    /// Rename a section
    Rename {
        /// Folder made by `generate`
        folder: PathBuf,
        /// Section
        section: String,
        /// New name
        name: String,
    },
    /// Move an entry of the order to another position
    Move {
        /// Folder made by `generate`
        folder: PathBuf,
        /// Position in the order, counted from 1
        #[arg(value_parser = number)]
        from: usize,
        /// New position
        #[arg(value_parser = number)]
        to: usize,
    },
    /// Play the sections in another order, for example "intro, verse x2, chorus, outro"
    Order {
        /// Folder made by `generate`
        folder: PathBuf,
        /// Sections with repeats
        order: String,
    },
    /// Delete a section
    Delete {
        /// Folder made by `generate`
        folder: PathBuf,
        /// Section
        section: String,
    },
    /// Lock tracks of a section, or of all sections
    Lock {
        /// Folder made by `generate`
        folder: PathBuf,
        /// Section, or "all"
        section: String,
        /// Tracks: drums, bass, harmony, melody
        #[arg(required = true, value_name = "TRACK", value_delimiter = ',', value_parser = track)]
        tracks: Vec<Track>,
    },
    /// Unlock tracks of a section, or of all sections
    Unlock {
        /// Folder made by `generate`
        folder: PathBuf,
        /// Section, or "all"
        section: String,
        /// Tracks: drums, bass, harmony, melody
        #[arg(required = true, value_name = "TRACK", value_delimiter = ',', value_parser = track)]
        tracks: Vec<Track>,
    },
    /// Regenerate a section's unlocked tracks
    Regenerate {
        /// Folder made by `generate`
        folder: PathBuf,
        /// Section
        section: String,
        /// Tracks, separated by commas [default: all four]
        #[arg(long, value_name = "TRACKS", value_delimiter = ',', value_parser = track)]
        tracks: Vec<Track>,
        /// Seed of every random choice [default: one that the section has not used]
        #[arg(long, value_name = "N")]
        seed: Option<u64>,
        /// Generation settings.
        #[command(flatten)]
        settings: Settings,
        /// Model options.
        #[command(flatten)]
        models: Models,
        /// Server options.
        #[command(flatten)]
        elsewhere: Elsewhere,
    },
}

/// Facts that override the prompt.
#[derive(Debug, Args)]
pub struct Facts {
    /// Tempo in beats per minute
    #[arg(long, value_name = "N", value_parser = bpm)]
    pub bpm: Option<f64>,
    /// Key, for example "F minor" or "Eb major"
    #[arg(long, value_name = "KEY", value_parser = key)]
    pub key: Option<Key>,
    /// Length in bars
    #[arg(long, value_name = "N", value_parser = bars)]
    pub bars: Option<u32>,
    /// Time signature, for example 4/4 or 6/8
    #[arg(long, value_name = "METER", value_parser = meter)]
    pub meter: Option<Meter>,
    /// Chords to spread over the bars, for example "Am F C G", or by degree in any key, "i VI III VII"
    #[arg(long, value_name = "CHORDS", value_parser = chords)]
    pub chords: Option<Chords>,
    /// Style, for example techno, house, "hip hop", jazz; the prompt's moods and instruments still apply
    #[arg(long, value_name = "STYLE", value_parser = style)]
    pub style: Option<Style>,
}

/// A chord progression as typed. (A bare `Vec` would mean a flag that may be repeated.)
#[derive(Clone, Debug)]
pub enum Chords {
    /// By name.
    Named(Vec<Chord>),
    /// By degree.
    Degrees(Vec<Numeral>),
}

impl Facts {
    /// Converts to the engine's overrides.
    pub fn overrides(self) -> Overrides {
        let (chords, numerals) = match self.chords {
            Some(Chords::Named(chords)) => (Some(chords), None),
            Some(Chords::Degrees(numerals)) => (None, Some(numerals)),
            None => (None, None),
        };
        Overrides {
            bpm: self.bpm,
            key: self.key,
            meter: self.meter,
            bars: self.bars,
            chords,
            numerals,
            style: self.style,
        }
    }
}

/// Generation settings.
#[derive(Debug, Args)]
pub struct Settings {
    /// How far the result may stray from the obvious, 0 to 1
    #[arg(long, value_name = "0..1", default_value_t = GenerationSettings::default().variation, value_parser = unit)]
    pub variation: f32,
    /// How strictly to follow the prompt, 0 to 1
    #[arg(long, value_name = "0..1", default_value_t = GenerationSettings::default().adherence, value_parser = unit)]
    pub adherence: f32,
}

impl Settings {
    /// Converts to the engine's settings.
    pub fn generation(&self) -> GenerationSettings {
        GenerationSettings {
            variation: self.variation,
            adherence: self.adherence,
            ..GenerationSettings::default()
        }
    }
}

/// Which models to use, and what runs them.
#[derive(Clone, Debug, Default, Args)]
pub struct Models {
    /// Folder of the model bundle [default: the one installed with this program]
    #[arg(long, value_name = "DIR")]
    pub bundle: Option<PathBuf>,
    /// Where the networks run: auto, cpu, cuda, tensorrt, directml or coreml [default: RESONANTGEN_PROVIDER, or auto]
    #[arg(long, value_name = "NAME", value_parser = provider)]
    pub provider: Option<ProviderChoice>,
    /// Inference threads; they do not affect the result [default: one per core, at most 4]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: Option<u16>,
}

/// How many scores to choose from.
#[derive(Clone, Copy, Debug, Args)]
pub struct Choice {
    /// Scores to write for each track; the best one is performed. Without a number, 8
    #[arg(
        long,
        value_name = "N",
        num_args = 0..=1,
        require_equals = true,
        default_value_t = 1,
        default_missing_value = "8",
        hide_default_value = true,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_CANDIDATES)),
    )]
    pub candidates: u32,
}

/// Arguments of `regenerate`.
#[derive(Debug, Args)]
pub struct Regenerate {
    /// Folder made by `generate`
    pub folder: PathBuf,
    /// Track to regenerate: drums, bass, harmony or melody
    #[arg(long, value_name = "TRACK", value_parser = track)]
    pub track: Track,
    /// Bars to regenerate, counted from 1, for example 5-6; notes and audio of all other bars stay the same
    #[arg(long, value_name = "BARS", value_parser = bar_range, conflicts_with_all = ["prompt", "candidates"])]
    pub bars: Option<std::ops::RangeInclusive<u32>>,
    /// Audio file whose groove and register the new take follows, with other notes
    #[arg(long, value_name = "FILE", conflicts_with = "bars")]
    pub like: Option<PathBuf>,
    /// What to change, for example "more aggressive"; empty means another take of the same
    #[arg(default_value = "", hide_default_value = true)]
    pub prompt: String,
    /// Seed of every random choice [default: the next one that the track has not used]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Candidates to choose from.
    #[command(flatten)]
    pub choice: Choice,
    /// Generation settings.
    #[command(flatten)]
    pub settings: Settings,
    /// Model options.
    #[command(flatten)]
    pub models: Models,
    /// Server options.
    #[command(flatten)]
    pub elsewhere: Elsewhere,
    /// Print one JSON document instead of a table
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `lock` and `unlock`.
#[derive(Debug, Args)]
pub struct Tracks {
    /// Folder made by `generate`
    pub folder: PathBuf,
    /// Tracks: drums, bass, harmony, melody
    #[arg(required = true, value_name = "TRACK", value_delimiter = ',', value_parser = track)]
    pub tracks: Vec<Track>,
    /// Print one JSON document instead of a table
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `import`.
#[derive(Debug, Args)]
pub struct Import {
    /// Folder made by `generate`, or a new one
    pub folder: PathBuf,
    /// Audio file: WAV, FLAC, MP3, OGG or AIFF
    pub file: PathBuf,
    /// Track to put the loop on: drums, bass, harmony or melody
    #[arg(long, value_name = "TRACK", value_parser = track)]
    pub track: Track,
    /// Tempo of the file [default: measured]
    #[arg(long, value_name = "N", value_parser = bpm)]
    pub bpm: Option<f64>,
    /// Bars to use; a shorter loop is repeated [default: the whole file]
    #[arg(long, value_name = "N", value_parser = bars)]
    pub bars: Option<u32>,
    /// Position of the first bar in the file, in seconds [default: measured]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub start: Option<f64>,
    /// Key of the file, for example "F minor" [default: measured]
    #[arg(long, value_name = "KEY", value_parser = key)]
    pub key: Option<Key>,
    /// Time signature of the file [default: the folder's, or 4/4]
    #[arg(long, value_name = "METER", value_parser = meter)]
    pub meter: Option<Meter>,
    /// Print one JSON document instead of a table
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `take`.
#[derive(Debug, Args)]
pub struct Take {
    /// Folder made by `generate`
    pub folder: PathBuf,
    /// Track: drums, bass, harmony or melody
    #[arg(long, value_name = "TRACK", value_parser = track)]
    pub track: Track,
    /// What to do; without an action the takes are listed.
    #[command(flatten)]
    pub action: TakeAction,
    /// Print one JSON document instead of a table
    #[arg(long)]
    pub json: bool,
}

/// Actions on a track's takes.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub struct TakeAction {
    /// Play take N, counted from 1 (the oldest)
    #[arg(long, value_name = "N", value_parser = number)]
    pub select: Option<usize>,
    /// Play the next newer take
    #[arg(long)]
    pub next: bool,
    /// Play the next older take
    #[arg(long)]
    pub previous: bool,
    /// Keep take N for ever
    #[arg(long, value_name = "N", value_parser = number)]
    pub favourite: Option<usize>,
    /// Make take N an ordinary take again
    #[arg(long, value_name = "N", value_parser = number)]
    pub no_favourite: Option<usize>,
    /// Play the take that was heard before; repeat to go back (A/B)
    #[arg(long)]
    pub compare: bool,
}

/// Arguments of `sound`.
#[derive(Debug, Args)]
pub struct Sound {
    /// Folder made by `generate`
    pub folder: PathBuf,
    /// The track
    #[arg(long, value_name = "TRACK", value_parser = track)]
    pub track: Track,
    /// Words that must all match: a family, a tag, a style, or part of the name
    pub words: Vec<String>,
    /// Play the notes of the track's take with this sound; the notes do not change
    #[arg(long = "use", value_name = "ID", conflicts_with_all = ["words", "like"])]
    pub id: Option<String>,
    /// Keep the sound of the track's take for all future takes
    #[arg(long, conflicts_with_all = ["words", "like", "release"])]
    pub hold: bool,
    /// Let the prompt choose the sound of future takes again
    #[arg(long, conflicts_with_all = ["words", "like", "id"])]
    pub release: bool,
    /// List the sounds that are most like this one
    #[arg(long, value_name = "ID", conflicts_with = "words")]
    pub like: Option<String>,
    /// Model options.
    #[command(flatten)]
    pub models: Models,
    /// Print one JSON document instead of a table
    #[arg(long)]
    pub json: bool,
}

/// A dial's position.
fn dial() -> clap::builder::RangedI64ValueParser<i8> {
    let (least, most) = (i64::from(*NoteDials::RANGE.start()), i64::from(*NoteDials::RANGE.end()));
    clap::value_parser!(i8).range(least..=most)
}

/// Arguments of `vary`.
#[derive(Debug, Args)]
pub struct Vary {
    /// Folder made by `generate`
    pub folder: PathBuf,
    /// The track
    #[arg(long, value_name = "TRACK", value_parser = track)]
    pub track: Track,
    /// From -2 (much sparser) to 2 (much denser)
    #[arg(long, value_name = "STEPS", default_value_t = 0, allow_negative_numbers = true, value_parser = dial())]
    pub density: i8,
    /// From -2 (much plainer) to 2 (much richer): syncopation, ghost notes, approach notes
    #[arg(long, value_name = "STEPS", default_value_t = 0, allow_negative_numbers = true, value_parser = dial())]
    pub complexity: i8,
    /// From -2 (none) to 2 (many): fills and pick-ups at the ends of phrases
    #[arg(long, value_name = "STEPS", default_value_t = 0, allow_negative_numbers = true, value_parser = dial())]
    pub fills: i8,
    /// Model options.
    #[command(flatten)]
    pub models: Models,
    /// Print one JSON document instead of a table
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `export`.
#[derive(Debug, Args)]
pub struct Export {
    /// Folder made by `generate`
    pub folder: PathBuf,
    /// Folder to write to
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Tracks, separated by commas [default: all, and their mix]
    #[arg(long, value_name = "TRACKS", value_delimiter = ',', value_parser = track)]
    pub tracks: Vec<Track>,
    /// Files to write: wav, midi or both
    #[arg(long, value_name = "KIND", default_value = "both")]
    pub kind: ExportKind,
    /// Write one format instead: wav, midi, or a DAW project with stems, notes, tempo and markers: dawproject (Bitwig Studio,
    /// Studio One, Cubase), als (Ableton Live 11.3 and later) or rpp (REAPER)
    #[arg(long, value_name = "FORMAT", conflicts_with = "kind")]
    pub format: Option<ExportFormat>,
    /// Sample rate of the WAV files in Hz
    #[arg(long, value_name = "HZ", default_value_t = 48_000, value_parser = rate)]
    pub rate: u32,
    /// Sample format of the WAV files: 16, 24 or 32f
    #[arg(long, value_name = "BITS", default_value = "24")]
    pub bits: Bits,
    /// Print one JSON document instead of a list
    #[arg(long)]
    pub json: bool,
}

/// Files to export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ExportKind {
    /// WAV files.
    Wav,
    /// MIDI files.
    Midi,
    /// Both.
    Both,
}

/// A single export format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ExportFormat {
    /// WAV files.
    Wav,
    /// MIDI files.
    Midi,
    /// DAWproject.
    Dawproject,
    /// Ableton Live.
    Als,
    /// REAPER.
    Rpp,
}

/// Sample format of exported WAV files.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Bits {
    /// 16-bit integers.
    #[value(name = "16")]
    Int16,
    /// 24-bit integers.
    #[value(name = "24")]
    Int24,
    /// 32-bit floating point.
    #[value(name = "32f")]
    Float32,
}

/// Arguments of `show`, `undo` and `redo`.
#[derive(Debug, Args)]
pub struct Show {
    /// Folder made by `generate`
    pub folder: PathBuf,
    /// Print one JSON document instead of a table
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Model options.
    #[command(flatten)]
    pub models: Models,
    /// Print one JSON document instead of a list
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `batch`.
#[derive(Debug, Args)]
pub struct Batch {
    /// Table with a header line. The column prompt is required; name, seed, bpm, key, bars, meter, chords, tracks, variation,
    /// adherence, song (yes or no), form and length are optional. Empty cells default as in `generate`; the seed defaults to the
    /// row's number
    pub table: PathBuf,
    /// Folder for the sessions, one subfolder each
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Sessions to generate at once [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,
    /// Which models to use, and what runs them.
    #[command(flatten)]
    pub models: Models,
    /// Sample rate of the WAV files in Hz
    #[arg(long, value_name = "HZ", default_value_t = 48_000, value_parser = rate)]
    pub rate: u32,
    /// Print one JSON document instead of a line
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `bench`.
#[derive(Debug, Args)]
pub struct Bench {
    /// Measured runs, after one warm-up run
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub runs: u32,
    /// Length of the piece in bars
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = bars)]
    pub bars: u32,
    /// Also cancel generations at various moments and measure how soon they stop
    #[arg(long)]
    pub cancel: bool,
    /// Also measure for this many seconds how much four generating instances delay a host's audio callback
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub neighbour: Option<f64>,
    /// Measure instead what 8 s of music cost beside a peer: the bundles of a folder made by training/resonant/peer.py
    #[arg(long, value_name = "DIR", conflicts_with_all = ["cancel", "neighbour", "compare"])]
    pub peer: Option<PathBuf>,
    /// Compare with the output of an earlier `bench --json`; exit code 1 if a figure got worse by more than the threshold
    #[arg(long, value_name = "FILE")]
    pub compare: Option<PathBuf>,
    /// Fraction by which a figure may get worse
    #[arg(long, value_name = "SHARE", default_value_t = 0.2, value_parser = share)]
    pub threshold: f64,
    /// Model options.
    #[command(flatten)]
    pub models: Models,
    /// Print one JSON document instead of a table
    #[arg(long)]
    pub json: bool,
}

/// A server that generates instead of this machine.
#[derive(Clone, Debug, Args)]
pub struct Elsewhere {
    /// Generate on a server: an address like studio.local:7878 (see `resonantgen serve`)
    #[arg(long, value_name = "ADDRESS")]
    pub server: Option<String>,
    /// Token of the server [default: the value of RESONANTGEN_TOKEN]
    #[arg(long, value_name = "TOKEN", requires = "server")]
    pub token: Option<String>,
}

/// Arguments of `connect`.
#[derive(Debug, Args)]
pub struct Connect {
    /// Address of the server, like studio.local:7878; without it the current setting is shown
    pub address: Option<String>,
    /// Token of the server; it is stored in your settings folder
    #[arg(long, value_name = "TOKEN", requires = "address")]
    pub token: Option<String>,
    /// Generate on this machine again
    #[arg(long, conflicts_with = "address")]
    pub local: bool,
}

/// Arguments of `serve`.
#[cfg(feature = "serve")]
#[derive(Debug, Args)]
pub struct Serve {
    /// Address to listen on; any address other than this machine's own (127.0.0.1) requires a token
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7878")]
    pub addr: std::net::SocketAddr,
    /// Folder for sessions and jobs [default: resonantgen/server in your data folder]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Secret that requests must present, at least 16 characters [default: the value of RESONANTGEN_TOKEN]
    #[arg(long, value_name = "TOKEN")]
    pub token: Option<String>,
    /// Host name under which a proxy on this machine forwards requests (may be repeated)
    #[arg(long = "host", value_name = "NAME")]
    pub hosts: Vec<String>,
    /// Model options.
    #[command(flatten)]
    pub models: Models,
}

/// Arguments of `evaluate`.
#[derive(Debug, Args)]
pub struct Evaluate {
    /// Number of prompts to use, spread over the list [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub prompts: Option<u32>,
    /// Seeds per prompt
    #[arg(long, value_name = "K", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub seeds: u32,
    /// Skip the edits, which take most of the time
    #[arg(long)]
    pub no_edits: bool,
    /// Instead, measure how well scores match their genres, over the prompts in FILE or a built-in list
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    pub genres: Option<Option<PathBuf>>,
    /// Instead, measure the mix of a piece of each genre: loudness, peaks, mono, kick against bass
    #[arg(long, conflicts_with = "genres")]
    pub mix: bool,
    /// Instead, measure whether words about the sound ("dusty", "punchy") have their effect
    #[arg(long, conflicts_with_all = ["genres", "mix"])]
    pub sounds: bool,
    /// Instead, measure songs of ten genres: similarity of sections, energy, transitions and speed; --out keeps their folders
    #[arg(long, conflicts_with_all = ["genres", "mix", "sounds"])]
    pub songs: bool,
    /// Folder for evaluation.json and evaluation.md
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Model options.
    #[command(flatten)]
    pub models: Models,
    /// Print one JSON document instead of tables
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `genres`.
#[derive(Debug, Args)]
pub struct Genres {
    /// Genre to describe, by any of its names
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// Print one JSON document instead of a table
    #[arg(long)]
    pub json: bool,
}

/// Reads the command line. On bad usage the error is one line that says what to do.
///
/// # Errors
/// Returns clap's error if the arguments are invalid, and also for `--help` and `--version`, whose text it carries.
pub fn read() -> Result<Arguments, clap::Error> {
    Arguments::try_parse()
}

/// One line that says what is wrong with the command line.
pub fn one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    let line = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("{} (see `resonantgen --help`)", line.trim_start_matches("error: "))
}

fn form(text: &str) -> Result<Form, String> {
    text.parse::<Form>().map_err(|error| error.to_string())
}

fn length(text: &str) -> Result<Length, String> {
    text.parse::<Length>().map_err(|error| error.to_string())
}

fn minutes(text: &str) -> Result<f64, String> {
    let minutes: f64 = text.trim().parse().map_err(|_| format!("'{text}' is not a number of minutes"))?;
    let is_usual = (0.1..=60.0).contains(&minutes);
    is_usual
        .then_some(minutes)
        .ok_or_else(|| format!("a song of {minutes} minutes is out of range: use 0.1 to 60"))
}

fn bar_range(text: &str) -> Result<std::ops::RangeInclusive<u32>, String> {
    let wrong = || {
        format!("'{text}' is not a range of bars: write the first and last bar, like 5-6, or one bar, like 5")
    };
    let (first, last) = text.trim().split_once(['-', '–']).unwrap_or((text.trim(), text.trim()));
    let number = |text: &str| text.trim().parse::<u32>().map_err(|_| wrong());
    let (first, last) = (number(first)?, number(last)?);
    if first < 1 || last < first { Err(wrong()) } else { Ok(first..=last) }
}

fn track(text: &str) -> Result<Track, String> {
    text.parse::<Track>().map_err(|error| error.to_string())
}

fn style(text: &str) -> Result<Style, String> {
    text.parse::<Style>().map_err(|error| error.to_string())
}

fn provider(text: &str) -> Result<ProviderChoice, String> {
    text.parse::<ProviderChoice>().map_err(|error| error.to_string())
}

fn key(text: &str) -> Result<Key, String> {
    text.parse::<Key>().map_err(|error| error.to_string())
}

fn meter(text: &str) -> Result<Meter, String> {
    text.parse::<Meter>().map_err(|error| error.to_string())
}

fn chords(text: &str) -> Result<Chords, String> {
    let words: Vec<&str> = text.split([' ', ',', '|', '–', '—']).filter(|word| !word.is_empty()).collect();
    if words.is_empty() {
        return Err("name at least one chord, like \"Am F C G\"".to_owned());
    }
    let degrees =
        words.iter().flat_map(|word| word.split('-')).map(str::parse).collect::<Result<Vec<Numeral>, _>>();
    if let Ok(degrees) = degrees {
        return Ok(Chords::Degrees(degrees));
    }
    let named = words.iter().map(|word| word.parse::<Chord>().map_err(|error| error.to_string()));
    let named = named.collect::<Result<Vec<_>, _>>();
    named.map(Chords::Named).map_err(|error| format!("{error}; or use degrees, like \"i VI III VII\""))
}

fn bpm(text: &str) -> Result<f64, String> {
    let (low, high) = (BPM_RANGE.start(), BPM_RANGE.end());
    match text.parse::<f64>() {
        Ok(bpm) if BPM_RANGE.contains(&bpm) => Ok(bpm),
        _ => Err(format!("the tempo is a number from {low} to {high}, in beats per minute")),
    }
}

fn bars(text: &str) -> Result<u32, String> {
    let (low, high) = (BARS_RANGE.start(), BARS_RANGE.end());
    match text.parse::<u32>() {
        Ok(bars) if BARS_RANGE.contains(&bars) => Ok(bars),
        _ => Err(format!("the length is a whole number of bars from {low} to {high}")),
    }
}

fn unit(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(value) if (0.0..=1.0).contains(&value) => Ok(value),
        _ => Err("give a number from 0 to 1".to_owned()),
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=1e6).contains(&seconds) => Ok(seconds),
        _ => Err("give a number of seconds, at least 0".to_owned()),
    }
}

fn number(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("takes are counted from 1".to_owned()),
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.0..=100.0).contains(&value) => Ok(value),
        _ => Err("give a fraction, for example 0.2 for 20 %".to_owned()),
    }
}

fn rate(text: &str) -> Result<u32, String> {
    match text.parse::<u32>() {
        Ok(rate) if (8_000..=384_000).contains(&rate) => Ok(rate),
        _ => Err("the sample rate is a whole number of Hz from 8000 to 384000".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn error_of(words: &[&str]) -> String {
        let words = std::iter::once("resonantgen").chain(words.iter().copied());
        one_line(&Arguments::try_parse_from(words).expect_err("it must be refused"))
    }

    #[test]
    fn the_definition_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_list_of_genres_to_evaluate_is_optional() {
        let genres = |words: &[&str]| {
            let arguments = Arguments::try_parse_from(["resonantgen", "evaluate"].iter().chain(words));
            match arguments.expect("it is valid").command {
                Command::Evaluate(evaluate) => evaluate.genres,
                _ => None,
            }
        };
        assert_eq!(genres(&["--genres", "--seeds", "1"]), Some(None));
        assert_eq!(genres(&["--genres", "list.txt"]), Some(Some("list.txt".into())));
        assert_eq!(genres(&[]), None);
    }

    #[test]
    fn chords_are_named_or_counted() {
        let is_degrees =
            |text: &str| matches!(chords(text), Ok(Chords::Degrees(degrees)) if degrees.len() > 1);
        assert!(
            is_degrees("i VI III VII")
                && is_degrees("ii-V-I")
                && is_degrees("1-5-6-4")
                && is_degrees("I – bVII")
        );
        let is_named = |text: &str| matches!(chords(text), Ok(Chords::Named(chords)) if chords.len() == 4);
        assert!(is_named("Am F C G") && is_named("Cmaj7 | Fm9, Bb13 | C-7"));
        assert!(chords("i VI Q").is_err() && chords(" , ").is_err());
    }

    #[test]
    fn bad_values_are_refused_in_one_line_that_says_what_is_allowed() {
        let with = |flag: &str, value: &str| {
            error_of(&["generate", "techno", "--out", "x", &format!("--{flag}={value}")])
        };
        for (flag, value, hint) in [
            ("bpm", "0", "40 to 240"),
            ("bpm", "NaN", "40 to 240"),
            ("bpm", "1e9", "40 to 240"),
            ("bpm", "-5", "40 to 240"),
            ("bars", "0", "1 to 64"),
            ("bars", "10000", "1 to 64"),
            ("bars", "2.5", "1 to 64"),
            ("key", "H flat", "A minor"),
            ("style", "polka", "synthwave"),
            ("meter", "0/0", "4/4"),
            ("chords", "Xyz", "chord symbol"),
            ("tracks", "drums,kazoo", "drums, bass, harmony or melody"),
            ("provider", "gpu", "cuda"),
            ("threads", "0", "1..=256"),
            ("variation", "2", "0 to 1"),
            ("variation", "NaN", "0 to 1"),
            ("rate", "1", "8000"),
        ] {
            let line = with(flag, value);
            assert!(line.contains(hint), "--{flag} {value}: {line}");
            assert!(!line.contains('\n'), "--{flag} {value}: {line}");
        }
        assert!(error_of(&["generate", "techno"]).contains("--out"));
    }
}
