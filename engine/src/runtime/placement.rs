//! Decides which provider each network runs on, and remembers why.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Runtime;
use super::provider::{Library, Provider, ProviderChoice, ProviderStatus};

/// The decision of one engine. Its networks ask here what to be opened on.
pub struct Placement {
    library: Arc<dyn Library>,
    choice: ProviderChoice,
    notes: Mutex<Notes>,
}

#[derive(Default)]
struct Notes {
    /// Answers of providers that were asked to start.
    started: BTreeMap<Provider, Result<(), String>>,
    /// Why a provider that started is not used for some network.
    refused: BTreeMap<Provider, String>,
    /// Kinds of networks that run on each provider.
    used: BTreeMap<Provider, BTreeSet<&'static str>>,
}

impl std::fmt::Debug for Placement {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Placement").field("choice", &self.choice).finish_non_exhaustive()
    }
}

impl Placement {
    /// A placement by `choice` on what `runtime` has.
    #[must_use]
    pub fn new(runtime: Arc<Runtime>, choice: ProviderChoice) -> Self {
        Self::with(runtime, choice)
    }

    fn with(library: Arc<dyn Library>, choice: ProviderChoice) -> Self {
        Self { library, choice, notes: Mutex::default() }
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why `provider` cannot be used, if it cannot. The runtime is asked once; starting a provider may take a second.
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

    /// Providers other than the CPU that may be used, the best first.
    fn candidates(&self) -> Vec<Provider> {
        let wanted = match self.choice.provider() {
            None => Provider::AUTOMATIC.to_vec(),
            Some(Provider::Cpu) => Vec::new(),
            Some(provider) => vec![provider],
        };
        wanted.into_iter().filter(|provider| self.obstacle(*provider).is_none()).collect()
    }

    /// Opens a network of the kind `stage` (`perform`, `decode`, ...) with `open` on the best provider that takes it. The
    /// CPU takes over where others fail.
    pub(super) fn place<S, E: ToString>(
        &self,
        stage: &'static str,
        mut open: impl FnMut(Provider) -> Result<S, E>,
    ) -> Result<(S, Provider), E> {
        for provider in self.candidates() {
            match open(provider) {
                Ok(session) => {
                    self.use_for(provider, stage);
                    return Ok((session, provider));
                }
                Err(error) => {
                    self.refuse(provider, &format!("{stage} does not load on it: {}", error.to_string()))
                }
            }
        }
        let session = open(Provider::Cpu)?;
        self.use_for(Provider::Cpu, stage);
        Ok((session, Provider::Cpu))
    }

    fn use_for(&self, provider: Provider, stage: &'static str) {
        self.notes().used.entry(provider).or_default().insert(stage);
    }

    /// Notes that `provider` gave up on the networks of `stage` while they ran, and that the CPU does them now.
    pub(super) fn fall_back(&self, provider: Provider, stage: &'static str, reason: &str) {
        self.refuse(provider, &format!("{stage} failed on it: {reason}"));
        let mut notes = self.notes();
        if let Some(stages) = notes.used.get_mut(&provider) {
            stages.remove(stage);
        }
        notes.used.entry(Provider::Cpu).or_default().insert(stage);
    }

    fn refuse(&self, provider: Provider, reason: &str) {
        self.notes().refused.insert(provider, super::provider::one_line(reason));
    }

    /// Notes that networks of `stage` always run on the CPU.
    pub(crate) fn keep_on_cpu(&self, stage: &'static str) {
        self.use_for(Provider::Cpu, stage);
    }

    /// What became of each provider. May ask the runtime to start one, which can take a second.
    #[must_use]
    pub fn statuses(&self) -> Vec<ProviderStatus> {
        let candidates = self.candidates();
        Provider::ALL
            .into_iter()
            .map(|provider| {
                let used: Vec<&str> =
                    self.notes().used.get(&provider).into_iter().flatten().copied().collect();
                let refused = self.notes().refused.get(&provider).cloned();
                let in_use = !used.is_empty()
                    || provider == Provider::Cpu
                    || candidates.contains(&provider) && refused.is_none();
                let reason = match (used.is_empty(), refused) {
                    (false, None) => format!("runs {}", used.join(", ")),
                    (false, Some(refusal)) => format!("runs {}; {refusal}", used.join(", ")),
                    (true, Some(refusal)) => refusal,
                    (true, None) => self.expectation(provider),
                };
                ProviderStatus { provider, in_use, reason }
            })
            .collect()
    }

    /// What to say of a provider that no network was opened on.
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
        Placement::with(Arc::new(library), choice)
    }

    /// Opens anything.
    fn any(provider: Provider) -> Result<Provider, String> {
        Ok(provider)
    }

    fn status(placement: &Placement, provider: Provider) -> ProviderStatus {
        placement.statuses().into_iter().find(|status| status.provider == provider).expect("each is there")
    }

    #[test]
    fn without_a_graphics_card_all_runs_on_the_cpu_and_each_reason_is_told() {
        let placement = placement(PLAIN, ProviderChoice::Auto);
        assert_eq!(placement.place("decode", any), Ok((Provider::Cpu, Provider::Cpu)));
        let cpu = status(&placement, Provider::Cpu);
        assert!(cpu.in_use && cpu.reason == "runs decode", "{cpu:?}");
        let cuda = status(&placement, Provider::Cuda);
        assert!(!cuda.in_use && cuda.reason.contains("setup --provider cuda"), "{cuda:?}");
    }

    #[test]
    fn a_provider_that_does_not_start_says_why_and_the_cpu_takes_over() {
        for choice in [ProviderChoice::Auto, ProviderChoice::Cuda] {
            let placement = placement(BROKEN, choice);
            assert_eq!(placement.place("decode", any), Ok((Provider::Cpu, Provider::Cpu)));
            let cuda = status(&placement, Provider::Cuda);
            assert!(!cuda.in_use && cuda.reason.contains("libcublas.so.12 is missing"), "{cuda:?}");
        }
    }

    #[test]
    fn a_working_provider_is_used_when_chosen_and_only_then() {
        let cuda = placement(WORKING, ProviderChoice::Cuda);
        assert_eq!(cuda.place("decode", any), Ok((Provider::Cuda, Provider::Cuda)));
        assert!(status(&cuda, Provider::Cuda).in_use);
        let cpu = placement(WORKING, ProviderChoice::Cpu);
        assert_eq!(cpu.place("decode", any), Ok((Provider::Cpu, Provider::Cpu)));
        let left_out = status(&cpu, Provider::Cuda);
        assert!(!left_out.in_use && left_out.reason.contains("the choice is cpu"), "{left_out:?}");
    }

    #[test]
    fn a_network_that_a_provider_refuses_goes_to_the_cpu() {
        let placement = placement(WORKING, ProviderChoice::Cuda);
        let refusing = |provider| match provider {
            Provider::Cpu => Ok(provider),
            _ => Err("no kernel for ConvInteger".to_owned()),
        };
        assert_eq!(placement.place("decode", refusing), Ok((Provider::Cpu, Provider::Cpu)));
        let cuda = status(&placement, Provider::Cuda);
        assert!(!cuda.in_use && cuda.reason.contains("ConvInteger"), "{cuda:?}");
    }

    #[test]
    fn a_provider_that_fails_while_running_is_replaced() {
        let placement = placement(WORKING, ProviderChoice::Cuda);
        placement.place("perform", any).expect("it opens");
        placement.place("decode", any).expect("it opens");
        placement.fall_back(Provider::Cuda, "decode", "out of memory");
        let cuda = status(&placement, Provider::Cuda);
        assert!(cuda.in_use && cuda.reason == "runs perform; decode failed on it: out of memory", "{cuda:?}");
        assert!(status(&placement, Provider::Cpu).reason.contains("decode"));
    }
}
