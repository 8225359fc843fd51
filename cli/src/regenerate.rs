//! `resonantgen regenerate`: a new take of one track that hears the others.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use resonantgen_import::import_loop;
use resonantgen_session::Request;

use crate::args::Regenerate;
use crate::failure::Usage;
use crate::maker::Maker;
use crate::progress::Progress;
use crate::report::{Report, Run};
use crate::{folder, interrupt};

/// Regenerates one track of a folder.
///
/// # Errors
/// Returns an error if the track is locked, models, runtime or server cannot be used, the generation fails or is
/// cancelled, or the folder cannot be read or written. The folder is then unchanged.
pub fn run(arguments: &Regenerate) -> Result<ExitCode> {
    let track = arguments.track;
    let (mut folder, mut session) = folder::open_session(&arguments.folder)?;
    if session.track(track).locked {
        let message = format!(
            "{track} is locked: run `resonantgen unlock {} {track}` first",
            arguments.folder.display()
        );
        return Err(Usage(message).into());
    }
    let mut request = Request::edit(track, &arguments.prompt)
        .seed(arguments.seed)
        .settings(arguments.settings.generation())
        .candidates(arguments.choice.candidates);
    if let Some(file) = &arguments.like {
        let imported = import_loop(file, &session.import_options(track), &())?;
        let file = file.display();
        request = request
            .like(imported.take.reference().ok_or_else(|| Usage(format!("no notes were found in {file}")))?);
    }
    folder::check_writable(&arguments.folder)?;
    interrupt::listen()?;
    let maker = Maker::open(&arguments.models, &arguments.elsewhere)?;

    let begin = Instant::now();
    let regenerated = match &arguments.bars {
        Some(bars) => session
            .regenerate_bars(
                maker.local()?,
                track,
                bars.clone(),
                request.seed,
                request.settings,
                &Progress::new(),
            )
            .map_err(Into::into),
        // A server is not told of files.
        None if request.reference.is_some() => {
            session.apply(maker.local()?, &request, &Progress::new()).map_err(Into::into)
        }
        None => maker.apply(&mut session, &request, &Progress::new()),
    };
    interrupt::check()?;
    regenerated?;
    if let Some(take) = session.track(track).take() {
        for notice in take.recipe.intent.notices() {
            eprintln!("note: {notice}");
        }
    }
    let run = Run { seconds: begin.elapsed().as_secs_f64(), tracks: vec![track] };
    let rate = folder::sample_rate_hz(&arguments.folder);
    folder::save(&mut folder, &session, rate)?;
    Report::new(&arguments.folder, &session, Some(&run)).print(arguments.json)
}
