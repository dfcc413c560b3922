//! What is to be shown first.

use crate::model::{Byzantine, Property};

/// What is to be shown first: by the part of an address that says it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Asked(pub(super) String);

impl Asked {
    /// The start page, with all rulebooks.
    pub fn gallery() -> Self {
        Asked::default()
    }

    /// The trace that was handed in.
    pub fn trace() -> Self {
        Asked("trace=1".to_owned())
    }

    /// A rulebook in a bound: `sizes` are named as in addresses (`API.md`), all others are the rulebook's own.
    pub fn bound(
        rules: &str,
        sizes: &[(&str, String)],
        byzantine: Option<&Byzantine>,
        property: Option<Property>,
    ) -> Self {
        let mut out = form_urlencoded::Serializer::new(String::new());
        out.append_pair("rules", rules);
        for (name, value) in sizes {
            out.append_pair(name, value);
        }
        match byzantine {
            Some(Byzantine::Count(count)) => {
                out.append_pair("byzantine", &count.to_string());
            }
            Some(Byzantine::Ids(ids)) => {
                let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
                out.append_pair("byzantine", &ids.join(","));
            }
            None => {}
        }
        if let Some(property) = property {
            out.append_pair("property", property.name());
        }
        Asked(out.finish())
    }
}
