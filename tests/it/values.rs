//! What every judge takes for granted of the protocol's values: when two are the same, how they are ordered and
//! hashed, how a digest is written, and that a state or a message with other view numbers differs in these alone.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};
use std::sync::Arc;

use crate::common::{Net, System, accepted, digest};
use bft_check::pbft::{
    Batch, Castro99, Chain, Digest, Encoder, Input, Message, NewView, Outcome, Rename, Renaming, ReplicaId,
    Request, Rules, SeqNum, Signable, Signed, Snapshot, State, Tag, Uncompared, View, VoteSet,
};

fn hash(value: &impl Hash) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(value)
}

fn new_view(message: &Message) -> Arc<Signed<NewView>> {
    let Message::NewView(new_view) = message else { panic!("{message:?}") };
    Arc::clone(new_view)
}

// --- the same, or not -----------------------------------------------------------------------------

/// A digest says what is asked for and not who has signed it; a batch is both.
#[test]
fn batches_are_the_same_if_their_requests_and_those_signatures_are() {
    let system = System::new(4);
    let (a, b) = (system.batch(&[0], 1), system.batch(&[1], 1));
    let forged = system.keys.replicas[0].sign(system.request(0, 1).message().clone());
    let forged = Batch::new([forged]);
    assert_eq!(a, system.batch(&[0], 1));
    assert_ne!(a, b);
    assert_eq!(a.digest(), forged.digest());
    assert_ne!(a, forged);
    assert_eq!(hash(&a), hash(&system.batch(&[0], 1)));
    assert_ne!(hash(&a), hash(&b));
    for other in [&a, &b, &forged] {
        assert_eq!(a.partial_cmp(other), Some(a.cmp(other)));
        assert_eq!(a.cmp(other).is_eq(), a == *other);
    }
}

#[test]
fn new_views_are_the_same_whichever_view_changes_justify_them() {
    let system = System::new(4);
    let change = |from| system.view_change(from, 1, vec![]);
    let later = |from| system.view_change_from(from, 1, system.stable_claim(128, digest(1), 3), vec![]);
    let of = |changes, batches: &[(u64, Batch)]| new_view(&system.new_view(1, changes, batches));
    let batch = system.batch(&[0], 1);
    let one = of(vec![change(0), change(1), change(2)], &[]);
    let same = of(vec![change(1), change(2), change(3)], &[]);
    let start = of(vec![change(1), change(2), later(3)], &[]);
    let proposals = of(vec![change(0), change(1), change(2)], &[(1, batch)]);
    assert_eq!(one.message(), same.message());
    assert_eq!(hash(one.message()), hash(same.message()));
    assert_eq!(one.start().map(|(seq, _)| seq), Some(SeqNum::GENESIS));
    assert_eq!(start.start(), Some((SeqNum(128), digest(1))));
    for other in [&start, &proposals] {
        assert_ne!(one.message(), other.message());
        assert_ne!(hash(one.message()), hash(other.message()));
        assert_eq!(one.partial_cmp(other), Some(one.cmp(other)));
        assert!(one.cmp(other).is_ne());
    }
}

#[test]
fn sets_of_voters_are_the_same_however_large_they_once_were() {
    let set = |ids: &[u16]| ids.iter().copied().map(ReplicaId).collect::<VoteSet>();
    assert_ne!(set(&[0]), VoteSet::new());
    assert_ne!(set(&[0, 64]), set(&[0]));
    assert_ne!(hash(&set(&[0])), hash(&set(&[1])));
    assert_eq!(hash(&set(&[3, 70])), hash(&set(&[70, 3])));
}

#[test]
fn proofs_do_not_tell_statements_apart() {
    assert_eq!(Uncompared(1), Uncompared(2));
    assert_eq!(Uncompared(1).partial_cmp(&Uncompared(2)), Some(std::cmp::Ordering::Equal));
    assert_eq!(hash(&Uncompared(1)), hash(&Uncompared(2)));
}

// --- what is written ------------------------------------------------------------------------------

#[test]
fn digests_are_written_and_read_in_hexadecimal() {
    let mut bytes = [0; 32];
    bytes.iter_mut().zip(1u8..).for_each(|(byte, i)| *byte = i.wrapping_mul(0x1f));
    let digest = Digest::of_bytes(bytes);
    assert_eq!(digest.as_bytes(), &bytes);
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(serde_json::to_string(&digest).unwrap(), format!("\"{text}\""));
    assert_eq!(serde_json::from_str::<Digest>(&format!("\"{text}\"")).unwrap(), digest);
    for wrong in ["", "0", &text[..63], &format!("{text}0"), &text.to_uppercase(), &text.replace('1', "g")] {
        assert!(serde_json::from_str::<Digest>(&format!("\"{wrong}\"")).is_err(), "{wrong}");
    }
}

/// What is signed is the encoding: two messages that differ must differ there.
#[test]
fn what_is_signed_begins_with_its_kind_and_says_everything() {
    let system = System::new(4);
    let request = |client, timestamp| system.request(client, timestamp).message().encode();
    let (one, other) = (request(0, 1), request(0, 2));
    assert_eq!(one.as_slice(), request(0, 1).as_slice());
    assert_ne!(one.as_slice(), other.as_slice());
    assert!(one.as_slice().ends_with(b"operation"));
}

/// A kind, then numbers of a fixed width, the high byte first, and bytes after their length: no two values share it.
#[test]
fn an_encoding_can_be_read_in_one_way_only() {
    let encoded = Encoder::new(Tag::Batch).u16(0x0102).u32(3).u64(4).bytes(b"ab").digest(&Digest::ZERO);
    let mut expected = vec![2, 1, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 2, b'a', b'b'];
    expected.extend([0; 32]);
    assert_eq!(encoded.as_slice(), expected);
}

/// Every kind of message, of view 1 where it has one.
fn messages(system: &System, view: u64) -> Vec<(&'static str, Message)> {
    let batch = system.batch(&[0], 1);
    let request = system.request(0, 1);
    let claim = system.claim(view - 1, 1, &batch);
    let changes = (0..3).map(|from| system.view_change(from, view, vec![claim.clone()])).collect();
    let result = Outcome::Appended { seq: SeqNum(1), position: 0, parent: Digest::ZERO };
    let read: Request = request.message().clone();
    vec![
        ("REQUEST", Message::Request(request.clone())),
        ("PRE-PREPARE", system.pre_prepare(view, 1, &batch)),
        ("PREPARE", system.prepare(2, view, 1, batch.digest())),
        ("COMMIT", system.commit(2, view, 1, batch.digest())),
        ("CHECKPOINT", system.checkpoint(2, 128, digest(1))),
        ("VIEW-CHANGE", Message::ViewChange(system.view_change(2, view, vec![claim]))),
        ("NEW-VIEW", system.new_view(view, changes, &[(1, batch.clone())])),
        ("STATUS", system.status(2, view, true, 0, 0)),
        ("REPLY", system.reply(2, 0, &read, result)),
        ("STATE", system.state(2, &Snapshot::genesis(), 3, vec![])),
    ]
}

#[test]
fn messages_are_called_what_the_paper_calls_them() {
    for (name, message) in messages(&System::new(4), 1) {
        assert_eq!(message.kind(), name);
    }
}

#[test]
fn a_chain_shows_its_blocks() {
    assert_eq!(Chain::genesis().blocks(), []);
    let mut net = Net::new(System::new(4));
    let request = Message::Request(net.system.request(0, 1));
    net.broadcast(&request);
    net.run();
    let batch = net.system.batch(&[0], 1);
    for state in &net.states {
        let batches: Vec<_> = state.chain().blocks().iter().map(|block| block.batch().clone()).collect();
        assert_eq!(batches, std::slice::from_ref(&batch));
    }
}

// --- other view numbers ---------------------------------------------------------------------------

fn renumbering(system: &System, from: u64, by: i64) -> Renaming<'_> {
    Renaming { keys: &system.keys.replicas, from: View(from), by, names: None }
}

#[test]
fn views_before_the_first_keep_their_numbers_and_none_moves_below_it() {
    let system = System::new(4);
    let (up, down) = (renumbering(&system, 2, 4), renumbering(&system, 2, -4));
    assert_eq!([1, 2, 3].map(|view| up.view(View(view))), [1, 6, 7].map(|view| Some(View(view))));
    assert_eq!([1, 6, 7].map(|view| down.view(View(view))), [1, 2, 3].map(|view| Some(View(view))));
    assert_eq!([2, 5].map(|view| down.view(View(view))), [None, None]);
}

/// The same primaries sign the same things n views higher, and what proves something proves it there.
#[test]
fn messages_with_other_view_numbers_are_those_of_these_views() {
    let system = System::new(4);
    let up = renumbering(&system, 0, 4);
    for ((name, low), (_, high)) in messages(&system, 1).into_iter().zip(messages(&system, 5)) {
        let moved = low.renamed(&up).unwrap();
        assert_eq!(moved, high, "{name}");
        assert_eq!(moved.renamed(&renumbering(&system, 0, -4)), Some(low), "{name}");
        match &moved {
            Message::ViewChange(change) => {
                assert_eq!(Castro99.check_view_change(&system.setting, change), Ok(()));
                assert!(system.setting.keys.verify(change));
            }
            Message::NewView(new_view) => {
                assert_eq!(Castro99.check_new_view(&system.setting, new_view), Ok(()));
                assert!(system.setting.keys.verify(new_view));
            }
            _ => {}
        }
    }
    let message = system.pre_prepare(1, 1, &system.batch(&[0], 1));
    assert_eq!(message.renamed(&renumbering(&system, 0, -4)), None);
}

/// Everything that a state holds moves with it: what is accepted, counted, prepared, and asked for.
#[test]
fn states_with_other_view_numbers_do_the_same_there() {
    let system = System::new(4);
    let (up, down) = (renumbering(&system, 0, 4), renumbering(&system, 0, -4));
    let (batch, replica) = (system.batch(&[0], 1), &system.replicas[3]);
    let mut state = replica.init();
    assert_eq!(state.renamed(&down), None);
    let mut steps = vec![Message::Request(system.request(0, 1)), system.pre_prepare(0, 1, &batch)];
    steps.push(system.prepare(1, 0, 1, batch.digest()));
    steps.push(system.commit(1, 0, 1, batch.digest()));
    steps.push(Message::ViewChange(system.view_change(2, 1, vec![])));
    for message in &steps {
        accepted(replica, &mut state, Input::Deliver(message));
        let moved = state.renamed(&up).unwrap();
        assert_eq!(moved.view(), View(4));
        assert_ne!(moved, state);
        assert_eq!(moved.renamed(&down).as_ref(), Some(&state));
    }
    let (mut low, mut high) = (state.clone(), state.renamed(&up).unwrap());
    let sent = |state: &mut State| accepted(replica, state, Input::Timeout);
    let (here, there) = (sent(&mut low), sent(&mut high));
    assert_eq!(low.renamed(&up), Some(high));
    assert_eq!(here.len(), there.len());
}

/// A new view whose view changes speak of views that would move below the first cannot move; once its view is
/// left nobody asks for it.
#[test]
fn a_new_view_that_cannot_move_keeps_a_replica_until_it_has_left_it() {
    let system = System::new(4);
    let down = renumbering(&system, 0, -4);
    let (batch, replica) = (system.batch(&[0], 1), &system.replicas[1]);
    let claim = system.claim(3, 1, &batch);
    let changes = (0..3).map(|from| system.view_change(from, 4, vec![claim.clone()])).collect();
    let mut state = replica.init();
    accepted(replica, &mut state, Input::Deliver(&system.new_view(4, changes, &[(1, batch)])));
    assert!(state.is_active() && state.view() == View(4));
    assert_eq!(state.renamed(&down), None);
    accepted(replica, &mut state, Input::Timeout);
    let moved = state.renamed(&down).unwrap();
    assert_eq!((moved.view(), moved.new_view().is_some()), (View(1), false));
    assert!(state.new_view().is_some());
}
