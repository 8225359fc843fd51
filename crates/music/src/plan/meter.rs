//! Time signatures.

/// A time signature such as 4/4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Meter {
    numerator: u32,
    denominator: u32,
}

/// The text is not a usable time signature. The message names the limit that it exceeds.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{}", limit(.0))]
pub struct ParseMeterError(pub String);

/// Most sixteenths of a bar.
const MOST_STEPS: u32 = 24;

fn numbers(text: &str) -> Option<(u32, u32)> {
    let (numerator, denominator) = text.trim().split_once('/')?;
    Some((numerator.trim().parse().ok()?, denominator.trim().parse().ok()?))
}

fn limit(text: &str) -> String {
    match numbers(text) {
        Some((numerator @ 1..=16, denominator @ (2 | 4 | 8 | 16))) => {
            let steps = numerator * 16 / denominator;
            if steps > MOST_STEPS {
                format!(
                    "'{text}' is too long a meter: a bar has at most {MOST_STEPS} sixteenths (12/8 or 6/4), this one has {steps}"
                )
            } else {
                format!(
                    "'{text}' cannot be used: a bar has an even number of sixteenths, as chords change at half bars, and this one \
                     has {steps}"
                )
            }
        }
        _ => format!(
            "'{text}' is no usable meter: write it like 4/4, 3/4, 6/8 or 7/8 (numerator 1 to 16, denominator 2, 4, 8 or 16, at \
             most {MOST_STEPS} sixteenths)"
        ),
    }
}

impl Meter {
    /// 4/4.
    pub const COMMON: Self = Self { numerator: 4, denominator: 4 };

    /// A meter of `numerator` (1 to 16) notes of value 1/`denominator` (2, 4, 8 or 16).
    ///
    /// # Errors
    /// Returns an error if either is out of range, or a bar would have an odd number of steps or more than 24.
    pub fn new(numerator: u32, denominator: u32) -> Result<Self, ParseMeterError> {
        let usable = (1..=16).contains(&numerator)
            && [2, 4, 8, 16].contains(&denominator)
            && (numerator * 16 / denominator).is_multiple_of(2)
            && (numerator * 16 / denominator) <= MOST_STEPS;
        if usable {
            Ok(Self { numerator, denominator })
        } else {
            Err(ParseMeterError(format!("{numerator}/{denominator}")))
        }
    }

    /// Notes per bar.
    #[must_use]
    pub const fn numerator(self) -> u32 {
        self.numerator
    }

    /// Value of one of these notes, as the denominator.
    #[must_use]
    pub const fn denominator(self) -> u32 {
        self.denominator
    }

    /// Steps (sixteenths) per bar.
    #[must_use]
    pub const fn steps_per_bar(self) -> u32 {
        self.numerator * 16 / self.denominator
    }

    /// Quarter notes per bar.
    #[must_use]
    pub fn quarters_per_bar(self) -> f64 {
        f64::from(self.numerator) * 4.0 / f64::from(self.denominator)
    }
}

impl Default for Meter {
    fn default() -> Self {
        Self::COMMON
    }
}

impl std::fmt::Display for Meter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", self.numerator, self.denominator)
    }
}

impl std::str::FromStr for Meter {
    type Err = ParseMeterError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseMeterError(text.to_owned());
        let (numerator, denominator) = numbers(text).ok_or_else(wrong)?;
        Self::new(numerator, denominator).map_err(|_| wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meters_round_trip_and_bars_are_whole_half_bars() {
        for numerator in 0..20 {
            for denominator in 0..20 {
                if let Ok(meter) = Meter::new(numerator, denominator) {
                    assert_eq!(meter.to_string().parse(), Ok(meter));
                    assert!(
                        meter.steps_per_bar().is_multiple_of(2) && (2..=24).contains(&meter.steps_per_bar())
                    );
                }
            }
        }
        for text in ["", "/", "4", "4/0", "-3/4", "4/4/4", "999999999999/4", "5/32", "𝟒/4"] {
            assert!(text.parse::<Meter>().is_err(), "{text}");
        }
    }
}
