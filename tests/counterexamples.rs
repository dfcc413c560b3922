//! Every counterexample that is shown is one, by the definition of what it violates: for each row of the corpus and each
//! judge that finds something there. The definitions stand here once more, in other words than those that the judges use.

#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bft_check::bugs::{Expected, RULEBOOKS, Rulebook, Run as Row};
use bft_check::check::{self, Job, JudgeKind, Limits, Progress, Verdict};
use bft_check::model::{Adversary, Bound, Byzantine, Event, Local, Property, Reductions, Run, System};
use bft_check::pbft::{Message, Outcome, Principal, SeqNum};
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

fn violates(property: Property, trace: &Trace) -> bool {
    let (system, run) = again(trace);
    let states: Vec<_> = run.locals().filter_map(|(_, local)| local.replica()).collect();
    let decided = || {
        states.iter().flat_map(|state| {
            state.log().iter().filter_map(|(seq, slot)| Some((seq, slot.committed()?.clone())))
        })
    };
    let replies = |client, timestamp| {
        let last = states.iter().filter_map(move |state| state.last_reply(client));
        last.filter(move |last| last.timestamp >= timestamp).collect::<Vec<_>>()
    };
    match property {
        Property::Panics => run.locals().any(|(_, local)| matches!(local, Local::Panicked(_))),
        Property::Agreement => {
            let mut batches: BTreeMap<SeqNum, BTreeSet<_>> = BTreeMap::new();
            decided().for_each(|(seq, batch)| {
                batches.entry(seq).or_default().insert(batch.digest());
            });
            batches.values().any(|batches| batches.len() > 1)
        }
        Property::ChainPrefix => {
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
        Property::Validity => {
            let asked = |request: &_| system.requests().iter().any(|known| known == request);
            decided().any(|(_, batch)| !batch.requests().iter().all(asked))
        }
        Property::ExactlyOnce => states.iter().any(|state| {
            let all: Vec<_> = state.chain().blocks().iter().flat_map(|block| block.executed()).collect();
            all.iter().collect::<BTreeSet<_>>().len() < all.len()
        }),
        Property::CertificateUnique => {
            let mut held: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
            for (_, slot) in states.iter().flat_map(|state| state.log().iter()) {
                if let Some(certificate) = slot.prepared() {
                    let place = (certificate.view(), certificate.seq());
                    held.entry(place).or_default().insert(certificate.claim().proposal.batch.digest());
                }
            }
            held.values().any(|batches| batches.len() > 1)
        }
        Property::StableUnique => {
            let stable: BTreeSet<_> =
                states.iter().map(|state| (state.stable().seq(), state.stable().claim().state)).collect();
            stable.iter().any(|(seq, _)| stable.iter().filter(|(other, _)| other == seq).count() > 1)
        }
        Property::StableHeld => states.iter().any(|state| {
            let reached = states.iter().filter(|other| other.chain().height() >= state.stable().seq());
            reached.count() <= usize::from(system.bound().faults)
        }),
        Property::ReplyTrue => run.locals().any(|(who, local)| {
            let (Principal::Client(client), Some(state)) = (who, local.client()) else { return false };
            let Some((timestamp, result @ Outcome::Appended { .. })) = state.accepted() else { return false };
            replies(client, timestamp).iter().all(|last| last.timestamp == timestamp && last.result != result)
        }),
        Property::Linearizable => is_stale(trace),
        Property::NoDeadEnd => is_dead_end(&system, &run),
        Property::Executed | Property::Answered => never(property, trace),
        Property::Evidence => false,
    }
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
    let due = system.requests().len().min(system.bound().slots as usize);
    run.locals().filter_map(|(_, local)| local.replica()).any(|state| {
        let served = |request: &&bft_check::pbft::SignedRequest| state.last_reply(request.client).is_some();
        system.requests().iter().filter(served).count() < due
    })
}

/// Whether the run stays for ever, fairly, and in no state from then on the goal is reached. Where it stays is worked out
/// once more when it is read from a file.
fn never(property: Property, trace: &Trace) -> bool {
    let rulebook =
        RULEBOOKS.iter().find(|it| format!("{:?}", it.rules) == format!("{:?}", trace.system().rules()));
    let text = trace.written(Form::Json, rulebook.unwrap().name, Some(property)).unwrap();
    let read = TraceFile::read(text).unwrap();
    let Some(stay) = read.trace.lasso() else { return false };
    let mut run = Run::new(Arc::new(trace.system().clone()));
    let mut reached = false;
    for (place, step) in trace.steps().iter().enumerate() {
        reached |= place >= stay.stable_after && run.with_seen(|seen| seen.reaches(property));
        run.step(step.to, &step.event).unwrap();
    }
    reached |= run.with_seen(|seen| seen.reaches(property));
    stay.property == property && !reached && read.trace.fair().is_ok()
}

/// The jobs of every judge besides its own that can be asked about a row.
fn jobs(rulebook: &Rulebook, row: &Row, property: Property) -> Vec<Job> {
    let placed = row.byzantine.map_or(Byzantine::Count(row.scope.faults), |ids| Byzantine::Ids(ids.to_vec()));
    let bound = Bound::new(row.scope, []);
    let of = |judge| check::jobs(judge, &bound, &placed, rulebook.rules).unwrap();
    let (mut all, plain) = (Vec::new(), of(JudgeKind::Absorbed));
    for reductions in ["silent", "silent,symmetry", "silent,decided"] {
        let reductions: Reductions = reductions.parse().unwrap();
        all.extend(plain.iter().map(|job| Job { reductions, ..job.clone() }));
    }
    all.extend(of(JudgeKind::Message));
    all.extend(of(JudgeKind::Unbounded));
    all.retain(|job| check::validate(job, rulebook.rules, Some(property)).is_ok());
    all
}

#[test]
#[ignore = "minutes: every row under every judge"]
fn every_counterexample_is_one_by_definition_whoever_found_it() {
    // What takes longer is left to the judges' own tests.
    let timeout = Some(Duration::from_secs(1));
    let limits = Limits { max_states: Some(5_000), timeout, ..Limits::default() };
    let mut shown: BTreeMap<String, usize> = BTreeMap::new();
    let rows = RULEBOOKS.iter().flat_map(|rulebook| rulebook.runs.iter().map(move |run| (rulebook, run)));
    for (rulebook, row) in rows.filter(|(_, row)| !row.slow) {
        let Expected::Violated(property) = row.expected else { continue };
        let whole = check::run_row(rulebook, row, &Limits::default(), &Progress::default()).unwrap();
        let mut outcomes = whole.outcomes;
        if row.told.is_empty() {
            for job in jobs(rulebook, row, property) {
                let progress = Progress::default();
                let outcome = check::run(&job, rulebook.rules, Some(property), &limits, None, &progress);
                outcomes.push(outcome.unwrap());
            }
        }
        let mut is_shown = false;
        for outcome in &outcomes {
            let Verdict::Violated { property: violated, trace, .. } = &outcome.verdict else { continue };
            assert_eq!(*violated, property, "{}: {}", rulebook.name, outcome.job.judge);
            assert!(
                violates(property, trace),
                "{} by {}: {}",
                rulebook.name,
                outcome.job.judge,
                trace.to_text(Some(property))
            );
            *shown.entry(format!("{} {}", outcome.job.judge, outcome.job.reductions)).or_default() += 1;
            is_shown = true;
        }
        assert!(is_shown, "{} violates {property}", rulebook.name);
    }
    for (judge, least) in [
        ("absorbed none", 30),
        ("absorbed silent", 20),
        ("absorbed silent,decided", 5),
        ("absorbed silent,symmetry", 20),
        ("message none", 8),
        ("unbounded silent,ample,most,alike,decided,entered,subsumed,symmetry", 3),
        ("liveness none", 5),
    ] {
        assert!(shown.get(judge).is_some_and(|&count| count >= least), "{judge}: {shown:?}");
    }
}

/// A run is no counterexample to what it does not violate: the definitions tell.
#[test]
fn a_run_in_which_nothing_happens_violates_nothing() {
    let castro99 = RULEBOOKS[0];
    let bound = Bound::new(bft_check::model::Scope { views: 1, clients: true, ..castro99.smallest() }, []);
    let system = Arc::new(System::new(bound, castro99.rules).unwrap());
    let nothing = Trace::replay(&system, &[]).unwrap();
    for property in Property::SAFETY.into_iter().chain([Property::NoDeadEnd]) {
        assert!(!violates(property, &nothing), "{property}");
        assert!(nothing.violation(property).is_none(), "{property}");
    }
}

/// The one delivery that was once shown as a dead end is none: from there on all execute.
#[test]
fn one_delivery_is_no_dead_end() {
    for name in ["first-receiver", "short-window", "partial-authenticator"] {
        let rulebook = bft_check::bugs::find(name).unwrap();
        let row = rulebook.runs.iter().find(|row| row.asks_for() == Some(Property::NoDeadEnd)).unwrap();
        let found = check::run_row(rulebook, row, &Limits::default(), &Progress::default()).unwrap();
        let Verdict::Violated { trace, .. } = &found.outcomes[0].verdict else { panic!("{name}") };
        let system = Arc::new(trace.system().clone());
        let events: Vec<_> = trace.steps().iter().map(|step| (step.to, step.event.clone())).collect();
        for length in 0..events.len() {
            let shorter = Trace::replay(&system, &events[..length]).unwrap();
            assert!(shorter.violation(Property::NoDeadEnd).is_none(), "{name} after {length} steps");
        }
        let goes_on = Trace::replay(&system, &events[..1]).unwrap().to_the_end();
        assert!(goes_on.steps().len() > 1, "{name}");
        // And which rule is to blame is seen: it is asked on the way.
        let why = trace.explain(Property::NoDeadEnd).unwrap();
        let blamed: BTreeSet<_> =
            why.rules.iter().flat_map(|rules| rules.stopping()).map(|it| it.rule).collect();
        assert!(rulebook.overrides.iter().any(|rule| blamed.contains(rule)), "{name}: {blamed:?}");
    }
}
