//! Stores on this machine which provider was measured to be faster for each network.

use directories::BaseDirs;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::provider::Provider;

/// Folder in the user's cache folder, and the file in it.
const FOLDER: &str = "resonantgen";
const FILE: &str = "providers.json";
/// Maximum number of stored verdicts: bundles come and go.
const MOST: usize = 512;
/// Another provider must take less than this share of the CPU's time to be worth occupying it.
const WORTH: f64 = 0.8;

/// Result of comparing the CPU with another provider, in seconds per run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Verdict {
    /// Seconds on the CPU.
    pub(super) cpu: f64,
    /// Seconds on the other provider.
    pub(super) other: f64,
}

impl Verdict {
    /// Whether to use the other provider.
    pub(super) fn favours_other(&self) -> bool {
        self.other < WORTH * self.cpu
    }

    /// Why the other provider is not used, in words.
    pub(super) fn words(&self) -> String {
        format!("the CPU is as fast here ({:.1} ms a run, not {:.1} ms)", self.cpu * 1e3, self.other * 1e3)
    }
}

/// Verdicts by key; stored in the user's cache folder if there is one.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    file: Option<PathBuf>,
    known: Mutex<Option<BTreeMap<String, Verdict>>>,
}

impl Verdicts {
    /// Verdicts in the user's cache folder.
    pub(super) fn of_this_machine() -> Self {
        Self::in_file(cache_folder().map(|folder| folder.join(FOLDER).join(FILE)))
    }

    /// Verdicts in `file`, which need not exist yet; without a file they last as long as this value.
    pub(super) fn in_file(file: Option<PathBuf>) -> Self {
        Self { file, known: Mutex::default() }
    }

    /// Key of a comparison: the network's hash, the runtime's version and the provider.
    pub(super) fn key(network_sha256: &str, runtime_version: &str, provider: Provider) -> String {
        format!("{network_sha256} on {provider} with ONNX Runtime {runtime_version}")
    }

    /// The verdict of `key`, if there is one.
    pub(super) fn find(&self, key: &str) -> Option<Verdict> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get_or_insert_with(|| self.file.as_deref().map(read).unwrap_or_default()).get(key).copied()
    }

    /// Stores a verdict. If the cache cannot be written, the only cost is another measurement next time.
    pub(super) fn remember(&self, key: String, verdict: Verdict) {
        let mut slot = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // Another process may have added verdicts in the meantime.
        let mut known = self.file.as_deref().map(read).unwrap_or_default();
        known.extend(slot.take().unwrap_or_default());
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(key, verdict);
        if let Some(file) = &self.file {
            let _ = write(file, &known);
        }
        *slot = Some(known);
    }
}

/// The verdicts in a file; empty if it is missing or damaged.
fn read(file: &Path) -> BTreeMap<String, Verdict> {
    std::fs::read(file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

fn write(file: &Path, known: &BTreeMap<String, Verdict>) -> std::io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut fresh = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer_pretty(&mut fresh, known)?;
    fresh.persist(file)?;
    Ok(())
}

/// The system's cache folder for this user.
fn cache_folder() -> Option<PathBuf> {
    BaseDirs::new().map(|folders| folders.cache_dir().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERDICT: Verdict = Verdict { cpu: 0.02, other: 0.004 };

    #[test]
    fn a_verdict_outlives_the_process_and_a_damaged_file_is_only_forgotten() {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let file = folder.path().join("below/providers.json");
        let key = Verdicts::key("ab12", "1.31.0", Provider::Cuda);
        let first = Verdicts::in_file(Some(file.clone()));
        assert_eq!(first.find(&key), None);
        first.remember(key.clone(), VERDICT);
        assert_eq!(Verdicts::in_file(Some(file.clone())).find(&key), Some(VERDICT));
        for other in [
            Verdicts::key("ab13", "1.31.0", Provider::Cuda),
            Verdicts::key("ab12", "1.32.0", Provider::Cuda),
            Verdicts::key("ab12", "1.31.0", Provider::TensorRt),
        ] {
            assert_eq!(first.find(&other), None);
        }
        std::fs::write(&file, "{").expect("the file can be written");
        assert_eq!(Verdicts::in_file(Some(file.clone())).find(&key), None);
        assert_eq!(first.find(&key), Some(VERDICT));
    }

    #[test]
    fn another_provider_must_be_clearly_faster() {
        assert!(VERDICT.favours_other());
        assert!(!Verdict { cpu: 0.02, other: 0.019 }.favours_other());
        assert!(!Verdict { cpu: 0.02, other: 0.05 }.favours_other());
    }
}
