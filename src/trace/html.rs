//! A trace as one file that a browser shows from a disk: the diagram, the steps and the words. It needs no script.

use std::fmt::Write as _;

use super::Trace;
use super::plain::{begun, escaped};
use crate::model::Property;

/// What stands in a page besides what it needs without scripts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Extras {
    /// Further style.
    pub style: String,
    /// A script, which finds `#run`, an empty place, and `#plain`, what is shown without it.
    pub script: String,
}

/// The page of a run, said to be of this rulebook and to violate this property.
pub(crate) fn html(trace: &Trace, rules: &str, property: Option<Property>, extras: &Extras) -> String {
    let mut out = begun(rules, &extras.style);
    write_subject(&mut out, trace, property);
    let _ = write!(
        out,
        "<div id=\"run\"></div>\n<section id=\"plain\">\n<h2>The diagram</h2>\n<div class=\"diagram\">{}</div>\n\
         <h2>The steps</h2>\n<ol><li value=\"0\">before anything happens</li>\n",
        trace.to_svg()
    );
    write_steps(&mut out, trace);
    let _ = write!(
        out,
        "</ol>\n</section>\n<h2>In words</h2>\n<pre>{}</pre>\n",
        escaped(&trace.to_text(property))
    );
    if !extras.script.is_empty() {
        let _ = writeln!(out, "<script>\n{}</script>", extras.script);
    }
    out.push_str("</body></html>\n");
    out
}

impl Trace {
    /// The trace as one page of HTML, without scripts.
    pub fn to_html(&self, rules: &str, property: Option<Property>) -> String {
        html(self, rules, property, &Extras::default())
    }
}

/// Of what system the run is, and what is wrong with it.
fn write_subject(out: &mut String, trace: &Trace, property: Option<Property>) {
    let bound = trace.system().bound();
    let byzantine: Vec<_> = bound.byzantine.iter().map(ToString::to_string).collect();
    let byzantine = if byzantine.is_empty() { "nobody".to_owned() } else { byzantine.join(", ") };
    let _ = writeln!(out, "<p>{}; Byzantine: {byzantine}</p>", escaped(&bound.scope.to_string()));
    if let Some((property, what)) = property.and_then(|property| Some((property, trace.violation(property)?)))
    {
        let _ = writeln!(
            out,
            "<p><span class=\"wrong\">Violated: {}</span> ({}): {}</p>",
            property,
            escaped(property.statement()),
            escaped(&what)
        );
    } else if let Some(stay) = trace.lasso() {
        let _ = writeln!(out, "<p class=\"wrong\">Never reached: {}</p>", stay.property);
    }
}

fn write_steps(out: &mut String, trace: &Trace) {
    let system = trace.system();
    let stay = trace.lasso();
    let mark = |out: &mut String, at: usize| {
        let Some(stay) = stay else { return };
        if stay.stable_after == at {
            out.push_str("<li class=\"mark\">── from here on the network is stable</li>\n");
        }
        if stay.repeats_after == at {
            let words = if stay.is_loop() { "from here on, for ever" } else { stay.then };
            let _ = writeln!(out, "<li class=\"mark\">↻─ {words}</li>");
        }
    };
    for (number, step) in (1..).zip(trace.steps()) {
        mark(out, number - 1);
        let class = stay.filter(|stay| stay.repeats_after < number).map_or("", |_| " class=\"loop\"");
        let _ = writeln!(
            out,
            "<li value=\"{number}\"{class}>{}<div class=\"outcome\">{}</div></li>",
            escaped(&step.headline(system)),
            escaped(&step.outcome(system))
        );
    }
    mark(out, trace.steps().len());
}
