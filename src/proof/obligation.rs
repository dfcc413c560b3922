//! What has to be proved: each obligation is a question to a prover, with the one answer that counts.

use std::sync::Arc;

use super::formula::{Formula, RelationId, Term, Var};
use super::model::{Action, Change, Effect, Lemma, Model, Run, Statement};

/// The answer that an obligation needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// The hypotheses and the negated goal contradict each other: the goal is proved.
    Unsat,
    /// The hypotheses are satisfiable: the run exists.
    Sat,
}

/// A new version of a relation, defined by a formula.
#[derive(Clone, Debug)]
pub(crate) struct Definition {
    /// Which relation.
    pub relation: RelationId,
    /// Which version.
    pub version: usize,
    /// Its arguments.
    pub params: Vec<Var>,
    /// When it holds of them.
    pub body: Formula,
}

/// A question to a prover.
#[derive(Clone, Debug)]
pub struct Obligation {
    /// What it belongs to: an action, or the kind of question.
    pub group: Arc<str>,
    /// Which it is.
    pub name: Arc<str>,
    /// Elements that are given.
    pub(crate) constants: Vec<Var>,
    /// New versions of relations, each defined by earlier ones.
    pub(crate) definitions: Vec<Definition>,
    /// What is assumed, with a word on each.
    pub(crate) hypotheses: Vec<(Arc<str>, Formula)>,
    /// What is to be proved; none where a model is asked for.
    pub(crate) goal: Option<Formula>,
    /// The answer that counts.
    pub answer: Answer,
}

impl Model {
    /// All obligations of the safety proof: initiation of every clause, consecution of every clause
    /// under every action, and each safety property from the clauses.
    pub fn safety_obligations(&self) -> Vec<Obligation> {
        let mut all: Vec<_> = self.clauses.iter().map(|clause| self.initiation(clause)).collect();
        for action in &self.actions {
            all.extend(self.clauses.iter().map(|clause| self.consecution(action, clause)));
        }
        all.extend(self.safety.iter().map(|property| self.consequence(property)));
        all
    }

    /// The clause holds when nothing has happened yet.
    pub fn initiation(&self, clause: &Statement) -> Obligation {
        let mut question = self.question("init", &clause.name, Vec::new());
        question.hypotheses.extend(self.empty_state());
        question.goal = Some(clause.formula.clone());
        question
    }

    /// The clause still holds after the action, if the whole invariant held before.
    pub(crate) fn consecution(&self, action: &Action, clause: &Statement) -> Obligation {
        let mut question = self.question(&action.name, &clause.name, action.params.clone());
        question.hypotheses.extend(self.invariant());
        let args: Vec<Term> = action.params.iter().cloned().map(Term::Var).collect();
        let mut versions = self.versions();
        self.step(action, &args, &mut versions, &mut question);
        question.goal = Some(clause.formula.at(&versions));
        question
    }

    /// The property follows from the invariant.
    pub(crate) fn consequence(&self, property: &Statement) -> Obligation {
        let mut question = self.question("safety", &property.name, Vec::new());
        question.hypotheses.extend(self.invariant());
        question.goal = Some(property.formula.clone());
        question
    }

    /// That the facts for the lemmas are inductive, and the lemmas.
    pub fn liveness_obligations(&self) -> Vec<Obligation> {
        let mut all = Vec::new();
        for fact in &self.facts {
            all.push(self.initiation(fact));
            all.extend(self.actions.iter().map(|action| {
                let mut question = self.consecution(action, fact);
                question.hypotheses.extend(self.known_facts());
                question
            }));
        }
        for question in &mut all {
            question.name = Arc::from(format!("{} ({})", question.name, question.group));
            question.group = Arc::from("facts");
        }
        all.extend(self.lemmas.iter().flat_map(|lemma| self.lemma_obligations(lemma)));
        all
    }

    /// What a lemma asks: that what it is given is possible, so that it is not empty, and that the claim
    /// follows; or one question for each action if the claim is that something lasts.
    pub(crate) fn lemma_obligations(&self, lemma: &Lemma) -> Vec<Obligation> {
        let start = |name: &str| {
            let mut question = self.question("lemmas", name, lemma.params.clone());
            question.hypotheses.extend(self.invariant());
            question.hypotheses.extend(self.known_facts());
            question.hypotheses.push((Arc::from("given"), lemma.given.clone()));
            question
        };
        let mut possible = start(&lemma.name);
        possible.group = Arc::from("lemmas are possible");
        possible.answer = Answer::Sat;
        let Some(then) = &lemma.then else {
            let lasts = self.actions.iter().map(|action| {
                let mut question = start(&format!("{} ({})", lemma.name, action.name));
                question.constants.extend(action.params.clone());
                let args: Vec<Term> = action.params.iter().cloned().map(Term::Var).collect();
                let mut versions = self.versions();
                self.step(action, &args, &mut versions, &mut question);
                question.goal = Some(lemma.given.at(&versions));
                question
            });
            return std::iter::once(possible).chain(lasts).collect();
        };
        let mut question = start(&lemma.name);
        question.goal = Some(then.clone());
        vec![possible, question]
    }

    /// The run exists: every step is possible where it stands, and what it claims holds in the end.
    pub fn run_obligation(&self, run: &Run) -> Obligation {
        let mut question = self.question("runs", &run.name, run.elements.iter().flatten().cloned().collect());
        question.answer = Answer::Sat;
        question.hypotheses.extend(self.closed_world(run));
        question.hypotheses.extend(self.empty_state());
        let mut versions = self.versions();
        for step in &run.steps {
            self.step(&self.actions[step.action], &step.args, &mut versions, &mut question);
            for (relation, args) in &step.with {
                let atom = Formula::Atom(*relation, 0, args.clone()).at(&versions);
                question.hypotheses.push((Arc::from("with"), atom));
            }
        }
        question.hypotheses.push((Arc::from("finally"), run.finally.at(&versions)));
        question
    }

    fn question(&self, group: &str, name: &str, constants: Vec<Var>) -> Obligation {
        let axioms = self.axioms.iter().map(|a| (Arc::clone(&a.name), a.formula.clone())).collect();
        Obligation {
            group: Arc::from(group),
            name: Arc::from(name),
            constants,
            definitions: Vec::new(),
            hypotheses: axioms,
            goal: None,
            answer: Answer::Unsat,
        }
    }

    fn versions(&self) -> Vec<usize> {
        vec![0; self.relations.len()]
    }

    fn invariant(&self) -> impl Iterator<Item = (Arc<str>, Formula)> + '_ {
        self.clauses.iter().map(|clause| (Arc::clone(&clause.name), clause.formula.clone()))
    }

    fn known_facts(&self) -> impl Iterator<Item = (Arc<str>, Formula)> + '_ {
        self.facts.iter().map(|fact| (Arc::clone(&fact.name), fact.formula.clone()))
    }

    /// Every relation of the state is empty.
    fn empty_state(&self) -> Vec<(Arc<str>, Formula)> {
        let state = (0..self.relations.len()).filter(|&r| !self.relations[r].fixed);
        state
            .map(|r| {
                let (params, args) = self.arguments(RelationId(r), 0);
                let empty = Formula::Atom(RelationId(r), 0, args).negated();
                (Arc::from("initially"), Formula::forall(params, empty))
            })
            .collect()
    }

    /// New variables for the arguments of a relation. Their numbers are beyond those of the model, so
    /// that they meet no others; `offset` keeps several such lists apart.
    pub(super) fn arguments(&self, relation: RelationId, offset: usize) -> (Vec<Var>, Vec<Term>) {
        let sorts = &self.relations[relation.0].sorts;
        let vars: Vec<Var> = sorts
            .iter()
            .enumerate()
            .map(|(i, &sort)| Var { name: Arc::from("a"), sort, id: self.variables + offset + i })
            .collect();
        let terms = vars.iter().cloned().map(Term::Var).collect();
        (vars, terms)
    }

    /// One action, from the versions before to those after: its guard becomes a hypothesis, its effects
    /// become definitions, or hypotheses where they leave something open.
    pub(super) fn step(
        &self,
        action: &Action,
        args: &[Term],
        versions: &mut [usize],
        question: &mut Obligation,
    ) {
        let terms = action.params.iter().map(|p| p.id).zip(args.iter().cloned()).collect();
        let before = versions.to_vec();
        let here = |f: &Formula| f.substitute(&terms).at(&before);
        question.hypotheses.push((Arc::clone(&action.name), here(&action.guard)));
        for effect in &action.effects {
            let relation = effect.relation;
            let (params, point) = self.arguments(relation, 0);
            let old = Formula::Atom(relation, versions[relation.0], point.clone());
            versions[relation.0] += 1;
            let version = versions[relation.0];
            let new = Formula::Atom(relation, version, point.clone());
            let matching = |f: &Formula| here(&self.matches(effect, &point, f));
            match effect.change {
                Change::Add | Change::Remove => {
                    let hit = matching(&effect.within);
                    let body = if effect.change == Change::Add {
                        Formula::Or(vec![old, hit])
                    } else {
                        Formula::and(vec![old, hit.negated()])
                    };
                    question.definitions.push(Definition { relation, version, params, body });
                }
                Change::May => {
                    let least = Formula::Or(vec![old.clone(), matching(&effect.at_least)]);
                    let most = Formula::Or(vec![old, matching(&effect.within)]);
                    let bounds = Formula::and(vec![least.implies(new.clone()), new.implies(most)]);
                    question.hypotheses.push((Arc::clone(&action.name), Formula::forall(params, bounds)));
                }
            }
        }
    }

    /// The tuple `point` is one that the effect speaks of, and the condition holds for it.
    pub(super) fn matches(&self, effect: &Effect, point: &[Term], condition: &Formula) -> Formula {
        let mut terms = std::collections::BTreeMap::new();
        let mut parts = Vec::new();
        for (arg, value) in effect.args.iter().zip(point) {
            match arg {
                Term::Var(var) if effect.vars.contains(var) && !terms.contains_key(&var.id) => {
                    terms.insert(var.id, value.clone());
                }
                _ => parts.push(Formula::Equal(value.clone(), arg.substitute(&terms))),
            }
        }
        parts.push(condition.substitute(&terms));
        Formula::and(parts)
    }

    /// There is nothing but the named elements, they differ, and the fixed part is that of the committee.
    fn closed_world(&self, run: &Run) -> Vec<(Arc<str>, Formula)> {
        let mut facts = Vec::new();
        let mut fact = |f: Formula| facts.push((Arc::from("committee"), f));
        let term = |var: &Var| Term::Var(var.clone());
        for (sort, elements) in run.elements.iter().enumerate() {
            for (i, a) in elements.iter().enumerate() {
                for b in &elements[..i] {
                    fact(Formula::Equal(term(a), term(b)).negated());
                }
            }
            let any = Var { name: Arc::from("a"), sort: super::formula::SortId(sort), id: self.variables };
            let named = elements.iter().map(|e| Formula::Equal(term(&any), term(e))).collect();
            fact(Formula::forall(vec![any], Formula::Or(named)));
        }
        let world = self.structure(run);
        for (r, relation) in self.relations.iter().enumerate().filter(|(_, r)| r.fixed) {
            for tuple in world.tuples(&relation.sorts) {
                let args = tuple.iter().zip(&relation.sorts).map(|(&i, s)| term(&run.elements[s.0][i]));
                let atom = Formula::Atom(RelationId(r), 0, args.collect());
                fact(if world.holds(RelationId(r), &tuple) { atom } else { atom.negated() });
            }
        }
        for (f, function) in self.functions.iter().enumerate() {
            for tuple in world.tuples(&function.sorts) {
                let args = tuple.iter().zip(&function.sorts).map(|(&i, s)| term(&run.elements[s.0][i]));
                let value = world.apply(super::formula::FunctionId(f), &tuple);
                let applied = Term::Apply(super::formula::FunctionId(f), args.collect());
                fact(Formula::Equal(applied, term(&run.elements[function.result.0][value])));
            }
        }
        facts
    }
}
