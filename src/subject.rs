//! What is asked about: a protocol under rules, by name.
//!
//! A [`Pbft`] is what the front doors take: [`Check`](crate::check::Check) and
//! [`Simulation`](crate::simulate::Simulation) in a program or a test, and `cli::run` for a
//! command line of one's own. Traces, saved checks and reports name it, and a [`Catalogue`] finds it again by that
//! name.

use std::borrow::Cow;
use std::fmt;

use crate::model::{Property, Scope};
use crate::pbft::{Castro99, Rules};

/// PBFT under a rulebook.
///
/// ```
/// use bft_check::model::{Property, Scope};
/// use bft_check::pbft::{Committee, Rules};
/// use bft_check::subject::Pbft;
///
/// #[derive(Debug)]
/// struct FewCommits;
///
/// impl Rules for FewCommits {
///     fn commit_quorum(&self, committee: Committee) -> usize {
///         committee.quorum() - 1
///     }
/// }
///
/// let subject = Pbft::with(&FewCommits);
/// assert_eq!(subject.name(), "few-commits");
///
/// let more = subject
///     .named("fewer-commits")
///     .departing("a decision takes 2f COMMITs")
///     .overriding(&["commit_quorum"])
///     .within(Scope { views: 3, ..Scope::DEFAULT })
///     .about(Some(Property::Agreement));
/// assert_eq!(more.name(), "fewer-commits");
/// assert_eq!(more.departs(), Some("a decision takes 2f COMMITs"));
/// assert_eq!(more.overrides(), ["commit_quorum"]);
/// assert_eq!(more.scope().views, 3);
/// assert_eq!(more.property(), Some(Property::Agreement));
/// assert_eq!(more.rules().commit_quorum(Committee::new(4, 1)?), 2);
/// # Ok::<(), bft_check::pbft::CommitteeError>(())
/// ```
#[derive(Clone)]
pub struct Pbft {
    name: Cow<'static, str>,
    departs: Option<Cow<'static, str>>,
    overrides: Cow<'static, [&'static str]>,
    rules: &'static dyn Rules,
    scope: Scope,
    property: Option<Property>,
}

impl Pbft {
    /// PBFT under rules of one's own. Its name is that of their type, in small letters with hyphens: `few-commits` for a
    /// `FewCommits`.
    pub fn with(rules: &'static dyn Rules) -> Self {
        Pbft {
            name: hyphenated(&format!("{rules:?}")).into(),
            departs: None,
            overrides: Cow::Borrowed(&[]),
            rules,
            scope: Scope::DEFAULT,
            property: None,
        }
    }

    /// PBFT under the rules of the paper (Castro and Liskov, OSDI'99).
    pub fn paper() -> Self {
        Pbft::with(&Castro99)
    }

    /// Under this name, as `--rules` takes it and traces bear it.
    #[must_use]
    pub fn named(self, name: impl Into<Cow<'static, str>>) -> Self {
        Pbft { name: name.into(), ..self }
    }

    /// With a sentence that says how the rules depart from the paper's: tables show it.
    #[must_use]
    pub fn departing(self, how: impl Into<Cow<'static, str>>) -> Self {
        Pbft { departs: Some(how.into()), ..self }
    }

    /// With the names of the methods of [`Rules`] that the rules override: of those that a check does not exercise,
    /// these are named first.
    #[must_use]
    pub fn overriding(self, methods: impl Into<Cow<'static, [&'static str]>>) -> Self {
        Pbft { overrides: methods.into(), ..self }
    }

    /// With the bound that is checked unless another is asked for.
    #[must_use]
    pub fn within(self, scope: Scope) -> Self {
        Pbft { scope, ..self }
    }

    /// With the one property that is checked unless another is asked for.
    #[must_use]
    pub fn about(self, property: Option<Property>) -> Self {
        Pbft { property, ..self }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How the rules depart from the paper's, if that was said.
    pub fn departs(&self) -> Option<&str> {
        self.departs.as_deref()
    }

    /// The methods of [`Rules`] that are known to be overridden.
    pub fn overrides(&self) -> &[&'static str] {
        &self.overrides
    }

    /// The rules.
    pub fn rules(&self) -> &'static dyn Rules {
        self.rules
    }

    /// The bound that is checked unless another is asked for.
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// The one property that is checked unless another is asked for.
    pub fn property(&self) -> Option<Property> {
        self.property
    }
}

impl fmt::Debug for Pbft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pbft").field(&self.name).finish()
    }
}

/// The name of a type, as its `Debug` begins, in small letters with hyphens.
fn hyphenated(debug: &str) -> String {
    let name = debug.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
    let mut out = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push('-');
        }
        out.extend(c.to_lowercase());
    }
    if out.is_empty() { "rules".to_owned() } else { out }
}

/// Subjects by name: where a trace or a command line names one, it is found here.
///
/// ```
/// use bft_check::subject::{Catalogue, Pbft};
///
/// let known = Catalogue::of([Pbft::paper()]).and([Pbft::paper().named("mine")])?;
/// assert_eq!(known.find("mine").map(Pbft::name), Some("mine"));
/// assert!(known.find("yours").is_none());
/// assert_eq!(known.iter().count(), 2);
///
/// let again = known.and([Pbft::paper()]);
/// assert!(again.is_err_and(|error| error.to_string().contains("'castro99'")));
/// # Ok::<(), bft_check::subject::SameName>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Catalogue(Vec<Pbft>);

/// Two subjects have one name.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("two rulebooks are called '{0}': give one of them another name, by Pbft::named")]
pub struct SameName(String);

impl Catalogue {
    /// These subjects, the first of a name where several have it.
    pub fn of<S: Into<Pbft>>(subjects: impl IntoIterator<Item = S>) -> Self {
        Catalogue(subjects.into_iter().map(Into::into).collect())
    }

    /// These, and those of another catalogue after them.
    ///
    /// # Errors
    /// Two have one name.
    pub fn and(mut self, others: impl IntoIterator<Item = Pbft>) -> Result<Self, SameName> {
        self.0.extend(others);
        for (place, subject) in self.0.iter().enumerate() {
            if self.0[..place].iter().any(|other| other.name == subject.name) {
                return Err(SameName(subject.name.clone().into_owned()));
            }
        }
        Ok(self)
    }

    /// The subject of a name.
    pub fn find(&self, name: &str) -> Option<&Pbft> {
        self.0.iter().find(|subject| subject.name == name)
    }

    /// All of them, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Pbft> {
        self.0.iter()
    }
}

impl IntoIterator for Catalogue {
    type Item = Pbft;
    type IntoIter = std::vec::IntoIter<Pbft>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Catalogue {
    type Item = &'a Pbft;
    type IntoIter = std::slice::Iter<'a, Pbft>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_named_after_the_type_of_its_rules() {
        for (debug, name) in [
            ("Castro99", "castro99"),
            ("FewCommits", "few-commits"),
            ("Weak { by: 1 }", "weak"),
            ("(1)", "rules"),
        ] {
            assert_eq!(hyphenated(debug), name);
        }
        assert_eq!(Pbft::paper().name(), "castro99");
    }

    #[test]
    fn a_name_is_that_of_one_subject() {
        let one = Catalogue::of([Pbft::paper()]);
        assert!(
            one.clone().and([Pbft::paper().named("other")]).is_ok_and(|both| both.find("other").is_some())
        );
        assert_eq!(one.and([Pbft::paper()]).err(), Some(SameName("castro99".to_owned())));
    }
}
