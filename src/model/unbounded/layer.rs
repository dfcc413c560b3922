//! One view, from the moment when all honest replicas move to it until all have left it.
//!
//! Of what can be left behind with the same certificates and decisions, only that is kept in which the adversary can
//! show most: it may keep to itself what it can show, so whatever follows on less can follow on more.

use std::collections::BTreeSet;

use stateright::Model as _;

use super::boundary::{BoundaryState, Showable, with};
use super::context::Context;
use super::error::Unexplorable;
use super::numbers::Locals;
use super::premise;
use super::round;
use super::runs::{Phase, Plan, Runs};
use super::setup::{Leader, Setup, ordered};
use super::stage::Stage;
use super::starts::Start;
use super::subsumed::Admissions;
use super::summaries::Summaries;
use super::undecided::Doubles;
use crate::engine::Fingerprint;
use crate::model::guards::MessageSet;
use crate::model::property::{Judge as _, Properties};
use crate::pbft::{Message, Principal, SeqNum, View};

/// What can come of a view.
#[derive(Debug, Default)]
pub(super) struct Layer {
    /// What all can carry on, where the adversary can show most.
    pub after: BTreeSet<BoundaryState>,
    /// The properties that some state in the view lacks.
    pub violated: Properties,
    /// The good outcomes that some state in the view has.
    pub reached: BTreeSet<&'static str>,
    /// How many states of the view were visited.
    pub states: u64,
    /// What was followed once for all pasts, and how many states that took.
    pub counted: Vec<(Fingerprint, u64)>,
}

/// A view under one kind of primary, and all that is kept of it from one past to the next.
pub(super) struct Workspace {
    stage: Stage,
    summaries: Summaries,
    admissions: Admissions,
    doubles: Doubles,
}

/// How a view begins after a past.
struct Beginning {
    /// The local states of the honest replicas.
    start: Locals,
    /// What exists.
    base: MessageSet,
    /// Which certificates of earlier views can be shown.
    earlier: Showable<View>,
}

impl Workspace {
    /// # Errors
    /// Why the view cannot be explored.
    pub fn new(context: &Context, setup: Setup) -> Result<Self, Unexplorable> {
        Ok(Workspace {
            stage: Stage::new(context, setup)?,
            summaries: Summaries::default(),
            admissions: Admissions::default(),
            doubles: Doubles::default(),
        })
    }

    /// Whether somebody's code has panicked.
    pub fn is_any_wrecked(&self) -> bool {
        self.stage.arena.judge.is_any_wrecked()
    }

    /// Explores the view after a past, or view 0 where there is none.
    ///
    /// # Errors
    /// Why the rulebook's views cannot be explored one by one.
    pub fn explore(
        &mut self,
        context: &Context,
        past: Option<&BoundaryState>,
        leader: Leader,
    ) -> Result<Layer, Unexplorable> {
        let stage = &mut self.stage;
        let beginning = match past {
            None => first(context, stage),
            Some(past) => place(context, stage, past, leader)?,
        };
        let mut runs = self.runs(context, &beginning)?;
        let stage = &mut self.stage;
        let after = after(context, stage, &runs, past, &beginning);
        for boundary in &after {
            runs.violated |= stage.violated(context, &boundary.decided)?;
        }
        let Runs { violated, reached, states, counted, sent, .. } = runs;
        let layer = Layer { after, violated, reached, states, counted };
        self.check(context, past, leader, &beginning, &sent)?;
        Ok(layer)
    }

    /// Follows all runs of the view.
    fn runs(&mut self, context: &Context, beginning: &Beginning) -> Result<Runs, Unexplorable> {
        let Workspace { stage, summaries, .. } = self;
        let Beginning { start, base, .. } = beginning;
        let setup = stage.setup();
        let plan = |phase| Plan { parts: [setup.first_follower()].into_iter().collect(), phase };
        let mut runs = if setup.is_led_honestly && context.reductions.summaries {
            let mut runs = round::runs(context, stage, start, base, &plan(Phase::Start), summaries)?;
            stage.messages.began_with = runs.sent.clone();
            for begun in std::mem::take(&mut runs.next) {
                runs.extend(round::runs(context, stage, &begun, base, &plan(Phase::Begun), summaries)?);
            }
            runs
        } else {
            round::runs(context, stage, start, base, &plan(Phase::Begun), summaries)?
        };
        summaries.follow(context, stage, &mut runs)?;
        Ok(runs)
    }

    /// Whether the view is as this judge takes it, where all this was sent in it.
    fn check(
        &mut self,
        context: &Context,
        past: Option<&BoundaryState>,
        leader: Leader,
        beginning: &Beginning,
        alphabet: &MessageSet,
    ) -> Result<(), Unexplorable> {
        let Workspace { stage, admissions, doubles, .. } = self;
        let Beginning { start, base, earlier } = beginning;
        check_adversary(context, stage, base, alphabet, earlier)?;
        if let Some(refusal) = stage.arena.judge.refusal() {
            return Err(Unexplorable::Guards(refusal));
        }
        if stage.arena.judge.stepped() > 0 {
            return Err(Unexplorable::Order);
        }
        if let Some(past) = past {
            let mut exists = base.clone();
            exists.union_with(alphabet);
            if context.reductions.quotient {
                let order = ordered(past, leader);
                doubles.check(context, stage, (past, &order), start, &exists)?;
            }
            if context.leaves_out_subsumed() {
                let objection = admissions.check(context, stage, (past, leader), start, &exists)?;
                objection.into_iter().for_each(|why| context.findings.object(why));
            }
        }
        stage.check_left()
    }
}

/// The replicas at the start of view 0, and what exists there.
fn first(context: &Context, stage: &Stage) -> Beginning {
    let judge = &stage.arena.judge;
    let state = judge.init_states().swap_remove(0);
    Beginning {
        base: judge.available_after(&MessageSet::default()),
        start: judge.numbers(&state).iter().collect(),
        earlier: vec![BTreeSet::new(); context.scope.slots as usize],
    }
}

/// The replicas when all that are honest have given up the views before, and say what they carry.
fn place(
    context: &Context,
    stage: &mut Stage,
    past: &BoundaryState,
    leader: Leader,
) -> Result<Beginning, Unexplorable> {
    let votes = earlier_votes(context, stage, past);
    let mut starts = Vec::new();
    for (replica, carried) in (0..).zip(ordered(past, leader)) {
        starts.push(stage.start(context, replica, carried)?);
    }
    let judge = &stage.arena.judge;
    let mut sent = judge.numbers_of(votes);
    let earlier = context.showable(judge, &judge.proving(&sent))?;
    sent.union_with(&judge.numbers_of(starts.iter().map(|(_, change)| change.clone())));
    let base = judge.available_after(&sent);
    let start = placed(stage, starts, &base)?;
    Ok(Beginning { start, base, earlier })
}

/// What honest replicas have sent for the certificates that there are after a past.
fn earlier_votes(context: &Context, stage: &Stage, past: &BoundaryState) -> Vec<Message> {
    let honest = stage.arena.judge.system().honest();
    let is_honest = |who: Principal| honest.iter().any(|h| Principal::Replica(h.id()) == who);
    let mut votes = Vec::new();
    for (seq, shown) in (1..).map(SeqNum).zip(&past.shown) {
        let held = past.replicas.iter().filter_map(|carried| carried.prepared[seq.0 as usize - 1]);
        for (rank, number) in shown.iter().copied().chain(held).collect::<BTreeSet<_>>() {
            let claim = stage.arena.maker().claim(View(u64::from(rank)), seq, context.batch(number));
            let proposal = Message::PrePrepare(claim.proposal.clone());
            votes.extend(is_honest(proposal.signer()).then_some(proposal));
            let prepares = claim.prepares.0.iter().filter(|vote| is_honest(vote.signer()));
            votes.extend(prepares.cloned().map(Message::Prepare));
        }
    }
    votes
}

/// The local states of the replicas that begin so, where this exists: the VIEW-CHANGEs are offered to the primary alone.
fn placed(stage: &Stage, starts: Vec<Start>, base: &MessageSet) -> Result<Locals, Unexplorable> {
    let (arena, view) = (&stage.arena, stage.setup().view);
    let judge = &arena.judge;
    let all = judge.which(0, |message| matches!(message, Message::ViewChange(c) if c.new_view == view));
    let all = all.intersection(base);
    let mut start = Locals::new();
    for (place, (local, change)) in (0..).zip(starts) {
        let replica = arena.replica(place.into())?;
        let leads = arena.maker().primary(view) == replica.id();
        let state = local.replica().ok_or(Unexplorable::NoReplica)?;
        if !leads {
            premise::check_follower(replica, state, &judge.messages_of(&all))?;
        }
        let offered = if leads { all.clone() } else { MessageSet::default() };
        let own = judge.numbers_of([change]);
        start.push(judge.placed(place, &local, own, offered));
    }
    Ok(start)
}

/// Whether what the adversary can send in the view does not depend on what happens in it, and certificates do not mix
/// votes of several views: all that it can do grows with what is sent, so it is enough to look at the end.
fn check_adversary(
    context: &Context,
    stage: &mut Stage,
    base: &MessageSet,
    alphabet: &MessageSet,
    shown: &Showable<View>,
) -> Result<(), Unexplorable> {
    let mut sent = stage.arena.judge.honest_of(base);
    sent.union_with(alphabet);
    if !stage.arena.judge.available_after(&sent).difference(alphabet).is_subset(base) {
        return Err(Unexplorable::Adversary);
    }
    let now = stage.shown(context, alphabet)?;
    let apart = with(shown, &stage.showable[now]);
    let together = context.showable(&stage.arena.judge, &stage.arena.judge.proving(&sent))?;
    if together != apart {
        return Err(Unexplorable::MixedCertificates);
    }
    Ok(())
}

/// What is left behind, where the adversary can show most and most is decided.
fn after(
    context: &Context,
    stage: &Stage,
    runs: &Runs,
    past: Option<&BoundaryState>,
    beginning: &Beginning,
) -> BTreeSet<BoundaryState> {
    let nothing = context.nothing();
    let decided_before = past.map_or(&nothing, |past| &past.decided);
    let mut after = BTreeSet::new();
    for (carried, more) in &runs.left {
        for (shown, decided) in stage.most(context, more) {
            let carried = carried.iter().map(|&number| stage.outcomes.carried[number].clone()).collect();
            let shown = with(&beginning.earlier, &stage.showable[shown]);
            let decided = with(decided_before, &stage.outcomes.decisions[decided]);
            after.insert(BoundaryState::new(carried, shown, decided, context.scope.requests as u16));
        }
    }
    after
}
