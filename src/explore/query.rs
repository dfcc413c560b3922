//! What stands behind the question mark of an address.

use std::str::FromStr;

/// Names and values, decoded.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads what stands behind the question mark.
    pub fn parse(text: &str) -> Self {
        Query(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// The value of a name, if it is there and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, value)| known == name && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    }

    /// Whether a name is there and says yes.
    pub fn is_set(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| !matches!(value, "0" | "false" | "no"))
    }

    /// The value of a name as a number.
    ///
    /// # Errors
    /// It is none.
    pub fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>, String> {
        let number = |text: &str| {
            text.parse().map_err(|_| format!("{name}={text}: this is no number that can be meant here"))
        };
        self.get(name).map(number).transpose()
    }

    /// Those of these names that are there, with their values, as they stand in an address.
    pub fn only(&self, names: &[&str]) -> String {
        let mut out = form_urlencoded::Serializer::new(String::new());
        for name in names {
            if let Some(value) = self.get(name) {
                out.append_pair(name, value);
            }
        }
        out.finish()
    }

    /// The first name that is none of these.
    pub fn unknown(&self, names: &[&str]) -> Option<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).find(|name| !names.contains(name))
    }
}
