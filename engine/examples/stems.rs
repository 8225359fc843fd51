//! From a prompt to four stems: `cargo run --release --example stems -- BUNDLE OUT "dark techno" [SEED] [THREADS]`.
//!
//! Shows the facade without a session: parse, plan, then one take after the other, each hearing those before it.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use resonantgen_models::generator::{Engine, EngineOptions, Silent, TakeRequest};
use resonantgen_music::track::Track;
use resonantgen_take::{GenerationSettings, TAKE_SAMPLE_RATE_HZ, Take};
use resonantgen_words::Overrides;

#[allow(clippy::print_stdout, reason = "an example on the command line")]
fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "give a bundle, an output folder and a prompt";
    let bundle_dir = PathBuf::from(arguments.next().ok_or(usage)?);
    let folder = PathBuf::from(arguments.next().ok_or(usage)?);
    let prompt = arguments.next().ok_or(usage)?;
    let seed = arguments.next().map_or(Ok(1), |text| text.parse())?;
    let threads = arguments.next().map_or(Ok(1), |text| text.parse())?;

    let start = Instant::now();
    let engine = Engine::open(&EngineOptions { threads, ..EngineOptions::new(bundle_dir) })?;
    println!("opened in {:.2} s", start.elapsed().as_secs_f64());
    let intent = resonantgen_words::parse(&prompt)?;
    let plan = resonantgen_words::make_plan(&intent, &Overrides::default(), seed)?;
    println!("{} bpm, {}, {} bars", plan.bpm, plan.key, plan.bars);
    std::fs::create_dir_all(&folder)?;
    let start = Instant::now();
    let mut takes: Vec<Arc<Take>> = Vec::new();
    for track in Track::ALL {
        let request = TakeRequest {
            track,
            prompt: &prompt,
            intent: &intent,
            plan: &plan,
            seed,
            settings: GenerationSettings::default(),
            context: &takes,
            patch: None,
        };
        let take = engine.generate_take(&request, &Silent)?;
        let timings = take.timings;
        println!(
            "{track:8} {:24} {:4} notes, compose {:.2} s, perform {:.2} s, decode {:.2} s",
            take.patch,
            take.score.notes.len(),
            timings.compose,
            timings.perform,
            timings.decode
        );
        let format = hound::WavSpec {
            channels: 2,
            sample_rate: TAKE_SAMPLE_RATE_HZ,
            bits_per_sample: 24,
            sample_format: hound::SampleFormat::Int,
        };
        let mut file = hound::WavWriter::create(folder.join(format!("{track}.wav")), format)?;
        for (left, right) in take.audio.left.iter().zip(&take.audio.right) {
            file.write_sample(*left)?;
            file.write_sample(*right)?;
        }
        file.finalize()?;
        takes.push(Arc::new(take));
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("{:.1} s of music in {seconds:.2} s", plan.seconds());
    Ok(())
}
