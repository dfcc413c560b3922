//! What the judges are asked of each rulebook, and which answers cover which.

use std::fmt;

use bft_check::check::{Job, JudgeKind};
use bft_check::model::{Bound, Property, Reductions, Scope};
use bft_check::pbft::ReplicaId;

/// One run of a judge.
#[derive(Clone, PartialEq, Debug)]
pub struct Question {
    pub job: Job,
    /// The only property that is checked, if not all are.
    pub property: Option<Property>,
}

impl fmt::Display for Question {
    /// As `bft check` takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scope = self.job.bound.scope;
        let ids: Vec<_> = self.job.bound.byzantine.iter().map(ToString::to_string).collect();
        let byzantine = if ids.is_empty() { "0".to_owned() } else { ids.join(",") };
        write!(f, "--judge {} --replicas {} --faults {}", self.job.judge, scope.replicas, scope.faults)?;
        if self.job.judge == JudgeKind::Unbounded {
            write!(f, " --byzantine {}", ids.len())?;
        } else {
            write!(f, " --byzantine {byzantine} --views {}", scope.views)?;
        }
        write!(f, " --slots {} --requests {}", scope.slots, scope.requests)?;
        for (name, value) in [("checkpoint", scope.checkpoint), ("window", scope.window)] {
            if let Some(value) = value {
                write!(f, " --{name} {value}")?;
            }
        }
        if scope.crashes > 0 {
            write!(f, " --crashes {}", scope.crashes)?;
        }
        if scope.clients {
            write!(f, " --clients --reads {}", scope.reads)?;
        }
        write!(f, " --reduce {}", self.job.reductions)?;
        self.property.map_or(Ok(()), |property| write!(f, " --property {property}"))
    }
}

impl Question {
    fn new(judge: JudgeKind, scope: Scope, byzantine: &[u16], reductions: Reductions) -> Self {
        let bound = Bound::new(scope, byzantine.iter().copied().map(ReplicaId));
        Question { job: Job { judge, bound, reductions }, property: None }
    }

    /// Whether the question is about all that this one is about, so that if the answer to it is that everything
    /// holds, nothing can be violated here.
    pub fn is_covered_by(&self, other: &Question) -> bool {
        if self.property != other.property {
            return false;
        }
        let (mine, theirs) = (&self.job.bound, &other.job.bound);
        let bounded = Scope { views: 1, requests: 1, crashes: 0, ..mine.scope };
        let same = bounded == Scope { views: 1, requests: 1, crashes: 0, ..theirs.scope };
        let requests = if self.property.is_some() {
            // Who is stuck depends on what there is to do.
            mine.scope == theirs.scope
        } else {
            mine.scope.requests <= theirs.scope.requests && mine.scope.crashes <= theirs.scope.crashes
        };
        let of_views = other.job.judge == JudgeKind::Unbounded;
        let views = of_views || mine.scope.views <= theirs.scope.views;
        let placed = mine.byzantine == theirs.byzantine
            || (of_views && mine.byzantine.len() == theirs.byzantine.len());
        // What a violation in any number of views takes is not known of one that was found without a bound.
        same && requests && views && placed && (self.job.judge != JudgeKind::Unbounded || of_views)
    }
}

const ONE: Scope = Scope { views: 1, requests: 1, ..Scope::DEFAULT };
const ALONE: Scope = Scope { replicas: 3, faults: 0, ..ONE };

/// Sets of reductions for judge *guards*: those of its own, alone and as far as they go together.
fn of_absorbed(scope: &Scope) -> Vec<Reductions> {
    let none = Reductions::NONE;
    let (silent, symmetry) = (Reductions { silent: true, ..none }, Reductions { symmetry: true, ..none });
    let both = Reductions { silent: true, symmetry: true, ..none };
    let mut sets = vec![none, silent, symmetry, both];
    if scope.slots == 1 && scope.crashes == 0 && !scope.clients && scope.checkpoint.is_none() {
        sets.push(Reductions { quotient: true, ..none });
        sets.push(Reductions { quotient: true, silent: true, ..none });
    }
    sets
}

/// Sets of reductions for judge *unbounded*: all, none, and all but one.
fn of_unbounded() -> Vec<Reductions> {
    let all = Reductions { symmetry: false, ..Reductions::ALL };
    vec![
        all,
        Reductions { subsumed: false, ..all },
        Reductions { silent: false, ..all },
        Reductions { ample: false, ..all },
        Reductions { maximal: false, ..all },
        Reductions { counting: false, ..all },
        Reductions { quotient: false, subsumed: false, ..all },
        Reductions { summaries: false, subsumed: false, ..all },
        Reductions { summaries: false, subsumed: false, maximal: false, ..all },
        Reductions::NONE,
    ]
}

/// Questions as they are put together.
#[derive(Default)]
struct Asked(Vec<Question>);

impl Asked {
    /// Asks a judge of a scope, with each of these placements and each of these sets of reductions.
    fn ask(&mut self, judge: JudgeKind, scope: Scope, byzantine: &[&[u16]], sets: &[Reductions]) {
        for ids in byzantine {
            self.0.extend(sets.iter().map(|&set| Question::new(judge, scope, ids, set)));
        }
    }
}

/// The scope with two requests.
fn two(scope: Scope) -> Scope {
    Scope { requests: 2, ..scope }
}

/// Everything that is asked of every rulebook, what takes least first.
pub fn questions() -> Vec<Question> {
    let mut all = Asked::default();
    ask_alone(&mut all);
    ask_of_one(&mut all);
    all.0.extend(dead_ends());
    all.0
}

/// With nobody Byzantine.
fn ask_alone(all: &mut Asked) {
    let none = Reductions::NONE;
    let alone_twice = Scope { views: 2, ..ALONE };
    let alone_checkpoint = Scope { checkpoint: Some(1), ..ALONE };
    let alone_crash = Scope { crashes: 1, ..ALONE };
    for scope in [ALONE, two(ALONE), alone_checkpoint, alone_crash] {
        all.ask(JudgeKind::Message, scope, &[&[]], &[none]);
    }
    let alone_slots = Scope { slots: 2, ..two(ALONE) };
    let alone_clients = Scope { clients: true, ..ALONE };
    let alone = [
        ALONE,
        two(ALONE),
        alone_twice,
        two(alone_twice),
        alone_checkpoint,
        alone_crash,
        Scope { crashes: 1, ..alone_twice },
        alone_slots,
        alone_clients,
        Scope { reads: 1, ..alone_clients },
    ];
    for scope in alone {
        all.ask(JudgeKind::Guards, scope, &[&[]], &of_absorbed(&scope));
    }
    // Of two views with two slots, or with checkpoints, only the beginning is looked at.
    let silent = Reductions { silent: true, ..none };
    for scope in [Scope { views: 2, ..alone_slots }, Scope { checkpoint: Some(1), ..alone_twice }] {
        all.ask(JudgeKind::Guards, scope, &[&[]], &[silent]);
    }
    for scope in [ALONE, two(ALONE)] {
        all.ask(JudgeKind::Unbounded, scope, &[&[]], &of_unbounded());
    }
    all.ask(JudgeKind::Unbounded, alone_slots, &[&[]], &of_unbounded()[..1]);
}

/// With one of four Byzantine.
fn ask_of_one(all: &mut Asked) {
    let none = Reductions::NONE;
    let each: [&[u16]; 4] = [&[0], &[1], &[2], &[3]];
    let led: [&[u16]; 2] = [&[0], &[3]];
    let (message, guards, unbounded) = (JudgeKind::Message, JudgeKind::Guards, JudgeKind::Unbounded);
    all.ask(message, ONE, &led, &[none]);
    for scope in [ONE, two(ONE)] {
        all.ask(guards, scope, &each, &of_absorbed(&scope));
    }
    let views = Scope { views: 2, ..ONE };
    all.ask(guards, views, &each, &of_absorbed(&views));
    for scope in [ONE, two(ONE), views] {
        all.ask(guards, scope, &[&[]], &[none]);
    }
    let more = [
        Scope { checkpoint: Some(1), ..ONE },
        Scope { checkpoint: Some(1), ..two(ONE) },
        Scope { crashes: 1, ..ONE },
        Scope { crashes: 1, ..two(ONE) },
        Scope { slots: 2, ..ONE },
        Scope { clients: true, ..ONE },
    ];
    for scope in more {
        all.ask(guards, scope, &led, &[none, Reductions { silent: true, symmetry: true, ..none }]);
    }
    all.ask(unbounded, ONE, &[&[3]], &[Reductions { symmetry: false, ..Reductions::ALL }, none]);
    all.ask(unbounded, two(ONE), &[&[3]], &of_unbounded());
    let silent = Reductions { silent: true, quotient: true, ..none };
    all.ask(guards, two(views), &each, &[silent]);
}

/// Nobody gets stuck: asked where the first primary is honest.
fn dead_ends() -> Vec<Question> {
    let none = Reductions::NONE;
    let of = |judge, scope, ids: &[u16]| Question {
        property: Some(Property::NoDeadEnd),
        ..Question::new(judge, scope, ids, none)
    };
    let two = Scope { requests: 2, ..ALONE };
    vec![
        of(JudgeKind::Message, ALONE, &[]),
        of(JudgeKind::Guards, ALONE, &[]),
        of(JudgeKind::Message, two, &[]),
        of(JudgeKind::Guards, two, &[]),
        of(JudgeKind::Message, ONE, &[3]),
        of(JudgeKind::Guards, ONE, &[3]),
    ]
}
