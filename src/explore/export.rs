//! A run as one file: what a browser shows from a disk, with scripts or without.

use serde_json::Value;

use super::assets::asset;
use crate::model::Property;
use crate::trace::{Extras, Trace, html};

/// The files of the page that show a run, in the order in which they need each other.
const MODULES: [&str; 5] = ["pbft.js", "dom.js", "diagram.js", "panels.js", "export.js"];

/// The page of a run, said to be of this rulebook and to violate this property. `frames` is what a script is told of
/// it; without a script there are the diagram, the steps and the words.
pub(super) fn page(trace: &Trace, rules: &str, property: Option<Property>, frames: Option<&Value>) -> String {
    let Some(frames) = frames else { return html(trace, rules, property, &Extras::default()) };
    let modules = MODULES.iter().filter_map(|name| asset(name)).map(|asset| plain(asset.text));
    let script = format!(
        "(() => {{\n\"use strict\";\n{}showRun({});\n}})();\n",
        modules.collect::<String>(),
        in_script(frames)
    );
    let style = asset("page.css").map_or("", |asset| asset.text).to_owned();
    html(trace, rules, property, &Extras { style, script })
}

/// A module as it stands in a script that is none: what it exports is simply there.
fn plain(module: &str) -> String {
    let mut out = String::new();
    for line in module.lines().filter(|line| !line.starts_with("import ")) {
        out.push_str(line.strip_prefix("export ").unwrap_or(line));
        out.push('\n');
    }
    out
}

/// A value inside a script: nothing in it ends the script.
fn in_script(value: &Value) -> String {
    value.to_string().replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}
