//! Malachite's driver, as it is published, and the duties of its host, as `core-consensus` of the same release has them.

use bft_check::protocol::{
    Adversary, Effects, Fair, Input, Key, Layers, NodeId, Protocol, Renaming, Slot, Tally, Tallying,
};

use super::context::{At, Ballot, Bare, Id, Members, NoSignature, Number, Offer};
use super::driver::{self, Output};
use super::handed_on::{ballot, entered_by, handed_on};
use super::types::{
    Context, NilOrVal, PolkaCertificate, PolkaSignature, Proposal, Round, SignedMessage, ThresholdParams,
    Timeout, TimeoutKind, Validator, Validity, VoteType,
};
use super::{LOOKS_AGAIN, commit, committed, drops_polka, drops_proposal, drops_vote, drops_way, known};
use crate::bound::Bound;
use crate::message::{Clock, Event, Kind, Message, Val};

pub type Driver = driver::Driver<Bare>;

/// The release of this module, within a bound.
pub struct Malachite {
    pub bound: Bound,
    /// Whether it is asked if everybody decides once the network is stable. Then messages arrive one by one, and an application has
    /// built its value when it is asked for it.
    pub asks_liveness: bool,
    /// Who never does anything.
    pub silent: Option<NodeId>,
}

/// A driver and its host.
pub struct Host {
    number: Number,
    driver: Driver,
    /// What runs.
    clocks: Vec<Event>,
    /// The votes that it has cast last.
    last: [Option<Ballot>; 2],
    /// Whether it has left the last round of the bound: it does nothing any more.
    is_past: bool,
    /// Whether it never does anything.
    is_silent: bool,
}

impl Host {
    /// The votes that it has cast last, for a key.
    fn last(&self) -> [Option<&Ballot>; 2] {
        self.last.each_ref().map(Option::as_ref)
    }
}

fn id(value: Val) -> Id {
    Id(value.0)
}

fn round_of(round: Round) -> u32 {
    round.as_u32().unwrap_or(u32::MAX)
}

fn optional(round: Option<u32>) -> Round {
    round.map_or(Round::Nil, Round::new)
}

impl Malachite {
    fn proposer(&self, round: u32) -> NodeId {
        let members = Members::new(self.bound.nodes);
        NodeId(Bare.select_proposer(&members, At::FIRST, Round::new(round)).address().0)
    }

    /// Hands an input to the driver and does what it asks for.
    fn process(&self, node: &mut Host, input: driver::Input<Bare>, effects: &mut Effects<Self>) {
        if matches!(input, driver::Input::NewRound(..)) {
            node.clocks.clear();
        }
        // The host would give up; here it is seen as a panic.
        let outputs = node.driver.process(input).unwrap_or_else(|error| panic!("the driver fails: {error}"));
        for output in outputs {
            self.obey(node, output, effects);
        }
        Self::leave(node);
    }

    /// Stops what is for a step that is past: nothing comes of it.
    fn leave(node: &mut Host) {
        let (round, driver) = (round_of(node.driver.round()), &node.driver);
        let is_past = |clock: &Event| match *clock {
            Event::Timeout(Clock::Propose, of) | Event::Value(of, _) => {
                of == round && !driver.step_is_propose()
            }
            Event::Timeout(Clock::Prevote, of) => of == round && driver.step_is_precommit(),
            Event::Timeout(Clock::Precommit, _) => false,
        };
        node.clocks.retain(|clock| !is_past(clock));
    }

    fn obey(&self, node: &mut Host, output: Output<Bare>, effects: &mut Effects<Self>) {
        match output {
            Output::NewRound(height, round) if round_of(round) < self.bound.rounds => {
                let proposer = Number(self.proposer(round_of(round)).0);
                if self.asks_liveness {
                    Self::hand_on_votes(node, round, effects);
                }
                self.process(node, driver::Input::NewRound(height, round, proposer), effects);
            }
            Output::NewRound(..) => {
                node.clocks.clear();
                node.is_past = true;
            }
            Output::Propose(offer) => {
                effects.broadcast(Message::Proposal {
                    round: round_of(offer.round),
                    value: Val(offer.value.0),
                    pol: offer.pol.as_u32(),
                });
                self.propose(node, offer, effects);
            }
            Output::Vote(ballot) => self.cast(node, ballot, effects),
            Output::Decide(_, offer) => {
                effects.decide(Slot(0), Val(offer.value().0));
                if self.asks_liveness {
                    self.hand_on(node, offer.round, offer.value, effects);
                }
            }
            Output::ScheduleTimeout(timeout) => {
                let clock = match timeout.kind {
                    TimeoutKind::Propose => Clock::Propose,
                    TimeoutKind::Prevote => Clock::Prevote,
                    TimeoutKind::Precommit => Clock::Precommit,
                    _ => return,
                };
                Self::set(node, Event::Timeout(clock, round_of(timeout.round)));
            }
            Output::GetValue(_, round, _) if self.asks_liveness => {
                let value = Id((round_of(round) % u32::from(self.bound.value_count)) as u8);
                self.process(node, driver::Input::ProposeValue(round, value), effects);
            }
            Output::GetValue(_, round, _) => {
                for value in self.bound.values() {
                    Self::set(node, Event::Value(round_of(round), value));
                }
            }
        }
    }

    fn set(node: &mut Host, clock: Event) {
        node.clocks.retain(|other| *other != clock);
        node.clocks.push(clock);
    }

    /// What may run out next. Once the network is stable a timeout of an earlier step of a round elapses before one of a later
    /// step, which is set when others are through with theirs.
    fn running(&self, node: &Host) -> Vec<Event> {
        let is_later = |clock: &Event, other: &Event| {
            matches!((clock, other), (Event::Timeout(later, of), Event::Timeout(earlier, round))
                if of == round && earlier < later)
        };
        let all = node.clocks.iter().copied();
        let waits =
            |clock: &Event| self.asks_liveness && node.clocks.iter().any(|other| is_later(clock, other));
        all.filter(|clock| !waits(clock)).collect()
    }

    /// Sets and stops what runs now, and did not or did before.
    fn tell(&self, node: &Host, before: &[Event], effects: &mut Effects<Self>) {
        let running = self.running(node);
        before.iter().filter(|clock| !running.contains(clock)).for_each(|clock| effects.stop(*clock));
        running.into_iter().filter(|clock| !before.contains(clock)).for_each(|clock| effects.set(clock));
    }

    /// The votes by which it comes to a round, for those who have not seen all of them.
    fn hand_on_votes(node: &Host, round: Round, effects: &mut Effects<Self>) {
        if let Some((votes_of, votes)) = entered_by(&node.driver, |enters| enters == round) {
            effects.broadcast(Message::RoundCertificate { enters: round_of(round), round: votes_of, votes });
        }
    }

    /// What was decided, with its proof, for those who fall behind: who has decided answers nothing else.
    fn hand_on(&self, node: &Host, round: Round, value: Id, effects: &mut Effects<Self>) {
        let votes = node.driver.votes().per_round(round).into_iter().flat_map(|votes| votes.received_votes());
        let is_of_it = |vote: &Ballot| vote.kind == VoteType::Precommit && vote.value == NilOrVal::Val(value);
        let counted = votes.filter(|vote| is_of_it(vote)).map(|vote| vote.voter);
        let voters = committed(&node.driver, round, value).unwrap_or_else(|| counted.collect());
        let mut voters: Vec<_> = voters.into_iter().map(|voter| NodeId(voter.0)).collect();
        voters.sort_unstable();
        voters.truncate(self.bound.quorum());
        let (kind, round, value) = (Kind::Precommit, round_of(round), Val(value.0));
        effects.broadcast(Message::Certificate { kind, round, value, voters });
    }

    /// Its own vote: sent, and counted by itself. Before a precommit of a value all that is older is dropped.
    fn cast(&self, node: &mut Host, ballot: Ballot, effects: &mut Effects<Self>) {
        if ballot.kind == VoteType::Precommit && ballot.value.is_val() {
            node.driver.prune_votes_and_certificates(ballot.round);
        }
        let (kind, last) = match ballot.kind {
            VoteType::Prevote => (Kind::Prevote, 0),
            VoteType::Precommit => (Kind::Precommit, 1),
        };
        node.last[last] = Some(ballot.clone());
        let value = match ballot.value {
            NilOrVal::Nil => None,
            NilOrVal::Val(id) => Some(Val(id.0)),
        };
        effects.broadcast(Message::Vote { kind, round: round_of(ballot.round), value });
        self.vote(node, ballot, effects);
    }

    fn vote(&self, node: &mut Host, ballot: Ballot, effects: &mut Effects<Self>) {
        let signed = SignedMessage::new(ballot, NoSignature);
        if !drops_vote(&node.driver, &signed) {
            self.process(node, driver::Input::Vote(signed), effects);
        }
    }

    fn propose(&self, node: &mut Host, offer: Offer, effects: &mut Effects<Self>) {
        if !drops_proposal(offer.round, offer.pol) {
            let signed = SignedMessage::new(offer, NoSignature);
            self.process(node, driver::Input::Proposal(signed, Validity::Valid), effects);
        }
    }

    fn certificate(&self, node: &mut Host, message: Message, effects: &mut Effects<Self>) {
        let Message::Certificate { kind, round, value, voters } = message else { return };
        let are_enough =
            voters.len() >= self.bound.quorum() && voters.windows(2).all(|pair| pair[0] < pair[1]);
        let (round, value_id) = (Round::new(round), id(value));
        let voters: Vec<_> = voters.into_iter().map(|voter| Number(voter.0)).collect();
        let input = match kind {
            Kind::Prevote if drops_polka(&node.driver, round, value_id) => return,
            Kind::Prevote => {
                let signature = |voter| PolkaSignature::new(voter, NoSignature);
                let polka_signatures = voters.into_iter().map(signature).collect();
                let height = At::FIRST;
                driver::Input::PolkaCertificate(PolkaCertificate {
                    height,
                    round,
                    value_id,
                    polka_signatures,
                })
            }
            Kind::Precommit => commit(round, value_id, voters),
        };
        if are_enough {
            self.process(node, input, effects);
        }
        // With the proof of a decision comes the value itself.
        if self.asks_liveness && are_enough && kind == Kind::Precommit && !node.driver.step_is_commit() {
            let (pol, proposer) = (Round::Nil, Number(self.proposer(round_of(round)).0));
            self.propose(node, Offer { round, value: value_id, pol, proposer }, effects);
        }
    }

    fn deliver(&self, node: &mut Host, from: NodeId, message: Message, effects: &mut Effects<Self>) {
        match message {
            // The keeper panics on a proposal by anybody else.
            Message::Proposal { round, .. } if from != self.proposer(round) => {}
            Message::Proposal { round, value, pol } => {
                let (round, pol) = (Round::new(round), optional(pol));
                self.propose(node, Offer { round, value: id(value), pol, proposer: Number(from.0) }, effects);
            }
            Message::Vote { kind, round, value } => {
                self.vote(node, ballot(from, kind, round, value), effects);
            }
            Message::RoundCertificate { enters, round, .. }
                if drops_way(&node.driver, Round::new(enters), Round::new(round)) => {}
            Message::RoundCertificate { round, votes, .. } => {
                for (voter, kind, value) in votes {
                    self.vote(node, ballot(voter, kind, round, value), effects);
                }
            }
            Message::Certificate { .. } => self.certificate(node, message, effects),
        }
    }

    fn elapse(&self, node: &mut Host, event: Event, effects: &mut Effects<Self>) {
        node.clocks.retain(|clock| *clock != event);
        match event {
            Event::Value(round, value) => {
                // It builds one value a round.
                let others =
                    |clock: &Event| matches!(clock, Event::Value(..) | Event::Timeout(Clock::Propose, _));
                node.clocks.retain(|clock| !others(clock));
                self.process(node, driver::Input::ProposeValue(Round::new(round), id(value)), effects);
            }
            Event::Timeout(clock, round) => {
                let kind = match clock {
                    Clock::Propose => TimeoutKind::Propose,
                    Clock::Prevote => TimeoutKind::Prevote,
                    Clock::Precommit => TimeoutKind::Precommit,
                };
                let timeout = Timeout::new(Round::new(round), kind);
                self.process(node, driver::Input::TimeoutElapsed(timeout), effects);
            }
        }
    }
}

impl Protocol for Malachite {
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
        let number = Number(id.0);
        let members = Members::new(self.bound.nodes);
        let driver = Driver::new(Bare, At::FIRST, members, number, ThresholdParams::default());
        let (clocks, is_silent) = (Vec::new(), self.silent == Some(id));
        let mut node = Host { number, driver, clocks, last: [None, None], is_past: false, is_silent };
        if !is_silent {
            let proposer = Number(self.proposer(0).0);
            self.process(&mut node, driver::Input::NewRound(At::FIRST, Round::new(0), proposer), effects);
        }
        self.tell(&node, &[], effects);
        node
    }

    fn step(&self, node: &mut Host, input: Input<Self>, effects: &mut Effects<Self>) {
        // The host does nothing more at this height.
        if node.is_silent || node.is_past || node.driver.step_is_commit() {
            return;
        }
        let mut before = self.running(node);
        match input {
            Input::Message { from, .. } if from.0 == node.number.0 => {}
            Input::Message { from, message } => self.deliver(node, from, message, effects),
            Input::Event(event) => {
                before.retain(|clock| *clock != event);
                self.elapse(node, event, effects);
            }
        }
        self.tell(node, &before, effects);
    }

    fn key(&self, node: &Host) -> Option<Key> {
        let driver = &node.driver;
        // Nothing is done any more.
        if node.is_past || driver.step_is_commit() {
            return Some(Key::text("over"));
        }
        let all = known::all(driver, node.last(), self.bound);
        let handed_on = if self.asks_liveness { handed_on(driver, self.bound) } else { String::new() };
        Some(Key::text(all + &handed_on))
    }

    fn is_valid(&self, _: Slot, value: &Val) -> bool {
        value.0 < self.bound.value_count
    }

    fn layers(&self) -> Layers<Self> {
        if self.asks_liveness { Layers::none().liveness().adversary() } else { Layers::none().quorums() }
    }
}

impl Fair for Malachite {
    /// A driver that was not started is in no round yet.
    fn round(&self, node: &Host) -> u64 {
        node.driver.round().as_u32().map_or(0, u64::from)
    }

    fn is_done(&self, node: &Host, decided: &[(Slot, Val)]) -> bool {
        node.is_silent || !decided.is_empty()
    }

    fn is_cut(&self, node: &Host) -> bool {
        node.is_past
    }
}

impl Adversary for Malachite {
    fn alphabet(&self) -> Vec<Message> {
        self.bound.alphabet()
    }

    fn parts(&self, message: &Message) -> Vec<(NodeId, Message)> {
        message.parts()
    }
}

impl Tallying for Malachite {
    fn control(&self, node: &Host) -> Key {
        match node.is_past {
            true => Key::text("past the last round"),
            false => known::control(&node.driver, node.last()),
        }
    }

    /// The prevotes of a round are counted together, and its precommits.
    fn tally(&self, message: &Message) -> Option<Tally> {
        message.tally()
    }

    fn reached(&self, node: &Host) -> Option<Key> {
        // Where a driver does not look again at what came before its step, nothing may be put off.
        if !LOOKS_AGAIN {
            return None;
        }
        if node.is_past || node.driver.step_is_commit() {
            return Some(Key::text("over"));
        }
        Some(Key::text(known::reached(&node.driver, node.last(), self.bound)))
    }

    fn forget(&self, node: &mut Host) {
        if !node.is_past && !node.driver.step_is_commit() {
            known::forget(&mut node.driver, self.bound);
        }
    }

    /// The first two values may be exchanged.
    fn renamings(&self) -> Vec<Renaming<Self>> {
        if self.bound.value_count == 2 { vec![|_, message| message.exchanged()] } else { Vec::new() }
    }
}
