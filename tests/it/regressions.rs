//! Faults that the replica once had, one test each.

use std::sync::Arc;

use crate::common::*;
use bft_check::pbft::*;

/// Whose key is known is not therefore a member: a ring may serve several committees.
#[test]
fn votes_from_outside_the_committee_do_not_count_even_with_a_larger_key_ring() {
    let keys = KeySet::symbolic(8, 4);
    let setting = Setting::new(Committee::of(4).unwrap(), keys.ring.clone());
    let batch = Batch::new([request(&keys.clients[0], 0, 1)]);
    let prepares: Arc<[_]> = [5, 6].map(|i| prepare(&keys.replicas[i], 0, 1, batch.digest())).into();
    let claim =
        PreparedClaim { proposal: proposal(&keys.replicas[0], 0, 1, &batch), prepares: Uncompared(prepares) };
    let a = PreparedCertificate::new(&setting, &Castro99, claim).err();
    let checkpoints: Arc<[_]> = [5, 6, 7].map(|i| checkpoint(&keys.replicas[i], 128, digest(1))).into();
    let claim = StableClaim { seq: SeqNum(128), state: digest(1), checkpoints: Uncompared(checkpoints) };
    let b = StableCheckpoint::new(&setting, &Castro99, claim).err();
    assert_eq!((a, b), (Some(Refusal::NoQuorum), Some(Refusal::NoQuorum)));
}

#[test]
fn new_view_of_strangers() {
    let keys = KeySet::symbolic(8, 4);
    let setting = Arc::new(Setting::new(Committee::of(4).unwrap(), keys.ring.clone()));
    let r = Replica::new(keys.replicas[3].clone(), setting, &Castro99).unwrap();
    let sys = System::new(8);
    let changes = [5, 6, 7].map(|i| sys.view_change(i, 1, vec![])).to_vec();
    let m = new_view(&keys.replicas[1], 1, changes, vec![]);
    assert!(r.check(&r.init(), Input::Deliver(&m)).is_err());
}

/// The last word of the set holds the largest number that a replica can have.
#[test]
fn vote_set_iterates_over_all_ids() {
    let set: VoteSet = [ReplicaId(u16::MAX)].into_iter().collect();
    assert_eq!(set.iter().collect::<Vec<_>>(), [ReplicaId(u16::MAX)]);
}

/// A request that waits when a later one of its client is executed can never be executed. Waiting for
/// it would keep the timer running and make its only holder leave the view for good.
#[test]
fn overtaken_request_does_not_keep_the_timer_running() {
    let mut net = Net::new(System::new(4));
    let early = Message::Request(net.system.request(0, 1));
    net.loses = |m| matches!(m, Message::Request(r) if r.timestamp == Timestamp(1));
    net.queue.push_back((1, early.clone()));
    // Backup 1 has it from the client; its relay to the primary is lost or late.
    let mut out = vec![];
    net.system.replicas[1].step(&mut net.states[1], Input::Deliver(&early), &mut out).unwrap();
    net.broadcast(&Message::Request(net.system.request(0, 2)));
    net.run();
    assert_eq!(net.chains(), vec!["[#1:c0.t2]"; 4]);
    assert_eq!(net.states[1].pending().count(), 0);
    assert_eq!(net.system.replicas[1].timer(&net.states[1]), None);
}

fn tuned() -> System {
    System::with(4, &Castro99, |s| {
        s.checkpoint_interval = 2;
        s.window = 4;
        s.max_batch = 1;
    })
}

/// A new view may carry view changes that do not count towards its quorum. A claim in one of them
/// that nothing proves must not hide the checkpoint that is proved.
#[test]
fn unverified_view_change_in_a_new_view_does_not_hide_the_stable_checkpoint() {
    let mut net = Net::new(tuned());
    net.loses = |m| matches!(m, Message::Checkpoint(_));
    for c in 0..2 {
        net.broadcast(&Message::Request(net.system.request(c, 1)));
        net.run();
    }
    let state = net.states[3].snapshot().digest();
    let sys = &net.system;
    let stable = sys.stable_claim(2, state, 3);
    let mut changes: Vec<_> = (0..3).map(|i| sys.view_change_from(i, 1, stable.clone(), vec![])).collect();
    // Not for view 1, so skipped; nothing in it is proved.
    changes.push(sys.view_change_from(1, 7, sys.stable_claim(1000, digest(9), 0), vec![]));
    let m = sys.new_view(1, changes, &[]);
    accepted(&sys.replicas[3], &mut net.states[3], Input::Deliver(&m));
    assert_eq!(net.states[3].stable().seq(), SeqNum(2));
}

/// A new primary that is behind the new view's stable checkpoint assigns numbers above it all the same.
#[test]
fn new_primary_that_is_behind_proposes_above_the_stable_checkpoint() {
    let mut net = Net::new(tuned());
    net.down.insert(1);
    for c in 0..2 {
        net.broadcast(&Message::Request(net.system.request(c, 1)));
        net.run();
    }
    assert_eq!(net.states[2].stable().seq(), SeqNum(2));
    net.down = [0].into();
    net.broadcast(&Message::Request(net.system.request(3, 1)));
    net.run();
    net.effects.clear();
    (1..4).for_each(|i| net.timeout(i));
    net.run();
    for (at, e) in &net.effects {
        if let Effect::Broadcast(Message::PrePrepare(p)) = e {
            assert!(p.seq() > SeqNum(2), "r{at} proposes at {}", p.seq());
        }
    }
}
