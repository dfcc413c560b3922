//! A trace in words.

use std::fmt::Write as _;

use super::{Step, Trace, name};
use crate::model::{Event, Property, System};
use crate::pbft::{ClientEffect, Effect, Message, NewView, PreparedClaim, SeqNum, Slot, State, ViewChange};

/// A message in words, with batches by their names. Two messages of one sender that read alike are one.
pub(crate) fn describe(system: &System, message: &Message) -> String {
    let ballot = |kind: &str, view, seq, digest| format!("{kind} {view} {seq} {}", name(system, digest));
    match message {
        Message::Request(m) => format!("REQUEST {}", m.id()),
        Message::PrePrepare(m) => {
            if m.digest() == m.batch.digest() {
                return format!("PRE-PREPARE {} {} {}", m.view(), m.seq(), m.batch);
            }
            let what = ballot("PRE-PREPARE", m.view(), m.seq(), m.digest());
            format!("{what}, with the batch {}", m.batch)
        }
        Message::Prepare(m) => ballot("PREPARE", m.view, m.seq, m.digest),
        Message::Commit(m) => ballot("COMMIT", m.view, m.seq, m.digest),
        Message::Checkpoint(m) => format!("CHECKPOINT {} ({})", m.seq, m.state),
        Message::ViewChange(m) => view_change(m),
        Message::NewView(m) => new_view(m),
        Message::Read(_) | Message::Reply(_) | Message::Status(_) | Message::State(_) => {
            format!("{message:?}")
        }
    }
}

fn view_change(change: &ViewChange) -> String {
    let claim = |c: &PreparedClaim| format!("{} prepared in {} at {}", c.proposal.batch, c.view(), c.seq());
    let claims: Vec<_> = change.prepared.iter().map(claim).collect();
    let claims = if claims.is_empty() { "nothing prepared".to_owned() } else { claims.join(", ") };
    format!("VIEW-CHANGE to {}{}: {claims}", change.new_view, since(change.stable.seq))
}

fn new_view(new_view: &NewView) -> String {
    let proposals: Vec<_> =
        new_view.proposals.iter().map(|p| format!("{} at {}", p.batch, p.seq())).collect();
    let proposals = if proposals.is_empty() { "nothing to repeat".to_owned() } else { proposals.join(", ") };
    let from: Vec<_> = new_view.view_changes.0.iter().map(|c| c.signer().to_string()).collect();
    let start = new_view.view_changes.0.iter().map(|c| c.stable.seq).max().unwrap_or_default();
    format!(
        "NEW-VIEW {}{}: {proposals}, on the view changes of {}",
        new_view.view,
        since(start),
        from.join(", ")
    )
}

/// From which checkpoint on it speaks, if from a later one than the first.
fn since(stable: SeqNum) -> String {
    if stable == SeqNum::GENESIS { String::new() } else { format!(" from {stable}") }
}

/// An event that is no message, in words.
pub(crate) fn in_words(event: &Event) -> Option<String> {
    match event {
        Event::Deliver(_) => None,
        Event::Timeout(view) => Some(format!("timer of {view} runs out")),
        Event::Crash => Some("crashes and recovers".to_owned()),
        Event::Invoke => Some("is asked to read".to_owned()),
        Event::Resend => Some("sends again".to_owned()),
    }
}

impl Step {
    /// The event in words.
    pub(super) fn event(&self, system: &System) -> String {
        match &self.event {
            Event::Deliver(message) => describe(system, message),
            other => in_words(other).unwrap_or_default(),
        }
    }

    /// The event and at whom it happens, in words.
    pub(crate) fn headline(&self, system: &System) -> String {
        let what = self.event(system);
        match &self.event {
            Event::Deliver(message) => format!("{} → {}  {what}", message.signer(), self.to),
            _ => format!("{}  {what}", self.to),
        }
    }

    /// What the step puts into the network, in words.
    pub(crate) fn sends(&self, system: &System) -> Vec<String> {
        let broadcast = |effect: &Effect| match effect {
            Effect::Broadcast(message) => Some(describe(system, message)),
            _ => None,
        };
        self.effects.iter().filter_map(broadcast).collect()
    }

    /// What came of the step: what the replica believes and did not before, and what it sends.
    pub fn outcome(&self, system: &System) -> String {
        let mut out = String::new();
        let changes = self.changes(system);
        if changes.is_empty() && self.sends(system).is_empty() {
            let _ = writeln!(out, "{} takes note of it", self.to);
        }
        if !changes.is_empty() {
            let _ = writeln!(out, "{} {}", self.to, changes.join("; "));
        }
        for sent in self.sends(system) {
            let _ = writeln!(out, "{} sends to all: {sent}", self.to);
        }
        out
    }

    /// What the replica believes after the step that it did not believe before.
    pub(crate) fn changes(&self, system: &System) -> Vec<String> {
        if let Some(wreck) = self.after.wreck() {
            return vec![format!("PANICS: {}", wreck.panicked)];
        }
        let Some((_, before, after)) = self.replica() else { return self.changes_of_client() };
        let mut out = Vec::new();
        if (before.view(), before.is_active()) != (after.view(), after.is_active()) {
            out.push(match after.is_active() {
                true => format!("is in {}", after.view()),
                false => format!("leaves for {}", after.view()),
            });
        }
        if self.event == Event::Crash {
            let lost = before.log().iter().filter(|(seq, slot)| after.log().get(*seq) != Some(*slot));
            let lost: Vec<_> = lost.map(|(seq, _)| seq.to_string()).collect();
            out.push(match lost.is_empty() {
                true => "forgets what waited".to_owned(),
                false => format!("forgets what it knew at {}", lost.join(", ")),
            });
        }
        let empty = Slot::default();
        for (seq, slot) in after.log().iter() {
            let old = before.log().get(seq).unwrap_or(&empty);
            out.extend(self.changes_at(system, seq, old, slot));
        }
        out.extend(self.effects.iter().filter_map(told));
        out
    }
}

impl Step {
    /// What the replica believes of a sequence number that it did not believe before.
    fn changes_at(&self, system: &System, seq: SeqNum, old: &Slot, slot: &Slot) -> Vec<String> {
        let mut out = Vec::new();
        if let Some(proposal) = slot.proposal().filter(|p| old.proposal() != Some(*p)) {
            let verb = if self.to == proposal.pre_prepare.signer() { "proposes" } else { "accepts" };
            out.push(format!("{verb} {} at {seq} in {}", name(system, proposal.digest()), proposal.view()));
        }
        if let Some(prepared) = slot.prepared().filter(|c| old.prepared() != Some(*c)) {
            out.push(format!(
                "holds a certificate for {} at {seq} in {}",
                name(system, prepared.digest()),
                prepared.view()
            ));
        }
        if old.prepared().is_some() && slot.prepared().is_none() {
            out.push(format!("forgets its certificate at {seq}"));
        }
        if let Some(batch) = slot.committed().filter(|b| old.committed() != Some(*b)) {
            out.push(format!("DECIDES {batch} at {seq}"));
        }
        out
    }

    fn changes_of_client(&self) -> Vec<String> {
        let accepted = self.of_client.iter().filter_map(|effect| match effect {
            ClientEffect::Accepted(id, result) => Some(format!("ACCEPTS for {id}: {result:?}")),
            _ => None,
        });
        accepted.collect()
    }
}

/// An effect in words, if it says something of what the replica believes.
fn told(effect: &Effect) -> Option<String> {
    match effect {
        Effect::Executed(block) => {
            let executed: Vec<_> = block.executed().iter().map(ToString::to_string).collect();
            let what = if executed.is_empty() { "nothing".to_owned() } else { executed.join(", ") };
            Some(format!("executes {what} as block {}", block.seq().0))
        }
        Effect::Stable(stable) => Some(format!("holds a stable checkpoint at {}", stable.seq())),
        Effect::Transferred(seq) => Some(format!("takes over the state at {seq}")),
        Effect::Behind(seq) => Some(format!("lags behind the stable checkpoint at {seq}")),
        Effect::Evidence(evidence) => {
            evidence.culprit().map(|id| format!("holds proof that {id} is Byzantine"))
        }
        _ => None,
    }
}

impl Trace {
    /// The first line: how much is explored, and who is Byzantine.
    fn bound_in_words(&self) -> String {
        let byzantine: Vec<_> = self.system.bound().byzantine.iter().map(ToString::to_string).collect();
        let who = if byzantine.is_empty() { "nobody".to_owned() } else { byzantine.join(", ") };
        // The row of a check says how many views there are before that.
        let after = if self.lasso.is_some() {
            "; f of its views or more begin once the network is stable"
        } else {
            ""
        };
        format!("{}; Byzantine: {who}{after}\n", self.system.bound().scope)
    }

    /// The whole trace in words: each event, what came of it, what everybody believes in the end, and why
    /// that is a violation.
    pub fn to_text(&self, property: Option<Property>) -> String {
        let mut out = self.bound_in_words();
        let width = self.steps.len().to_string().len();
        let stable = |step: usize| self.lasso.as_ref().is_some_and(|lasso| lasso.stable_after == step);
        let repeats = |step: usize| {
            let goes_on = step < self.steps.len();
            self.lasso.as_ref().is_some_and(|lasso| goes_on && lasso.repeats_after == step)
        };
        for (number, step) in (1..).zip(&self.steps) {
            if stable(number - 1) {
                let _ = writeln!(out, "{:width$}  ── from here on the network is stable", "");
            }
            if repeats(number - 1) {
                let _ = writeln!(out, "{:width$}  ↻─ from here on, for ever", "");
            }
            let what = step.event(&self.system);
            let _ = match &step.event {
                Event::Deliver(message) => {
                    writeln!(out, "{number:>width$}. {} → {}  {what}", message.signer(), step.to)
                }
                _ => writeln!(out, "{number:>width$}. {}       {what}", step.to),
            };
            for line in step.outcome(&self.system).lines() {
                let _ = writeln!(out, "{:width$}  {line}", "");
            }
        }
        if stable(self.steps.len()) {
            let _ = writeln!(out, "{:width$}  ── from here on the network is stable", "");
        }
        if let Some(lasso) = &self.lasso {
            let _ = writeln!(out, "{:width$}  ↻─ {}", "", lasso.then);
        }
        let _ = writeln!(out, "In the end");
        for (who, local) in self.finally() {
            let Some(state) = local.replica() else { continue };
            let panicked = if local.wreck().is_some() { "has panicked; before that " } else { "" };
            let _ = writeln!(out, "  {who}: {panicked}{}", belief(state));
        }
        for (who, local) in self.finally() {
            let Some(state) = local.client() else { continue };
            let panicked = if local.wreck().is_some() { "has panicked; before that " } else { "" };
            let _ = match state.accepted() {
                Some((_, result)) => writeln!(out, "  {who}: {panicked}was told '{result:?}'"),
                None => writeln!(out, "  {who}: {panicked}has no answer"),
            };
        }
        if let Some(lasso) = &self.lasso {
            let is_shown = !lasso.is_loop() || self.fair().is_ok();
            let verdict = if is_shown { "Violated" } else { "Not reached in these steps" };
            let _ = writeln!(out, "{verdict}: {} ({})", lasso.property, lasso.property.statement());
        }
        if let Some((property, what)) = property.and_then(|p| Some((p, self.violation(p)?))) {
            let _ = writeln!(out, "Violated: {property} ({})\n  {what}", property.statement());
            let _ = write!(out, "{}", self.explain(property).map_or(String::new(), |why| why.to_string()));
        }
        out
    }
}

/// What a replica believes, in a line.
fn belief(state: &State) -> String {
    let mut out = match state.is_active() {
        true => format!("in {}", state.view()),
        false => format!("leaving for {}", state.view()),
    };
    for (seq, slot) in state.log().iter() {
        let mut parts = Vec::new();
        if let Some(batch) = slot.committed() {
            parts.push(format!("decided {batch}"));
        }
        if let Some(certificate) = slot.prepared() {
            let batch = &certificate.claim().proposal.batch;
            parts.push(format!("certificate for {batch} of {}", certificate.view()));
        }
        if let Some(proposal) = slot.proposal() {
            parts.push(format!("accepted {} in {}", proposal.batch, proposal.view()));
        }
        if !parts.is_empty() {
            let _ = write!(out, "; {seq}: {}", parts.join(", "));
        }
    }
    let blocks: Vec<_> = state.chain().blocks().iter().map(|b| b.batch().to_string()).collect();
    let _ = write!(out, "; chain [{}]", blocks.join(" ← "));
    out
}
