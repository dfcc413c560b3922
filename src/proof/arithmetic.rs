//! Quorum arithmetic: lemmas about integers, for z3 and cvc5.

use std::sync::Arc;

use super::model::ModelError;
use super::sexp::{Sexp, read};
use crate::pbft::Committee;

/// Lemmas about integers, with the functions that they use.
#[derive(Clone, Debug)]
pub struct Arithmetic {
    defines: Vec<String>,
    /// The lemmas.
    pub lemmas: Vec<IntegerLemma>,
}

/// A lemma about integers.
#[derive(Clone, Debug)]
pub struct IntegerLemma {
    /// Its name.
    pub name: Arc<str>,
    /// An SMT-LIB script: what is given, and not the claim. To be unsatisfiable.
    pub refutation: String,
    /// An SMT-LIB script: what is given. To be satisfiable, or the lemma is empty.
    pub possible: String,
}

impl Arithmetic {
    /// The lemmas of a text.
    ///
    /// # Errors
    /// The first thing that makes no sense.
    pub(crate) fn parse(text: &str) -> Result<Self, ModelError> {
        let mut all = Arithmetic { defines: Vec::new(), lemmas: Vec::new() };
        for item in read(text)? {
            match item.form()? {
                ("define", [head, body]) => {
                    let (name, params) = head.form()?;
                    let params: Vec<_> = params.iter().map(|p| format!("({p} Int)")).collect();
                    all.defines.push(format!("(define-fun {name} ({}) Int {body})", params.join(" ")));
                }
                ("lemma", [name, doc, vars, given, then]) => {
                    doc.text()?;
                    let (given, then) = (given.form()?.1, then.form()?.1);
                    let claims: Vec<_> = then.iter().map(Sexp::to_string).collect();
                    let refuted = format!("(assert (not (and {} true)))\n", claims.join(" "));
                    all.lemmas.push(IntegerLemma {
                        name: Arc::clone(name.atom()?),
                        refutation: all.script(vars.list()?, given, &refuted),
                        possible: all.script(vars.list()?, given, ""),
                    });
                }
                _ => return Err(item.error("a define or a lemma is expected here")),
            }
        }
        Ok(all)
    }

    fn script(&self, vars: &[Sexp], given: &[Sexp], more: &str) -> String {
        let mut lines = vec!["(set-logic ALL)".to_owned()];
        lines.extend(self.defines.iter().cloned());
        lines.extend(vars.iter().map(|var| format!("(declare-fun {var} () Int)")));
        lines.extend(given.iter().map(|f| format!("(assert {f})")));
        lines.push(format!("{more}(check-sat)"));
        lines.join("\n")
    }

    /// The script that refutes that `quorum` and `weak-quorum` differ from those of [`Committee`] for some
    /// committee of at most `most` replicas.
    pub fn agrees_with_code(&self, most: u16) -> String {
        let committees = (1..=most).flat_map(|n| (0..=(n - 1) / 3).map(move |f| (n, f)));
        let same: Vec<_> = committees
            .filter_map(|(n, f)| Committee::new(n, f).ok())
            .flat_map(|c| {
                let (n, f) = (c.n(), c.f());
                let equal = |name: &str, size: usize| format!("(= ({name} {n} {f}) {size})");
                [equal("quorum", c.quorum()), equal("weak-quorum", c.weak_quorum())]
            })
            .collect();
        let defines = self.defines.join("\n");
        format!("(set-logic ALL)\n{defines}\n(assert (not (and\n{})))\n(check-sat)", same.join("\n"))
    }
}
