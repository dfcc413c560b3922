//! What honest nodes can say and decide together, in words.

use std::collections::BTreeSet;

use super::Guards;
use super::error::Unfit;
use super::placed::{Decisions, cast, locals};
use super::product::{self, Judgement, Product};
use super::reduce::classes;
use crate::protocol::{NodeId, Protocol};

/// What honest nodes can say and decide, in words.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Statements {
    /// What all of them can have sent together, each message with its sender.
    pub sent: BTreeSet<BTreeSet<String>>,
    /// What one of them can decide where that was sent, by a step that may send more.
    pub decided: BTreeSet<(BTreeSet<String>, String)>,
}

impl<P: Protocol> Guards<P> {
    /// What all honest nodes can have sent together, and who can decide what then, with these nodes Byzantine.
    ///
    /// # Errors
    /// The judge cannot take the protocol.
    pub fn statements(&self, byzantine: &[NodeId]) -> Result<Statements, Unfit> {
        let cast = cast(&self.finders, byzantine)?;
        let finders: Vec<_> = self.finders.iter().filter(|finder| cast.honest.contains(&finder.me)).collect();
        let mut decisions = Decisions::<P>::default();
        let locals: Vec<_> = finders.iter().map(|finder| locals(&cast, finder, &mut decisions)).collect();
        let tables: Vec<_> = locals.iter().map(|locals| classes(locals, true)).collect();
        let judgement = Judgement {
            against: vec![Vec::new(); decisions.len()],
            invalid: vec![false; decisions.len()],
            asks_panics: false,
        };
        let product = Product { tables: &tables, symmetries: &[], judgement: &judgement };
        let searched = product.search(product.begin(), &|_, _| true);
        let mut statements = Statements::default();
        let mut state = vec![0; tables.len()];
        for packed in &searched.states {
            product::unpack(*packed, &mut state);
            let exists = product.exists(&state);
            let bits = cast.bits.iter().enumerate().filter(|(bit, _)| exists & (1 << bit) != 0);
            let sent: BTreeSet<String> = bits
                .filter_map(|(_, (node, content))| {
                    let message = self.alphabet.messages.get_index(usize::from(*content))?;
                    Some(format!("{node}: {}", self.protocol.message_in_words(message)))
                })
                .collect();
            for (place, decision) in product.decided(&state) {
                let Some((slot, value)) = decisions.get_index(usize::from(decision)) else { continue };
                let words =
                    format!("{}: {} in {slot}", cast.honest[place], self.protocol.value_in_words(value));
                statements.decided.insert((sent.clone(), words));
            }
            statements.sent.insert(sent);
        }
        Ok(statements)
    }
}
