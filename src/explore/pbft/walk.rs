//! A run, step by step as an address names it.

use std::sync::{Arc, OnceLock};

use rustc_hash::{FxHashMap, FxHashSet};

use super::frame::Told;
use super::name::{self, JOINT, Named};
use super::opened::{Opened, Worded};
use crate::model::{Event, Local, NoStep, Participant, Run, Statements, Transition, participants};
use crate::pbft::{Message, Principal};
use crate::trace::{Step, Trace, changes, describe, offered};

/// What stands in a run as it is shown.
#[derive(Clone, Debug)]
pub(super) enum Deed {
    /// Something happened.
    Step(Arc<Step>),
    /// A message is lost on its way to somebody.
    Dropped(Principal, Worded),
    /// Somebody does nothing more.
    Stopped(Principal),
}

/// A step that cannot happen, where the run ends therefore.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Unfit {
    /// Its number, from 1.
    pub step: usize,
    pub name: String,
    pub why: String,
}

/// Who sent a message first, and at which step: 0 is the start.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub at: usize,
    pub worded: Worded,
}

/// A run with what was left out of it on purpose.
#[derive(Clone)]
pub(super) struct Walk {
    pub opened: Arc<Opened>,
    pub run: Run,
    pub deeds: Vec<Deed>,
    /// What the page is told of each, once somebody asked.
    pub told: Vec<Arc<OnceLock<Told>>>,
    /// The name of each deed.
    pub names: Vec<String>,
    /// What was sent by who is honest, in that order; clients' requests first.
    pub sent: Vec<Sent>,
    participants: Vec<Participant>,
    known: Statements,
    is_sent: FxHashMap<Message, usize>,
    delivered: FxHashSet<(Principal, Message)>,
    dropped: FxHashSet<(Principal, Message)>,
    stopped: Vec<Principal>,
    /// What can be there now, found when it is asked for.
    there: OnceLock<There>,
}

/// The messages that can arrive now, and which of them read alike.
#[derive(Clone)]
pub(super) struct There {
    pub all: Vec<Worded>,
    alike: FxHashMap<(Principal, String), Vec<usize>>,
}

impl There {
    /// Those that read so, by place.
    fn that_read(&self, from: Principal, words: &str) -> &[usize] {
        self.alike.get(&(from, words.to_owned())).map_or(&[], Vec::as_slice)
    }
}

impl Walk {
    /// Before anything happened.
    pub fn new(opened: &Arc<Opened>) -> Self {
        let system = &opened.system;
        let mut this = Walk {
            opened: Arc::clone(opened),
            run: Run::new(Arc::clone(system)),
            deeds: Vec::new(),
            told: Vec::new(),
            names: Vec::new(),
            sent: Vec::new(),
            participants: participants(system),
            known: Statements::of(system, []),
            is_sent: FxHashMap::default(),
            delivered: FxHashSet::default(),
            dropped: FxHashSet::default(),
            stopped: Vec::new(),
            there: OnceLock::new(),
        };
        for request in system.requests() {
            this.add_sent(0, Message::Request(request.clone()));
        }
        let locals: Vec<_> = this.run.locals().map(|(who, local)| (who, local.clone())).collect();
        for (who, local) in &locals {
            this.learn_status(*who, local);
        }
        this
    }

    /// The run that these names tell, as far as it can happen.
    pub fn along(opened: &Arc<Opened>, steps: &str) -> (Self, Option<Unfit>) {
        let mut walk = Walk::new(opened);
        for name in steps.split(JOINT).filter(|name| !name.is_empty()) {
            if let Err(why) = walk.take(name) {
                let step = walk.deeds.len() + 1;
                return (walk, Some(Unfit { step, name: name.to_owned(), why }));
            }
        }
        (walk, None)
    }

    /// Goes on by the step of this name.
    ///
    /// # Errors
    /// Why it cannot happen.
    pub fn take(&mut self, name: &str) -> Result<(), String> {
        let named = Named::parse(name).ok_or("this names no step")?;
        match named {
            Named::Arrives { from, to, words, which } => {
                let message = self.meant(from, to, &words, which.as_deref())?.message.clone();
                self.happen(to, Event::Deliver(message))
            }
            Named::Happens { to, event } => self.happen(to, event),
            Named::Dropped { from, to, words, which } => {
                let worded = self.meant(from, to, &words, which.as_deref())?.clone();
                let name = format!("x-{}", self.name_of(to, &worded));
                self.dropped.insert((to, worded.message.clone()));
                self.add(Deed::Dropped(to, worded), name);
                Ok(())
            }
            Named::Stops(who) => {
                if !self.run.locals().any(|(known, _)| known == who) {
                    return Err(format!("{who} is not an honest participant"));
                }
                self.stopped.push(who);
                self.add(Deed::Stopped(who), format!("stop-{who}"));
                Ok(())
            }
        }
    }

    fn add(&mut self, deed: Deed, name: String) {
        self.deeds.push(deed);
        self.told.push(Arc::default());
        self.names.push(name);
    }

    /// Lets an event happen, whoever stopped.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn happen(&mut self, to: Principal, event: Event) -> Result<(), String> {
        let name = match &event {
            Event::Deliver(message) => {
                // Of two that are equal, such as NEW-VIEWs on the same view changes in another order, one is listed: it has the name.
                let listed = self.there().all.iter().find(|worded| worded.message == *message).cloned();
                let worded = listed.unwrap_or_else(|| Worded::new(&self.opened.system, message.clone()));
                self.name_of(to, &worded)
            }
            other => name::happens(to, other),
        };
        let (before, taken) = self.run.step(to, &event).map_err(|why| self.refusal(to, &event, why))?;
        self.there = OnceLock::new();
        if let Event::Deliver(message) = &event {
            self.delivered.insert((to, message.clone()));
        }
        let at = self.deeds.len() + 1;
        let (sent, after) = (taken.sent(&self.opened.system), taken.after.clone());
        self.add(Deed::Step(Arc::new(Step::new(to, event, before, taken))), name);
        for (_, message) in sent {
            self.known.learn(&message);
            self.add_sent(at, message);
        }
        self.learn_status(to, &after);
        Ok(())
    }

    fn refusal(&self, to: Principal, event: &Event, why: NoStep) -> String {
        let what = match event {
            Event::Deliver(message) => describe(&self.opened.system, message),
            other => crate::trace::in_words(other).unwrap_or_default(),
        };
        match why {
            NoStep::NotHonest => format!("{to} is not an honest participant"),
            NoStep::Impossible => format!("within the bound this cannot happen to {to} now: {what}"),
            NoStep::Refused(why) => format!("{to} refuses {what}: {why}"),
        }
    }

    fn add_sent(&mut self, at: usize, message: Message) {
        if !self.is_sent.contains_key(&message) {
            self.is_sent.insert(message.clone(), at);
            self.sent.push(Sent { at, worded: Worded::new(&self.opened.system, message) });
        }
    }

    /// Where replicas tell each other how far they are, they may at any time.
    fn learn_status(&mut self, who: Principal, local: &Local) {
        if !self.opened.system.is_open() {
            return;
        }
        let participant = self.participants.iter().find(|participant| participant.id() == who);
        if let Some(Ok(Some(status))) = participant.map(|participant| participant.status(local)) {
            self.known.learn(&status);
        }
    }

    /// At which step somebody honest sent a message; none if nobody did.
    pub fn sent_at(&self, message: &Message) -> Option<usize> {
        self.is_sent.get(message).copied()
    }

    /// Whether it was somebody Byzantine who sent a message, in whatever name.
    pub fn is_byzantine(&self, message: &Message) -> bool {
        let is_status = match message {
            Message::Status(status) => self.known.statuses.contains(status),
            _ => false,
        };
        self.sent_at(message).is_none() && !is_status
    }

    pub fn is_stopped(&self, who: Principal) -> bool {
        self.stopped.contains(&who)
    }

    pub fn is_dropped(&self, to: Principal, message: &Message) -> bool {
        self.dropped.contains(&(to, message.clone()))
    }

    pub fn is_delivered(&self, to: Principal, message: &Message) -> bool {
        self.delivered.contains(&(to, message.clone()))
    }

    /// The participants, honest as they are.
    pub fn participants(&self) -> &[Participant] {
        &self.participants
    }

    /// Whoever is asked as what it believes now.
    pub fn local(&self, who: Principal) -> Option<&Local> {
        self.run.locals().find(|(known, _)| *known == who).map(|(_, local)| local)
    }

    /// The messages that can arrive now.
    pub fn there(&self) -> &There {
        self.there.get_or_init(|| {
            let Opened { system, first, held, adversary, .. } = &*self.opened;
            let mut seen: FxHashSet<&Message> = FxHashSet::default();
            let sent = self.sent.iter().map(|sent| sent.worded.clone());
            let mut all: Vec<Worded> = sent.chain(first.iter().cloned()).collect();
            let mut statuses: Vec<_> = self.known.statuses.iter().cloned().map(Message::Status).collect();
            statuses.sort();
            all.extend(statuses.into_iter().map(|message| Worded::new(system, message)));
            let offers = adversary.iter().flat_map(|adversary| offered(adversary, &self.run));
            all.extend(offers.map(|message| Worded::new(system, message)));
            let can_be = |held: &&Worded| self.known.makes(system, &held.message);
            all.extend(held.iter().filter(can_be).cloned());
            let is_new: Vec<_> = all
                .iter()
                .map(|worded| system.is_explored(&worded.message) && seen.insert(&worded.message))
                .collect();
            let mut is_new = is_new.into_iter();
            all.retain(|_| is_new.next() == Some(true));
            let mut alike: FxHashMap<_, Vec<usize>> = FxHashMap::default();
            for (place, worded) in all.iter().enumerate() {
                alike.entry((worded.from, worded.slug.clone())).or_default().push(place);
            }
            There { all, alike }
        })
    }

    /// The message that a name means: of those that read alike the first that changes its receiver, or that is not
    /// refused.
    fn meant(
        &self,
        from: Principal,
        to: Principal,
        words: &str,
        which: Option<&str>,
    ) -> Result<&Worded, String> {
        let there = self.there();
        let alike = there.that_read(from, words);
        let mut all = alike.iter().map(|&place| &there.all[place]);
        if let Some(which) = which {
            let found = all.find(|worded| name::which(&worded.message).starts_with(which));
            return found.ok_or_else(|| format!("nobody can have sent this by then: {words} of {from}"));
        }
        let event = |worded: &Worded| Event::Deliver(worded.message.clone());
        let first = all.clone().find(|worded| changes(&self.run, to, &event(worded)));
        let first = first.or_else(|| all.clone().find(|it| self.run.tried(to, &event(it)).is_ok()));
        first.or_else(|| all.next()).ok_or_else(|| {
            let whose = if self.sent.iter().any(|sent| sent.worded.from == from) { "" } else { " yet" };
            format!("nobody can have sent this by then: '{words}' of {from} does not exist{whose}")
        })
    }

    /// The shortest name of a message's arrival at somebody.
    pub fn name_of(&self, to: Principal, worded: &Worded) -> String {
        let there = self.there();
        let is_alone = there.that_read(worded.from, &worded.slug).len() <= 1;
        let is_meant = || {
            let meant = self.meant(worded.from, to, &worded.slug, None);
            meant.is_ok_and(|meant| meant.message == worded.message)
        };
        let which = if is_alone || is_meant() { None } else { Some(name::which(&worded.message)) };
        name::arrives(worded.from, to, &worded.slug, which.as_deref())
    }

    /// What an event would make of somebody.
    pub fn tried(&self, to: Principal, event: &Event) -> Option<(Local, Transition)> {
        self.run.tried(to, event).ok()
    }

    /// What honest participants have sent, for each receiver that has not received it and on whom it would have an
    /// effect, in the order of sending; what was dropped is among it.
    pub fn undelivered(&self) -> Vec<(Principal, &Sent)> {
        let mut out = Vec::new();
        for sent in &self.sent {
            for (to, _) in self.run.locals() {
                if self.may_reach(to, sent) && !self.is_delivered(to, &sent.worded.message) {
                    let event = Event::Deliver(sent.worded.message.clone());
                    if self.is_dropped(to, &sent.worded.message) || changes(&self.run, to, &event) {
                        out.push((to, sent));
                    }
                }
            }
        }
        out
    }

    /// Whether a message is for somebody.
    pub fn may_reach(&self, to: Principal, sent: &Sent) -> bool {
        let message = &sent.worded.message;
        concerns(&self.opened.system, to, message) && sent.worded.from != to
    }

    /// The steps as a trace: without what was dropped or stopped, which is no step.
    pub fn events(&self) -> Vec<(Principal, Event)> {
        let steps = self.deeds.iter().filter_map(|deed| match deed {
            Deed::Step(step) => Some((step.to, step.event.clone())),
            _ => None,
        });
        steps.collect()
    }

    /// The trace of the steps.
    ///
    /// # Errors
    /// It cannot happen again.
    pub fn trace(&self) -> Result<Trace, String> {
        Trace::replay(&self.opened.system, &self.events()).map_err(|why| why.to_string())
    }
}

/// Whether a message concerns somebody: replies their client, requests who hears them, all else the replicas.
pub(super) fn concerns(system: &crate::model::System, to: Principal, message: &Message) -> bool {
    match (to, message) {
        (Principal::Client(client), Message::Reply(reply)) => reply.client == client,
        (Principal::Client(_), _) | (_, Message::Reply(_)) => false,
        (Principal::Replica(id), Message::Request(_)) => system.hears_requests(id),
        (Principal::Replica(_), _) => true,
    }
}
