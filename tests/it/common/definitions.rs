//! What it is to violate each property, of a run and its end. The definitions stand here once more, in other words than
//! those that the judges use.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bft_check::bugs::RULEBOOKS;
use bft_check::model::{Adversary, Event, Local, Property, Run, System};
use bft_check::pbft::{Batch, LastReply, Message, Outcome, Principal, SeqNum, State, Timestamp};
use bft_check::trace::{Form, Trace, TraceFile};

/// The run once more, from its events alone.
fn again(trace: &Trace) -> (Arc<System>, Run) {
    let system = Arc::new(trace.system().clone());
    let mut run = Run::new(Arc::clone(&system));
    for step in trace.steps() {
        run.step(step.to, &step.event).unwrap();
    }
    (system, run)
}

/// Whether the run violates the property, by the definition of the property alone.
pub fn violates(property: Property, trace: &Trace) -> bool {
    let (system, run) = again(trace);
    let states: Vec<_> = run.locals().filter_map(|(_, local)| local.replica()).collect();
    match property {
        Property::Panics => run.locals().any(|(_, local)| matches!(local, Local::Panicked(_))),
        Property::Agreement => {
            let mut batches: BTreeMap<SeqNum, BTreeSet<_>> = BTreeMap::new();
            decided(&states).for_each(|(seq, batch)| {
                batches.entry(seq).or_default().insert(batch.digest());
            });
            batches.values().any(|batches| batches.len() > 1)
        }
        Property::ChainPrefix => has_two_chains(&states),
        Property::Validity => {
            let asked = |request: &_| system.requests().iter().any(|known| known == request);
            decided(&states).any(|(_, batch)| !batch.requests().iter().all(asked))
        }
        Property::ExactlyOnce => states.iter().any(|state| {
            let all: Vec<_> = state.chain().blocks().iter().flat_map(|block| block.executed()).collect();
            all.iter().collect::<BTreeSet<_>>().len() < all.len()
        }),
        Property::CertificateUnique => has_two_certificates(&states),
        Property::StableUnique => {
            let stable: BTreeSet<_> =
                states.iter().map(|state| (state.stable().seq(), state.stable().claim().state)).collect();
            stable.iter().any(|(seq, _)| stable.iter().filter(|(other, _)| other == seq).count() > 1)
        }
        Property::StableHeld => states.iter().any(|state| {
            let reached = states.iter().filter(|other| other.chain().height() >= state.stable().seq());
            reached.count() <= usize::from(system.bound().scope.faults)
        }),
        Property::ReplyTrue => is_told_what_nobody_computed(&run, &states),
        Property::Linearizable => is_stale(trace),
        Property::NoDeadEnd => is_dead_end(&system, &run),
        Property::Executed | Property::Answered if system.bound().scope.load.is_some() => is_left_out(&run),
        Property::Executed | Property::Answered => never(property, trace),
        Property::Evidence => false,
    }
}

/// What each replica has decided.
fn decided<'a>(states: &'a [&State]) -> impl Iterator<Item = (SeqNum, Batch)> + 'a {
    states
        .iter()
        .flat_map(|state| state.log().iter().filter_map(|(seq, slot)| Some((seq, slot.committed()?.clone()))))
}

/// Whether two chains differ at some height, or one leaves one out.
fn has_two_chains(states: &[&State]) -> bool {
    let chains = states.iter().map(|state| {
        let blocks = state.chain().blocks().iter();
        blocks.map(|block| (block.seq(), block.digest())).collect::<BTreeMap<_, _>>()
    });
    let chains: Vec<_> = chains.collect();
    let differ = |a: &BTreeMap<SeqNum, _>, b: &BTreeMap<_, _>| {
        a.iter().any(|(seq, block)| b.get(seq).is_some_and(|other| other != block))
    };
    let skips = states.iter().any(|state| {
        let heights = state.chain().blocks().iter().map(|block| block.seq().0);
        (state.chain().base().0 + 1..).zip(heights).any(|(due, seq)| due != seq)
    });
    // Of two replicas that took over a checkpoint each, the digests that they began with can differ.
    let claims: BTreeSet<_> = states
        .iter()
        .filter_map(|s| Some((s.chain().base(), s.chain().hash_at(s.chain().base())?)))
        .collect();
    let based = claims.iter().any(|(base, hash)| {
        states.iter().any(|s| s.chain().hash_at(*base).is_some_and(|other| other != *hash))
    });
    skips || based || chains.iter().any(|a| chains.iter().any(|b| differ(a, b)))
}

/// Whether certificates are held for two batches of one place.
fn has_two_certificates(states: &[&State]) -> bool {
    let mut held: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for (_, slot) in states.iter().flat_map(|state| state.log().iter()) {
        if let Some(certificate) = slot.prepared() {
            let place = (certificate.view(), certificate.seq());
            held.entry(place).or_default().insert(certificate.claim().proposal.batch.digest());
        }
    }
    held.values().any(|batches| batches.len() > 1)
}

/// Whether a client believes a result that no replica has come to, where none knows of a later request of the client.
fn is_told_what_nobody_computed(run: &Run, states: &[&State]) -> bool {
    run.locals().any(|(who, local)| {
        let (Principal::Client(client), Some(state)) = (who, local.client()) else { return false };
        let Some((timestamp, result @ Outcome::Appended { .. })) = state.accepted() else { return false };
        let mut last = states.iter().filter_map(|state| state.last_reply(client));
        let is_another = |last: &LastReply| last.timestamp == timestamp && last.result != result;
        last.all(|last| last.timestamp < timestamp || is_another(last))
    })
}

/// Whether a client was told of less than another one was told before it asked.
fn is_stale(trace: &Trace) -> bool {
    let height = |outcome: &Outcome| match outcome {
        Outcome::Appended { seq, .. } => seq.0,
        Outcome::Read { height, .. } => height.0,
    };
    let mut most = 0;
    let mut asked = BTreeMap::new();
    for step in trace.steps() {
        if step.event == Event::Invoke {
            asked.insert(step.to, most);
        }
        let accepted = |local: &bft_check::model::Local| local.client().and_then(|state| state.accepted());
        if let Some((_, outcome)) = accepted(&step.after).filter(|_| accepted(&step.before).is_none()) {
            if height(&outcome) < asked.get(&step.to).copied().unwrap_or(0) {
                return true;
            }
            most = most.max(height(&outcome));
        }
    }
    false
}

/// Whether somebody waits, and whatever can happen changes nobody.
fn is_dead_end(system: &Arc<System>, run: &Run) -> bool {
    let adversary = Adversary::new(Arc::clone(system));
    let requests = system.requests().iter().cloned().map(Message::Request);
    let all: BTreeSet<_> = adversary.unconditional_messages().iter().cloned().chain(requests).collect();
    let all: BTreeSet<_> = all.into_iter().chain(adversary.messages(run.sent())).collect();
    let all: BTreeSet<_> = all.iter().chain(run.sent()).collect();
    for (who, local) in run.locals() {
        let hears = |message: &Message| {
            !matches!(message, Message::Request(_))
                || who.replica().is_none_or(|id| system.hears_requests(id))
        };
        let of_bound = |message: &&&Message| system.is_explored(message) && hears(message);
        let mut events: Vec<_> = all.iter().filter(of_bound).map(|m| Event::Deliver((**m).clone())).collect();
        events.extend(local.replica().map(|state| Event::Timeout(state.view())));
        events.extend([Event::Crash, Event::Invoke]);
        for event in events {
            let mut next = run.clone();
            if next.step(who, &event).is_err() {
                continue;
            }
            let after = next.locals().find(|(other, _)| *other == who).unwrap().1;
            if after != local || next.sent() != run.sent() {
                return false;
            }
        }
    }
    let due = system.requests().len().min(system.bound().scope.slots as usize);
    run.locals().filter_map(|(_, local)| local.replica()).any(|state| {
        let served = |request: &&bft_check::pbft::SignedRequest| state.last_reply(request.client).is_some();
        system.requests().iter().filter(served).count() < due
    })
}

/// Whether a client has got nothing, from anybody, while hundreds of requests of others were executed. A simulated run ends
/// some time, so that this is as near as it comes to never.
fn is_left_out(run: &Run) -> bool {
    let clients = || {
        run.locals().filter_map(|(who, _)| match who {
            Principal::Client(client) => Some(client),
            Principal::Replica(_) => None,
        })
    };
    let executed = |client| {
        let states = run.locals().filter_map(|(_, local)| local.replica());
        states.filter_map(|state| state.last_reply(client)).map(|last| last.timestamp).max()
    };
    clients().any(|client| executed(client).is_none())
        && clients().filter_map(executed).any(|Timestamp(last)| last > 300)
}

/// Whether the run stays for ever, fairly, and in no state from then on the goal is reached. Where it stays is worked out
/// once more when it is read from a file.
fn never(property: Property, trace: &Trace) -> bool {
    let rulebook =
        RULEBOOKS.iter().find(|it| format!("{:?}", it.rules) == format!("{:?}", trace.system().rules()));
    let text = trace.written(Form::Json, rulebook.unwrap().name, Some(property)).unwrap();
    let read = TraceFile::read(text, &bft_check::bugs::catalogue()).unwrap();
    let Some(stay) = read.trace.lasso() else { return false };
    let mut run = Run::new(Arc::new(trace.system().clone()));
    let mut reached = false;
    for (place, step) in trace.steps().iter().enumerate() {
        reached |= place >= stay.stable_after && run.with_view(|seen| seen.reaches(property));
        run.step(step.to, &step.event).unwrap();
    }
    reached |= run.with_view(|seen| seen.reaches(property));
    stay.property == property && !reached && read.trace.fair().is_ok()
}
