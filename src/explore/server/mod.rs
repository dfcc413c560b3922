//! A web server for one person on one machine: it answers `GET`s, reads no body, and lets nobody wait for somebody else.
//!
//! Each connection has a thread of its own and carries one request. Who takes long to ask, or does not read the answer,
//! is cut off; of so many at once the next is turned away.

mod request;
mod response;

use std::io::{self, Read as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

pub(super) use request::{Refusal, Request};
pub(super) use response::Response;

/// The most connections at once.
const MOST: usize = 256;
/// How long somebody is listened to who sends more than is read: closing earlier would take the answer away.
const LINGER: Duration = Duration::from_millis(500);

/// A server that holds its port from now on.
#[derive(Debug)]
pub(super) struct Server {
    listener: TcpListener,
    addr: SocketAddr,
}

impl Server {
    /// Takes an address.
    ///
    /// # Errors
    /// It cannot be had.
    pub fn bind(addr: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(addr)?;
        let addr = listener.local_addr()?;
        Ok(Server { listener, addr })
    }

    /// Where it is.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Answers until the process is ended.
    pub fn serve(&self, answer: impl Fn(&Request) -> Response + Send + Sync + 'static) {
        let (answer, busy) = (Arc::new(answer), Arc::new(AtomicUsize::new(0)));
        for stream in self.listener.incoming() {
            let Ok(mut stream) = stream else {
                // Out of file descriptors, for example: some are given back soon.
                std::thread::sleep(Duration::from_millis(20));
                continue;
            };
            if busy.fetch_add(1, SeqCst) >= MOST {
                busy.fetch_sub(1, SeqCst);
                let _ = Response::error(503, "too many requests at once").send(&mut stream);
                continue;
            }
            let (answer, addr, done) = (Arc::clone(&answer), self.addr, Leaving(Arc::clone(&busy)));
            let thread = std::thread::Builder::new().name("page".to_owned());
            // Where there is no thread to be had, the connection is closed.
            let _ = thread.spawn(move || {
                let _done = done;
                one(&mut stream, addr, &*answer);
            });
        }
    }
}

/// Counts one connection less when it is over.
struct Leaving(Arc<AtomicUsize>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

/// Answers the one request of a connection.
fn one(stream: &mut TcpStream, addr: SocketAddr, answer: &(impl Fn(&Request) -> Response + Send + Sync)) {
    let response = match request::read(stream, addr) {
        Ok(request) => catch_unwind(AssertUnwindSafe(|| answer(&request))).unwrap_or_else(|_| {
            Response::error(500, "this is a fault of bft: what it was asked made it panic")
        }),
        Err(Some(Refusal(status, why))) => Response::error(status, why),
        Err(None) => return,
    };
    if response.send(stream).is_err() {
        return;
    }
    // A little of what was sent and not asked for is thrown away, so that the answer is not lost with it.
    if stream.set_read_timeout(Some(LINGER)).is_ok() {
        let (mut read, mut rest) = (0, [0; 4096]);
        while let Ok(more @ 1..) = stream.read(&mut rest) {
            read += more;
            if read > 1 << 16 {
                break;
            }
        }
    }
}
