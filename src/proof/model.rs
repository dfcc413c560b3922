//! The abstract protocol: sorts, relations, axioms, actions, and what is claimed of them.

use std::sync::Arc;

use super::formula::{Formula, FunctionId, RelationId, SortId, Term, Var};

/// A file under `proofs/` says something that makes no sense.
#[derive(Clone, Debug, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct ModelError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

/// A relation of the model.
#[derive(Clone, Debug)]
pub struct Relation {
    /// Its name.
    pub name: Arc<str>,
    /// The sorts of its arguments.
    pub sorts: Vec<SortId>,
    /// Whether it never changes.
    pub(crate) fixed: bool,
}

/// A function or constant of the model; it never changes.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    /// Its name.
    pub name: Arc<str>,
    /// The sorts of its arguments.
    pub sorts: Vec<SortId>,
    /// The sort of its values.
    pub result: SortId,
}

/// An axiom, a clause of the invariant, or a safety property.
#[derive(Clone, Debug)]
pub struct Statement {
    /// Its name.
    pub name: Arc<str>,
    /// What it says.
    pub formula: Formula,
}

/// A step of the protocol or of the adversary.
#[derive(Clone, Debug)]
pub struct Action {
    /// Its name.
    pub name: Arc<str>,
    /// Who and what takes part.
    pub params: Vec<Var>,
    /// The methods of the rulebook ([`crate::pbft::Rules`]) that it stands for.
    pub rules: Vec<Arc<str>>,
    /// When it can happen.
    pub guard: Formula,
    /// What it changes.
    pub effects: Vec<Effect>,
}

/// How an effect changes its relation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Change {
    /// The matching tuples become true.
    Add,
    /// The matching tuples become false.
    Remove,
    /// Of the matching tuples some become true: those of `at_least` and any others.
    May,
}

/// A change of one relation. A tuple matches if it is `args` for some `vars` for which `within` holds.
/// Conditions speak of the state before the action.
#[derive(Clone, Debug)]
pub struct Effect {
    /// How.
    pub(crate) change: Change,
    /// Which relation.
    pub relation: RelationId,
    /// What is left open in `args`; each stands there.
    pub(crate) vars: Vec<Var>,
    /// Which tuples.
    pub(crate) args: Vec<Term>,
    /// Under which condition.
    pub within: Formula,
    /// Where only some of them become true: what becomes true for sure.
    pub at_least: Formula,
}

/// A statement about given elements, for states that satisfy the invariant.
#[derive(Clone, Debug)]
pub(crate) struct Lemma {
    /// Its name.
    pub name: Arc<str>,
    /// The given elements.
    pub params: Vec<Var>,
    /// What holds of them.
    pub given: Formula,
    /// What follows; `None` if the claim is that no action makes `given` false.
    pub then: Option<Formula>,
}

/// A run of a small committee, step by step.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its name.
    pub name: Arc<str>,
    /// n and f.
    pub(crate) committee: (u16, u16),
    /// The replicas that are not honest.
    pub byzantine: Vec<u16>,
    /// The elements of each sort, by sort.
    pub(crate) elements: Vec<Vec<Var>>,
    /// The steps.
    pub steps: Vec<RunStep>,
    /// What holds in the end.
    pub finally: Formula,
}

/// A step of a run.
#[derive(Clone, Debug)]
pub struct RunStep {
    /// Which action, by its place in the model.
    pub action: usize,
    /// With which elements.
    pub(crate) args: Vec<Term>,
    /// Of what the action leaves open, what becomes true.
    pub(crate) with: Vec<(RelationId, Vec<Term>)>,
}

/// The whole model.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// The names of the sorts.
    pub(crate) sorts: Vec<Arc<str>>,
    /// The relations.
    pub relations: Vec<Relation>,
    /// The functions and constants.
    pub(crate) functions: Vec<Function>,
    /// What is assumed of the fixed part.
    pub axioms: Vec<Statement>,
    /// The steps.
    pub actions: Vec<Action>,
    /// The parts of the invariant.
    pub clauses: Vec<Statement>,
    /// What is to be shown.
    pub safety: Vec<Statement>,
    /// Methods of the rulebook that no action stands for, and why.
    pub outside: Vec<(Arc<str>, Arc<str>)>,
    /// Inductive like the clauses, but needed by the lemmas only.
    pub facts: Vec<Statement>,
    /// What else follows.
    pub(crate) lemmas: Vec<Lemma>,
    /// Runs that show that it is not empty talk.
    pub runs: Vec<Run>,
    /// Variables are numbered below this.
    pub(super) variables: usize,
}

impl Model {
    /// The relation of that name.
    pub fn relation(&self, name: &str) -> Option<RelationId> {
        self.relations.iter().position(|r| &*r.name == name).map(RelationId)
    }

    /// The function of that name.
    pub(crate) fn function(&self, name: &str) -> Option<FunctionId> {
        self.functions.iter().position(|f| &*f.name == name).map(FunctionId)
    }

    /// The sort of that name.
    pub(crate) fn sort(&self, name: &str) -> Option<SortId> {
        self.sorts.iter().position(|sort| &**sort == name).map(SortId)
    }

    /// The action of that name.
    pub(crate) fn action(&self, name: &str) -> Option<&Action> {
        self.actions.iter().find(|a| &*a.name == name)
    }

    /// The sort of a term.
    pub(crate) fn sort_of(&self, term: &Term) -> SortId {
        match term {
            Term::Var(var) => var.sort,
            Term::Apply(f, _) => self.functions[f.0].result,
        }
    }
}
