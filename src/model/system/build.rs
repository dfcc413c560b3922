//! How each of the systems of a bound is made.

use std::sync::Arc;

use super::System;
use super::kind::{Deeds, Kind};
use super::workload::Workload;
use crate::model::bounds::{Bound, BoundError, Scope};
use crate::model::conduct::Conduct;
use crate::model::lenient::lenient;
use crate::pbft::{
    Client, ClientId, Committee, KeySet, Principal, Refusal, Replica, Request, Rules, Setting, Signed,
    SignedRequest, SigningKey, Timestamp, View,
};

impl System {
    /// The system that a bound describes, under a rulebook: a simulated one if the bound has a load; otherwise one that is
    /// explored as far as the bound goes.
    ///
    /// # Errors
    /// A bound that makes no sense.
    pub fn new(bound: Bound, rules: &'static dyn Rules) -> Result<Self, BoundError> {
        System::made(bound, rules, Kind::Bounded)
    }

    /// The system of a bound with nothing that it could do withheld for lack of time: timers fire in the last
    /// view of the bound too, and lead out of it; everybody hears the requests; replicas tell each other
    /// what was decided. A bound with a load describes such a system already.
    ///
    /// # Errors
    /// A bound that makes no sense.
    pub fn open(bound: Bound, rules: &'static dyn Rules) -> Result<Self, BoundError> {
        System::made(bound, rules, Kind::Open(Deeds::All))
    }

    /// An open system in which Byzantine replicas do a little of all that they may do.
    ///
    /// # Errors
    /// A bound that makes no sense.
    pub(crate) fn open_with_conduct(
        bound: Bound,
        rules: &'static dyn Rules,
        conduct: Conduct,
    ) -> Result<Self, BoundError> {
        System::made(bound, rules, Kind::Open(Deeds::Few(conduct)))
    }

    /// The system of a bound in which nobody moves to another view than the last.
    ///
    /// # Errors
    /// A bound that makes no sense.
    pub(in crate::model) fn of_last_view(
        bound: Bound,
        rules: &'static dyn Rules,
    ) -> Result<Self, BoundError> {
        let last = View(bound.scope.views.saturating_sub(1));
        System::made(bound, rules, Kind::OfLastView(last))
    }

    /// The system of this kind; of a bound with a load, a simulated one.
    fn made(bound: Bound, rules: &'static dyn Rules, explored: Kind) -> Result<Self, BoundError> {
        let committee = bound.validate()?;
        let kind = bound.scope.load.map_or(explored, |load| Kind::Simulated(Workload::new(load)));
        // What others ask than those who take part is no part of what happens.
        let (rules, lenient) = lenient(rules);
        let keys = KeySet::symbolic(bound.scope.replicas, bound.scope.requests + bound.scope.reads);
        let setting = Arc::new(setting(&bound.scope, committee, &keys));
        let (byzantine, honest): (Vec<_>, Vec<_>) = keys
            .replicas
            .iter()
            .cloned()
            .partition(|key| key.owner().replica().is_some_and(|id| bound.byzantine.contains(&id)));
        let honest: Result<Vec<_>, Refusal> =
            honest.into_iter().map(|key| Replica::new(key, Arc::clone(&setting), rules)).collect();
        let honest =
            honest.map_err(|_| BoundError::NobodyHonest(bound.byzantine.len(), bound.scope.replicas))?;
        let readers = if lenient.serves_reads() { bound.scope.reads as usize } else { 0 };
        let writers = &keys.clients[..keys.clients.len() - readers];
        let requests =
            writers.iter().zip(0..).map(|(key, i)| key.sign(request(i, 1, System::OPERATION))).collect();
        let take_part = bound.scope.clients || readers > 0 || bound.scope.load.is_some();
        let clients = keys.clients.iter().filter(|_| take_part);
        let clients: Result<Vec<_>, Refusal> =
            clients.map(|key| Client::new(key.clone(), Arc::clone(&setting), rules)).collect();
        let clients = clients.map_err(|_| BoundError::Zero("requests"))?;
        let forger = byzantine.first().unwrap_or(&keys.replicas[0]);
        let forged = forged(&bound.scope, lenient, &setting, forger);
        let KeySet { replicas: keys, clients: client_keys, .. } = keys;
        Ok(System {
            bound,
            setting,
            rules: lenient,
            honest,
            byzantine,
            keys,
            clients,
            requests,
            forged,
            client_keys,
            kind,
        })
    }
}

/// The setting that all replicas of a scope share.
fn setting(scope: &Scope, committee: Committee, keys: &KeySet) -> Setting {
    Setting {
        window: scope.watermarks(),
        checkpoint_interval: scope.checkpoint_interval(),
        max_batch: scope.load.map_or(1, |load| load.batch as usize),
        max_in_flight: scope.load.map_or(scope.slots, |load| u64::from(load.in_flight)),
        ..Setting::new(committee, keys.ring.clone())
    }
}

fn request(client: u32, timestamp: u64, operation: &[u8]) -> Request {
    Request { client: ClientId(client), timestamp: Timestamp(timestamp), operation: Arc::from(operation) }
}

/// What no client ever asked for, under the name of client 0: signed by whoever is at hand.
fn forged(scope: &Scope, rules: &dyn Rules, setting: &Setting, forger: &SigningKey) -> SignedRequest {
    let unused = scope.load.map_or(2, |load| u64::from(load.operations) + 1);
    let forged = forger.sign(request(0, unused, b"forged"));
    // A rulebook may look at the name under a request, and not at the signature.
    let in_its_name = Signed::forged(Principal::Client(ClientId(0)), request(0, unused, b"forged"));
    let is_believed = |request| rules.authentic(setting, request);
    if is_believed(&in_its_name) && !is_believed(&forged) { in_its_name } else { forged }
}
