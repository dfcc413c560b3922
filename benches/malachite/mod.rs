//! The peer: malachite's `VoteKeeper` and `Driver`, with the least context that they ask for. Nothing is
//! signed, values are digests of 32 bytes, every validator has one vote.

#![allow(dead_code, reason = "each bench compiles this module and uses a part of it")]

use std::fmt;
use std::sync::Arc;

use arc_malachitebft_core_driver::{Driver, Input, Output};
use arc_malachitebft_core_types::{
    Address, Context, Height, LinearTimeouts, NilOrVal, Proposal, ProposalPart, Round, SignedExtension,
    SignedMessage, SigningScheme, ThresholdParams, Validator, ValidatorSet, Validity, Value, Vote, VoteType,
};
use arc_malachitebft_core_votekeeper::keeper::VoteKeeper;

/// An empty keeper of n validators.
pub fn keeper(n: u16) -> VoteKeeper<Bare> {
    VoteKeeper::new(members(n), ThresholdParams::default())
}

fn members(n: u16) -> Members {
    Members((0..n).map(|i| Member(Number(i))).collect())
}

/// A prevote by this validator for this value.
pub fn prevote(validator: u16, value: [u8; 32]) -> SignedMessage<Bare, Ballot> {
    let value = NilOrVal::Val(Id(value));
    SignedMessage::new(
        Ballot {
            kind: VoteType::Prevote,
            height: At::INITIAL,
            round: Round::new(0),
            value,
            voter: Number(validator),
        },
        NoSignature,
    )
}

/// n drivers and what is under way between them, as in the cluster that they are measured against: all
/// broadcasts stand in one queue, and each driver reads it at its own pace. Its own votes are given to a
/// driver too, as malachite does. Timeouts are not kept: none runs out.
pub struct Cluster {
    members: Members,
    drivers: Vec<Driver<Bare>>,
    height: At,
    queue: Vec<Input<Bare>>,
    read: Vec<usize>,
}

impl Cluster {
    /// Before the first height.
    pub fn new(n: u16) -> Self {
        let members = members(n);
        let driver = |i| Driver::new(Bare, At::ZERO, members.clone(), Number(i), ThresholdParams::default());
        Cluster {
            drivers: (0..n).map(driver).collect(),
            height: At::ZERO,
            queue: Vec::new(),
            read: vec![0; usize::from(n)],
            members,
        }
    }

    /// Lets everybody decide a value at the next height; how many did.
    pub fn decide(&mut self, value: [u8; 32]) -> usize {
        self.height = self.height.increment();
        let proposer = Bare.select_proposer(&self.members, self.height, Round::new(0)).0;
        let mut decided = 0;
        for at in 0..self.drivers.len() {
            self.drivers[at].move_to_height(self.height, self.members.clone());
            decided += self.give(at, Input::NewRound(self.height, Round::new(0), proposer), value);
        }
        loop {
            let before = self.read.clone();
            for at in 0..self.drivers.len() {
                while let Some(input) = self.queue.get(self.read[at]).cloned() {
                    self.read[at] += 1;
                    decided += self.give(at, input, value);
                }
            }
            if self.read == before {
                break;
            }
        }
        self.queue.clear();
        self.read.fill(0);
        decided
    }

    /// Gives a driver an input and does what it asks for; how often it decides.
    fn give(&mut self, at: usize, input: Input<Bare>, value: [u8; 32]) -> usize {
        let mut decided = 0;
        for output in self.drivers[at].process(input).unwrap_or_default() {
            match output {
                Output::GetValue(_, round, _) => {
                    decided += self.give(at, Input::ProposeValue(round, Id(value)), value);
                }
                Output::Propose(offer) => {
                    let offer = SignedMessage::new(offer, NoSignature);
                    self.queue.push(Input::Proposal(offer, Validity::Valid));
                }
                Output::Vote(ballot) => self.queue.push(Input::Vote(SignedMessage::new(ballot, NoSignature))),
                Output::Decide(..) => decided += 1,
                Output::NewRound(..) | Output::ScheduleTimeout(_) => {}
            }
        }
        decided
    }
}

macro_rules! shown {
    ($name:ty) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self:?}")
            }
        }
    };
}

#[derive(Clone, Copy, Debug)]
pub struct Bare;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Number(u16);
shown!(Number);
impl Address for Number {}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct At(u64);
shown!(At);
impl Height for At {
    const ZERO: Self = At(0);
    const INITIAL: Self = At(1);

    fn increment_by(&self, n: u64) -> Self {
        At(self.0 + n)
    }

    fn decrement_by(&self, n: u64) -> Option<Self> {
        self.0.checked_sub(n).map(At)
    }

    fn as_u64(&self) -> u64 {
        self.0
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id([u8; 32]);
shown!(Id);
impl Value for Id {
    type Id = Id;

    fn id(&self) -> Id {
        *self
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part;
impl ProposalPart<Bare> for Part {
    fn is_first(&self) -> bool {
        true
    }

    fn is_last(&self) -> bool {
        true
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    height: At,
    round: Round,
    value: Id,
    locked: Round,
    proposer: Number,
}

impl Proposal<Bare> for Offer {
    fn height(&self) -> At {
        self.height
    }

    fn round(&self) -> Round {
        self.round
    }

    fn value(&self) -> &Id {
        &self.value
    }

    fn take_value(self) -> Id {
        self.value
    }

    fn pol_round(&self) -> Round {
        self.locked
    }

    fn validator_address(&self) -> &Number {
        &self.proposer
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ballot {
    kind: VoteType,
    height: At,
    round: Round,
    value: NilOrVal<Id>,
    voter: Number,
}

impl Vote<Bare> for Ballot {
    fn height(&self) -> At {
        self.height
    }

    fn round(&self) -> Round {
        self.round
    }

    fn value(&self) -> &NilOrVal<Id> {
        &self.value
    }

    fn take_value(self) -> NilOrVal<Id> {
        self.value
    }

    fn vote_type(&self) -> VoteType {
        self.kind
    }

    fn validator_address(&self) -> &Number {
        &self.voter
    }

    fn extension(&self) -> Option<&SignedExtension<Bare>> {
        None
    }

    fn take_extension(&mut self) -> Option<SignedExtension<Bare>> {
        None
    }

    fn extend(self, _: SignedExtension<Bare>) -> Self {
        self
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member(Number);

impl Validator<Bare> for Member {
    fn address(&self) -> &Number {
        &self.0
    }

    fn public_key(&self) -> &NoSignature {
        &NoSignature
    }

    fn voting_power(&self) -> u64 {
        1
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Members(Arc<[Member]>);

impl ValidatorSet<Bare> for Members {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn total_voting_power(&self) -> u64 {
        self.0.len() as u64
    }

    fn get_by_address(&self, address: &Number) -> Option<&Member> {
        self.0.get(usize::from(address.0))
    }

    fn get_by_index(&self, index: usize) -> Option<&Member> {
        self.0.get(index)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NoSignature;

impl SigningScheme for NoSignature {
    type DecodingError = String;
    type Signature = NoSignature;
    type PublicKey = NoSignature;
    type PrivateKey = NoSignature;

    fn decode_signature(_: &[u8]) -> Result<Self, String> {
        Ok(NoSignature)
    }

    fn encode_signature(_: &Self) -> Vec<u8> {
        Vec::new()
    }

    fn decode_public_key(_: &[u8]) -> Result<Self, String> {
        Ok(NoSignature)
    }

    fn encode_public_key(_: &Self) -> Vec<u8> {
        Vec::new()
    }
}

impl Context for Bare {
    type Address = Number;
    type Height = At;
    type ProposalPart = Part;
    type Proposal = Offer;
    type Validator = Member;
    type ValidatorSet = Members;
    type Timeouts = LinearTimeouts;
    type Value = Id;
    type Vote = Ballot;
    type Extension = ();
    type SigningScheme = NoSignature;

    fn select_proposer<'a>(&self, members: &'a Members, height: At, _: Round) -> &'a Member {
        &members.0[height.0 as usize % members.0.len()]
    }

    fn new_proposal(&self, height: At, round: Round, value: Id, locked: Round, proposer: Number) -> Offer {
        Offer { height, round, value, locked, proposer }
    }

    fn new_prevote(&self, height: At, round: Round, value: NilOrVal<Id>, voter: Number) -> Ballot {
        Ballot { kind: VoteType::Prevote, height, round, value, voter }
    }

    fn new_precommit(&self, height: At, round: Round, value: NilOrVal<Id>, voter: Number) -> Ballot {
        Ballot { kind: VoteType::Precommit, height, round, value, voter }
    }
}
