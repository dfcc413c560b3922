//! What Byzantine replicas do in a run: the protocol's code, and what their strategy makes of it.

use std::sync::Arc;

use super::Simulation;
use crate::model::{Panicked, System, guarded};
use crate::pbft::{Effect, Input, Message, Principal};
use crate::simulate::knowledge::Knowledge;
use crate::simulate::rng::{Rng, Stream};
use crate::simulate::strategy::{ByzantineNode, Outgoing, Strategy, StrategyContext, strategy};
use crate::simulate::strategy_kind::StrategyKind;

/// All Byzantine replicas: one strategy leads them.
#[derive(Debug)]
pub(super) struct Byzantine {
    pub strategy: Box<dyn Strategy>,
    /// For each replica, itself if it is Byzantine.
    pub nodes: Vec<Option<ByzantineNode>>,
    pub knowledge: Knowledge,
    chance: Rng,
    /// What they have decided to send.
    outgoing: Vec<Outgoing>,
}

impl Byzantine {
    pub fn new(system: &Arc<System>, kind: StrategyKind, seed: u64) -> Self {
        let mut chance = Rng::new(seed, Stream::Strategy);
        let strategy = strategy(kind, system, &mut chance);
        let n = usize::from(system.setting().committee.n());
        let mut nodes: Vec<Option<ByzantineNode>> = (0..n).map(|_| None).collect();
        for key in system.byzantine() {
            if let Some(id) = key.owner().replica() {
                nodes[id.index()] = ByzantineNode::new(system, key, strategy.copies());
            }
        }
        Byzantine { strategy, nodes, knowledge: Knowledge::default(), chance, outgoing: Vec::new() }
    }

    /// Whether a process is a Byzantine replica.
    pub fn is_one(&self, process: usize) -> bool {
        self.nodes.get(process).is_some_and(Option::is_some)
    }
}

impl Simulation<'_> {
    /// Lets the copies of a Byzantine replica that are meant take an input, a message if it comes from `from`, and
    /// sends what the strategy makes of it.
    pub(super) fn deceive(
        &mut self,
        process: usize,
        from: Principal,
        meant: impl Fn(usize) -> bool,
        input: Input<'_>,
    ) {
        let Some(mut node) = self.byzantine.nodes[process].take() else { return };
        let me = Principal::Replica(node.id());
        for copy in (0..node.copies()).filter(|&copy| meant(copy)) {
            if matches!(input, Input::Deliver(_)) && !self.hears(&node, copy, from) {
                continue;
            }
            let mut effects = std::mem::take(&mut self.effects);
            node.step(copy, input, &mut effects);
            for effect in effects.drain(..) {
                self.twist(&mut node, copy, effect);
            }
            self.effects = effects;
        }
        let timers = node.changed_timers();
        self.byzantine.nodes[process] = Some(node);
        for (copy, timer) in timers {
            self.set_timer(process, copy, timer);
        }
        self.post(me);
        let is_delivery = matches!(input, Input::Deliver(_));
        if !self.is_stable() && is_delivery && self.byzantine.chance.chance(100) {
            self.act(process);
        }
    }

    /// What a strategy makes of what the protocol's code asks of the world.
    fn twist(&mut self, node: &mut ByzantineNode, copy: usize, effect: Effect) {
        let me = Principal::Replica(node.id());
        match effect {
            Effect::Broadcast(message) => {
                for to in self.everybody().filter(|&to| to != me) {
                    self.speak(node, copy, to, &message);
                }
            }
            Effect::Send(to, message) => self.speak(node, copy, Principal::Replica(to), &message),
            Effect::Reply(reply) => {
                let to = Principal::Client(reply.client);
                self.speak(node, copy, to, &Message::Reply(reply));
            }
            Effect::Timer(timer) => node.timer(copy, timer.map(|timer| (timer.view, timer.doublings))),
            _ => {}
        }
    }

    /// Asks the strategy. What a Byzantine replica cannot make up, because a rule panics over it, it leaves alone.
    fn consult<T>(
        &mut self,
        ask: impl FnOnce(&mut dyn Strategy, &mut StrategyContext<'_>, &mut Vec<Outgoing>) -> T,
    ) -> Result<T, Panicked> {
        let now = self.now;
        let Byzantine { strategy, knowledge, chance, outgoing, .. } = &mut self.byzantine;
        let mut context = StrategyContext { system: &self.system, knowledge, rng: chance, now };
        guarded(|| ask(&mut **strategy, &mut context, outgoing))
    }

    fn hears(&mut self, node: &ByzantineNode, copy: usize, from: Principal) -> bool {
        self.consult(|strategy, context, _| strategy.hears(context, node, copy, from)).unwrap_or(true)
    }

    fn speak(&mut self, node: &ByzantineNode, copy: usize, to: Principal, message: &Message) {
        let _ = self.consult(|strategy, context, out| strategy.speak(context, node, copy, to, message, out));
    }

    /// Lets a Byzantine replica do something on its own.
    pub(super) fn act(&mut self, process: usize) {
        let Some(node) = self.byzantine.nodes[process].take() else { return };
        let me = Principal::Replica(node.id());
        let _ = self.consult(|strategy, context, out| strategy.act(context, &node, out));
        self.byzantine.nodes[process] = Some(node);
        self.post(me);
    }

    /// Sends what a Byzantine replica has decided to send.
    fn post(&mut self, me: Principal) {
        let mut outgoing = std::mem::take(&mut self.byzantine.outgoing);
        for Outgoing { to, message, delay } in outgoing.drain(..) {
            let is_byzantine = to.replica().is_some_and(|id| self.byzantine.is_one(id.index()));
            if to == me || (is_byzantine && !self.byzantine.strategy.is_among_friends()) {
                continue;
            }
            self.counts.byzantine += 1;
            self.lore_of(me, &message);
            self.transmit(me, to, message, delay);
        }
        self.byzantine.outgoing = outgoing;
    }
}
