//! A name for a type.

/// The last part of a type's path, without its parameters, in small letters with hyphens.
pub(super) fn of_type<T>() -> String {
    hyphenated(std::any::type_name::<T>())
}

fn hyphenated(path: &str) -> String {
    let plain = path.split('<').next().unwrap_or(path);
    let last = plain.rsplit("::").next().unwrap_or(plain);
    let mut out = String::new();
    for c in last.chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push('-');
        }
        out.extend(c.to_lowercase().map(|c| if c == '_' { '-' } else { c }));
    }
    if out.is_empty() { "protocol".to_owned() } else { out }
}

#[cfg(test)]
mod tests {
    use super::hyphenated;

    #[test]
    fn a_type_is_named_by_the_last_part_of_its_path() {
        for (path, name) in [
            ("mine::Naive", "naive"),
            ("mine::NaiveVote", "naive-vote"),
            ("mine::Vote<other::Rule>", "vote"),
            ("Two_Steps", "two--steps"),
        ] {
            assert_eq!(hyphenated(path), name);
        }
    }
}
