//! What stands in addresses, of whatever protocol.

/// What joins steps in an address.
pub(super) const JOINT: char = '~';

/// Words as they stand in a name: small letters, digits and dots; everything else is one `_`.
pub(super) fn slug(words: &str) -> String {
    let mut out = String::new();
    for c in words.chars() {
        if c.is_ascii_alphanumeric() || c == '.' {
            out.push(c.to_ascii_lowercase());
        } else if !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
    }
    out.truncate(out.trim_end_matches('_').len());
    out
}
