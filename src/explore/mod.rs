//! The web explorer: stateright's, on judge 1.
//!
//! stateright finds what its page links to by a search of its own, which for a bound with a view
//! change would not end. So it is given a guide: where a counterexample is known, its search is
//! bounded to the states along it. What a person browses is not bounded.

use std::collections::HashSet;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use stateright::{Model, Path, Property};

use crate::check::{Fingerprint, fingerprint};
use crate::model::{MessageAction, MessageModel, MessageState, System};
use crate::trace::Trace;

/// Judge 1, with the states along a known run marked out.
struct Guided {
    model: MessageModel,
    guide: HashSet<Fingerprint>,
}

impl Guided {
    fn new(system: &Arc<System>, trace: Option<&Trace>) -> Self {
        let model = MessageModel::new(Arc::clone(system));
        let mut guide = HashSet::new();
        let mut state = model.init_states().swap_remove(0);
        guide.insert(fingerprint(&state));
        for step in trace.map_or(&[][..], Trace::steps) {
            let action = MessageAction { to: step.to, event: step.event.clone() };
            let Some(next) = model.next_state(&state, action) else { break };
            guide.insert(fingerprint(&next));
            state = next;
        }
        Guided { model, guide }
    }
}

impl Model for Guided {
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
        self.model.format_action(action)
    }

    fn format_step(&self, state: &MessageState, action: MessageAction) -> Option<String> {
        self.model.format_step(state, action)
    }

    fn as_svg(&self, path: Path<MessageState, MessageAction>) -> Option<String> {
        self.model.as_svg(path)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        crate::model::properties(crate::model::Judge::system(self).bound().views)
    }

    fn within_boundary(&self, state: &MessageState) -> bool {
        self.guide.contains(&fingerprint(state))
    }
}

impl crate::model::Judge for Guided {
    fn system(&self) -> &System {
        self.model.system()
    }

    fn with_honest<R>(&self, state: &MessageState, see: impl FnOnce(&[&crate::pbft::State]) -> R) -> R {
        self.model.with_honest(state, see)
    }
}

/// Serves the explorer until the process is ended. With a `trace`, its violation is linked from the
/// first page.
pub fn serve(system: &Arc<System>, trace: Option<&Trace>, addr: SocketAddr) {
    let guided = Guided::new(system, trace);
    std::thread::spawn(move || run_to_completion(addr));
    let _ = guided.checker().serve(addr);
}

/// Asks the explorer's checker, once it is up, to search what is marked out.
fn run_to_completion(addr: SocketAddr) {
    for _ in 0..100 {
        std::thread::sleep(Duration::from_millis(100));
        let Ok(mut stream) = TcpStream::connect(addr) else { continue };
        let request = format!(
            "POST /.runtocompletion HTTP/1.1\r\nHost: {addr}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        if stream.write_all(request.as_bytes()).is_ok() {
            let _ = stream.read(&mut [0; 64]);
            return;
        }
    }
}
