//! How processes find each other: two links between any two, one for states, and one on which each says that it is there.
//!
//! A process calls those with smaller numbers, and is called by those with greater ones. Whoever calls says first what it is
//! of; another check, another version or another number of processes is refused at once. What calls and says something else is
//! none of ours, and is not listened to.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs as _};
use std::thread;
use std::time::{Duration, Instant};

use super::peers::Peers;
use crate::check::limits::Process;

/// How long processes wait for each other to begin.
const TO_BEGIN: Duration = Duration::from_secs(60);
/// How long a call may take, and how long is waited between two.
const TO_CALL: Duration = Duration::from_secs(5);
const BETWEEN: Duration = Duration::from_millis(20);

/// What a greeting begins with.
const MAGIC: [u8; 8] = *b"bft-run1";
const STATES: u8 = 0;
const BEATS: u8 = 1;
/// What comes back.
const WELCOME: u8 = 1;
const ANOTHER: u8 = 2;
/// The bytes of a greeting: what it begins with, of what check it is, from whom, and for what.
const GREETING: usize = MAGIC.len() + 16 + 4 + 1;

/// Why processes did not find each other.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// Nobody can call here.
    #[error("{0} cannot listen at {1}: {2}; --hosts FILE puts the processes elsewhere")]
    Listen(Process, String, io::Error),
    /// Somebody did not call, or did not answer.
    #[error("{0} at {1} was not there within {secs} seconds", secs = TO_BEGIN.as_secs())]
    Absent(Process, String),
    /// Somebody is there for something else.
    #[error(
        "{0} at {1} does not share this check: each process has to be given the same question, the same limits of threads, and be of the \
         same version on a machine of the same kind"
    )]
    Another(Process, String),
    /// A link was lost before all began.
    #[error("the link to {0} failed before all had begun: {1}")]
    Lost(Process, io::Error),
}

/// The links to one other process.
#[derive(Debug)]
pub(super) struct Link {
    pub states: TcpStream,
    pub beats: TcpStream,
}

/// The links to all processes, in their order; none to oneself.
pub(super) type Links = Vec<Option<Link>>;

/// Links this process to all others of the check that this stands for, once all are there.
///
/// # Errors
/// Somebody is not there, or shares another check.
pub(super) fn linked(peers: &Peers, check: u128) -> Result<Links, LinkError> {
    let (own, until) = (peers.own, Instant::now() + TO_BEGIN);
    let processes = peers.addresses.len();
    // First of all, so that whoever calls early need not call again.
    let listener = if own.place() + 1 < processes { Some(listen(peers, until)?) } else { None };
    let mut links: Links = (0..processes).map(|_| None).collect();
    for (other, address) in (0..own.0).zip(&peers.addresses) {
        let call = |purpose| called(Process(other), address, greeting(check, own, purpose), until);
        let (states, beats) = (call(STATES)?, call(BEATS)?);
        links[other as usize] = Some(Link { states, beats });
    }
    if let Some(listener) = listener {
        await_calls(&listener, peers, check, until, &mut links)?;
    }
    Ok(links)
}

fn listen(peers: &Peers, until: Instant) -> Result<TcpListener, LinkError> {
    let address = &peers.addresses[peers.own.place()];
    let failed = |why| LinkError::Listen(peers.own, address.clone(), why);
    loop {
        // Another may be about to leave the port.
        match TcpListener::bind(address) {
            Ok(listener) => {
                listener.set_nonblocking(true).map_err(failed)?;
                return Ok(listener);
            }
            Err(why)
                if why.kind() == io::ErrorKind::AddrInUse && Instant::now() + TO_BEGIN - TO_CALL < until =>
            {
                thread::sleep(BETWEEN);
            }
            Err(why) => return Err(failed(why)),
        }
    }
}

fn greeting(check: u128, own: Process, purpose: u8) -> [u8; GREETING] {
    let mut bytes = [0; GREETING];
    let parts = MAGIC.into_iter().chain(check.to_le_bytes()).chain(own.0.to_le_bytes()).chain([purpose]);
    bytes.iter_mut().zip(parts).for_each(|(byte, part)| *byte = part);
    bytes
}

/// Calls a process until it answers.
fn called(
    other: Process,
    address: &str,
    greeting: [u8; GREETING],
    until: Instant,
) -> Result<TcpStream, LinkError> {
    loop {
        match call(address, greeting) {
            Ok((stream, WELCOME)) => return Ok(stream),
            Ok(_) => return Err(LinkError::Another(other, address.to_owned())),
            Err(_) if Instant::now() < until => thread::sleep(BETWEEN),
            Err(_) => return Err(LinkError::Absent(other, address.to_owned())),
        }
    }
}

fn call(address: &str, greeting: [u8; GREETING]) -> io::Result<(TcpStream, u8)> {
    let place = address.to_socket_addrs()?.next().ok_or(io::ErrorKind::NotFound)?;
    let mut stream = TcpStream::connect_timeout(&place, TO_CALL)?;
    stream.set_nodelay(true)?;
    stream.write_all(&greeting)?;
    // It answers once it has been called by all before, which may be a while.
    stream.set_read_timeout(Some(TO_BEGIN))?;
    let mut answer = [0];
    stream.read_exact(&mut answer)?;
    stream.set_read_timeout(None)?;
    Ok((stream, answer[0]))
}

/// Waits for the calls of all processes with greater numbers.
fn await_calls(
    listener: &TcpListener,
    peers: &Peers,
    check: u128,
    until: Instant,
    links: &mut Links,
) -> Result<(), LinkError> {
    let first = peers.own.0 + 1;
    let mut waiting: Vec<[Option<TcpStream>; 2]> =
        (first..peers.addresses.len() as u32).map(|_| [None, None]).collect();
    while let Some(missing) = waiting.iter().position(|two| two.iter().any(Option::is_none)) {
        let caller = Process(first + missing as u32);
        match listener.accept() {
            Ok((stream, _)) => {
                let Ok((who, purpose, stream)) = greeted(stream, check) else { continue };
                let Some(stream) = stream else {
                    let address = peers.addresses.get(who as usize).cloned().unwrap_or_default();
                    return Err(LinkError::Another(Process(who), address));
                };
                let place = who.checked_sub(first).and_then(|place| waiting.get_mut(place as usize));
                if let Some(place) = place.and_then(|two| two.get_mut(usize::from(purpose))) {
                    *place = Some(stream);
                }
            }
            Err(why) if why.kind() == io::ErrorKind::WouldBlock && Instant::now() < until => {
                thread::sleep(BETWEEN);
            }
            Err(why) if why.kind() == io::ErrorKind::WouldBlock => {
                return Err(LinkError::Absent(caller, peers.addresses[caller.place()].clone()));
            }
            Err(why) => return Err(LinkError::Lost(caller, why)),
        }
    }
    for (place, two) in (first..).zip(waiting) {
        if let [Some(states), Some(beats)] = two {
            links[place as usize] = Some(Link { states, beats });
        }
    }
    Ok(())
}

/// Hears who calls, and answers: who it is, for what, and the link if it is of the same check.
fn greeted(mut stream: TcpStream, check: u128) -> io::Result<(u32, u8, Option<TcpStream>)> {
    stream.set_nonblocking(false)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(TO_CALL))?;
    let mut bytes = [0; GREETING];
    stream.read_exact(&mut bytes)?;
    let (magic, rest) = bytes.split_at(MAGIC.len());
    if magic != MAGIC {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let (of, rest) = rest.split_at(16);
    let who = u32::from_le_bytes([rest[0], rest[1], rest[2], rest[3]]);
    let is_same = of == check.to_le_bytes();
    stream.write_all(&[if is_same { WELCOME } else { ANOTHER }])?;
    stream.set_read_timeout(None)?;
    Ok((who, rest[4], is_same.then_some(stream)))
}
