//! What nodes say, each thing as it reads whoever says it.

use std::fmt;
use std::str::FromStr;

/// A set of values.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Values {
    pub has_false: bool,
    pub has_true: bool,
}

/// What is said in an epoch.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum What {
    BVal(bool),
    Aux(bool),
    Conf(Values),
    Term(bool),
    /// The sender's share of the coin, of which there is but one that is valid. One that is not changes nothing.
    Share,
}

/// Whether the coin of an epoch is thrown. That of others is known to all: true, false, thrown, and so on.
pub fn has_coin(epoch: u64) -> bool {
    epoch % 3 == 2
}

/// A message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Said {
    pub epoch: u64,
    pub what: What,
}

/// What a node does in one step.
#[derive(Default)]
pub struct Done {
    pub sent: Vec<Said>,
    pub decided: Option<bool>,
}

impl What {
    /// Everything that can be said in one epoch.
    pub fn all() -> Vec<What> {
        let values = [false, true];
        let mut all = Vec::new();
        all.extend(values.map(What::BVal));
        all.extend(values.map(What::Aux));
        for has_false in values {
            all.extend(values.map(|has_true| What::Conf(Values { has_false, has_true })));
        }
        all.extend(values.map(What::Term));
        all.push(What::Share);
        all
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::BVal(value) => write!(f, "BVal({value})"),
            What::Aux(value) => write!(f, "Aux({value})"),
            What::Conf(Values { has_false: true, has_true: true }) => f.write_str("Conf(both)"),
            What::Conf(Values { has_false: false, has_true: false }) => f.write_str("Conf(neither)"),
            What::Conf(Values { has_true, .. }) => write!(f, "Conf({has_true})"),
            What::Term(value) => write!(f, "Term({value})"),
            What::Share => f.write_str("Share"),
        }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.what, self.epoch)
    }
}

impl FromStr for Said {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is no message");
        let (what, epoch) = text.split_once('@').ok_or_else(wrong)?;
        let what = What::all().into_iter().find(|it| it.to_string() == what).ok_or_else(wrong)?;
        Ok(Said { epoch: epoch.parse().map_err(|_| wrong())?, what })
    }
}
