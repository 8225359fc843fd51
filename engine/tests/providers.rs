//! Providers of the real runtime. The one used by tests has only the CPU; others are tested with fakes
//! next to `Placement`.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod support;

use resonantgen_models::generator::{Engine, EngineOptions, Silent};
use resonantgen_models::runtime::{Provider, ProviderChoice, ProviderStatus};
use resonantgen_music::track::Track;
use support::{TakeInputs, fixture, runtime_library};

fn engine(provider: ProviderChoice) -> Engine {
    let runtime_library = Some(runtime_library());
    Engine::open(&EngineOptions { runtime_library, provider, threads: 1, ..EngineOptions::new(fixture()) })
        .unwrap()
}

fn status(engine: &Engine, provider: Provider) -> ProviderStatus {
    engine.providers().into_iter().find(|status| status.provider == provider).unwrap()
}

#[test]
fn a_card_that_is_not_there_is_explained_and_the_cpu_makes_the_same_take() {
    let inputs = TakeInputs::new(Track::Bass, 1);
    let plain = engine(ProviderChoice::Cpu);
    let take = plain.generate_take(&inputs.request(), &Silent).unwrap();
    for choice in [ProviderChoice::Cuda, ProviderChoice::Auto] {
        let engine = engine(choice);
        let cuda = status(&engine, Provider::Cuda);
        assert!(!cuda.in_use && cuda.reason.contains("setup --provider cuda"), "{cuda:?}");
        assert_eq!(engine.generate_take(&inputs.request(), &Silent).unwrap().audio, take.audio);
        let cpu = status(&engine, Provider::Cpu);
        assert!(cpu.in_use && cpu.reason == "runs compose, decode, perform", "{cpu:?}");
    }
}

#[test]
fn networks_that_were_dropped_are_loaded_again_and_make_the_same_take() {
    let inputs = TakeInputs::new(Track::Drums, 1);
    let engine = engine(ProviderChoice::Cpu);
    assert_eq!(engine.networks_loaded(), 0);
    let take = engine.generate_take(&inputs.request(), &Silent).unwrap();
    assert_eq!(engine.networks_loaded(), 3);
    engine.unload_networks();
    assert_eq!(engine.networks_loaded(), 0);
    assert_eq!(engine.generate_take(&inputs.request(), &Silent).unwrap().audio, take.audio);
    engine.load_networks().unwrap();
    assert_eq!(engine.networks_loaded(), 12);
}
