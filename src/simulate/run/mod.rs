//! One run, from its seed to its end.

mod agenda;
mod byzantine;
mod honest;
mod patience;
mod suspicion;
mod timers;
mod transport;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use agenda::{Agenda, Due};
use byzantine::Byzantine;
use patience::Patience;
use suspicion::Suspicion;

use super::drawn::Drawn;
use super::honest_nodes::HonestNodes;
use super::network::NetworkFaults;
use super::outcome::{Counts, End, Outcome};
use super::rng::{Rng, Stream};
use super::scheduler::Ready;
use super::settings::{Settings, SettingsError};
use super::strategy::CopyClock;
use super::timing::{INITIATIVE, RETRANSMISSION};
use crate::interrupt;
use crate::model::{Event, System, guarded};
use crate::pbft::{ClientEffect, ClientId, Effect, Input, Principal, ReplicaId, Rules, View};

/// Runs a seed. `records` says whether the events are kept; `stop` ends the run early.
///
/// # Errors
/// Settings that make no sense.
pub fn run(
    rules: &'static dyn Rules,
    settings: &Settings,
    seed: u64,
    records: bool,
    stop: Option<&AtomicBool>,
) -> Result<Outcome, SettingsError> {
    Ok(run_drawn(settings, settings.draw(rules, seed)?, seed, records, stop))
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
    let events = events.unwrap_or_default();
    counts.ticks = now;
    counts.blocks = honest_nodes.states().iter().map(|state| state.chain().height().0).max().unwrap_or(0);
    Outcome { seed, end, counts, events, system }
}

/// A run under way.
#[derive(Debug)]
struct Simulation<'s> {
    settings: &'s Settings,
    system: Arc<System>,
    honest_nodes: HonestNodes,
    byzantine: Byzantine,
    faults: NetworkFaults,
    network: Rng,
    agenda: Agenda,
    now: u64,
    /// How many processes have done something in this tick.
    done: u64,
    clocks: Vec<CopyClock>,
    down: Vec<bool>,
    patience: Patience,
    suspicion: Suspicion,
    counts: Counts,
    /// What has happened, and when, if that is kept.
    events: Option<Vec<(u64, Principal, Event)>>,
    effects: Vec<Effect>,
    of_client: Vec<ClientEffect>,
}

impl<'s> Simulation<'s> {
    fn new(settings: &'s Settings, drawn: Drawn, seed: u64, records: bool) -> Self {
        let Drawn { system, faults, strategy, schedule } = drawn;
        let honest_nodes = HonestNodes::new(Arc::clone(&system));
        let (n, clients) = (usize::from(settings.scope.replicas), honest_nodes.clients().len());
        let processes = n + clients;
        let mut this = Simulation {
            settings,
            honest_nodes,
            byzantine: Byzantine::new(&system, strategy, seed),
            system,
            faults,
            network: Rng::new(seed, Stream::Network),
            agenda: Agenda::new(settings, schedule, processes, seed),
            now: 0,
            done: 0,
            clocks: vec![CopyClock::default(); processes],
            down: vec![false; n],
            patience: Patience::new(clients),
            suspicion: Suspicion::default(),
            counts: Counts::default(),
            events: records.then(Vec::new),
            effects: Vec::new(),
            of_client: Vec::new(),
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

    /// All replicas. The run may change while one goes through them.
    fn everybody(&self) -> impl Iterator<Item = Principal> + use<> {
        (0..self.settings.scope.replicas).map(|id| Principal::Replica(ReplicaId(id)))
    }

    fn is_stable(&self) -> bool {
        self.now >= self.faults.stable_at
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
            if self.byzantine.is_one(replica) {
                self.agenda.put(INITIATIVE / 2, replica, Due::Act);
            } else {
                let first = self.network.between(1, RETRANSMISSION);
                self.agenda.put(first, n + self.honest_nodes.clients().len() + replica, Due::Resend);
            }
        }
        for (at, id, rest) in self.faults.crashes.clone() {
            self.agenda.put(at, id.index(), Due::GoDown(rest));
        }
        self.agenda.put(self.faults.stable_at, 0, Due::Stabilise);
    }

    fn run_out(&mut self, stop: Option<&AtomicBool>) -> End {
        // Everybody does some things in a tick.
        let rate = 4 * self.clocks.len() as u64;
        if self.honest_nodes.has_panicked() {
            return self.last_look().unwrap_or(End::Finished);
        }
        loop {
            let Some(ready) = self.agenda.next(self.now) else {
                match self.agenda.next_time() {
                    Some(next) => self.now = self.now.max(next),
                    None => return End::Finished,
                }
                if let Some(end) = self.is_over() {
                    return end;
                }
                continue;
            };
            self.happen(ready);
            if let Some((property, what)) = self.suspicion.violation.take() {
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
                interrupt::poll();
                if stop.is_some_and(|stop| stop.load(Relaxed)) {
                    return End::Stopped;
                }
            }
        }
    }

    fn happen(&mut self, Ready { process, what }: Ready<Due>) {
        let who = self.who(process);
        match what {
            Due::Deliver(message) => {
                self.counts.delivered += 1;
                if self.byzantine.is_one(process) {
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
            Due::GoDown(rest) => self.go_down(process, rest),
            Due::ComeBack => self.come_back(process),
            Due::Act => self.take_initiative(process),
            Due::Stabilise => self.has_come_about(),
        }
    }

    /// A replica crashes, and comes back after a rest.
    fn go_down(&mut self, process: usize, rest: u64) {
        if !self.down[process] {
            self.down[process] = true;
            self.clocks[process].runs = None;
            self.clocks[process].number += 1;
            self.agenda.put(self.now + rest, process, Due::ComeBack);
        }
    }

    fn come_back(&mut self, process: usize) {
        let who = self.who(process);
        self.down[process] = false;
        if !self.step(who, Event::Crash) {
            return;
        }
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

    /// A Byzantine replica does what it likes; the longer nothing comes about, the less often.
    fn take_initiative(&mut self, process: usize) {
        self.act(process);
        self.deceive(process, self.who(process), |_| true, Input::Retransmit);
        let wait = if self.is_stable() { (8 * INITIATIVE).max(self.idle() / 4) } else { INITIATIVE };
        self.agenda.put(self.now + wait, process, Due::Act);
    }
}
