//! The names of steps in an address: by what they do.

use crate::model::Event;
use crate::pbft::{Message, Principal, View};
use crate::trace::principal;

pub(super) use super::super::naming::{JOINT, slug};

/// A step as its name says it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Named {
    /// A message arrives: whose, at whom, its words, and which of those that read alike.
    Arrives { from: Principal, to: Principal, words: String, which: Option<String> },
    /// Something else happens to somebody.
    Happens { to: Principal, event: Event },
    /// A message does not arrive.
    Dropped { from: Principal, to: Principal, words: String, which: Option<String> },
    /// Somebody does nothing more.
    Stops(Principal),
}

impl Named {
    /// The step of a name, if it is one.
    pub fn parse(name: &str) -> Option<Self> {
        let (dropped, rest) = match name.strip_prefix("x-") {
            Some(rest) => (true, rest),
            None => (false, name),
        };
        if let Some(who) = rest.strip_prefix("stop-") {
            return Some(Named::Stops(principal(who)?)).filter(|_| !dropped);
        }
        let parts: Vec<_> = rest.splitn(3, '-').collect();
        match parts[..] {
            [from, to, what] => {
                let (words, which) = match what.split_once('*') {
                    Some((words, which)) => (words, Some(which.to_owned())),
                    None => (what, None),
                };
                let (from, to, words) = (principal(from)?, principal(to)?, slug(words));
                Some(match dropped {
                    true => Named::Dropped { from, to, words, which },
                    false => Named::Arrives { from, to, words, which },
                })
            }
            [to, what] if !dropped => Some(Named::Happens { to: principal(to)?, event: event(&slug(what))? }),
            _ => None,
        }
    }
}

/// The event without a message that this names, in the short form or as a trace says it.
fn event(what: &str) -> Option<Event> {
    Some(match what {
        "crash" | "crashes_and_recovers" => Event::Crash,
        "read" | "is_asked_to_read" => Event::Invoke,
        "resend" | "sends_again" => Event::Resend,
        _ => {
            let rest = what.strip_prefix("timer_of_v").or_else(|| what.strip_prefix("timer_v"))?;
            Event::Timeout(View(rest.trim_end_matches("_runs_out").parse().ok()?))
        }
    })
}

/// What tells a message from others that read alike: from its content.
pub(super) fn which(message: &Message) -> String {
    format!("{:06x}", crate::model::fingerprint(message) & 0xff_ffff)
}

/// The name of a message's arrival.
pub(super) fn arrives(from: Principal, to: Principal, words: &str, which: Option<&str>) -> String {
    match which {
        Some(which) => format!("{from}-{to}-{words}*{which}"),
        None => format!("{from}-{to}-{words}"),
    }
}

/// The name of what is no message.
pub(super) fn happens(to: Principal, event: &Event) -> String {
    match event {
        Event::Timeout(view) => format!("{to}-timer_{view}"),
        Event::Crash => format!("{to}-crash"),
        Event::Invoke => format!("{to}-read"),
        Event::Resend => format!("{to}-resend"),
        Event::Deliver(_) => format!("{to}-message"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pbft::{ClientId, ReplicaId};

    const R0: Principal = Principal::Replica(ReplicaId(0));
    const R2: Principal = Principal::Replica(ReplicaId(2));

    #[test]
    fn a_name_says_what_happens() {
        assert_eq!(slug("PREPARE v0 #1 c0.t1"), "prepare_v0_1_c0.t1");
        assert_eq!(slug("PRE-PREPARE v0 #1 {c0.t1}"), "pre_prepare_v0_1_c0.t1");
        let words = "prepare_v0_1_c0.t1".to_owned();
        let arrives = Named::Arrives { from: R0, to: R2, words: words.clone(), which: None };
        assert_eq!(Named::parse("r0-r2-prepare_v0_1_c0.t1"), Some(arrives.clone()));
        // The words of a trace do as well.
        assert_eq!(Named::parse("r0-r2-PREPARE v0 #1 c0.t1"), Some(arrives));
        let which = Some("1f3a".to_owned());
        let dropped = Named::Dropped { from: R0, to: R2, words, which };
        assert_eq!(Named::parse("x-r0-r2-prepare_v0_1_c0.t1*1f3a"), Some(dropped));
        let timer = Named::Happens { to: R2, event: Event::Timeout(View(3)) };
        for name in ["r2-timer_v3", "r2-timer_of_v3_runs_out", "r2-timer of v3 runs out"] {
            assert_eq!(Named::parse(name), Some(timer.clone()), "{name}");
        }
        assert_eq!(Named::parse("r2-crash"), Some(Named::Happens { to: R2, event: Event::Crash }));
        assert_eq!(Named::parse("stop-r2"), Some(Named::Stops(R2)));
        let client = Principal::Client(ClientId(1));
        assert_eq!(Named::parse("c1-read"), Some(Named::Happens { to: client, event: Event::Invoke }));
        for nothing in ["", "r0", "r9x-crash", "r0-sleeps", "stop-", "x-r0-crash", "x-stop-r0", "-", "r0--"] {
            assert_eq!(
                Named::parse(nothing).filter(|it| !matches!(it, Named::Arrives { .. })),
                None,
                "{nothing}"
            );
        }
    }
}
