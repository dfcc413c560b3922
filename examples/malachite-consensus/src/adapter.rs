//! Malachite's core-consensus, as it is published, and the duties of its host.
//!
//! The validator is handed inputs, and what it asks for meanwhile is done: votes and proposals are signed and sent, timeouts are
//! set, values are asked of an application, and what must survive a crash is written to a log.

use std::fmt::Write as _;

use bft_check::protocol::{
    Adversary, Effects, Input, Invariant, Key, Layers, NodeId, Nodes, Protocol, Recover, Renaming, Slot,
    Tally, Tallying,
};

use super::consensus::{
    self, Effect, LivenessMsg, LocallyProposedValue, Resumable as _, Resume, SignedConsensusMsg, State,
    process,
};
use super::context::{At, Ballot, Bare, Id, Members, NoSignature, Number, Offer};
use super::types::{
    CertificateError, NilOrVal, PolkaCertificate, PolkaSignature, Round, SignedMessage, Timeout, TimeoutKind,
    VoteType,
};
use super::{LOOKS_AGAIN, begin_replay, end_replay, known, other, start, state};
use crate::bound::{Bound, alphabet};
use crate::message::{Clock, Event, Kind, Message, Val};

/// The release of this module, within a bound.
pub struct Consensus {
    pub bound: Bound,
    /// Whether validators crash and come up again from their logs, and nobody lies.
    pub has_crashes: bool,
}

/// A validator and its host.
pub struct Host {
    number: Number,
    state: State<Bare>,
    outside: Outside,
}

/// What a validator has outside of its own state.
#[derive(Default)]
pub struct Outside {
    /// What runs.
    clocks: Vec<Event>,
    /// What it has written to its log, in order.
    log: Vec<consensus::Input<Bare>>,
    /// What its application has built, by the round. It is asked again after a crash, and must not build another value then.
    built: Vec<(u32, Val)>,
    /// Whether what it does is read from the log.
    is_replaying: bool,
    /// All votes that it has sent, before a crash too. Nobody acts on it: it is looked at.
    sent: Vec<Message>,
    /// Whether it has left the last round of the bound: it does nothing any more.
    is_past: bool,
}

fn id(value: Val) -> Id {
    Id(value.0)
}

fn round_of(round: Round) -> u32 {
    round.as_u32().unwrap_or(u32::MAX)
}

/// A vote as it is sent.
fn of_ballot(ballot: &Ballot) -> Message {
    let kind = match ballot.kind {
        VoteType::Prevote => Kind::Prevote,
        VoteType::Precommit => Kind::Precommit,
    };
    let value = match ballot.value {
        NilOrVal::Nil => None,
        NilOrVal::Val(id) => Some(Val(id.0)),
    };
    Message::Vote { kind, round: round_of(ballot.round), value }
}

/// A timeout of those that are explored: to send again what was sent changes nothing where what was sent stays on its way.
fn of_timeout(timeout: Timeout) -> Option<Event> {
    let clock = match timeout.kind {
        TimeoutKind::Propose => Clock::Propose,
        TimeoutKind::Prevote => Clock::Prevote,
        TimeoutKind::Precommit => Clock::Precommit,
        _ => return None,
    };
    Some(Event::Timeout(clock, round_of(timeout.round)))
}

impl Outside {
    fn set(&mut self, clock: Event, effects: &mut Effects<Consensus>) {
        self.clocks.retain(|other| *other != clock);
        self.clocks.push(clock);
        effects.set(clock);
    }

    fn stop(&mut self, is_stopped: impl Fn(&Event) -> bool, effects: &mut Effects<Consensus>) {
        self.clocks.extract_if(.., |clock| is_stopped(clock)).for_each(|clock| effects.stop(clock));
    }

    /// Sends what is within the bound.
    fn publish(&mut self, message: Message, effects: &mut Effects<Consensus>) {
        if !self.is_past {
            if matches!(message, Message::Vote { .. }) && !self.sent.contains(&message) {
                self.sent.push(message.clone());
            }
            effects.broadcast(message);
        }
    }
}

impl Consensus {
    fn members(&self) -> Members {
        Members::new(self.bound.nodes)
    }

    /// Hands an input to the validator and does what it asks for.
    fn process(&self, node: &mut Host, input: consensus::Input<Bare>, effects: &mut Effects<Self>) {
        let Host { state, outside, .. } = node;
        let done: Result<(), consensus::Error<Bare>> = process!(
            input: input,
            state: state,
            metrics: &(),
            with: effect => Ok::<_, consensus::Error<Bare>>(self.obey(outside, effect, effects))
        );
        // The host would give up; here it is seen as a panic.
        done.unwrap_or_else(|error| panic!("consensus fails: {error}"));
    }

    fn obey(&self, host: &mut Outside, effect: Effect<Bare>, effects: &mut Effects<Self>) -> Resume<Bare> {
        match effect {
            Effect::CancelAllTimeouts(resume) => {
                host.stop(|_| true, effects);
                resume.resume_with(())
            }
            Effect::CancelTimeout(timeout, resume) => {
                host.stop(|clock| Some(*clock) == of_timeout(timeout), effects);
                resume.resume_with(())
            }
            Effect::ScheduleTimeout(timeout, resume) => {
                if let Some(clock) = of_timeout(timeout).filter(|_| !host.is_past) {
                    host.set(clock, effects);
                }
                resume.resume_with(())
            }
            Effect::StartRound(_, round, _, _, resume) => {
                host.is_past = round_of(round) >= self.bound.rounds;
                resume.resume_with(())
            }
            Effect::GetValue(_, round, _, resume) => {
                let round = round_of(round);
                let known = host.built.iter().find(|(built, _)| *built == round).map(|(_, value)| *value);
                for value in self.bound.values().filter(|value| known.is_none_or(|known| known == *value)) {
                    if !host.is_past {
                        host.set(Event::Value(round, value), effects);
                    }
                }
                resume.resume_with(())
            }
            Effect::PublishConsensusMsg(message, resume) => {
                host.publish(Self::of_signed(&message), effects);
                resume.resume_with(())
            }
            Effect::PublishLivenessMsg(message, resume) => {
                // The votes of a round certificate were sent, and stay on their way.
                if let LivenessMsg::PolkaCertificate(polka) = message {
                    host.publish(self.of_polka(&polka), effects);
                }
                resume.resume_with(())
            }
            Effect::Decide(certificate, _, resume) => {
                effects.decide(Slot(0), Val(certificate.value_id.0));
                resume.resume_with(())
            }
            Effect::RepublishVote(_, resume) => resume.resume_with(()),
            Effect::RepublishRoundCertificate(_, resume) => resume.resume_with(()),
            Effect::RestreamProposal(.., resume) => resume.resume_with(()),
            signing => self.sign(host, signing),
        }
    }

    /// Signatures: nobody can forge one here, since whose a message is the checker knows.
    fn sign(&self, host: &mut Outside, effect: Effect<Bare>) -> Resume<Bare> {
        match effect {
            Effect::SignVote(vote, resume) => resume.resume_with(SignedMessage::new(vote, NoSignature)),
            Effect::SignProposal(offer, resume) => resume.resume_with(SignedMessage::new(offer, NoSignature)),
            Effect::VerifySignature(_, _, resume) => resume.resume_with(true),
            Effect::VerifyPolkaCertificate(polka, _, _, resume) => resume
                .resume_with(self.are_enough(polka.polka_signatures.iter().map(|signed| signed.address))),
            Effect::VerifyCommitCertificate(commit, _, _, resume) => resume
                .resume_with(self.are_enough(commit.commit_signatures.iter().map(|signed| signed.address))),
            rest => {
                let (resume, entry) = other(rest);
                // What is read from the log is not written to it again.
                host.log.extend(entry.filter(|_| !host.is_replaying));
                resume
            }
        }
    }

    /// Whether these are a quorum.
    fn are_enough(&self, voters: impl Iterator<Item = Number>) -> Result<(), CertificateError<Bare>> {
        let mut voters: Vec<_> = voters.collect();
        voters.sort_unstable();
        voters.dedup();
        let (signed, expected) = (voters.len() as u64, self.bound.quorum() as u64);
        let total = u64::from(self.bound.nodes);
        match signed >= expected {
            true => Ok(()),
            false => Err(CertificateError::NotEnoughVotingPower { signed, total, expected }),
        }
    }

    fn of_signed(message: &SignedConsensusMsg<Bare>) -> Message {
        match message {
            SignedConsensusMsg::Vote(vote) => of_ballot(&vote.message),
            SignedConsensusMsg::Proposal(offer) => Message::Proposal {
                round: round_of(offer.message.round),
                value: Val(offer.message.value.0),
                pol: offer.message.pol.as_u32(),
            },
        }
    }

    /// A polka certificate with no more votes than it needs, which say as much.
    fn of_polka(&self, polka: &PolkaCertificate<Bare>) -> Message {
        let mut voters: Vec<_> =
            polka.polka_signatures.iter().map(|signed| NodeId(signed.address.0)).collect();
        voters.sort_unstable();
        voters.truncate(self.bound.quorum());
        Message::Certificate {
            kind: Kind::Prevote,
            round: round_of(polka.round),
            value: Val(polka.value_id.0),
            voters,
        }
    }

    fn input(from: NodeId, message: Message) -> Option<consensus::Input<Bare>> {
        Some(match message {
            Message::Proposal { round, value, pol } => {
                let (round, pol) = (Round::new(round), pol.map_or(Round::Nil, Round::new));
                let offer = Offer { round, value: id(value), pol, proposer: Number(from.0) };
                consensus::Input::Proposal(SignedMessage::new(offer, NoSignature))
            }
            Message::Vote { kind, round, value } => {
                let kind = match kind {
                    Kind::Prevote => VoteType::Prevote,
                    Kind::Precommit => VoteType::Precommit,
                };
                let value = value.map_or(NilOrVal::Nil, |value| NilOrVal::Val(id(value)));
                let ballot = Ballot { kind, round: Round::new(round), value, voter: Number(from.0) };
                consensus::Input::Vote(SignedMessage::new(ballot, NoSignature))
            }
            Message::Certificate { kind: Kind::Prevote, round, value, voters } => {
                let signature = |voter: NodeId| PolkaSignature::new(Number(voter.0), NoSignature);
                consensus::Input::PolkaCertificate(PolkaCertificate {
                    height: At::FIRST,
                    round: Round::new(round),
                    value_id: id(value),
                    polka_signatures: voters.into_iter().map(signature).collect(),
                })
            }
            // It would come with a value that is synchronised.
            Message::Certificate { kind: Kind::Precommit, .. } | Message::RoundCertificate { .. } => {
                return None;
            }
        })
    }

    fn elapse(&self, node: &mut Host, event: Event, effects: &mut Effects<Self>) {
        let input = match event {
            Event::Value(round, value) => {
                // It builds one value a round.
                node.outside.built.retain(|(built, _)| *built != round);
                node.outside.built.push((round, value));
                node.outside.stop(|clock| matches!(clock, Event::Value(..)), effects);
                let round = Round::new(round);
                consensus::Input::Propose(LocallyProposedValue::new(At::FIRST, round, id(value)))
            }
            Event::Timeout(clock, round) => {
                node.outside.clocks.retain(|other| *other != event);
                let kind = match clock {
                    Clock::Propose => TimeoutKind::Propose,
                    Clock::Prevote => TimeoutKind::Prevote,
                    Clock::Precommit => TimeoutKind::Precommit,
                };
                if clock == Clock::Propose {
                    // The application has to build its value by then.
                    node.outside.stop(|clock| matches!(clock, Event::Value(..)), effects);
                }
                consensus::Input::TimeoutElapsed(Timeout::new(Round::new(round), kind))
            }
        };
        self.process(node, input, effects);
    }

    fn is_over(node: &Host) -> bool {
        node.outside.is_past || node.state.driver.step_is_commit()
    }
}

impl Host {
    fn new(number: Number, members: Members) -> Self {
        Host { number, state: state(members, number), outside: Outside::default() }
    }

    /// The votes that it has cast last, for a key.
    fn last(&self) -> [Option<&Ballot>; 2] {
        let State { last_signed_prevote, last_signed_precommit, .. } = &self.state;
        [last_signed_prevote, last_signed_precommit].map(|last| last.as_ref().map(|vote| &vote.message))
    }

    /// What it has said twice, if it has.
    fn says_twice(&self) -> Option<String> {
        let sent = &self.outside.sent;
        let is_other = |one: &Message, other: &Message| one != other && one.tally() == other.tally();
        let twice =
            sent.iter().find_map(|one| Some((one, sent.iter().find(|other| is_other(one, other))?)))?;
        Some(format!("{:?} and {:?}", twice.0, twice.1))
    }
}

impl Protocol for Consensus {
    type Node = Host;
    type Message = Message;
    type Event = Event;
    type Value = Val;

    fn name(&self) -> String {
        super::NAME.to_owned()
    }

    fn nodes(&self) -> usize {
        usize::from(self.bound.nodes)
    }

    fn init(&self, id: NodeId, effects: &mut Effects<Self>) -> Host {
        let mut node = Host::new(Number(id.0), self.members());
        self.process(&mut node, start(self.members()), effects);
        node
    }

    fn step(&self, node: &mut Host, input: Input<Self>, effects: &mut Effects<Self>) {
        // The host does nothing more at this height.
        if Self::is_over(node) {
            return;
        }
        match input {
            Input::Message { from, .. } if from.0 == node.number.0 => {}
            Input::Message { from, message } => {
                if let Some(input) = Self::input(from, message) {
                    self.process(node, input, effects);
                }
            }
            Input::Event(event) => self.elapse(node, event, effects),
        }
    }

    fn key(&self, node: &Host) -> Option<Key> {
        // Nothing is done any more.
        if Self::is_over(node) && !self.has_crashes {
            return Some(Key::text("over"));
        }
        let mut text = known::all(&node.state.driver, node.last(), self.bound);
        let _ = write!(text, " {:?}", node.state.full_proposal_keeper);
        if self.has_crashes {
            let _ = write!(text, " {:?} {:?}", node.outside.log, node.outside.sent);
        }
        Some(Key::text(text))
    }

    fn is_valid(&self, _: Slot, value: &Val) -> bool {
        value.0 < self.bound.value_count
    }

    fn invariants(&self) -> Vec<Invariant<Self>> {
        let once = |_: &Self, nodes: &Nodes<'_, Self>| {
            let twice = nodes.iter().find_map(|(id, node)| Some((id, node.says_twice()?)));
            twice.map_or(Ok(()), |(id, said)| Err(format!("{id} says {said}")))
        };
        if self.has_crashes { vec![Invariant::new("no-equivocation", once)] } else { Vec::new() }
    }

    fn layers(&self) -> Layers<Self> {
        if self.has_crashes { Layers::none().crashes() } else { Layers::none().quorums() }
    }
}

impl Recover for Consensus {
    /// The log, what the application has built, and what was sent, which no validator reads.
    type Disk = (Number, Outside);

    fn disk(&self, node: Host) -> Self::Disk {
        (node.number, node.outside)
    }

    fn recover(
        &self,
        _: NodeId,
        (number, Outside { log, built, sent, .. }): Self::Disk,
        effects: &mut Effects<Self>,
    ) -> Host {
        let mut node = Host::new(number, self.members());
        node.outside = Outside { built, sent, is_replaying: true, ..Outside::default() };
        self.process(&mut node, start(self.members()), effects);
        begin_replay(&mut node.state, &log);
        for input in log.clone() {
            self.process(&mut node, input, effects);
        }
        end_replay(&mut node.state);
        node.outside.log = log;
        node.outside.is_replaying = false;
        node
    }
}

impl Adversary for Consensus {
    fn alphabet(&self) -> Vec<Message> {
        alphabet(self.bound)
    }

    fn parts(&self, message: &Message) -> Vec<(NodeId, Message)> {
        message.parts()
    }
}

impl Tallying for Consensus {
    fn control(&self, node: &Host) -> Key {
        match node.outside.is_past {
            true => Key::text("past the last round"),
            false => known::control(&node.state.driver, node.last()),
        }
    }

    /// The prevotes of a round are counted together, and its precommits.
    fn tally(&self, message: &Message) -> Option<Tally> {
        message.tally()
    }

    fn reached(&self, node: &Host) -> Option<Key> {
        // Where a driver does not look again at what came before its step, nothing may be put off.
        if !LOOKS_AGAIN || self.has_crashes {
            return None;
        }
        if Self::is_over(node) {
            return Some(Key::text("over"));
        }
        let mut text = known::reached(&node.state.driver, node.last(), self.bound);
        let _ = write!(text, " {:?}", node.state.full_proposal_keeper);
        Some(Key::text(text))
    }

    fn forget(&self, node: &mut Host) {
        if !Self::is_over(node) {
            known::forget(&mut node.state.driver, self.bound);
        }
    }

    /// The first two values may be exchanged.
    fn renamings(&self) -> Vec<Renaming<Self>> {
        if self.bound.value_count == 2 { vec![|_, message| message.exchanged()] } else { Vec::new() }
    }
}
