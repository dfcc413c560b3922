//! From the text of the model to the [`Model`]: names resolved, sorts checked, abbreviations expanded.

use std::collections::HashMap;
use std::sync::Arc;

use super::formula::{Formula, FunctionId, SortId, Term, Var};
use super::model::{
    Action, Change, Effect, Function, Lemma, Model, ModelError, Relation, Run, RunStep, Statement,
};
use super::sexp::{Kind, Sexp, read};
use super::structure::element_names;
use crate::pbft::Committee;

type Result<T> = std::result::Result<T, ModelError>;

/// What names stand for at a place in the text, innermost last.
type Scope = Vec<(Arc<str>, Term)>;

struct Define {
    params: Vec<(Arc<str>, SortId)>,
    body: Sexp,
}

struct Parser {
    model: Model,
    defines: HashMap<Arc<str>, Arc<Define>>,
    /// What the checks that are read now belong to.
    context: Arc<str>,
}

impl Model {
    /// The model that the texts, one after the other, describe.
    ///
    /// # Errors
    /// The first thing that makes no sense.
    pub fn parse(texts: &[&str]) -> Result<Model> {
        let mut parser = Parser { model: Model::default(), defines: HashMap::new(), context: Arc::from("") };
        for text in texts {
            for item in read(text)? {
                parser.item(&item)?;
            }
        }
        Ok(parser.model)
    }
}

impl Parser {
    fn item(&mut self, item: &Sexp) -> Result<()> {
        let (form, rest) = item.form()?;
        match (form, rest) {
            ("sort", [name, doc]) => {
                doc.text()?;
                self.model.sorts.push(Arc::clone(name.atom()?));
            }
            ("fixed" | "relation", [name, sorts, doc]) => {
                let sorts = self.sorts(sorts)?;
                doc.text()?;
                let name = Arc::clone(name.atom()?);
                self.model.relations.push(Relation { name, sorts, fixed: form == "fixed" });
            }
            ("function", [name, sorts, result, doc]) => {
                let (sorts, result) = (self.sorts(sorts)?, self.sort(result)?);
                doc.text()?;
                self.model.functions.push(Function { name: Arc::clone(name.atom()?), sorts, result });
            }
            ("constant", [name, result, doc]) => {
                let result = self.sort(result)?;
                doc.text()?;
                let name = Arc::clone(name.atom()?);
                self.model.functions.push(Function { name, sorts: Vec::new(), result });
            }
            ("define", [head, body]) => {
                let (name, params) = head.form()?;
                let params = params.iter().map(|p| self.binding(p)).collect::<Result<_>>()?;
                self.defines.insert(Arc::from(name), Arc::new(Define { params, body: body.clone() }));
            }
            ("axiom" | "clause" | "safety" | "fact", [name, doc, body]) => {
                doc.text()?;
                let formula = self.formula(body, &mut Scope::new())?;
                let statement = Statement { name: Arc::clone(name.atom()?), formula };
                match form {
                    "axiom" => self.model.axioms.push(statement),
                    "clause" => self.model.clauses.push(statement),
                    "fact" => self.model.facts.push(statement),
                    _ => self.model.safety.push(statement),
                }
            }
            ("action", [name, params, doc, rules, guard, effect]) => {
                doc.text()?;
                let action = self.action(name, params, rules, guard, effect)?;
                self.model.actions.push(action);
            }
            ("outside", [rule, why]) => {
                self.model.outside.push((Arc::clone(rule.atom()?), Arc::clone(why.text()?)));
            }
            ("lemma", [name, doc, params, given, then @ ..]) => {
                doc.text()?;
                let lemma = self.lemma(name, params, given, then)?;
                self.model.lemmas.push(lemma);
            }
            ("run", [name, doc, committee, byzantine, sizes, rest @ ..]) => {
                doc.text()?;
                let run = self.run(name, committee, byzantine, sizes, rest)?;
                self.model.runs.push(run);
            }
            _ => return Err(item.error(format!("no such form, or not with {} parts: {form}", rest.len()))),
        }
        Ok(())
    }

    fn action(
        &mut self,
        name: &Sexp,
        params: &Sexp,
        rules: &Sexp,
        guard: &Sexp,
        effect: &Sexp,
    ) -> Result<Action> {
        let name = Arc::clone(name.atom()?);
        let mut scope = Scope::new();
        let params = self.bind(params.list()?, &mut scope)?;
        let rules = tagged(rules, "rules")?.iter().map(|r| r.atom().cloned()).collect::<Result<_>>()?;
        self.context = Arc::clone(&name);
        let guard = self.conjunction(tagged(guard, "guard")?, &mut scope)?;
        let effects =
            tagged(effect, "effect")?.iter().map(|e| self.effect(e, &mut scope)).collect::<Result<_>>()?;
        self.context = Arc::from("");
        Ok(Action { name, params, rules, guard, effects })
    }

    fn effect(&mut self, effect: &Sexp, scope: &mut Scope) -> Result<Effect> {
        let (form, mut rest) = effect.form()?;
        let change = match form {
            "add" => Change::Add,
            "remove" => Change::Remove,
            "may" => Change::May,
            _ => return Err(effect.error("an effect is add, remove or may")),
        };
        let depth = scope.len();
        let mut vars = Vec::new();
        if let [first, after @ ..] = rest
            && matches!(first.list()?, [] | [Sexp { kind: Kind::List(_), .. }, ..])
        {
            vars = self.bind(first.list()?, scope)?;
            rest = after;
        }
        let [atom, conditions @ ..] = rest else { return Err(effect.error("an effect on nothing")) };
        let Formula::Atom(relation, _, args) = self.formula(atom, scope)? else {
            return Err(atom.error("an effect changes a relation"));
        };
        if self.model.relations[relation.0].fixed {
            return Err(atom.error("an effect on what never changes"));
        }
        if !vars.iter().all(|var| args.contains(&Term::Var(var.clone()))) {
            return Err(atom.error("a variable of an effect has to stand in its tuple"));
        }
        let mut conditions = conditions.iter();
        let within = conditions.next().map_or(Ok(Formula::Const(true)), |f| self.formula(f, scope))?;
        let at_least = conditions.next().map_or(Ok(Formula::Const(false)), |f| self.formula(f, scope))?;
        if conditions.next().is_some() || (change == Change::Remove && within != Formula::Const(true)) {
            return Err(effect.error("too many conditions"));
        }
        scope.truncate(depth);
        Ok(Effect { change, relation, vars, args, within, at_least })
    }

    fn lemma(&mut self, name: &Sexp, params: &Sexp, given: &Sexp, then: &[Sexp]) -> Result<Lemma> {
        let mut scope = Scope::new();
        let params = self.bind(params.list()?, &mut scope)?;
        let given = self.conjunction(tagged(given, "given")?, &mut scope)?;
        let then = match then {
            [then] if matches!(then.form()?, ("lasts", [])) => None,
            [then] => Some(self.conjunction(tagged(then, "then")?, &mut scope)?),
            _ => return Err(name.error("a lemma ends with (then ...) or (lasts)")),
        };
        Ok(Lemma { name: Arc::clone(name.atom()?), params, given, then })
    }

    fn run(
        &mut self,
        name: &Sexp,
        committee: &Sexp,
        byzantine: &Sexp,
        sizes: &Sexp,
        rest: &[Sexp],
    ) -> Result<Run> {
        let numbers = |form: &Sexp, tag: &str| -> Result<Vec<u16>> {
            tagged(form, tag)?
                .iter()
                .map(|x| x.atom()?.parse().map_err(|_| x.error("a number is expected here")))
                .collect()
        };
        let [n, f] = numbers(committee, "committee")?[..] else {
            return Err(committee.error("(committee n f) is expected here"));
        };
        let byzantine = numbers(byzantine, "byzantine")?;
        let [views, slots, values] = numbers(sizes, "views-slots-values")?[..] else {
            return Err(sizes.error("(views-slots-values V S X) is expected here"));
        };
        let members = Committee::new(n, f).map_err(|e| committee.error(e.to_string()))?;
        let names = element_names(&self.model, members, views, slots, values);
        let mut scope = Scope::new();
        let mut elements = Vec::new();
        for (sort, names) in names.into_iter().enumerate() {
            let vars: Vec<Var> = names.into_iter().map(|name| self.fresh(name, SortId(sort))).collect();
            scope.extend(vars.iter().map(|var| (Arc::clone(&var.name), Term::Var(var.clone()))));
            elements.push(vars);
        }
        let [steps @ .., finally] = rest else { return Err(name.error("a run without an end")) };
        let steps = steps.iter().map(|step| self.run_step(step, &mut scope)).collect::<Result<_>>()?;
        let finally = self.conjunction(tagged(finally, "finally")?, &mut scope)?;
        let name = Arc::clone(name.atom()?);
        Ok(Run { name, committee: (n, f), byzantine, elements, steps, finally })
    }

    fn run_step(&mut self, step: &Sexp, scope: &mut Scope) -> Result<RunStep> {
        let (name, rest) = step.form()?;
        let Some(action) = self.model.actions.iter().position(|a| &*a.name == name) else {
            return Err(step.error(format!("no action {name}")));
        };
        let is_with = |s: &&Sexp| matches!(s.form(), Ok(("with", _)));
        let args: Vec<Term> =
            rest.iter().filter(|s| !is_with(s)).map(|t| self.term(t, scope)).collect::<Result<_>>()?;
        let wanted: Vec<SortId> = self.model.actions[action].params.iter().map(|p| p.sort).collect();
        self.check_sorts(step, &args, &wanted)?;
        named(step, &args)?;
        let mut with = Vec::new();
        for atom in rest.iter().filter(is_with).map(|s| tagged(s, "with")).collect::<Result<Vec<_>>>()? {
            for atom in atom {
                let Formula::Atom(relation, _, args) = self.formula(atom, scope)? else {
                    return Err(atom.error("(with ...) holds relations"));
                };
                named(atom, &args)?;
                with.push((relation, args));
            }
        }
        Ok(RunStep { action, args, with })
    }

    fn conjunction(&mut self, parts: &[Sexp], scope: &mut Scope) -> Result<Formula> {
        Ok(Formula::and(parts.iter().map(|f| self.formula(f, scope)).collect::<Result<_>>()?))
    }

    fn formula(&mut self, sexp: &Sexp, scope: &mut Scope) -> Result<Formula> {
        if let Kind::Atom(word) = &sexp.kind {
            return match &**word {
                "true" => Ok(Formula::Const(true)),
                "false" => Ok(Formula::Const(false)),
                _ => Err(sexp.error(format!("not a formula: {word}"))),
            };
        }
        let (form, rest) = sexp.form()?;
        match (form, rest) {
            ("and", parts) => self.conjunction(parts, scope),
            ("or", parts) => {
                Ok(Formula::Or(parts.iter().map(|f| self.formula(f, scope)).collect::<Result<_>>()?))
            }
            ("not", [f]) => Ok(self.formula(f, scope)?.negated()),
            ("=>", [a, b]) => Ok(self.formula(a, scope)?.implies(self.formula(b, scope)?)),
            ("=", [a, b]) => {
                let (a, b) = (self.term(a, scope)?, self.term(b, scope)?);
                self.check_sorts(sexp, std::slice::from_ref(&a), &[self.model.sort_of(&b)])?;
                Ok(Formula::Equal(a, b))
            }
            ("forall" | "exists", [vars, body]) => {
                let depth = scope.len();
                let vars = self.bind(vars.list()?, scope)?;
                let body = self.formula(body, scope)?;
                scope.truncate(depth);
                Ok(if form == "forall" { Formula::forall(vars, body) } else { Formula::exists(vars, body) })
            }
            ("check", [name, body]) => {
                let name = Arc::from(format!("{}.{}", self.context, name.atom()?));
                Ok(Formula::Check(name, Box::new(self.formula(body, scope)?)))
            }
            ("can", [action, args @ ..]) => self.can(action, args, scope),
            _ => self.application(sexp, form, rest, scope),
        }
    }

    /// The guard of an action, for given elements.
    fn can(&mut self, action: &Sexp, args: &[Sexp], scope: &mut Scope) -> Result<Formula> {
        let args = args.iter().map(|t| self.term(t, scope)).collect::<Result<Vec<_>>>()?;
        let Some(found) = self.model.action(action.atom()?) else {
            return Err(action.error("no such action"));
        };
        let wanted: Vec<SortId> = found.params.iter().map(|p| p.sort).collect();
        self.check_sorts(action, &args, &wanted)?;
        let terms = found.params.iter().map(|p| p.id).zip(args).collect();
        Ok(found.guard.substitute(&terms))
    }

    /// A relation or an abbreviation.
    fn application(&mut self, sexp: &Sexp, name: &str, args: &[Sexp], scope: &mut Scope) -> Result<Formula> {
        let args = args.iter().map(|t| self.term(t, scope)).collect::<Result<Vec<_>>>()?;
        if let Some(define) = self.defines.get(name).cloned() {
            let wanted: Vec<SortId> = define.params.iter().map(|(_, sort)| *sort).collect();
            self.check_sorts(sexp, &args, &wanted)?;
            let mut inner = define.params.iter().map(|(name, _)| Arc::clone(name)).zip(args).collect();
            let outer = std::mem::replace(&mut self.context, Arc::from(name));
            let body = self.formula(&define.body, &mut inner);
            self.context = outer;
            return body;
        }
        let Some(relation) = self.model.relation(name) else {
            return Err(sexp.error(format!("no relation or abbreviation {name}")));
        };
        let wanted = self.model.relations[relation.0].sorts.clone();
        self.check_sorts(sexp, &args, &wanted)?;
        Ok(Formula::Atom(relation, 0, args))
    }

    fn term(&mut self, sexp: &Sexp, scope: &mut Scope) -> Result<Term> {
        let (name, args) = match &sexp.kind {
            Kind::Atom(name) => (&**name, &[][..]),
            _ => sexp.form()?,
        };
        if args.is_empty()
            && let Some((_, term)) = scope.iter().rev().find(|(n, _)| &**n == name)
        {
            return Ok(term.clone());
        }
        let Some(FunctionId(f)) = self.model.function(name) else {
            return Err(sexp.error(format!("no element {name}")));
        };
        let args = args.iter().map(|t| self.term(t, scope)).collect::<Result<Vec<_>>>()?;
        let wanted = self.model.functions[f].sorts.clone();
        self.check_sorts(sexp, &args, &wanted)?;
        Ok(Term::Apply(FunctionId(f), args))
    }

    fn check_sorts(&self, at: &Sexp, args: &[Term], wanted: &[SortId]) -> Result<()> {
        let given: Vec<SortId> = args.iter().map(|t| self.model.sort_of(t)).collect();
        if given == wanted {
            return Ok(());
        }
        let names = |sorts: &[SortId]| -> Vec<String> {
            sorts.iter().map(|s| self.model.sorts[s.0].to_string()).collect()
        };
        Err(at.error(format!(
            "it takes ({}) and is given ({})",
            names(wanted).join(" "),
            names(&given).join(" ")
        )))
    }

    fn bind(&mut self, vars: &[Sexp], scope: &mut Scope) -> Result<Vec<Var>> {
        vars.iter()
            .map(|var| {
                let (name, sort) = self.binding(var)?;
                let var = self.fresh(name, sort);
                scope.push((Arc::clone(&var.name), Term::Var(var.clone())));
                Ok(var)
            })
            .collect()
    }

    fn binding(&self, binding: &Sexp) -> Result<(Arc<str>, SortId)> {
        match binding.list()? {
            [name, sort] => Ok((Arc::clone(name.atom()?), self.sort(sort)?)),
            _ => Err(binding.error("(name Sort) is expected here")),
        }
    }

    fn fresh(&mut self, name: Arc<str>, sort: SortId) -> Var {
        let id = self.model.variables;
        self.model.variables += 1;
        Var { name, sort, id }
    }

    fn sort(&self, sexp: &Sexp) -> Result<SortId> {
        let name = sexp.atom()?;
        self.model.sort(name).ok_or_else(|| sexp.error(format!("no sort {name}")))
    }

    fn sorts(&self, sexp: &Sexp) -> Result<Vec<SortId>> {
        sexp.list()?.iter().map(|s| self.sort(s)).collect()
    }
}

/// The steps of a run speak of named elements only.
fn named(at: &Sexp, terms: &[Term]) -> Result<()> {
    match terms.iter().all(|term| matches!(term, Term::Var(_))) {
        true => Ok(()),
        false => Err(at.error("only elements of the committee can stand here")),
    }
}

/// The rest of a list that starts with this word.
fn tagged<'a>(sexp: &'a Sexp, tag: &str) -> Result<&'a [Sexp]> {
    match sexp.form()? {
        (form, rest) if form == tag => Ok(rest),
        _ => Err(sexp.error(format!("({tag} ...) is expected here"))),
    }
}
