//! What clients were told, where they take part.

use super::GuardModel;
use super::ids::LocalId;
use super::saved::HISTORY;
use super::tables::Tables;
use crate::model::histories::HistoryId;
use crate::model::numbers::Number as _;
use crate::model::participant::Participant;

impl GuardModel {
    /// The number of the history after a client's step from one local state to the next.
    pub(super) fn history(
        &self,
        participant: u16,
        history: HistoryId,
        before: LocalId,
        after: LocalId,
    ) -> HistoryId {
        let telling = (participant, history, before, after);
        if let Some(next) = self.read().histories.after(telling) {
            return next;
        }
        let mut tables = self.write();
        tables.note(HISTORY, &[participant.into(), history.word(), before.word(), after.word()]);
        let Tables { locals, histories, .. } = &mut *tables;
        let client_state = |number| locals.node(number)?.local.client();
        let client = match self.honest.get(usize::from(participant)) {
            Some(Participant::Client(client)) => client.id(),
            _ => return history,
        };
        let states = client_state(before).zip(client_state(after));
        states.and_then(|(before, after)| histories.tell(telling, client, before, after)).unwrap_or(history)
    }
}
