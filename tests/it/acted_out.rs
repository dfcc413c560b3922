//! Violations acted out by hand on the real replicas: what the corpus says of these rulebooks is right, whatever a
//! judge finds. The tests hold the key of one Byzantine replica; of the honest ones there is what they have sent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::common::{System, commit, new_view, prepare, proposal};
use bft_check::bugs;
use bft_check::pbft::*;

/// Why a run does not go on.
#[derive(PartialEq, Debug)]
enum Stop {
    /// A replica refuses this input.
    Refused(usize, String, Refusal),
    /// A replica has not sent what would be delivered next.
    NeverSent(usize),
}

/// Three honest replicas, one Byzantine one, and what exists.
struct Cast {
    system: System,
    byzantine: usize,
    states: BTreeMap<usize, State>,
    sent: Vec<(usize, Message)>,
    records: Vec<(usize, Record)>,
    /// What was decided at each sequence number, and by whom.
    decided: BTreeMap<SeqNum, BTreeMap<usize, Digest>>,
    /// The batches for which anybody has held a certificate, in each view at each sequence number.
    certified: BTreeMap<(View, SeqNum), BTreeSet<Digest>>,
}

impl Cast {
    fn new(rules: &'static dyn Rules, byzantine: usize, checkpoint_interval: u64) -> Self {
        let system = System::with(4, rules, |setting| {
            setting.max_batch = 1;
            setting.checkpoint_interval = checkpoint_interval;
        });
        let honest = (0..4).filter(|&id| id != byzantine);
        let states = honest.map(|id| (id, system.replicas[id].init())).collect();
        let (sent, records) = (Vec::new(), Vec::new());
        let (decided, certified) = (BTreeMap::new(), BTreeMap::new());
        Cast { system, byzantine, states, sent, records, decided, certified }
    }

    /// The key of the Byzantine replica: no other is used.
    fn key(&self) -> &SigningKey {
        &self.system.keys.replicas[self.byzantine]
    }

    /// The batch of the request of a client, which every client signs who is asked.
    fn batch(&self, client: u32) -> Batch {
        self.system.batch(&[client], 1)
    }

    fn request(&mut self, to: usize, client: u32) -> Result<(), Stop> {
        let request = Message::Request(self.system.request(client, 1));
        self.give(to, &request)
    }

    fn give(&mut self, to: usize, message: &Message) -> Result<(), Stop> {
        self.step(to, Input::Deliver(message))
    }

    fn timeout(&mut self, at: usize) -> Result<(), Stop> {
        self.step(at, Input::Timeout)
    }

    fn step(&mut self, at: usize, input: Input<'_>) -> Result<(), Stop> {
        let (mut out, state) = (Vec::new(), self.states.get_mut(&at).unwrap());
        let taken = self.system.replicas[at].step(state, input, &mut out);
        taken.map_err(|refusal| Stop::Refused(at, format!("{input:?}"), refusal))?;
        for effect in out {
            match effect {
                Effect::Broadcast(message) | Effect::Send(_, message) => self.sent.push((at, message)),
                Effect::Persist(record) => self.records.push((at, record)),
                Effect::Committed(it) => {
                    self.decided.entry(it.seq()).or_default().insert(at, it.digest());
                }
                _ => {}
            }
        }
        for slot in self.states[&at].log().iter().filter_map(|(_, slot)| slot.prepared()) {
            self.certified.entry((slot.view(), slot.seq())).or_default().insert(slot.digest());
        }
        Ok(())
    }

    /// A replica crashes and recovers from what it has recorded.
    fn crash(&mut self, at: usize) {
        let own = self.records.iter().filter(|(who, _)| *who == at).map(|(_, record)| record);
        let recovered = self.system.replicas[at].recover(own);
        self.states.insert(at, recovered);
    }

    /// The last of these messages that an honest replica has sent.
    fn said(&self, from: usize, is_meant: impl Fn(&Message) -> bool) -> Result<Message, Stop> {
        let mut own = self.sent.iter().rev().filter(|(who, _)| *who == from).map(|(_, message)| message);
        own.find(|message| is_meant(message)).cloned().ok_or(Stop::NeverSent(from))
    }

    /// Delivers what one honest replica has sent to another.
    fn pass(&mut self, from: usize, to: usize, is_meant: impl Fn(&Message) -> bool) -> Result<(), Stop> {
        let message = self.said(from, is_meant)?;
        self.give(to, &message)
    }

    /// The VIEW-CHANGE of an honest replica.
    fn change(&self, from: usize, view: u64) -> Result<Arc<Signed<ViewChange>>, Stop> {
        match self.said(from, |m| matches!(m, Message::ViewChange(it) if it.new_view == View(view)))? {
            Message::ViewChange(change) => Ok(change),
            _ => unreachable!("that was asked for"),
        }
    }

    /// A VIEW-CHANGE of the Byzantine replica.
    fn own_change(&self, view: u64, prepared: Vec<PreparedClaim>) -> Arc<Signed<ViewChange>> {
        let stable = StableCheckpoint::genesis().claim().clone();
        Arc::new(self.key().sign(ViewChange { new_view: View(view), stable, prepared }))
    }

    /// The NEW-VIEW of the Byzantine primary.
    fn own_new_view(
        &self,
        view: u64,
        changes: Vec<Arc<Signed<ViewChange>>>,
        batches: &[(u64, &Batch)],
    ) -> Message {
        let proposals = batches.iter().map(|(seq, batch)| proposal(self.key(), view, *seq, batch)).collect();
        new_view(self.key(), view, changes, proposals)
    }

    fn own_proposal(&self, view: u64, seq: u64, batch: &Batch) -> Message {
        Message::PrePrepare(proposal(self.key(), view, seq, batch))
    }

    fn own_prepare(&self, view: u64, seq: u64, batch: &Batch) -> Message {
        Message::Prepare(prepare(self.key(), view, seq, batch.digest()))
    }

    fn own_commit(&self, view: u64, seq: u64, batch: &Batch) -> Message {
        Message::Commit(commit(self.key(), view, seq, batch.digest()))
    }

    /// Two honest replicas, who have accepted a batch, and the Byzantine one vote for it, until it is decided at the
    /// first of them. Votes that are too many are refused.
    fn decide(&mut self, view: u64, seq: u64, batch: &Batch, at: usize, other: usize) {
        let (prepare, commit) = (self.own_prepare(view, seq, batch), self.own_commit(view, seq, batch));
        for (from, to) in [(at, other), (other, at)] {
            let _ = self.give(to, &prepare);
            let _ = self.pass(from, to, is_prepare(view, seq));
        }
        let _ = self.give(at, &commit);
        let _ = self.pass(other, at, is_commit(view, seq));
    }

    /// Whether two replicas have decided different batches.
    fn is_forked(&self) -> bool {
        self.decided.values().any(|by| by.values().collect::<BTreeSet<_>>().len() > 1)
    }
}

fn is_proposal(view: u64, seq: u64) -> impl Fn(&Message) -> bool {
    move |m| matches!(m, Message::PrePrepare(it) if (it.view(), it.seq()) == (View(view), SeqNum(seq)))
}

fn is_prepare(view: u64, seq: u64) -> impl Fn(&Message) -> bool {
    move |m| matches!(m, Message::Prepare(it) if (it.view, it.seq) == (View(view), SeqNum(seq)))
}

fn is_commit(view: u64, seq: u64) -> impl Fn(&Message) -> bool {
    move |m| matches!(m, Message::Commit(it) if (it.view, it.seq) == (View(view), SeqNum(seq)))
}

fn is_new_view(view: u64) -> impl Fn(&Message) -> bool {
    move |m| matches!(m, Message::NewView(it) if it.view == View(view))
}

/// Acts a run out under a rulebook of the corpus, and under the paper's, which refuses a step of it or comes to no harm.
fn act(rulebook: &str, run: fn(&'static dyn Rules) -> Result<bool, Stop>) {
    let rules = bugs::find(rulebook).unwrap().rules;
    assert_eq!(run(rules), Ok(true), "{rules:?}");
    assert_ne!(run(&Castro99), Ok(true), "the paper's rules instead of {rules:?}");
}

/// COMMITs for one batch prove the decision of another to a replica that lags behind.
#[test]
fn digest_blind_commit_forks_by_state_transfer() {
    act("digest-blind-commit", |rules| {
        let mut cast = Cast::new(rules, 0, 1);
        let (a, b) = (cast.batch(0), cast.batch(1));
        let proposed = cast.own_proposal(0, 1, &a);
        cast.give(1, &proposed)?;
        cast.give(2, &proposed)?;
        cast.decide(0, 1, &a, 1, 2);
        let mut commits = vec![commit(cast.key(), 0, 1, a.digest())];
        for honest in [1, 2] {
            let Message::Commit(it) = cast.said(honest, is_commit(0, 1))? else { unreachable!() };
            commits.push(it);
        }
        let decision = Decision { seq: SeqNum(1), batch: b, commits: Uncompared((View(0), commits.into())) };
        let told = state_of(&cast, StableCheckpoint::genesis().claim().clone(), None, vec![decision]);
        cast.give(3, &told)?;
        Ok(cast.is_forked())
    });
}

/// A STATE of the Byzantine replica.
fn state_of(
    cast: &Cast,
    stable: StableClaim,
    snapshot: Option<Arc<Snapshot>>,
    decided: Vec<Decision>,
) -> Message {
    Message::State(Arc::new(cast.key().sign(StateTransfer { stable, snapshot, decided })))
}

#[test]
fn believed_decisions_fork_by_state_transfer() {
    act("believed-decisions", |rules| {
        let mut cast = Cast::new(rules, 0, 1);
        let (a, b) = (cast.batch(0), cast.batch(1));
        let proposed = cast.own_proposal(0, 1, &a);
        cast.give(1, &proposed)?;
        cast.give(2, &proposed)?;
        cast.decide(0, 1, &a, 1, 2);
        let decision = Decision { seq: SeqNum(1), batch: b, commits: Uncompared((View(0), Arc::from([]))) };
        let told = state_of(&cast, StableCheckpoint::genesis().claim().clone(), None, vec![decision]);
        cast.give(3, &told)?;
        Ok(cast.is_forked())
    });
}

/// A checkpoint that nobody has announced, with a state that nobody was ever in.
#[test]
fn unproved_checkpoint_hands_over_a_made_up_state() {
    act("unproved-checkpoint", |rules| {
        let mut cast = Cast::new(rules, 0, 1);
        let a = cast.batch(0);
        let proposed = cast.own_proposal(0, 1, &a);
        cast.give(1, &proposed)?;
        cast.give(2, &proposed)?;
        cast.decide(0, 1, &a, 1, 2);
        let made_up = Snapshot { seq: SeqNum(1), head: Digest::ZERO, clients: BTreeMap::new() };
        let stable =
            StableClaim { seq: SeqNum(1), state: made_up.digest(), checkpoints: Uncompared(Arc::from([])) };
        let told = state_of(&cast, stable, Some(Arc::new(made_up)), Vec::new());
        cast.give(3, &told)?;
        let head = |id: usize| (cast.states[&id].chain().height(), cast.states[&id].chain().head());
        let (one, other) = (head(1), head(3));
        Ok(one.0 == other.0 && one.1 != other.1)
    });
}

/// r1, the primary of view 1, and r2, which it has deceived, show a certificate beside the one of r0 and r3.
#[test]
fn primary_twice_in_certificate_forks_in_three_views() {
    act("primary-twice-in-certificate", |rules| {
        let mut cast = Cast::new(rules, 1, 128);
        let (a, b) = (cast.batch(0), cast.batch(1));
        for at in [2, 3] {
            cast.request(at, 0)?;
            cast.timeout(at)?;
        }
        let changes = vec![cast.own_change(1, vec![]), cast.change(2, 1)?, cast.change(3, 1)?];
        let opened = cast.own_new_view(1, changes, &[]);
        for at in [0, 2, 3] {
            cast.give(at, &opened)?;
        }
        let (to_them, to_it) = (cast.own_proposal(1, 1, &b), cast.own_proposal(1, 1, &a));
        cast.give(0, &to_them)?;
        cast.give(3, &to_them)?;
        cast.give(2, &to_it)?;
        cast.decide(1, 1, &b, 0, 3);
        // r2's PREPARE and r1's own.
        let Message::Prepare(deceived) = cast.said(2, is_prepare(1, 1))? else { unreachable!() };
        let prepares = [prepare(cast.key(), 1, 1, a.digest()), deceived];
        let claim =
            PreparedClaim { proposal: proposal(cast.key(), 1, 1, &a), prepares: Uncompared(prepares.into()) };
        // View 2.
        cast.request(0, 0)?;
        cast.timeout(0)?;
        cast.timeout(2)?;
        let from_0 = Message::ViewChange(cast.change(0, 2)?);
        let own = Message::ViewChange(cast.own_change(2, vec![claim]));
        cast.give(2, &own)?;
        cast.give(2, &from_0)?;
        cast.pass(2, 0, is_new_view(2))?;
        cast.decide(2, 1, &a, 2, 0);
        Ok(cast.is_forked())
    });
}

/// r2 has left view 0, forgets that, and helps to decide there what its VIEW-CHANGE does not report.
#[test]
fn volatile_view_change_forks() {
    act("volatile-view-change", |rules| {
        let mut cast = Cast::new(rules, 1, 128);
        let (a, b) = (cast.batch(0), cast.batch(1));
        cast.request(2, 0)?;
        cast.timeout(2)?;
        cast.crash(2);
        cast.request(0, 0)?;
        cast.pass(0, 2, is_proposal(0, 1))?;
        cast.decide(0, 1, &a, 0, 2);
        cast.request(3, 0)?;
        cast.timeout(3)?;
        open_view_1_and_decide(&mut cast, &b)?;
        Ok(cast.is_forked())
    });
}

/// The Byzantine primary of view 1 opens it for r2 and r3 with their VIEW-CHANGEs, and has them decide a batch at #1.
fn open_view_1_and_decide(cast: &mut Cast, batch: &Batch) -> Result<(), Stop> {
    let changes = vec![cast.own_change(1, vec![]), cast.change(2, 1)?, cast.change(3, 1)?];
    let opened = cast.own_new_view(1, changes, &[]);
    let proposed = cast.own_proposal(1, 1, batch);
    for at in [2, 3] {
        cast.give(at, &opened)?;
        cast.give(at, &proposed)?;
    }
    cast.decide(1, 1, batch, 3, 2);
    Ok(())
}

/// r2 forgets that a batch has prepared at it, and that it has helped to decide it.
#[test]
fn volatile_certificate_forks() {
    act("volatile-certificate", |rules| {
        let mut cast = Cast::new(rules, 1, 128);
        let (a, b) = (cast.batch(0), cast.batch(1));
        cast.request(0, 0)?;
        cast.pass(0, 2, is_proposal(0, 1))?;
        cast.decide(0, 1, &a, 0, 2);
        cast.crash(2);
        cast.timeout(2)?;
        cast.request(3, 0)?;
        cast.timeout(3)?;
        open_view_1_and_decide(&mut cast, &b)?;
        Ok(cast.is_forked())
    });
}

/// r2 enters view 1 a second time, by a NEW-VIEW of other VIEW-CHANGEs, and votes there again.
#[test]
fn volatile_new_view_makes_two_certificates() {
    act("volatile-new-view", |rules| {
        let mut cast = Cast::new(rules, 1, 128);
        let (a, b) = (cast.batch(0), cast.batch(1));
        // b prepares at r0 alone.
        cast.request(0, 1)?;
        cast.pass(0, 3, is_proposal(0, 1))?;
        cast.pass(3, 0, is_prepare(0, 1))?;
        let vote = cast.own_prepare(0, 1, &b);
        cast.give(0, &vote)?;
        cast.timeout(3)?;
        cast.request(2, 0)?;
        cast.timeout(2)?;
        for from in [2, 3] {
            let change = Message::ViewChange(cast.change(from, 1)?);
            cast.give(0, &change)?;
        }
        let own = cast.own_change(1, vec![]);
        let with_3 =
            cast.own_new_view(1, vec![Arc::clone(&own), cast.change(2, 1)?, cast.change(3, 1)?], &[]);
        let with_0 = cast.own_new_view(1, vec![cast.change(0, 1)?, own, cast.change(2, 1)?], &[(1, &b)]);
        let proposed = cast.own_proposal(1, 1, &a);
        for at in [2, 3] {
            cast.give(at, &with_3)?;
            cast.give(at, &proposed)?;
        }
        cast.pass(2, 3, is_prepare(1, 1))?;
        cast.crash(2);
        cast.give(2, &with_0)?;
        cast.give(0, &with_0)?;
        cast.pass(2, 0, is_prepare(1, 1))?;
        Ok(cast.certified.values().any(|digests| digests.len() > 1))
    });
}

/// A batch is decided at #2, and nothing is known of #1 by those whose VIEW-CHANGEs open view 1.
#[test]
fn truncated_new_view_forks_above_a_gap() {
    act("truncated-new-view", |rules| {
        let mut cast = Cast::new(rules, 1, 128);
        let (a, b) = (cast.batch(0), cast.batch(1));
        cast.request(0, 0)?;
        cast.request(0, 1)?;
        cast.pass(0, 2, is_proposal(0, 2))?;
        cast.decide(0, 2, &b, 0, 2);
        cast.timeout(2)?;
        cast.request(3, 0)?;
        cast.timeout(3)?;
        let changes = vec![cast.own_change(1, vec![]), cast.change(2, 1)?, cast.change(3, 1)?];
        let opened = cast.own_new_view(1, changes, &[]);
        let proposed = cast.own_proposal(1, 2, &a);
        for at in [2, 3] {
            cast.give(at, &opened)?;
            cast.give(at, &proposed)?;
        }
        cast.decide(1, 2, &a, 3, 2);
        Ok(cast.is_forked())
    });
}

/// r2 decides on PREPAREs of replicas at which nothing has prepared.
#[test]
fn prepare_as_commit_forks() {
    act("prepare-as-commit", |rules| {
        let mut cast = Cast::new(rules, 0, 128);
        let (a, b) = (cast.batch(1), cast.batch(0));
        let proposed = cast.own_proposal(0, 1, &a);
        for at in [1, 2, 3] {
            cast.give(at, &proposed)?;
        }
        cast.pass(1, 2, is_prepare(0, 1))?;
        cast.pass(3, 2, is_prepare(0, 1))?;
        cast.request(1, 0)?;
        cast.timeout(1)?;
        cast.timeout(3)?;
        let from_3 = Message::ViewChange(cast.change(3, 1)?);
        let own = Message::ViewChange(cast.own_change(1, vec![]));
        cast.give(1, &own)?;
        cast.give(1, &from_3)?;
        cast.pass(1, 3, is_new_view(1))?;
        cast.pass(1, 3, is_proposal(1, 1))?;
        cast.decide(1, 1, &b, 3, 1);
        Ok(cast.is_forked())
    });
}

/// The Byzantine primary votes in the names of all others.
#[test]
fn unverified_votes_fork_in_one_view() {
    act("unverified-votes", |rules| {
        let mut cast = Cast::new(rules, 0, 128);
        // Signatures that no key of the system verifies.
        let strangers = KeySet::ed25519(4, 0, 1).replicas;
        for (victim, others, client) in [(1, [2, 3], 0), (2, [1, 3], 1)] {
            let batch = cast.batch(client);
            let proposed = cast.own_proposal(0, 1, &batch);
            cast.give(victim, &proposed)?;
            let forged = |id: usize| {
                let (prepared, committed) = (
                    prepare(&strangers[id], 0, 1, batch.digest()),
                    commit(&strangers[id], 0, 1, batch.digest()),
                );
                (Message::Prepare(prepared), Message::Commit(committed))
            };
            cast.give(victim, &forged(others[0]).0)?;
            others.iter().try_for_each(|&id| cast.give(victim, &forged(id).1))?;
        }
        Ok(cast.is_forked())
    });
}

/// r0 has helped to decide in view 2, goes back to view 1, and helps to decide there what view 1 repeats.
#[test]
fn backward_view_forks_in_three_views() {
    act("backward-view", |rules| {
        let mut cast = Cast::new(rules, 1, 128);
        let (a, b) = (cast.batch(0), cast.batch(1));
        // b prepares at r3 in view 0.
        cast.request(0, 1)?;
        cast.pass(0, 3, is_proposal(0, 1))?;
        let vote = cast.own_prepare(0, 1, &b);
        cast.give(3, &vote)?;
        cast.timeout(3)?;
        cast.request(2, 0)?;
        cast.timeout(2)?;
        let own = cast.own_change(1, vec![]);
        let own_message = Message::ViewChange(Arc::clone(&own));
        let from_2 = Message::ViewChange(cast.change(2, 1)?);
        cast.give(0, &own_message)?;
        cast.give(0, &from_2)?;
        let withheld = cast.own_new_view(1, vec![cast.change(0, 1)?, own, cast.change(3, 1)?], &[(1, &b)]);
        // View 2 begins without r3, and decides a at r2.
        let from_0 = Message::ViewChange(cast.change(0, 1)?);
        cast.give(2, &own_message)?;
        cast.give(2, &from_0)?;
        cast.timeout(2)?;
        let later = Message::ViewChange(cast.own_change(2, vec![]));
        cast.give(0, &later)?;
        let from_2 = Message::ViewChange(cast.change(2, 2)?);
        cast.give(0, &from_2)?;
        let from_0 = Message::ViewChange(cast.change(0, 2)?);
        cast.give(2, &later)?;
        cast.give(2, &from_0)?;
        cast.pass(2, 0, is_new_view(2))?;
        cast.pass(2, 0, is_proposal(2, 1))?;
        cast.decide(2, 1, &a, 2, 0);
        cast.give(0, &withheld)?;
        cast.give(3, &withheld)?;
        cast.decide(1, 1, &b, 3, 0);
        Ok(cast.is_forked())
    });
}
