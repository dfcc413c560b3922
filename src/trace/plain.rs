//! A run as one file that a browser shows from a disk: what every such page has.

use std::fmt::Write as _;

const STYLE: &str = "body{font-family:system-ui,sans-serif;margin:1.5em auto;max-width:75em;padding:0 1em;line-height:1.45;\
    color:#1a1a1a;background:#fff}li{margin:.35em 0}.outcome{color:#555;white-space:pre-line;margin-left:1em}\
    .loop{background:#ffeec2;padding:.3em .3em .3em 0}.mark{color:#a30;list-style:none;margin-left:-1.5em}\
    .diagram{overflow-x:auto}pre{background:#f4f4f4;padding:1em;overflow-x:auto;white-space:pre-wrap}\
    .wrong{font-weight:bold}.wrong::before{content:'✗ '}";

/// The page of a run that has a picture and words.
pub(super) fn plain(name: &str, svg: &str, text: &str) -> String {
    let mut out = begun(name, "");
    let _ = write!(
        out,
        "<h2>The diagram</h2>\n<div class=\"diagram\">{svg}</div>\n<h2>In words</h2>\n<pre>{}</pre>\n</body></html>\n",
        escaped(text)
    );
    out
}

/// How every page begins.
pub(super) fn begun(name: &str, style: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline'; \
         style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>bft-check: a run of {name}</title><style>{STYLE}\n{style}</style></head><body class=\"exported\">\n\
         <h1>A run of {name}</h1>\n",
        name = escaped(name),
    )
}

pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
