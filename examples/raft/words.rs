//! Messages, events and values in words.

use raft::eraftpb::{Message, MessageType};

use super::adapter::{Event, Value, node_id};

pub fn message(message: &Message) -> String {
    let entries = message.get_entries().iter().map(|entry| value(&Value::of(entry))).collect::<Vec<_>>();
    let (term, index) = (message.get_term(), message.get_index());
    match message.get_msg_type() {
        MessageType::MsgAppend if entries.is_empty() => {
            format!("committed up to {}, in term {term}", message.get_commit())
        }
        MessageType::MsgAppend => {
            let (entries, first, commit) = (entries.join(", "), index + 1, message.get_commit());
            format!("append {entries} from {first} on, committed up to {commit}, in term {term}")
        }
        MessageType::MsgAppendResponse if message.get_reject() => {
            format!("not appended, the log ends at {}, in term {term}", message.get_reject_hint())
        }
        MessageType::MsgAppendResponse => format!("stored up to {index}, in term {term}"),
        MessageType::MsgRequestVote => {
            format!("vote for me in term {term}, my log ends at {index} of term {}", message.get_log_term())
        }
        MessageType::MsgRequestVoteResponse if message.get_reject() => format!("no vote in term {term}"),
        MessageType::MsgRequestVoteResponse => format!("my vote in term {term}"),
        MessageType::MsgTimeoutNow => format!("campaign now, in term {term}"),
        MessageType::MsgPropose => format!("propose {}", entries.join(", ")),
        MessageType::MsgTransferLeader => format!("hand over to {}", node_id(message.get_from())),
        _ => format!("{message:?}"),
    }
}

pub fn event(event: &Event) -> String {
    match event {
        Event::Propose(command) => format!("propose {command}"),
        Event::Remove(node) => format!("propose to remove {node}"),
        Event::HandOver(node) => format!("hand over to {node}"),
        Event::Campaign => "campaign".to_owned(),
        Event::Apply => "apply what is committed".to_owned(),
    }
}

pub fn value(value: &Value) -> String {
    match value {
        Value::Nothing => "nothing".to_owned(),
        Value::Command(command) => command.to_string(),
        Value::Removal(node) => format!("removal of {node}"),
    }
}
