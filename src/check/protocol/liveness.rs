//! What must happen once the network is stable, on every fair run.

#[cfg(feature = "explore")]
use crate::check::fair::confirm;
use crate::check::fair::{
    Cut, Ending, FairModel, HaltedGraph, Lasso, LivenessProperty, LivenessReport, LivenessVerdict,
    check_liveness_on,
};
use crate::check::limits::{Limit, Limits, Progress};
use crate::check::search::Coverage;
use crate::engine::{FairGraph, FairState, FairStep, LIVENESS, Owed, Refusal, Step};
use crate::interrupt;
use crate::protocol::Protocol;
use crate::trace::{Story, StoryEnd};

use super::report::Verdict;

impl<P: Protocol> FairModel for FairGraph<P> {
    type Class = Owed;

    fn class(&self, state: &FairState, step: &FairStep) -> Option<Owed> {
        self.owed(state, step)
    }

    fn is_cut(&self, state: &FairState) -> bool {
        FairGraph::is_cut(self, state)
    }
}

/// Whether every honest node gets where it must get, on every fair run.
pub(crate) fn check<P: Protocol>(
    graph: &FairGraph<P>,
    limits: &Limits,
    progress: &Progress,
) -> (Coverage, Verdict) {
    let (coverage, verdict, _) = check_on(graph, limits, progress, None);
    (coverage, verdict)
}

/// Explores a fair graph, from the beginning or from where a limit ended another exploration. With the verdict comes what it takes
/// to go on, if a limit ended this one.
pub(super) fn check_on<P: Protocol>(
    graph: &FairGraph<P>,
    limits: &Limits,
    progress: &Progress,
    halted: Option<HaltedGraph<FairState, Owed>>,
) -> (Coverage, Verdict, Option<HaltedGraph<FairState, Owed>>) {
    let refused = |coverage, why| (coverage, Verdict::Refused(why), None);
    match (check_liveness_on(graph, &[done()], limits, progress, halted), graph.graph().refusal()) {
        (report, Some(why)) => refused(report.map(|(report, _)| report.coverage).unwrap_or_default(), why),
        (Err(error), None) => refused(Coverage::default(), Refusal::NotRepeated(error.to_string())),
        (Ok((report, halted)), None) => (report.coverage, verdict(graph, report), halted),
    }
}

fn done<P: Protocol>() -> LivenessProperty<FairGraph<P>> {
    LivenessProperty::eventually(LIVENESS, |graph: &FairGraph<P>, state| graph.is_done(state))
}

/// How a run goes on for ever that takes these steps of a graph whose network is stable, and from then on repeats those after
/// `repeats_after`, if there are any; nothing if it gets where it must get, or goes on so for ever on no fair run.
#[cfg(feature = "explore")]
pub(crate) fn staying<P: Protocol>(
    graph: &FairGraph<P>,
    steps: &[Step],
    repeats_after: usize,
) -> Option<StoryEnd> {
    let steps: Vec<_> = steps.iter().copied().map(FairStep::Step).collect();
    let (prefix, cycle) = steps.split_at_checked(repeats_after)?;
    let endings = match cycle.is_empty() {
        true => vec![Ending::DeadEnd, Ending::Rest],
        false => vec![Ending::Loop(cycle.to_vec())],
    };
    let all = endings.into_iter().map(|ending| Lasso { initial: 0, prefix: prefix.to_vec(), ending });
    let found = all.into_iter().find(|lasso| confirm(graph, &done(), lasso).is_ok())?;
    Some(end(graph, &found).1)
}

fn verdict<P: Protocol>(graph: &FairGraph<P>, report: LivenessReport<FairStep, Owed>) -> Verdict {
    let Some(finding) = report.findings.into_iter().next() else {
        return Verdict::NotExhausted(Limit::Bound);
    };
    match finding.verdict {
        LivenessVerdict::Holds => Verdict::Holds,
        LivenessVerdict::NotExhausted(Cut::Limit(limit)) => Verdict::NotExhausted(limit),
        LivenessVerdict::NotExhausted(Cut::Boundary) => Verdict::NotExhausted(Limit::Bound),
        LivenessVerdict::Violated(lasso) => match interrupt::undisturbed(|| told(graph, &lasso)) {
            Ok(story) => {
                let steps = story.steps.len() - story.opening - graph.begun().len();
                Verdict::NotLive { steps, story: Box::new(story) }
            }
            Err(why) => Verdict::Refused(why),
        },
    }
}

fn told<P: Protocol>(graph: &FairGraph<P>, lasso: &Lasso<FairStep>) -> Result<Story, Refusal> {
    let (path, end) = end(graph, lasso);
    Story::never(graph.graph(), &path, end)
}

/// The steps of a run, once round what repeats, and how it goes on.
fn end<P: Protocol>(graph: &FairGraph<P>, lasso: &Lasso<FairStep>) -> (Vec<Step>, StoryEnd) {
    let mut path = graph.begun().to_vec();
    let mut stable_after = path.len();
    for step in lasso.prefix.iter().chain(lasso.cycle()) {
        match step {
            FairStep::Stabilise => stable_after = path.len(),
            FairStep::Step(step) => path.push(*step),
        }
    }
    let cycle = lasso.cycle().iter().filter(|step| matches!(step, FairStep::Step(_))).count();
    let end = match lasso.ending {
        Ending::DeadEnd => StoryEnd::dead_end(stable_after),
        Ending::Loop(_) if cycle > 0 => StoryEnd::repeating(stable_after, path.len() - cycle),
        Ending::Rest | Ending::Loop(_) => StoryEnd::at_rest(stable_after),
    };
    (path, end)
}
