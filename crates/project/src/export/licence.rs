//! The licence note of an export, next to the files and inside them.

use super::super::wav::WavNote;
use resonantgen_music::plan::Plan;
use resonantgen_music::track::Track;
use resonantgen_session::Session;

/// Name of the note, without its extension.
pub(super) const NAME: &str = "LICENCE";

/// The note as text.
pub(super) fn text(session: &Session) -> String {
    let mut text = format!(
        "This music was made with ResonantGen {}, on the computer of the person who made it, and is theirs: they may use it for \
         anything, commercially too. No credit is needed.\n\n",
        env!("CARGO_PKG_VERSION")
    );
    if let Some(bundle) = &session.bundle {
        text.push_str(&format!("Models: {} (licence of the weights: {}).\n", bundle.id, bundle.licence));
    }
    text.push_str(
        "ResonantGen's own models were trained on music and sounds that its repository generates; parts of the acoustic drum kits are \
         parameters fitted to recordings under CC-BY. Their credits are in the model card, and are due from whoever passes the \
         models on, not from who makes music with them.\n",
    );
    let imported = imported(session);
    if !imported.is_empty() {
        text.push_str(&format!(
            "\nImported, not made by ResonantGen: {}. Their rights are as they were.\n",
            imported.join(", ")
        ));
    }
    text
}

/// Names of the files that tracks were imported from.
fn imported(session: &Session) -> Vec<String> {
    let playing = Track::ALL.into_iter().filter_map(|track| session.track(track).take());
    playing.filter_map(|take| Some(take.recipe.imported.as_ref()?.name.clone())).collect()
}

/// The note for a WAV file.
pub(super) fn of_sound(session: &Session, what: &str, plan: &Plan, id: &str) -> WavNote {
    let licence = if imported(session).is_empty() {
        "Made with ResonantGen; belongs to the person who made it, no credit needed".to_owned()
    } else {
        "Made with ResonantGen around imported files; see LICENCE.txt".to_owned()
    };
    WavNote {
        name: what.to_owned(),
        comment: format!(
            "{} bpm, {}, {} bars of {}: {}",
            plan.bpm, plan.key, plan.bars, plan.meter, session.prompt
        ),
        licence,
        reference: id.to_owned(),
    }
}
