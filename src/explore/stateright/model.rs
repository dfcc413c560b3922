//! What stateright's explorer shows: judge *message*, with the states along a known run marked out.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::Arc;

use stateright::{Model, Path};

use crate::model::{
    Event, Fingerprint, GlobalView, Judge, MessageAction, MessageModel, MessageState, Property, System,
    fingerprint, looked_at, properties,
};
use crate::trace::{Step, Trace, describe, svg};

/// Judge *message*, with the states along a known run marked out. Named for the page, which shows the name.
///
/// stateright finds what its page links to by a search of its own, which for a bound with a view change would not end. So
/// where a counterexample is known, its search is bounded to the states along it, and it is asked about the violated
/// property alone: of the others such a search would say that they hold. What a person browses is not bounded, and of each
/// state the properties are told as they are there.
pub(super) struct Pbft {
    model: MessageModel,
    guide: Option<(Property, HashSet<Fingerprint>)>,
}

impl Pbft {
    pub fn new(system: &Arc<System>, violation: Option<(Property, &Trace)>) -> Self {
        let model = MessageModel::new(Arc::clone(system));
        let guide = violation.map(|(property, trace)| (property, along(&model, trace)));
        Pbft { model, guide }
    }

    /// Whether there is a run that its search is led along.
    pub fn is_guided(&self) -> bool {
        self.guide.is_some()
    }

    /// The path of a trace: the number of the initial state, then the number of each step among those that are offered,
    /// as far as it can be followed.
    pub fn follow(&self, trace: &Trace) -> Vec<usize> {
        let Some(mut state) = self.model.init_states().into_iter().next() else { return Vec::new() };
        let mut path = vec![0];
        for step in trace.steps() {
            let wanted = MessageAction { to: step.to, event: step.event.clone() };
            let mut actions = Vec::new();
            self.model.actions(&state, &mut actions);
            let Some(index) = actions.iter().position(|action| *action == wanted) else { break };
            let Some(next) = self.model.next_state(&state, actions.swap_remove(index)) else { break };
            path.push(index);
            state = next;
        }
        path
    }
}

/// The states that a trace passes through.
fn along(model: &MessageModel, trace: &Trace) -> HashSet<Fingerprint> {
    let mut states = HashSet::new();
    let Some(mut state) = model.init_states().into_iter().next() else { return states };
    states.insert(fingerprint(&state));
    for step in trace.steps() {
        let action = MessageAction { to: step.to, event: step.event.clone() };
        let Some(next) = model.next_state(&state, action) else { break };
        states.insert(fingerprint(&next));
        state = next;
    }
    states
}

impl Model for Pbft {
    type State = MessageState;
    type Action = MessageAction;

    fn init_states(&self) -> Vec<MessageState> {
        self.model.init_states()
    }

    fn actions(&self, state: &MessageState, actions: &mut Vec<MessageAction>) {
        self.model.actions(state, actions);
    }

    fn next_state(&self, state: &MessageState, action: MessageAction) -> Option<MessageState> {
        self.model.next_state(state, action)
    }

    fn format_action(&self, action: &MessageAction) -> String {
        match &action.event {
            Event::Deliver(message) => {
                format!("{} → {}: {}", message.signer(), action.to, describe(self.system(), message))
            }
            _ => format!("{action:?}"),
        }
    }

    fn format_step(&self, state: &MessageState, action: MessageAction) -> Option<String> {
        let (before, taken) = self.model.try_out(state, &action)?;
        let mut out = Step::new(action.to, action.event.clone(), before, taken).outcome(self.system());
        let next = self.model.next_state(state, action)?;
        let violated = self.with_view(&next, |seen| {
            looked_at(self.system())
                .filter_map(|property| Some((property, property.violation(seen)?)))
                .collect::<Vec<_>>()
        });
        for (property, why) in &violated {
            let _ = writeln!(out, "✗ {property} is violated in this state: {why}");
        }
        if violated.is_empty() {
            out.push_str("In this state every safety property holds.\n");
        }
        Some(out)
    }

    fn as_svg(&self, path: Path<MessageState, MessageAction>) -> Option<String> {
        let events: Vec<_> = path.into_actions().into_iter().map(|a| (a.to, a.event)).collect();
        Some(svg(self.system(), &events, None))
    }

    fn properties(&self) -> Vec<stateright::Property<Self>> {
        let mut all = properties(self.system());
        if let Some((violated, _)) = &self.guide {
            all.retain(|property: &stateright::Property<Self>| property.name == violated.name());
        }
        all
    }

    fn within_boundary(&self, state: &MessageState) -> bool {
        self.guide.as_ref().is_none_or(|(_, states)| states.contains(&fingerprint(state)))
    }
}

impl Judge for Pbft {
    fn system(&self) -> &System {
        self.model.system()
    }

    fn with_view<R>(&self, state: &MessageState, see: impl FnOnce(&GlobalView<'_>) -> R) -> R {
        self.model.with_view(state, see)
    }
}
