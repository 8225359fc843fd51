//! `resonantgen song`: makes a song from the loop in a folder.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use resonantgen_models::generator::Engine;
use resonantgen_models::worker::{give_memory_back, share_heaps};
use resonantgen_music::track::Track;
use resonantgen_session::{Session, SongRequest};
use resonantgen_words::form::{Form, Length};

use crate::args::{Song, SongForm};
use crate::failure::Usage;
use crate::maker::Maker;
use crate::progress::Progress;
use crate::report::{Report, Run};
use crate::{folder, interrupt};

impl SongForm {
    /// Whether a song is requested.
    pub fn is_asked(&self) -> bool {
        self.form.is_some() || self.length.is_some() || self.minutes.is_some()
    }

    /// The requested song.
    pub fn request(&self) -> SongRequest {
        let length = self.length.or(self.minutes.map(|minutes| Length::Seconds(60.0 * minutes)));
        SongRequest { form: self.form.clone(), length, ..SongRequest::default() }
    }
}

/// Makes a song from the loop in a folder.
///
/// # Errors
/// Returns an error if there is no loop, a section is locked, models or runtime cannot be used, the work fails or is cancelled,
/// or the folder cannot be read or written. The folder is then unchanged.
pub fn run(arguments: &Song) -> Result<ExitCode> {
    share_heaps();
    let (mut folder, mut session) = folder::open_session(&arguments.folder)?;
    let request = SongRequest {
        seed: arguments.seed,
        settings: arguments.settings.generation(),
        ..arguments.form.request()
    };
    // Invalid requests are refused before the models are opened.
    let form = session.song_form(&request)?;
    folder::check_writable(&arguments.folder)?;
    interrupt::listen()?;
    let maker = Maker::open(&arguments.models, &arguments.elsewhere)?;
    let run = make(&maker, &mut session, &request, &form)?;
    // Writing needs the memory that the networks have.
    drop(maker);
    give_memory_back();
    let rate = folder::sample_rate_hz(&arguments.folder);
    eprintln!("writing the song");
    folder::save(&mut folder, &session, rate)?;
    Report::new(&arguments.folder, &session, Some(&run)).print(arguments.json)
}

/// Makes the song, and reports what could not be done as requested.
///
/// # Errors
/// Returns the errors of [`Session::make_song`].
pub fn make(maker: &Maker, session: &mut Session, request: &SongRequest, form: &Form) -> Result<Run> {
    eprintln!("song: {form} ({} bars)", form.bars());
    let begin = Instant::now();
    let made = session.make_song(maker.local()?, request, &Progress::new());
    interrupt::check()?;
    made?;
    let bars = session.song_bars();
    if bars != form.bars() {
        let main = session.plan.as_ref().map_or(0, |plan| plan.bars);
        eprintln!(
            "note: the song has {bars} bars, not {}: its main section is played in whole passes of {main} bars",
            form.bars()
        );
    }
    Ok(Run { seconds: begin.elapsed().as_secs_f64(), tracks: Track::ALL.to_vec() })
}

impl Maker {
    /// This machine's engine.
    ///
    /// # Errors
    /// Returns an error if a server was chosen, because servers do not make songs.
    pub fn local(&self) -> Result<&Engine> {
        match self {
            Self::Here { engine, .. } => Ok(engine),
            Self::There(_) => Err(Usage(
                "a server makes single loops only: leave out --server to make songs, sections or single bars here"
                    .to_owned(),
            )
            .into()),
        }
    }
}
