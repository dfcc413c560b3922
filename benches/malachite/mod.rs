//! The peer: malachite's `VoteKeeper`, with the least context that it asks for. Nothing is signed,
//! values are digests of 32 bytes, every validator has one vote.

use std::fmt;

use arc_malachitebft_core_types::{
    Address, Context, Height, LinearTimeouts, NilOrVal, Proposal, ProposalPart, Round, SignedExtension,
    SignedMessage, SigningScheme, ThresholdParams, Validator, ValidatorSet, Value, Vote, VoteType,
};
use arc_malachitebft_core_votekeeper::keeper::VoteKeeper;

/// An empty keeper of n validators.
pub fn keeper(n: u16) -> VoteKeeper<Bare> {
    VoteKeeper::new(Members((0..n).map(|i| Member(Number(i))).collect()), ThresholdParams::default())
}

/// A prevote by this validator for this value.
pub fn prevote(validator: u16, value: [u8; 32]) -> SignedMessage<Bare, Ballot> {
    let value = NilOrVal::Val(Id(value));
    SignedMessage::new(
        Ballot { kind: VoteType::Prevote, round: Round::new(0), value, voter: Number(validator) },
        NoSignature,
    )
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
pub struct Offer(Id, Number);
impl Proposal<Bare> for Offer {
    fn height(&self) -> At {
        At::INITIAL
    }

    fn round(&self) -> Round {
        Round::new(0)
    }

    fn value(&self) -> &Id {
        &self.0
    }

    fn take_value(self) -> Id {
        self.0
    }

    fn pol_round(&self) -> Round {
        Round::Nil
    }

    fn validator_address(&self) -> &Number {
        &self.1
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ballot {
    kind: VoteType,
    round: Round,
    value: NilOrVal<Id>,
    voter: Number,
}

impl Vote<Bare> for Ballot {
    fn height(&self) -> At {
        At::INITIAL
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
pub struct Members(Vec<Member>);

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

    fn new_proposal(&self, _: At, _: Round, value: Id, _: Round, address: Number) -> Offer {
        Offer(value, address)
    }

    fn new_prevote(&self, _: At, round: Round, value: NilOrVal<Id>, voter: Number) -> Ballot {
        Ballot { kind: VoteType::Prevote, round, value, voter }
    }

    fn new_precommit(&self, _: At, round: Round, value: NilOrVal<Id>, voter: Number) -> Ballot {
        Ballot { kind: VoteType::Precommit, round, value, voter }
    }
}
