//! One view, from the moment when all honest replicas move to it until all have left it.
//!
//! Every replica can leave at any time, so that any state of the view is one in which all leave. Which of these are
//! visited is cut down twice, without losing what can be left behind:
//!
//! - Steps that may as well be taken at once are (see [`ample`](super::ample)). What is left out by that leaves less
//!   behind: the same certificates and decisions of the honest replicas, and fewer for the adversary to show.
//! - A step in which nothing is sent, such as a decision, changes nothing for others. So it is put off until just before
//!   the next step of the same replica in which something is sent, or to the end. A state that is visited stands for
//!   all that such steps lead to from it, each replica for itself.
//!
//! Of what can be left behind with the same certificates and decisions, only that is kept in which the adversary can
//! show most: it may keep to itself what it can show, so whatever follows on less can follow on more.

use std::collections::BTreeSet;

use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;
use stateright::{Expectation, Model as _, Property};

use super::ample::Steps;
use super::past::{Between, Past, Rank, Shown, with};
use super::stage::{Setup, Stage};
use super::{Leader, Views};
use crate::model::absorbed::Absorbed;
use crate::model::bits::Bits;
use crate::model::property::{Judge as _, PROPERTIES, SafetyProperty, properties};
use crate::pbft::{Message, Principal, SeqNum, View};

/// What can come of a view.
#[derive(Debug, Default)]
pub(super) struct Layer {
    /// What all can take along, where the adversary can show most.
    pub after: BTreeSet<Between>,
    /// The properties that some state in the view lacks.
    pub lacking: BTreeSet<&'static str>,
    /// The good outcomes that some state in the view has.
    pub reached: BTreeSet<&'static str>,
    /// How many states of the view were visited.
    pub states: u64,
}

type Numbers = SmallVec<[u32; 8]>;

/// The view that follows on a past, or view 0 where there is none, under this primary.
pub(super) fn setup(views: &Views, past: Option<&Between>, leader: Leader) -> Setup {
    let n = u64::from(views.scope.replicas);
    let is_led_honestly = matches!(leader, Leader::Honest(_));
    let view = past.map_or(0, |past| {
        let first = u64::from(past.ranks()).max(n).div_ceil(n) * n;
        if is_led_honestly { first } else { first + n - 1 }
    });
    Setup { view: View(view), is_led_honestly }
}

/// Explores that view.
///
/// # Errors
/// Why the rulebook's views cannot be explored one by one.
pub(super) fn explore(
    views: &Views,
    stage: &mut Stage,
    past: Option<&Between>,
    leader: Leader,
) -> Result<Layer, String> {
    let (start, base, shown) = match past {
        None => first(stage),
        Some(past) => place(views, stage, past, leader)?,
    };
    let properties = properties(stage.judge.system());
    let mut alphabet = Bits::default();
    let layer = loop {
        let mut round = Round {
            steps: Steps::new(views, stage, &base, alphabet.clone()),
            properties: &properties,
            looks_for_good: views.reached().len() < Views::GOOD.len(),
            states: 0,
            sent: Bits::default(),
            left: FxHashMap::default(),
            taken: FxHashSet::default(),
            judged: FxHashSet::default(),
            lacking: 0,
            reached: BTreeSet::new(),
        };
        round.run(&start)?;
        let Round { states, sent, left, lacking, reached, .. } = round;
        let lacks = |(bit, _): &(usize, &SafetyProperty)| lacking & 1 << bit != 0;
        let lacking =
            PROPERTIES.iter().enumerate().filter(lacks).map(|(_, property)| property.name).collect();
        if views.is_stopped() {
            return Ok(Layer { after: BTreeSet::new(), lacking, reached, states });
        }
        if sent == alphabet {
            break Layer { after: after(views, stage, &left, &shown), lacking, reached, states };
        }
        alphabet = sent;
    };
    check_adversary(views, stage, &base, &alphabet, &shown)?;
    if let Some(refusal) = stage.judge.refusal() {
        return Err(refusal);
    }
    if stage.judge.stepped() > 0 {
        return Err("votes do not commute: their order matters".to_owned());
    }
    stage.check_left()?;
    Ok(layer)
}

/// The replicas at the start of view 0, and what exists there.
fn first(stage: &Stage) -> (Numbers, Bits, Shown<View>) {
    let state = stage.judge.init_states().swap_remove(0);
    let slots = stage.judge.system().bound().slots as usize;
    let base = stage.judge.available_after(&Bits::default());
    (stage.judge.numbers(&state).into(), base, vec![BTreeSet::new(); slots])
}

/// All honest replicas have given up the views before, and say what they take along. Also what exists then, and which
/// certificates can be shown.
fn place(
    views: &Views,
    stage: &mut Stage,
    past: &Between,
    leader: Leader,
) -> Result<(Numbers, Bits, Shown<View>), String> {
    let mut earlier = Vec::new();
    for (seq, shown) in (1..).map(SeqNum).zip(&past.shown) {
        let held = past.replicas.iter().filter_map(|past| past.prepared[seq.0 as usize - 1]);
        for (rank, number) in shown.iter().copied().chain(held).collect::<BTreeSet<_>>() {
            let batch = &views.batches[usize::from(number)];
            let claim = stage.maker().claim(View(u64::from(rank)), seq, batch);
            let honest = stage.judge.system().honest();
            let is_honest = |who: Principal| honest.iter().any(|h| Principal::Replica(h.id()) == who);
            let proposal = Message::PrePrepare(claim.proposal.clone());
            earlier.extend(is_honest(proposal.signer()).then_some(proposal));
            let votes = claim.prepares.0.iter().filter(|vote| is_honest(vote.signer()));
            earlier.extend(votes.cloned().map(Message::Prepare));
        }
    }
    let mut order: Vec<&Past<Rank>> = past.replicas.iter().collect();
    if let Leader::Honest(index) = leader {
        let first = order.remove(index);
        order.insert(0, first);
    }
    let mut locals = Vec::new();
    let mut changes = Vec::new();
    for (replica, past) in (0..).zip(order) {
        let (local, change) = stage.start(views, replica, past)?;
        locals.push(local);
        changes.push(change);
    }
    let mut sent = stage.judge.numbers_of(earlier);
    let shown = views.shown(&stage.judge, &stage.judge.proving(&sent))?;
    sent.union_with(&stage.judge.numbers_of(changes.clone()));
    let base = stage.judge.available_after(&sent);
    let view = stage.setup.view;
    let all = stage.judge.which(0, |message| matches!(message, Message::ViewChange(c) if c.new_view == view));
    let all = all.intersection(&base);
    let mut start = Numbers::new();
    for (place, (local, change)) in (0..).zip(locals.iter().zip(changes)) {
        let replica = stage.replica(place.into()).ok_or("a participant is no replica")?;
        let leads = stage.maker().primary(view) == replica.id();
        let state = local.replica().ok_or("a participant is no replica")?;
        if !leads {
            let offered = stage.judge.messages_of(&all);
            stage.maker().check_follower(replica, state, &offered)?;
        }
        let offered = if leads { all.clone() } else { Bits::default() };
        let own = stage.judge.numbers_of([change]);
        start.push(stage.judge.placed(place, local, own, offered));
    }
    Ok((start, base, shown))
}

/// Whether what the adversary can send in the view does not depend on what happens in it, and certificates do not mix
/// votes of several views: all that it can do grows with what is sent, so it is enough to look at the end.
fn check_adversary(
    views: &Views,
    stage: &mut Stage,
    base: &Bits,
    alphabet: &Bits,
    shown: &Shown<View>,
) -> Result<(), String> {
    let mut sent = stage.judge.honest_of(base);
    sent.union_with(alphabet);
    if !stage.judge.available_after(&sent).difference(alphabet).is_subset(base) {
        return Err("what the adversary can send in a view depends on what happens in it".to_owned());
    }
    let now = stage.shown(views, alphabet)?;
    let apart = with(shown, &stage.shown[now as usize]);
    let together = views.shown(&stage.judge, &stage.judge.proving(&sent))?;
    if together != apart {
        return Err("certificates mix votes of several views".to_owned());
    }
    Ok(())
}

/// What is left behind, where the adversary can show most: `left` says what with which certificates of the view, and
/// `earlier` which others can be shown.
fn after(
    views: &Views,
    stage: &Stage,
    left: &FxHashMap<Numbers, BTreeSet<u32>>,
    earlier: &Shown<View>,
) -> BTreeSet<Between> {
    let mut after = BTreeSet::new();
    for (pasts, shown) in left {
        let shown: Vec<_> = shown.iter().map(|&number| &stage.shown[number as usize]).collect();
        let is_part = |a: &Shown<View>, b: &Shown<View>| a.iter().zip(b).all(|(a, b)| a.is_subset(b));
        let is_beaten =
            |a: &&&Shown<View>| views.reductions.most && shown.iter().any(|b| *b != **a && is_part(a, b));
        for most in shown.iter().filter(|a| !is_beaten(a)) {
            let pasts = pasts.iter().map(|&past| stage.pasts[past as usize].clone()).collect();
            after.insert(Between::new(pasts, with(earlier, most), views.scope.requests as u16));
        }
    }
    after
}

/// All runs of a view, as far as messages of an alphabet allow.
struct Round<'a> {
    steps: Steps<'a>,
    properties: &'a [Property<Absorbed>],
    /// Whether some good outcome was not met in any view yet.
    looks_for_good: bool,
    states: u64,
    /// Everything that was sent in the view.
    sent: Bits,
    /// What can be taken along, and with it the certificates of the view that can be shown.
    left: FxHashMap<Numbers, BTreeSet<u32>>,
    /// What each replica can be, by what it takes along and by what the properties see, as far as that was looked
    /// at.
    taken: FxHashSet<(Numbers, u32)>,
    judged: FxHashSet<Numbers>,
    /// The properties that some state lacks, a bit each, and the good outcomes that some state has.
    lacking: u32,
    reached: BTreeSet<&'static str>,
}

impl Round<'_> {
    fn run(&mut self, start: &Numbers) -> Result<(), String> {
        let mut seen = FxHashSet::default();
        seen.insert(self.up_to_symmetry(start)?);
        let mut waiting = vec![start.clone()];
        let mut next = Vec::new();
        while let Some(locals) = waiting.pop() {
            if self.steps.views.is_stopped() {
                return Ok(());
            }
            self.states += 1;
            self.next(&locals, &mut next)?;
            for locals in next.drain(..) {
                if seen.insert(self.up_to_symmetry(&locals)?) {
                    waiting.push(locals);
                }
            }
        }
        Ok(())
    }

    /// The same for all states that differ in who is who alone.
    fn up_to_symmetry(&mut self, locals: &Numbers) -> Result<Numbers, String> {
        let mut kinds: SmallVec<[(u128, u32); 8]> = SmallVec::new();
        for &local in locals {
            let known = self.steps.stage.known(self.steps.views, local)?;
            kinds.push((known.order, known.kind));
        }
        let others = usize::from(self.steps.stage.setup.is_led_honestly);
        kinds[others..].sort_unstable();
        Ok(kinds.into_iter().map(|(_, kind)| kind).collect())
    }

    /// Visits a state: what it stands for, and where it leads.
    fn next(&mut self, locals: &Numbers, next: &mut Vec<Numbers>) -> Result<(), String> {
        let mut sent = Bits::default();
        let mut order: SmallVec<[(u128, usize); 8]> = SmallVec::new();
        for (place, &local) in locals.iter().enumerate() {
            let known = self.steps.stage.known(self.steps.views, local)?;
            sent.union_with(&known.sent);
            order.push((known.order, place));
        }
        self.sent.union_with(&sent);
        let mut silent = Vec::new();
        for &local in locals {
            silent.push(self.silently(local, &sent)?);
        }
        self.look_at(&silent, &sent)?;
        order.sort_unstable();
        for (_, replica) in order.into_iter().filter(|_| self.steps.views.reductions.ample) {
            let local = locals[replica];
            let (steps, amples) = (self.steps.at(local)?, self.steps.amples(local)?);
            let enabled = |&&step: &&usize| steps[step].is_enabled(&sent);
            let Some(ample) = amples.iter().find(|ample| ample.iter().all(|step| enabled(&step))) else {
                continue;
            };
            next.extend(ample.iter().map(|&step| moved(locals, replica, steps[step].next)));
            return Ok(());
        }
        for (replica, silent) in silent.iter().enumerate() {
            for &local in silent {
                let steps = self.steps.at(local)?;
                let steps = steps.iter().filter(|step| !step.is_silent && step.is_enabled(&sent));
                next.extend(steps.map(|step| moved(locals, replica, step.next)));
            }
        }
        Ok(())
    }

    /// The local states that a replica comes to without sending anything, where this was sent.
    fn silently(&mut self, local: u32, sent: &Bits) -> Result<Numbers, String> {
        let mut met: Numbers = SmallVec::from_slice(&[local]);
        let mut looked_at = 0;
        while let Some(&local) = met.get(looked_at) {
            let steps = self.steps.at(local)?;
            for step in steps.iter().filter(|step| step.is_silent && step.is_enabled(sent)) {
                if !met.contains(&step.next) {
                    met.push(step.next);
                }
            }
            looked_at += 1;
        }
        Ok(met)
    }

    /// Whether the properties hold in all states that this one stands for, and what they leave behind.
    fn look_at(&mut self, silent: &[Numbers], sent: &Bits) -> Result<(), String> {
        let (mut pasts, mut aspects) = (Numbers::new(), Numbers::new());
        for met in silent {
            let (mut past, mut aspect) = (SmallVec::new(), SmallVec::new());
            for &local in met {
                let known = self.steps.stage.known(self.steps.views, local)?;
                past.push(known.past);
                aspect.push(known.aspect);
            }
            pasts.push(self.steps.stage.set(past));
            aspects.push(self.steps.stage.set(aspect));
        }
        let shown = self.steps.stage.shown(self.steps.views, sent)?;
        pasts.sort_unstable();
        if self.taken.insert((pasts.clone(), shown)) {
            let sets = &self.steps.stage.sets;
            for mut all in product(pasts.iter().map(|&set| &sets[set as usize][..])) {
                all.sort_unstable();
                self.left.entry(all).or_default().insert(shown);
            }
        }
        if self.judged.insert(aspects) {
            self.judge(silent)?;
        }
        Ok(())
    }

    /// Checks the properties of all states that one stands for.
    fn judge(&mut self, silent: &[Numbers]) -> Result<(), String> {
        let mut ones: Vec<Numbers> = Vec::new();
        for met in silent {
            let mut of_each: SmallVec<[(u32, u32); 8]> = SmallVec::new();
            for &local in met {
                let aspect = self.steps.stage.known(self.steps.views, local)?.aspect;
                if of_each.iter().all(|&(known, _)| known != aspect) {
                    of_each.push((aspect, local));
                }
            }
            ones.push(of_each.into_iter().map(|(_, local)| local).collect());
        }
        let judge = &self.steps.stage.judge;
        for all in product(ones.iter().map(|ones| &ones[..])) {
            let state = Absorbed::state(&all);
            self.lacking |= judge.lacking(&state);
            if self.looks_for_good {
                let good = self.properties.iter().filter(|p| p.expectation == Expectation::Sometimes);
                self.reached.extend(good.filter(|p| (p.condition)(judge, &state)).map(|p| p.name));
            }
        }
        Ok(())
    }
}

/// One of each, in every way.
fn product<'a, T: Copy + 'a>(of: impl Iterator<Item = &'a [T]>) -> Vec<SmallVec<[T; 8]>> {
    let mut all = vec![SmallVec::new()];
    for choices in of {
        let mut longer = Vec::with_capacity(all.len() * choices.len());
        for some in &all {
            longer.extend(choices.iter().map(|&choice| {
                let mut more: SmallVec<[T; 8]> = some.clone();
                more.push(choice);
                more
            }));
        }
        all = longer;
    }
    all
}

fn moved(locals: &Numbers, replica: usize, next: u32) -> Numbers {
    let mut moved = locals.clone();
    moved[replica] = next;
    moved
}
