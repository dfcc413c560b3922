//! A request, as far as it is read: its first line and its headers, never a body.

use std::io::{self, Read};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// The most bytes of a request. A run of some thousand steps fits into its first line.
const LONGEST: usize = 256 * 1024;
/// The most headers.
const HEADERS: usize = 64;
/// How long a client may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(5);

/// A request that may be answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Request {
    /// Where to, without the query: it begins with `/`.
    pub path: String,
    /// What stands behind the question mark, as it was sent.
    pub query: String,
}

/// Why a request is not answered: the status, and a sentence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Refusal(pub u16, pub &'static str);

const INCOMPLETE: Refusal = Refusal(400, "the request is no HTTP request");

/// Reads a request that came to this address, and refuses what a page of this server would not ask.
///
/// # Errors
/// What is wrong with it; nothing where there is nobody to tell.
pub(super) fn read(stream: &mut TcpStream, addr: SocketAddr) -> Result<Request, Option<Refusal>> {
    let head = read_head(stream)?;
    parse(&head, addr).map_err(Some)
}

/// Everything up to the empty line. What comes after it is left where it is.
fn read_head(stream: &mut TcpStream) -> Result<Vec<u8>, Option<Refusal>> {
    let until = Instant::now() + PATIENCE;
    let (mut head, mut part) = (Vec::new(), [0; 4096]);
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || stream.set_read_timeout(Some(left)).is_err() {
            return Err(Some(Refusal(408, "the request did not come in time")));
        }
        match stream.read(&mut part) {
            Ok(0) => return Err(None),
            Ok(read) => head.extend_from_slice(&part[..read]),
            Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
            Err(why) if matches!(why.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                return Err(Some(Refusal(408, "the request did not come in time")));
            }
            Err(_) => return Err(None),
        }
        if head.windows(4).any(|end| end == b"\r\n\r\n") {
            return Ok(head);
        }
        if head.len() > LONGEST {
            return Err(Some(Refusal(
                431,
                "the request is too long: open the run as a trace file, by --trace",
            )));
        }
    }
}

fn parse(head: &[u8], addr: SocketAddr) -> Result<Request, Refusal> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(head) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Err(INCOMPLETE),
        Err(httparse::Error::TooManyHeaders) => return Err(Refusal(431, "the request has too many headers")),
        Err(_) => return Err(INCOMPLETE),
    }
    let all = |name: &'static str| {
        request.headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name)).map(|h| h.value)
    };
    // Who asks for another host was led here by a name that somebody else gives out.
    let mut hosts = all("Host");
    if !hosts.next().is_some_and(|host| is_own(host, addr)) || hosts.next().is_some() {
        return Err(Refusal(
            403,
            "this is not the host that the request is for; use the address that bft prints",
        ));
    }
    let is_own_page = |origin: &[u8]| origin.strip_prefix(b"http://").is_some_and(|host| is_own(host, addr));
    if !all("Origin").all(is_own_page) {
        return Err(Refusal(403, "only pages of this server may ask it"));
    }
    // Of a browser that says so: what another site's page loads, with or without an Origin.
    if all("Sec-Fetch-Site").any(|site| site == b"cross-site" || site == b"same-site")
        && all("Sec-Fetch-Mode").any(|mode| mode != b"navigate")
    {
        return Err(Refusal(403, "only pages of this server may ask it"));
    }
    if request.method != Some("GET") {
        return Err(Refusal(405, "only GET is answered"));
    }
    if all("Transfer-Encoding").next().is_some() || all("Content-Length").any(|length| length != b"0") {
        return Err(Refusal(413, "no request with a body is answered"));
    }
    let target = request.path.unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if !path.starts_with('/') {
        return Err(INCOMPLETE);
    }
    Ok(Request { path: path.to_owned(), query: query.to_owned() })
}

/// Whether a name with a port is that of this server: its address, or that of this machine by name.
fn is_own(host: &[u8], addr: SocketAddr) -> bool {
    let Ok(host) = std::str::from_utf8(host) else { return false };
    let port = addr.port();
    let mut own = vec![addr.to_string(), format!("localhost:{port}")];
    if port == 80 {
        own.extend([addr.ip().to_string(), "localhost".to_owned()]);
    }
    own.iter().any(|own| own.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Request, Refusal> {
        parse(text.as_bytes(), ([127, 0, 0, 1], 3000).into())
    }

    #[test]
    fn only_what_the_own_page_asks_is_let_in() {
        let asked = parsed("GET /a?b=c%20d HTTP/1.1\r\nHost: 127.0.0.1:3000\r\n\r\n");
        assert_eq!(asked, Ok(Request { path: "/a".to_owned(), query: "b=c%20d".to_owned() }));
        assert!(
            parsed("GET / HTTP/1.1\r\nHost: LOCALHOST:3000\r\nOrigin: http://localhost:3000\r\n\r\n").is_ok()
        );
        for (status, text) in [
            (403, "GET / HTTP/1.1\r\n\r\n"),
            (403, "GET / HTTP/1.1\r\nHost: evil.example:3000\r\n\r\n"),
            (403, "GET / HTTP/1.1\r\nHost: 127.0.0.1:3001\r\n\r\n"),
            (403, "GET / HTTP/1.1\r\nHost: 127.0.0.1:3000\r\nHost: evil.example\r\n\r\n"),
            (403, "GET / HTTP/1.1\r\nHost: 127.0.0.1:3000\r\nOrigin: http://evil.example\r\n\r\n"),
            (403, "GET / HTTP/1.1\r\nHost: 127.0.0.1:3000\r\nOrigin: null\r\n\r\n"),
            (
                403,
                "GET / HTTP/1.1\r\nHost: 127.0.0.1:3000\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n\r\n",
            ),
            (405, "POST / HTTP/1.1\r\nHost: 127.0.0.1:3000\r\n\r\n"),
            (413, "GET / HTTP/1.1\r\nHost: 127.0.0.1:3000\r\nContent-Length: 1000000000000\r\n\r\n"),
            (413, "GET / HTTP/1.1\r\nHost: 127.0.0.1:3000\r\nTransfer-Encoding: chunked\r\n\r\n"),
            (400, "GET http://127.0.0.1:3000/ HTTP/1.1\r\nHost: 127.0.0.1:3000\r\n\r\n"),
            (400, "nothing\r\n\r\n"),
        ] {
            assert_eq!(parsed(text).map_err(|Refusal(status, _)| status), Err(status), "{text}");
        }
    }
}
