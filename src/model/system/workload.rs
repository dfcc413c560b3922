//! What clients ask for in a simulated run, one request after the other.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use super::System;
use super::kind::Kind;
use crate::model::bounds::Load;
use crate::pbft::{Batch, ClientInput, ClientState, Digest, Request, Timestamp};

/// The work of a simulated run, and what is worked out of it once.
#[derive(Clone, Debug)]
pub(super) struct Workload {
    load: Load,
    singles: Arc<OnceLock<BTreeMap<Digest, Batch>>>,
}

impl Workload {
    pub fn new(load: Load) -> Self {
        Workload { load, singles: Arc::default() }
    }

    fn operations(&self) -> u64 {
        u64::from(self.load.operations)
    }
}

impl System {
    fn workload(&self) -> Option<&Workload> {
        match &self.kind {
            Kind::Simulated(workload) => Some(workload),
            Kind::Bounded | Kind::OfLastView(_) | Kind::Open(_) => None,
        }
    }

    /// Whether a client has not yet asked all that it is to ask.
    pub(crate) fn asks_again(&self, client: &ClientState) -> bool {
        let asked = client.accepted().map_or(0, |(timestamp, _)| timestamp.0);
        self.workload()
            .is_some_and(|workload| client.waiting_for().is_none() && asked < workload.operations())
    }

    /// Whether what clients are told is held against one sequential order. In a simulated run only as long as they
    /// are few: of those that wait, every order is tried.
    pub(crate) fn keeps_history(&self) -> bool {
        const CLIENTS: usize = 4;
        const REQUESTS: u64 = 64;
        let few = |workload: &Workload| {
            let all = self.clients.len() as u64 * workload.operations();
            self.clients.len() <= CLIENTS && all <= REQUESTS
        };
        !self.clients.is_empty() && self.workload().is_none_or(few)
    }

    /// What a client asks next in a simulated run, if it has not asked all yet. Every other operation only reads,
    /// which makes a difference to a rulebook that does not order reads.
    pub(crate) fn next_operation(&self, client: &ClientState) -> Option<ClientInput<'static>> {
        let reads = client.accepted().is_some_and(|(timestamp, _)| timestamp.0 % 2 == 1);
        self.asks_again(client).then_some(ClientInput::Invoke { operation: Self::OPERATION, reads })
    }

    /// Everything that a Byzantine primary may want ordered: each request alone, the null request,
    /// and the forged one.
    pub fn batches(&self) -> Vec<Batch> {
        let singles = self.requests.iter().chain([&self.forged]).map(|r| Batch::new([r.clone()]));
        singles.chain([Batch::null()]).collect()
    }

    /// The batch with this digest, if it is one of [`Self::batches`] or, in a simulated run, of a single request.
    pub fn batch(&self, digest: Digest) -> Option<Batch> {
        match self.workload() {
            None => self.batches().into_iter().find(|batch| batch.digest() == digest),
            Some(workload) => {
                workload.singles.get_or_init(|| self.single_requests(workload)).get(&digest).cloned()
            }
        }
    }

    /// Every batch of one request that a client sends in a simulated run, as long as those are not too many.
    fn single_requests(&self, workload: &Workload) -> BTreeMap<Digest, Batch> {
        const MOST: usize = 4096;
        let requests = self.client_keys.iter().zip(&self.requests).flat_map(|(key, first)| {
            (1..=workload.operations()).map(|timestamp| {
                key.sign(Request { timestamp: Timestamp(timestamp), ..first.message().clone() })
            })
        });
        let batches = requests.take(MOST).chain([self.forged.clone()]).map(|request| Batch::new([request]));
        batches.chain([Batch::null()]).map(|batch| (batch.digest(), batch)).collect()
    }
}
