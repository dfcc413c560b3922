//! Mutants: the model with one assumption, check or clause left out. What then fails to be proved shows
//! what that part is for.

use std::fmt;
use std::sync::Arc;

use super::model::Model;
use super::obligation::Obligation;

/// What is left out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Mutant {
    /// An axiom.
    Axiom(Arc<str>),
    /// A check: in a guard it is not made, in an effect what it says is not done.
    Check(Arc<str>),
    /// A clause of the invariant, neither assumed nor shown.
    Clause(Arc<str>),
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mutant::Axiom(name) => write!(f, "axiom {name}"),
            Mutant::Check(name) => write!(f, "check {name}"),
            Mutant::Clause(name) => write!(f, "clause {name}"),
        }
    }
}

impl Model {
    /// Every mutant, in the order of the model.
    pub fn mutants(&self) -> Vec<Mutant> {
        let axioms = self.axioms.iter().map(|a| Mutant::Axiom(Arc::clone(&a.name)));
        let clauses = self.clauses.iter().map(|c| Mutant::Clause(Arc::clone(&c.name)));
        let mut checks = Vec::new();
        for action in &self.actions {
            let effects = action.effects.iter().flat_map(|e| [&e.within, &e.at_least]);
            for check in std::iter::once(&action.guard).chain(effects).flat_map(|f| f.checks()) {
                if !checks.contains(&check) {
                    checks.push(check);
                }
            }
        }
        axioms.chain(checks.into_iter().map(Mutant::Check)).chain(clauses).collect()
    }

    /// The model without it.
    pub fn without(&self, mutant: &Mutant) -> Model {
        let mut model = self.clone();
        match mutant {
            Mutant::Axiom(name) => model.axioms.retain(|a| a.name != *name),
            Mutant::Clause(name) => model.clauses.retain(|c| c.name != *name),
            Mutant::Check(name) => {
                for action in &mut model.actions {
                    action.guard = action.guard.without_check(name, true);
                    for effect in &mut action.effects {
                        effect.within = effect.within.without_check(name, false);
                        effect.at_least = effect.at_least.without_check(name, false);
                    }
                }
            }
        }
        model
    }

    /// The safety obligations of the mutant that are other questions than those of this model; the rest
    /// is proved already.
    pub fn mutant_obligations(&self, mutant: &Mutant) -> (Model, Vec<Obligation>) {
        let model = self.without(mutant);
        let proved: std::collections::HashSet<String> =
            self.safety_obligations().iter().map(|o| o.smtlib(self)).collect();
        let questions = model.safety_obligations();
        let other = questions.into_iter().filter(|o| !proved.contains(&o.smtlib(&model))).collect();
        (model, other)
    }
}
