//! What clients asked and were told, and whether it fits one sequential order.

use stateright::semantics::{ConsistencyTester as _, LinearizabilityTester, SequentialSpec};

use crate::pbft::{ClientId, ClientState, Digest, Outcome, SeqNum};

/// The ledger, as a single machine would keep it: appends get growing places, and nobody reads less than
/// was appended before. What other clients append meanwhile is not fixed: null requests take blocks too.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Ledger {
    last: (SeqNum, u32),
    /// The block after which the last append came, by its hash: appends to one block have one parent.
    parent: Option<Digest>,
    /// The longest ledger that was read, and its head.
    read: Option<(SeqNum, Digest)>,
}

/// What a client wants.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Operation {
    Append,
    Read,
}

impl SequentialSpec for Ledger {
    type Op = Operation;
    type Ret = Option<Outcome>;

    /// An operation whose result is not known yet may come anywhere: it constrains nothing.
    fn invoke(&mut self, _: &Operation) -> Option<Outcome> {
        None
    }

    fn is_valid_step(&mut self, operation: &Operation, result: &Option<Outcome>) -> bool {
        match (operation, result) {
            (_, None) => true,
            (Operation::Append, Some(Outcome::Appended { seq, position, parent })) => {
                let place = (*seq, *position);
                let same_block = *seq == self.last.0;
                let after_read = self
                    .read
                    .is_none_or(|(height, head)| *seq > height && (*seq > height.next() || *parent == head));
                let valid = place > self.last
                    && (!same_block || self.parent.is_none_or(|known| known == *parent))
                    && after_read;
                self.last = place;
                self.parent = Some(*parent);
                valid
            }
            (_, Some(Outcome::Read { height, head })) => {
                let valid = *height >= self.last.0
                    && self
                        .read
                        .is_none_or(|(seq, known)| *height > seq || (*height == seq && *head == known));
                self.read = Some((*height, *head));
                valid
            }
            _ => false,
        }
    }
}

/// The operations of all clients: when each began, and how it ended.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct History(LinearizabilityTester<ClientId, Ledger>);

impl History {
    /// Before anything was asked.
    pub(crate) fn new() -> Self {
        let ledger = Ledger { last: (SeqNum::GENESIS, u32::MAX), parent: None, read: None };
        History(LinearizabilityTester::new(ledger))
    }

    /// The history after a client's step.
    pub(crate) fn after(&self, client: ClientId, before: &ClientState, after: &ClientState) -> Self {
        let mut next = self.clone();
        if before.waiting_for().is_none() && after.waiting_for().is_some() {
            let operation = if after.reads() { Operation::Read } else { Operation::Append };
            let _ = next.0.on_invoke(client, operation);
        }
        if before.waiting_for().is_some() && after.waiting_for().is_none() {
            let result = after.accepted().map(|(_, result)| result);
            let _ = next.0.on_return(client, result);
        }
        next
    }

    /// Whether one machine could have answered like this, each operation at one moment between its
    /// beginning and its end.
    pub(crate) fn is_linearizable(&self) -> bool {
        self.0.is_consistent()
    }
}

impl Default for History {
    fn default() -> Self {
        Self::new()
    }
}
