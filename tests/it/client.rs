//! The client: when it believes a result, what it sends again and to whom; and that what it believes is
//! what honest replicas computed, whatever f others tell it.

use std::collections::{BTreeMap, BTreeSet};

use crate::common::{self, CLIENTS, System, digest, request};
use bft_check::pbft::{
    Castro99, Chain, Client, ClientEffect, ClientId, ClientInput, ClientState, Committee, Digest, Effect,
    Input, Message, Outcome, Refusal, Replica, ReplicaId, Reply, RequestId, Rules, SeqNum, Signed, State,
    TallyKey, Timestamp, View,
};
use proptest::prelude::*;

rulebook! { ServesReads: fn serves_reads(&self) -> bool { true } }

/// A client of a system, its state, and what the tests do to it.
struct At {
    client: Client,
    state: ClientState,
}

impl At {
    fn new(system: &System, id: usize) -> Self {
        let (setting, rules) = (system.setting.clone(), system.replicas[0].rules());
        let client = Client::new(system.keys.clients[id].clone(), setting, rules).unwrap();
        At { state: client.init(), client }
    }

    fn step(&mut self, input: ClientInput<'_>) -> Result<Vec<ClientEffect>, Refusal> {
        let (before, verdict) = (self.state.clone(), self.client.check(&self.state, input));
        let mut out = Vec::new();
        let outcome = self.client.step(&mut self.state, input, &mut out);
        assert_eq!(verdict, outcome, "`check` and `step` disagree on {input:?}");
        if outcome.is_err() {
            assert_eq!((&self.state, out.len()), (&before, 0), "the refused {input:?} has consequences");
        }
        outcome.map(|()| out)
    }

    fn invokes(&mut self, reads: bool) -> Vec<ClientEffect> {
        self.step(ClientInput::Invoke { operation: b"operation", reads }).unwrap()
    }

    fn accepts(&mut self, message: &Message) -> Vec<ClientEffect> {
        self.step(ClientInput::Deliver(message)).unwrap()
    }

    fn refuses(&mut self, message: &Message, refusal: Refusal) {
        assert_eq!(self.step(ClientInput::Deliver(message)), Err(refusal), "{message:?}");
    }

    fn times_out(&mut self) -> Vec<ClientEffect> {
        self.step(ClientInput::Timeout).unwrap()
    }
}

fn appended(number: u64) -> Outcome {
    Outcome::Appended { seq: SeqNum(number), position: 0, parent: digest(number) }
}

fn read(number: u64) -> Outcome {
    Outcome::Read { height: SeqNum(number), head: digest(number) }
}

fn accepted(client: u32, timestamp: u64, result: Outcome) -> Vec<ClientEffect> {
    let id = RequestId { timestamp: Timestamp(timestamp), client: ClientId(client) };
    vec![ClientEffect::Accepted(id, result), ClientEffect::Timer(None)]
}

// --- one client ---------------------------------------------------------------------------------

#[test]
fn only_a_client_can_be_a_client() {
    let system = System::new(4);
    let key = system.keys.replicas[0].clone();
    let client = Client::new(key, system.setting.clone(), &Castro99).map(|client| client.id());
    assert_eq!(client, Err(Refusal::InauthenticRequest));
}

/// The control part of its state is what stays if replies that were not enough are forgotten.
#[test]
fn replies_that_are_not_enough_and_the_timer_are_not_control() {
    let system = System::new(4);
    let mut client = At::new(&system, 2);
    assert_eq!(client.client.id(), ClientId(2));
    assert_eq!(client.client.control(&client.state), client.client.init());
    client.invokes(false);
    let asked = client.state.clone();
    assert_ne!(asked, client.client.init());
    assert_eq!(client.client.control(&asked), asked);
    client.accepts(&system.reply(3, 5, &system.request(2, 1), appended(1)));
    client.times_out();
    assert_ne!(client.state, asked);
    assert_eq!(client.client.control(&client.state), asked);
    // The view of the replies that were enough stays.
    client.accepts(&system.reply(1, 5, &system.request(2, 1), appended(1)));
    assert_eq!(client.state.view(), View(5));
    assert_eq!(client.client.control(&client.state).view(), View(5));
}

#[test]
fn request_goes_to_the_primary_and_to_all_when_the_timer_runs_out_which_doubles() {
    let system = System::new(4);
    let mut client = At::new(&system, 2);
    assert_eq!(client.step(ClientInput::Timeout), Err(Refusal::NoTimer));
    let message = |timestamp| Message::Request(system.request(2, timestamp));
    let to_primary = ClientEffect::Send(ReplicaId(0), message(1));
    assert_eq!(client.invokes(false), [to_primary, ClientEffect::Timer(Some(0))]);
    // One request at a time: replicas remember the last one only.
    let second = client.step(ClientInput::Invoke { operation: b"another", reads: false });
    assert_eq!(second, Err(Refusal::Full));
    for doublings in 1..4 {
        let to_all = ClientEffect::Broadcast(message(1));
        assert_eq!(client.times_out(), [to_all, ClientEffect::Timer(Some(doublings))]);
    }

    // Replies count on; the next request has a timer of its own and a later timestamp, and goes to the
    // primary of the view that an honest replica was in.
    let (first, result) = (system.request(2, 1), appended(1));
    assert_eq!(client.accepts(&system.reply(3, 9, &first, result)), []);
    assert_eq!(client.accepts(&system.reply(1, 2, &first, result)), accepted(2, 1, result));
    assert_eq!(client.state.accepted(), Some((Timestamp(1), result)));
    assert_eq!(client.step(ClientInput::Timeout), Err(Refusal::NoTimer));
    let to_primary = ClientEffect::Send(ReplicaId(2), message(2));
    assert_eq!(client.invokes(false), [to_primary, ClientEffect::Timer(Some(0))]);
}

#[test]
fn reply_guards() {
    let system = System::new(4);
    let mut client = At::new(&system, 0);
    let (mine, result) = (system.request(0, 1), appended(1));
    client.refuses(&system.reply(1, 0, &mine, result), Refusal::NotAwaited);
    client.invokes(false);

    client.refuses(&system.reply(4, 0, &mine, result), Refusal::NotAReplica);
    let Message::Reply(genuine) = system.reply(1, 0, &mine, result) else { panic!() };
    let by_client = Message::Reply(system.keys.clients[0].sign(*genuine.message()));
    client.refuses(&by_client, Refusal::NotAReplica);
    client.refuses(&system.reply(1, 0, &system.request(0, 2), result), Refusal::NotAwaited);
    client.refuses(&system.reply(1, 0, &system.request(0, 0), result), Refusal::NotAwaited);
    client.refuses(&system.reply(1, 0, &system.request(1, 1), result), Refusal::NotAwaited);
    client.refuses(&system.reply(1, 0, &mine, read(1)), Refusal::NotAwaited);
    client.refuses(&system.prepare(1, 0, 1, digest(1)), Refusal::NotForClients);

    assert_eq!(client.accepts(&system.reply(1, 0, &mine, result)), []);
    client.refuses(&system.reply(1, 0, &mine, result), Refusal::Duplicate);
    client.refuses(&system.reply(1, 5, &mine, result), Refusal::Duplicate);
    // Results that differ are not added up, and of one replica only a few are kept.
    for number in 2..5 {
        assert_eq!(client.accepts(&system.reply(1, 0, &mine, appended(number))), []);
    }
    client.refuses(&system.reply(1, 0, &mine, appended(5)), Refusal::TooManyVotes);
    assert_eq!(client.accepts(&system.reply(2, 0, &mine, result)), accepted(0, 1, result));
    client.refuses(&system.reply(3, 0, &mine, result), Refusal::NotAwaited);
}

#[test]
fn forged_replies_do_not_count() {
    let (system, forger) = (System::ed25519(4, 1), System::ed25519(4, 2));
    let mut client = At::new(&system, 0);
    client.invokes(false);
    let mine = system.request(0, 1);
    for from in 0..4 {
        client.refuses(&forger.reply(from, 0, &mine, appended(1)), Refusal::BadSignature);
    }
    client.accepts(&system.reply(1, 0, &mine, appended(2)));
    let effects = client.accepts(&system.reply(2, 0, &mine, appended(2)));
    assert_eq!(effects, accepted(0, 1, appended(2)));
}

#[test]
fn read_is_sent_to_all_and_takes_a_quorum_of_matching_replies() {
    for n in [4, 7, 10] {
        let system = System::following(n, &ServesReads);
        let mut client = At::new(&system, 0);
        let mine = system.request(0, 1);
        let to_all = ClientEffect::Broadcast(Message::Read(mine.clone()));
        assert_eq!(client.invokes(true), [to_all, ClientEffect::Timer(Some(0))]);
        assert!(client.state.reads());
        // What is no read is ordered there too.
        let mut writer = At::new(&system, 0);
        let to_primary = ClientEffect::Send(ReplicaId(0), Message::Request(mine.clone()));
        assert_eq!(writer.invokes(false), [to_primary, ClientEffect::Timer(Some(0))]);
        client.refuses(&system.reply(0, 0, &mine, appended(1)), Refusal::NotAwaited);
        // The first f answer from an older state.
        for from in 0..system.f() {
            assert_eq!(client.accepts(&system.reply(from, 0, &mine, read(1))), []);
        }
        let (f, last) = (system.f(), system.f() + system.quorum() - 1);
        for from in f..last {
            assert_eq!(client.accepts(&system.reply(from, 0, &mine, read(2))), []);
        }
        assert_eq!(client.accepts(&system.reply(last, 0, &mine, read(2))), accepted(0, 1, read(2)));
    }
}

#[test]
fn read_is_ordered_where_the_rulebook_says_so_and_when_replies_do_not_match() {
    let ordering = System::new(4);
    let message = Message::Request(ordering.request(0, 1));
    let mut client = At::new(&ordering, 0);
    let to_primary = ClientEffect::Send(ReplicaId(0), message.clone());
    assert_eq!(client.invokes(true), [to_primary, ClientEffect::Timer(Some(0))]);

    let system = System::following(4, &ServesReads);
    let mut client = At::new(&system, 0);
    client.invokes(true);
    let mine = system.request(0, 1);
    for from in 0..2 {
        assert_eq!(client.accepts(&system.reply(from, 0, &mine, read(1))), []);
    }
    // Whoever has contradicted itself about the read as often as it may has not yet said anything of the request.
    let mut answers = (2..).map(|height| system.reply(2, 0, &mine, read(height)));
    while client.step(ClientInput::Deliver(&answers.next().unwrap())).is_ok() {}
    assert_eq!(client.times_out(), [ClientEffect::Broadcast(message), ClientEffect::Timer(Some(1))]);
    assert!(!client.state.reads());
    // Late replies to the read are none to the request.
    client.refuses(&system.reply(2, 0, &mine, read(1)), Refusal::NotAwaited);
    assert_eq!(client.accepts(&system.reply(2, 0, &mine, appended(1))), []);
    assert_eq!(client.accepts(&system.reply(3, 0, &mine, appended(1))), accepted(0, 1, appended(1)));
}

#[test]
fn rulebook_decides_which_replies_are_enough() {
    rulebook! { OneReply: fn reply_quorum(&self, _: Committee) -> usize { 1 } }
    rulebook! { FewReads:
        fn serves_reads(&self) -> bool { true }
        fn read_quorum(&self, committee: Committee) -> usize { committee.weak_quorum() }
    }
    rulebook! { AnyResult:
        fn reply_key(&self, _: &Reply) -> TallyKey { TallyKey { view: None, digest: None } }
    }
    let believes = |rules, reads, results: &[Outcome]| {
        let system = System::following(4, rules);
        let mut client = At::new(&system, 0);
        client.invokes(reads);
        for (from, result) in results.iter().enumerate() {
            client.accepts(&system.reply(from, 0, &system.request(0, 1), *result));
        }
        client.state.accepted().is_some()
    };
    let (one, two, differing) = ([appended(1)], [appended(1); 2], [appended(1), appended(2)]);
    assert_eq!((believes(&Castro99, false, &one), believes(&OneReply, false, &one)), (false, true));
    assert_eq!((believes(&Castro99, false, &two), believes(&AnyResult, false, &two)), (true, true));
    let lax = believes(&AnyResult, false, &differing);
    assert_eq!((believes(&Castro99, false, &differing), lax), (false, true));
    let reads = [read(1); 2];
    assert_eq!((believes(&ServesReads, true, &reads), believes(&FewReads, true, &reads)), (false, true));
}

proptest! {
    #![proptest_config(common::cases(256))]

    /// Against a model: for each result, the set of those who have sent it.
    #[test]
    fn result_is_believed_exactly_when_f_plus_one_replicas_have_sent_it(
        n in prop_oneof![Just(4u16), Just(5), Just(7), Just(10)],
        replies in prop::collection::vec((0..12usize, 0..3u64, 0..3u64, 0..4u32, 0..4u64), 0..60),
    ) {
        let system = System::new(n);
        let mut client = At::new(&system, 0);
        client.invokes(false);
        let mut sent: BTreeMap<u64, BTreeSet<usize>> = BTreeMap::new();
        for (from, result, view, other_client, other_timestamp) in replies {
            let from = from % (usize::from(n) + 2);
            // One in four is for another client, or for another request.
            let id = system.request(u32::from(other_client == 0), 1 + u64::from(other_timestamp == 0));
            let genuine = other_client != 0 && other_timestamp != 0 && from < usize::from(n);
            let fresh = genuine && sent.entry(result).or_default().insert(from);
            let message = system.reply(from, view, &id, appended(result));
            let outcome = client.step(ClientInput::Deliver(&message));
            prop_assert_eq!(outcome.is_ok(), fresh, "{:?}", outcome);
            let enough = fresh && sent[&result].len() == system.f() + 1;
            prop_assert_eq!(client.state.accepted().is_some(), enough);
            if enough {
                prop_assert_eq!(outcome.unwrap(), accepted(0, 1, appended(result)));
                break;
            }
        }
    }
}

// --- clients and replicas -------------------------------------------------------------------------

/// Where a message goes.
#[derive(Clone, Copy)]
enum To {
    Replica(usize),
    Client(usize),
}

/// Clients and replicas over a network that reorders, and loses what is sent while it is told to. The
/// liars follow the protocol but give every client the same wrong answers.
struct World {
    system: System,
    states: Vec<State>,
    clients: Vec<At>,
    liars: BTreeSet<usize>,
    network: Vec<(To, Message)>,
    /// What honest replicas have executed: the hash before, the hash after, the requests.
    blocks: BTreeMap<SeqNum, (Digest, Digest, Vec<RequestId>)>,
    /// How far the ledger was when each client asked, as far as clients know.
    known: SeqNum,
    known_at_invocation: Vec<SeqNum>,
    believed: Vec<(RequestId, Outcome)>,
    reads: usize,
}

impl World {
    fn new(n: u16, rules: &'static dyn Rules, liars: BTreeSet<usize>) -> Self {
        let system = System::with(n, rules, |setting| {
            setting.checkpoint_interval = 2;
            setting.window = 8;
            setting.max_batch = 2;
        });
        World {
            states: system.replicas.iter().map(Replica::init).collect(),
            clients: (0..CLIENTS as usize).map(|id| At::new(&system, id)).collect(),
            system,
            liars,
            network: Vec::new(),
            blocks: BTreeMap::new(),
            known: SeqNum::GENESIS,
            known_at_invocation: vec![SeqNum::GENESIS; CLIENTS as usize],
            believed: Vec::new(),
            reads: 0,
        }
    }

    fn invoke(&mut self, client: usize, reads: bool) {
        self.known_at_invocation[client] = self.known;
        let effects = self.clients[client].invokes(reads);
        self.perform_client(client, effects);
    }

    fn perform_client(&mut self, client: usize, effects: Vec<ClientEffect>) {
        for effect in effects {
            match effect {
                ClientEffect::Broadcast(message) => {
                    let all = (0..self.states.len()).map(|to| (To::Replica(to), message.clone()));
                    self.network.extend(all);
                }
                ClientEffect::Send(to, message) => self.network.push((To::Replica(to.index()), message)),
                ClientEffect::Accepted(id, result) => self.believe(client, id, result),
                ClientEffect::Timer(_) => {}
            }
        }
    }

    /// The result must be what honest replicas computed, and no older than what clients knew before.
    fn believe(&mut self, client: usize, id: RequestId, result: Outcome) {
        assert_eq!(id.client, ClientId(client as u32));
        let reached = match result {
            Outcome::Appended { seq, position, parent } => {
                let (before, _, executed) = &self.blocks[&seq];
                assert_eq!((*before, executed[position as usize]), (parent, id), "{result:?}");
                seq
            }
            Outcome::Read { height, head } => {
                let right = match self.blocks.get(&height) {
                    Some((_, after, _)) => *after == head,
                    None => (height, head) == (SeqNum::GENESIS, Chain::genesis().head()),
                };
                assert!(right, "{id} reads {result:?}, which nobody honest had");
                self.reads += 1;
                height
            }
        };
        assert!(reached >= self.known_at_invocation[client], "{id} reads the past: {result:?}");
        self.known = self.known.max(reached);
        self.believed.push((id, result));
    }

    fn give(&mut self, at: usize, input: Input<'_>) {
        let mut out = Vec::new();
        let _ = self.system.replicas[at].step(&mut self.states[at], input, &mut out);
        for effect in out {
            match effect {
                Effect::Broadcast(message) => {
                    let others = (0..self.states.len()).filter(|&to| to != at);
                    self.network.extend(others.map(|to| (To::Replica(to), message.clone())));
                }
                Effect::Send(to, message) => self.network.push((To::Replica(to.index()), message)),
                Effect::Reply(reply) => self.answer(at, &reply),
                Effect::Executed(block) if !self.liars.contains(&at) => {
                    let entry = (block.parent(), block.digest(), block.executed().to_vec());
                    let agreed = self.blocks.entry(block.seq()).or_insert_with(|| entry.clone());
                    assert_eq!(*agreed, entry, "agreement");
                }
                _ => {}
            }
        }
    }

    fn answer(&mut self, at: usize, reply: &Signed<Reply>) {
        let to = To::Client(reply.client.0 as usize);
        if !self.liars.contains(&at) {
            self.network.push((to, Message::Reply(reply.clone())));
            return;
        }
        let asked = request(&self.system.keys.clients[0], reply.client.0, reply.timestamp.0);
        // What was true once is a lie too.
        let past = Outcome::Read { height: SeqNum::GENESIS, head: Chain::genesis().head() };
        for lie in [appended(1), past, read(1), appended(1)] {
            self.network.push((to, self.system.reply(at, 7, &asked, lie)));
        }
    }

    /// Delivers in an order that the choices give, until nothing is under way; one message in `loss` is lost.
    fn deliver(&mut self, choices: &mut impl FnMut(usize) -> usize, loss: usize) {
        while !self.network.is_empty() {
            let (to, message) = self.network.swap_remove(choices(self.network.len()));
            match to {
                _ if loss > 0 && choices(loss) == 0 => {}
                To::Replica(to) => self.give(to, Input::Deliver(&message)),
                To::Client(to) => {
                    let effects = self.clients[to].step(ClientInput::Deliver(&message));
                    self.perform_client(to, effects.unwrap_or_default());
                }
            }
        }
    }

    /// Until every client believes a result: retransmission, then timeouts.
    fn settle(&mut self, choices: &mut impl FnMut(usize) -> usize) {
        for round in 0.. {
            self.deliver(choices, 0);
            let waiting: Vec<_> =
                (0..self.clients.len()).filter(|&c| self.clients[c].state.waiting_for().is_some()).collect();
            if waiting.is_empty() {
                return;
            }
            assert!(round < 20, "clients {waiting:?} wait for ever: {:?}", self.states);
            for client in waiting {
                let effects = self.clients[client].times_out();
                self.perform_client(client, effects);
            }
            self.deliver(choices, 0);
            for at in 0..self.states.len() {
                self.give(at, Input::Retransmit);
            }
            self.deliver(choices, 0);
            for at in (0..self.states.len()).filter(|_| round % 2 == 1) {
                self.give(at, Input::Timeout);
            }
        }
    }
}

fn world(n: u16, rules: &'static dyn Rules, seed: u64, loss: usize, reads: usize) -> World {
    let mut state = seed;
    let mut choices = move |bound: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % bound.max(1)
    };
    let f = (usize::from(n) - 1) / 3;
    let first = choices(usize::from(n));
    let liars = (0..f).map(|i| (first + i) % usize::from(n)).collect();
    let mut world = World::new(n, rules, liars);
    for _ in 0..4 {
        for client in 0..CLIENTS as usize {
            let reads = reads > 0 && choices(reads) == 0;
            world.invoke(client, reads);
        }
        world.deliver(&mut choices, loss);
        world.settle(&mut choices);
    }
    world
}

proptest! {
    #![proptest_config(common::cases(48))]

    #[test]
    fn clients_believe_what_honest_replicas_computed(
        n in prop_oneof![Just(4u16), Just(7), Just(10)],
        seed in any::<u64>(),
        loss in prop_oneof![Just(0usize), 3..20usize],
        reads in 0..4usize,
    ) {
        let world = world(n, &ServesReads, seed, loss, reads);
        // Every request of every client is answered, and answered once.
        let ids: BTreeSet<_> = world.believed.iter().map(|(id, _)| *id).collect();
        prop_assert_eq!((ids.len(), world.believed.len()), (4 * CLIENTS as usize, 4 * CLIENTS as usize));
    }
}

#[test]
fn reads_are_answered_without_being_ordered() {
    let world = world(4, &ServesReads, 1, 0, 1);
    assert!(world.reads > 0, "{:?}", world.believed);
}

/// The property must be able to fail: who believes one replica believes a liar.
#[test]
#[should_panic(expected = "left == right")]
fn who_believes_one_reply_is_deceived() {
    rulebook! { OneReply: fn reply_quorum(&self, _: Committee) -> usize { 1 } }
    (0..20).for_each(|seed| drop(world(4, &OneReply, seed, 0, 0)));
}

#[test]
#[should_panic(expected = " reads ")]
fn who_believes_one_reader_is_deceived() {
    rulebook! { OneRead:
        fn serves_reads(&self) -> bool { true }
        fn read_quorum(&self, _: Committee) -> usize { 1 }
    }
    (0..20).for_each(|seed| drop(world(4, &OneRead, seed, 0, 1)));
}

/// A replica has one reply of each client; it answers that one again, after a state transfer too.
#[test]
fn replies_that_were_lost_are_sent_again() {
    let system = System::new(4);
    let mut client = At::new(&system, 0);
    let [ClientEffect::Send(_, message), _] = &client.invokes(false)[..] else { panic!() };
    let alone = System::new(1);
    let mut state = alone.replicas[0].init();
    let replies = |state: &mut State, message: &Message| {
        let effects = common::accepted(&alone.replicas[0], state, Input::Deliver(message));
        effects.into_iter().filter(|effect| matches!(effect, Effect::Reply(_))).collect::<Vec<_>>()
    };
    let first = replies(&mut state, message);
    let [ClientEffect::Broadcast(again), _] = &client.times_out()[..] else { panic!() };
    assert_eq!(replies(&mut state, again), first);
}
