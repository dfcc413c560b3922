//! What a judge answers, with everything that must not come of it.

use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use bft_check::check::{self, Limits, Progress, Verdict};
use bft_check::model::Property;
use bft_check::pbft::Rules;
use bft_check::trace::Trace;

use crate::question::Question;

/// How long a judge may take, and how many states it may visit.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    pub states: u64,
    pub time: Duration,
}

/// What came of a question.
#[derive(Clone, Debug)]
pub enum Answer {
    Holds {
        states: u64,
        unreached: Vec<&'static str>,
    },
    Violated {
        property: Property,
        steps: usize,
        trace: Box<Trace>,
    },
    NotExhausted,
    Refused(String),
    /// The judge panicked, here and with this message.
    Panicked(String),
}

impl Answer {
    /// Whether it says that something is violated; also where judge *unbounded* cannot show how.
    pub fn is_violated(&self) -> bool {
        match self {
            Answer::Violated { .. } => true,
            Answer::Refused(why) => why.starts_with("some run of"),
            _ => false,
        }
    }

    /// In a word or two.
    pub fn brief(&self) -> String {
        match self {
            Answer::Holds { states, .. } => format!("holds, {states} states"),
            Answer::Violated { property, steps, .. } => format!("{property} violated in {steps}"),
            Answer::NotExhausted => "not exhausted".to_owned(),
            Answer::Refused(why) => format!("refused: {why}"),
            Answer::Panicked(what) => format!("panicked: {what}"),
        }
    }
}

/// What panics said, by thread: several rulebooks are examined at the same time.
static PANICS: Mutex<Vec<(ThreadId, String)>> = Mutex::new(Vec::new());

/// Keeps panics off the screen, and what they say.
pub fn catch_panics() {
    panic::set_hook(Box::new(|info| {
        let said = (thread::current().id(), info.to_string().replace('\n', " "));
        PANICS.lock().unwrap_or_else(PoisonError::into_inner).push(said);
    }));
}

/// Does what may panic; what it says if it does.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    panic::catch_unwind(AssertUnwindSafe(work)).map_err(|_| {
        let mut panics = PANICS.lock().unwrap_or_else(PoisonError::into_inner);
        let here = thread::current().id();
        let mine = panics.iter().rposition(|(thread, _)| *thread == here);
        let said = mine.map(|place| panics.remove(place).1);
        said.unwrap_or_else(|| "in another thread".to_owned())
    })
}

/// The time that this thread has had a processor; the clock where the system does not say.
pub fn processor_time() -> Duration {
    static START: Mutex<Option<Instant>> = Mutex::new(None);
    let spent = fs::read_to_string("/proc/thread-self/schedstat").ok();
    let spent = spent.and_then(|text| text.split(' ').next()?.parse().ok()).map(Duration::from_nanos);
    spent.unwrap_or_else(|| {
        let mut start = START.lock().unwrap_or_else(PoisonError::into_inner);
        start.get_or_insert_with(Instant::now).elapsed()
    })
}

/// Asks a judge. Also what is wrong with the answer, whatever it is.
pub fn ask(question: &Question, rules: &'static dyn Rules, patience: Patience) -> (Answer, Vec<String>) {
    let limits = Limits {
        max_states: Some(patience.states),
        timeout: Some(patience.time),
        threads: 1,
        ..Limits::default()
    };
    let start = processor_time();
    let outcome = caught(|| {
        let progress = Progress::default();
        check::run(&question.job, rules, question.property, &limits, None, &progress)
    });
    let spent = processor_time() - start;
    let mut wrong = Vec::new();
    let allowed = patience.time + (patience.time / 10).max(Duration::from_secs(1));
    if spent > allowed {
        wrong.push(format!(
            "overrun: took {:.1} s of {:.1} s",
            spent.as_secs_f64(),
            patience.time.as_secs_f64()
        ));
    }
    let answer = match outcome {
        Err(what) => {
            wrong.push(format!("panic: {what}"));
            Answer::Panicked(what)
        }
        // A question that makes no sense under these rules is refused before anything is explored.
        Ok(Err(error)) => Answer::Refused(error.to_string()),
        Ok(Ok(outcome)) => match outcome.verdict {
            Verdict::Holds | Verdict::Vacuous => {
                Answer::Holds { states: outcome.coverage.states, unreached: outcome.unreached }
            }
            Verdict::Violated { property, steps, trace } => {
                wrong.extend(
                    caught(|| replayed(&trace, property))
                        .unwrap_or_else(|what| Some(format!("panic: {what}"))),
                );
                Answer::Violated { property, steps, trace }
            }
            Verdict::NotExhausted(_) => Answer::NotExhausted,
            Verdict::Refused(why) => {
                if why.contains("please report this") {
                    wrong.push(format!("internal: {why}"));
                }
                Answer::Refused(why)
            }
            other => panic!("{other:?}"),
        },
    };
    (answer, wrong)
}

/// What is wrong with a violation that is shown.
fn replayed(trace: &Trace, property: Property) -> Option<String> {
    let system = Arc::new(trace.system().clone());
    let events: Vec<_> = trace.steps().iter().map(|step| (step.to, step.event.clone())).collect();
    match Trace::replay(&system, &events) {
        Err(error) => Some(format!("unreplayable: {property}: {error}")),
        Ok(again) if again.violation(property).is_none() => {
            Some(format!("unreplayable: the run does not violate {property}"))
        }
        Ok(_) => None,
    }
}
