//! The properties by name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::GlobalView;

/// What must hold of every run, or of every fair one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Property {
    /// No two honest replicas decide different batches at a sequence number.
    Agreement,
    /// Of any two honest replicas' chains one is a prefix of the other.
    ChainPrefix,
    /// What is decided was signed by its client.
    Validity,
    /// No request is executed twice.
    ExactlyOnce,
    /// No two batches hold prepared certificates for the same view and sequence number.
    CertificateUnique,
    /// No two stable checkpoints differ at a sequence number.
    StableUnique,
    /// What a stable checkpoint allows to discard, f + 1 honest replicas have executed.
    StableHeld,
    /// What a client accepts, an honest replica has computed.
    ReplyTrue,
    /// What clients accept fits one order of execution.
    Linearizable,
    /// Nobody's code panics.
    Panics,
    /// While requests wait, something can still happen. Checked only where it is asked for, in a bound of one view with
    /// an honest primary, where no timer could repair anything. That is not liveness: nothing says that what can
    /// happen ever does.
    NoDeadEnd,
    /// Liveness: every honest replica executes the requests.
    Executed,
    /// Liveness: the clients get their answers.
    Answered,
    /// What is held as proof that a replica is Byzantine proves it. Only simulated runs are checked for it: it is about what
    /// replicas say on their way, which no state shows.
    Evidence,
}

impl Property {
    /// Every property.
    pub const ALL: [Property; 14] = [
        Property::Agreement,
        Property::ChainPrefix,
        Property::Validity,
        Property::ExactlyOnce,
        Property::CertificateUnique,
        Property::StableUnique,
        Property::StableHeld,
        Property::ReplyTrue,
        Property::Linearizable,
        Property::Panics,
        Property::NoDeadEnd,
        Property::Executed,
        Property::Answered,
        Property::Evidence,
    ];

    /// What every reachable state must have, in the order in which it is checked.
    pub const SAFETY: [Property; 10] = [
        Property::Agreement,
        Property::ChainPrefix,
        Property::Validity,
        Property::ExactlyOnce,
        Property::CertificateUnique,
        Property::StableUnique,
        Property::StableHeld,
        Property::ReplyTrue,
        Property::Linearizable,
        Property::Panics,
    ];

    /// What every fair run must come to.
    pub const LIVENESS: [Property; 2] = [Property::Executed, Property::Answered];

    /// The name, as in `--property`.
    pub const fn name(self) -> &'static str {
        match self {
            Property::Agreement => "agreement",
            Property::ChainPrefix => "chain-prefix",
            Property::Validity => "validity",
            Property::ExactlyOnce => "exactly-once",
            Property::CertificateUnique => "certificate-unique",
            Property::StableUnique => "stable-unique",
            Property::StableHeld => "stable-held",
            Property::ReplyTrue => "reply-true",
            Property::Linearizable => "linearizable",
            Property::Panics => "panics",
            Property::NoDeadEnd => "no-dead-end",
            Property::Executed => "executed",
            Property::Answered => "answered",
            Property::Evidence => "evidence",
        }
    }

    /// What it says, in a sentence.
    pub const fn statement(self) -> &'static str {
        match self {
            Property::Agreement => "no two honest replicas decide different batches at a sequence number",
            Property::ChainPrefix => {
                "of any two honest replicas' chains one is a prefix of the other, and every block names its parent"
            }
            Property::Validity => {
                "what an honest replica decides is a null request or was signed by its client"
            }
            Property::ExactlyOnce => "no honest replica executes a request twice",
            Property::CertificateUnique => {
                "no two batches hold prepared certificates for the same view and sequence number"
            }
            Property::StableUnique => {
                "no two honest replicas hold different stable checkpoints for a sequence number"
            }
            Property::StableHeld => {
                "what a stable checkpoint allows to discard, f + 1 honest replicas have executed"
            }
            Property::ReplyTrue => "what a client accepts for a request, an honest replica has computed",
            Property::Linearizable => {
                "what clients accept fits one order of execution, each request at a moment while its client waited"
            }
            Property::Panics => "no code of an honest replica or client panics",
            Property::NoDeadEnd => {
                "while a request that has a sequence number to go to is not executed at every honest replica, some honest replica can still do something"
            }
            Property::Executed => {
                "every request of an honest client is executed by every honest replica: none is left behind for ever"
            }
            Property::Answered => {
                "every request of an honest client is executed alike by f + 1 honest replicas, so that its client gets f + 1 matching replies"
            }
            Property::Evidence => {
                "what a replica holds as proof that another is Byzantine proves it, and is about no honest one"
            }
        }
    }

    /// Whether it is about runs that go on for ever.
    pub const fn is_liveness(self) -> bool {
        matches!(self, Property::Executed | Property::Answered)
    }

    /// Whether it is about the honest replicas' states alone, and always checked.
    pub(crate) const fn is_of_replicas(self) -> bool {
        matches!(
            self,
            Property::Agreement
                | Property::ChainPrefix
                | Property::Validity
                | Property::ExactlyOnce
                | Property::CertificateUnique
                | Property::StableUnique
                | Property::StableHeld
        )
    }

    /// What is wrong with a state, if something is. Nothing ever is where no single state shows it.
    pub fn violation(self, seen: &GlobalView<'_>) -> Option<String> {
        match self {
            Property::Agreement => super::agreement(seen),
            Property::ChainPrefix => super::chain_prefix(seen),
            Property::Validity => super::validity(seen),
            Property::ExactlyOnce => super::exactly_once(seen),
            Property::CertificateUnique => super::certificate_unique(seen),
            Property::StableUnique => super::stable_unique(seen),
            Property::StableHeld => super::stable_held(seen),
            Property::ReplyTrue => super::reply_true(seen),
            Property::Linearizable => super::linearizable(seen),
            Property::Panics => super::panics(seen),
            Property::NoDeadEnd | Property::Executed | Property::Answered | Property::Evidence => None,
        }
    }
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is none of a property.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub struct NoSuchProperty {
    /// The name.
    pub name: String,
    /// The property that may have been meant.
    pub meant: Option<Property>,
}

impl fmt::Display for NoSuchProperty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no property '{}'", self.name)?;
        if let Some(meant) = self.meant {
            write!(f, "; did you mean '{meant}'?")?;
        }
        let names: Vec<_> = Property::ALL.into_iter().map(Property::name).collect();
        write!(f, "{} There are {}", if self.meant.is_some() { "" } else { "." }, names.join(", "))
    }
}

impl FromStr for Property {
    type Err = NoSuchProperty;

    fn from_str(name: &str) -> Result<Self, NoSuchProperty> {
        /// How alike two names are of which one may stand for the other, from 0 to 1.
        const ALIKE: f64 = 0.8;
        let known = Property::ALL.into_iter().find(|property| property.name() == name);
        known.ok_or_else(|| {
            let alike = |property: &Property| strsim::jaro_winkler(property.name(), name);
            let nearest = Property::ALL.into_iter().max_by(|a, b| alike(a).total_cmp(&alike(b)));
            NoSuchProperty { name: name.to_owned(), meant: nearest.filter(|it| alike(it) >= ALIKE) }
        })
    }
}

impl Serialize for Property {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Property {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A set of properties.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Properties(u32);

impl Properties {
    /// None.
    pub const NONE: Properties = Properties(0);

    /// Whether a property is in the set.
    pub const fn contains(self, property: Property) -> bool {
        self.0 & 1 << property as u32 != 0
    }

    /// The properties of the set, in the order of [`Property::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Property> {
        Property::ALL.into_iter().filter(move |&property| self.contains(property))
    }
}

impl FromIterator<Property> for Properties {
    fn from_iter<I: IntoIterator<Item = Property>>(properties: I) -> Self {
        Properties(properties.into_iter().fold(0, |set, property| set | 1 << property as u32))
    }
}

impl std::ops::BitOr for Properties {
    type Output = Properties;

    fn bitor(self, other: Properties) -> Properties {
        Properties(self.0 | other.0)
    }
}

impl std::ops::BitOrAssign for Properties {
    fn bitor_assign(&mut self, other: Properties) {
        self.0 |= other.0;
    }
}

impl std::ops::BitAnd for Properties {
    type Output = Properties;

    fn bitand(self, other: Properties) -> Properties {
        Properties(self.0 & other.0)
    }
}

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_property_is_read_from_its_name_and_what_is_none_is_named_with_what_there_is() {
        for property in Property::ALL {
            assert_eq!(property.name().parse(), Ok(property));
            let json = serde_json::to_string(&property).expect("a name");
            assert_eq!(json, format!("\"{property}\""));
            assert_eq!(serde_json::from_str::<Property>(&json).expect("a name"), property);
            assert!(!property.statement().is_empty());
        }
        let error = "agrement".parse::<Property>().expect_err("it is misspelt");
        assert_eq!(error.meant, Some(Property::Agreement));
        let text = error.to_string();
        assert!(
            text.starts_with(
                "there is no property 'agrement'; did you mean 'agreement'? There are agreement,"
            )
        );
        let error = "termination".parse::<Property>().expect_err("there is none");
        assert_eq!(error.meant, None);
        assert!(error.to_string().starts_with("there is no property 'termination'. There are agreement,"));
    }

    #[test]
    fn every_property_is_of_one_kind() {
        for property in Property::ALL {
            let kinds = [
                Property::SAFETY.contains(&property),
                property.is_liveness(),
                property == Property::NoDeadEnd,
                property == Property::Evidence,
            ];
            assert_eq!(kinds.into_iter().filter(|kind| *kind).count(), 1, "{property}");
            assert_eq!(property.is_liveness(), Property::LIVENESS.contains(&property));
            assert!(!property.is_of_replicas() || Property::SAFETY.contains(&property));
        }
        let names: std::collections::BTreeSet<_> = Property::ALL.into_iter().map(Property::name).collect();
        assert_eq!(names.len(), Property::ALL.len());
    }

    #[test]
    fn a_set_holds_what_was_put_into_it() {
        let set: Properties = [Property::Validity, Property::Agreement].into_iter().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), [Property::Agreement, Property::Validity]);
        assert!((set & [Property::Executed].into_iter().collect()) == Properties::NONE);
        assert!((set | [Property::Executed].into_iter().collect()).contains(Property::Executed));
    }
}
