//! Crash and recovery: what has to outlive a crash, and the state that it gives back.

use std::sync::Arc;

use super::{Replica, State};
use crate::pbft::certificate::{Decision, PreparedCertificate, StableCheckpoint};
use crate::pbft::message::{Commit, NewView, Proposal, ViewChange};
use crate::pbft::rules::Standing;
use crate::pbft::signature::Signed;
use crate::pbft::snapshot::Snapshot;

/// What a replica appends to stable storage. Everything that others may come to rely on because of a
/// message is recorded before that message leaves; the votes of others are not: they can be had again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Record {
    /// It votes for a proposal: its PRE-PREPARE or PREPARE follows.
    Accepted(Proposal),
    /// It holds a prepared certificate: its COMMIT follows.
    Prepared(PreparedCertificate),
    /// A batch is decided.
    Decided(Decision),
    /// It leaves a view: this VIEW-CHANGE follows.
    ViewChange(Arc<Signed<ViewChange>>),
    /// It enters a view.
    NewView(Arc<Signed<NewView>>),
    /// A checkpoint is stable: what lies below may be discarded, on storage too.
    Stable(StableCheckpoint),
    /// It took over the state at a stable checkpoint.
    Transferred(StableCheckpoint, Arc<Snapshot>),
}

impl Replica {
    /// The state after a crash, from the records that stable storage kept, in order.
    pub fn recover<'a>(&self, records: impl IntoIterator<Item = &'a Record>) -> State {
        let mut state = self.init();
        records.into_iter().for_each(|record| self.redo(&mut state, record));
        state
    }

    /// Adds what a record says to a recovered state. Nothing is sent again: what was sent before the crash
    /// may have arrived, and [`Input::Retransmit`](super::Input::Retransmit) sends what did not.
    pub fn redo(&self, state: &mut State, record: &Record) {
        let mut unsent = Vec::new();
        match record {
            Record::Accepted(proposal) => self.redo_accepted(state, proposal),
            Record::Prepared(certificate) => self.redo_prepared(state, certificate),
            Record::Decided(decision) => {
                if decision.seq > state.log.low() {
                    state.log.slot(decision.seq).decide(decision.clone());
                    self.execute_from(state, decision.seq, &mut unsent);
                }
            }
            Record::ViewChange(change) => {
                self.leave_view(state, Standing { view: change.new_view, active: false });
                state.view_changes.insert(self.id, Arc::clone(change));
            }
            Record::NewView(new_view) => {
                self.redo_new_view(state, new_view);
            }
            Record::Stable(stable) => self.discard_below(state, stable),
            Record::Transferred(stable, snapshot) => {
                self.replace_state(state, stable, Arc::clone(snapshot));
                self.execute_from(state, snapshot.seq.next(), &mut unsent);
            }
        }
        // Requests that waited are not recorded; their clients send them again.
        state.pending.clear();
        state.forget_backoff();
    }

    fn redo_accepted(&self, state: &mut State, proposal: &Proposal) {
        if proposal.seq() > state.log.low() {
            self.adopt(state, proposal, &mut Vec::new());
        }
    }

    /// Entering a new view is accepting its proposals: a replica that crashes in between has voted for
    /// none of them yet, but nobody sends it a null request again.
    fn redo_new_view(&self, state: &mut State, new_view: &Arc<Signed<NewView>>) {
        self.enter(state, new_view);
        if let Some(stable) = self.start_of(new_view).filter(|s| s.seq() > state.stable.seq()) {
            self.discard_below(state, &stable);
        }
        for proposal in self.in_window(state, new_view) {
            self.redo_accepted(state, proposal);
        }
    }

    fn redo_prepared(&self, state: &mut State, certificate: &PreparedCertificate) {
        let (view, seq, digest) = (certificate.view(), certificate.seq(), certificate.digest());
        if seq <= state.log.low() {
            return;
        }
        let slot = state.log.slot(seq);
        slot.prepares.take(&self.rules.prepare_key(view, digest));
        slot.prepared = Some(certificate.clone());
        if slot.decision.is_none() {
            let commit = self.key.sign(Commit { view, seq, digest });
            slot.commits.add(self.rules.commit_key(view, digest), self.id, commit);
        }
    }

    /// What a crash leaves of a state if the storage loses nothing: its control part without the waiting
    /// requests. Recovering from all records gives this state.
    pub fn durable(&self, state: &State) -> State {
        let mut state = self.control(state);
        state.pending.clear();
        state
    }
}
