//! Byzantine nodes that are no twins: they say whatever the protocol's alphabet has, in their own names. What holds parts that
//! others have signed they can say once those have said them.

use itertools::Itertools as _;

use super::histories::{Histories, MessageId};
use super::network::Traffic;
use super::place::Participants;
use crate::hashed::IndexSet;
use crate::protocol::{AdversaryFns, NodeId, Protocol};

/// All that they can say.
#[derive(Clone, Default, Debug)]
pub(super) struct Lies {
    /// How many messages the alphabet has, whoever says them to whom.
    alphabet: usize,
    /// What they can say from the start.
    free: Vec<MessageId>,
    bound: Vec<Lie>,
}

/// Something that holds what others have signed.
#[derive(Clone, Debug)]
struct Lie {
    messages: Vec<MessageId>,
    /// Each part that somebody honest signs, as it is sent to one or another.
    parts: Vec<Vec<MessageId>>,
}

impl Lies {
    /// All that the Byzantine nodes can say to the others.
    pub fn of<P: Protocol>(
        protocol: &P,
        adversary: AdversaryFns<P>,
        participants: &Participants,
        histories: &mut Histories<P>,
    ) -> Self {
        let mut lies = Lies::default();
        let (nodes, byzantine) = (participants.nodes(), participants.byzantine());
        let honest = || NodeId::all(nodes).filter(|id| !byzantine.contains(id));
        let alphabet: IndexSet<P::Message> = (adversary.alphabet)(protocol).into_iter().collect();
        lies.alphabet = alphabet.len();
        for message in alphabet {
            let parts = (adversary.parts)(protocol, &message);
            let signed = parts.iter().filter(|(signer, _)| !byzantine.contains(signer));
            let signed: Vec<Vec<_>> = signed
                .map(|(signer, part)| {
                    NodeId::all(nodes).map(|to| histories.message(*signer, to, part.clone())).collect()
                })
                .collect();
            let messages = byzantine.iter().flat_map(|from| honest().map(move |to| (*from, to)));
            let messages: Vec<_> =
                messages.map(|(from, to)| histories.message(from, to, message.clone())).collect();
            match signed.is_empty() {
                true => lies.free.extend(messages),
                false => lies.bound.push(Lie { messages, parts: signed }),
            }
        }
        lies
    }

    /// Who says what, in words.
    pub fn in_words(&self, byzantine: &[NodeId]) -> String {
        most_general(byzantine, self.alphabet)
    }

    /// Adds what can be said by now to what may arrive.
    pub fn join(&self, traffic: &mut Traffic) {
        traffic.add(&self.free);
        for lie in &self.bound {
            if lie.parts.iter().all(|part| part.iter().any(|sent| traffic.has(*sent))) {
                traffic.add(&lie.messages);
            }
        }
    }
}

/// Who is Byzantine, and says whatever is in an alphabet of so many messages, in words.
pub(crate) fn most_general(byzantine: &[NodeId], alphabet: usize) -> String {
    let what = match alphabet {
        0 => "says nothing".to_owned(),
        1 => "most general over an alphabet of one message".to_owned(),
        messages => format!("most general over an alphabet of {messages} messages"),
    };
    format!("{}: {what}", byzantine.iter().join(","))
}
