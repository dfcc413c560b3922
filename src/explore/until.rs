//! When a network that is let run stops.

use std::str::FromStr;

/// When it stops.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Until {
    /// When nothing is left to deliver.
    Quiet,
    /// When somebody decides.
    Decided,
    /// After one message.
    One,
}

impl FromStr for Until {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "quiet" => Ok(Until::Quiet),
            "decided" => Ok(Until::Decided),
            "one" => Ok(Until::One),
            _ => Err(format!("until={text}: there is quiet, decided and one")),
        }
    }
}
