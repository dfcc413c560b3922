//! One run, from its seed to its end.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::drawn::Drawn;
use super::honest_nodes::HonestNodes;
use super::knowledge::Knowledge;
use super::network::NetworkFaults;
use super::outcome::{Counts, End, Outcome};
use super::rng::{Rng, Stream};
use super::scheduler::{Ready, Scheduler, scheduler, written};
use super::settings::{Settings, SettingsError};
use super::strategy::{ByzantineNode, CopyClock, Outgoing, Strategy, StrategyContext, strategy};
use super::timing::{INITIATIVE, MOST_DOUBLINGS, PATIENCE, RETRANSMISSION, TIMEOUT};
use crate::model::{Event, Property, System, guarded};
use crate::pbft::{ClientEffect, ClientId, Effect, Input, Message, Principal, ReplicaId, Rules, View};

/// Runs a seed. `records` says whether the events are kept; `stop` ends the run early.
///
/// # Errors
/// Settings that make no sense.
pub fn run(
    settings: &Settings,
    seed: u64,
    records: bool,
    stop: Option<&AtomicBool>,
) -> Result<Outcome, SettingsError> {
    Ok(run_drawn(settings, settings.draw(seed)?, seed, records, stop))
}

/// Runs a seed under rules that need not be among the rulebooks that have a name; the name in the settings counts
/// for nothing.
///
/// # Errors
/// Settings that make no sense.
pub fn run_under(
    rules: &'static dyn Rules,
    settings: &Settings,
    seed: u64,
    records: bool,
) -> Result<Outcome, SettingsError> {
    Ok(run_drawn(settings, settings.draw_under(rules, seed)?, seed, records, None))
}

/// Runs what was drawn already; chance draws the rest from the seed.
pub(super) fn run_drawn(
    settings: &Settings,
    drawn: Drawn,
    seed: u64,
    records: bool,
    stop: Option<&AtomicBool>,
) -> Outcome {
    let mut simulation = Simulation::new(settings, drawn, seed, records);
    let end = simulation.run_out(stop);
    let Simulation { system, honest_nodes, mut counts, events, now, .. } = simulation;
    counts.ticks = now;
    counts.blocks = honest_nodes.states().iter().map(|state| state.chain().height().0).max().unwrap_or(0);
    Outcome { seed, end, counts, events, system }
}

/// What can happen at a process.
#[derive(Clone, Debug)]
enum Due {
    Deliver(Message),
    /// The timer that was set as this one of the process runs out; of a Byzantine replica's copy.
    Timeout {
        number: u64,
        copy: usize,
    },
    Resend,
    Ask,
    GoDown(u64),
    ComeBack,
    /// A Byzantine replica does what it likes.
    Act,
    Stabilise,
}

#[derive(Debug)]
struct Pending {
    at: u64,
    order: u64,
    ready: Ready<Due>,
}

impl PartialEq for Pending {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}

impl Eq for Pending {}

impl PartialOrd for Pending {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Pending {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

#[derive(Debug)]
struct Simulation<'s> {
    settings: &'s Settings,
    system: Arc<System>,
    honest_nodes: HonestNodes,
    faults: NetworkFaults,
    strategy: Box<dyn Strategy>,
    nodes: Vec<Option<ByzantineNode>>,
    knowledge: Knowledge,
    network: Rng,
    chance: Rng,
    deceit: Rng,
    scheduler: Box<dyn Scheduler<Due>>,
    pending: BinaryHeap<Reverse<Pending>>,
    order: u64,
    now: u64,
    /// How many processes have done something in this tick.
    done: u64,
    clocks: Vec<CopyClock>,
    down: Vec<bool>,
    /// When something that somebody waits for happened last.
    progress: u64,
    /// How long after that something has to happen again.
    allowed: Option<u64>,
    /// Of each client, when it asked what it waits for, and until when it has to be answered in a network that is
    /// stable from then on.
    patience: Vec<(u64, u64)>,
    /// How much of what can be wrong has changed since it was looked at.
    suspects: usize,
    counts: Counts,
    events: Vec<(u64, Principal, Event)>,
    records: bool,
    violation: Option<(Property, String)>,
    effects: Vec<Effect>,
    of_client: Vec<ClientEffect>,
    outgoing: Vec<Outgoing>,
}

impl<'s> Simulation<'s> {
    fn new(settings: &'s Settings, drawn: Drawn, seed: u64, records: bool) -> Self {
        let Drawn { system, faults, strategy: kind, schedule } = drawn;
        let honest_nodes = HonestNodes::new(Arc::clone(&system));
        let mut deceit = Rng::new(seed, Stream::Strategy);
        let strategy = strategy(kind, &system, &mut deceit);
        let n = usize::from(settings.scope.replicas);
        let processes = n + honest_nodes.clients().len();
        let mut nodes: Vec<Option<ByzantineNode>> = (0..n).map(|_| None).collect();
        for key in system.byzantine() {
            if let Some(id) = key.owner().replica() {
                nodes[id.index()] = ByzantineNode::new(&system, key, strategy.copies());
            }
        }
        let mut chance = Rng::new(seed, Stream::Scheduler);
        // A process, and its timers as another: who has nothing to do but to wait waits as long as others like.
        let scheduler = match schedule {
            Some(choices) => written(choices),
            None => scheduler(settings.scheduler, 2 * processes, settings.depth, &mut chance),
        };
        let network = Rng::new(seed, Stream::Network);
        let patience = vec![(0, 0); honest_nodes.clients().len()];
        let mut this = Simulation {
            settings,
            system,
            honest_nodes,
            faults,
            strategy,
            nodes,
            knowledge: Knowledge::default(),
            network,
            chance,
            deceit,
            scheduler,
            pending: BinaryHeap::new(),
            order: 0,
            now: 0,
            done: 0,
            clocks: vec![CopyClock::default(); processes],
            down: vec![false; n],
            progress: 0,
            allowed: None,
            patience,
            suspects: 0,
            counts: Counts::default(),
            events: Vec::new(),
            records,
            violation: None,
            effects: Vec::new(),
            of_client: Vec::new(),
            outgoing: Vec::new(),
        };
        this.begin();
        this
    }

    fn replicas(&self) -> usize {
        usize::from(self.settings.scope.replicas)
    }

    fn process(&self, who: Principal) -> usize {
        match who {
            Principal::Replica(id) => id.index(),
            Principal::Client(id) => self.replicas() + id.0 as usize,
        }
    }

    fn who(&self, process: usize) -> Principal {
        match process.checked_sub(self.replicas()) {
            None => Principal::Replica(ReplicaId(process as u16)),
            Some(client) => Principal::Client(ClientId(client as u32)),
        }
    }

    fn schedule(&mut self, at: u64, process: usize, what: Due) {
        self.order += 1;
        let ready = Ready { process, what };
        self.pending.push(Reverse(Pending { at, order: self.order, ready }));
    }

    fn begin(&mut self) {
        let n = self.replicas();
        for client in 0..self.honest_nodes.clients().len() {
            let who = Principal::Client(ClientId(client as u32));
            if let Some(request) = self.honest_nodes.first_request(client) {
                let (rules, committee) = (self.system.rules(), self.system.setting().committee);
                let primary = guarded(|| rules.primary(committee, View(0))).unwrap_or_default();
                self.send(who, Principal::Replica(primary), &request);
            }
            self.start_client_timer(n + client, 0);
            self.has_asked(n + client);
        }
        for replica in 0..n {
            if self.nodes[replica].is_some() {
                self.schedule(INITIATIVE / 2, replica, Due::Act);
            } else {
                let first = self.network.between(1, RETRANSMISSION);
                self.schedule(first, n + self.honest_nodes.clients().len() + replica, Due::Resend);
            }
        }
        for (at, id, rest) in self.faults.crashes.clone() {
            self.schedule(at, id.index(), Due::GoDown(rest));
        }
        self.schedule(self.faults.stable_at, 0, Due::Stabilise);
    }

    fn run_out(&mut self, stop: Option<&AtomicBool>) -> End {
        // Everybody does some things in a tick.
        let rate = 4 * self.clocks.len() as u64;
        if self.honest_nodes.has_panicked() {
            return self.last_look().unwrap_or(End::Finished);
        }
        loop {
            self.admit();
            let Some(ready) = self.scheduler.next(&mut self.chance) else {
                match self.pending.peek() {
                    Some(Reverse(next)) => self.now = self.now.max(next.at),
                    None => return End::Finished,
                }
                if let Some(end) = self.is_over() {
                    return end;
                }
                continue;
            };
            self.happen(ready);
            if let Some((property, what)) = self.violation.take() {
                return End::Violated { property, what };
            }
            // Whatever the run is asked about: it cannot go on.
            if self.honest_nodes.has_panicked() {
                return self.last_look().unwrap_or(End::Finished);
            }
            if self.counts.steps >= self.settings.steps {
                return self.last_look().unwrap_or(End::Steps);
            }
            self.done += 1;
            if self.done >= rate {
                self.done = 0;
                self.now += 1;
                if let Some(end) = self.is_over() {
                    return end;
                }
                if stop.is_some_and(|stop| stop.load(Relaxed)) {
                    return End::Stopped;
                }
            }
        }
    }

    /// Hands what is due to the scheduler.
    fn admit(&mut self) {
        while let Some(Reverse(next)) = self.pending.peek() {
            if next.at > self.now {
                return;
            }
            let Some(Reverse(Pending { ready, .. })) = self.pending.pop() else { return };
            let processes = self.clocks.len();
            let is_timer = matches!(ready.what, Due::Timeout { .. } | Due::Resend);
            let process = ready.process % processes + if is_timer { processes } else { 0 };
            self.scheduler.add(Ready { process, what: ready.what });
        }
    }

    /// Whether the run is over: all is done, or nothing has come about for so long that nothing will.
    fn is_over(&mut self) -> Option<End> {
        if self.now < self.faults.stable_at || self.down.contains(&true) {
            return None;
        }
        let since = self.progress.max(self.faults.stable_at);
        if self.honest_nodes.all_asked() && self.honest_nodes.unserved().is_none() {
            return Some(self.last_look().unwrap_or(End::Finished));
        }
        // Timers go on doubling while nothing happens: what counts is how long they were when it last did.
        let allowance = self.allowance();
        if self.now.saturating_sub(since) <= *self.allowed.get_or_insert(allowance) {
            return self.leaves_out();
        }
        if let Some(end) = self.last_look() {
            return Some(end);
        }
        let (property, what) = self.honest_nodes.unserved()?;
        if self.settings.property.is_some_and(|property| !property.is_liveness()) {
            return Some(End::Finished);
        }
        let what = format!(
            "{what}: nothing that a client waits for has happened in the {} ticks to {}, and the network is stable \
             since {}",
            self.now - since,
            self.now,
            self.faults.stable_at
        );
        Some(End::Violated { property, what })
    }

    /// Whether a client is left out: it has waited for so long in a stable network that it will for ever, although
    /// others are served.
    fn leaves_out(&self) -> Option<End> {
        let stable_at = self.faults.stable_at;
        let waits = |client: &usize| {
            let (asked, allowed) = self.patience[*client];
            self.honest_nodes.clients()[*client].1.waiting_for().is_some()
                && self.now.saturating_sub(asked.max(stable_at)) > allowed
        };
        let client = (0..self.patience.len()).find(waits)?;
        if self.settings.property.is_some_and(|property| !property.is_liveness()) {
            return None;
        }
        let (property, what) = self.honest_nodes.unserved_of(client)?;
        let since = self.patience[client].0.max(stable_at);
        let what = format!(
            "{what}: it was asked {} ticks ago, the network is stable since then, and others were served",
            self.now - since
        );
        Some(End::Violated { property, what })
    }

    /// A client has asked for something: from now on it waits, at most until the turn of every client has come and
    /// every Byzantine replica has been primary.
    fn has_asked(&mut self, process: usize) {
        let allowed = self.allowance() + 4 * TIMEOUT * self.patience.len() as u64;
        let client = process - self.replicas();
        self.patience[client] = (self.now, allowed);
    }

    /// Something happened that somebody waits for.
    fn has_come_about(&mut self) {
        self.progress = self.now;
        self.allowed = None;
    }

    /// How long it is since then, in a stable network.
    fn idle(&self) -> u64 {
        self.now.saturating_sub(self.progress.max(self.faults.stable_at))
    }

    /// How long nothing may come about in a stable network before that is a violation: until every Byzantine
    /// replica has been primary and some more views were changed, each taking twice as long as the one before,
    /// beginning with the longest timer that anybody has.
    fn allowance(&self) -> u64 {
        let doublings = self.clocks.iter().map(|clock| clock.doublings).max().unwrap_or(0);
        let views = u32::from(self.settings.scope.faults) + 4;
        TIMEOUT << (doublings.min(MOST_DOUBLINGS) + views.min(20))
    }

    fn happen(&mut self, Ready { process, what }: Ready<Due>) {
        let process = process % self.clocks.len();
        let who = self.who(process);
        match what {
            Due::Deliver(message) => {
                self.counts.delivered += 1;
                if self.nodes.get(process).is_some_and(Option::is_some) {
                    self.deceive(process, message.signer(), |_| true, Input::Deliver(&message));
                } else {
                    self.step(who, Event::Deliver(message));
                }
            }
            Due::Timeout { number, copy } => self.time_out(process, number, copy),
            Due::Resend => self.resend(process),
            Due::Ask => {
                if self.step(who, Event::Invoke) {
                    self.has_asked(process);
                }
            }
            Due::GoDown(rest) => {
                if !self.down[process] {
                    self.down[process] = true;
                    self.clocks[process].runs = None;
                    self.clocks[process].number += 1;
                    self.schedule(self.now + rest, process, Due::ComeBack);
                }
            }
            Due::ComeBack => {
                self.down[process] = false;
                if self.step(who, Event::Crash) {
                    self.counts.crashes += 1;
                    if let Principal::Replica(id) = who {
                        // A rule that panics over the timer does so in the next step, too.
                        let timer = self
                            .honest_nodes
                            .replica(id)
                            .and_then(|(replica, state)| guarded(|| replica.timer(state)).ok().flatten());
                        let timer = timer.map(|timer| (timer.view, timer.doublings));
                        self.set_timer(process, 0, timer);
                    }
                }
            }
            Due::Act => {
                self.act(process);
                self.deceive(process, who, |_| true, Input::Retransmit);
                let unstable = self.now < self.faults.stable_at;
                let wait = if unstable { INITIATIVE } else { (8 * INITIATIVE).max(self.idle() / 4) };
                self.schedule(self.now + wait, process, Due::Act);
            }
            Due::Stabilise => self.has_come_about(),
        }
    }

    /// Makes an event happen to an honest participant; whether it did.
    fn step(&mut self, who: Principal, event: Event) -> bool {
        let process = self.process(who);
        if self.down.get(process) == Some(&true) {
            self.counts.lost += 1;
            return false;
        }
        let (mut effects, mut of_client) =
            (std::mem::take(&mut self.effects), std::mem::take(&mut self.of_client));
        let happened = self.honest_nodes.step(who, &event, &mut effects, &mut of_client);
        if happened {
            self.counts.steps += 1;
            self.suspects += usize::from(event == Event::Crash);
            self.counts.view_changes += u64::from(matches!(event, Event::Deliver(Message::NewView(_))));
            if self.records {
                self.events.push((self.now, who, event));
            }
        }
        for effect in effects.drain(..) {
            self.perform(who, process, effect);
        }
        for effect in of_client.drain(..) {
            self.perform_client(who, process, effect);
        }
        (self.effects, self.of_client) = (effects, of_client);
        self.look();
        happened
    }

    fn perform(&mut self, who: Principal, process: usize, effect: Effect) {
        match effect {
            Effect::Broadcast(message) => {
                // Each of these may make two replicas contradict each other.
                self.suspects += usize::from(matches!(message, Message::Commit(_) | Message::NewView(_)));
                self.counts.view_changes += u64::from(matches!(message, Message::NewView(_)));
                self.broadcast(who, &message);
            }
            Effect::Send(to, message) => self.send(who, Principal::Replica(to), &message),
            Effect::Reply(reply) => {
                let to = Principal::Client(reply.client);
                self.send(who, to, &Message::Reply(reply));
            }
            Effect::Timer(timer) => {
                self.set_timer(process, 0, timer.map(|timer| (timer.view, timer.doublings)));
            }
            Effect::Executed(block) => {
                self.suspects += 1;
                if !block.executed().is_empty() {
                    self.has_come_about();
                }
            }
            Effect::Stable(_) => {
                self.suspects += 1;
                self.counts.checkpoints += 1;
            }
            Effect::Transferred(_) => {
                self.suspects += 1;
                self.has_come_about();
                self.counts.transfers += 1;
            }
            Effect::Committed(_) => self.suspects += 1,
            Effect::Evidence(evidence) => {
                self.counts.evidence += 1;
                let byzantine = &self.system.bound().byzantine;
                let fair = evidence.verify(&self.system.setting().keys)
                    && evidence.culprit().is_some_and(|id| byzantine.contains(&id));
                if !fair {
                    let what =
                        format!("{who} holds proof against somebody honest, or no proof: {evidence:?}");
                    self.violation.get_or_insert((Property::Evidence, what));
                }
            }
            Effect::Persist(_) | Effect::Behind(_) => {}
        }
    }

    fn perform_client(&mut self, who: Principal, process: usize, effect: ClientEffect) {
        match effect {
            ClientEffect::Broadcast(message) => self.broadcast(who, &message),
            ClientEffect::Send(to, message) => self.send(who, Principal::Replica(to), &message),
            ClientEffect::Accepted(..) => {
                self.suspects = usize::MAX / 2;
                self.has_come_about();
                self.counts.answered += 1;
                let think = self.network.between(1, self.faults.thinks.max(1));
                self.schedule(self.now + think, process, Due::Ask);
            }
            ClientEffect::Timer(Some(doublings)) => self.start_client_timer(process, doublings),
            ClientEffect::Timer(None) => {
                self.clocks[process] =
                    CopyClock { number: self.clocks[process].number + 1, ..CopyClock::default() };
            }
        }
    }

    /// Looks for what is wrong, as soon as something is that can be. In large committees not after every step:
    /// what one replica believes seldom stands against what all others do.
    fn look(&mut self) {
        let patience = usize::from(self.settings.scope.replicas) / 8;
        if self.suspects > patience {
            self.suspects = 0;
            if let Some((property, what)) = self.wrong() {
                self.violation.get_or_insert((property, what));
            }
        }
    }

    fn wrong(&self) -> Option<(Property, String)> {
        self.honest_nodes.violation(self.settings.property)
    }

    fn last_look(&self) -> Option<End> {
        self.wrong().map(|(property, what)| End::Violated { property, what })
    }

    fn start_client_timer(&mut self, process: usize, doublings: u32) {
        let clock = &mut self.clocks[process];
        clock.number += 1;
        clock.doublings = doublings;
        let number = clock.number;
        let ticks = self.faults.skewed(self.now, process, PATIENCE << doublings.min(MOST_DOUBLINGS));
        self.schedule(self.now + ticks, process, Due::Timeout { number, copy: 0 });
    }

    /// Sets or stops the timer of a replica or, of a Byzantine one, of a copy.
    fn set_timer(&mut self, process: usize, copy: usize, timer: Option<(View, u32)>) {
        let now = self.now;
        let clock = match self.nodes.get_mut(process).and_then(Option::as_mut) {
            Some(node) => match node.clocks.get_mut(copy) {
                Some(clock) => clock,
                None => return,
            },
            None => &mut self.clocks[process],
        };
        clock.number += 1;
        clock.runs = timer.map(|(view, _)| view);
        clock.doublings = timer.map_or(0, |(_, doublings)| doublings);
        let number = clock.number;
        if let Some((_, doublings)) = timer {
            let ticks = self.faults.skewed(now, process, TIMEOUT << doublings.min(MOST_DOUBLINGS));
            self.schedule(now + ticks, process, Due::Timeout { number, copy });
        }
    }

    fn time_out(&mut self, process: usize, number: u64, copy: usize) {
        let who = self.who(process);
        if let Some(node) = self.nodes.get(process).and_then(Option::as_ref) {
            if node.clocks.get(copy).is_some_and(|clock| clock.number == number) {
                self.deceive(process, who, |c| c == copy, Input::Timeout);
            }
            return;
        }
        let clock = self.clocks[process];
        if clock.number != number {
            return;
        }
        match (who, clock.runs) {
            (Principal::Replica(_), Some(view)) => {
                self.step(who, Event::Timeout(view));
            }
            (Principal::Client(_), _) => {
                self.step(who, Event::Resend);
            }
            (Principal::Replica(_), None) => {}
        }
    }

    /// A replica says how far it is; the longer nothing comes about, the longer timers run, and the less often.
    fn resend(&mut self, process: usize) {
        self.step(self.who(process), Event::Resend);
        let wait = self.faults.skewed(self.now, process, RETRANSMISSION.max(self.idle() / 8));
        self.schedule(self.now + wait, process, Due::Resend);
    }

    /// Puts a message on its way to all replicas but its sender.
    fn broadcast(&mut self, from: Principal, message: &Message) {
        self.lore_of(from, message);
        for to in
            (0..self.replicas()).map(|id| Principal::Replica(ReplicaId(id as u16))).filter(|&to| to != from)
        {
            self.transmit(from, to, message.clone(), 0);
        }
    }

    fn send(&mut self, from: Principal, to: Principal, message: &Message) {
        self.lore_of(from, message);
        self.transmit(from, to, message.clone(), 0);
    }

    /// Byzantine replicas hear of everything, if they listen.
    fn lore_of(&mut self, from: Principal, message: &Message) {
        if self.strategy.listens() && !self.system.byzantine().is_empty() {
            let honest = from.replica().is_none_or(|id| self.nodes[id.index()].is_none());
            self.knowledge.learn(message, honest);
        }
    }

    fn transmit(&mut self, from: Principal, to: Principal, message: Message, delay: u64) {
        let (sender, receiver) = (self.process(from), self.process(to));
        let safe = self.nodes.get(sender).is_some_and(Option::is_some);
        let arrivals = self.faults.arrivals(self.now + delay, sender, receiver, safe, &mut self.network);
        self.counts.lost += u64::from(arrivals.first.is_none());
        self.counts.duplicated += u64::from(arrivals.second.is_some());
        if let Some(at) = arrivals.second {
            self.schedule(at, receiver, Due::Deliver(message.clone()));
        }
        if let Some(at) = arrivals.first {
            self.schedule(at, receiver, Due::Deliver(message));
        }
    }

    /// Lets the copies of a Byzantine replica that are meant take an input, a message if it comes from `from`, and
    /// sends what the strategy makes of it.
    fn deceive(&mut self, process: usize, from: Principal, meant: impl Fn(usize) -> bool, input: Input<'_>) {
        let Some(mut node) = self.nodes[process].take() else { return };
        let me = Principal::Replica(node.id());
        for copy in (0..node.copies()).filter(|&copy| meant(copy)) {
            if matches!(input, Input::Deliver(_)) && !self.hears(&node, copy, from) {
                continue;
            }
            let mut effects = std::mem::take(&mut self.effects);
            node.step(copy, input, &mut effects);
            for effect in effects.drain(..) {
                match effect {
                    Effect::Broadcast(message) => {
                        for to in (0..self.replicas()).map(|id| Principal::Replica(ReplicaId(id as u16))) {
                            if to != me {
                                self.speak(&node, copy, to, &message);
                            }
                        }
                    }
                    Effect::Send(to, message) => self.speak(&node, copy, Principal::Replica(to), &message),
                    Effect::Reply(reply) => {
                        let to = Principal::Client(reply.client);
                        self.speak(&node, copy, to, &Message::Reply(reply));
                    }
                    Effect::Timer(timer) => {
                        node.timer(copy, timer.map(|timer| (timer.view, timer.doublings)))
                    }
                    _ => {}
                }
            }
            self.effects = effects;
        }
        let timers = node.changed_timers();
        self.nodes[process] = Some(node);
        for (copy, timer) in timers {
            self.set_timer(process, copy, timer);
        }
        self.post(me);
        let unstable = self.now < self.faults.stable_at;
        if unstable && matches!(input, Input::Deliver(_)) && self.deceit.chance(100) {
            self.act(process);
        }
    }

    fn hears(&mut self, node: &ByzantineNode, copy: usize, from: Principal) -> bool {
        let context = StrategyContext {
            system: &self.system,
            knowledge: &self.knowledge,
            rng: &mut self.deceit,
            now: self.now,
            stable: self.now >= self.faults.stable_at,
        };
        guarded(|| self.strategy.hears(&context, node, copy, from)).unwrap_or(true)
    }

    fn speak(&mut self, node: &ByzantineNode, copy: usize, to: Principal, message: &Message) {
        let mut context = StrategyContext {
            system: &self.system,
            knowledge: &self.knowledge,
            rng: &mut self.deceit,
            now: self.now,
            stable: self.now >= self.faults.stable_at,
        };
        // What a Byzantine replica cannot make up, because a rule panics over it, it leaves alone.
        let _ = guarded(|| {
            self.strategy.speak(&mut context, node, copy, to, message, &mut self.outgoing);
        });
    }

    fn act(&mut self, process: usize) {
        let Some(node) = self.nodes[process].take() else { return };
        let me = Principal::Replica(node.id());
        let mut context = StrategyContext {
            system: &self.system,
            knowledge: &self.knowledge,
            rng: &mut self.deceit,
            now: self.now,
            stable: self.now >= self.faults.stable_at,
        };
        let _ = guarded(|| self.strategy.act(&mut context, &node, &mut self.outgoing));
        self.nodes[process] = Some(node);
        self.post(me);
    }

    /// Sends what a Byzantine replica has decided to send.
    fn post(&mut self, me: Principal) {
        let mut outgoing = std::mem::take(&mut self.outgoing);
        for Outgoing { to, message, delay } in outgoing.drain(..) {
            let is_byzantine = to.replica().is_some_and(|id| self.nodes[id.index()].is_some());
            if to == me || (is_byzantine && !self.strategy.is_among_friends()) {
                continue;
            }
            self.counts.byzantine += 1;
            self.lore_of(me, &message);
            self.transmit(me, to, message, delay);
        }
        self.outgoing = outgoing;
    }
}
