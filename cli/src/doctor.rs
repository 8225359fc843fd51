//! `resonantgen doctor`: checks everything that generation needs, and says how to fix what is missing.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use resonantgen_models::bundle::Bundle;
use resonantgen_models::generator::EngineOptions;
use resonantgen_models::runtime::{PROVIDER_VARIABLE, Placement, Runtime};
use resonantgen_models::text::TextModel;
use resonantgen_music::track::Track;
use serde::Serialize;

use crate::args::Doctor;
use crate::{open, report};

#[derive(Debug, Serialize)]
struct Findings {
    program: Program,
    runtime: Finding<RuntimeFound>,
    bundle: Finding<BundleFound>,
    /// Optional: without it, prompts are understood by their words alone.
    sentences: Finding<SentencesFound>,
    healthy: bool,
}

#[derive(Debug, Serialize)]
struct Program {
    version: &'static str,
    licence: &'static str,
    inference_threads: usize,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Finding<Found> {
    Sound(Found),
    Broken { error: String },
}

#[derive(Debug, Serialize)]
struct RuntimeFound {
    library: String,
    version: String,
    providers: Vec<ProviderFound>,
    licence: &'static str,
}

#[derive(Debug, Serialize)]
struct ProviderFound {
    name: &'static str,
    in_use: bool,
    reason: String,
}

#[derive(Debug, Serialize)]
struct BundleFound {
    folder: String,
    id: String,
    licence: String,
    /// Always `match`: a bundle whose files do not have the manifest's hashes counts as broken.
    hashes: &'static str,
    patches: usize,
}

#[derive(Debug, Serialize)]
struct SentencesFound {
    folder: String,
    id: String,
    licence: String,
}

impl<Found> Finding<Found> {
    fn is_sound(&self) -> bool {
        matches!(self, Self::Sound(_))
    }
}

/// Prints the findings; exit code 1 if anything is broken.
///
/// # Errors
/// Returns an error if stdout cannot be written.
pub fn run(arguments: &Doctor) -> Result<ExitCode> {
    let options = open::options(&arguments.models)?;
    let runtime = find_runtime(&options);
    let bundle = find_bundle(arguments);
    let sentences = find_sentences(arguments);
    let healthy = runtime.is_sound() && bundle.is_sound();
    let program = Program {
        version: env!("CARGO_PKG_VERSION"),
        licence: env!("CARGO_PKG_LICENSE"),
        inference_threads: options.threads,
    };
    let findings = Findings { program, runtime, bundle, sentences, healthy };
    if arguments.json {
        report::print_json(&findings)?
    } else {
        report::print(&findings.list())?
    }
    Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn find_runtime(options: &EngineOptions) -> Finding<RuntimeFound> {
    let broken = |error: String| Finding::Broken { error };
    let runtime = match Runtime::open(None) {
        Ok(runtime) => runtime,
        Err(error) => return broken(error.to_string()),
    };
    let choice = match options.provider.or_environment() {
        Ok(choice) => choice,
        Err(error) => return broken(format!("{PROVIDER_VARIABLE}: {error}")),
    };
    let statuses = Placement::new(Arc::clone(&runtime), choice).statuses();
    let providers = statuses.into_iter().map(|status| ProviderFound {
        name: status.provider.name(),
        in_use: status.in_use,
        reason: status.reason,
    });
    Finding::Sound(RuntimeFound {
        library: runtime.path().display().to_string(),
        version: runtime.version().to_owned(),
        providers: providers.collect(),
        licence: "MIT",
    })
}

fn find_bundle(arguments: &Doctor) -> Finding<BundleFound> {
    let folder = open::bundle_folder(&arguments.models);
    match Bundle::open(&folder) {
        Ok(bundle) => Finding::Sound(BundleFound {
            folder: folder.display().to_string(),
            id: bundle.id().to_owned(),
            licence: bundle.licence().to_owned(),
            hashes: "match",
            patches: Track::ALL.into_iter().map(|track| bundle.patches(track).count()).sum(),
        }),
        Err(error) => Finding::Broken { error: error.to_string() },
    }
}

fn find_sentences(arguments: &Doctor) -> Finding<SentencesFound> {
    let folder = TextModel::folder_of(&open::bundle_folder(&arguments.models));
    let check = || -> Result<SentencesFound, String> {
        let runtime = Runtime::open(None).map_err(|error| error.to_string())?;
        let model = TextModel::open(&folder, runtime).map_err(|error| error.to_string())?;
        model.check()?;
        Ok(SentencesFound {
            folder: folder.display().to_string(),
            id: model.id().to_owned(),
            licence: model.licence().to_owned(),
        })
    };
    match check() {
        Ok(found) => Finding::Sound(found),
        Err(error) => Finding::Broken { error },
    }
}

impl Findings {
    fn list(&self) -> String {
        let Program { version, licence, inference_threads } = self.program;
        let mut text =
            format!("ok     resonantgen {version} ({licence}), {inference_threads} inference threads\n");
        let _ = match &self.runtime {
            Finding::Sound(found) => {
                let _ = writeln!(
                    text,
                    "ok     ONNX Runtime {} ({}): {}",
                    found.version, found.licence, found.library
                );
                found.providers.iter().try_for_each(|ProviderFound { name, in_use, reason }| {
                    writeln!(text, "       {} {name}: {reason}", if *in_use { "+" } else { "-" })
                })
            }
            Finding::Broken { error } => writeln!(text, "BROKEN ONNX Runtime: {error}"),
        };
        let _ = match &self.bundle {
            Finding::Sound(found) => writeln!(
                text,
                "ok     models {} ({}), {} patches, hashes {}: {}",
                found.id, found.licence, found.patches, found.hashes, found.folder
            ),
            Finding::Broken { error } => writeln!(text, "BROKEN models: {error}"),
        };
        let _ = match &self.sentences {
            Finding::Sound(found) => {
                writeln!(text, "ok     sentences {} ({}): {}", found.id, found.licence, found.folder)
            }
            Finding::Broken { error } => {
                writeln!(
                    text,
                    "note   prompts are understood by their words alone, without the sentence model: {error} (copy the \
                    folder models/text into a bundle of your own to use it there)"
                )
            }
        };
        text.push_str(if self.healthy {
            "everything is in order\n"
        } else {
            "fix what is BROKEN above, then run doctor again\n"
        });
        text
    }
}
