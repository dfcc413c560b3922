//! Obligations as SMT-LIB 2.6, for z3 and cvc5.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::formula::{Formula, RelationId, SortId, Term, Var};
use super::model::Model;
use super::obligation::Obligation;

/// Prints obligations of a model.
struct Printer<'a> {
    model: &'a Model,
    out: String,
}

impl Obligation {
    /// The question as an SMT-LIB script that ends with `(check-sat)`.
    pub fn smtlib(&self, model: &Model) -> String {
        let mut printer = Printer { model, out: String::new() };
        printer.script(self);
        printer.out
    }

    /// Every version of a relation that occurs and has no definition: what has to be declared.
    pub(super) fn undefined(&self) -> BTreeSet<(RelationId, usize)> {
        let mut used = BTreeSet::new();
        let mut see = |f: &Formula| {
            if let Formula::Atom(r, version, _) = f {
                used.insert((*r, *version));
            }
        };
        self.hypotheses.iter().for_each(|(_, f)| f.visit(&mut see));
        self.definitions.iter().for_each(|d| d.body.visit(&mut see));
        self.goal.iter().for_each(|f| f.visit(&mut see));
        for definition in &self.definitions {
            used.remove(&(definition.relation, definition.version));
        }
        used
    }
}

/// A name that both languages can read: `<=` becomes `le`.
pub(super) fn plain(name: &str) -> String {
    name.chars()
        .map(|c| match c {
            '<' => "l".to_owned(),
            '=' => "e".to_owned(),
            '-' | '+' => "_".to_owned(),
            '#' => "s".to_owned(),
            c => c.to_string(),
        })
        .collect()
}

impl<'a> Printer<'a> {
    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.out.write_fmt(text);
        self.out.push('\n');
    }

    fn script(&mut self, question: &Obligation) {
        let model = self.model;
        self.line(format_args!("; {}: {}", question.group, question.name));
        self.line(format_args!("(set-logic UF)"));
        for name in &model.sorts {
            self.line(format_args!("(declare-sort {name} 0)"));
        }
        for function in &model.functions {
            let (sorts, result) = (self.sorts(&function.sorts), self.sort(function.result));
            self.line(format_args!("(declare-fun {} ({sorts}) {result})", plain(&function.name)));
        }
        for var in &question.constants {
            self.line(format_args!("(declare-fun {} () {})", name(var), self.sort(var.sort)));
        }
        for (relation, version) in question.undefined() {
            let (name, sorts) = (self.relation(relation, version), &model.relations[relation.0].sorts);
            self.line(format_args!("(declare-fun {name} ({}) Bool)", self.sorts(sorts)));
        }
        for definition in &question.definitions {
            let name = self.relation(definition.relation, definition.version);
            let (params, body) = (self.vars(&definition.params), self.formula(&definition.body));
            self.line(format_args!("(define-fun {name} ({params}) Bool {body})"));
        }
        for (what, hypothesis) in &question.hypotheses {
            let text = self.formula(hypothesis);
            self.line(format_args!("; {what}\n(assert {text})"));
        }
        if let Some(goal) = &question.goal {
            let text = self.formula(goal);
            self.line(format_args!("; to be refuted\n(assert (not {text}))"));
        }
        self.line(format_args!("(check-sat)"));
    }

    fn sort(&self, sort: SortId) -> &'a str {
        &self.model.sorts[sort.0]
    }

    fn sorts(&self, sorts: &[SortId]) -> String {
        sorts.iter().map(|&s| self.sort(s)).collect::<Vec<_>>().join(" ")
    }

    fn relation(&self, relation: RelationId, version: usize) -> String {
        format!("{}@{version}", plain(&self.model.relations[relation.0].name))
    }

    fn vars(&self, vars: &[Var]) -> String {
        vars.iter().map(|v| format!("({} {})", name(v), self.sort(v.sort))).collect::<Vec<_>>().join(" ")
    }

    fn term(&self, term: &Term) -> String {
        match term {
            Term::Var(var) => name(var),
            Term::Apply(f, args) if args.is_empty() => plain(&self.model.functions[f.0].name),
            Term::Apply(f, args) => {
                let args: Vec<_> = args.iter().map(|t| self.term(t)).collect();
                format!("({} {})", plain(&self.model.functions[f.0].name), args.join(" "))
            }
        }
    }

    fn joined(&self, word: &str, unit: &str, parts: &[Formula]) -> String {
        match parts {
            [] => unit.to_owned(),
            [one] => self.formula(one),
            _ => {
                let parts: Vec<_> = parts.iter().map(|f| self.formula(f)).collect();
                format!("({word} {})", parts.join(" "))
            }
        }
    }

    fn formula(&self, formula: &Formula) -> String {
        match formula {
            Formula::Const(b) => b.to_string(),
            Formula::Atom(r, version, args) => {
                let args: Vec<_> = args.iter().map(|t| self.term(t)).collect();
                format!("({} {})", self.relation(*r, *version), args.join(" "))
            }
            Formula::Equal(a, b) => format!("(= {} {})", self.term(a), self.term(b)),
            Formula::Not(f) => format!("(not {})", self.formula(f)),
            Formula::And(parts) => self.joined("and", "true", parts),
            Formula::Or(parts) => self.joined("or", "false", parts),
            Formula::Implies(a, b) => format!("(=> {} {})", self.formula(a), self.formula(b)),
            Formula::Forall(vars, f) => format!("(forall ({}) {})", self.vars(vars), self.formula(f)),
            Formula::Exists(vars, f) => format!("(exists ({}) {})", self.vars(vars), self.formula(f)),
            Formula::Check(_, f) => self.formula(f),
        }
    }
}

fn name(var: &Var) -> String {
    format!("{}!{}", plain(&var.name), var.id)
}
