//! First-order formulas over sorts, as the model file states them and the provers get them.

use std::collections::BTreeMap;
use std::sync::Arc;

/// A sort, by its place in the model.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SortId(pub usize);

/// A relation, by its place in the model.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RelationId(pub usize);

/// A function, by its place in the model.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct FunctionId(pub usize);

/// A variable, or an element that has a name in one obligation only. Its number is its identity:
/// no two quantifiers of a model bind the same one, so that nothing is ever captured.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Var {
    /// As it is written.
    pub(crate) name: Arc<str>,
    /// What it ranges over.
    pub sort: SortId,
    /// Who it is.
    pub id: usize,
}

/// An element of a sort.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Term {
    /// A variable.
    Var(Var),
    /// A function of elements; a constant is a function of none.
    Apply(FunctionId, Vec<Term>),
}

/// A formula. A relation of the state is meant at a point in time, which is a number: each effect
/// that changes a relation makes a new version of it.
#[derive(Clone, PartialEq, Debug)]
pub enum Formula {
    /// Holds, or does not.
    Const(bool),
    /// A relation holds of these elements, in this version of it.
    Atom(RelationId, usize, Vec<Term>),
    /// Two elements are the same.
    Equal(Term, Term),
    /// Negation.
    Not(Box<Formula>),
    /// Conjunction.
    And(Vec<Formula>),
    /// Disjunction.
    Or(Vec<Formula>),
    /// Implication.
    Implies(Box<Formula>, Box<Formula>),
    /// For all.
    Forall(Vec<Var>, Box<Formula>),
    /// For some.
    Exists(Vec<Var>, Box<Formula>),
    /// A part that a mutant leaves out.
    Check(Arc<str>, Box<Formula>),
}

impl Formula {
    /// Conjunction.
    pub(crate) fn and(parts: Vec<Formula>) -> Self {
        Formula::And(parts)
    }

    /// Negation.
    pub fn negated(self) -> Self {
        Formula::Not(Box::new(self))
    }

    /// Implication.
    pub(crate) fn implies(self, then: Formula) -> Self {
        Formula::Implies(Box::new(self), Box::new(then))
    }

    /// For all `vars`, if there are any.
    pub(crate) fn forall(vars: Vec<Var>, body: Formula) -> Self {
        if vars.is_empty() { body } else { Formula::Forall(vars, Box::new(body)) }
    }

    /// For some `vars`, if there are any.
    pub(crate) fn exists(vars: Vec<Var>, body: Formula) -> Self {
        if vars.is_empty() { body } else { Formula::Exists(vars, Box::new(body)) }
    }

    /// The same formula with its atoms and terms replaced.
    fn map(
        &self,
        atom: &dyn Fn(RelationId, usize, Vec<Term>) -> Formula,
        term: &dyn Fn(&Term) -> Term,
    ) -> Self {
        let go = |f: &Formula| f.map(atom, term);
        let boxed = |f: &Formula| Box::new(go(f));
        match self {
            Formula::Const(b) => Formula::Const(*b),
            Formula::Atom(r, version, args) => atom(*r, *version, args.iter().map(term).collect()),
            Formula::Equal(a, b) => Formula::Equal(term(a), term(b)),
            Formula::Not(f) => Formula::Not(boxed(f)),
            Formula::And(parts) => Formula::And(parts.iter().map(go).collect()),
            Formula::Or(parts) => Formula::Or(parts.iter().map(go).collect()),
            Formula::Implies(a, b) => Formula::Implies(boxed(a), boxed(b)),
            Formula::Forall(vars, f) => Formula::Forall(vars.clone(), boxed(f)),
            Formula::Exists(vars, f) => Formula::Exists(vars.clone(), boxed(f)),
            Formula::Check(name, f) => Formula::Check(Arc::clone(name), boxed(f)),
        }
    }

    /// The formula at another point in time: each relation in the version that `versions` says.
    pub(crate) fn at(&self, versions: &[usize]) -> Self {
        self.map(
            &|r, version, args| Formula::Atom(r, versions.get(r.0).copied().unwrap_or(version), args),
            &Term::clone,
        )
    }

    /// The formula with terms in the place of free variables.
    pub(crate) fn substitute(&self, terms: &BTreeMap<usize, Term>) -> Self {
        self.map(&Formula::Atom, &|t| t.substitute(terms))
    }

    /// The formula with the named check replaced by `by`.
    pub fn without_check(&self, name: &str, by: bool) -> Self {
        let go = |f: &Formula| f.without_check(name, by);
        let boxed = |f: &Formula| Box::new(go(f));
        match self {
            Formula::Check(check, _) if &**check == name => Formula::Const(by),
            Formula::Check(check, f) => Formula::Check(Arc::clone(check), boxed(f)),
            Formula::Not(f) => Formula::Not(boxed(f)),
            Formula::And(parts) => Formula::And(parts.iter().map(go).collect()),
            Formula::Or(parts) => Formula::Or(parts.iter().map(go).collect()),
            Formula::Implies(a, b) => Formula::Implies(boxed(a), boxed(b)),
            Formula::Forall(vars, f) => Formula::Forall(vars.clone(), boxed(f)),
            Formula::Exists(vars, f) => Formula::Exists(vars.clone(), boxed(f)),
            Formula::Const(_) | Formula::Atom(..) | Formula::Equal(..) => self.clone(),
        }
    }

    /// Visits this formula and all its parts.
    pub fn visit(&self, see: &mut dyn FnMut(&Formula)) {
        see(self);
        match self {
            Formula::Const(_) | Formula::Atom(..) | Formula::Equal(..) => {}
            Formula::Not(f) | Formula::Forall(_, f) | Formula::Exists(_, f) | Formula::Check(_, f) => {
                f.visit(see);
            }
            Formula::And(parts) | Formula::Or(parts) => parts.iter().for_each(|f| f.visit(see)),
            Formula::Implies(a, b) => {
                a.visit(see);
                b.visit(see);
            }
        }
    }

    /// The names of the checks in it, each once, in the order in which they stand.
    pub fn checks(&self) -> Vec<Arc<str>> {
        let mut names = Vec::new();
        self.visit(&mut |f| {
            if let Formula::Check(name, _) = f
                && !names.contains(name)
            {
                names.push(Arc::clone(name));
            }
        });
        names
    }
}

impl Term {
    /// The term with others in the place of its variables.
    pub(crate) fn substitute(&self, terms: &BTreeMap<usize, Term>) -> Self {
        match self {
            Term::Var(var) => terms.get(&var.id).unwrap_or(self).clone(),
            Term::Apply(f, args) => Term::Apply(*f, args.iter().map(|t| t.substitute(terms)).collect()),
        }
    }
}
