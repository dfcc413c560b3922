//! The model as definitions for Coq: what there is, what a state is, and when one follows another. There the
//! answers of the provers are put together (`proofs/coq/Safety.v`).

use std::fmt::Write as _;

use super::formula::{Formula, RelationId, SortId, Term, Var};
use super::model::{Action, Change, Model, Statement};
use super::smtlib::plain;

impl Model {
    /// The model as a Coq file: types `World` and `State`, and of each kind of statement an enumeration of their
    /// names with what each of them says.
    pub fn coq(&self) -> String {
        let mut printer = Printer { model: self, out: String::new() };
        printer.file();
        printer.out
    }
}

struct Printer<'a> {
    model: &'a Model,
    out: String,
}

/// A name that Coq can read.
fn word(name: &str) -> String {
    match name {
        "in" => "in_".to_owned(),
        _ => plain(name),
    }
}

fn var(var: &Var) -> String {
    format!("{}_{}", word(&var.name), var.id)
}

impl Printer<'_> {
    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.out, "{text}");
    }

    fn file(&mut self) {
        let model = self.model;
        self.line(format_args!("Section Model."));
        let sorts = model.sorts.iter().map(|name| &**name).collect::<Vec<_>>().join(" ");
        self.line(format_args!("Variables {sorts} : Type."));
        self.record("World", true);
        self.record("State", false);
        self.statements("axiom", &model.axioms, "(w : World)");
        self.statements("clause", &model.clauses, "(w : World) (s : State)");
        self.statements("fact", &model.facts, "(w : World) (s : State)");
        self.statements("property", &model.safety, "(w : World) (s : State)");
        let empty: Vec<_> = (0..model.relations.len())
            .filter(|&r| !model.relations[r].fixed)
            .map(|r| {
                let (params, args) = model.arguments(RelationId(r), 0);
                let none = Formula::Atom(RelationId(r), 0, args).negated();
                self.formula(&Formula::forall(params, none))
            })
            .collect();
        let empty = empty.join(" /\\ ");
        self.line(format_args!("Definition initial (w : World) (s : State) : Prop := {empty}."));
        let steps = model.actions.iter().map(|action| (&*action.name, self.step(action))).collect();
        self.cases("action", "(w : World) (s t : State)", "step", steps);
        self.line(format_args!("End Model."));
    }

    /// The fixed part, or the changing one, as a record.
    fn record(&mut self, name: &str, fixed: bool) {
        let model = self.model;
        let relations = model.relations.iter().filter(|relation| relation.fixed == fixed);
        let mut fields: Vec<String> = relations
            .map(|relation| format!("{} : {}Prop", word(&relation.name), self.arrows(&relation.sorts)))
            .collect();
        if fixed {
            fields.extend(model.functions.iter().map(|function| {
                let (name, result) = (word(&function.name), self.sort(function.result));
                format!("{name} : {}{result}", self.arrows(&function.sorts))
            }));
        }
        let (make, fields) = (name.to_lowercase(), fields.join("; "));
        self.line(format_args!("Record {name} := {make} {{ {fields} }}."));
    }

    fn statements(&mut self, kind: &str, statements: &[Statement], about: &str) {
        let cases = statements.iter().map(|s| (&*s.name, self.formula(&s.formula))).collect();
        self.cases(kind, about, kind, cases);
    }

    /// An enumeration, and what each of its members says.
    fn cases(&mut self, kind: &str, about: &str, says: &str, cases: Vec<(&str, String)>) {
        let name = |name: &str| format!("{kind}_{}", word(name));
        let names: Vec<_> = cases.iter().map(|(n, _)| name(n)).collect();
        self.line(format_args!("Inductive {kind}_name := {}.", names.join(" | ")));
        let bodies: Vec<_> = cases.iter().map(|(n, body)| format!("| {} => {body}\n", name(n))).collect();
        let bodies = bodies.concat();
        self.line(format_args!("Definition {says} (name : {kind}_name) {about} : Prop :="));
        self.line(format_args!("match name with\n{bodies}end."));
    }

    /// Some elements for which the guard holds before, and after which each relation is what the effects say.
    fn step(&self, action: &Action) -> String {
        let mut parts = vec![self.formula(&action.guard)];
        for r in (0..self.model.relations.len()).filter(|&r| !self.model.relations[r].fixed) {
            let (params, point) = self.model.arguments(RelationId(r), 0);
            let old = Formula::Atom(RelationId(r), 0, point.clone());
            let new = Formula::Atom(RelationId(r), 1, point.clone());
            // The bounds within which the relation may be after the effects, in their order.
            let (mut least, mut most) = (old.clone(), old);
            for effect in action.effects.iter().filter(|effect| effect.relation == RelationId(r)) {
                let hit = |condition| self.model.matches(effect, &point, condition);
                let or = |f: Formula, hit| Formula::Or(vec![f, hit]);
                let but = |f: Formula| Formula::and(vec![f, hit(&effect.within).negated()]);
                (least, most) = match effect.change {
                    Change::Add => (or(least, hit(&effect.within)), or(most, hit(&effect.within))),
                    Change::Remove => (but(least), but(most)),
                    Change::May => (or(least, hit(&effect.at_least)), or(most, hit(&effect.within))),
                };
            }
            let bounds = Formula::and(vec![least.implies(new.clone()), new.implies(most)]);
            parts.push(self.formula(&Formula::forall(params, bounds)));
        }
        let binders = self.binders(&action.params);
        format!("exists {binders}, {}", parts.join(" /\\ "))
    }

    fn sort(&self, sort: SortId) -> &str {
        &self.model.sorts[sort.0]
    }

    fn arrows(&self, sorts: &[SortId]) -> String {
        sorts.iter().map(|&sort| format!("{} -> ", self.sort(sort))).collect()
    }

    fn binders(&self, vars: &[Var]) -> String {
        vars.iter().map(|v| format!("({} : {})", var(v), self.sort(v.sort))).collect::<Vec<_>>().join(" ")
    }

    fn term(&self, term: &Term) -> String {
        match term {
            Term::Var(v) => var(v),
            Term::Apply(f, args) => {
                let args: String = args.iter().map(|arg| format!(" {}", self.term(arg))).collect();
                format!("({} w{args})", word(&self.model.functions[f.0].name))
            }
        }
    }

    fn joined(&self, sign: &str, unit: &str, parts: &[Formula]) -> String {
        if parts.is_empty() {
            return unit.to_owned();
        }
        let parts: Vec<_> = parts.iter().map(|f| self.formula(f)).collect();
        format!("({})", parts.join(sign))
    }

    /// Version 0 of a relation is that of the state s, any other that of the state t.
    fn formula(&self, formula: &Formula) -> String {
        match formula {
            Formula::Const(true) => "True".to_owned(),
            Formula::Const(false) => "False".to_owned(),
            Formula::Atom(r, version, args) => {
                let relation = &self.model.relations[r.0];
                let of = match (relation.fixed, version) {
                    (true, _) => "w",
                    (false, 0) => "s",
                    (false, _) => "t",
                };
                let args: String = args.iter().map(|arg| format!(" {}", self.term(arg))).collect();
                format!("({} {of}{args})", word(&relation.name))
            }
            Formula::Equal(a, b) => format!("({} = {})", self.term(a), self.term(b)),
            Formula::Not(f) => format!("(~ {})", self.formula(f)),
            Formula::And(parts) => self.joined(" /\\ ", "True", parts),
            Formula::Or(parts) => self.joined(" \\/ ", "False", parts),
            Formula::Implies(a, b) => format!("({} -> {})", self.formula(a), self.formula(b)),
            Formula::Forall(vars, f) => format!("(forall {}, {})", self.binders(vars), self.formula(f)),
            Formula::Exists(vars, f) => format!("(exists {}, {})", self.binders(vars), self.formula(f)),
            Formula::Check(_, f) => self.formula(f),
        }
    }
}
