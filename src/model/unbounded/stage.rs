//! The next view under one kind of primary, whatever came before it: what is found out there once is kept for all
//! that can come before.

use std::collections::BTreeSet;
use std::sync::Arc;

use indexmap::{IndexMap, IndexSet};
use rustc_hash::{FxBuildHasher, FxHashMap};
use smallvec::SmallVec;

use super::abstraction::{Kind, describe, proposed};
use super::boundary::{BatchNumber, CarriedState, Decided, Rank, Showable, choices, is_part, with};
use super::error::Unexplorable;
use super::forge::Maker;
use super::round::Numbers;
use super::subsumed::Admissions;
use super::summaries::{Entered, Essence};
use super::{UnboundedModel, premise};
use crate::model::bits::Bits;
use crate::model::bounds::{Bound, Scope, System};
use crate::model::fingerprint::{Fingerprint, fingerprint};
use crate::model::guards::GuardModel;
use crate::model::participant::{Local, Participant};
use crate::model::property::Properties;
use crate::pbft::{Digest, KeySet, Message, Replica, SeqNum, State, View};

/// A view, and who leads it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Setup {
    pub view: View,
    /// Whether its primary is honest: then it is the first of the honest replicas.
    pub is_led_honestly: bool,
}

/// What is known of a local state in the view. Numbers are those of a [`Stage`].
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// What it is, whoever is in it.
    pub kind: u32,
    /// Where that kind stands among all; it does not depend on which was met first.
    pub order: Fingerprint,
    /// What its replica leaves behind if it leaves now.
    pub outcome: u32,
    /// What the safety properties see of it.
    pub aspect: u32,
    /// What its replica has sent in the view.
    pub sent: Bits,
    /// Whether it has entered the view.
    pub is_active: bool,
    /// What of it can matter once all have entered the view.
    pub essence: u32,
}

/// What a replica leaves behind, by numbers of a [`Stage`]: what it takes along, and the decisions of which it does not
/// count whose they are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Outcome {
    pub past: u32,
    /// What of it can be new.
    pub gained: u32,
    pub decided: u32,
}

/// What a replica has at the end of a view and need not have had before: a past with the certificates of the view alone.
type Gained = CarriedState<()>;

/// What a new view proposes.
pub(super) type Content = Vec<(SeqNum, Digest)>;

/// A view under one kind of primary.
pub(super) struct Stage {
    pub judge: GuardModel,
    pub setup: Setup,
    keys: KeySet,
    /// The messages of the view among the first so many.
    of_view: Bits,
    /// Those of them that are PRE-PREPAREs, PREPAREs and COMMITs.
    votes_of_view: Bits,
    /// The NEW-VIEWs among them, each with the number of what it proposes.
    pub new_views: FxHashMap<u32, u32>,
    pub contents: IndexSet<Content>,
    /// What its honest primary can send to begin it, in the one that is explored.
    pub began_with: Bits,
    looked_at: u32,
    starts: FxHashMap<(u16, CarriedState<Rank>), (Local, Message)>,
    kinds: IndexSet<Kind>,
    /// What of a replica's state can matter once all have entered the view, each with its hash.
    pub essences: IndexMap<Essence, Fingerprint>,
    /// What was found out of the time when all have entered the view.
    pub entered: Entered,
    pub taken: Admissions,
    pub pasts: IndexSet<CarriedState<View>>,
    pub decisions: IndexSet<Decided>,
    gained: IndexSet<Gained>,
    /// The number of a past with what is gained besides.
    with_gained: FxHashMap<(u32, u32), u32>,
    pub outcomes: IndexSet<Outcome, FxBuildHasher>,
    /// Which properties are violated where these batches are decided.
    judged: FxHashMap<Decided, Properties>,
    /// Of local states, the set of what they leave behind and that of their aspects.
    ends: FxHashMap<Numbers, (u32, u32)>,
    /// A local state with each aspect.
    seen_as: FxHashMap<u32, u32>,
    /// Which properties are violated where two replicas are seen as one of a set of aspects each.
    violated_by_sets: FxHashMap<(u32, u32), Properties>,
    /// Local states of whoever has decided, each with one of whoever has not that stands for it, and how many votes had
    /// been met when that was found.
    pub stood_for: FxHashMap<(u32, u32), u32>,
    /// By the number of the local state.
    known: Vec<Option<Known>>,
    /// Several numbers of outcomes, or of aspects, in order.
    pub sets: IndexSet<SmallVec<[u32; 4]>, FxBuildHasher>,
    votes: Bits,
    pub shown: IndexSet<Showable<View>>,
    shown_by: FxHashMap<Bits, u32>,
    /// The certificates that can be shown where nobody has sent anything.
    shown_without: Showable<View>,
    /// Replicas that have left, and replicas in the view.
    left: IndexSet<(usize, State)>,
    counting: Vec<(usize, Local)>,
    /// How many of either were offered how many messages.
    offered: (usize, usize, usize),
}

impl Stage {
    /// # Errors
    /// Why it cannot be explored.
    pub fn new(views: &UnboundedModel, setup: Setup) -> Result<Self, Unexplorable> {
        let scope = Scope { views: setup.view.0 + 1, ..views.scope };
        let bound = Bound::new(scope, views.byzantine.iter().copied());
        let system = System::of_last_view(bound, views.rules)?;
        Ok(Stage {
            judge: GuardModel::new(Arc::new(system)).counting(views.reductions.counting),
            setup,
            keys: KeySet::symbolic(views.scope.replicas, views.scope.requests),
            of_view: Bits::default(),
            votes_of_view: Bits::default(),
            new_views: FxHashMap::default(),
            contents: IndexSet::new(),
            began_with: Bits::default(),
            looked_at: 0,
            starts: FxHashMap::default(),
            kinds: IndexSet::new(),
            pasts: IndexSet::new(),
            decisions: IndexSet::new(),
            gained: IndexSet::new(),
            with_gained: FxHashMap::default(),
            essences: IndexMap::new(),
            entered: Entered::default(),
            taken: Admissions::default(),
            outcomes: IndexSet::default(),
            judged: FxHashMap::default(),
            ends: FxHashMap::default(),
            seen_as: FxHashMap::default(),
            violated_by_sets: FxHashMap::default(),
            stood_for: FxHashMap::default(),
            known: Vec::new(),
            sets: IndexSet::default(),
            votes: Bits::default(),
            shown: IndexSet::new(),
            shown_by: FxHashMap::default(),
            shown_without: Showable::new(),
            left: IndexSet::new(),
            counting: Vec::new(),
            offered: (0, 0, 0),
        })
    }

    pub fn maker(&self) -> Maker<'_> {
        use crate::model::property::Judge as _;
        let system = self.judge.system();
        Maker { keys: &self.keys, setting: system.setting(), rules: system.rules() }
    }

    pub fn replica(&self, place: usize) -> Option<&Replica> {
        match self.judge.participants().get(place) {
            Some(Participant::Replica(replica, _)) => Some(replica),
            _ => None,
        }
    }

    /// The state of the honest replica at that place when it has given up the views before, and the VIEW-CHANGE that
    /// it has sent then.
    pub fn start(
        &mut self,
        views: &UnboundedModel,
        place: u16,
        past: &CarriedState<Rank>,
    ) -> Result<(Local, Message), Unexplorable> {
        let key = (place, past.clone());
        if let Some(start) = self.starts.get(&key) {
            return Ok(start.clone());
        }
        let batch = |number: BatchNumber| &views.batches[usize::from(number)];
        let decided: Vec<_> = past.decided.iter().map(|decided| decided.map(batch)).collect();
        let prepared = past.prepared.iter();
        let prepared: Vec<_> =
            prepared.map(|held| held.map(|(rank, number)| (View(u64::from(rank)), batch(number)))).collect();
        let replica = self.replica(place.into()).ok_or(Unexplorable::NoReplica)?;
        let state = self.maker().state(replica, &decided, &prepared);
        let state = state.map_err(Unexplorable::FullCertificate)?;
        let (state, change) = replica.after_giving_up(&state, self.setup.view);
        let change = change.ok_or(Unexplorable::LeavesInSilence)?;
        let start = (Local::of(state), Message::ViewChange(change));
        self.starts.insert(key, start.clone());
        Ok(start)
    }

    /// The messages of the view.
    pub fn of_view(&mut self) -> &Bits {
        let view = self.setup.view;
        let met = self.judge.met();
        if self.looked_at < met {
            let (mut votes, mut new_views, contents) = (Bits::default(), Vec::new(), &mut self.contents);
            self.judge.look_from(self.looked_at, |number, message| match message {
                Message::PrePrepare(m) if m.view() == view => votes.insert(number),
                Message::Prepare(m) if m.view == view => votes.insert(number),
                Message::Commit(m) if m.view == view => votes.insert(number),
                Message::NewView(m) if m.view == view => {
                    new_views.push((number, contents.insert_full(proposed(m)).0 as u32));
                }
                _ => {}
            });
            self.of_view.union_with(&votes);
            self.of_view.union_with(&new_views.iter().map(|&(number, _)| number).collect());
            self.votes_of_view.union_with(&votes);
            self.new_views.extend(new_views);
            self.votes = self.judge.proving(&self.of_view);
            self.looked_at = met;
        }
        &self.of_view
    }

    /// The PRE-PREPAREs, PREPAREs and COMMITs of the view.
    pub fn votes_of_view(&mut self) -> &Bits {
        self.of_view();
        &self.votes_of_view
    }

    /// The number of what these messages of the view make up.
    pub fn shown(&mut self, views: &UnboundedModel, sent: &Bits) -> Result<u32, Unexplorable> {
        self.of_view();
        let basis = sent.intersection(&self.votes);
        if let Some(&number) = self.shown_by.get(&basis) {
            return Ok(number);
        }
        // Those of other views are there without any vote of this one; that certificates do not mix views is tried.
        if self.shown_without.is_empty() {
            self.shown_without = views.shown(&self.judge, &Bits::default())?;
        }
        let of_view = views.places(self.judge.certificates_of(self.setup.view, &basis))?;
        let shown = with(&self.shown_without, &of_view);
        let number = self.shown.insert_full(shown).0 as u32;
        self.shown_by.insert(basis, number);
        Ok(number)
    }

    /// The number of a set of numbers.
    pub fn set(&mut self, mut numbers: SmallVec<[u32; 4]>) -> u32 {
        numbers.sort_unstable();
        numbers.dedup();
        match self.sets.get_index_of(&numbers) {
            Some(number) => number as u32,
            None => self.sets.insert_full(numbers).0 as u32,
        }
    }

    /// The number of what is decided.
    pub fn decision(&mut self, decided: Decided) -> u32 {
        self.decisions.insert_full(decided).0 as u32
    }

    /// The number of what is taken along by whoever has taken along that and has gained this besides.
    pub fn with_gained(&mut self, past: u32, gained: u32) -> u32 {
        if let Some(&with) = self.with_gained.get(&(past, gained)) {
            return with;
        }
        let mut with = self.pasts[past as usize].clone();
        let more = &self.gained[gained as usize];
        for (held, gained) in with.prepared.iter_mut().zip(&more.prepared) {
            *held = gained.map(|((), number)| (self.setup.view, number)).or(*held);
        }
        for (decided, gained) in with.decided.iter_mut().zip(&more.decided) {
            *decided = gained.or(*decided);
        }
        let with = self.pasts.insert_full(with).0 as u32;
        self.with_gained.insert((past, gained), with);
        with
    }

    /// Which properties of replicas alone are violated where any honest replica may have decided any of these batches. Each
    /// of them looks at one replica or at two.
    pub fn violated(
        &mut self,
        views: &UnboundedModel,
        decided: &Decided,
    ) -> Result<Properties, Unexplorable> {
        if let Some(&violated) = self.judged.get(decided) {
            return Ok(violated);
        }
        let state = |place: usize, decided: &[Option<BatchNumber>]| {
            let replica = self.replica(place).ok_or(Unexplorable::NoReplica)?;
            let batches: Vec<_> = decided
                .iter()
                .map(|decided| decided.map(|number| &views.batches[usize::from(number)]))
                .collect();
            let state = self.maker().state(replica, &batches, &vec![None; batches.len()]);
            state.map(Local::of).map_err(Unexplorable::FullCertificate)
        };
        let mut violated = Properties::NONE;
        for one in choices(decided) {
            for other in choices(decided) {
                let mut locals = vec![state(0, &one)?];
                if self.judge.participants().len() > 1 {
                    locals.push(state(1, &other)?);
                }
                violated |= self.judge.violated_of(locals.iter());
            }
        }
        self.judged.insert(decided.clone(), violated);
        Ok(violated)
    }

    /// The set of what a replica can leave behind that leaves in one of these local states, and that of their aspects.
    pub fn ends_of(&mut self, views: &UnboundedModel, locals: &Numbers) -> Result<(u32, u32), Unexplorable> {
        if let Some(&ends) = self.ends.get(locals) {
            return Ok(ends);
        }
        let (mut outcomes, mut aspects) = (SmallVec::new(), SmallVec::new());
        for &local in locals {
            let known = self.known(views, local)?;
            outcomes.push(known.outcome);
            aspects.push(known.aspect);
        }
        if views.reductions.maximal {
            self.keep_most(&mut outcomes);
        }
        let ends = (self.set(outcomes), self.set(aspects));
        self.ends.insert(locals.clone(), ends);
        Ok(ends)
    }

    /// Of outcomes with which the same is taken along, those in which most is decided.
    fn keep_most(&self, outcomes: &mut SmallVec<[u32; 4]>) {
        let of = |number: u32| {
            let outcome = self.outcomes[number as usize];
            (outcome.past, &self.decisions[outcome.decided as usize])
        };
        let all = outcomes.clone();
        outcomes.retain(|&mut own| {
            let (past, decided) = of(own);
            let beats =
                |other: u32| of(other).0 == past && of(other).1 != decided && is_part(decided, of(other).1);
            !all.iter().any(|&other| beats(other))
        });
    }

    /// Which properties of replicas alone are violated where two replicas are seen as one of the aspects in each of these sets.
    pub fn violated_by_sets(&mut self, one: u32, other: u32) -> Properties {
        let sets = (one.min(other), one.max(other));
        if let Some(&violated) = self.violated_by_sets.get(&sets) {
            return violated;
        }
        let mut violated = Properties::NONE;
        for one in &self.sets[one as usize] {
            for other in &self.sets[other as usize] {
                violated |= self.judge.violated_with(&[self.seen_as[one], self.seen_as[other]]);
            }
        }
        self.violated_by_sets.insert(sets, violated);
        violated
    }

    /// What is known of a local state.
    pub fn known(&mut self, views: &UnboundedModel, number: u32) -> Result<&Known, Unexplorable> {
        let place = number as usize;
        if self.known.len() <= place {
            self.known.resize(place + 1, None);
        }
        if self.known[place].is_none() {
            self.known[place] = Some(self.learn(views, number)?);
        }
        self.known[place].as_ref().ok_or(Unexplorable::Unmet)
    }

    fn learn(&mut self, views: &UnboundedModel, number: u32) -> Result<Known, Unexplorable> {
        let (local, messages) = self.judge.numbered(number).ok_or(Unexplorable::Unmet)?;
        let (place, _) = self.judge.whose(number).ok_or(Unexplorable::Unmet)?;
        let state = local.replica().ok_or(Unexplorable::NoReplica)?;
        let replica = self.replica(place).ok_or(Unexplorable::NoReplica)?;
        if state.view() != self.setup.view {
            return Err(Unexplorable::MovesOn(replica.id(), state.view()));
        }
        let past = views.past(state).map_err(|why| Unexplorable::At(replica.id(), Box::new(why)))?;
        let next = self.setup.view.next();
        let (left, _) = replica.after_giving_up(state, next);
        self.check(views, replica, state, &left, &past)?;
        let essence = Essence::of(state, &messages, self.setup.view);
        let kind = describe(state, messages, views.reductions.summaries);
        let order = fingerprint(&kind);
        let sent = self.judge.sent_by(number);
        let sent = sent.intersection(self.of_view());
        self.left.insert((place, left));
        self.counting.push((place, local.clone()));
        let is_active = state.is_active();
        let (past, decided) = if views.reductions.quotient {
            let decided = past.decided.iter().map(|decided| decided.iter().copied().collect()).collect();
            (past.undecided(), decided)
        } else {
            (past, vec![BTreeSet::new(); views.scope.slots as usize])
        };
        let of_view = |held: &Option<(View, BatchNumber)>| {
            held.filter(|(view, _)| *view == self.setup.view).map(|(_, number)| ((), number))
        };
        let prepared = past.prepared.iter().map(of_view).collect();
        let gained = CarriedState { prepared, decided: past.decided.clone() };
        let gained = self.gained.insert_full(gained).0 as u32;
        let (past, decided) = (self.pasts.insert_full(past).0 as u32, self.decision(decided));
        let essence = self.essences.entry(essence);
        let essence_order = fingerprint(essence.key());
        let essence = {
            let place = essence.index() as u32;
            essence.or_insert(essence_order);
            place
        };
        let order = if is_active && views.reductions.summaries { essence_order } else { order };
        let aspect = self.judge.aspect(number);
        self.seen_as.entry(aspect).or_insert(number);
        Ok(Known {
            kind: self.kinds.insert_full(kind).0 as u32,
            order,
            outcome: self.outcomes.insert_full(Outcome { past, gained, decided }).0 as u32,
            aspect,
            sent,
            is_active,
            essence,
        })
    }

    /// Whether its certificates and decisions are all that a replica takes along, and it takes nothing of another view.
    fn check(
        &self,
        views: &UnboundedModel,
        replica: &Replica,
        state: &State,
        left: &State,
        past: &CarriedState<View>,
    ) -> Result<(), Unexplorable> {
        let maker = self.maker();
        let batch = |number: BatchNumber| &views.batches[usize::from(number)];
        let decided: Vec<_> = past.decided.iter().map(|decided| decided.map(batch)).collect();
        let prepared: Vec<_> =
            past.prepared.iter().map(|held| held.map(|(view, number)| (view, batch(number)))).collect();
        let rebuilt = maker.state(replica, &decided, &prepared).map_err(Unexplorable::FullCertificate)?;
        let (expected, _) = replica.after_giving_up(&rebuilt, self.setup.view.next());
        if replica.durable(left) != replica.durable(&expected) {
            return Err(Unexplorable::CarriesMore(replica.id()));
        }
        let (view, slots) = (self.setup.view, views.scope.slots);
        premise::check_closed(&maker, replica, state, view, slots, &views.batches)?;
        premise::check_jump(&maker, replica, state)
    }

    /// Whether whoever has left takes nothing of the view any more, of all that was ever sent in it.
    pub fn check_left(&mut self) -> Result<(), Unexplorable> {
        let met = self.judge.met() as usize;
        let (old_left, old_counting, offered) = self.offered;
        if (self.left.len(), self.counting.len(), met) == self.offered {
            return Ok(());
        }
        let is_any_new = (self.left.len(), self.counting.len()) != (old_left, old_counting);
        let from = if is_any_new { 0 } else { offered };
        let messages = self.judge.messages_from(from);
        let new = &messages[offered - from..];
        for (number, (place, left)) in self.left.iter().enumerate() {
            let Some(replica) = self.replica(*place) else { continue };
            let messages = if number < old_left { new } else { &messages };
            premise::check_left(replica, left, messages)?;
        }
        for (number, (place, local)) in self.counting.iter().enumerate() {
            let (Some(replica), Some(state)) = (self.replica(*place), local.replica()) else { continue };
            let messages = if number < old_counting { new } else { &messages };
            premise::check_forgets(replica, state, messages)?;
        }
        self.offered = (self.left.len(), self.counting.len(), met);
        Ok(())
    }
}
