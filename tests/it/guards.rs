//! Every guard of the replica: that it lets the right input through, with exactly the effects that
//! OSDI'99 says, and refuses the input in which one thing is wrong, with its own refusal and without
//! touching the state. Then the protocol's phases, driven by hand; and that each rule of the rulebook
//! really decides what it is there to decide.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::common::{
    self, Net, System, accepted, accepted_with_records, checkpoint, commit, digest, prepare, proposal,
    refused, request,
};
use bft_check::pbft::{
    Batch, Castro99, Chain, ClientId, Committee, Decision, Digest, Effect, Evidence, Input, KeySet, Message,
    NewView, Outcome, PreparedClaim, Principal, Proposal, Record, Refusal, Replica, ReplicaId, RequestId,
    Rules, SeqNum, Setting, Signed, SignedPart, SignedRequest, Snapshot, StableCheckpoint, StableClaim,
    Standing, State, StateTransfer, TallyId, TallyKey, Timer, Timestamp, Uncompared, View, ViewChange,
    VoteSet,
};

/// Some replica of a system, its state, and what the tests do to it.
struct At<'a> {
    replica: &'a Replica,
    state: State,
}

impl<'a> At<'a> {
    fn new(system: &'a System, id: usize) -> Self {
        let replica = &system.replicas[id];
        At { replica, state: replica.init() }
    }

    fn accepts(&mut self, message: &Message) -> Vec<Effect> {
        accepted(self.replica, &mut self.state, Input::Deliver(message))
    }

    fn times_out(&mut self) -> Vec<Effect> {
        accepted(self.replica, &mut self.state, Input::Timeout)
    }

    /// Refuses with no effect at all.
    fn refuses(&self, message: &Message, refusal: Refusal) {
        assert_eq!(refused(self.replica, &self.state, Input::Deliver(message), refusal), []);
    }
}

/// The timer for the first request of a client, or for nothing in particular.
fn timer(view: u64, client: Option<u32>, since: u64, doublings: u32) -> Effect {
    let awaits = client.map(|client| RequestId { client: ClientId(client), timestamp: Timestamp(1) });
    Effect::Timer(Some(Timer { view: View(view), awaits, since: SeqNum(since), doublings }))
}

fn new_view_of(effects: &[Effect]) -> Option<&NewView> {
    effects.iter().find_map(|effect| match effect {
        Effect::Broadcast(Message::NewView(new_view)) => Some(new_view.message()),
        _ => None,
    })
}

fn view_change_of(effects: &[Effect]) -> Option<&ViewChange> {
    effects.iter().find_map(|effect| match effect {
        Effect::Broadcast(Message::ViewChange(change)) => Some(change.message()),
        _ => None,
    })
}

fn executed_of(effects: &[Effect]) -> Vec<Vec<RequestId>> {
    let executed = effects.iter().filter_map(|effect| match effect {
        Effect::Executed(block) => Some(block.executed().to_vec()),
        _ => None,
    });
    executed.collect()
}

fn decides(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::Committed(_)))
}

fn proposals_of(new_view: &NewView) -> Vec<(u64, u64, Digest)> {
    new_view.proposals.iter().map(|p| (p.view().0, p.seq().0, p.digest())).collect()
}

fn relabelled(proposal: &Proposal, batch: &Batch) -> Message {
    Message::PrePrepare(Proposal { batch: batch.clone(), ..proposal.clone() })
}

// --- the guards -------------------------------------------------------------------------------

#[test]
fn only_a_member_can_be_a_replica() {
    let system = System::new(4);
    let replica = |key| Replica::new(key, Arc::clone(&system.setting), &Castro99).map(|r| r.id());
    assert_eq!(replica(system.keys.replicas[3].clone()), Ok(ReplicaId(3)));
    assert_eq!(replica(system.keys.replicas[4].clone()), Err(Refusal::NotAReplica));
    assert_eq!(replica(system.keys.clients[0].clone()), Err(Refusal::NotAReplica));
}

#[test]
fn request_is_relayed_by_a_backup_and_proposed_by_the_primary() {
    let system = System::new(4);
    let message = Message::Request(system.request(0, 1));

    let mut backup = At::new(&system, 1);
    let relay = Effect::Send(ReplicaId(0), message.clone());
    assert_eq!(backup.accepts(&message), [relay, timer(0, Some(0), 0, 0)]);
    assert_eq!(backup.state.pending().cloned().collect::<Vec<_>>(), [system.request(0, 1)]);
    // The timer runs already: it is not set again.
    let second = Message::Request(system.request(1, 1));
    assert_eq!(backup.accepts(&second), [Effect::Send(ReplicaId(0), second.clone())]);
    // Between two views there is no primary to relay it to.
    let mut leaving = At::new(&system, 2);
    leaving.accepts(&message);
    leaving.times_out();
    assert_eq!(leaving.accepts(&second), []);

    let mut primary = At::new(&system, 0);
    let proposal = system.pre_prepare(0, 1, &system.batch(&[0], 1));
    assert_eq!(primary.accepts(&message), [Effect::Broadcast(proposal)]);
    assert_eq!(primary.state.pending().count(), 0);
}

#[test]
fn request_guards() {
    let system = System::with(4, &Castro99, |setting| setting.max_pending = 2);
    let by = |key: usize, client| Message::Request(request(&system.keys.clients[key], client, 1));
    let mut backup = At::new(&system, 1);
    backup.refuses(&by(1, 0), Refusal::InauthenticRequest);
    backup.refuses(&by(4, 4), Refusal::InauthenticRequest);
    let by_replica = Message::Request(request(&system.keys.replicas[0], 0, 1));
    backup.refuses(&by_replica, Refusal::InauthenticRequest);
    backup.accepts(&by(0, 0));

    backup.refuses(&by(0, 0), Refusal::Duplicate);
    backup.accepts(&by(1, 1));
    backup.refuses(&by(2, 2), Refusal::Full);

    // In an accepted proposal, a request is not waiting any more, but still a duplicate; and there
    // is room again.
    backup.accepts(&system.pre_prepare(0, 1, &system.batch(&[0], 1)));
    backup.refuses(&by(0, 0), Refusal::Duplicate);
    backup.accepts(&by(2, 2));
}

#[test]
fn executed_request_is_refused_and_so_is_an_earlier_one_of_its_client() {
    let system = System::new(1);
    let mut replica = At::new(&system, 0);
    let message = |timestamp| Message::Request(system.request(0, timestamp));
    replica.accepts(&message(5));
    replica.refuses(&message(4), Refusal::AlreadyExecuted);
    replica.accepts(&message(6));
    replica.refuses(&message(5), Refusal::AlreadyExecuted);
}

#[test]
fn last_request_of_a_client_is_answered_again_and_executed_once() {
    let system = System::new(1);
    let mut replica = At::new(&system, 0);
    let reply_to = |effects: &[Effect]| {
        let replies = effects.iter().filter(|effect| matches!(effect, Effect::Reply(_)));
        replies.cloned().collect::<Vec<_>>()
    };
    let message = |client, timestamp| Message::Request(system.request(client, timestamp));
    let first = replica.accepts(&message(0, 5));
    let again = replica.accepts(&message(0, 5));
    assert_eq!((reply_to(&first), again.len()), (again, 1));

    // Not the answer that the client of another request is waiting for.
    let other = reply_to(&replica.accepts(&message(1, 5)));
    assert_eq!(replica.accepts(&message(1, 5)), other);
    assert_ne!(other, reply_to(&first));
    assert_eq!(replica.state.chain().height(), SeqNum(2));

    // Whoever is not the client has nothing sent to it.
    let forged = Message::Request(request(&system.keys.clients[1], 0, 5));
    replica.refuses(&forged, Refusal::InauthenticRequest);
}

#[test]
fn pre_prepare_is_answered_with_a_prepare_and_the_timer() {
    let system = System::new(4);
    let batch = system.batch(&[0, 1], 1);
    let mut backup = At::new(&system, 1);
    let prepare = system.prepare(1, 0, 1, batch.digest());
    let effects = backup.accepts(&system.pre_prepare(0, 1, &batch));
    assert_eq!(effects, [Effect::Broadcast(prepare), timer(0, Some(0), 0, 0)]);
    let slot = backup.state.log().get(SeqNum(1)).unwrap();
    assert_eq!(slot.proposal(), Some(&system.proposal(0, 1, &batch)));
    assert!(!slot.is_prepared());
}

#[test]
fn pre_prepare_guards() {
    let system = System::with(4, &Castro99, |setting| setting.window = 4);
    let (a, b) = (system.batch(&[0], 1), system.batch(&[1], 1));
    let by = |key| Message::PrePrepare(proposal(key, 0, 1, &a));
    let mut backup = At::new(&system, 1);

    backup.refuses(&by(&system.keys.clients[0]), Refusal::NotAReplica);
    backup.refuses(&by(&system.keys.replicas[4]), Refusal::NotAReplica);
    backup.refuses(&by(&system.keys.replicas[1]), Refusal::Own);
    backup.refuses(&by(&system.keys.replicas[2]), Refusal::NotPrimary);
    backup.refuses(&system.pre_prepare(4, 1, &a), Refusal::OtherView);
    backup.refuses(&system.pre_prepare(0, 0, &a), Refusal::OutsideWindow);
    backup.refuses(&system.pre_prepare(0, 5, &a), Refusal::OutsideWindow);
    backup.refuses(&system.pre_prepare(0, u64::MAX, &a), Refusal::OutsideWindow);
    backup.refuses(&system.pre_prepare(0, 1, &Batch::null()), Refusal::NullProposal);
    backup.refuses(&relabelled(&system.proposal(0, 1, &a), &b), Refusal::WrongDigest);
    let stolen = Batch::new([request(&system.keys.clients[0], 0, 1), request(&system.keys.clients[0], 1, 1)]);
    backup.refuses(&system.pre_prepare(0, 1, &stolen), Refusal::InauthenticRequest);

    backup.accepts(&system.pre_prepare(0, 1, &a));
    backup.accepts(&system.pre_prepare(0, 4, &b));
    backup.refuses(&system.pre_prepare(0, 1, &a), Refusal::Duplicate);

    // A replica that is changing its view takes part in none.
    backup.times_out();
    backup.refuses(&system.pre_prepare(0, 2, &a), Refusal::OtherView);
    backup.refuses(&system.prepare(2, 0, 2, a.digest()), Refusal::OtherView);
    backup.refuses(&system.commit(2, 0, 2, a.digest()), Refusal::OtherView);
    // In the one that it moves to neither, before it has begun.
    backup.refuses(&system.prepare(2, 1, 2, a.digest()), Refusal::OtherView);
    backup.refuses(&system.commit(2, 1, 2, a.digest()), Refusal::OtherView);
}

#[test]
fn second_proposal_convicts_the_primary() {
    let system = System::new(4);
    let (a, b) = (system.batch(&[0], 1), system.batch(&[1], 1));
    let mut backup = At::new(&system, 1);
    backup.accepts(&system.pre_prepare(0, 1, &a));

    let (first, second) = (system.proposal(0, 1, &a).pre_prepare, system.proposal(0, 1, &b).pre_prepare);
    let evidence = Evidence::PrePrepares(first, second);
    assert!(evidence.verify(&system.setting.keys));
    assert_eq!(evidence.culprit(), Some(ReplicaId(0)));
    let message = system.pre_prepare(0, 1, &b);
    let effects =
        refused(backup.replica, &backup.state, Input::Deliver(&message), Refusal::ConflictingProposal);
    assert_eq!(effects, [Effect::Evidence(Box::new(evidence))]);

    // Another backup's 'proposal' conflicts too, but convicts nobody.
    let by_backup = Message::PrePrepare(proposal(&system.keys.replicas[2], 0, 1, &b));
    backup.refuses(&by_backup, Refusal::ConflictingProposal);
}

#[test]
fn prepare_guards() {
    let system = System::with(7, &Castro99, |setting| setting.window = 4);
    let d = system.batch(&[0], 1).digest();
    let by = |key| Message::Prepare(prepare(key, 0, 1, d));
    let mut backup = At::new(&system, 1);

    backup.refuses(&by(&system.keys.clients[0]), Refusal::NotAReplica);
    backup.refuses(&by(&system.keys.replicas[7]), Refusal::NotAReplica);
    backup.refuses(&by(&system.keys.replicas[1]), Refusal::Own);
    backup.refuses(&by(&system.keys.replicas[0]), Refusal::PrimaryPrepares);
    backup.refuses(&system.prepare(2, 1, 1, d), Refusal::OtherView);
    backup.refuses(&system.prepare(2, 0, 0, d), Refusal::OutsideWindow);
    backup.refuses(&system.prepare(2, 0, 5, d), Refusal::OutsideWindow);

    assert_eq!(backup.accepts(&system.prepare(2, 0, 1, d)), []);
    backup.refuses(&system.prepare(2, 0, 1, d), Refusal::Duplicate);

    // n = 7, f = 2: with the pre-prepare, four prepares are a quorum.
    for from in 3..6 {
        backup.accepts(&system.prepare(from, 0, 1, d));
    }
    backup.refuses(&system.prepare(6, 0, 1, d), Refusal::TallyFull);
    backup.accepts(&system.prepare(6, 0, 4, d));
}

#[test]
fn prepare_for_what_has_prepared_changes_nothing() {
    let system = System::new(4);
    let d = system.batch(&[0], 1).digest();
    let mut primary = At::new(&system, 0);
    primary.accepts(&Message::Request(system.request(0, 1)));
    assert_eq!(primary.accepts(&system.prepare(1, 0, 1, d)), []);
    let commit = Effect::Broadcast(system.commit(0, 0, 1, d));
    assert_eq!(primary.accepts(&system.prepare(2, 0, 1, d)), [commit]);
    primary.refuses(&system.prepare(3, 0, 1, d), Refusal::TallyFull);
}

#[test]
fn it_does_not_matter_whose_prepares_make_the_certificate() {
    let system = System::new(4);
    let batch = system.batch(&[0], 1);
    let prepared_by = |from| {
        let mut backup = At::new(&system, 1);
        backup.accepts(&system.pre_prepare(0, 1, &batch));
        backup.accepts(&system.prepare(from, 0, 1, batch.digest()));
        backup.state
    };
    assert_eq!(prepared_by(2), prepared_by(3));
}

#[test]
fn commit_guards() {
    let system = System::with(7, &Castro99, |setting| setting.window = 4);
    let d = system.batch(&[0], 1).digest();
    let by = |key| Message::Commit(commit(key, 0, 1, d));
    let mut backup = At::new(&system, 1);

    backup.refuses(&by(&system.keys.clients[0]), Refusal::NotAReplica);
    backup.refuses(&by(&system.keys.replicas[7]), Refusal::NotAReplica);
    backup.refuses(&by(&system.keys.replicas[1]), Refusal::Own);
    backup.refuses(&system.commit(2, 1, 1, d), Refusal::OtherView);
    backup.refuses(&system.commit(2, 0, 0, d), Refusal::OutsideWindow);
    backup.refuses(&system.commit(2, 0, 5, d), Refusal::OutsideWindow);

    // The primary's commit counts like any other's.
    assert_eq!(backup.accepts(&by(&system.keys.replicas[0])), []);
    backup.refuses(&by(&system.keys.replicas[0]), Refusal::Duplicate);
    for from in 2..6 {
        backup.accepts(&system.commit(from, 0, 1, d));
    }
    backup.refuses(&system.commit(6, 0, 1, d), Refusal::TallyFull);
    backup.accepts(&system.commit(6, 0, 4, d));
}

#[test]
fn commit_after_the_decision_changes_nothing() {
    let system = System::new(4);
    let batch = system.batch(&[0], 1);
    let d = batch.digest();
    let mut backup = At::new(&system, 1);
    backup.accepts(&system.pre_prepare(0, 1, &batch));
    backup.accepts(&system.prepare(2, 0, 1, d));
    backup.accepts(&system.commit(2, 0, 1, d));
    backup.accepts(&system.commit(3, 0, 1, d));
    assert_eq!(backup.state.committed(SeqNum(1)), Some(&batch));
    backup.refuses(&system.commit(0, 0, 1, d), Refusal::Decided);
    backup.refuses(&system.commit(0, 0, 1, digest(1)), Refusal::Decided);
}

#[test]
fn votes_for_two_digests_convict_and_a_third_is_not_stored() {
    let system = System::new(4);
    let [a, b, c] = [1, 2, 3].map(digest);
    let key = &system.keys.replicas[2];

    let mut backup = At::new(&system, 1);
    assert_eq!(backup.accepts(&system.prepare(2, 0, 1, a)), []);
    let evidence = Evidence::Prepares(prepare(key, 0, 1, a), prepare(key, 0, 1, b));
    assert!(evidence.verify(&system.setting.keys) && evidence.culprit() == Some(ReplicaId(2)));
    assert_eq!(backup.accepts(&system.prepare(2, 0, 1, b)), [Effect::Evidence(Box::new(evidence))]);
    backup.refuses(&system.prepare(2, 0, 1, c), Refusal::TooManyVotes);
    // At another sequence number there is no conflict; nor is there with another replica's vote.
    assert_eq!(backup.accepts(&system.prepare(2, 0, 2, c)), []);
    assert_eq!(backup.accepts(&system.prepare(3, 0, 1, c)), []);

    assert_eq!(backup.accepts(&system.commit(2, 0, 1, a)), []);
    let evidence = Evidence::Commits(commit(key, 0, 1, a), commit(key, 0, 1, b));
    assert!(evidence.verify(&system.setting.keys) && evidence.culprit() == Some(ReplicaId(2)));
    assert_eq!(backup.accepts(&system.commit(2, 0, 1, b)), [Effect::Evidence(Box::new(evidence))]);
    backup.refuses(&system.commit(2, 0, 1, c), Refusal::TooManyVotes);
}

#[test]
fn checkpoint_guards() {
    let system = System::with(4, &Castro99, |setting| {
        setting.checkpoint_interval = 2;
        setting.window = 4;
    });
    let d = digest(1);
    let by = |key| Message::Checkpoint(common::checkpoint(key, 2, d));
    let mut backup = At::new(&system, 1);

    backup.refuses(&by(&system.keys.clients[0]), Refusal::NotAReplica);
    backup.refuses(&by(&system.keys.replicas[4]), Refusal::NotAReplica);
    backup.refuses(&by(&system.keys.replicas[1]), Refusal::Own);
    backup.refuses(&system.checkpoint(2, 3, d), Refusal::NoCheckpointThere);
    backup.refuses(&system.checkpoint(2, 0, d), Refusal::OutsideWindow);
    assert_eq!(backup.accepts(&system.checkpoint(2, 4, d)), []);
    assert_eq!(backup.accepts(&system.checkpoint(2, 2, d)), []);
    backup.refuses(&system.checkpoint(2, 2, d), Refusal::Duplicate);
    backup.refuses(&system.checkpoint(2, 2, digest(2)), Refusal::TooManyVotes);

    // Another state does not count towards this one.
    assert_eq!(backup.accepts(&system.checkpoint(3, 2, digest(2))), []);
    assert_eq!(backup.accepts(&system.checkpoint(0, 2, d)), []);
    assert_eq!(backup.state.stable().seq(), SeqNum::GENESIS);
}

#[test]
fn of_checkpoints_beyond_the_window_the_latest_of_each_replica_is_kept() {
    let system = System::with(4, &Castro99, |setting| {
        setting.checkpoint_interval = 2;
        setting.window = 4;
    });
    // In either order; one of replica 0 and one of replica 2 do not add up at another number.
    for order in [[6, 8], [8, 6]] {
        let mut backup = At::new(&system, 1);
        for seq in order {
            for from in [0, 2] {
                let message = system.checkpoint(from, seq, digest(1));
                if order == [8, 6] && seq == 6 {
                    backup.refuses(&message, Refusal::OutsideWindow);
                } else {
                    assert_eq!(backup.accepts(&message), []);
                }
            }
        }
        let mut latest = At::new(&system, 1);
        for from in [0, 2] {
            latest.accepts(&system.checkpoint(from, 8, digest(1)));
        }
        assert_eq!(backup.state, latest.state);
        assert_eq!(backup.accepts(&system.checkpoint(3, 6, digest(1))), []);
        let effects = backup.accepts(&system.checkpoint(3, 8, digest(1)));
        assert!(effects.contains(&Effect::Behind(SeqNum(8))));
    }
}

/// What a replica announces beyond the window takes nothing from what it announces within it, nor the reverse.
#[test]
fn checkpoints_within_and_beyond_the_window_count_apart() {
    let system = with_checkpoints();
    for order in [[2, 8], [8, 2]] {
        let mut backup = At::new(&system, 1);
        for seq in order {
            assert_eq!(backup.accepts(&system.checkpoint(2, seq, digest(1))), []);
        }
        for seq in order {
            let mut after = At { replica: backup.replica, state: backup.state.clone() };
            after.accepts(&system.checkpoint(0, seq, digest(1)));
            let effects = after.accepts(&system.checkpoint(3, seq, digest(1)));
            assert!(effects.contains(&Effect::Behind(SeqNum(seq))), "{seq} of {order:?}");
        }
    }
}

#[test]
fn messages_to_clients_are_not_for_replicas() {
    let system = System::new(4);
    let result = Outcome::Read { height: SeqNum(0), head: digest(1) };
    let reply = system.reply(0, 0, &system.request(0, 1), result);
    At::new(&system, 1).refuses(&reply, Refusal::ForClients);
}

#[test]
fn status_guards() {
    let system = System::new(4);
    let content = || match system.status(0, 0, true, 0, 0) {
        Message::Status(status) => *status.message(),
        other => panic!("{other:?}"),
    };
    let mut backup = At::new(&system, 1);
    let by_client = Message::Status(system.keys.clients[0].sign(content()));
    backup.refuses(&by_client, Refusal::NotAReplica);
    backup.refuses(&system.status(4, 0, true, 0, 0), Refusal::NotAReplica);
    backup.refuses(&system.status(1, 0, true, 0, 0), Refusal::Own);
    // There is nothing to tell, whatever the sender says.
    for status in [system.status(2, 0, true, 0, 0), system.status(2, 9, false, 7, 8)] {
        assert_eq!(backup.accepts(&status), []);
    }
}

#[test]
fn read_guards() {
    let ordering = System::new(4);
    let read = Message::Read(ordering.request(0, 1));
    At::new(&ordering, 1).refuses(&read, Refusal::ReadsAreOrdered);

    let system = System::following(4, &ServesReads);
    let mut backup = At::new(&system, 1);
    let forged = Message::Read(request(&system.keys.clients[1], 0, 1));
    backup.refuses(&forged, Refusal::InauthenticRequest);
    let before = backup.state.clone();
    let effects = backup.accepts(&read);
    let result = Outcome::Read { height: SeqNum::GENESIS, head: Chain::genesis().head() };
    let Message::Reply(reply) = system.reply(1, 0, &system.request(0, 1), result) else { panic!() };
    assert_eq!(effects, [Effect::Reply(reply)]);
    assert_eq!(backup.state, before);
}

/// The service after these batches, each at a number of its own, computed here.
fn service_after(batches: &[Batch]) -> Snapshot {
    let alone = System::new(1);
    let mut replica = At::new(&alone, 0);
    for batch in batches {
        for request in batch.requests() {
            replica.accepts(&Message::Request(request.clone()));
        }
    }
    assert_eq!(replica.state.chain().height(), SeqNum(batches.len() as u64));
    replica.state.snapshot()
}

fn with_checkpoints() -> System {
    System::with(4, &Castro99, |setting| {
        setting.checkpoint_interval = 2;
        setting.window = 4;
    })
}

#[test]
fn state_guards() {
    let system = with_checkpoints();
    let batches = [0, 1, 2].map(|client| system.batch(&[client], 1));
    let state = service_after(&batches[..2]);
    let third = || system.decision(0, 3, &batches[2], 3);
    let content = match system.state(0, &state, 3, vec![]) {
        Message::State(transfer) => transfer.message().clone(),
        other => panic!("{other:?}"),
    };
    let mut backup = At::new(&system, 3);
    let by_client = Message::State(Arc::new(system.keys.clients[0].sign(content.clone())));
    backup.refuses(&by_client, Refusal::NotAReplica);
    backup.refuses(&system.state(4, &state, 3, vec![]), Refusal::NotAReplica);
    backup.refuses(&system.state(3, &state, 3, vec![]), Refusal::Own);

    // The checkpoint must be proved, and be that of the state; every decision must be proved.
    backup.refuses(&system.state(0, &state, 2, vec![]), Refusal::NoQuorum);
    backup.refuses(&system.state(0, &Snapshot::genesis(), 3, vec![]), Refusal::NotAhead);
    let sent = |content| Message::State(Arc::new(system.keys.replicas[0].sign(content)));
    let other_clients = Snapshot { clients: Snapshot::genesis().clients, ..state.clone() };
    let other_head = Snapshot { head: digest(1), ..state.clone() };
    let other_number = Snapshot { seq: SeqNum(3), ..state.clone() };
    for other in [other_clients, other_head, other_number] {
        let wrong = StateTransfer { snapshot: Some(Arc::new(other)), ..content.clone() };
        backup.refuses(&sent(wrong), Refusal::WrongDigest);
    }
    let misnumbered = Snapshot { seq: SeqNum(3), ..state.clone() };
    let stable = system.stable_claim(2, misnumbered.digest(), 3);
    let misnumbered = StateTransfer { stable, snapshot: Some(Arc::new(misnumbered)), decided: vec![] };
    backup.refuses(&sent(misnumbered), Refusal::WrongDigest);
    let mut elsewhere = third();
    elsewhere.seq = SeqNum(4);
    let mut relabelled = third();
    relabelled.batch = batches[0].clone();
    let mut twice = third();
    let (view, commits) = &twice.commits.0;
    let commits: Arc<[_]> = [0, 1, 1].map(|i| commits[i].clone()).into();
    twice.commits = Uncompared((*view, commits));
    for unproved in [system.decision(0, 3, &batches[2], 2), elsewhere, relabelled, twice] {
        backup.refuses(&system.state(0, &state, 3, vec![unproved]), Refusal::NoQuorum);
    }

    backup.accepts(&system.state(0, &state, 3, vec![]));
    backup.refuses(&system.state(0, &state, 3, vec![]), Refusal::NotAhead);
    backup.accepts(&system.state(0, &state, 3, vec![third()]));
    backup.refuses(&system.state(0, &state, 3, vec![third()]), Refusal::NotAhead);
    // Beyond the window nothing is learnt: memory is bounded.
    let far = system.decision(0, 7, &batches[2], 3);
    backup.refuses(&system.state(0, &state, 3, vec![far]), Refusal::NotAhead);

    // A state below the low watermark is of no use, even to who has executed nothing.
    let mut lagging = At::new(&system, 3);
    for from in 0..3 {
        lagging.accepts(&system.checkpoint(from, 4, digest(1)));
    }
    assert_eq!((lagging.state.stable().seq(), lagging.state.chain().height()), (SeqNum(4), SeqNum(0)));
    lagging.refuses(&system.state(0, &state, 3, vec![]), Refusal::NotAhead);
}

#[test]
fn transferred_replica_goes_on_from_the_state_and_from_what_it_had_decided_above() {
    let system = with_checkpoints();
    let batches = [0, 1, 2, 3].map(|client| system.batch(&[client], 1));
    let state = service_after(&batches[..2]);
    let mut backup = At::new(&system, 3);
    for message in [
        system.pre_prepare(0, 3, &batches[2]),
        system.prepare(1, 0, 3, batches[2].digest()),
        system.commit(0, 0, 3, batches[2].digest()),
        system.commit(1, 0, 3, batches[2].digest()),
    ] {
        backup.accepts(&message);
    }
    assert_eq!(backup.state.chain().height(), SeqNum::GENESIS);

    let fourth = system.decision(2, 4, &batches[3], 3);
    let effects = backup.accepts(&system.state(0, &state, 3, vec![fourth]));
    assert_eq!(effects[0], Effect::Transferred(SeqNum(2)));
    assert!(matches!(&effects[1], Effect::Stable(stable) if stable.seq() == SeqNum(2)));
    let ids = [2, 3].map(|client| vec![system.request(client, 1).id()]);
    assert_eq!(executed_of(&effects), ids);
    assert_eq!(backup.state.chain().head(), service_after(&batches).head);
    assert_eq!(backup.state.snapshot(), service_after(&batches));

    // A request that was executed before is answered as by those who executed it, and not again.
    let again = Message::Request(system.request(0, 1));
    let result = state.clients[&ClientId(0)].result;
    let Message::Reply(reply) = system.reply(3, 0, &system.request(0, 1), result) else { panic!() };
    assert_eq!(backup.accepts(&again), [Effect::Reply(reply)]);

    // And its view change starts from the new checkpoint.
    backup.accepts(&Message::Request(system.request(0, 2)));
    let effects = backup.times_out();
    let change = view_change_of(&effects).unwrap();
    assert_eq!(change.stable, system.stable_claim(2, state.digest(), 3));
    assert_eq!(change.prepared.iter().map(|claim| claim.seq().0).collect::<Vec<_>>(), [3]);
}

/// What was executed elsewhere is waited for no longer, the state can be had here too, and its window is this replica's.
#[test]
fn transferred_replica_waits_for_less_hands_the_state_on_and_proposes_more() {
    let system = with_checkpoints();
    let batches = [0, 1].map(|client| system.batch(&[client], 1));
    let state = service_after(&batches);
    let mut backup = At::new(&system, 3);
    let effects = backup.accepts(&Message::Request(system.request(0, 1)));
    assert!(effects.contains(&timer(0, Some(0), 0, 0)), "{effects:?}");
    let effects = backup.accepts(&system.state(0, &state, 3, vec![]));
    assert!(effects.contains(&Effect::Timer(None)), "{effects:?}");
    assert_eq!(refused(backup.replica, &backup.state, Input::Timeout, Refusal::NoTimer), []);
    let lagging = system.status(1, 0, true, 0, 0);
    assert_eq!(backup.accepts(&lagging), [Effect::Send(ReplicaId(1), system.state(3, &state, 3, vec![]))]);

    let mut primary = At::new(&system, 0);
    for client in 0..4 {
        primary.accepts(&Message::Request(system.request(client, 1)));
    }
    let proposal = Effect::Broadcast(system.pre_prepare(0, 5, &system.batch(&[0], 2)));
    let effects = primary.accepts(&Message::Request(system.request(0, 2)));
    assert!(!effects.contains(&proposal), "{effects:?}");
    let effects = primary.accepts(&system.state(1, &state, 3, vec![]));
    assert!(effects.contains(&proposal), "{effects:?}");
}

#[test]
fn decisions_are_learnt_in_any_view_and_by_who_is_changing_it() {
    let system = System::new(4);
    let batch = system.batch(&[0], 1);
    let mut backup = At::new(&system, 3);
    backup.accepts(&Message::Request(system.request(0, 1)));
    backup.times_out();
    let decided = vec![system.decision(7, 1, &batch, 3)];
    let effects = backup.accepts(&system.state(0, &Snapshot::genesis(), 0, decided));
    let [Effect::Committed(certificate), Effect::Reply(_), Effect::Executed(block)] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(
        (certificate.view(), certificate.seq(), certificate.digest()),
        (View(7), SeqNum(1), batch.digest())
    );
    assert_eq!((block.batch(), certificate.commits().len()), (&batch, 3));
    assert_eq!((backup.state.view(), backup.state.is_active()), (View(1), false));

    // A primary that learns of a decision at a number which it has not assigned assigns the next.
    let mut primary = At::new(&system, 0);
    let decided = vec![system.decision(0, 1, &batch, 3)];
    primary.accepts(&system.state(1, &Snapshot::genesis(), 0, decided));
    let second = system.pre_prepare(0, 2, &system.batch(&[1], 1));
    assert_eq!(primary.accepts(&Message::Request(system.request(1, 1))), [Effect::Broadcast(second)]);
}

#[test]
fn who_is_behind_is_sent_what_it_lacks() {
    let system = with_checkpoints();
    let (a, b) = (system.batch(&[0], 1), system.batch(&[1], 1));
    let mut backup = At::new(&system, 1);
    for message in [
        system.pre_prepare(0, 1, &a),
        system.prepare(2, 0, 1, a.digest()),
        system.commit(0, 0, 1, a.digest()),
        system.commit(2, 0, 1, a.digest()),
        system.pre_prepare(0, 2, &b),
        system.prepare(2, 0, 2, b.digest()),
    ] {
        backup.accepts(&message);
    }
    let to = |to, message| Effect::Send(ReplicaId(to), message);
    // The decision with its proof; for what is not decided, this replica's votes and the proposal, if it
    // is not the receiver's own.
    let state = system.state(1, &Snapshot::genesis(), 0, vec![system.decision(0, 1, &a, 3)]);
    let (prepare, commit) = (system.prepare(1, 0, 2, b.digest()), system.commit(1, 0, 2, b.digest()));
    let sent = backup.accepts(&system.status(3, 0, true, 0, 0));
    let proposal = system.pre_prepare(0, 2, &b);
    assert_eq!(sent, [to(3, state), to(3, proposal), to(3, prepare.clone()), to(3, commit.clone())]);
    let sent = backup.accepts(&system.status(0, 0, true, 0, 1));
    assert_eq!(sent, [to(0, prepare), to(0, commit)]);
    // Votes of a view that the other has left do not count for it.
    assert_eq!(backup.accepts(&system.status(3, 1, false, 0, 1)), []);

    // The view that it moves to, and what began it.
    backup.accepts(&Message::Request(system.request(2, 1)));
    let effects = backup.times_out();
    let change = view_change_of(&effects).unwrap().clone();
    let change = Message::ViewChange(Arc::new(system.keys.replicas[1].sign(change)));
    assert_eq!(backup.accepts(&system.status(3, 0, true, 0, 1)), [to(3, change.clone())]);
    assert_eq!(backup.accepts(&system.status(3, 1, false, 0, 1)), [to(3, change)]);
    assert_eq!(backup.accepts(&system.status(3, 1, true, 0, 1)), []);
    let changes = [0, 2, 3].map(|id| system.view_change(id, 4, vec![])).to_vec();
    let new_view = system.new_view(4, changes, &[]);
    backup.accepts(&new_view);
    assert_eq!(backup.accepts(&system.status(3, 4, false, 0, 1)), [to(3, new_view.clone())]);
    assert_eq!(backup.accepts(&system.status(3, 0, true, 0, 1)), [to(3, new_view)]);
    assert_eq!(backup.accepts(&system.status(3, 4, true, 0, 1)), []);

    // What has not prepared is not committed to; and a primary sends no prepare.
    let proposal = system.pre_prepare(0, 1, &a);
    let mut backup = At::new(&system, 1);
    backup.accepts(&proposal);
    let prepare = system.prepare(1, 0, 1, a.digest());
    assert_eq!(backup.accepts(&system.status(3, 0, true, 0, 0)), [to(3, proposal.clone()), to(3, prepare)]);
    let mut primary = At::new(&system, 0);
    primary.accepts(&Message::Request(system.request(0, 1)));
    assert_eq!(primary.accepts(&system.status(3, 0, true, 0, 0)), [to(3, proposal)]);
}

#[test]
fn retransmission_tells_how_far_a_replica_is_and_what_waits() {
    let system = System::new(4);
    let request = Message::Request(system.request(0, 1));
    let mut backup = At::new(&system, 2);
    backup.accepts(&request);
    let effects = accepted(backup.replica, &mut backup.state, Input::Retransmit);
    let status = Effect::Broadcast(system.status(2, 0, true, 0, 0));
    assert_eq!(effects, [status, Effect::Send(ReplicaId(0), request)]);
    backup.times_out();
    let effects = accepted(backup.replica, &mut backup.state, Input::Retransmit);
    assert_eq!(effects, [Effect::Broadcast(system.status(2, 1, false, 0, 0))]);

    // A primary that may propose nothing just now gives nobody what waits at it.
    let system = System::with(4, &Castro99, |setting| setting.max_in_flight = 0);
    let mut primary = At::new(&system, 0);
    primary.accepts(&Message::Request(system.request(0, 1)));
    assert_eq!(primary.state.pending().count(), 1);
    let effects = accepted(primary.replica, &mut primary.state, Input::Retransmit);
    assert_eq!(effects, [Effect::Broadcast(system.status(0, 0, true, 0, 0))]);
}

/// Its own checkpoint is later than those that the new view rests on: what lies below is settled.
#[test]
fn replica_that_is_ahead_of_a_new_view_votes_above_its_checkpoint_only() {
    let system = with_checkpoints();
    let batches = [0, 1, 2].map(|client| system.batch(&[client], 1));
    let mut backup = At::new(&system, 3);
    for from in 0..3 {
        backup.accepts(&system.checkpoint(from, 2, service_after(&batches[..2]).digest()));
    }
    let due = [(1, batches[0].clone()), (2, batches[1].clone()), (3, batches[2].clone())];
    let claims = || due.iter().map(|(seq, batch)| system.claim(0, *seq, batch)).collect::<Vec<_>>();
    let changes = [0, 1, 2].map(|id| system.view_change(id, 1, claims())).to_vec();
    let effects = backup.accepts(&system.new_view(1, changes, &due));
    let votes: Vec<_> =
        effects.iter().filter(|e| matches!(e, Effect::Broadcast(Message::Prepare(_)))).collect();
    assert_eq!(votes, [&Effect::Broadcast(system.prepare(3, 1, 3, batches[2].digest()))]);
}

/// Its low watermark moves to the checkpoint at once: it votes above it, and for nothing below, which is settled
/// without it.
#[test]
fn replica_that_is_behind_a_new_view_votes_above_its_checkpoint_only() {
    let system = with_checkpoints();
    let batches = [0, 1, 2, 3].map(|client| system.batch(&[client], 1));
    let state = service_after(&batches);
    let stable = system.stable_claim(4, state.digest(), 3);
    let (null, last) = (Batch::null(), system.batch(&[0], 2));
    let reporting = |view| vec![system.claim(view, 6, &last)];
    let changes: Vec<_> =
        [0, 1, 2].map(|id| system.view_change_from(id, 1, stable.clone(), reporting(0))).to_vec();
    let new_view = system.new_view(1, changes, &[(5, null.clone()), (6, last.clone())]);
    let mut backup = At::new(&system, 3);
    let effects = backup.accepts(&new_view);
    assert!(effects.contains(&Effect::Behind(SeqNum(4))));
    for (seq, batch) in [(5, &null), (6, &last)] {
        let prepare = Effect::Broadcast(system.prepare(3, 1, seq, batch.digest()));
        assert!(effects.contains(&prepare), "#{seq}");
    }
    for seq in 1..=4 {
        backup.refuses(&system.pre_prepare(1, seq, &system.batch(&[1], 2)), Refusal::OutsideWindow);
    }
    assert_eq!(backup.state.chain().height(), SeqNum::GENESIS);
    let effects = backup.accepts(&system.state(0, &state, 3, vec![]));
    assert!(effects.contains(&Effect::Transferred(SeqNum(4))));
    assert_eq!(backup.state.chain().height(), SeqNum(4));
    // An older state is of no use any more.
    let older = service_after(&batches[..2]);
    backup.refuses(&system.state(0, &older, 3, vec![]), Refusal::NotAhead);
}

/// Those who have the state may lack just the proof, and must not hand the state out without it.
#[test]
fn replica_without_the_state_of_its_stable_checkpoint_hands_on_the_proof() {
    let system = with_checkpoints();
    let batches = [0, 1].map(|client| system.batch(&[client], 1));
    let state = service_after(&batches);
    let mut behind = At::new(&system, 3);
    for id in [0, 1, 2] {
        behind.accepts(&system.checkpoint(id, 2, state.digest()));
    }
    assert_eq!((behind.state.stable().seq(), behind.state.chain().height()), (SeqNum(2), SeqNum::GENESIS));
    let stable = system.stable_claim(2, state.digest(), 3);
    let proof = StateTransfer { stable, snapshot: None, decided: vec![] };
    let proof = Message::State(Arc::new(system.keys.replicas[3].sign(proof)));
    assert_eq!(behind.accepts(&system.status(0, 0, true, 0, 2)), [Effect::Send(ReplicaId(0), proof.clone())]);
    assert_eq!(behind.accepts(&system.status(0, 0, true, 2, 2)), []);

    // The state at hand, it becomes stable, and goes to whoever lacks it.
    let mut ahead = At::new(&system, 0);
    let decided = [1, 2].map(|seq| system.decision(0, seq, &batches[seq as usize - 1], 3)).to_vec();
    ahead.accepts(&system.state(1, &Snapshot::genesis(), 0, decided));
    assert_eq!((ahead.state.stable().seq(), ahead.state.chain().height()), (SeqNum::GENESIS, SeqNum(2)));
    let lagging = system.status(3, 0, true, 2, 0);
    let effects = ahead.accepts(&proof);
    assert!(matches!(&effects[0], Effect::Stable(stable) if stable.seq() == SeqNum(2)), "{effects:?}");
    assert_eq!(ahead.accepts(&lagging), [Effect::Send(ReplicaId(3), system.state(0, &state, 3, vec![]))]);
    ahead.refuses(&proof, Refusal::NotAhead);

    // Whoever has executed nothing either learns that it lags behind.
    let mut other = At::new(&system, 1);
    assert!(other.accepts(&proof).contains(&Effect::Behind(SeqNum(2))));
    assert_eq!(other.state.chain().height(), SeqNum::GENESIS);
    let StateTransfer { stable, .. } = match system.state(3, &state, 2, vec![]) {
        Message::State(transfer) => transfer.message().clone(),
        other => panic!("{other:?}"),
    };
    let unproved = StateTransfer { stable, snapshot: None, decided: vec![] };
    let unproved = Message::State(Arc::new(system.keys.replicas[3].sign(unproved)));
    At::new(&system, 1).refuses(&unproved, Refusal::NoQuorum);
}

#[test]
fn timer_runs_once_a_quorum_has_left_even_if_some_have_moved_on_further() {
    let system = System::new(4);
    let mut replica = At::new(&system, 3);
    replica.accepts(&Message::Request(system.request(0, 1)));
    replica.times_out();
    assert_eq!(replica.accepts(&Message::ViewChange(system.view_change(1, 2, vec![]))), []);
    let third = Message::ViewChange(system.view_change(2, 1, vec![]));
    assert_eq!(replica.accepts(&third), [timer(1, Some(0), 0, 1)]);
}

/// A vote for what nobody has proposed to it is nothing that a replica waits for.
#[test]
fn stray_vote_starts_no_timer() {
    let system = System::new(4);
    let mut backup = At::new(&system, 1);
    backup.accepts(&system.prepare(2, 0, 1, digest(1)));
    assert_eq!(backup.replica.timer(&backup.state), None);
}

#[test]
fn timeout_needs_a_timer() {
    let system = System::new(4);
    let mut backup = At::new(&system, 1);
    assert_eq!(refused(backup.replica, &backup.state, Input::Timeout, Refusal::NoTimer), []);
    backup.accepts(&Message::Request(system.request(0, 1)));

    // The new timer waits for a quorum of view changes.
    let change = Message::ViewChange(system.view_change(1, 1, vec![]));
    assert_eq!(backup.times_out(), [Effect::Broadcast(change), Effect::Timer(None)]);
    assert!(!backup.state.is_active());
    assert_eq!(refused(backup.replica, &backup.state, Input::Timeout, Refusal::NoTimer), []);

    // The primary of a view never gives it up by itself.
    let mut primary = At::new(&system, 0);
    primary.accepts(&Message::Request(system.request(0, 1)));
    assert_eq!(refused(primary.replica, &primary.state, Input::Timeout, Refusal::NoTimer), []);
}

#[test]
fn timer_runs_in_a_view_change_once_a_quorum_has_left_and_doubles() {
    let system = System::new(4);
    let mut replica = At::new(&system, 3);
    replica.accepts(&Message::Request(system.request(0, 1)));
    replica.times_out();
    assert_eq!(replica.accepts(&Message::ViewChange(system.view_change(1, 1, vec![]))), []);
    let third = Message::ViewChange(system.view_change(2, 1, vec![]));
    assert_eq!(replica.accepts(&third), [timer(1, Some(0), 0, 1)]);
    let change = Message::ViewChange(system.view_change(3, 2, vec![]));
    assert_eq!(replica.times_out(), [Effect::Broadcast(change), Effect::Timer(None)]);
    assert_eq!(replica.state.view(), View(2));
}

#[test]
fn view_change_guards() {
    let system = System::with(4, &Castro99, |setting| setting.window = 4);
    let (a, b) = (system.batch(&[0], 1), system.batch(&[1], 1));
    let backup = At::new(&system, 1);
    let sent = |change: Arc<Signed<ViewChange>>| Message::ViewChange(change);
    let reporting = |claims| Message::ViewChange(system.view_change(2, 3, claims));
    let content = || system.view_change(2, 1, vec![]).message().clone();

    let by_client = Arc::new(system.keys.clients[0].sign(content()));
    backup.refuses(&sent(by_client), Refusal::NotAReplica);
    backup.refuses(&sent(system.view_change(4, 1, vec![])), Refusal::NotAReplica);
    backup.refuses(&sent(system.view_change(1, 1, vec![])), Refusal::Own);
    backup.refuses(&sent(system.view_change(2, 0, vec![])), Refusal::StaleViewChange);

    // The checkpoint that it starts from must be proved, and so must every certificate.
    let from = |stable| Message::ViewChange(system.view_change_from(2, 1, stable, vec![]));
    backup.refuses(&from(system.stable_claim(4, digest(1), 2)), Refusal::NoQuorum);
    backup.refuses(&from(system.stable_claim(0, digest(1), 0)), Refusal::NoQuorum);
    backup.refuses(&reporting(vec![system.claim_with(0, 1, &a, 1)]), Refusal::NoQuorum);
    let mut claim = system.claim(0, 1, &a);
    claim.proposal.pre_prepare = system.proposal(0, 1, &b).pre_prepare;
    backup.refuses(&reporting(vec![claim]), Refusal::WrongDigest);
    let mut claim = system.claim(0, 1, &a);
    claim.proposal.pre_prepare = proposal(&system.keys.replicas[2], 0, 1, &a).pre_prepare;
    backup.refuses(&reporting(vec![claim]), Refusal::NotPrimary);

    // Certificates are in order, above the checkpoint, within its window, and of an earlier view.
    let claim = |view, seq| system.claim(view, seq, &a);
    for misplaced in [
        vec![claim(0, 0)],
        vec![claim(0, 5)],
        vec![claim(3, 1)],
        vec![claim(4, 1)],
        vec![claim(0, 2), claim(0, 1)],
        vec![claim(0, 1), claim(1, 1)],
    ] {
        backup.refuses(&reporting(misplaced), Refusal::MisplacedCertificate);
    }
    let below = system.view_change_from(2, 1, system.stable_claim(4, digest(1), 3), vec![claim(0, 4)]);
    backup.refuses(&sent(below), Refusal::MisplacedCertificate);

    for right in [
        reporting(vec![]),
        reporting(vec![claim(0, 1), claim(2, 2), claim(1, 4)]),
        from(system.stable_claim(4, digest(1), 3)),
        sent(system.view_change_from(2, 1, system.stable_claim(4, digest(1), 3), vec![claim(0, 8)])),
    ] {
        let mut backup = At::new(&system, 1);
        assert_eq!(backup.accepts(&right), []);
        backup.refuses(&right, Refusal::Duplicate);
    }

    // The latest counts: an earlier view is stale, a later one is not.
    let mut backup = backup;
    backup.accepts(&sent(system.view_change(2, 2, vec![])));
    backup.refuses(&sent(system.view_change(2, 1, vec![])), Refusal::StaleViewChange);
    backup.accepts(&sent(system.view_change(2, 5, vec![])));
}

#[test]
fn view_change_for_the_view_that_has_begun_is_stale() {
    let system = System::new(4);
    let changes = |ids: [usize; 3]| ids.map(|id| system.view_change(id, 1, vec![])).to_vec();
    let mut backup = At::new(&system, 3);
    assert_eq!(backup.accepts(&system.new_view(1, changes([0, 1, 2]), &[])), []);
    assert_eq!((backup.state.view(), backup.state.is_active()), (View(1), true));
    let late = Message::ViewChange(system.view_change(0, 1, vec![]));
    backup.refuses(&late, Refusal::StaleViewChange);

    // To a replica that is still moving to it, it is not.
    let mut backup = At::new(&system, 3);
    backup.accepts(&Message::Request(system.request(0, 1)));
    backup.times_out();
    backup.accepts(&late);
}

#[test]
fn new_view_guards() {
    let system = System::new(4);
    let a = system.batch(&[0], 1);
    let backup = At::new(&system, 3);
    let changes = || [0, 1, 2].map(|id| system.view_change(id, 1, vec![])).to_vec();
    let by = |key| common::new_view(key, 1, changes(), vec![]);

    backup.refuses(&by(&system.keys.clients[0]), Refusal::NotAReplica);
    backup.refuses(&by(&system.keys.replicas[4]), Refusal::NotAReplica);
    backup.refuses(&by(&system.keys.replicas[3]), Refusal::Own);
    backup.refuses(&by(&system.keys.replicas[2]), Refusal::NotPrimary);
    let stale = [0, 1, 2].map(|id| system.view_change(id, 0, vec![])).to_vec();
    backup.refuses(&system.new_view(0, stale, &[]), Refusal::OtherView);

    // A quorum of different replicas must have moved to that very view.
    let mut twice = changes();
    twice[2] = Arc::clone(&twice[1]);
    let mut elsewhere = changes();
    elsewhere[2] = system.view_change(2, 2, vec![]);
    for few in [changes()[..2].to_vec(), twice, elsewhere] {
        backup.refuses(&system.new_view(1, few, &[]), Refusal::NoQuorum);
    }
    let mut stranger = changes();
    stranger[2] = Arc::new(system.keys.replicas[4].sign(changes()[2].message().clone()));
    backup.refuses(&system.new_view(1, stranger, &[]), Refusal::NotAReplica);
    let mut by_client = changes();
    by_client[2] = Arc::new(system.keys.clients[0].sign(changes()[2].message().clone()));
    backup.refuses(&system.new_view(1, by_client, &[]), Refusal::NotAReplica);

    // Each of them must be valid by itself.
    let mut unproved = changes();
    unproved[2] = system.view_change(2, 1, vec![system.claim_with(0, 1, &a, 1)]);
    backup.refuses(&system.new_view(1, unproved, &[(1, a.clone())]), Refusal::NoQuorum);
    let mut misplaced = changes();
    misplaced[2] = system.view_change(2, 1, vec![system.claim(1, 1, &a)]);
    backup.refuses(&system.new_view(1, misplaced, &[(1, a.clone())]), Refusal::MisplacedCertificate);

    let mut accepting = At::new(&system, 3);
    assert_eq!(accepting.accepts(&by(&system.keys.replicas[1])), []);
    assert_eq!((accepting.state.view(), accepting.state.is_active()), (View(1), true));
    accepting.refuses(&by(&system.keys.replicas[1]), Refusal::OtherView);
}

#[test]
fn new_view_must_propose_what_follows_from_its_view_changes() {
    let system = System::new(4);
    let [a, b, c] = [0, 1, 2].map(|client| system.batch(&[client], 1));
    let changes = vec![
        system.view_change(0, 2, vec![system.claim(0, 1, &a)]),
        system.view_change(1, 2, vec![system.claim(1, 1, &b), system.claim(0, 3, &c)]),
        system.view_change(2, 2, vec![system.claim(0, 1, &a)]),
    ];
    let null = Batch::null;
    let backup = At::new(&system, 3);
    for wrong in [
        vec![],
        vec![(1, b.clone())],
        vec![(1, b.clone()), (3, c.clone())],
        vec![(1, a.clone()), (2, null()), (3, c.clone())],
        vec![(1, null()), (2, null()), (3, c.clone())],
        vec![(1, b.clone()), (2, a.clone()), (3, c.clone())],
        vec![(2, null()), (1, b.clone()), (3, c.clone())],
        vec![(1, b.clone()), (2, null()), (3, c.clone()), (4, a.clone())],
    ] {
        backup.refuses(&system.new_view(2, changes.clone(), &wrong), Refusal::WrongProposals);
    }

    // The proposals must be the new primary's, for the new view, and hold the batches they name.
    let key = &system.keys.replicas[2];
    let due =
        |view| vec![proposal(key, view, 1, &b), proposal(key, view, 2, &null()), proposal(key, view, 3, &c)];
    let announced = |proposals| common::new_view(key, 2, changes.clone(), proposals);
    backup.refuses(&announced(due(6)), Refusal::WrongProposals);
    let mut by_another = due(2);
    by_another[0] = proposal(&system.keys.replicas[0], 2, 1, &b);
    backup.refuses(&announced(by_another), Refusal::NotPrimary);
    let mut other_batch = due(2);
    other_batch[0].batch = a.clone();
    backup.refuses(&announced(other_batch), Refusal::WrongDigest);

    let mut accepting = At::new(&system, 3);
    let prepare = |seq, batch: &Batch| Effect::Broadcast(system.prepare(3, 2, seq, batch.digest()));
    let effects = accepting.accepts(&announced(due(2)));
    assert_eq!(effects, [prepare(1, &b), prepare(2, &null()), prepare(3, &c), timer(2, Some(1), 0, 0)]);
}

#[test]
fn forged_signature_is_refused_on_every_kind_of_message() {
    let (system, forger) = (System::ed25519(4, 1), System::ed25519(4, 2));
    let batch = system.batch(&[0], 1);
    let transfer = StateTransfer {
        stable: StableCheckpoint::genesis().claim().clone(),
        snapshot: Some(Arc::new(Snapshot::genesis())),
        decided: vec![system.decision(0, 1, &batch, 3)],
    };
    // The batch's own requests are genuine everywhere: the message around it is what is forged.
    let messages = |signs: &System| {
        let changes = [0, 1, 2].map(|id| system.view_change(id, 1, vec![])).to_vec();
        [
            signs.pre_prepare(0, 1, &batch),
            signs.prepare(2, 0, 1, batch.digest()),
            signs.commit(2, 0, 1, batch.digest()),
            signs.checkpoint(2, 128, digest(1)),
            Message::ViewChange(signs.view_change(2, 1, vec![])),
            signs.new_view(1, changes, &[]),
            signs.status(2, 0, true, 0, 0),
            Message::State(Arc::new(signs.keys.replicas[2].sign(transfer.clone()))),
        ]
    };
    for (genuine, forged) in messages(&system).iter().zip(&messages(&forger)) {
        assert_eq!(genuine.kind(), forged.kind());
        let mut backup = At::new(&system, 3);
        backup.refuses(forged, Refusal::BadSignature);
        backup.accepts(genuine);
    }
    let mut backup = At::new(&system, 3);
    backup.refuses(&Message::Request(forger.request(0, 1)), Refusal::InauthenticRequest);
    backup.accepts(&Message::Request(system.request(0, 1)));

    // Nor do forged votes help a genuine message to its quorum, or forged requests into a batch.
    let backup = At::new(&system, 3);
    let forged = system.pre_prepare(0, 1, &forger.batch(&[0], 1));
    backup.refuses(&forged, Refusal::InauthenticRequest);
    let mut claim = system.claim(0, 1, &batch);
    claim.prepares = forger.claim(0, 1, &batch).prepares;
    let change = Message::ViewChange(system.view_change(2, 1, vec![claim]));
    backup.refuses(&change, Refusal::NoQuorum);
    let stable = forger.stable_claim(128, digest(1), 3);
    let change = Message::ViewChange(system.view_change_from(2, 1, stable, vec![]));
    backup.refuses(&change, Refusal::NoQuorum);
    let changes = [0, 1, 2].map(|id| forger.view_change(id, 1, vec![])).to_vec();
    backup.refuses(&system.new_view(1, changes, &[]), Refusal::NoQuorum);
    let decided = vec![forger.decision(0, 1, &batch, 3)];
    backup.refuses(&system.state(0, &Snapshot::genesis(), 0, decided), Refusal::NoQuorum);
    let state = Snapshot { seq: SeqNum(128), ..Snapshot::genesis() };
    let stable = forger.stable_claim(128, state.digest(), 3);
    let forged = StateTransfer { stable, snapshot: Some(Arc::new(state)), decided: vec![] };
    let forged = Message::State(Arc::new(system.keys.replicas[0].sign(forged)));
    backup.refuses(&forged, Refusal::NoQuorum);
}

// --- the protocol -----------------------------------------------------------------------------

#[test]
fn normal_case_step_by_step_at_a_backup() {
    let system = System::new(4);
    let batch = system.batch(&[0], 1);
    let d = batch.digest();
    let mut backup = At::new(&system, 1);
    backup.accepts(&system.pre_prepare(0, 1, &batch));
    let own_commit = Effect::Broadcast(system.commit(1, 0, 1, d));
    assert_eq!(backup.accepts(&system.prepare(2, 0, 1, d)), [own_commit]);
    assert!(backup.state.log().get(SeqNum(1)).unwrap().is_prepared());
    assert_eq!(backup.accepts(&system.commit(3, 0, 1, d)), []);

    let effects = backup.accepts(&system.commit(0, 0, 1, d));
    let [Effect::Committed(certificate), Effect::Reply(reply), Effect::Executed(block), stop] = &effects[..]
    else {
        panic!("{effects:?}")
    };
    assert_eq!((certificate.view(), certificate.seq(), certificate.digest()), (View(0), SeqNum(1), d));
    let voters: VoteSet = certificate.commits().iter().map(|c| c.signer().replica().unwrap()).collect();
    assert_eq!(voters, [0, 1, 3].map(ReplicaId).into_iter().collect());
    assert_eq!(reply.signer(), Principal::Replica(ReplicaId(1)));
    assert_eq!((reply.client.0, reply.timestamp, reply.view), (0, Timestamp(1), View(0)));
    let parent = Chain::genesis().head();
    assert_eq!(reply.result, Outcome::Appended { seq: SeqNum(1), position: 0, parent });
    assert_eq!((block.seq(), block.batch(), block.parent()), (SeqNum(1), &batch, Chain::genesis().head()));
    assert_eq!(block.executed(), [system.request(0, 1).id()]);
    assert_eq!(*stop, Effect::Timer(None));
}

#[test]
fn commits_alone_do_not_decide() {
    let system = System::new(4);
    let batch = system.batch(&[0], 1);
    let d = batch.digest();
    let mut backup = At::new(&system, 1);
    backup.accepts(&system.pre_prepare(0, 1, &batch));
    for from in [0, 2, 3] {
        assert_eq!(backup.accepts(&system.commit(from, 0, 1, d)), []);
    }
    // committed-local requires prepared.
    let effects = backup.accepts(&system.prepare(2, 0, 1, d));
    assert_eq!(effects[0], Effect::Broadcast(system.commit(1, 0, 1, d)));
    assert!(decides(&effects));
}

#[test]
fn batches_are_executed_in_order() {
    let system = System::new(4);
    let (a, b) = (system.batch(&[0], 1), system.batch(&[1], 1));
    let mut backup = At::new(&system, 1);
    let decide = |backup: &mut At<'_>, seq, batch: &Batch| {
        backup.accepts(&system.pre_prepare(0, seq, batch));
        backup.accepts(&system.prepare(2, 0, seq, batch.digest()));
        backup.accepts(&system.commit(2, 0, seq, batch.digest()));
        backup.accepts(&system.commit(3, 0, seq, batch.digest()))
    };
    let effects = decide(&mut backup, 2, &b);
    assert!(decides(&effects) && executed_of(&effects).is_empty());
    assert_eq!(backup.state.chain().height(), SeqNum::GENESIS);
    let effects = decide(&mut backup, 1, &a);
    assert_eq!(executed_of(&effects), [[system.request(0, 1).id()], [system.request(1, 1).id()]]);
}

#[test]
fn request_that_is_ordered_twice_is_executed_once() {
    let system = System::new(4);
    let (one, two) = (system.batch(&[0], 1), system.batch(&[0, 1, 0], 1));
    let mut backup = At::new(&system, 1);
    let mut effects = Vec::new();
    for (seq, batch) in [(1, &one), (2, &two)] {
        effects.extend(backup.accepts(&system.pre_prepare(0, seq, batch)));
        effects.extend(backup.accepts(&system.prepare(2, 0, seq, batch.digest())));
        effects.extend(backup.accepts(&system.commit(2, 0, seq, batch.digest())));
        effects.extend(backup.accepts(&system.commit(3, 0, seq, batch.digest())));
    }
    assert_eq!(executed_of(&effects), [[system.request(0, 1).id()], [system.request(1, 1).id()]]);
    let replies = effects.iter().filter(|effect| matches!(effect, Effect::Reply(_))).count();
    assert_eq!((replies, backup.state.chain().height()), (2, SeqNum(2)));
}

#[test]
fn normal_case_commits_on_all_four() {
    let mut net = Net::new(System::new(4));
    for client in 0..3 {
        net.broadcast(&Message::Request(net.system.request(client, 1)));
        net.run();
    }
    assert_eq!(net.chains(), vec!["[#1:c0.t1, #2:c1.t1, #3:c2.t1]"; 4]);
    let heads: Vec<_> = net.states.iter().map(|state| state.chain().head()).collect();
    assert!(heads.iter().all(|head| *head == heads[0] && *head != Chain::genesis().head()));
    for (i, state) in net.states.iter().enumerate() {
        assert_eq!((state.view(), state.is_active(), state.pending().count()), (View(0), true, 0));
        let replies = net.effects.iter().filter(|(at, e)| *at == i && matches!(e, Effect::Reply(_))).count();
        assert_eq!(replies, 3);
        assert_eq!(net.system.replicas[i].timer(state), None);
    }
}

#[test]
fn replica_alone_commits_on_request() {
    let system = System::new(1);
    let mut replica = At::new(&system, 0);
    let batch = system.batch(&[0], 1);
    let effects = replica.accepts(&Message::Request(system.request(0, 1)));
    let [propose, commit, Effect::Committed(certificate), Effect::Reply(_), Effect::Executed(block)] =
        &effects[..]
    else {
        panic!("{effects:?}")
    };
    assert_eq!(*propose, Effect::Broadcast(system.pre_prepare(0, 1, &batch)));
    assert_eq!(*commit, Effect::Broadcast(system.commit(0, 0, 1, batch.digest())));
    assert_eq!(certificate.commits().len(), 1);
    assert_eq!(block.batch(), &batch);
    assert_eq!(replica.replica.timer(&replica.state), None);
}

#[test]
fn new_view_proposes_again_what_prepared() {
    let mut net = Net::new(System::new(4));
    net.loses = |message| matches!(message, Message::Commit(_));
    net.broadcast(&Message::Request(net.system.request(0, 1)));
    net.run();
    assert_eq!(net.chains(), vec!["[]"; 4]);

    net.down.insert(0);
    net.loses = |_| false;
    (1..4).for_each(|backup| net.timeout(backup));
    assert!(net.states[1..].iter().all(|state| !state.is_active() && state.view() == View(1)));
    net.run();

    let batch = net.system.batch(&[0], 1);
    let by_new_primary: Vec<_> =
        net.effects.iter().filter(|(at, _)| *at == 1).map(|(_, effect)| effect.clone()).collect();
    let new_view = new_view_of(&by_new_primary).unwrap();
    assert_eq!(proposals_of(new_view), [(1, 1, batch.digest())]);
    assert!(new_view.view_changes.0.len() >= net.system.quorum());
    assert_eq!(net.chains()[1..], ["[#1:c0.t1]"; 3]);
    assert!(net.states[1..].iter().all(|state| state.is_active() && state.view() == View(1)));
    let timers = |i: usize| net.system.replicas[i].timer(&net.states[i]);
    assert_eq!([timers(1), timers(2), timers(3)], [None; 3]);
}

#[test]
fn decided_batch_keeps_its_number_in_the_next_view() {
    let mut net = Net::new(System::new(4));
    net.broadcast(&Message::Request(net.system.request(0, 1)));
    net.run();
    net.down.insert(0);
    net.broadcast(&Message::Request(net.system.request(1, 1)));
    net.run();
    (1..4).for_each(|backup| net.timeout(backup));
    net.run();
    // The batch at 1 goes through the new view again, but is not executed again.
    assert_eq!(net.chains()[1..], ["[#1:c0.t1, #2:c1.t1]"; 3]);
    assert_eq!(net.states[2].log().get(SeqNum(1)).unwrap().prepared().unwrap().view(), View(1));
}

#[test]
fn null_request_fills_a_gap() {
    let mut net = Net::new(System::with(4, &Castro99, |setting| setting.max_batch = 1));
    net.loses = |message| match message {
        Message::PrePrepare(proposal) => proposal.seq() == SeqNum(1),
        Message::Commit(_) => true,
        _ => false,
    };
    net.broadcast(&Message::Request(net.system.request(0, 1)));
    net.broadcast(&Message::Request(net.system.request(1, 1)));
    net.run();
    net.down.insert(0);
    net.loses = |_| false;
    (1..4).for_each(|backup| net.timeout(backup));
    net.run();
    assert_eq!(net.chains()[1..], ["[#1:null, #2:c1.t1, #3:c0.t1]"; 3]);
}

/// It executes nothing: the timer runs as long as before.
#[test]
fn null_request_is_no_progress() {
    let system = System::new(4);
    let batch = system.batch(&[0], 1);
    let null = Batch::null().digest();
    let mut backup = At::new(&system, 3);
    backup.accepts(&Message::Request(system.request(0, 1)));
    backup.times_out();
    let changes = [0, 1, 2].map(|id| system.view_change(id, 1, vec![system.claim(0, 2, &batch)])).to_vec();
    backup.accepts(&system.new_view(1, changes, &[(1, Batch::null()), (2, batch.clone())]));
    backup.accepts(&Message::Request(system.request(1, 1)));
    let mut decide = |seq, digest| {
        backup.accepts(&system.prepare(2, 1, seq, digest));
        backup.accepts(&system.commit(1, 1, seq, digest));
        backup.accepts(&system.commit(2, 1, seq, digest))
    };
    let effects = decide(1, null);
    assert_eq!(executed_of(&effects), [vec![]]);
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Timer(_))), "{effects:?}");
    // A request that is executed is.
    let effects = decide(2, batch.digest());
    assert!(effects.contains(&timer(1, Some(1), 2, 0)), "{effects:?}");
}

/// Lets a backup decide the batch at a number of view 0.
fn decide(backup: &mut At<'_>, system: &System, seq: u64, batch: &Batch) -> Vec<Effect> {
    backup.accepts(&system.pre_prepare(0, seq, batch));
    let digest = batch.digest();
    backup.accepts(&system.prepare(1, 0, seq, digest));
    [0, 1].iter().flat_map(|&from| backup.accepts(&system.commit(from, 0, seq, digest))).collect()
}

fn timers_of(effects: &[Effect]) -> Vec<Effect> {
    effects.iter().filter(|effect| matches!(effect, Effect::Timer(_))).cloned().collect()
}

/// It runs for one request until that is executed, whatever else is; then every other client has its turn, even one
/// whose number is higher than those of clients that ask again and again.
#[test]
fn timer_runs_for_one_request_whatever_else_is_executed() {
    let system = System::new(4);
    let mut backup = At::new(&system, 3);
    let one = |client, timestamp| system.batch(&[client], timestamp);
    backup.accepts(&Message::Request(system.request(1, 1)));
    backup.accepts(&Message::Request(system.request(0, 1)));
    backup.accepts(&Message::Request(system.request(2, 1)));
    assert_eq!(timers_of(&decide(&mut backup, &system, 1, &one(0, 1))), []);
    backup.accepts(&Message::Request(system.request(0, 2)));
    assert_eq!(timers_of(&decide(&mut backup, &system, 2, &one(0, 2))), []);
    backup.accepts(&Message::Request(system.request(0, 3)));
    backup.accepts(&Message::Request(system.request(1, 2)));
    assert_eq!(timers_of(&decide(&mut backup, &system, 3, &one(1, 1))), [timer(0, Some(2), 3, 0)]);
    let last = |effects: Vec<Effect>| match timers_of(&effects)[..] {
        [Effect::Timer(timer)] => timer.map(|timer| timer.awaits.unwrap()),
        _ => panic!("{effects:?}"),
    };
    // Round again: client 0's third request is the next, whatever waits of others.
    let awaited = last(decide(&mut backup, &system, 4, &one(2, 1)));
    assert_eq!(awaited, Some(system.request(0, 3).id()));
    assert_eq!(last(decide(&mut backup, &system, 5, &one(0, 3))), Some(system.request(1, 2).id()));
    assert_eq!(last(decide(&mut backup, &system, 6, &one(1, 2))), None);
}

/// The request that is waited for is waited for in the next view too.
#[test]
fn timer_of_the_next_view_runs_for_the_same_request() {
    let system = System::new(4);
    let mut backup = At::new(&system, 3);
    for client in [1, 0] {
        backup.accepts(&Message::Request(system.request(client, 1)));
    }
    backup.times_out();
    backup.accepts(&Message::ViewChange(system.view_change(1, 1, vec![])));
    let third = Message::ViewChange(system.view_change(2, 1, vec![]));
    assert_eq!(backup.accepts(&third), [timer(1, Some(1), 0, 1)]);
    // It goes on where the view begins.
    let changes = [0, 1, 2].map(|id| system.view_change(id, 1, vec![])).to_vec();
    assert_eq!(backup.accepts(&system.new_view(1, changes, &[])), []);
}

#[test]
fn view_changes_of_a_weak_quorum_are_joined_in_the_smallest_view() {
    let system = System::new(4);
    let mut replica = At::new(&system, 3);
    // One may be Byzantine, whichever view it asks for.
    assert_eq!(replica.accepts(&Message::ViewChange(system.view_change(1, 3, vec![]))), []);
    assert_eq!(replica.accepts(&Message::ViewChange(system.view_change(1, 9, vec![]))), []);
    let own = Effect::Broadcast(Message::ViewChange(system.view_change(3, 2, vec![])));
    // With replica 1, which has moved on further, that is a quorum which has left the old view.
    let effects = replica.accepts(&Message::ViewChange(system.view_change(2, 2, vec![])));
    assert_eq!(effects, [own, timer(2, None, 0, 1)]);
    assert_eq!((replica.state.view(), replica.state.is_active()), (View(2), false));
}

/// The view change that makes it join may complete the quorum.
#[test]
fn new_primary_that_joins_last_begins_at_once() {
    let system = System::new(4);
    let mut primary = At::new(&system, 1);
    primary.accepts(&Message::ViewChange(system.view_change(2, 1, vec![])));
    let effects = primary.accepts(&Message::ViewChange(system.view_change(3, 1, vec![])));
    assert!(view_change_of(&effects).is_some() && new_view_of(&effects).is_some(), "{effects:?}");
    // Both are recorded, its own view change first.
    let mut primary = At::new(&system, 1);
    primary.accepts(&Message::ViewChange(system.view_change(2, 1, vec![])));
    let last = Message::ViewChange(system.view_change(3, 1, vec![]));
    let effects = accepted_with_records(primary.replica, &mut primary.state, Input::Deliver(&last));
    let records: Vec<_> = effects.iter().filter(|e| matches!(e, Effect::Persist(_))).collect();
    assert!(matches!(
        &records[..],
        [Effect::Persist(Record::ViewChange(_)), Effect::Persist(Record::NewView(_))]
    ));
}

/// Of a replica that has moved on further the view change for this view is missing.
#[test]
fn view_changes_for_a_later_view_do_not_begin_this_one() {
    let system = System::new(4);
    let mut primary = At::new(&system, 1);
    primary.accepts(&Message::Request(system.request(0, 1)));
    primary.times_out();
    assert_eq!(primary.accepts(&Message::ViewChange(system.view_change(2, 1, vec![]))), []);
    let effects = primary.accepts(&Message::ViewChange(system.view_change(3, 5, vec![])));
    assert_eq!(effects, [timer(1, Some(0), 0, 1)]);
    let effects = primary.accepts(&Message::ViewChange(system.view_change(0, 1, vec![])));
    assert!(new_view_of(&effects).is_some());
}

#[test]
fn new_primary_begins_with_a_quorum_of_view_changes_and_not_before() {
    let system = System::new(7);
    let mut primary = At::new(&system, 1);
    primary.accepts(&Message::Request(system.request(0, 1)));
    for from in [2, 3] {
        primary.accepts(&Message::ViewChange(system.view_change(from, 1, vec![])));
    }
    // The third joins it to the others; with its own that is four of five.
    let effects = primary.accepts(&Message::ViewChange(system.view_change(4, 1, vec![])));
    assert!(view_change_of(&effects).is_some() && new_view_of(&effects).is_none());
    let effects = primary.accepts(&Message::ViewChange(system.view_change(5, 1, vec![])));
    let new_view = new_view_of(&effects).unwrap();
    let senders = new_view.view_changes.0.iter().map(|change| change.signer().replica().unwrap().0);
    assert_eq!(senders.collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert!(new_view.proposals.is_empty());
    // What waits is proposed at once.
    let proposal = system.pre_prepare(1, 1, &system.batch(&[0], 1));
    assert!(effects.contains(&Effect::Broadcast(proposal)));
}

#[test]
fn stable_checkpoint_moves_the_watermark_and_discards_what_is_below() {
    let tuned = || {
        System::with(4, &Castro99, |setting| {
            setting.checkpoint_interval = 2;
            setting.window = 4;
            setting.max_batch = 1;
        })
    };
    let requests = |net: &mut Net, timestamps: std::ops::RangeInclusive<u64>| {
        for timestamp in timestamps {
            for client in 0..4 {
                net.broadcast(&Message::Request(net.system.request(client, timestamp)));
            }
            net.run();
        }
    };

    let mut net = Net::new(tuned());
    requests(&mut net, 1..=2);
    for state in &net.states {
        assert_eq!((state.stable().seq(), state.log().low()), (SeqNum(8), SeqNum(8)));
        assert_eq!((state.chain().base(), state.chain().height()), (SeqNum(8), SeqNum(8)));
        assert!(state.chain().blocks().is_empty() && state.log().iter().next().is_none());
        assert_eq!(state.checkpoint_states().map(|state| state.seq).collect::<Vec<_>>(), [SeqNum(8)]);
        assert_eq!(state.chain().head(), net.states[0].chain().head());
        assert_eq!(state.chain().hash_at(SeqNum(8)), Some(state.chain().head()));
        assert!(state.stable().claim().checkpoints.0.len() >= net.system.quorum());
    }
    assert!(!net.effects.iter().any(|(_, effect)| matches!(effect, Effect::Behind(_))));
    // Below the watermark nothing is accepted any more; the window goes up to 12.
    let old = net.system.prepare(2, 0, 8, digest(1));
    refused(&net.system.replicas[1], &net.states[1], Input::Deliver(&old), Refusal::OutsideWindow);
    let far = net.system.prepare(2, 0, 13, digest(1));
    refused(&net.system.replicas[1], &net.states[1], Input::Deliver(&far), Refusal::OutsideWindow);
    let last = net.system.prepare(2, 0, 12, digest(1));
    accepted(&net.system.replicas[1], &mut net.states[1], Input::Deliver(&last));

    // Without checkpoints the window stays where it is, and fills up.
    let mut net = Net::new(tuned());
    net.loses = |message| matches!(message, Message::Checkpoint(_));
    requests(&mut net, 1..=2);
    for state in &net.states {
        assert_eq!((state.log().low(), state.chain().height()), (SeqNum::GENESIS, SeqNum(4)));
        assert_eq!(state.pending().count(), 4);
    }
    // Until they are sent again.
    net.loses = |_| false;
    net.retransmit();
    net.run();
    for state in &net.states {
        assert_eq!((state.log().low(), state.chain().height()), (SeqNum(8), SeqNum(8)));
        assert_eq!(state.pending().count(), 0);
    }
}

// --- what is left of messages once they do not matter any more ------------------------------------

/// The control part of a state is what stays if what others said in vain is forgotten.
#[test]
fn what_others_say_without_consequence_is_not_control_and_known_by_its_site() {
    let system = with_checkpoints();
    let batch = system.batch(&[0], 1);
    let mut backup = At::new(&system, 1);
    backup.accepts(&system.pre_prepare(0, 1, &batch));
    let quiet = backup.state.clone();
    assert_eq!(backup.replica.control(&quiet), quiet);
    assert_eq!(quiet.differing_tallies(&quiet), BTreeSet::new());
    let key = TallyKey { view: Some(View(0)), digest: Some(batch.digest()) };
    let change = || Message::ViewChange(system.view_change(3, 1, vec![]));
    let in_vain = [
        (system.prepare(2, 0, 2, batch.digest()), TallyId::Prepare(SeqNum(2), key)),
        (system.commit(2, 0, 1, batch.digest()), TallyId::Commit(SeqNum(1), key)),
        (system.checkpoint(2, 2, digest(1)), TallyId::Checkpoint(SeqNum(2))),
        (change(), TallyId::ViewChange),
        (Message::Request(system.request(1, 1)), TallyId::ViewChange),
    ];
    for (message, site) in &in_vain {
        let mut after = At { replica: backup.replica, state: quiet.clone() };
        after.accepts(message);
        assert_ne!(after.state, quiet, "{message:?}");
        assert_eq!(after.replica.control(&after.state), quiet, "{message:?}");
        assert_eq!(after.state.differing_tallies(&quiet), BTreeSet::from([*site]));
        assert_eq!(quiet.differing_tallies(&after.state), BTreeSet::from([*site]));
        backup.accepts(message);
    }
    assert_eq!(backup.replica.control(&backup.state), quiet);
    let sites: BTreeSet<_> = in_vain.iter().map(|(_, site)| *site).collect();
    assert_eq!(backup.state.differing_tallies(&quiet), sites);
    // What is the same in both is not among them.
    let mut further = At { replica: backup.replica, state: backup.state.clone() };
    further.accepts(&system.commit(3, 0, 2, batch.digest()));
    assert_eq!(
        further.state.differing_tallies(&backup.state),
        BTreeSet::from([TallyId::Commit(SeqNum(2), key)])
    );

    // What it says itself stays; so do the requests that the next primary will propose.
    backup.times_out();
    let control = backup.replica.control(&backup.state);
    assert_eq!(control.pending().count(), 2);
    let mut own = At { replica: backup.replica, state: control };
    let change = Message::ViewChange(system.view_change(1, 1, vec![]));
    let sent = own.accepts(&system.status(2, 0, true, 0, 0));
    assert_eq!(sent, [Effect::Send(ReplicaId(2), change)]);
}

/// Its own CHECKPOINT counts, however often what others say is forgotten and received again.
#[test]
fn own_checkpoint_is_control() {
    let system = System::with(4, &Castro99, |setting| setting.checkpoint_interval = 1);
    let batch = system.batch(&[0], 1);
    let state = service_after(std::slice::from_ref(&batch)).digest();
    let mut backup = At::new(&system, 1);
    backup.accepts(&system.pre_prepare(0, 1, &batch));
    backup.accepts(&system.prepare(2, 0, 1, batch.digest()));
    backup.accepts(&system.commit(2, 0, 1, batch.digest()));
    backup.accepts(&system.commit(3, 0, 1, batch.digest()));
    backup.accepts(&system.checkpoint(2, 1, state));
    backup.state = backup.replica.control(&backup.state);
    assert_eq!(backup.accepts(&system.checkpoint(2, 1, state)), []);
    let effects = backup.accepts(&system.checkpoint(3, 1, state));
    assert!(matches!(&effects[..], [Effect::Stable(_)]), "{effects:?}");
}

/// Who has left for a view that is past by now is forgotten.
#[test]
fn view_changes_for_a_view_that_is_past_are_forgotten() {
    let system = System::new(4);
    let moved_by = |changes: &[(usize, u64)]| {
        let mut replica = At::new(&system, 3);
        for &(from, view) in changes {
            replica.accepts(&Message::ViewChange(system.view_change(from, view, vec![])));
        }
        replica.state.forget_backoff();
        replica.state
    };
    let direct = moved_by(&[(1, 2), (2, 2)]);
    assert_eq!((direct.view(), direct.is_active()), (View(2), false));
    assert_eq!(moved_by(&[(0, 1), (1, 2), (2, 2)]), direct);
    // So is the slot of a vote that was in vain.
    let mut voted = At::new(&system, 3);
    voted.accepts(&system.prepare(2, 0, 1, digest(1)));
    for from in [1, 2] {
        voted.accepts(&Message::ViewChange(system.view_change(from, 2, vec![])));
    }
    voted.state.forget_backoff();
    assert_eq!(voted.state, direct);
}

/// Who prepared, committed, left or vouched in vain is forgotten with the view or below the watermark.
#[test]
fn stray_votes_do_not_outlive_their_view_or_their_checkpoint() {
    let system = with_checkpoints();
    let batch = system.batch(&[0], 1);
    let strays = |from| {
        [
            system.prepare(from, 0, 1, batch.digest()),
            system.commit(from, 0, 1, batch.digest()),
            system.checkpoint(from, 2, digest(from as u64)),
        ]
    };
    let after = |from| {
        let mut backup = At::new(&system, 3);
        strays(from).iter().for_each(|stray| drop(backup.accepts(stray)));
        let stable = system.stable_claim(2, digest(7), 3);
        let changes = [0, 1, 2].map(|id| system.view_change_from(id, 1, stable.clone(), vec![])).to_vec();
        backup.accepts(&system.new_view(1, changes, &[]));
        backup.state
    };
    assert_eq!(after(1), after(2));
    assert_eq!(after(1).differing_tallies(&after(2)), BTreeSet::new());
    let in_view = |from| {
        let mut backup = At::new(&system, 3);
        strays(from)[..2].iter().for_each(|stray| drop(backup.accepts(stray)));
        let changes = [0, 1, 2].map(|id| system.view_change(id, 1, vec![])).to_vec();
        backup.accepts(&system.new_view(1, changes, &[]));
        backup.state
    };
    assert_eq!(in_view(1), in_view(2));
}

/// How long the timer would run says nothing about what a replica may do.
#[test]
fn how_often_the_timer_has_doubled_is_not_control() {
    let system = System::new(4);
    let changes = || [0, 1, 2].map(|id| system.view_change(id, 1, vec![])).to_vec();
    let (mut patient, mut hasty) = (At::new(&system, 3), At::new(&system, 3));
    hasty.accepts(&Message::Request(system.request(0, 1)));
    hasty.times_out();
    for backup in [&mut patient, &mut hasty] {
        backup.accepts(&system.new_view(1, changes(), &[]));
        backup.accepts(&system.pre_prepare(1, 1, &system.batch(&[0], 1)));
    }
    let doublings = |backup: &At<'_>| backup.replica.timer(&backup.state).map(|timer| timer.doublings);
    assert_eq!((doublings(&patient), doublings(&hasty)), (Some(0), Some(1)));
    assert_eq!(patient.replica.control(&patient.state), hasty.replica.control(&hasty.state));
}

#[test]
fn new_view_settles_the_view_changes_for_it_and_no_later_ones() {
    let system = System::new(4);
    let changes = || [0, 1, 2].map(|id| system.view_change(id, 1, vec![])).to_vec();
    let after = |early: &[(usize, u64)]| {
        let mut backup = At::new(&system, 3);
        for &(from, view) in early {
            backup.accepts(&Message::ViewChange(system.view_change(from, view, vec![])));
        }
        backup.accepts(&system.new_view(1, changes(), &[]));
        backup
    };
    assert_eq!(after(&[(0, 1)]).state, after(&[]).state);
    // With that of r2, one more is enough to join.
    let mut backup = after(&[(2, 2)]);
    let effects = backup.accepts(&Message::ViewChange(system.view_change(0, 2, vec![])));
    assert_eq!(view_change_of(&effects).map(|change| change.new_view), Some(View(2)));
    let mut backup = after(&[]);
    assert_eq!(backup.accepts(&Message::ViewChange(system.view_change(0, 2, vec![]))), []);
}

#[test]
fn early_checkpoints_count_once_their_turn_comes() {
    let system = with_checkpoints();
    let mut backup = At::new(&system, 3);
    for (from, seq) in [(0, 4), (1, 4), (0, 2), (1, 2), (2, 2)] {
        backup.accepts(&system.checkpoint(from, seq, digest(seq)));
    }
    assert_eq!(backup.state.stable().seq(), SeqNum(2));
    backup.accepts(&system.checkpoint(2, 4, digest(4)));
    assert_eq!(backup.state.stable().seq(), SeqNum(4));
}

/// A Byzantine backup that votes early for numbers to come does not make the primary pass them over.
#[test]
fn stray_votes_do_not_take_a_number_from_the_primary() {
    let system = System::new(4);
    let mut primary = At::new(&system, 0);
    primary.accepts(&system.prepare(1, 0, 1, digest(1)));
    primary.accepts(&system.commit(1, 0, 2, digest(1)));
    let proposal = system.pre_prepare(0, 1, &system.batch(&[0], 1));
    let effects = primary.accepts(&Message::Request(system.request(0, 1)));
    assert_eq!(effects, [Effect::Broadcast(proposal)]);
}

/// A number is taken by what was decided there, also if its primary has learnt it from others.
#[test]
fn decided_number_is_taken() {
    let system = with_checkpoints();
    let mut primary = At::new(&system, 0);
    let decided = system.decision(0, 2, &system.batch(&[3], 1), 3);
    primary.accepts(&system.state(1, &Snapshot::genesis(), 0, vec![decided]));
    for (client, seq) in [(0, 1), (1, 3)] {
        let proposal = system.pre_prepare(0, seq, &system.batch(&[client], 1));
        let effects = primary.accepts(&Message::Request(system.request(client, 1)));
        assert_eq!(effects, [Effect::Broadcast(proposal)]);
    }
}

#[test]
fn successor_is_the_step_on_a_copy() {
    let system = System::new(4);
    let message = system.pre_prepare(0, 1, &system.batch(&[0], 1));
    let mut backup = At::new(&system, 1);
    let (before, mut out) = (backup.state.clone(), Vec::new());
    let after = backup.replica.successor(&before, Input::Deliver(&message), &mut out);
    assert_eq!(before, backup.replica.init());
    assert_eq!(
        backup.accepts(&message),
        out.into_iter().filter(|e| !matches!(e, Effect::Persist(_))).collect::<Vec<_>>()
    );
    assert_eq!(after, Ok(backup.state.clone()));
    let again = backup.replica.successor(&backup.state, Input::Deliver(&message), &mut Vec::new());
    assert_eq!(again, Err(Refusal::Duplicate));
}

#[test]
fn decision_settles_what_prepares_after_it() {
    let system = System::new(4);
    let batch = system.batch(&[0], 1);
    let mut backup = At::new(&system, 3);
    backup.accepts(&system.pre_prepare(0, 1, &batch));
    let decided = vec![system.decision(0, 1, &batch, 3)];
    backup.accepts(&system.state(0, &Snapshot::genesis(), 0, decided));
    let before = backup.state.clone();
    let effects = backup.accepts(&system.prepare(1, 0, 1, batch.digest()));
    // It prepares all the same: others may need its commit; it does not itself.
    assert_eq!(effects, [Effect::Broadcast(system.commit(3, 0, 1, batch.digest()))]);
    let sites = backup.state.differing_tallies(&before);
    assert!(sites.iter().all(|site| matches!(site, TallyId::Prepare(..))), "{sites:?}");
}

#[test]
fn requests_that_a_view_left_behind_are_proposed_in_the_next() {
    let system = System::new(4);
    let batch = system.batch(&[0, 1], 1);
    let mut primary = At::new(&system, 1);
    primary.accepts(&system.pre_prepare(0, 1, &batch));
    assert_eq!(primary.state.pending().count(), 0);
    primary.times_out();
    assert_eq!(primary.state.pending().count(), 2);
    for from in [2, 3] {
        let effects = primary.accepts(&Message::ViewChange(system.view_change(from, 1, vec![])));
        let proposed = effects.contains(&Effect::Broadcast(system.pre_prepare(1, 1, &batch)));
        assert_eq!(proposed, from == 3);
    }
}

/// A request that two slots hold is executed in the first, and the second leaves nothing to wait for.
#[test]
fn request_that_was_executed_does_not_wait_again_in_the_next_view() {
    let system = System::new(4);
    let batch = system.batch(&[0], 1);
    let mut backup = At::new(&system, 1);
    for seq in [1, 2] {
        backup.accepts(&system.pre_prepare(0, seq, &batch));
    }
    backup.accepts(&system.prepare(2, 0, 1, batch.digest()));
    for from in [2, 3] {
        backup.accepts(&system.commit(from, 0, 1, batch.digest()));
    }
    assert_eq!(backup.state.chain().height(), SeqNum(1));
    backup.times_out();
    assert_eq!(backup.state.pending().count(), 0);
}

// --- recovery -------------------------------------------------------------------------------------

/// A NEW-VIEW is recorded before anything that it brings about: a crash in between takes nothing away.
#[test]
fn recorded_new_view_alone_brings_back_its_checkpoint_and_its_proposals() {
    let system = with_checkpoints();
    let batches = [0, 1].map(|client| system.batch(&[client], 1));
    let stable = system.stable_claim(2, service_after(&batches).digest(), 3);
    let fourth = system.batch(&[2], 1);
    let reporting = || vec![system.claim(0, 4, &fourth)];
    let changes = [0, 1, 2].map(|id| system.view_change_from(id, 1, stable.clone(), reporting())).to_vec();
    let new_view = system.new_view(1, changes, &[(3, Batch::null()), (4, fourth.clone())]);
    let mut backup = At::new(&system, 3);
    let effects = accepted_with_records(backup.replica, &mut backup.state, Input::Deliver(&new_view));
    let Some(Effect::Persist(record @ Record::NewView(_))) = effects.first() else { panic!("{effects:?}") };
    let recovered = backup.replica.recover([record]);
    assert_eq!((recovered.view(), recovered.is_active()), (View(1), true));
    assert_eq!((recovered.stable().seq(), recovered.log().low()), (SeqNum(2), SeqNum(2)));
    let proposals: Vec<_> =
        recovered.log().iter().filter_map(|(seq, slot)| Some((seq.0, slot.proposal()?.digest()))).collect();
    assert_eq!(proposals, [(3, Batch::null().digest()), (4, fourth.digest())]);
    assert_eq!(recovered, backup.replica.durable(&backup.state));
}

/// A checkpoint that a NEW-VIEW proves moves no watermark down again.
#[test]
fn recovery_keeps_the_later_of_two_checkpoints() {
    let system = with_checkpoints();
    let claim = |seq| system.stable_claim(seq, digest(seq), 3);
    let stable = |seq| {
        let mut other = At::new(&system, 2);
        let votes = [0, 1, 3].map(|from| system.checkpoint(from, seq, digest(seq)));
        let effects: Vec<_> = votes.iter().flat_map(|vote| other.accepts(vote)).collect();
        effects.into_iter().find_map(|effect| match effect {
            Effect::Stable(stable) => Some(stable),
            _ => None,
        })
    };
    let changes = [0, 1, 2].map(|id| system.view_change_from(id, 1, claim(2), vec![])).to_vec();
    let Message::NewView(new_view) = system.new_view(1, changes, &[]) else { panic!() };
    let records = [Record::Stable(stable(4).unwrap()), Record::NewView(new_view)];
    let recovered = system.replicas[3].recover(&records);
    assert_eq!((recovered.stable().seq(), recovered.log().low()), (SeqNum(4), SeqNum(4)));
}

/// What a record says about numbers that a checkpoint has settled is of no use any more.
#[test]
fn recovery_takes_nothing_up_again_below_a_checkpoint() {
    let system = with_checkpoints();
    let batches = [0, 1].map(|client| system.batch(&[client], 1));
    let mut backup = At::new(&system, 3);
    let mut records = Vec::new();
    for (seq, batch) in [(1, &batches[0]), (2, &batches[1])] {
        for message in [
            system.pre_prepare(0, seq, batch),
            system.prepare(1, 0, seq, batch.digest()),
            system.commit(0, 0, seq, batch.digest()),
            system.commit(1, 0, seq, batch.digest()),
        ] {
            let input = Input::Deliver(&message);
            for effect in accepted_with_records(backup.replica, &mut backup.state, input) {
                if let Effect::Persist(record) = effect {
                    records.push(record);
                }
            }
        }
    }
    let kinds: Vec<_> = records
        .iter()
        .map(|record| match record {
            Record::Accepted(_) => "accepted",
            Record::Prepared(_) => "prepared",
            Record::Decided(_) => "decided",
            _ => "other",
        })
        .collect();
    assert_eq!(kinds, ["accepted", "prepared", "decided"].repeat(2));
    for from in [0, 1] {
        let message = system.checkpoint(from, 2, service_after(&batches).digest());
        let input = Input::Deliver(&message);
        for effect in accepted_with_records(backup.replica, &mut backup.state, input) {
            if let Effect::Persist(record) = effect {
                records.push(record);
            }
        }
    }
    let once = backup.replica.recover(&records);
    assert_eq!(once.log().low(), SeqNum(2));
    // Storage that repeats itself says nothing new.
    assert_eq!(backup.replica.recover(records.iter().chain(&records[..6])), once);
}

#[test]
fn request_whose_relay_was_lost_is_relayed_again() {
    let mut net = Net::new(System::new(4));
    let message = Message::Request(net.system.request(0, 1));
    net.queue.push_back((2, message.clone()));
    net.down.insert(0);
    net.run();
    net.down.clear();
    net.run();
    assert_eq!(net.chains(), vec!["[]"; 4]);
    net.retransmit();
    net.run();
    assert_eq!(net.chains(), vec!["[#1:c0.t1]"; 4]);
}

/// Alone it cannot reach a view that anybody else is in, and none of their votes counts for it.
#[test]
fn replica_that_has_left_the_view_alone_executes_what_the_others_do() {
    let mut net = Net::new(System::new(4));
    let early = net.system.request(0, 1);
    accepted(&net.system.replicas[3], &mut net.states[3], Input::Deliver(&Message::Request(early)));
    net.timeout(3);
    net.run();
    assert_eq!((net.states[3].view(), net.states[3].is_active()), (View(1), false));
    for client in 0..3 {
        net.broadcast(&Message::Request(net.system.request(client, 1)));
        net.run();
    }
    assert_eq!(net.states[3].chain().height(), SeqNum::GENESIS);
    net.retransmit();
    net.run();
    assert_eq!(net.chains(), vec!["[#1:c0.t1, #2:c1.t1, #3:c2.t1]"; 4]);
}

#[test]
fn stable_checkpoint_stands_in_the_view_change_and_bounds_the_new_view() {
    let system = System::with(4, &Castro99, |setting| {
        setting.checkpoint_interval = 2;
        setting.window = 4;
        setting.max_batch = 1;
    });
    let mut net = Net::new(system);
    for client in 0..3 {
        net.broadcast(&Message::Request(net.system.request(client, 1)));
        net.run();
    }
    net.down.insert(0);
    net.broadcast(&Message::Request(net.system.request(3, 1)));
    net.run();
    net.effects.clear();
    (1..4).for_each(|backup| net.timeout(backup));
    for (_, effect) in &net.effects {
        if let Effect::Broadcast(Message::ViewChange(change)) = effect {
            assert_eq!(change.stable, *net.states[1].stable().claim());
            assert_eq!(change.stable.seq, SeqNum(2));
            assert_eq!(change.prepared.iter().map(|c| c.seq().0).collect::<Vec<_>>(), [3]);
        }
    }
    net.run();
    let effects: Vec<_> = net.effects.iter().map(|(_, effect)| effect.clone()).collect();
    let proposed = proposals_of(new_view_of(&effects).unwrap());
    assert_eq!(proposed, [(1, 3, net.system.batch(&[2], 1).digest())]);
    assert_eq!(net.states[1].chain().height(), SeqNum(4));
}

#[test]
fn replica_that_has_not_executed_so_far_says_that_it_is_behind() {
    let system = System::with(4, &Castro99, |setting| setting.checkpoint_interval = 2);
    let mut replica = At::new(&system, 3);
    assert_eq!(replica.accepts(&system.checkpoint(0, 2, digest(1))), []);
    assert_eq!(replica.accepts(&system.checkpoint(1, 2, digest(1))), []);
    let asks = Effect::Broadcast(system.status(3, 0, true, 2, 0));
    let effects = replica.accepts(&system.checkpoint(2, 2, digest(1)));
    assert!(matches!(effects[0], Effect::Stable(_)));
    assert_eq!(effects[1..], [Effect::Behind(SeqNum(2)), asks]);
    // What lies below is settled without it.
    assert_eq!(replica.state.log().low(), SeqNum(2));
    assert_eq!(replica.state.chain().height(), SeqNum::GENESIS);
}

#[test]
fn primary_keeps_to_its_limits() {
    let system = System::with(4, &Castro99, |setting| {
        setting.max_batch = 2;
        setting.max_in_flight = 1;
    });
    let mut primary = At::new(&system, 0);
    let batch = system.batch(&[0], 1);
    let first = system.pre_prepare(0, 1, &batch);
    assert_eq!(primary.accepts(&Message::Request(system.request(0, 1))), [Effect::Broadcast(first)]);
    for client in 1..4 {
        assert_eq!(primary.accepts(&Message::Request(system.request(client, 1))), []);
    }
    for from in [1, 2] {
        primary.accepts(&system.prepare(from, 0, 1, batch.digest()));
    }
    primary.accepts(&system.commit(1, 0, 1, batch.digest()));
    let effects = primary.accepts(&system.commit(2, 0, 1, batch.digest()));
    let second = system.pre_prepare(0, 2, &system.batch(&[1, 2], 1));
    assert_eq!(effects.last(), Some(&Effect::Broadcast(second)));
    assert_eq!(primary.state.pending().count(), 1);
}

// --- the rulebook -----------------------------------------------------------------------------

/// A rulebook that overrides something.
/// After the same accepted deliveries, Castro and Liskov's rulebook refuses a message which another
/// accepts. Returns the effects there.
fn only_under(
    rules: &'static dyn Rules,
    at: usize,
    before: &[Message],
    message: &Message,
    refusal: Refusal,
) -> Vec<Effect> {
    let (paper, other) = (System::new(4), System::following(4, rules));
    let (mut strict, mut lax) = (At::new(&paper, at), At::new(&other, at));
    for message in before {
        strict.accepts(message);
        lax.accepts(message);
    }
    let _ = refused(strict.replica, &strict.state, Input::Deliver(message), refusal);
    lax.accepts(message)
}

/// What the last of these deliveries has as its effects under the paper's rulebook, and under another.
fn last_effects(rules: &'static dyn Rules, at: usize, messages: &[Message]) -> (Vec<Effect>, Vec<Effect>) {
    let run = |rules| {
        let system = System::following(4, rules);
        let mut replica = At::new(&system, at);
        messages.iter().fold(Vec::new(), |_, message| replica.accepts(message))
    };
    (run(&Castro99), run(rules))
}

#[test]
fn primary_is_whom_the_rulebook_names() {
    rulebook! { NextOne:
        fn primary(&self, committee: Committee, view: View) -> ReplicaId {
            ReplicaId(((view.0 + 1) % u64::from(committee.n())) as u16)
        }
    }
    let system = System::new(4);
    let (paper, other) = last_effects(&NextOne, 1, &[Message::Request(system.request(0, 1))]);
    assert!(matches!(paper[0], Effect::Send(ReplicaId(0), _)));
    assert!(matches!(other[0], Effect::Broadcast(Message::PrePrepare(_))));
}

#[test]
fn quorums_are_of_the_size_that_the_rulebook_says() {
    rulebook! { TwoOfFour: fn quorum(&self, _: Committee) -> usize { 2 } }
    rulebook! { PrepareByTwo: fn prepare_quorum(&self, _: Committee) -> usize { 2 } }
    rulebook! { CommitByOne: fn commit_quorum(&self, _: Committee) -> usize { 1 } }
    rulebook! { CheckpointByOne: fn checkpoint_quorum(&self, _: Committee) -> usize { 1 } }
    rulebook! { NewViewByTwo: fn view_change_quorum(&self, _: Committee) -> usize { 2 } }

    let system = System::new(4);
    let batch = system.batch(&[0], 1);
    let d = batch.digest();
    let commits = |effects: &[Effect]| effects.contains(&Effect::Broadcast(system.commit(1, 0, 1, d)));

    // The pre-prepare and the replica's own prepare.
    let pre_prepare = system.pre_prepare(0, 1, &batch);
    for rules in [&TwoOfFour as &'static dyn Rules, &PrepareByTwo] {
        let (paper, other) = last_effects(rules, 1, std::slice::from_ref(&pre_prepare));
        assert!(!commits(&paper) && commits(&other));
    }
    let (paper, other) = last_effects(&CommitByOne, 1, &[pre_prepare, system.prepare(2, 0, 1, d)]);
    assert!(!decides(&paper) && decides(&other));

    let checkpoint = system.checkpoint(0, 128, d);
    let (paper, other) = last_effects(&CheckpointByOne, 1, &[checkpoint]);
    assert_eq!(paper, []);
    assert!(matches!(&other[..], [Effect::Stable(_), Effect::Behind(SeqNum(128)), Effect::Broadcast(_)]));

    // The new primary's own view change and one other.
    let change = Message::ViewChange(system.view_change(2, 1, vec![]));
    let run = |rules| {
        let system = System::following(4, rules);
        let mut primary = At::new(&system, 1);
        primary.accepts(&Message::Request(system.request(0, 1)));
        primary.times_out();
        new_view_of(&primary.accepts(&change)).is_some()
    };
    assert_eq!((run(&Castro99), run(&NewViewByTwo), run(&TwoOfFour)), (false, true, true));
    let few = vec![system.view_change(2, 1, vec![]), system.view_change(1, 1, vec![])];
    only_under(&NewViewByTwo, 3, &[], &system.new_view(1, few, &[]), Refusal::NoQuorum);
}

#[test]
fn rulebook_decides_which_votes_and_proposals_are_admitted() {
    rulebook! { AnyView: fn admits_view(&self, _: Standing, _: View) -> bool { true } }
    rulebook! { NoWindow: fn in_window(&self, _: &Setting, low: SeqNum, seq: SeqNum) -> bool { seq > low } }
    rulebook! { AnyProposer: fn may_propose(&self, _: Committee, _: View, _: ReplicaId) -> bool { true } }
    rulebook! { AnyDigest: fn digest_matches(&self, _: Digest, _: &Batch) -> bool { true } }
    rulebook! { AnyRequest: fn authentic(&self, _: &Setting, _: &SignedRequest) -> bool { true } }
    rulebook! { AnyNull: fn may_propose_null(&self) -> bool { true } }
    rulebook! { SecondWins: fn accepts_second_proposal(&self, _: &Proposal, _: &Proposal) -> bool { true } }
    rulebook! { AllPrepare: fn may_prepare(&self, _: Committee, _: View, _: ReplicaId) -> bool { true } }

    let system = System::new(4);
    let (a, b) = (system.batch(&[0], 1), system.batch(&[1], 1));
    let d = a.digest();
    let first = system.pre_prepare(0, 1, &a);

    only_under(&AnyView, 1, &[], &system.pre_prepare(4, 1, &a), Refusal::OtherView);
    only_under(&AnyView, 1, &[], &system.prepare(2, 3, 1, d), Refusal::OtherView);
    only_under(&AnyView, 1, &[], &system.commit(2, 3, 1, d), Refusal::OtherView);

    only_under(&NoWindow, 1, &[], &system.pre_prepare(0, 300, &a), Refusal::OutsideWindow);
    only_under(&NoWindow, 1, &[], &system.prepare(2, 0, 300, d), Refusal::OutsideWindow);
    only_under(&NoWindow, 1, &[], &system.commit(2, 0, 300, d), Refusal::OutsideWindow);
    let far = Message::ViewChange(system.view_change(2, 1, vec![system.claim(0, 300, &a)]));
    only_under(&NoWindow, 1, &[], &far, Refusal::MisplacedCertificate);

    let by_backup = Message::PrePrepare(proposal(&system.keys.replicas[2], 0, 1, &a));
    only_under(&AnyProposer, 1, &[], &by_backup, Refusal::NotPrimary);
    let changes = [0, 1, 2].map(|id| system.view_change(id, 1, vec![])).to_vec();
    let by_another = common::new_view(&system.keys.replicas[2], 1, changes, vec![]);
    only_under(&AnyProposer, 3, &[], &by_another, Refusal::NotPrimary);

    only_under(&AnyDigest, 1, &[], &relabelled(&system.proposal(0, 1, &a), &b), Refusal::WrongDigest);
    let inauthentic = request(&system.keys.clients[1], 0, 1);
    let batch = Batch::new([inauthentic.clone()]);
    only_under(&AnyRequest, 1, &[], &Message::Request(inauthentic), Refusal::InauthenticRequest);
    only_under(&AnyRequest, 1, &[], &system.pre_prepare(0, 1, &batch), Refusal::InauthenticRequest);
    only_under(&AnyNull, 1, &[], &system.pre_prepare(0, 1, &Batch::null()), Refusal::NullProposal);

    let effects =
        only_under(&SecondWins, 1, &[first], &system.pre_prepare(0, 1, &b), Refusal::ConflictingProposal);
    assert!(effects.contains(&Effect::Broadcast(system.prepare(1, 0, 1, b.digest()))));
    only_under(&AllPrepare, 1, &[], &system.prepare(0, 0, 1, d), Refusal::PrimaryPrepares);
}

/// Whatever is signed by a replica is looked at; which signatures are, a rulebook can leave out one by one.
#[test]
fn rulebook_decides_which_signatures_are_looked_at() {
    macro_rules! blind {
        ($($part:ident)*) => {
            |part| match part {
                $(SignedPart::$part => {
                    rulebook! { Blind: fn verifies(&self, part: SignedPart, genuine: bool) -> bool {
                        genuine || part == SignedPart::$part
                    } }
                    &Blind as &'static dyn Rules
                })*
            }
        };
    }
    let blind: fn(SignedPart) -> &'static dyn Rules =
        blind!(PrePrepare Prepare Commit Checkpoint ViewChange NewView Status State Reply);

    let (system, strangers) = (System::new(4), System::ed25519(4, 1));
    let (a, snapshot) = (system.batch(&[0], 1), Snapshot { seq: SeqNum(128), ..Snapshot::genesis() });
    let changes = |from: &System| [0, 1, 2].map(|id| from.view_change(id, 1, vec![])).to_vec();
    let own = |from: &System, change| common::new_view(&from.keys.replicas[1], 1, change, vec![]);
    let Message::State(state) = system.state(0, &snapshot, 3, vec![]) else { unreachable!() };
    let pre_prepare = Message::PrePrepare(proposal(&strangers.keys.replicas[0], 0, 1, &a));
    for (part, forged) in [
        (SignedPart::PrePrepare, pre_prepare),
        (SignedPart::Prepare, strangers.prepare(2, 0, 1, a.digest())),
        (SignedPart::Commit, strangers.commit(2, 0, 1, a.digest())),
        (SignedPart::Checkpoint, strangers.checkpoint(0, 128, a.digest())),
        (SignedPart::ViewChange, Message::ViewChange(strangers.view_change(2, 1, vec![]))),
        (SignedPart::NewView, own(&strangers, changes(&system))),
        (SignedPart::Status, strangers.status(2, 0, true, 0, 0)),
        (
            SignedPart::State,
            Message::State(Arc::new(strangers.keys.replicas[0].sign(state.message().clone()))),
        ),
    ] {
        only_under(blind(part), 3, &[], &forged, Refusal::BadSignature);
    }
    // What proves something is looked at too.
    let unproved = own(&system, changes(&strangers));
    only_under(blind(SignedPart::ViewChange), 3, &[], &unproved, Refusal::NoQuorum);
    let prepares = [1, 2].map(|id| prepare(&strangers.keys.replicas[id], 0, 1, a.digest()));
    let claim = PreparedClaim { proposal: system.proposal(0, 1, &a), prepares: Uncompared(prepares.into()) };
    let reports = Message::ViewChange(system.view_change(2, 1, vec![claim]));
    only_under(blind(SignedPart::Prepare), 3, &[], &reports, Refusal::NoQuorum);
}

#[test]
fn rulebook_decides_which_votes_count_together() {
    rulebook! { CountAgain: fn counts_vote(&self, _: Option<&VoteSet>, _: ReplicaId) -> bool { true } }
    rulebook! { AnyPrepare:
        fn prepare_key(&self, view: View, _: Digest) -> TallyKey {
            TallyKey { view: Some(view), digest: None }
        }
    }
    rulebook! { AnyCommit:
        fn commit_key(&self, view: View, _: Digest) -> TallyKey {
            TallyKey { view: Some(view), digest: None }
        }
    }
    rulebook! { Unprepared: fn decides_unprepared(&self) -> bool { true } }

    let system = System::new(4);
    let a = system.batch(&[0], 1);
    let d = a.digest();
    let pre_prepare = system.pre_prepare(0, 1, &a);
    let commits = |effects: &[Effect]| effects.contains(&Effect::Broadcast(system.commit(1, 0, 1, d)));

    for vote in [system.prepare(2, 0, 1, d), system.commit(2, 0, 1, d), system.checkpoint(2, 128, d)] {
        only_under(&CountAgain, 1, std::slice::from_ref(&vote), &vote, Refusal::Duplicate);
    }
    // The same prepare three times over, and the pre-prepare, make three votes.
    let twofold = PreparedClaim {
        proposal: system.proposal(0, 1, &a),
        prepares: Uncompared(Arc::from(vec![prepare(&system.keys.replicas[2], 0, 1, d); 2])),
    };
    let change = Message::ViewChange(system.view_change(2, 1, vec![twofold]));
    only_under(&CountAgain, 1, &[], &change, Refusal::NoQuorum);

    let other = system.prepare(2, 0, 1, digest(1));
    let (paper, lax) = last_effects(&AnyPrepare, 1, &[pre_prepare.clone(), other]);
    assert!(!commits(&paper) && commits(&lax));
    let prepared = [pre_prepare.clone(), system.prepare(2, 0, 1, d)];
    let commits_for = |d2| [system.commit(0, 0, 1, d), system.commit(2, 0, 1, d2)];
    let (paper, lax) = last_effects(&AnyCommit, 1, &[&prepared[..], &commits_for(digest(1))].concat());
    assert!(!decides(&paper) && decides(&lax));
    let (paper, _) = last_effects(&AnyCommit, 1, &[&prepared[..], &commits_for(d)].concat());
    assert!(decides(&paper));

    let votes = [0, 2, 3].map(|from| system.commit(from, 0, 1, d));
    let (paper, lax) =
        last_effects(&Unprepared, 1, &[std::slice::from_ref(&pre_prepare), &votes[..]].concat());
    assert!(!decides(&paper) && decides(&lax));
}

#[test]
fn rulebook_decides_which_votes_of_several_views_count_together() {
    rulebook! { PrepareForEver:
        fn prepare_key(&self, _: View, digest: Digest) -> TallyKey {
            TallyKey { view: None, digest: Some(digest) }
        }
    }
    rulebook! { CommitForEver:
        fn commit_key(&self, _: View, digest: Digest) -> TallyKey {
            TallyKey { view: None, digest: Some(digest) }
        }
    }

    let system = System::new(4);
    let a = system.batch(&[0], 1);
    let d = a.digest();
    let pre_prepare = system.pre_prepare(0, 1, &a);

    // Prepared in two views, a replica commits in both; where commits count in every view, its own counts once.
    let changes = [0, 1, 2].map(|id| system.view_change(id, 1, vec![system.claim(0, 1, &a)])).to_vec();
    let new_view = system.new_view(1, changes, &[(1, a)]);
    let prepares = |view| system.prepare(2, view, 1, d);
    let twice = [pre_prepare, prepares(0), system.commit(2, 0, 1, d), new_view.clone(), prepares(1)];
    let (paper, lax) = last_effects(&CommitForEver, 3, &twice);
    assert!(!decides(&paper) && !decides(&lax));
    let third = [system.commit(1, 1, 1, d)];
    let (paper, lax) = last_effects(&CommitForEver, 3, &[&twice[..], &third].concat());
    assert!(!decides(&paper) && decides(&lax));

    // So does a prepare of an earlier view, where prepares count in every view.
    let (paper, lax) = last_effects(&PrepareForEver, 3, &[prepares(0), new_view]);
    let commit = Effect::Broadcast(system.commit(3, 1, 1, d));
    assert!(!paper.contains(&commit) && lax.contains(&commit));
}

rulebook! { VotesForEver:
    fn prepare_key(&self, _: View, digest: Digest) -> TallyKey { TallyKey { view: None, digest: Some(digest) } }
    fn commit_key(&self, _: View, digest: Digest) -> TallyKey { TallyKey { view: None, digest: Some(digest) } }
}

#[test]
fn votes_that_count_in_every_view_are_taken_whatever_their_view_is() {
    let system = System::following(4, &VotesForEver);
    let mut backup = At::new(&system, 3);
    backup.accepts(&system.prepare(2, 5, 1, digest(1)));
    backup.accepts(&system.commit(2, 5, 1, digest(1)));
    // Even the primary's of a view in which it may cast none: here it is a view in which it may.
    backup.accepts(&system.prepare(1, 1, 1, digest(1)));
    // But not of who may cast none where it would count.
    backup.refuses(&system.prepare(0, 1, 1, digest(1)), Refusal::PrimaryPrepares);
}

#[test]
fn votes_that_count_in_every_view_do_not_where_their_sender_may_cast_none() {
    let system = System::following(4, &VotesForEver);
    let a = system.batch(&[0], 1);
    let d = a.digest();
    let changes = [0, 1, 2].map(|id| system.view_change(id, 1, vec![system.claim(0, 1, &a)])).to_vec();
    let new_view = system.new_view(1, changes, &[(1, a)]);
    let commit = Effect::Broadcast(system.commit(3, 1, 1, d));
    for (from, counts) in [(1, false), (2, true)] {
        let mut backup = At::new(&system, 3);
        backup.accepts(&system.prepare(from, 0, 1, d));
        assert_eq!(backup.accepts(&new_view).contains(&commit), counts, "r{from}");
    }
}

/// The first vote for a sequence number is held against the same rule as any other.
#[test]
fn votes_that_do_not_count_do_not_count_first_either() {
    rulebook! { NoneCounts: fn counts_vote(&self, _: Option<&VoteSet>, _: ReplicaId) -> bool { false } }
    let system = System::following(4, &NoneCounts);
    let backup = At::new(&system, 3);
    backup.refuses(&system.prepare(2, 0, 1, digest(1)), Refusal::Duplicate);
    backup.refuses(&system.commit(2, 0, 1, digest(1)), Refusal::Duplicate);
}

/// What a rulebook lets through twice has its effect once all the same.
#[test]
fn consequences_are_drawn_once() {
    rulebook! { PrepareByOne: fn prepare_quorum(&self, _: Committee) -> usize { 1 } }
    rulebook! { AnyView: fn admits_view(&self, _: Standing, _: View) -> bool { true } }
    rulebook! { AnyChange:
        fn justifies(&self, _: &ViewChange, _: View) -> bool { true }
        fn join(&self, _: Committee, _: &[View]) -> Option<View> { None }
    }

    // A certificate that took no votes is not taken again.
    let system = System::following(4, &PrepareByOne);
    let batch = system.batch(&[0], 1);
    let d = batch.digest();
    let mut backup = At::new(&system, 1);
    assert!(
        backup
            .accepts(&system.pre_prepare(0, 1, &batch))
            .contains(&Effect::Broadcast(system.commit(1, 0, 1, d)))
    );
    assert_eq!(backup.accepts(&system.commit(2, 0, 1, d)), []);

    // Votes in two views convict nobody.
    let system = System::following(4, &AnyView);
    let mut backup = At::new(&system, 3);
    for (view, digest) in [(0, digest(1)), (1, digest(2))] {
        assert_eq!(backup.accepts(&system.prepare(2, view, 1, digest)), []);
        assert_eq!(backup.accepts(&system.commit(2, view, 1, digest)), []);
    }
    // A proposal of a later view takes the place of an earlier one's, which no view change takes away.
    let mut backup = At::new(&system, 3);
    backup.accepts(&system.pre_prepare(0, 1, &batch));
    backup.times_out();
    let proposal = |state: &State| state.log().get(SeqNum(1)).and_then(|slot| slot.proposal()).cloned();
    assert_eq!(proposal(&backup.state), Some(system.proposal(0, 1, &batch)));
    let later = system.batch(&[1], 1);
    let prepare = Effect::Broadcast(system.prepare(3, 1, 1, later.digest()));
    assert!(backup.accepts(&system.pre_prepare(1, 1, &later)).contains(&prepare));

    // The primary of a view does not begin it again.
    let system = System::following(4, &AnyChange);
    let mut primary = At::new(&system, 0);
    for from in 1..4 {
        let effects = primary.accepts(&Message::ViewChange(system.view_change(from, 1, vec![])));
        assert_eq!(effects, [], "from {from}");
    }
}

#[test]
fn rulebook_decides_what_is_executed() {
    rulebook! { AnyOrder: fn is_next(&self, _: SeqNum, _: SeqNum) -> bool { true } }
    rulebook! { Always: fn executes(&self, _: Option<Timestamp>, _: Timestamp) -> bool { true } }

    let system = System::new(4);
    let batch = system.batch(&[0], 1);
    let d = batch.digest();
    let decide = |seq| {
        [
            system.pre_prepare(0, seq, &batch),
            system.prepare(2, 0, seq, d),
            system.commit(2, 0, seq, d),
            system.commit(3, 0, seq, d),
        ]
    };
    let (paper, lax) = last_effects(&AnyOrder, 1, &decide(2));
    assert_eq!((executed_of(&paper).len(), executed_of(&lax).len()), (0, 1));
    let (paper, lax) = last_effects(&Always, 1, &[decide(1), decide(2)].concat());
    assert_eq!(executed_of(&paper), [vec![]]);
    assert_eq!(executed_of(&lax), [[system.request(0, 1).id()]]);
    // The second slot is executed after the first in the one, and was already in the other.
    let (paper, lax) = last_effects(&AnyOrder, 1, &[decide(2), decide(1)].concat());
    assert_eq!((executed_of(&paper).len(), executed_of(&lax).len()), (2, 1));
    // What was executed does not wait again in the next view.
    let system_always = System::following(4, &Always);
    let mut backup = At::new(&system_always, 1);
    decide(1).iter().for_each(|message| drop(backup.accepts(message)));
    backup.accepts(&Message::Request(system.request(1, 1)));
    backup.times_out();
    assert_eq!(backup.state.pending().cloned().collect::<Vec<_>>(), [system.request(1, 1)]);
    let earlier = Message::Request(system.request(0, 0));
    only_under(&Always, 1, &decide(1), &earlier, Refusal::AlreadyExecuted);
}

/// A new view starts where the rulebook says, with that checkpoint's proof; where it says nothing, there is none.
#[test]
fn rulebook_decides_where_a_new_view_starts() {
    rulebook! { First:
        fn new_view_start(&self, changes: &[&ViewChange]) -> Option<SeqNum> {
            changes.first().map(|change| change.stable.seq)
        }
    }
    rulebook! { Nowhere: fn new_view_start(&self, _: &[&ViewChange]) -> Option<SeqNum> { None } }

    let stable = |system: &System, seq| system.stable_claim(seq, digest(1), 3);
    for (rules, expected) in [(&Castro99 as &'static dyn Rules, 256), (&First, 128)] {
        let system = System::following(4, rules);
        let changes = [
            system.view_change_from(0, 1, stable(&system, 128), vec![]),
            system.view_change_from(1, 1, stable(&system, 256), vec![]),
            system.view_change(2, 1, vec![]),
        ];
        let mut backup = At::new(&system, 3);
        backup.accepts(&system.new_view(1, changes.to_vec(), &[]));
        assert_eq!(backup.state.stable().claim(), &stable(&system, expected));
    }

    let changes = |system: &System| [0, 1, 2].map(|id| system.view_change(id, 1, vec![]));
    for (rules, begins) in [(&Castro99 as &'static dyn Rules, true), (&Nowhere, false)] {
        let system = System::following(4, rules);
        let mut primary = At::new(&system, 1);
        let effects = [0, 2].map(|id| primary.accepts(&Message::ViewChange(changes(&system)[id].clone())));
        assert_eq!(effects.iter().any(|effects| new_view_of(effects).is_some()), begins);
        let backup = At::new(&system, 3);
        let new_view = system.new_view(1, changes(&system).to_vec(), &[]);
        let verdict = backup.replica.check(&backup.state, Input::Deliver(&new_view));
        assert_eq!(verdict, if begins { Ok(()) } else { Err(Refusal::NoStart) });
    }
}

#[test]
fn rulebook_decides_what_proves_a_view_change() {
    rulebook! { AnyStable:
        fn check_stable(&self, _: &Setting, _: &StableClaim) -> Result<(), Refusal> { Ok(()) }
    }
    rulebook! { AnyPrepared:
        fn check_prepared(&self, _: &Setting, _: &PreparedClaim) -> Result<(), Refusal> { Ok(()) }
    }
    rulebook! { AnyChange:
        fn check_view_change(&self, _: &Setting, _: &ViewChange) -> Result<(), Refusal> { Ok(()) }
    }
    rulebook! { AnyTarget: fn justifies(&self, _: &ViewChange, _: View) -> bool { true } }
    rulebook! { ClaimByTwo: fn certificate_quorum(&self, _: Committee) -> usize { 2 } }
    rulebook! { AnyNewView:
        fn check_new_view(&self, _: &Setting, _: &NewView) -> Result<(), Refusal> { Ok(()) }
    }

    let system = System::new(4);
    let a = system.batch(&[0], 1);
    let unproved = system.view_change_from(2, 1, system.stable_claim(128, digest(1), 0), vec![]);
    only_under(&AnyStable, 1, &[], &Message::ViewChange(unproved), Refusal::NoQuorum);
    let unproved = system.view_change(2, 1, vec![system.claim_with(0, 1, &a, 0)]);
    only_under(&AnyPrepared, 1, &[], &Message::ViewChange(Arc::clone(&unproved)), Refusal::NoQuorum);
    only_under(&AnyChange, 1, &[], &Message::ViewChange(unproved), Refusal::NoQuorum);

    let others = [0, 1, 2].map(|id| system.view_change(id, 2, vec![])).to_vec();
    only_under(&AnyTarget, 3, &[], &system.new_view(1, others, &[]), Refusal::NoQuorum);
    only_under(&AnyNewView, 3, &[], &system.new_view(1, vec![], &[(1, a.clone())]), Refusal::NoQuorum);

    // What is accepted is reported where that is enough; what prepared, with its certificate.
    let voted = [system.pre_prepare(0, 1, &a), system.prepare(2, 0, 1, a.digest())];
    let changes = [1, 2].map(|id| Message::ViewChange(system.view_change(id, 1, vec![])));
    let reported = |before: &[Message]| {
        let (paper, lax) = last_effects(&ClaimByTwo, 3, &[before, &changes].concat());
        [paper, lax].map(|effects| {
            let change = view_change_of(&effects).unwrap();
            change.prepared.iter().map(|claim| claim.prepares.0.len()).collect::<Vec<_>>()
        })
    };
    assert_eq!(reported(&voted[..1]), [vec![], vec![1]]);
    assert_eq!(reported(&voted), [vec![2], vec![2]]);
}

#[test]
fn rulebook_decides_what_a_new_view_proposes() {
    fn oldest<'a>(claims: &[&'a PreparedClaim]) -> Option<&'a PreparedClaim> {
        claims.iter().copied().min_by_key(|claim| claim.view())
    }
    rulebook! { Oldest:
        fn select<'a>(&self, claims: &[&'a PreparedClaim]) -> Option<&'a PreparedClaim> { oldest(claims) }
    }
    rulebook! { Nothing: fn new_view_batches(&self, _: &[&ViewChange]) -> Vec<(SeqNum, Batch)> { vec![] } }

    let system = System::new(4);
    let (a, b) = (system.batch(&[0], 1), system.batch(&[1], 1));
    // In either order, so that neither the first nor the last is chosen for its place.
    for order in [[0, 1, 2], [2, 1, 0]] {
        let claims = [vec![system.claim(0, 1, &a)], vec![], vec![system.claim(1, 1, &b)]];
        let changes: Vec<_> = order.iter().map(|&id| system.view_change(id, 2, claims[id].clone())).collect();
        let proposing = |batches: &[_]| system.new_view(2, changes.clone(), batches);
        At::new(&system, 3).accepts(&proposing(&[(1, b.clone())]));
        only_under(&Oldest, 3, &[], &proposing(&[(1, a.clone())]), Refusal::WrongProposals);
        only_under(&Nothing, 3, &[], &proposing(&[]), Refusal::WrongProposals);
    }
}

#[test]
fn rulebook_decides_when_to_join_and_what_to_remember() {
    rulebook! { JoinOne:
        fn join(&self, _: Committee, views: &[View]) -> Option<View> { views.iter().copied().min() }
    }
    rulebook! { Silent: fn reports_prepared(&self, _: &PreparedClaim) -> bool { false } }
    rulebook! { Forgetful: fn keeps_prepared(&self, _: &PreparedClaim) -> bool { false } }

    let system = System::new(4);
    let (paper, lax) = last_effects(&JoinOne, 3, &[Message::ViewChange(system.view_change(1, 2, vec![]))]);
    assert!(view_change_of(&paper).is_none() && view_change_of(&lax).is_some());

    let batch = system.batch(&[0], 1);
    let prepared = [system.pre_prepare(0, 1, &batch), system.prepare(2, 0, 1, batch.digest())];
    let reported = |rules| {
        let system = System::following(4, rules);
        let mut backup = At::new(&system, 3);
        prepared.iter().for_each(|message| drop(backup.accepts(message)));
        view_change_of(&backup.times_out()).unwrap().prepared.len()
    };
    assert_eq!((reported(&Castro99), reported(&Silent)), (1, 0));

    // A new view of which this replica's certificate is no part.
    let changes = [0, 1, 2].map(|id| system.view_change(id, 1, vec![])).to_vec();
    let new_view = system.new_view(1, changes, &[]);
    let kept = |rules| {
        let system = System::following(4, rules);
        let mut backup = At::new(&system, 3);
        prepared.iter().for_each(|message| drop(backup.accepts(message)));
        backup.accepts(&new_view);
        backup.state.log().get(SeqNum(1)).and_then(|slot| slot.prepared()).map(|c| c.view())
    };
    assert_eq!((kept(&Castro99), kept(&Forgetful)), (Some(View(0)), None));
}

#[test]
fn rulebook_decides_what_state_and_decisions_are_taken_over() {
    rulebook! { AnyState:
        fn check_state(&self, _: &Setting, _: &StateTransfer) -> Result<(), Refusal> { Ok(()) }
    }
    rulebook! { AnyDecision:
        fn check_decision(&self, _: &Setting, _: &Decision) -> Result<(), Refusal> { Ok(()) }
    }
    let system = System::new(4);
    let batch = system.batch(&[0], 1);
    let state = Snapshot { seq: SeqNum(128), ..Snapshot::genesis() };
    let unproved = system.state(0, &state, 0, vec![]);
    let effects = only_under(&AnyState, 3, &[], &unproved, Refusal::NoQuorum);
    assert_eq!(effects[0], Effect::Transferred(SeqNum(128)));
    let unproved = system.state(0, &Snapshot::genesis(), 0, vec![system.decision(0, 1, &batch, 1)]);
    let effects = only_under(&AnyDecision, 3, &[], &unproved, Refusal::NoQuorum);
    assert_eq!(executed_of(&effects), [[system.request(0, 1).id()]]);
}

#[test]
fn rulebook_decides_what_keeps_a_replica_going() {
    rulebook! { NoTimer: fn runs_timer(&self, _: Standing) -> bool { false } }
    rulebook! { ByHeight: fn restarts_timer(&self, since: SeqNum, height: SeqNum) -> bool { height > since } }
    rulebook! { Locked: fn leaves_prepared(&self) -> bool { false } }
    rulebook! { Mute: fn retransmits(&self) -> bool { false } }

    let system = System::new(4);
    let (paper, other) = last_effects(&NoTimer, 1, &[Message::Request(system.request(0, 1))]);
    assert!(paper.contains(&timer(0, Some(0), 0, 0)));
    assert!(!other.iter().any(|effect| matches!(effect, Effect::Timer(_))));

    let batch = system.batch(&[1], 1);
    let messages = [
        Message::Request(system.request(0, 1)),
        system.pre_prepare(0, 1, &batch),
        system.prepare(2, 0, 1, batch.digest()),
        system.commit(0, 0, 1, batch.digest()),
        system.commit(2, 0, 1, batch.digest()),
    ];
    let (paper, other) = last_effects(&ByHeight, 1, &messages);
    assert_eq!((timers_of(&paper), timers_of(&other)), (vec![], vec![timer(0, Some(0), 1, 0)]));

    // What has prepared keeps the replica, whoever leaves, until it is decided.
    let batch = system.batch(&[0], 1);
    let digest = batch.digest();
    let prepared = [system.pre_prepare(0, 1, &batch), system.prepare(2, 0, 1, digest)];
    let changes = [1, 2].map(|id| Message::ViewChange(system.view_change(id, 1, vec![])));
    let (paper, locked) = last_effects(&Locked, 3, &[&prepared[..], &changes].concat());
    assert!(view_change_of(&paper).is_some() && view_change_of(&locked).is_none());
    let following = System::following(4, &Locked);
    let mut backup = At::new(&following, 3);
    prepared.iter().for_each(|message| drop(backup.accepts(message)));
    assert_eq!(refused(backup.replica, &backup.state, Input::Timeout, Refusal::NoTimer), []);
    let accepted_only = std::slice::from_ref(&prepared[0]);
    let (_, free) = last_effects(&Locked, 3, &[accepted_only, &changes].concat());
    assert!(view_change_of(&free).is_some());
    let decided = [0, 2].map(|id| system.commit(id, 0, 1, digest));
    let (_, free) = last_effects(&Locked, 3, &[&prepared[..], &decided, &changes].concat());
    assert!(view_change_of(&free).is_some());

    let says = |rules| {
        let system = System::following(4, rules);
        let mut backup = At::new(&system, 1);
        accepted(backup.replica, &mut backup.state, Input::Retransmit).len()
    };
    assert_eq!((says(&Castro99), says(&Mute)), (1, 0));
}

#[test]
fn rulebook_decides_what_outlives_a_crash() {
    rulebook! { ForgetsVotes:
        fn persists(&self, record: &Record) -> bool { !matches!(record, Record::Accepted(_)) }
    }
    let (a, b) = (System::new(4).batch(&[0], 1), System::new(4).batch(&[1], 1));
    // After a crash the first primary's second proposal is a conflict only to who remembers the first.
    let second = |rules| {
        let system = System::following(4, rules);
        let mut backup = At::new(&system, 1);
        let message = system.pre_prepare(0, 1, &a);
        let effects = accepted_with_records(backup.replica, &mut backup.state, Input::Deliver(&message));
        let records: Vec<_> = effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Persist(record) => Some(record),
                _ => None,
            })
            .collect();
        let recovered = backup.replica.recover(records);
        backup.replica.check(&recovered, Input::Deliver(&system.pre_prepare(0, 1, &b)))
    };
    assert_eq!(second(&Castro99), Err(Refusal::ConflictingProposal));
    assert_eq!(second(&ForgetsVotes), Ok(()));
}

rulebook! { ServesReads: fn serves_reads(&self) -> bool { true } }

#[test]
fn nobody_outside_the_key_ring_can_sign() {
    let system = System::new(4);
    let by = |replica: usize| checkpoint(&system.keys.replicas[replica], 128, digest(1));
    assert!(system.setting.keys.verify(&by(3)) && !system.setting.keys.verify(&by(4)));
    let by = |client: u32| system.request(client, 1);
    assert!(system.setting.keys.verify(&by(3)) && !system.setting.keys.verify(&by(4)));
}

#[test]
fn symbolic_keys_are_for_their_owners_only() {
    let keys = KeySet::symbolic(1, 1);
    assert_eq!(keys.replicas[0].owner(), Principal::Replica(ReplicaId(0)));
    assert!(!keys.ring.verify(&KeySet::ed25519(1, 1, 1).clients[0].sign(*prepare(
        &keys.replicas[0],
        0,
        1,
        digest(1)
    ))));
}
