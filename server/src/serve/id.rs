//! Ids that arrive in requests and become file names: exactly 32 lower-case hexadecimal digits.

use serde::{Deserialize, Serialize};

const LENGTH: usize = 32;

/// The text is not an id.
#[derive(Debug, thiserror::Error)]
#[error("an id has {LENGTH} hexadecimal digits")]
pub struct NotAnId;

fn check(text: &str) -> Result<(), NotAnId> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text.len() == LENGTH && text.bytes().all(is_digit) { Ok(()) } else { Err(NotAnId) }
}

/// 128 random bits in hexadecimal.
fn fresh() -> Result<String, getrandom::Error> {
    let mut bytes = [0_u8; LENGTH / 2];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

macro_rules! id {
    ($(#[$documentation:meta])* $name:ident) => {
        $(#[$documentation])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// A new, unguessable id.
            ///
            /// # Errors
            /// Returns an error if the system provides no random numbers.
            pub fn fresh() -> Result<Self, getrandom::Error> {
                Ok(Self(fresh()?))
            }

            /// As text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotAnId;

            fn try_from(text: String) -> Result<Self, NotAnId> {
                check(&text).map(|()| Self(text))
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
}

id!(
    /// Id of a session.
    SessionId
);
id!(
    /// Id of a job.
    JobId
);
id!(
    /// Id of a take, as named in a request.
    WantedTake
);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_hexadecimal_digits_pass() {
        for text in ["", ".", "..", "../../../../../../../etc/passwd0", "0123456789ABCDEF0123456789ABCDEF"] {
            assert!(SessionId::try_from(text.to_owned()).is_err(), "{text}");
        }
        let id = SessionId::fresh().expect("random numbers");
        assert!(SessionId::try_from(id.to_string()).is_ok_and(|same| same == id));
        assert_ne!(id, SessionId::fresh().expect("random numbers"));
    }

    proptest! {
        #[test]
        fn no_id_is_a_path(text in ".{0,40}") {
            if let Ok(id) = WantedTake::try_from(text) {
                prop_assert_eq!(std::path::Path::new(id.as_str()).components().count(), 1);
                prop_assert!(id.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric()));
            }
        }
    }
}
