//! The web explorer: stateright's, on judge *message*.
//!
//! stateright finds what its page links to by a search of its own, which for a bound with a view
//! change would not end. So it is given a guide: where a counterexample is known, its search is
//! bounded to the states along it, and it is asked about the violated property alone: of the others
//! such a search would say that they hold. Without a guide it searches nothing by itself, and claims
//! nothing. What a person browses is not bounded.
//!
//! A trace from a file has a page of its own, with links into the explorer: see [`TracePage`].

mod page;
pub mod protocol;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;

use stateright::{Model, Path};

pub use page::TracePage;
use protocol::run_to_completion;

use crate::model::{
    Event, Fingerprint, GlobalView, Judge, MessageAction, MessageModel, MessageState, Property, System,
    fingerprint, properties,
};
use crate::trace::{Step, Trace, describe, svg};

/// Judge *message*, with the states along a known run marked out. Named for the page, which shows the name.
struct Pbft {
    model: MessageModel,
    guide: Option<(Property, HashSet<Fingerprint>)>,
}

impl Pbft {
    fn new(system: &Arc<System>, violation: Option<(Property, &Trace)>) -> Self {
        let model = MessageModel::new(Arc::clone(system));
        let guide = violation.map(|(property, trace)| (property, along(&model, trace)));
        Pbft { model, guide }
    }
}

/// The states that a trace passes through.
fn along(model: &MessageModel, trace: &Trace) -> HashSet<Fingerprint> {
    let mut states = HashSet::new();
    let mut state = model.init_states().swap_remove(0);
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
        Some(Step::new(action.to, action.event, before, taken).outcome(self.system()))
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

/// Serves the explorer until the process is ended. A known violation, with the property that it
/// violates, is linked from the first page.
///
/// ```no_run
/// use std::sync::Arc;
///
/// use bft_check::explore;
/// use bft_check::model::{Bound, Scope, System};
/// use bft_check::pbft::{Castro99, ReplicaId};
///
/// let system = System::new(Bound::new(Scope::DEFAULT, [ReplicaId(0)]), &Castro99)?;
/// explore::serve(&Arc::new(system), None, ([127, 0, 0, 1], 3000).into());
/// # Ok::<(), bft_check::model::BoundError>(())
/// ```
pub fn serve(system: &Arc<System>, violation: Option<(Property, &Trace)>, addr: SocketAddr) {
    let guided = Pbft::new(system, violation);
    if violation.is_some() {
        std::thread::spawn(move || run_to_completion(addr));
    }
    let _ = guided.checker().serve(addr);
}
