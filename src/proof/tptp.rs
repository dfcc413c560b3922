//! Obligations as typed first-order TPTP problems (TF0), for E.

use std::fmt::Write as _;

use super::formula::{Formula, RelationId, SortId, Term, Var};
use super::model::Model;
use super::obligation::Obligation;
use super::smtlib::plain;

struct Printer<'a> {
    model: &'a Model,
    constants: Vec<usize>,
    out: String,
    lines: usize,
}

impl Obligation {
    /// The question as a TPTP problem whose conjecture is the goal.
    pub fn tptp(&self, model: &Model) -> String {
        let constants = self.constants.iter().map(|var| var.id).collect();
        let mut printer = Printer { model, constants, out: String::new(), lines: 0 };
        printer.problem(self);
        printer.out
    }
}

impl Printer<'_> {
    fn line(&mut self, role: &str, what: std::fmt::Arguments<'_>) {
        self.lines += 1;
        // Writing to a string cannot fail.
        let _ = writeln!(self.out, "tff(l{}, {role}, {what}).", self.lines);
    }

    fn problem(&mut self, question: &Obligation) {
        let _ = writeln!(self.out, "% {}: {}", question.group, question.name);
        let model = self.model;
        for (i, _) in model.sorts.iter().enumerate() {
            let sort = self.sort(SortId(i));
            self.line("type", format_args!("{sort}: $tType"));
        }
        for function in &model.functions {
            let (name, result) = (plain(&function.name), self.sort(function.result));
            let kind = self.arrow(&function.sorts, &result);
            self.line("type", format_args!("f_{name}: {kind}"));
        }
        for var in &question.constants {
            let (name, sort) = (self.var(var), self.sort(var.sort));
            self.line("type", format_args!("{name}: {sort}"));
        }
        let mut declared = question.undefined();
        declared.extend(question.definitions.iter().map(|d| (d.relation, d.version)));
        for (relation, version) in declared {
            let name = self.relation(relation, version);
            let kind = self.arrow(&model.relations[relation.0].sorts, "$o");
            self.line("type", format_args!("{name}: {kind}"));
        }
        for definition in &question.definitions {
            let name = self.relation(definition.relation, definition.version);
            let args: Vec<_> = definition.params.iter().map(|v| self.var(v)).collect();
            let (vars, body) = (self.vars(&definition.params), self.formula(&definition.body));
            let args = args.join(",");
            self.line("axiom", format_args!("! [{vars}]: ({name}({args}) <=> {body})"));
        }
        for (_, hypothesis) in &question.hypotheses {
            let text = self.formula(hypothesis);
            self.line("axiom", format_args!("{text}"));
        }
        if let Some(goal) = &question.goal {
            let text = self.formula(goal);
            self.line("conjecture", format_args!("{text}"));
        }
    }

    fn sort(&self, sort: SortId) -> String {
        self.model.sorts[sort.0].to_lowercase()
    }

    fn arrow(&self, sorts: &[SortId], result: &str) -> String {
        let sorts: Vec<_> = sorts.iter().map(|&s| self.sort(s)).collect();
        match &sorts[..] {
            [] => result.to_owned(),
            [one] => format!("{one} > {result}"),
            _ => format!("({}) > {result}", sorts.join(" * ")),
        }
    }

    fn relation(&self, relation: RelationId, version: usize) -> String {
        format!("r_{}_{version}", plain(&self.model.relations[relation.0].name))
    }

    fn var(&self, var: &Var) -> String {
        let prefix = if self.constants.contains(&var.id) { 'c' } else { 'X' };
        format!("{prefix}{}", var.id)
    }

    fn vars(&self, vars: &[Var]) -> String {
        vars.iter().map(|v| format!("{}: {}", self.var(v), self.sort(v.sort))).collect::<Vec<_>>().join(",")
    }

    fn term(&self, term: &Term) -> String {
        match term {
            Term::Var(var) => self.var(var),
            Term::Apply(f, args) if args.is_empty() => {
                format!("f_{}", plain(&self.model.functions[f.0].name))
            }
            Term::Apply(f, args) => {
                let args: Vec<_> = args.iter().map(|t| self.term(t)).collect();
                format!("f_{}({})", plain(&self.model.functions[f.0].name), args.join(","))
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

    fn formula(&self, formula: &Formula) -> String {
        match formula {
            Formula::Const(b) => format!("${b}"),
            Formula::Atom(r, version, args) => {
                let args: Vec<_> = args.iter().map(|t| self.term(t)).collect();
                format!("{}({})", self.relation(*r, *version), args.join(","))
            }
            Formula::Equal(a, b) => format!("({} = {})", self.term(a), self.term(b)),
            Formula::Not(f) => format!("(~ {})", self.formula(f)),
            Formula::And(parts) => self.joined(" & ", "$true", parts),
            Formula::Or(parts) => self.joined(" | ", "$false", parts),
            Formula::Implies(a, b) => format!("({} => {})", self.formula(a), self.formula(b)),
            Formula::Forall(vars, f) => format!("(! [{}]: {})", self.vars(vars), self.formula(f)),
            Formula::Exists(vars, f) => format!("(? [{}]: {})", self.vars(vars), self.formula(f)),
            Formula::Check(_, f) => self.formula(f),
        }
    }
}
