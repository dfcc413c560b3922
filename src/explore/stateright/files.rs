//! The files of stateright's page: which are passed on, and what in them is put right.

/// What its page may do: it makes functions of text, and has scripts in its attributes.
pub(super) const POLICY: &str = "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' \
    'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What kind of content stands at an address, if it is one that is passed on.
pub(super) fn content(path: &str) -> Option<&'static str> {
    match path {
        "" => Some("text/html; charset=utf-8"),
        "app.css" => Some("text/css; charset=utf-8"),
        "app.js" | "knockout-3.5.0.js" => Some("text/javascript; charset=utf-8"),
        ".status" => Some("application/json; charset=utf-8"),
        _ => {
            let steps = path.strip_prefix(".states")?;
            let is_path = steps.chars().all(|c| c == '/' || c.is_ascii_digit());
            is_path.then_some("application/json; charset=utf-8")
        }
    }
}

/// What its page would say of a state or a property that its search has not come to, and what is so. Its search is bounded to
/// a known run, or is none at all; what holds in the state that is shown stands in the outcome of the step.
pub(super) const SAID: &[(&str, &str)] = &[
    // Of the whole search.
    ("return '✅ Safety holds: ';", "return '❔ Not looked at beyond the known run: ';"),
    ("return '⚠️ Example not found: ';", "return '❔ Not looked for: ';"),
    ("return '✅ Liveness holds: ';", "return '❔ Not looked at: ';"),
    ("return '🔎 Searching: '", "return '❔ Not searched; see what a step says of its state: '"),
    // Of one state.
    ("return ['✅', ' Safety holds: '];", "return ['❔', ' Not looked at by the search: '];"),
    ("return ['⚠️', ' Example not found: '];", "return ['❔', ' Not looked for: '];"),
    ("return ['✅', ' Liveness holds: '];", "return ['❔', ' Not looked at: '];"),
    // It stands behind another server.
    ("fetch(`/.states${step.path}`)", "fetch(`.states${step.path}`)"),
    ("fetch('/.status')", "fetch('.status')"),
];

/// What is not passed on is not offered.
pub(super) const OFFERED: &[(&str, &str)] = &[
    ("<button type=\"submit\" onclick=\"runToCompletion()\">Run to completion</button>", ""),
    (
        "<a href=\"/\">Stateright Explorer</a>",
        "<a href=\"/\" title=\"back to bft-check\">← bft-check</a> · Stateright Explorer",
    ),
];

/// A file as it is passed on.
pub(super) fn put_right(path: &str, body: Vec<u8>) -> Vec<u8> {
    let changes = match path {
        "" => OFFERED,
        "app.js" => SAID,
        _ => return body,
    };
    match String::from_utf8(body) {
        Ok(text) => changes.iter().fold(text, |text, (from, to)| text.replace(from, to)).into_bytes(),
        Err(error) => error.into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_page_asks_for_is_passed_on() {
        for path in ["", "app.js", "app.css", "knockout-3.5.0.js", ".status", ".states", ".states/0/12"] {
            assert!(content(path).is_some(), "{path}");
        }
        for path in [".runtocompletion", ".states/../x", ".states?x", "index.htm", "/", "..", "a/b"] {
            assert_eq!(content(path), None, "{path}");
        }
    }
}
