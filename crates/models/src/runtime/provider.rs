//! Execution providers: where a network can run, and whether this machine's runtime supports each.

use std::fmt;
use std::str::FromStr;

use ort::ep::ExecutionProvider;
use ort::session::Session;
use ort::session::builder::SessionBuilder;

use super::Runtime;

/// Environment variable that chooses a provider if the options leave it open.
pub const PROVIDER_VARIABLE: &str = "RESONANTGEN_PROVIDER";

/// An execution provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provider {
    /// The processor; always available.
    Cpu,
    /// An NVIDIA graphics card through CUDA.
    Cuda,
    /// An NVIDIA graphics card through TensorRT, which prepares a network for minutes before its first run.
    TensorRt,
    /// Any graphics card on Windows.
    DirectMl,
    /// Graphics card or neural engine on macOS.
    CoreMl,
}

impl Provider {
    /// All providers.
    pub const ALL: [Self; 5] = [Self::Cpu, Self::Cuda, Self::TensorRt, Self::DirectMl, Self::CoreMl];

    /// Providers that the automatic choice considers besides the CPU, most promising first. TensorRT takes too long to start to
    /// be chosen automatically.
    pub(super) const AUTOMATIC: [Self; 3] = [Self::Cuda, Self::DirectMl, Self::CoreMl];

    /// Name for display.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "CPU",
            Self::Cuda => "CUDA",
            Self::TensorRt => "TensorRT",
            Self::DirectMl => "DirectML",
            Self::CoreMl => "CoreML",
        }
    }

    /// The only system that has it, if there is only one.
    const fn only_on(self) -> Option<&'static str> {
        match self {
            Self::Cpu | Self::Cuda | Self::TensorRt => None,
            Self::DirectMl => Some("windows"),
            Self::CoreMl => Some("macos"),
        }
    }

    /// Why it is missing if the runtime was built without it.
    pub(super) fn absence(self) -> String {
        if let Some(system) = self.only_on().filter(|system| *system != std::env::consts::OS) {
            return format!("only on {}", if system == "macos" { "macOS" } else { "Windows" });
        }
        let setup = match self {
            Self::Cuda | Self::TensorRt => "; `cargo xtask setup --provider cuda` fetches one with it",
            Self::DirectMl => "; `cargo xtask setup --provider directml` fetches one with it",
            Self::Cpu | Self::CoreMl => "",
        };
        format!("this ONNX Runtime was built without it{setup}")
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Which provider to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ProviderChoice {
    /// The fastest one for each network, by a stored measurement.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// CUDA, with the CPU as fallback.
    Cuda,
    /// TensorRT, with the CPU as fallback.
    TensorRt,
    /// DirectML, with the CPU as fallback.
    DirectMl,
    /// CoreML, with the CPU as fallback.
    CoreMl,
}

impl ProviderChoice {
    /// All choices.
    pub const ALL: [Self; 6] =
        [Self::Auto, Self::Cpu, Self::Cuda, Self::TensorRt, Self::DirectMl, Self::CoreMl];

    /// The provider; `None` for the automatic choice.
    #[must_use]
    pub const fn provider(self) -> Option<Provider> {
        match self {
            Self::Auto => None,
            Self::Cpu => Some(Provider::Cpu),
            Self::Cuda => Some(Provider::Cuda),
            Self::TensorRt => Some(Provider::TensorRt),
            Self::DirectMl => Some(Provider::DirectMl),
            Self::CoreMl => Some(Provider::CoreMl),
        }
    }

    /// Its word on the command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::TensorRt => "tensorrt",
            Self::DirectMl => "directml",
            Self::CoreMl => "coreml",
        }
    }

    /// This choice, or that of [`PROVIDER_VARIABLE`] if this is automatic.
    ///
    /// # Errors
    /// Returns an error if the variable does not name a provider.
    pub fn or_environment(self) -> Result<Self, UnknownProvider> {
        match std::env::var(PROVIDER_VARIABLE) {
            Ok(word) if self == Self::Auto && !word.is_empty() => word.parse(),
            _ => Ok(self),
        }
    }
}

impl fmt::Display for ProviderChoice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

/// The word does not name a provider.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no provider: use auto, cpu, cuda, tensorrt, directml or coreml")]
pub struct UnknownProvider(pub String);

impl FromStr for ProviderChoice {
    type Err = UnknownProvider;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|choice| choice.word().eq_ignore_ascii_case(word.trim()));
        known.ok_or_else(|| UnknownProvider(word.to_owned()))
    }
}

/// Status of one provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderStatus {
    /// The provider.
    pub provider: Provider,
    /// Whether any network runs on it, or will once it is loaded.
    pub in_use: bool,
    /// What it does, or why it is not in use; one short line for display.
    pub reason: String,
}

/// Queries to a runtime library about a provider. A trait, so that the choice can be tested without such hardware.
pub(super) trait Library: Send + Sync {
    /// Whether the library was built with the provider.
    fn includes(&self, provider: Provider) -> bool;

    /// Tries to start the provider, without any network.
    fn start(&self, provider: Provider) -> Result<(), String>;
}

impl Library for Runtime {
    fn includes(&self, provider: Provider) -> bool {
        let answer = match provider {
            Provider::Cpu => return true,
            Provider::Cuda => ort::ep::CUDA::is_available(),
            Provider::TensorRt => ort::ep::TensorRT::is_available(),
            Provider::DirectMl => ort::ep::DirectML::is_available(),
            Provider::CoreMl => ort::ep::CoreML::is_available(),
        };
        answer.unwrap_or(false)
    }

    fn start(&self, provider: Provider) -> Result<(), String> {
        Session::builder(&self.environment)
            .map_err(|error| error.to_string())
            .and_then(|builder| register(builder, provider))
            .map(|_| ())
            .map_err(|reason| one_line(&reason))
    }
}

/// Adds a provider to a session.
pub(super) fn register(mut builder: SessionBuilder, provider: Provider) -> Result<SessionBuilder, String> {
    let result = match provider {
        Provider::Cpu => Ok(()),
        Provider::Cuda => ort::ep::CUDA::default().register(&mut builder),
        Provider::TensorRt => ort::ep::TensorRT::default().register(&mut builder),
        Provider::DirectMl => ort::ep::DirectML::default().register(&mut builder),
        Provider::CoreMl => ort::ep::CoreML::default().register(&mut builder),
    };
    result.map_err(|error| error.to_string())?;
    if provider == Provider::DirectMl {
        // DirectML supports neither (its documentation, "Configuration options").
        builder = builder.with_memory_pattern(false).map_err(|error| error.to_string())?;
        builder = builder.with_parallel_execution(false).map_err(|error| error.to_string())?;
    }
    Ok(builder)
}

/// The runtime's message on one line, without source locations and at a bearable length.
pub(super) fn one_line(text: &str) -> String {
    const LONGEST: usize = 240;
    let text = text.rsplit_once(" with error: ").map_or(text, |(_, cause)| cause);
    let text = text.rsplit_once("[ONNXRuntimeError] : ").map_or(text, |(_, cause)| cause);
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_typed_by_their_words() {
        for choice in ProviderChoice::ALL {
            assert_eq!(choice.word().parse(), Ok(choice));
            assert_eq!(choice.word().to_uppercase().parse(), Ok(choice));
        }
        let error = "gpu".parse::<ProviderChoice>().expect_err("no provider").to_string();
        assert!(error.contains("\"gpu\"") && error.contains("cuda"), "{error}");
    }

    #[test]
    fn reasons_are_one_bearable_line() {
        assert_eq!(one_line("  a\n\tb  c "), "a b c");
        let found = "/src/provider_bridge_ort.cc:2043 Get() [ONNXRuntimeError] : 1 : FAIL : Failed to load library \
                     libonnxruntime_providers_cuda.so with error: libcublasLt.so.13: cannot open shared object file";
        assert_eq!(one_line(found), "libcublasLt.so.13: cannot open shared object file");
        assert_eq!(one_line("here.cc:1 [ONNXRuntimeError] : 6 : no memory"), "6 : no memory");
        assert!(one_line(&"é ".repeat(1000)).chars().count() < 250);
    }
}
