//! View changes (OSDI'99 §4.4).

use std::sync::Arc;

use super::{Effect, Record, Replica, Slot, State};
use crate::pbft::certificate::{PreparedClaim, StableCheckpoint};
use crate::pbft::id::View;
use crate::pbft::message::{Message, NewView, Proposal, ViewChange};
use crate::pbft::quorum::Votes;
use crate::pbft::rules::{Refusal, SignedPart, Standing, replica_of};
use crate::pbft::signature::Signed;
use crate::pbft::uncompared::Uncompared;

impl Replica {
    /// Gives up the current view for `target`: stops taking part, reports what prepared.
    pub(super) fn start_view_change(&self, state: &mut State, target: View, out: &mut Vec<Effect>) {
        let report = self.report(state, target);
        self.leave_view(state, Standing { view: target, active: false });
        state.doublings = state.doublings.saturating_add(1);
        let change = Arc::new(self.key.sign(report));
        self.persist(Record::ViewChange(Arc::clone(&change)), out);
        out.push(Effect::Broadcast(Message::ViewChange(Arc::clone(&change))));
        state.view_changes.insert(self.id, change);
        self.try_new_view(state, out);
    }

    /// The state after this replica has given up its view for `target`, for whatever reason, and the VIEW-CHANGE
    /// that it has sent.
    pub(crate) fn after_giving_up(
        &self,
        state: &State,
        target: View,
    ) -> (State, Option<Arc<Signed<ViewChange>>>) {
        let (mut next, mut out) = (state.clone(), Vec::new());
        self.start_view_change(&mut next, target, &mut out);
        let sent = out.into_iter().find_map(|effect| match effect {
            Effect::Broadcast(Message::ViewChange(change)) => Some(change),
            _ => None,
        });
        (next, sent)
    }

    /// Takes up a new standing and drops what belongs to views that are not admitted there; requests
    /// that were proposed and not executed wait again.
    pub(super) fn leave_view(&self, state: &mut State, standing: Standing) {
        let target = standing.view;
        (state.view, state.active) = (target, standing.active);
        let useful = |c: &ViewChange| c.new_view > target || self.rules.justifies(c, target);
        state.view_changes.retain(|_, change| useful(change));
        let mut unfinished = Vec::new();
        for slot in state.log.iter_mut() {
            if !slot.executed {
                unfinished.extend(slot.proposal.clone());
            }
            slot.leave_views(|view| !self.rules.admits_view(standing, view));
            // What counts in any view counts there as it would if it came then.
            slot.prepares.retain_voters(|from| self.rules.may_prepare(self.setting.committee, target, from));
        }
        state.log.trim();
        for request in unfinished.iter().flat_map(|p| p.batch.requests()) {
            let id = request.id();
            if self.rules.executes(state.last_timestamp(id.client), id.timestamp) {
                state.pending.insert(id, request.clone());
            }
        }
    }

    /// The content of this replica's VIEW-CHANGE.
    fn report(&self, state: &State, target: View) -> ViewChange {
        let prepared = state
            .log
            .iter()
            .filter_map(|(_, slot)| self.claim(slot))
            .filter(|claim| self.rules.reports_prepared(claim))
            .collect();
        ViewChange { new_view: target, stable: state.stable.claim().clone(), prepared }
    }

    /// What a slot lets this replica claim: what is accepted, with votes enough for a certificate, or
    /// what prepared. Under the paper's rules votes that are enough have made it prepared.
    fn claim(&self, slot: &Slot) -> Option<PreparedClaim> {
        let accepted = slot.proposal().filter(|_| !slot.is_prepared()).and_then(|proposal| {
            let votes = slot.prepares.get(&self.rules.prepare_key(proposal.view(), proposal.digest()));
            let signed = votes.map_or(&[][..], Votes::signed);
            let enough = self.rules.certificate_quorum(self.setting.committee);
            let claim =
                || PreparedClaim { proposal: proposal.clone(), prepares: Uncompared(Arc::from(signed)) };
            (votes.map_or(0, Votes::count) + 1 >= enough).then(claim)
        });
        accepted.or_else(|| slot.prepared().map(|certificate| certificate.claim().clone()))
    }

    pub(super) fn check_view_change(
        &self,
        state: &State,
        change: &Signed<ViewChange>,
    ) -> Result<(), Refusal> {
        let from = replica_of(&self.setting, change)?;
        if from == self.id {
            return Err(Refusal::Own);
        }
        if !self.rules.advances(state.standing(), change.new_view) {
            return Err(Refusal::StaleViewChange);
        }
        if let Some(known) = state.view_changes.get(&from) {
            if known.new_view > change.new_view {
                return Err(Refusal::StaleViewChange);
            }
            if **known == *change {
                return Err(Refusal::Duplicate);
            }
        }
        self.check_signature(SignedPart::ViewChange, change)?;
        self.rules.check_view_change(&self.setting, change)
    }

    /// Stores a view change: of each replica the one for the highest view, and of several for that
    /// view the last. Joins, and begins the new view, when there are enough.
    pub(super) fn apply_view_change(
        &self,
        state: &mut State,
        change: &Arc<Signed<ViewChange>>,
        out: &mut Vec<Effect>,
    ) {
        if let Some(from) = change.signer().replica() {
            state.view_changes.insert(from, Arc::clone(change));
        }
        let above: Vec<View> = state
            .view_changes
            .iter()
            .filter(|&(&from, change)| from != self.id && change.new_view > state.view)
            .map(|(_, change)| change.new_view)
            .collect();
        let joined = self.rules.join(self.setting.committee, &above).filter(|_| self.may_leave(state));
        match joined {
            Some(target) => self.start_view_change(state, target, out),
            None => self.try_new_view(state, out),
        }
    }

    /// The view changes at hand for the view that the replica is moving to.
    pub(super) fn changes_for_view<'a>(
        &'a self,
        state: &'a State,
    ) -> impl Iterator<Item = &'a Arc<Signed<ViewChange>>> {
        state.view_changes.values().filter(|change| self.rules.justifies(change, state.view))
    }

    /// How many replicas are known to have given up the views before the one that this replica moves to.
    /// Of each only its latest view change is known: who has moved on further has left those views too, and
    /// sends no view change for them again.
    pub(super) fn leavers(&self, state: &State) -> usize {
        let left = |c: &ViewChange| c.new_view > state.view || self.rules.justifies(c, state.view);
        state.view_changes.values().filter(|change| left(change)).count()
    }

    /// As the primary of the view that it is moving to: begins it, once a quorum has moved.
    fn try_new_view(&self, state: &mut State, out: &mut Vec<Effect>) {
        if state.active || !self.is_primary(state.view) {
            return;
        }
        let changes: Vec<_> = self.changes_for_view(state).cloned().collect();
        if changes.len() < self.rules.view_change_quorum(self.setting.committee) {
            return;
        }
        let contents: Vec<_> = changes.iter().map(|change| change.message()).collect();
        if self.rules.new_view_start(&contents).is_none() {
            return;
        }
        let proposals: Vec<Proposal> = self
            .rules
            .new_view_batches(&contents)
            .into_iter()
            .map(|(seq, batch)| self.sign_proposal(state.view, seq, batch))
            .collect();
        let new_view = Arc::new(self.key.sign(NewView {
            view: state.view,
            view_changes: Uncompared(changes),
            proposals,
        }));
        self.persist(Record::NewView(Arc::clone(&new_view)), out);
        out.push(Effect::Broadcast(Message::NewView(Arc::clone(&new_view))));
        self.install(state, &new_view, out);
    }

    pub(super) fn check_new_view(&self, state: &State, new_view: &Signed<NewView>) -> Result<(), Refusal> {
        let from = replica_of(&self.setting, new_view)?;
        if from == self.id {
            return Err(Refusal::Own);
        }
        if !self.rules.advances(state.standing(), new_view.view) {
            return Err(Refusal::OtherView);
        }
        if !self.rules.may_propose(self.setting.committee, new_view.view, from) {
            return Err(Refusal::NotPrimary);
        }
        self.check_signature(SignedPart::NewView, new_view)?;
        self.rules.check_new_view(&self.setting, new_view)
    }

    pub(super) fn apply_new_view(
        &self,
        state: &mut State,
        new_view: &Arc<Signed<NewView>>,
        out: &mut Vec<Effect>,
    ) {
        self.persist(Record::NewView(Arc::clone(new_view)), out);
        self.install(state, new_view, out);
    }

    /// Enters the new view and accepts its proposals; its primary goes on to propose what waits.
    fn install(&self, state: &mut State, new_view: &Arc<Signed<NewView>>, out: &mut Vec<Effect>) {
        self.enter(state, new_view);
        if let Some(stable) = self.start_of(new_view) {
            self.make_stable(state, stable, out);
        }
        for proposal in &new_view.proposals {
            // Where votes of other views count, accepting one may decide it, and move the window past the next.
            if self.rules.in_window(&self.setting, state.log.low(), proposal.seq()) {
                self.accept(state, proposal, out);
            }
        }
        self.propose(state, out);
    }

    /// The proposals of a new view that lie between the watermarks: all of them, but for those below a
    /// later checkpoint of this replica's.
    pub(super) fn in_window<'a>(&self, state: &State, new_view: &'a NewView) -> Vec<&'a Proposal> {
        let low = state.log.low();
        let fits = |p: &&Proposal| self.rules.in_window(&self.setting, low, p.seq());
        new_view.proposals.iter().filter(fits).collect()
    }

    /// Takes part in a new view, of which nothing is accepted yet.
    pub(super) fn enter(&self, state: &mut State, new_view: &Arc<Signed<NewView>>) {
        self.leave_view(state, Standing { view: new_view.view, active: true });
        state.new_view = Uncompared(Some(Arc::clone(new_view)));
        for slot in state.log.iter_mut() {
            slot.prepared = slot.prepared.take().filter(|c| self.rules.keeps_prepared(c.claim()));
        }
        state.view_changes.retain(|_, change| change.new_view > new_view.view);
    }

    /// The stable checkpoint at which a new view starts, with the proof that its view changes hold.
    pub(super) fn start_of(&self, new_view: &NewView) -> Option<StableCheckpoint> {
        let changes = new_view.view_changes.0.iter().map(|change| change.message());
        let proved = |change: &ViewChange| {
            StableCheckpoint::new(&self.setting, self.rules, change.stable.clone()).ok()
        };
        let (changes, mut proved): (Vec<_>, Vec<_>) =
            changes.filter_map(|change| Some((change, proved(change)?))).unzip();
        let start = self.rules.new_view_start(&changes)?;
        proved.retain(|stable| stable.seq() == start);
        proved.pop()
    }
}
