//! The least context that malachite asks for: one vote a validator, values that are their own ids, nothing is signed.
//! Whose a message is the checker knows.

use std::fmt;
use std::sync::Arc;

use super::types::{
    Address, Context, Height, NilOrVal, Proposal, ProposalPart, Round, SignedExtension, SigningScheme,
    Validator, ValidatorSet, Value, Vote, VoteType,
};

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

/// A validator's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Number(pub u16);
shown!(Number);
impl Address for Number {}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct At(u64);
shown!(At);

impl At {
    /// The one height that is decided.
    pub const FIRST: Self = At(1);
}

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
pub struct Id(pub u8);
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
    pub round: Round,
    pub value: Id,
    pub pol: Round,
    pub proposer: Number,
}

impl Proposal<Bare> for Offer {
    fn height(&self) -> At {
        At::FIRST
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
        self.pol
    }

    fn validator_address(&self) -> &Number {
        &self.proposer
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ballot {
    pub kind: VoteType,
    pub round: Round,
    pub value: NilOrVal<Id>,
    pub voter: Number,
}

impl Vote<Bare> for Ballot {
    fn height(&self) -> At {
        At::FIRST
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

impl Members {
    /// So many validators.
    pub fn new(nodes: u16) -> Self {
        Members((0..nodes).map(|number| Member(Number(number))).collect())
    }
}

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

    public_keys!();
}

impl Context for Bare {
    type Address = Number;
    type Height = At;
    type ProposalPart = Part;
    type Proposal = Offer;
    type Validator = Member;
    type ValidatorSet = Members;
    type Value = Id;
    type Vote = Ballot;
    type Extension = ();
    type SigningScheme = NoSignature;
    timeouts!();

    /// The validators take turns: the first proposes in round 0.
    fn select_proposer<'a>(&self, members: &'a Members, _: At, round: Round) -> &'a Member {
        &members.0[round.as_u32().unwrap_or(0) as usize % members.0.len()]
    }

    fn new_proposal(&self, _: At, round: Round, value: Id, pol: Round, proposer: Number) -> Offer {
        Offer { round, value, pol, proposer }
    }

    fn new_prevote(&self, _: At, round: Round, value: NilOrVal<Id>, voter: Number) -> Ballot {
        Ballot { kind: VoteType::Prevote, round, value, voter }
    }

    fn new_precommit(&self, _: At, round: Round, value: NilOrVal<Id>, voter: Number) -> Ballot {
        Ballot { kind: VoteType::Precommit, round, value, voter }
    }
}
