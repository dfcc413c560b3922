//! What can happen to a participant: as it stands in a trace, and where it happens.

use std::fmt;

use super::local::Local;
use crate::pbft::{Message, Rename as _, Renaming, View};

/// What can happen to a participant.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    /// A message is delivered to it.
    Deliver(Message),
    /// Its timer runs out while it is in, or moving to, this view.
    Timeout(View),
    /// It crashes and recovers from what its storage kept.
    Crash,
    /// Its user asks it, a client, to read; in a simulated run, for the next operation.
    Invoke,
    /// Messages may have been lost for a while: a replica says how far it is, a client sends its request to
    /// all. Only in a simulated run.
    Resend,
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Deliver(message) => message.fmt(f),
            Event::Timeout(view) => write!(f, "timeout in {view}"),
            Event::Crash => f.write_str("crash"),
            Event::Invoke => f.write_str("read"),
            Event::Resend => f.write_str("send again"),
        }
    }
}

impl Event {
    /// This event with other names, if all that it names has one.
    pub fn renamed(&self, by: &Renaming<'_>) -> Option<Self> {
        Some(match self {
            Event::Deliver(message) => Event::Deliver(message.renamed(by)?),
            Event::Timeout(view) => Event::Timeout(by.view(*view)?),
            Event::Crash | Event::Invoke | Event::Resend => self.clone(),
        })
    }

    /// The event as something that happens in this local state, if it can.
    pub(crate) fn as_stimulus<'a>(&'a self, local: &Local) -> Option<EventRef<'a>> {
        match self {
            Event::Deliver(message) => Some(EventRef::Deliver(message)),
            Event::Timeout(view) => (local.replica()?.view() == *view).then_some(EventRef::Timeout),
            Event::Crash => Some(EventRef::Crash),
            Event::Invoke => Some(EventRef::Invoke),
            Event::Resend => Some(EventRef::Resend),
        }
    }
}

/// An event where it happens: a timeout needs no view there, and a message is only looked at.
#[derive(Clone, Copy, Debug)]
pub enum EventRef<'a> {
    /// A message is delivered.
    Deliver(&'a Message),
    /// The timer runs out.
    Timeout,
    /// It crashes and recovers.
    Crash,
    /// A user wants to read; in a simulated run, the next operation.
    Invoke,
    /// Messages may have been lost.
    Resend,
}
