//! Execution providers: what a network may run on, and what this machine's runtime says to each.

use std::fmt;
use std::str::FromStr;

use ort::ep::ExecutionProvider;
use ort::session::Session;
use ort::session::builder::SessionBuilder;

use super::Runtime;

/// Environment variable that chooses a provider where the options leave it open.
pub const PROVIDER_VARIABLE: &str = "RESONANTGEN_PROVIDER";

/// Something that networks can run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provider {
    /// The processor; always there.
    Cpu,
    /// An NVIDIA graphics card through CUDA.
    Cuda,
    /// An NVIDIA graphics card through TensorRT, which prepares networks for minutes before their first run.
    TensorRt,
    /// Any graphics card on Windows.
    DirectMl,
    /// Graphics card or neural engine on macOS.
    CoreMl,
}

impl Provider {
    /// All providers.
    pub const ALL: [Self; 5] = [Self::Cpu, Self::Cuda, Self::TensorRt, Self::DirectMl, Self::CoreMl];

    /// Those that the automatic choice considers besides the CPU, the most promising first. TensorRT takes too long to
    /// start to be chosen without being asked for.
    pub(super) const AUTOMATIC: [Self; 3] = [Self::Cuda, Self::DirectMl, Self::CoreMl];

    /// Name for people.
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

    /// The one system that has it, if it is only one.
    const fn only_on(self) -> Option<&'static str> {
        match self {
            Self::Cpu | Self::Cuda | Self::TensorRt => None,
            Self::DirectMl => Some("windows"),
            Self::CoreMl => Some("macos"),
        }
    }

    /// Why it is not there, when the runtime was built without it.
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
    /// Whichever is fastest for each network, by a measurement that is remembered.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// CUDA, and the CPU where it fails.
    Cuda,
    /// TensorRT, and the CPU where it fails.
    TensorRt,
    /// DirectML, and the CPU where it fails.
    DirectMl,
    /// CoreML, and the CPU where it fails.
    CoreMl,
}

impl ProviderChoice {
    /// All choices.
    pub const ALL: [Self; 6] =
        [Self::Auto, Self::Cpu, Self::Cuda, Self::TensorRt, Self::DirectMl, Self::CoreMl];

    /// The provider; none for the automatic choice.
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

    /// The word that is typed for it.
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

    /// This choice, or what [`PROVIDER_VARIABLE`] says where this leaves it open.
    ///
    /// # Errors
    /// When the variable names no provider.
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

/// The word names no provider.
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

/// What became of one provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderStatus {
    /// The provider.
    pub provider: Provider,
    /// Whether any network runs on it, or will once it is loaded.
    pub in_use: bool,
    /// What it does, or why it is not in use; a few words for people, on one line.
    pub reason: String,
}

/// What can be asked of a runtime library about a provider. A trait so that the choice can be tested on machines without
/// such hardware.
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

/// Adds a provider to what a session may use.
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

/// What the runtime said, without its line breaks, the places in its sources that come first, and at bearable length.
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
