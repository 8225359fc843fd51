//! Decides which provider each network runs on, and records why.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Runtime;
use super::provider::{Library, Provider, ProviderChoice, ProviderStatus, one_line};
use super::verdicts::{Verdict, Verdicts};

/// The placement of one engine's networks.
pub struct Placement {
    library: Arc<dyn Library>,
    version: String,
    choice: ProviderChoice,
    verdicts: Verdicts,
    notes: Mutex<Notes>,
}

/// A network to place.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    /// Its stage: `perform`, `decode`, ...
    pub(super) stage: &'static str,
    /// SHA-256 of its file.
    pub(super) sha256: String,
}

/// Where a network was opened.
#[derive(Debug, PartialEq)]
pub(super) enum Placed<S> {
    /// One provider.
    On(Provider, S),
    /// The CPU, and another provider that may be faster: the first run decides (see [`Placement::settle`]).
    Undecided { cpu: S, other: (Provider, S) },
}

#[derive(Default)]
struct Notes {
    /// Results of starting providers.
    started: BTreeMap<Provider, Result<(), String>>,
    /// Why a provider that started is not used for the networks of a stage.
    refused: BTreeMap<(Provider, &'static str), String>,
    /// Cases in which the CPU was found to be as fast.
    outdone: BTreeMap<(Provider, &'static str), String>,
    /// Stages whose networks run on each provider.
    used: BTreeMap<Provider, BTreeSet<&'static str>>,
}

impl std::fmt::Debug for Placement {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Placement").field("choice", &self.choice).finish_non_exhaustive()
    }
}

impl Placement {
    /// A placement by `choice`, among the providers of `runtime`.
    #[must_use]
    pub fn new(runtime: Arc<Runtime>, choice: ProviderChoice) -> Self {
        let version = runtime.version().to_owned();
        Self::with(runtime, version, choice, Verdicts::of_this_machine())
    }

    pub(super) fn with(
        library: Arc<dyn Library>,
        version: String,
        choice: ProviderChoice,
        verdicts: Verdicts,
    ) -> Self {
        Self { library, version, choice, verdicts, notes: Mutex::default() }
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why `provider` cannot be used, if so. The runtime is queried once; starting a provider may take a second.
    fn obstacle(&self, provider: Provider) -> Option<String> {
        let mut notes = self.notes();
        let answer = notes.started.entry(provider).or_insert_with(|| {
            if !self.library.includes(provider) {
                return Err(provider.absence());
            }
            self.library.start(provider).map_err(|reason| format!("it does not start: {reason}"))
        });
        answer.as_ref().err().cloned()
    }

    /// Providers other than the CPU that may be used, best first.
    fn candidates(&self) -> Vec<Provider> {
        let wanted = match self.choice.provider() {
            None => Provider::AUTOMATIC.to_vec(),
            Some(Provider::Cpu) => Vec::new(),
            Some(provider) => vec![provider],
        };
        wanted.into_iter().filter(|provider| self.obstacle(*provider).is_none()).collect()
    }

    /// Opens a network with `open` on the best provider that accepts it. The CPU takes over if others fail. If the choice is
    /// automatic and no measurement is stored, it is opened on both.
    pub(super) fn place<S, E: ToString>(
        &self,
        subject: &Subject,
        mut open: impl FnMut(Provider) -> Result<S, E>,
    ) -> Result<Placed<S>, E> {
        let stage = subject.stage;
        for provider in self.candidates() {
            // A provider that failed on this stage would fail again.
            if self.notes().refused.contains_key(&(provider, stage)) {
                continue;
            }
            let is_automatic = self.choice == ProviderChoice::Auto;
            let known = self.verdicts.find(&self.key(subject, provider)).filter(|_| is_automatic);
            if let Some(verdict) = known.filter(|verdict| !verdict.favours_other()) {
                self.outdone(provider, stage, verdict);
                continue;
            }
            match open(provider) {
                Ok(session) if is_automatic && known.is_none() => {
                    return Ok(Placed::Undecided { cpu: open(Provider::Cpu)?, other: (provider, session) });
                }
                Ok(session) => {
                    self.use_for(provider, stage);
                    return Ok(Placed::On(provider, session));
                }
                Err(error) => {
                    self.refuse(
                        provider,
                        stage,
                        &format!("{stage} does not load on it: {}", error.to_string()),
                    );
                }
            }
        }
        let session = open(Provider::Cpu)?;
        self.use_for(Provider::Cpu, stage);
        Ok(Placed::On(Provider::Cpu, session))
    }

    fn key(&self, subject: &Subject, provider: Provider) -> String {
        Verdicts::key(&subject.sha256, &self.version, provider)
    }

    /// Decides between the CPU and `other` by the seconds that each took for one run, and stores the verdict. A provider that
    /// failed (`Err` with its reason) loses, and is tried again by the next process.
    pub(super) fn settle(
        &self,
        subject: &Subject,
        other: Provider,
        cpu: f64,
        took: Result<f64, String>,
    ) -> Provider {
        let stage = subject.stage;
        let winner = match took {
            Ok(seconds) => {
                let verdict = Verdict { cpu, other: seconds };
                self.verdicts.remember(self.key(subject, other), verdict);
                if verdict.favours_other() {
                    other
                } else {
                    self.outdone(other, stage, verdict);
                    Provider::Cpu
                }
            }
            Err(reason) => {
                self.refuse(other, stage, &format!("{stage} failed on it: {reason}"));
                Provider::Cpu
            }
        };
        self.use_for(winner, stage);
        winner
    }

    fn use_for(&self, provider: Provider, stage: &'static str) {
        self.notes().used.entry(provider).or_default().insert(stage);
    }

    /// Records that `provider` failed while running networks of `stage`, and that the CPU runs them now.
    pub(super) fn fall_back(&self, provider: Provider, stage: &'static str, reason: &str) {
        self.refuse(provider, stage, &format!("{stage} failed on it: {reason}"));
        let mut notes = self.notes();
        if let Some(stages) = notes.used.get_mut(&provider) {
            stages.remove(stage);
        }
        notes.used.entry(Provider::Cpu).or_default().insert(stage);
    }

    fn refuse(&self, provider: Provider, stage: &'static str, reason: &str) {
        self.notes().refused.insert((provider, stage), one_line(reason));
    }

    /// Records that the CPU is as fast for one network of `stage`; others of the stage may still run on `provider`.
    fn outdone(&self, provider: Provider, stage: &'static str, verdict: Verdict) {
        self.notes().outdone.insert((provider, stage), format!("{stage}: {}", verdict.words()));
    }

    /// Records that networks of `stage` always run on the CPU.
    pub(crate) fn keep_on_cpu(&self, stage: &'static str) {
        self.use_for(Provider::Cpu, stage);
    }

    /// The status of each provider. May have to start one, which can take a second.
    #[must_use]
    pub fn statuses(&self) -> Vec<ProviderStatus> {
        let candidates = self.candidates();
        Provider::ALL
            .into_iter()
            .map(|provider| {
                let (used, objections) = self.history(provider);
                let is_open = candidates.contains(&provider) && objections.is_empty();
                let in_use = !used.is_empty() || provider == Provider::Cpu || is_open;
                let mut parts = Vec::new();
                if !used.is_empty() {
                    parts.push(format!("runs {}", used.join(", ")));
                }
                parts.extend(objections);
                if parts.is_empty() {
                    parts.push(self.expectation(provider));
                }
                ProviderStatus { provider, in_use, reason: parts.join("; ") }
            })
            .collect()
    }

    /// The stages that run on `provider`, and why others do not.
    fn history(&self, provider: Provider) -> (Vec<&'static str>, Vec<String>) {
        let notes = self.notes();
        let used: Vec<&'static str> = notes.used.get(&provider).into_iter().flatten().copied().collect();
        let objections = notes.refused.iter().chain(&notes.outdone);
        let own = objections.filter(|((other, _), _)| *other == provider).map(|(_, reason)| reason.clone());
        (used, own.collect())
    }

    /// The status of a provider on which no network was opened.
    fn expectation(&self, provider: Provider) -> String {
        if provider == Provider::Cpu {
            return "ready".to_owned();
        }
        let chosen = match self.choice.provider() {
            None => Provider::AUTOMATIC.contains(&provider),
            Some(chosen) => chosen == provider,
        };
        if chosen {
            return self.obstacle(provider).unwrap_or_else(|| "ready".to_owned());
        }
        if !self.library.includes(provider) {
            return provider.absence();
        }
        format!("not chosen (the choice is {})", self.choice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A runtime library that includes some providers, of which some start.
    struct Fake {
        includes: &'static [Provider],
        starts: &'static [Provider],
    }

    impl Library for Fake {
        fn includes(&self, provider: Provider) -> bool {
            self.includes.contains(&provider)
        }

        fn start(&self, provider: Provider) -> Result<(), String> {
            if self.starts.contains(&provider) {
                Ok(())
            } else {
                Err("libcublas.so.12 is missing".to_owned())
            }
        }
    }

    const PLAIN: Fake = Fake { includes: &[], starts: &[] };
    const WORKING: Fake = Fake { includes: &[Provider::Cuda], starts: &[Provider::Cuda] };
    const BROKEN: Fake = Fake { includes: &[Provider::Cuda], starts: &[] };

    fn placement(library: Fake, choice: ProviderChoice) -> Placement {
        Placement::with(Arc::new(library), "1.31.0".to_owned(), choice, Verdicts::default())
    }

    fn network(stage: &'static str) -> Subject {
        Subject { stage, sha256: format!("hash of {stage}") }
    }

    /// Opens anything.
    fn any(provider: Provider) -> Result<Provider, String> {
        Ok(provider)
    }

    const ON_CPU: Result<Placed<Provider>, String> = Ok(Placed::On(Provider::Cpu, Provider::Cpu));
    const ON_CUDA: Result<Placed<Provider>, String> = Ok(Placed::On(Provider::Cuda, Provider::Cuda));
    const UNDECIDED: Result<Placed<Provider>, String> =
        Ok(Placed::Undecided { cpu: Provider::Cpu, other: (Provider::Cuda, Provider::Cuda) });

    fn status(placement: &Placement, provider: Provider) -> ProviderStatus {
        placement.statuses().into_iter().find(|status| status.provider == provider).expect("each is there")
    }

    #[test]
    fn without_a_graphics_card_all_runs_on_the_cpu_and_each_reason_is_told() {
        let placement = placement(PLAIN, ProviderChoice::Auto);
        assert_eq!(placement.place(&network("decode"), any), ON_CPU);
        let cpu = status(&placement, Provider::Cpu);
        assert!(cpu.in_use && cpu.reason == "runs decode", "{cpu:?}");
        let cuda = status(&placement, Provider::Cuda);
        assert!(!cuda.in_use && cuda.reason.contains("setup --provider cuda"), "{cuda:?}");
    }

    #[test]
    fn a_provider_that_does_not_start_says_why_and_the_cpu_takes_over() {
        for choice in [ProviderChoice::Auto, ProviderChoice::Cuda] {
            let placement = placement(BROKEN, choice);
            assert_eq!(placement.place(&network("decode"), any), ON_CPU);
            let cuda = status(&placement, Provider::Cuda);
            assert!(!cuda.in_use && cuda.reason.contains("libcublas.so.12 is missing"), "{cuda:?}");
        }
    }

    #[test]
    fn a_working_provider_is_used_when_chosen_and_only_then() {
        let cuda = placement(WORKING, ProviderChoice::Cuda);
        assert_eq!(cuda.place(&network("decode"), any), ON_CUDA);
        assert!(status(&cuda, Provider::Cuda).in_use);
        let cpu = placement(WORKING, ProviderChoice::Cpu);
        assert_eq!(cpu.place(&network("decode"), any), ON_CPU);
        let left_out = status(&cpu, Provider::Cuda);
        assert!(!left_out.in_use && left_out.reason.contains("the choice is cpu"), "{left_out:?}");
    }

    #[test]
    fn a_network_that_a_provider_refuses_goes_to_the_cpu() {
        let refusing = |provider| match provider {
            Provider::Cpu => Ok(provider),
            _ => Err("no kernel for ConvInteger".to_owned()),
        };
        for choice in [ProviderChoice::Auto, ProviderChoice::Cuda] {
            let placement = placement(WORKING, choice);
            assert_eq!(placement.place(&network("decode"), refusing), ON_CPU);
            let cuda = status(&placement, Provider::Cuda);
            assert!(!cuda.in_use && cuda.reason.contains("ConvInteger"), "{cuda:?}");
        }
    }

    #[test]
    fn a_provider_that_fails_while_running_is_replaced_and_not_tried_again() {
        let placement = placement(WORKING, ProviderChoice::Cuda);
        assert_eq!(placement.place(&network("perform"), any), ON_CUDA);
        assert_eq!(placement.place(&network("decode"), any), ON_CUDA);
        placement.fall_back(Provider::Cuda, "decode", "out of memory");
        let cuda = status(&placement, Provider::Cuda);
        assert!(cuda.in_use && cuda.reason == "runs perform; decode failed on it: out of memory", "{cuda:?}");
        assert!(status(&placement, Provider::Cpu).reason.contains("decode"));
        assert_eq!(placement.place(&network("decode"), any), ON_CPU);
    }

    #[test]
    fn the_automatic_choice_measures_once_and_per_network() {
        let placement = placement(WORKING, ProviderChoice::Auto);
        let (slow, fast) = (network("perform"), network("decode"));
        assert_eq!(placement.place(&slow, any), UNDECIDED);
        assert_eq!(placement.place(&fast, any), UNDECIDED);
        assert_eq!(placement.settle(&slow, Provider::Cuda, 0.010, Ok(0.030)), Provider::Cpu);
        assert_eq!(placement.settle(&fast, Provider::Cuda, 0.010, Ok(0.002)), Provider::Cuda);
        assert_eq!(placement.place(&slow, any), ON_CPU);
        assert_eq!(placement.place(&fast, any), ON_CUDA);
        let cuda = status(&placement, Provider::Cuda);
        let told = "runs decode; perform: the CPU is as fast here (10.0 ms a run, not 30.0 ms)";
        assert!(cuda.in_use && cuda.reason == told, "{cuda:?}");
    }

    #[test]
    fn a_provider_that_fails_the_measurement_has_lost_but_not_for_ever() {
        let placement = placement(WORKING, ProviderChoice::Auto);
        let decode = network("decode");
        let winner = placement.settle(&decode, Provider::Cuda, 0.010, Err("out of memory".to_owned()));
        assert_eq!(winner, Provider::Cpu);
        assert_eq!(placement.place(&decode, any), ON_CPU);
        let key = Verdicts::key(&decode.sha256, "1.31.0", Provider::Cuda);
        assert_eq!(placement.verdicts.find(&key), None);
    }
}
