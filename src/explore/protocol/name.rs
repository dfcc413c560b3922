//! The names of steps in an address: by what they do, in the protocol's own words.

use rustc_hash::FxHashMap;

use super::super::naming::slug;
use crate::engine::{Graph, GraphState, Happening, Kind, Step};
use crate::protocol::Protocol;

/// A step that is possible, and its name.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub step: Step,
    pub told: Happening,
    /// By what it does.
    base: String,
    /// What tells it from others that are called alike, if there are any.
    which: Option<String>,
}

impl Named {
    /// The name that means it and nothing else.
    pub fn name(&self) -> String {
        match &self.which {
            Some(which) => format!("{}*{which}", self.base),
            None => self.base.clone(),
        }
    }

    /// Whether it is called alike.
    pub fn reads_as(&self, other: &Self) -> bool {
        self.base == other.base
    }
}

/// All that is possible in a state, by name.
pub(super) fn possible<P: Protocol>(graph: &Graph<P>, state: &GraphState) -> Vec<Named> {
    let choices = graph.choices(state).into_iter();
    let mut all: Vec<Named> =
        choices.map(|(step, told)| Named { step, base: base(&told), told, which: None }).collect();
    let mut called: FxHashMap<String, usize> = FxHashMap::default();
    for named in &all {
        *called.entry(named.base.clone()).or_default() += 1;
    }
    for named in &mut all {
        let is_alone = called.get(&named.base) == Some(&1);
        named.which = (!is_alone).then(|| content(graph, named.step));
    }
    number(&mut all);
    all
}

/// The step of a name; where it does not say which of several, the first of which `is_meant` is true.
pub(super) fn find<'a>(all: &'a [Named], name: &str, is_meant: impl Fn(&Named) -> bool) -> Option<&'a Named> {
    let (words, which) = match name.split_once('*') {
        Some((words, which)) => (words, Some(which)),
        None => (name, None),
    };
    let base = spelled(words);
    let mut alike = all.iter().filter(|named| named.base == base);
    match which {
        Some(which) => alike.find(|named| named.which.as_deref().unwrap_or(which) == which),
        None => {
            let meant = alike.clone().find(|named| is_meant(named));
            meant.or_else(|| alike.next())
        }
    }
}

/// The steps of these names from the start of a graph; what was dropped, or who has stopped, is no step.
///
/// # Errors
/// One of them cannot happen.
pub(super) fn followed<P: Protocol>(graph: &Graph<P>, names: &[String]) -> Result<Vec<Step>, String> {
    followed_from(graph, graph.start().clone(), names)
}

/// The same from another state.
///
/// # Errors
/// One of them cannot happen.
pub(super) fn followed_from<P: Protocol>(
    graph: &Graph<P>,
    mut state: GraphState,
    names: &[String],
) -> Result<Vec<Step>, String> {
    let mut path = Vec::new();
    for name in names.iter().filter(|name| !name.starts_with("stop-") && !name.starts_with("x-")) {
        let all = possible(graph, &state);
        let changes = |named: &Named| graph.next(&state, named.step).is_ok_and(|next| next != state);
        let step = find(&all, name, changes).map(|named| named.step);
        let step = step.ok_or_else(|| format!("{name} cannot happen then"))?;
        state = graph.next(&state, step).map_err(|why| why.to_string())?;
        path.push(step);
    }
    Ok(path)
}

/// What is called alike by content too is numbered in the order in which it stands in its queue.
fn number(all: &mut [Named]) {
    for place in 0..all.len() {
        let (before, rest) = all.split_at_mut(place);
        let Some(named) = rest.first_mut() else { return };
        let Some(which) = &named.which else { continue };
        let same = |other: &&Named| {
            let content = other.which.as_deref().map(|other| other.split('.').next().unwrap_or(other));
            other.base == named.base && content == Some(which)
        };
        let count = before.iter().filter(same).count();
        if count > 0 {
            named.which = Some(format!("{which}.{}", count + 1));
        }
    }
}

/// What a step is called by what it does.
fn base(told: &Happening) -> String {
    let words = slug(&told.words);
    match (told.kind, told.from) {
        (Kind::Message, Some(from)) => format!("{from}-{}-{words}", told.at),
        (Kind::Loss, Some(from)) => format!("lose-{from}-{}-{words}", told.at),
        (Kind::Cut, Some(other)) => format!("cut-{}-{other}", told.at),
        (Kind::Crash, _) => format!("{}-crash", told.at),
        (Kind::Timer, _) => format!("{}-timer_{words}", told.at),
        _ => format!("{}-{words}", told.at),
    }
}

/// A name as [`base`] spells it, whatever its words look like.
fn spelled(name: &str) -> String {
    let parts: Vec<_> = name.splitn(if name.starts_with("lose-") { 4 } else { 3 }, '-').collect();
    let is_node = |part: &str| part.starts_with('n') && part[1..].starts_with(|c: char| c.is_ascii_digit());
    match parts[..] {
        ["lose", from, to, words] => format!("lose-{from}-{to}-{}", slug(words)),
        ["cut", ..] => name.to_owned(),
        [from, to, words] if is_node(to) => format!("{from}-{to}-{}", slug(words)),
        [at, ..] => match name.split_once('-') {
            Some((_, words)) => format!("{at}-{}", slug(words)),
            None => name.to_owned(),
        },
        [] => String::new(),
    }
}

/// What tells a message or an event from others that read alike: from its content.
fn content<P: Protocol>(graph: &Graph<P>, step: Step) -> String {
    let content = match step {
        Step::Deliver(delivery) | Step::Lose(delivery) => graph.content(delivery.message()),
        other => graph.content_of_event(other).unwrap_or_default(),
    };
    format!("{:06x}", content & 0xff_ffff)
}

#[cfg(test)]
mod tests {
    use super::spelled;

    #[test]
    fn a_name_may_be_spelled_as_the_protocol_does() {
        for (name, short) in [
            ("n0-n2-Vote { round: 1 }", "n0-n2-vote_round_1"),
            ("lose-n0-n2a-Vote", "lose-n0-n2a-vote"),
            ("n1-timer_Timeout(0)", "n1-timer_timeout_0"),
            ("n1-not-so-fast", "n1-not_so_fast"),
            ("cut-n0-n1", "cut-n0-n1"),
            ("n1-crash", "n1-crash"),
            ("", ""),
        ] {
            assert_eq!(spelled(name), short, "{name}");
        }
    }
}
