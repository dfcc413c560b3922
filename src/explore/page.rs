//! The page of one trace: the steps, each with a link into the explorer where that can follow, the diagram, and
//! the words.

use std::fmt::Write as _;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use stateright::Model as _;
use tiny_http::{Header, Request, Response, Server};

use crate::model::{MessageAction, MessageModel, Property, System};
use crate::trace::Trace;

const STYLE: &str = "body{font-family:sans-serif;margin:1.5em;max-width:75em}li{margin:.3em 0}\
    .outcome{color:#555;white-space:pre-line;margin-left:1em}.loop{background:#ffeec2;padding:.3em .3em .3em 0}\
    .mark{color:#c30;list-style:none;margin-left:-1.5em}.diagram{overflow-x:auto}\
    pre{background:#f4f4f4;padding:1em;overflow-x:auto}.wrong{color:#b00;font-weight:bold}";

/// Where a trace can be looked at.
///
/// ```no_run
/// use bft_check::explore::TracePage;
/// use bft_check::trace::TraceFile;
///
/// let text = std::fs::read("fork.json")?;
/// let file = TraceFile::read(&text, &bft_check::bugs::catalogue())?;
/// let here = ([127, 0, 0, 1], 3000).into();
/// let page = TracePage::bind(&file.trace, file.subject.name(), file.violates, here)?;
/// println!("http://{}/", page.addr);
/// page.serve();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TracePage {
    server: Server,
    html: String,
    /// Where the page is.
    pub addr: SocketAddr,
    /// Where the explorer is, if it can follow the trace at all.
    pub explorer: Option<SocketAddr>,
    /// How many steps it can follow.
    pub followed: usize,
}

impl TracePage {
    /// Binds the page of a trace of a rulebook to an address, and starts the explorer beside it on a free port of
    /// the same host. `property` is what the trace violates.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub fn bind(
        trace: &Trace,
        rules: &str,
        property: Option<Property>,
        addr: SocketAddr,
    ) -> io::Result<TracePage> {
        let server = Server::http(addr).map_err(io::Error::other)?;
        let addr = server.server_addr().to_ip().unwrap_or(addr);
        let system = Arc::new(trace.system().clone());
        let path = follow(&system, trace).unwrap_or_default();
        let explorer = match path.is_empty() {
            true => None,
            false => Some(TcpListener::bind((addr.ip(), 0))?.local_addr()?),
        };
        if let Some(explorer) = explorer {
            let (trace, system) = (trace.clone(), Arc::clone(&system));
            std::thread::spawn(move || {
                let safety = property.filter(|&property| trace.violation(property).is_some());
                super::serve(&system, safety.map(|property| (property, &trace)), explorer);
            });
        }
        let html = html(trace, rules, property, explorer, &path);
        let followed = path.len().saturating_sub(1);
        Ok(TracePage { server, html, addr, explorer, followed })
    }

    /// Serves it until the process is ended.
    pub fn serve(&self) {
        while let Ok(request) = self.server.recv() {
            // Who does not wait for the answer does not get it.
            let _ = self.answer(request);
        }
    }

    fn answer(&self, request: Request) -> io::Result<()> {
        if request.url() != "/" {
            return request
                .respond(Response::from_string("There is one page here: /\n").with_status_code(404));
        }
        let mut response = Response::from_string(&self.html);
        if let Ok(header) = Header::from_bytes("Content-Type", "text/html; charset=utf-8") {
            response.add_header(header);
        }
        request.respond(response)
    }
}

/// The path of the trace in the explorer: the number of the initial state, then the number of each step among
/// those that are offered, as far as judge *message* can follow; none where it cannot even begin.
fn follow(system: &Arc<System>, trace: &Trace) -> Option<Vec<usize>> {
    if !trace.is_listable() {
        return None;
    }
    let model = MessageModel::new(Arc::clone(system));
    let mut state = model.init_states().into_iter().next()?;
    let mut path = vec![0];
    for step in trace.steps() {
        let wanted = MessageAction { to: step.to, event: step.event.clone() };
        let mut actions = Vec::new();
        model.actions(&state, &mut actions);
        let Some(index) = actions.iter().position(|action| *action == wanted) else { break };
        let Some(next) = model.next_state(&state, actions.swap_remove(index)) else { break };
        path.push(index);
        state = next;
    }
    Some(path)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn html(
    trace: &Trace,
    rules: &str,
    property: Option<Property>,
    explorer: Option<SocketAddr>,
    path: &[usize],
) -> String {
    let mut out = format!(
        "<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'><title>bft-check: {rules}</title>\
         <style>{STYLE}</style></head><body><h1>A run of {rules}</h1>",
        rules = escaped(rules)
    );
    write_subject(&mut out, trace, property);
    let links = Links { explorer, path };
    let _ = write!(
        out,
        "<p>{}</p><ol><li value='0'>{}</li>",
        links.reach(trace),
        links.link(0, "before anything happens")
    );
    write_steps(&mut out, trace, &links);
    let _ = write!(
        out,
        "</ol><h2>As a diagram</h2><div class='diagram'>{}</div><h2>In words</h2><pre>{}</pre></body></html>",
        trace.to_svg(),
        escaped(&trace.to_text(property))
    );
    out
}

/// Of what system the run is, and what is wrong with it.
fn write_subject(out: &mut String, trace: &Trace, property: Option<Property>) {
    let bound = trace.system().bound();
    let byzantine: Vec<_> = bound.byzantine.iter().map(ToString::to_string).collect();
    let byzantine = if byzantine.is_empty() { "nobody".to_owned() } else { byzantine.join(", ") };
    let _ = write!(out, "<p>{}; Byzantine: {byzantine}</p>", escaped(&bound.scope.to_string()));
    if let Some((property, what)) = property.and_then(|property| Some((property, trace.violation(property)?)))
    {
        let _ = write!(
            out,
            "<p><span class='wrong'>Violated: {}</span> ({}): {}</p>",
            property,
            escaped(property.statement()),
            escaped(&what)
        );
    } else if let Some(stay) = trace.lasso() {
        let _ = write!(out, "<p class='wrong'>Never reached: {}</p>", stay.property);
    }
}

/// Where the steps of a run stand in the explorer, as far as it can follow.
struct Links<'a> {
    explorer: Option<SocketAddr>,
    path: &'a [usize],
}

impl Links<'_> {
    /// Words that lead to the state after so many steps.
    fn link(&self, steps: usize, words: &str) -> String {
        match self.explorer.filter(|_| steps < self.path.len()) {
            Some(explorer) => {
                let path: String = self.path[..=steps].iter().map(|index| format!("/{index}")).collect();
                format!("<a href='http://{explorer}/#/steps{path}'>{}</a>", escaped(words))
            }
            None => escaped(words),
        }
    }

    /// How far the explorer can follow, in words.
    fn reach(&self, trace: &Trace) -> String {
        let followed = self.path.len().saturating_sub(1);
        match self.explorer {
            None => "The explorer cannot follow this run: its bound has more messages than can be listed."
                .to_owned(),
            Some(_) if followed < trace.steps().len() => format!(
                "A link opens the explorer after that step. It cannot follow beyond step {followed}: what happens then is \
                 not among what its adversary offers within the bound."
            ),
            Some(_) => "Each link opens the explorer after that step.".to_owned(),
        }
    }
}

fn write_steps(out: &mut String, trace: &Trace, links: &Links<'_>) {
    let system = trace.system();
    let stay = trace.lasso();
    let mark = |out: &mut String, at: usize| {
        let Some(stay) = stay else { return };
        if stay.stable_after == at {
            out.push_str("<li class='mark'>── from here on the network is stable</li>");
        }
        if stay.repeats_after == at {
            let words = if stay.is_loop() { "from here on, for ever" } else { stay.then };
            let _ = write!(out, "<li class='mark'>↻─ {words}</li>");
        }
    };
    for (number, step) in (1..).zip(trace.steps()) {
        mark(out, number - 1);
        let class = stay.filter(|stay| stay.repeats_after < number).map_or("", |_| " class='loop'");
        let _ = write!(
            out,
            "<li value='{number}'{class}>{}<div class='outcome'>{}</div></li>",
            links.link(number, &step.headline(system)),
            escaped(&step.outcome(system))
        );
    }
    mark(out, trace.steps().len());
}
