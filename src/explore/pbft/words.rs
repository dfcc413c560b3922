//! What participants believe, in words, a line for each thing.

use crate::model::{Local, Participant, System, guarded};
use crate::pbft::{Digest, ReplicaId, SeqNum, Slot, State};

/// A line of what somebody believes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Line {
    /// Under which it is compared with another state's.
    pub key: String,
    pub label: String,
    pub text: String,
}

fn line(key: impl Into<String>, label: impl Into<String>, text: String) -> Line {
    Line { key: key.into(), label: label.into(), text }
}

/// What somebody believes.
pub(super) fn lines(system: &System, participant: &Participant, local: &Local) -> Vec<Line> {
    let mut out = Vec::new();
    if let Some(wreck) = local.wreck() {
        out.push(line("panic", "panicked", wreck.panicked.to_string()));
    }
    if let Some(state) = local.replica() {
        out.extend(of_replica(system, participant, state));
        if local.crashes() > 0 {
            let times = local.crashes();
            out.push(line("crashes", "crashes", format!("{times} so far")));
        }
    }
    if let Some(state) = local.client() {
        let asks = match state.waiting_for() {
            Some(request) if state.reads() => format!("waits for replies to its read {}", request.id()),
            Some(request) => format!("waits for replies to {}", request.id()),
            None => "waits for nothing".to_owned(),
        };
        out.push(line("waits", "request", asks));
        let told = state.accepted().map(|(_, result)| format!("{result:?}"));
        out.push(line("told", "was told", told.unwrap_or_else(|| "nothing yet".to_owned())));
    }
    out
}

fn of_replica(system: &System, participant: &Participant, state: &State) -> Vec<Line> {
    let mut out = Vec::new();
    let view = match state.is_active() {
        true => format!("in {}", state.view()),
        false => format!("has left for {}, which has not begun", state.view()),
    };
    out.push(line("view", "view", view));
    let changes: Vec<_> =
        state.view_changes().map(|(from, change)| format!("{from} to {}", change.new_view)).collect();
    if !changes.is_empty() {
        out.push(line("view-changes", "VIEW-CHANGEs", changes.join(", ")));
    }
    let highest = state.log().iter().map(|(seq, _)| seq.0).max().unwrap_or(0);
    let last = highest.max(system.bound().scope.slots.min(16));
    for seq in (state.log().low().0 + 1..=last).map(SeqNum) {
        let text = state.log().get(seq).map(|slot| slot_in_words(system, slot)).unwrap_or_default();
        let text = if text.is_empty() { "nothing yet".to_owned() } else { text.join("; ") };
        out.push(line(format!("slot-{}", seq.0), seq.to_string(), text));
    }
    let blocks: Vec<_> = state.chain().blocks().iter().map(|block| block.batch().to_string()).collect();
    let chain = if blocks.is_empty() { "nothing executed".to_owned() } else { blocks.join(" ← ") };
    out.push(line("chain", "chain", chain));
    if system.has_checkpoints() {
        out.push(line("stable", "stable checkpoint", state.stable().seq().to_string()));
        for (seq, tally) in state.checkpoint_votes() {
            let of: Vec<_> = tally.groups().map(|(_, votes)| names(votes.voters().iter())).collect();
            out.push(line(format!("checkpoint-{}", seq.0), format!("CHECKPOINTs {seq}"), of.join(" | ")));
        }
    }
    let waits: Vec<_> = state.pending().map(|request| request.id().to_string()).collect();
    if !waits.is_empty() {
        out.push(line("waits", "waits for", waits.join(", ")));
    }
    if let Participant::Replica(replica, _) = participant {
        let timer = guarded(|| replica.timer(state)).ok().flatten();
        let timer =
            timer.map_or_else(|| "does not run".to_owned(), |timer| format!("runs for {}", timer.view));
        out.push(line("timer", "timer", timer));
    }
    out
}

fn names(ids: impl Iterator<Item = ReplicaId>) -> String {
    ids.map(|id| id.to_string()).collect::<Vec<_>>().join(" ")
}

/// A digest by the name of its batch.
fn batch(system: &System, digest: Option<Digest>) -> String {
    digest.map_or_else(
        || "anything".to_owned(),
        |digest| system.batch(digest).map_or_else(|| digest.to_string(), |batch| batch.to_string()),
    )
}

fn slot_in_words(system: &System, slot: &Slot) -> Vec<String> {
    let mut out = Vec::new();
    let (rules, committee) = (system.rules(), system.setting().committee);
    // The proposal is the primary's vote.
    let prepares =
        guarded(|| rules.prepare_quorum(committee)).unwrap_or(committee.quorum()).saturating_sub(1);
    let commits = guarded(|| rules.commit_quorum(committee)).unwrap_or(committee.quorum());
    if let Some(decided) = slot.committed() {
        out.push(format!("DECIDED {decided}"));
    }
    if let Some(certificate) = slot.prepared() {
        let prepared = &certificate.claim().proposal.batch;
        out.push(format!("certificate for {prepared} of {}", certificate.view()));
    }
    if let Some(proposal) = slot.proposal() {
        out.push(format!("accepted {} in {}", batch(system, Some(proposal.digest())), proposal.view()));
    }
    for (key, votes) in slot.prepares().groups() {
        let what = batch(system, key.digest);
        let view = key.view.map(|view| format!(" in {view}")).unwrap_or_default();
        let who = names(votes.voters().iter());
        out.push(format!("PREPAREs for {what}{view}: {who} ({} of {prepares})", votes.count()));
    }
    for (key, votes) in slot.commits().groups() {
        let what = batch(system, key.digest);
        let view = key.view.map(|view| format!(" in {view}")).unwrap_or_default();
        let who = names(votes.voters().iter());
        out.push(format!("COMMITs for {what}{view}: {who} ({} of {commits})", votes.count()));
    }
    out
}
