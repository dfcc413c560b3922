//! An answer.

use std::io::{self, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};

/// How long a client may leave an answer unread.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a page of ours may do: nothing but what came from here as a file.
pub(crate) const STRICT: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// An answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Response {
    /// The status.
    pub status: u16,
    /// What kind of content it is.
    pub content: &'static str,
    /// What the browser may do with it.
    pub policy: &'static str,
    /// The name under which it is saved, if it is to be.
    pub saved_as: Option<String>,
    /// The content.
    pub body: Vec<u8>,
}

impl Response {
    /// Content of a kind.
    pub fn of(content: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Response { status: 200, content, policy: STRICT, saved_as: None, body: body.into() }
    }

    /// A value.
    pub fn json(value: &Value) -> Self {
        Response::of("application/json; charset=utf-8", value.to_string())
    }

    /// A refusal, with its reason.
    pub fn error(status: u16, why: &str) -> Self {
        Response { status, ..Response::json(&json!({ "error": why })) }
    }

    /// Sends it. Whoever does not read it does not get it.
    pub(super) fn send(&self, stream: &mut TcpStream) -> io::Result<()> {
        stream.set_write_timeout(Some(PATIENCE))?;
        let reason = match self.status {
            200 => "OK",
            400 => "Bad Request",
            403 => "Forbidden",
            404 => "Not Found",
            405 => "Method Not Allowed",
            408 => "Request Timeout",
            413 => "Content Too Large",
            431 => "Request Header Fields Too Large",
            502 => "Bad Gateway",
            503 => "Service Unavailable",
            _ => "Error",
        };
        let mut head = format!(
            "HTTP/1.1 {} {reason}\r\nContent-Type: {}\r\nContent-Length: {}\r\nContent-Security-Policy: {}\r\n\
             X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\nCross-Origin-Resource-Policy: same-origin\r\n\
             Cache-Control: no-store\r\nConnection: close\r\n",
            self.status,
            self.content,
            self.body.len(),
            self.policy
        );
        if let Some(name) = &self.saved_as {
            head.push_str(&format!("Content-Disposition: attachment; filename=\"{name}\"\r\n"));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes())?;
        stream.write_all(&self.body)?;
        stream.flush()?;
        stream.shutdown(Shutdown::Write)
    }
}
