//! stateright's server on an internal port, and how it is asked.

use std::fmt;
use std::hash::Hash;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use stateright::Model;

/// How long it may take to begin, and to answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// The most bytes of an answer.
const LONGEST: u64 = 64 << 20;

/// One of stateright's servers.
pub(crate) struct Inner {
    addr: SocketAddr,
}

impl Inner {
    /// Starts one of a model. If that is `is_guided`, its own boundary bounds the search, which is run then.
    ///
    /// # Errors
    /// No port was to be had.
    pub fn start<M>(model: M, is_guided: bool) -> Result<Self, String>
    where
        M: Model + Send + Sync + 'static,
        M::Action: fmt::Debug + Send + Sync + Clone + PartialEq,
        M::State: fmt::Debug + Hash + Send + Sync + Clone + PartialEq,
    {
        let addr = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
        let addr = addr.map_err(|why| format!("there is no free port: {why}"))?;
        let thread = std::thread::Builder::new().name("stateright".to_owned());
        // It binds the port itself, and its thread ends if somebody else was faster.
        let begun = thread.spawn(move || drop(model.checker().serve(addr)));
        begun.map_err(|why| format!("no thread could be begun: {why}"))?;
        let inner = Inner { addr };
        let until = Instant::now() + PATIENCE;
        loop {
            match inner.get("/.status") {
                Ok((200, status)) if is_ours::<M>(&status) => break,
                _ if Instant::now() > until => return Err("stateright's explorer did not start".to_owned()),
                _ => std::thread::sleep(Duration::from_millis(30)),
            }
        }
        if is_guided {
            // Its search is bounded to the known run.
            inner.ask("POST /.runtocompletion", "Content-Length: 0\r\n").map_err(|why| why.to_string())?;
        }
        Ok(inner)
    }

    /// What it answers: the status and the content.
    ///
    /// # Errors
    /// It does not answer.
    pub fn get(&self, path: &str) -> io::Result<(u16, Vec<u8>)> {
        self.ask(&format!("GET {path}"), "")
    }

    fn ask(&self, what: &str, header: &str) -> io::Result<(u16, Vec<u8>)> {
        let mut stream = TcpStream::connect_timeout(&self.addr, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        // In this version an answer comes in one piece, and the connection is closed after it.
        write!(stream, "{what} HTTP/1.0\r\nHost: {}\r\n{header}Connection: close\r\n\r\n", self.addr)?;
        let mut answer = Vec::new();
        stream.take(LONGEST).read_to_end(&mut answer)?;
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut response = httparse::Response::new(&mut headers);
        match response.parse(&answer) {
            Ok(httparse::Status::Complete(head)) => {
                Ok((response.code.unwrap_or(502), answer.split_off(head)))
            }
            _ => Err(io::Error::other("this is no answer")),
        }
    }
}

/// Whether it is the explorer of this very program that answers.
fn is_ours<M>(status: &[u8]) -> bool {
    let status: Option<serde_json::Value> = serde_json::from_slice(status).ok();
    let model = status.as_ref().and_then(|status| status["model"].as_str());
    model == Some(std::any::type_name::<M>())
}
