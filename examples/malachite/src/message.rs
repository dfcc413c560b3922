//! What validators send each other and what happens to them besides, in plain data: the same for every release.

use std::fmt;

use bft_check::protocol::{NodeId, Tally};

/// A round of the one height that is decided.
pub type RoundNumber = u32;

/// One of the values that may be proposed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Val(pub u8);

impl fmt::Debug for Val {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("v"),
            1 => f.write_str("w"),
            other => write!(f, "v{other}"),
        }
    }
}

impl fmt::Display for Val {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// The two kinds of votes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    Prevote,
    Precommit,
}

/// Votes of one round that somebody hands on: who has cast each, and for what.
pub type Votes = Vec<(NodeId, Kind, Option<Val>)>;

/// What is sent. Who has signed it is certain, and no field of it.
#[derive(Clone, PartialEq, Eq, Hash)]
#[allow(dead_code, reason = "not every layer sends every message by itself")]
pub enum Message {
    /// A proposal; with the round in which its value had a polka, if it is said to have had one.
    Proposal { round: RoundNumber, value: Val, pol: Option<RoundNumber> },
    /// A vote, for nil if for no value.
    Vote { kind: Kind, round: RoundNumber, value: Option<Val> },
    /// Votes of a quorum for one value: of prevotes a polka certificate, of precommits a commit certificate.
    Certificate { kind: Kind, round: RoundNumber, value: Val, voters: Vec<NodeId> },
    /// The votes of a round by which its sender has come to the next one, or to the same.
    RoundCertificate { enters: RoundNumber, round: RoundNumber, votes: Votes },
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |kind: &Kind| if *kind == Kind::Prevote { "prevote" } else { "precommit" };
        match self {
            Message::Proposal { round, value, pol: None } => write!(f, "proposal {value} in round {round}"),
            Message::Proposal { round, value, pol: Some(pol) } => {
                write!(f, "proposal {value} in round {round} with a polka of round {pol}")
            }
            Message::Vote { kind, round, value: Some(value) } => {
                write!(f, "{} {value} in round {round}", named(kind))
            }
            Message::Vote { kind, round, value: None } => write!(f, "{} nil in round {round}", named(kind)),
            Message::Certificate { kind, round, value, voters } => {
                let voters: Vec<_> = voters.iter().map(ToString::to_string).collect();
                let kind = if *kind == Kind::Prevote { "polka" } else { "commit" };
                write!(f, "{kind} certificate for {value} in round {round} by {}", voters.join(","))
            }
            Message::RoundCertificate { enters, round, votes } => {
                let vote = |(voter, kind, value): &(NodeId, Kind, Option<Val>)| {
                    let value = value.map_or_else(|| "nil".to_owned(), |value| value.to_string());
                    format!("{voter} {} {value}", named(kind))
                };
                let votes: Vec<_> = votes.iter().map(vote).collect();
                write!(f, "way into round {enters} by round {round}: {}", votes.join(", "))
            }
        }
    }
}

impl Message {
    /// The votes in a certificate.
    pub fn parts(&self) -> Vec<(NodeId, Message)> {
        match self {
            Message::Certificate { kind, round, value, voters } => {
                let vote = Message::Vote { kind: *kind, round: *round, value: Some(*value) };
                voters.iter().map(|voter| (*voter, vote.clone())).collect()
            }
            _ => Vec::new(),
        }
    }

    /// What a vote is counted in.
    pub fn tally(&self) -> Option<Tally> {
        match self {
            Message::Vote { kind: Kind::Prevote, round, .. } => Some(Tally(2 * round)),
            Message::Vote { kind: Kind::Precommit, round, .. } => Some(Tally(2 * round + 1)),
            _ => None,
        }
    }

    /// The same with the first two values exchanged.
    pub fn exchanged(&self) -> Message {
        let mut exchanged = self.clone();
        let values: Vec<&mut Val> = match &mut exchanged {
            Message::Proposal { value, .. } | Message::Certificate { value, .. } => vec![value],
            Message::Vote { value, .. } => value.iter_mut().collect(),
            Message::RoundCertificate { votes, .. } => {
                votes.iter_mut().filter_map(|(.., value)| value.as_mut()).collect()
            }
        };
        for value in values.into_iter().filter(|value| value.0 < 2) {
            value.0 = 1 - value.0;
        }
        exchanged
    }
}

/// What runs out, in a round; the earlier first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Clock {
    Propose,
    Prevote,
    Precommit,
}

/// What happens to a validator besides messages.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// Its application has built this value for it to propose.
    Value(RoundNumber, Val),
    /// A timeout elapses.
    Timeout(Clock, RoundNumber),
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Value(round, value) => write!(f, "the application builds {value} for round {round}"),
            Event::Timeout(clock, round) => write!(f, "the {clock:?} timeout of round {round} elapses"),
        }
    }
}
