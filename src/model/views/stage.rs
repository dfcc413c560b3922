//! The next view under one kind of primary, whatever came before it: what is found out there once is kept for all
//! that can come before.

use std::collections::BTreeSet;
use std::sync::Arc;

use indexmap::IndexSet;
use rustc_hash::{FxBuildHasher, FxHashMap};
use smallvec::SmallVec;

use super::Views;
use super::past::{BatchNumber, Past, Rank, Shown};
use super::premise::Maker;
use crate::model::absorbed::Absorbed;
use crate::model::bits::Bits;
use crate::model::bounds::{Bound, Scope, System};
use crate::model::fingerprint::{Fingerprint, fingerprint};
use crate::model::participant::{Local, Participant};
use crate::pbft::{Digest, KeySet, Message, Replica, RequestId, SeqNum, State, View};

/// A view, and who leads it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Setup {
    pub view: View,
    /// Whether its primary is honest: then it is the first of the honest replicas.
    pub is_led_honestly: bool,
}

/// What it holds at a sequence number: the proposal that it has accepted, its certificate, and what it has decided.
#[derive(PartialEq, Eq, Hash)]
struct KindOfSlot {
    seq: SeqNum,
    accepted: Option<(View, Digest)>,
    prepared: Option<(View, Digest)>,
    decided: Option<Digest>,
}

/// What a replica is in the view, whoever it is.
#[derive(PartialEq, Eq, Hash)]
struct Kind {
    view: View,
    active: bool,
    slots: Vec<KindOfSlot>,
    height: SeqNum,
    head: Digest,
    pending: Vec<RequestId>,
    votes: BTreeSet<(u8, View, SeqNum, Digest)>,
    others: Vec<Message>,
}

/// What is known of a local state in the view. Numbers are those of a [`Stage`].
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// What it is, whoever is in it.
    pub kind: u32,
    /// Where that kind stands among all; it does not depend on which was met first.
    pub order: Fingerprint,
    /// What its replica takes along if it leaves now.
    pub past: u32,
    /// What the safety properties see of it.
    pub aspect: u32,
    /// What its replica has sent in the view.
    pub sent: Bits,
}

/// A view under one kind of primary.
pub(super) struct Stage {
    pub judge: Absorbed,
    pub setup: Setup,
    keys: KeySet,
    /// The messages of the view among the first so many.
    of_view: Bits,
    looked_at: u32,
    starts: FxHashMap<(u16, Past<Rank>), (Local, Message)>,
    kinds: IndexSet<Kind>,
    pub pasts: IndexSet<Past<View>>,
    /// By the number of the local state.
    known: Vec<Option<Known>>,
    /// Several numbers of pasts, or of aspects, in order.
    pub sets: IndexSet<SmallVec<[u32; 4]>, FxBuildHasher>,
    votes: Bits,
    pub shown: IndexSet<Shown<View>>,
    shown_by: FxHashMap<Bits, u32>,
    /// Replicas that have left, and how many of the messages they were offered.
    left: IndexSet<(usize, State)>,
    left_offered: Vec<usize>,
    /// Replicas in the view, and how many of the messages they were offered.
    counting: Vec<(usize, Local, usize)>,
}

impl Stage {
    /// # Errors
    /// Why it cannot be explored.
    pub fn new(views: &Views, setup: Setup) -> Result<Self, String> {
        let scope = Scope { views: setup.view.0 + 1, ..views.scope };
        let bound = Bound::new(scope, views.byzantine.iter().copied());
        let system = System::of_last_view(bound, views.rules).map_err(|error| error.to_string())?;
        Ok(Stage {
            judge: Absorbed::new(Arc::new(system)).counting(views.reductions.alike),
            setup,
            keys: KeySet::symbolic(views.scope.replicas, views.scope.requests),
            of_view: Bits::default(),
            looked_at: 0,
            starts: FxHashMap::default(),
            kinds: IndexSet::new(),
            pasts: IndexSet::new(),
            known: Vec::new(),
            sets: IndexSet::default(),
            votes: Bits::default(),
            shown: IndexSet::new(),
            shown_by: FxHashMap::default(),
            left: IndexSet::new(),
            left_offered: Vec::new(),
            counting: Vec::new(),
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
        views: &Views,
        place: u16,
        past: &Past<Rank>,
    ) -> Result<(Local, Message), String> {
        let key = (place, past.clone());
        if let Some(start) = self.starts.get(&key) {
            return Ok(start.clone());
        }
        let batch = |number: BatchNumber| &views.batches[usize::from(number)];
        let decided: Vec<_> = past.decided.iter().map(|decided| decided.map(batch)).collect();
        let prepared = past.prepared.iter();
        let prepared: Vec<_> =
            prepared.map(|held| held.map(|(rank, number)| (View(u64::from(rank)), batch(number)))).collect();
        let replica = self.replica(place.into()).ok_or("a participant is no replica")?;
        let state = self.maker().state(replica, &decided, &prepared)?;
        let (state, change) = replica.after_giving_up(&state, self.setup.view);
        let change = change.ok_or("a replica gives up its view and does not say so")?;
        let start = (Local::of(state), Message::ViewChange(change));
        self.starts.insert(key, start.clone());
        Ok(start)
    }

    /// The messages of the view.
    pub fn of_view(&mut self) -> &Bits {
        let view = self.setup.view;
        let met = self.judge.met();
        if self.looked_at < met {
            self.of_view.union_with(&self.judge.which(self.looked_at, |message| match message {
                Message::PrePrepare(m) => m.view() == view,
                Message::Prepare(m) => m.view == view,
                Message::Commit(m) => m.view == view,
                Message::NewView(m) => m.view == view,
                _ => false,
            }));
            self.votes = self.judge.proving(&self.of_view);
            self.looked_at = met;
        }
        &self.of_view
    }

    /// The number of what these messages of the view make up.
    pub fn shown(&mut self, views: &Views, sent: &Bits) -> Result<u32, String> {
        self.of_view();
        let basis = sent.intersection(&self.votes);
        if let Some(&number) = self.shown_by.get(&basis) {
            return Ok(number);
        }
        let shown = views.shown(&self.judge, &basis)?;
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

    /// What is known of a local state.
    pub fn known(&mut self, views: &Views, number: u32) -> Result<&Known, String> {
        let place = number as usize;
        if self.known.len() <= place {
            self.known.resize(place + 1, None);
        }
        if self.known[place].is_none() {
            self.known[place] = Some(self.learn(views, number)?);
        }
        self.known[place].as_ref().ok_or_else(|| "a state was not met".to_owned())
    }

    fn learn(&mut self, views: &Views, number: u32) -> Result<Known, String> {
        let (local, messages) = self.judge.numbered(number).ok_or("a state was not met")?;
        let (place, _) = self.judge.whose(number).ok_or("a state was not met")?;
        let state = local.replica().ok_or("a participant is no replica")?;
        let replica = self.replica(place).ok_or("a participant is no replica")?;
        if state.view() != self.setup.view {
            return Err(format!("{} moves on to {} by itself", replica.id(), state.view()));
        }
        let past = views.past(state).map_err(|why| format!("{} {why}", replica.id()))?;
        let next = self.setup.view.next();
        let (left, _) = replica.after_giving_up(state, next);
        self.check(views, replica, state, &left, &past)?;
        let kind = describe(state, messages);
        let order = fingerprint(&kind);
        let sent = self.judge.sent_by(number);
        let sent = sent.intersection(self.of_view());
        if self.left.insert((place, left)) {
            self.left_offered.push(0);
        }
        self.counting.push((place, local.clone(), 0));
        Ok(Known {
            kind: self.kinds.insert_full(kind).0 as u32,
            order,
            past: self.pasts.insert_full(past).0 as u32,
            aspect: self.judge.aspect(number),
            sent,
        })
    }

    /// Whether its certificates and decisions are all that a replica takes along, and it takes nothing of another view.
    fn check(
        &self,
        views: &Views,
        replica: &Replica,
        state: &State,
        left: &State,
        past: &Past<View>,
    ) -> Result<(), String> {
        let maker = self.maker();
        let batch = |number: BatchNumber| &views.batches[usize::from(number)];
        let decided: Vec<_> = past.decided.iter().map(|decided| decided.map(batch)).collect();
        let prepared: Vec<_> =
            past.prepared.iter().map(|held| held.map(|(view, number)| (view, batch(number)))).collect();
        let rebuilt = maker.state(replica, &decided, &prepared)?;
        let (expected, _) = replica.after_giving_up(&rebuilt, self.setup.view.next());
        if replica.durable(left) != replica.durable(&expected) {
            return Err(format!(
                "{} takes more out of a view than its certificates and decisions, or reports something else",
                replica.id()
            ));
        }
        maker.check_closed(replica, state, self.setup.view, views.scope.slots, &views.batches)?;
        maker.check_jump(replica, state)
    }

    /// Whether whoever has left takes nothing of the view any more, of all that was ever sent in it.
    pub fn check_left(&mut self) -> Result<(), String> {
        let messages = self.judge.messages_from(0);
        for ((place, left), offered) in self.left.iter().zip(&self.left_offered) {
            let Some(replica) = self.replica(*place) else { continue };
            self.maker().check_left(replica, left, &messages[*offered..])?;
        }
        for (place, local, offered) in &self.counting {
            let (Some(replica), Some(state)) = (self.replica(*place), local.replica()) else { continue };
            self.maker().check_forgets(replica, state, &messages[*offered..])?;
        }
        self.left_offered.fill(messages.len());
        self.counting.iter_mut().for_each(|(_, _, offered)| *offered = messages.len());
        Ok(())
    }
}

/// What a replica in this state, which has sent these messages, is, whoever it is.
fn describe(state: &State, sent: Vec<Message>) -> Kind {
    let (mut votes, mut others) = (BTreeSet::new(), Vec::new());
    for message in sent {
        match &message {
            Message::Prepare(vote) => drop(votes.insert((0, vote.view, vote.seq, vote.digest))),
            Message::Commit(vote) => drop(votes.insert((1, vote.view, vote.seq, vote.digest))),
            Message::ViewChange(change) => {
                let claims = change.prepared.iter();
                votes.extend(claims.map(|claim| (2, claim.view(), claim.seq(), claim.digest())));
            }
            _ => others.push(message),
        }
    }
    others.sort_unstable();
    let slot = |(seq, slot): (SeqNum, &crate::pbft::Slot)| {
        let accepted = slot.proposal().map(|proposal| (proposal.view(), proposal.digest()));
        let prepared = slot.prepared().map(|certificate| (certificate.view(), certificate.digest()));
        KindOfSlot { seq, accepted, prepared, decided: slot.committed().map(|batch| batch.digest()) }
    };
    let slots: Vec<_> = state.log().iter().map(slot).collect();
    let (height, head) = (state.chain().height(), state.chain().head());
    Kind {
        view: state.view(),
        active: state.is_active(),
        slots,
        height,
        head,
        pending: state.pending().map(|request| request.id()).collect(),
        votes,
        others,
    }
}
