//! From the effects of a replica's step to the actions of the model that they amount to, in order.

use super::super::{Model, RelationId};
use super::facts::{Facts, Preimages};
use super::vocabulary::{Vocabulary, action};
use super::{Fact, TieError};
use crate::model::{Event, Local, System, Transition};
use crate::pbft::{Digest, Effect, Message, ReplicaId, SeqNum, View};

/// The numbers of the actions that honest replicas take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Actions {
    propose: usize,
    prepare: usize,
    commit: usize,
    decide: usize,
    learn: usize,
    checkpoint: usize,
    adopt: usize,
    truncate: usize,
    view_change: usize,
    join: usize,
}

impl Actions {
    pub fn of(model: &Model) -> Result<Self, TieError> {
        Ok(Actions {
            propose: action(model, "propose")?,
            prepare: action(model, "prepare")?,
            commit: action(model, "commit")?,
            decide: action(model, "decide")?,
            learn: action(model, "learn")?,
            checkpoint: action(model, "checkpoint")?,
            adopt: action(model, "adopt")?,
            truncate: action(model, "truncate")?,
            view_change: action(model, "view-change")?,
            join: action(model, "join")?,
        })
    }
}

/// An action that has to have happened.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Planned {
    pub action: usize,
    /// Its elements. What stays open, as every quorum does, which comes last, is left to be found.
    pub args: Vec<Option<usize>>,
    /// What it is there for: if that holds already, it is a repetition and changes nothing.
    pub unless: Option<Fact>,
    /// Of what the action leaves open, what was seen: in these relations, the tuples that begin so, and no
    /// others.
    pub seen: Option<GlobalView>,
}

/// What was seen of relations that an action leaves open.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct GlobalView {
    pub relations: [RelationId; 2],
    pub prefix: Vec<usize>,
    pub facts: Vec<Fact>,
}

/// The actions of a step; or what there is that no action of the model is like.
pub(super) type Plan = Result<Vec<Planned>, String>;

/// One step of a replica.
pub(super) struct Observed<'a> {
    pub id: ReplicaId,
    pub event: &'a Event,
    pub before: &'a Local,
    pub taken: &'a Transition,
}

/// Plans the steps of replicas.
pub(super) struct Planner<'a> {
    pub system: &'a System,
    pub vocabulary: &'a Vocabulary,
    pub preimages: &'a Preimages,
    pub actions: Actions,
}

fn planned(action: usize, args: Vec<usize>, unless: Option<Fact>) -> Planned {
    Planned { action, args: args.into_iter().map(Some).collect(), unless, seen: None }
}

impl Planner<'_> {
    /// Appends the actions of a step.
    pub fn step(&self, step: &Observed<'_>, plan: &mut Vec<Planned>) -> Result<(), String> {
        let (Some(before), Some(after)) = (step.before.replica(), step.taken.after.replica()) else {
            return Ok(());
        };
        let moved = before.view() < after.view();
        if moved && !step.taken.effects.iter().any(|effect| is_view_change(effect, step.id)) {
            let v = self.view(after.view())?;
            plan.push(planned(self.actions.join, vec![step.id.index(), v], None));
        }
        step.taken.effects.iter().try_for_each(|effect| self.effect(step, effect, plan))
    }

    fn effect(&self, step: &Observed<'_>, effect: &Effect, plan: &mut Vec<Planned>) -> Result<(), String> {
        let (n, known) = (step.id.index(), self.vocabulary.relations.known);
        match effect {
            Effect::Broadcast(message) | Effect::Send(_, message) => self.sent(step.id, message, plan),
            Effect::Committed(certificate) => {
                let s = self.slot(certificate.seq())?;
                let (v, x) = (self.view(certificate.view())?, self.value(certificate.digest()));
                if matches!(step.event, Event::Deliver(Message::State(_))) {
                    // Messages that differ in their proofs are one to the judge. Which of several views the
                    // COMMITs are of is therefore not to be taken from here; that they exist is checked.
                    let args = vec![Some(n), Some(s), None, Some(x)];
                    plan.push(Planned { action: self.actions.learn, args, unless: None, seen: None });
                } else {
                    plan.push(planned(self.actions.decide, vec![n, s, v, x], None));
                }
                Ok(())
            }
            Effect::Stable(stable) => {
                let claim = stable.claim();
                let batches = self.preimages.checkpoint(claim.seq, claim.state);
                let low = self.vocabulary.relations.low;
                self.for_each_slot(self.actions.truncate, n, claim.seq, &batches, plan, |s, _| {
                    (low, vec![n, s])
                });
                Ok(())
            }
            Effect::Transferred(seq) => {
                let snapshot = match step.event {
                    Event::Deliver(Message::State(transfer)) => transfer.snapshot.as_ref(),
                    _ => None,
                };
                let Some(snapshot) = snapshot else {
                    return Err(format!("{} takes over a state that nobody sent", step.id));
                };
                let batches = self.preimages.chain(snapshot.head, *seq);
                self.for_each_slot(self.actions.adopt, n, *seq, &batches, plan, |s, x| {
                    (known, vec![n, s, x])
                });
                Ok(())
            }
            // What was executed was decided or taken over before; the others are no matter of agreement.
            Effect::Executed(_)
            | Effect::Reply(_)
            | Effect::Persist(_)
            | Effect::Behind(_)
            | Effect::Timer(_)
            | Effect::Evidence(_) => Ok(()),
        }
    }

    /// The actions by which a replica comes to sign a message; none for what others signed, which it passes on.
    fn sent(&self, id: ReplicaId, message: &Message, plan: &mut Vec<Planned>) -> Result<(), String> {
        if message.signer().replica() != Some(id) || !self.system.is_explored(message) {
            return Ok(());
        }
        let (n, relations) = (id.index(), &self.vocabulary.relations);
        match message {
            Message::PrePrepare(p) => {
                let (s, v, x) = (self.slot(p.seq())?, self.view(p.view())?, self.value(p.digest()));
                let primary = self.vocabulary.primary(v);
                if primary != id {
                    return Err(format!("{id} proposes in {}, of which {primary} is the primary", p.view()));
                }
                let unless = Some((relations.pp, vec![s, v, x]));
                plan.push(planned(self.actions.propose, vec![s, v, x], unless));
            }
            Message::NewView(new_view) => {
                for proposal in &new_view.proposals {
                    self.sent(id, &Message::PrePrepare(proposal.clone()), plan)?;
                }
            }
            Message::Prepare(m) => {
                let args = vec![n, self.slot(m.seq)?, self.view(m.view)?, self.value(m.digest)];
                plan.push(planned(self.actions.prepare, args.clone(), Some((relations.prep, args))));
            }
            Message::Commit(m) => {
                let args = vec![n, self.slot(m.seq)?, self.view(m.view)?, self.value(m.digest)];
                plan.push(planned(self.actions.commit, args.clone(), Some((relations.com, args))));
            }
            Message::Checkpoint(m) => {
                let batches = self.preimages.checkpoint(m.seq, m.state);
                self.for_each_slot(self.actions.checkpoint, n, m.seq, &batches, plan, |s, x| {
                    (relations.ck, vec![n, s, x])
                });
            }
            Message::ViewChange(m) => {
                let v = self.view(m.new_view)?;
                let mut facts = Facts::new();
                self.vocabulary.signed(self.preimages, id, message, &mut facts);
                facts.remove(&(relations.vc, vec![n, v]));
                plan.push(Planned {
                    action: self.actions.view_change,
                    args: vec![Some(n), Some(v)],
                    unless: Some((relations.vc, vec![n, v])),
                    seen: Some(GlobalView {
                        relations: [relations.vcge, relations.vclow],
                        prefix: vec![n, v],
                        facts: facts.into_iter().collect(),
                    }),
                });
            }
            // What they say was said before, by others or in other words.
            Message::Request(_)
            | Message::Read(_)
            | Message::Reply(_)
            | Message::Status(_)
            | Message::State(_) => {}
        }
        Ok(())
    }

    /// An action for each sequence number up to `seq`, of the replica, the number and the batch there.
    fn for_each_slot(
        &self,
        action: usize,
        n: usize,
        seq: SeqNum,
        batches: &[Option<Digest>],
        plan: &mut Vec<Planned>,
        unless: impl Fn(usize, usize) -> Fact,
    ) {
        for s in self.vocabulary.slots_to(seq) {
            let x = self.vocabulary.value(batches[s]);
            plan.push(planned(action, vec![n, s, x], Some(unless(s, x))));
        }
    }

    fn slot(&self, seq: SeqNum) -> Result<usize, String> {
        self.vocabulary.slot(seq).ok_or_else(|| format!("{seq} is not a sequence number of the bound"))
    }

    fn view(&self, view: View) -> Result<usize, String> {
        self.vocabulary.view(view).ok_or_else(|| format!("{view} is not a view of the bound"))
    }

    fn value(&self, digest: Digest) -> usize {
        self.vocabulary.value(Some(digest))
    }
}

fn is_view_change(effect: &Effect, id: ReplicaId) -> bool {
    let (Effect::Broadcast(message) | Effect::Send(_, message)) = effect else { return false };
    matches!(message, Message::ViewChange(_)) && message.signer().replica() == Some(id)
}
