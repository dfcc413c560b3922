//! A session of four nodes that run the crate's code, in this process.

use std::collections::BTreeMap;
use std::sync::Arc;

use hbbft::NetworkInfo;
use hbbft::binary_agreement::bool_set::BoolSet;
use hbbft::binary_agreement::{BinaryAgreement, Message, MessageContent, SbvMessage, Step};
use hbbft::crypto::{G2, hash_g2};
use hbbft::threshold_sign;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::said::{Done, Said, Values, What, has_coin};

/// The keys of four nodes, and a session in which the coins are what they are asked to be.
#[derive(Clone)]
pub struct Session {
    infos: BTreeMap<u16, Arc<NetworkInfo<u16>>>,
    number: u64,
}

/// A node.
pub struct Node {
    id: u16,
    session: Arc<Session>,
    agreement: BinaryAgreement<u16, u64>,
}

impl Session {
    /// The first session in which the coins of the epochs that have one are these, in this order.
    pub fn with_coins(coins: &[bool]) -> Self {
        let infos = NetworkInfo::generate_map(0..4, &mut StdRng::seed_from_u64(0)).expect("there are keys");
        let infos: BTreeMap<_, _> = infos.into_iter().map(|(id, info)| (id, Arc::new(info))).collect();
        let mut session = Session { infos, number: 0 };
        let wanted = (0..).filter(|&epoch| has_coin(epoch)).zip(coins.iter().copied()).collect::<Vec<_>>();
        while wanted.iter().any(|&(epoch, coin)| session.coin(epoch) != coin) {
            session.number += 1;
        }
        session
    }

    /// What is signed for the coin of an epoch.
    fn document(&self, epoch: u64) -> G2 {
        hash_g2(bincode::serialize(&(&self.number, epoch)).expect("numbers can be written"))
    }

    /// A node's share of the coin of an epoch.
    fn share(&self, node: u16, epoch: u64) -> threshold_sign::Message {
        let key = self.infos[&node].secret_key_share().expect("it is a validator");
        threshold_sign::Message(key.sign_g2(self.document(epoch)))
    }

    /// The coin of an epoch.
    fn coin(&self, epoch: u64) -> bool {
        let shares = [0, 1].map(|node| (usize::from(node), self.share(node, epoch).0));
        let shares = shares.iter().map(|(node, share)| (node, share));
        let keys = self.infos[&0].public_key_set();
        keys.combine_signatures(shares).expect("two shares are enough").parity()
    }

    /// A new node.
    pub fn node(&self, id: u16) -> Node {
        let agreement =
            BinaryAgreement::new(self.infos[&id].clone(), self.number).expect("the session is right");
        Node { id, session: Arc::new(self.clone()), agreement }
    }
}

impl Node {
    /// It proposes a value.
    pub fn propose(&mut self, value: bool) -> Done {
        done(self.agreement.propose(value).expect("anybody may propose"))
    }

    /// It gets a message.
    pub fn handle(&mut self, from: u16, said: Said) -> Done {
        let message = message(said, from, &self.session);
        done(self.agreement.handle_message(&from, message).expect("a fault of others is no error"))
    }

    /// All that its future depends on.
    pub fn in_words(&self) -> String {
        let known = format!("{:?}", self.session.infos[&self.id]);
        format!("{:?}", self.agreement).replace(&known, "…")
    }
}

/// What a step of the crate's says. All messages are for all others.
fn done(step: Step<u16>) -> Done {
    let sent = step.messages.iter().map(|targeted| said(&targeted.message)).collect();
    Done { sent, decided: step.output.first().copied() }
}

/// A message of the crate's.
fn said(message: &Message) -> Said {
    let what = match &message.content {
        MessageContent::SbvBroadcast(SbvMessage::BVal(value)) => What::BVal(*value),
        MessageContent::SbvBroadcast(SbvMessage::Aux(value)) => What::Aux(*value),
        MessageContent::Conf(set) => {
            What::Conf(Values { has_false: set.contains(false), has_true: set.contains(true) })
        }
        MessageContent::Term(value) => What::Term(*value),
        MessageContent::Coin(_) => What::Share,
    };
    Said { epoch: message.epoch, what }
}

/// The message of the crate's, as this node sends it.
fn message(said: Said, from: u16, session: &Session) -> Message {
    let content = match said.what {
        What::BVal(value) => MessageContent::SbvBroadcast(SbvMessage::BVal(value)),
        What::Aux(value) => MessageContent::SbvBroadcast(SbvMessage::Aux(value)),
        What::Conf(values) => {
            let mut set = BoolSet::default();
            for (value, is_in) in [(false, values.has_false), (true, values.has_true)] {
                if is_in {
                    set.insert(value);
                }
            }
            MessageContent::Conf(set)
        }
        What::Term(value) => MessageContent::Term(value),
        What::Share => MessageContent::Coin(Box::new(session.share(from, said.epoch))),
    };
    content.with_epoch(said.epoch)
}
