//! Which states an exhaustive judge leaves out because others stand for them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A set of reductions, each of which a judge can do without: then it visits more states and comes to the same
/// verdict.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Reductions {
    /// A step in which nothing is sent is put off until just before the next step of the same replica that sends
    /// something. For judges *guards* and *unbounded*.
    pub silent: bool,
    /// A step that gets in the way of nothing else is taken at once. For judge *unbounded*.
    pub ample: bool,
    /// Of what a view leaves behind with the same replicas, only that counts in which the adversary can show most.
    /// For judge *unbounded*.
    pub maximal: bool,
    /// Where replicas have sent the same, it counts how many have, not which. For judge *unbounded*.
    pub counting: bool,
    /// Which batches were decided counts, not by whom. For judges *guards* (in bounds of one sequence number) and *unbounded*.
    pub quotient: bool,
    /// What can happen once every replica has entered the view is found out once for all pasts. For judge *unbounded*.
    pub summaries: bool,
    /// Between views a state is left out if all that can follow on it can follow on another. Takes `quotient`, `summaries` and
    /// a Byzantine replica. For judge *unbounded*.
    pub subsumed: bool,
    /// Of states that differ in names of replicas and clients alone, one stands for all. For judge *guards*.
    pub symmetry: bool,
}

/// The names, as in `--reduce`.
const NAMES: [&str; 8] =
    ["silent", "ample", "maximal", "counting", "quotient", "summaries", "subsumed", "symmetry"];

impl Reductions {
    /// None.
    pub const NONE: Reductions = Reductions::each(false);
    /// All.
    pub const ALL: Reductions = Reductions::each(true);

    const fn each(on: bool) -> Self {
        Reductions {
            silent: on,
            ample: on,
            maximal: on,
            counting: on,
            quotient: on,
            summaries: on,
            subsumed: on,
            symmetry: on,
        }
    }

    fn flags(&mut self) -> [&mut bool; 8] {
        [
            &mut self.silent,
            &mut self.ample,
            &mut self.maximal,
            &mut self.counting,
            &mut self.quotient,
            &mut self.summaries,
            &mut self.subsumed,
            &mut self.symmetry,
        ]
    }

    /// The names of those that are in the set.
    pub fn names(mut self) -> Vec<&'static str> {
        NAMES.into_iter().zip(self.flags()).filter(|(_, on)| **on).map(|(name, _)| name).collect()
    }
}

/// Names of earlier versions, and the names in their place.
const RENAMED: [(&str, &str); 4] =
    [("most", "maximal"), ("alike", "counting"), ("decided", "quotient"), ("entered", "summaries")];

/// A list of names that does not read as a set of reductions.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoSuchReduction {
    /// Nothing is called so.
    #[error("there is no reduction '{0}'; there are {names}, and 'all' and 'none'", names = NAMES.join(", "))]
    Unknown(String),
    /// An earlier version called one so.
    #[error("the reduction '{0}' is called '{1}' now")]
    Renamed(&'static str, &'static str),
}

impl FromStr for Reductions {
    type Err = NoSuchReduction;

    fn from_str(text: &str) -> Result<Self, NoSuchReduction> {
        match text {
            "all" => return Ok(Reductions::ALL),
            "none" => return Ok(Reductions::NONE),
            _ => {}
        }
        let mut set = Reductions::NONE;
        for name in text.split(',').map(str::trim) {
            let place = NAMES.iter().position(|known| *known == name);
            let place = place.ok_or_else(|| match RENAMED.iter().find(|(before, _)| *before == name) {
                Some(&(before, now)) => NoSuchReduction::Renamed(before, now),
                None => NoSuchReduction::Unknown(name.to_owned()),
            })?;
            *set.flags()[place] = true;
        }
        Ok(set)
    }
}

impl fmt::Display for Reductions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.names() {
            names if names.is_empty() => f.write_str("none"),
            names => f.write_str(&names.join(",")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_what_is_no_reduction_is_named() {
        for set in [Reductions::NONE, Reductions::ALL, Reductions { ample: true, ..Reductions::NONE }] {
            assert_eq!(set.to_string().parse(), Ok(set));
        }
        assert_eq!("all".parse(), Ok(Reductions::ALL));
        let error = "silent,fast".parse::<Reductions>().expect_err("there is no such reduction");
        assert_eq!(
            error.to_string(),
            "there is no reduction 'fast'; there are silent, ample, maximal, counting, quotient, summaries, subsumed, \
             symmetry, and 'all' and 'none'"
        );
        let error = "silent,most".parse::<Reductions>().expect_err("it has another name");
        assert_eq!(error.to_string(), "the reduction 'most' is called 'maximal' now");
    }
}
