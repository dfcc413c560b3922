//! Whether the other processes are there: each says so every now and then, whatever it is doing, and hears whether the others do.
//!
//! A thread of its own says it, so that a process that computes for long is not taken for one that hangs, while one that was
//! stopped is. When a link is closed, the process at its other end has ended, or its machine or the network between has.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

use crate::check::limits::{Lost, Process};

/// How often a process says that it is there.
const EVERY: Duration = Duration::from_millis(250);

/// Says to the others that this process is there, and tells `lost` of each that no longer says so, until `is_over` is set.
///
/// # Errors
/// No thread can be started, or a link is no longer there.
pub(super) fn keep(
    links: Vec<(Process, TcpStream)>,
    patience: Duration,
    is_over: &Arc<AtomicBool>,
    lost: &Sender<(Process, Lost)>,
) -> io::Result<()> {
    let mut said = Vec::new();
    for (process, link) in links {
        link.set_read_timeout(Some(patience))?;
        // Who does not listen any more is not waited for.
        link.set_write_timeout(Some(EVERY))?;
        said.push(link.try_clone()?);
        let (lost, is_over) = (lost.clone(), Arc::clone(is_over));
        let hear = move || {
            let how = hear(link);
            if !is_over.load(Relaxed) {
                // Nobody may wait for that any more.
                let _ = lost.send((process, how));
            }
        };
        thread::Builder::new().name(format!("hears {process}")).spawn(hear)?;
    }
    let is_over = Arc::clone(is_over);
    let say = move || {
        while !is_over.load(Relaxed) {
            for link in &mut said {
                // That it cannot be said is heard on the same link.
                let _ = link.write(&[0]);
            }
            thread::sleep(EVERY);
        }
    };
    thread::Builder::new().name("says that it is there".to_owned()).spawn(say)?;
    Ok(())
}

/// Listens until nothing is heard any more.
fn hear(mut link: TcpStream) -> Lost {
    let mut bytes = [0; 64];
    loop {
        match link.read(&mut bytes) {
            Ok(0) => return Lost::Ended,
            Ok(_) => {}
            Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
            Err(why) if matches!(why.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                return Lost::Silent;
            }
            Err(_) => return Lost::Ended,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::mpsc;

    use super::*;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let one = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (one, listener.accept().unwrap().0)
    }

    #[test]
    fn who_says_nothing_is_silent_and_who_hangs_up_has_ended() {
        let [(silent, kept), (ends, gone)] = [pair(), pair()];
        let (lost, losses) = mpsc::channel();
        let is_over = Arc::new(AtomicBool::new(false));
        let links = vec![(Process(1), silent), (Process(2), ends)];
        keep(links, Duration::from_millis(300), &is_over, &lost).unwrap();
        drop(gone);
        assert_eq!(losses.recv().unwrap(), (Process(2), Lost::Ended));
        assert_eq!(losses.recv().unwrap(), (Process(1), Lost::Silent));
        is_over.store(true, Relaxed);
        drop(kept);
    }

    #[test]
    fn who_says_that_it_is_there_is_not_lost() {
        let (one, other) = pair();
        let (lost, losses) = mpsc::channel();
        let is_over = Arc::new(AtomicBool::new(false));
        for (number, link) in [(0, one), (1, other)] {
            keep(vec![(Process(number), link)], 4 * EVERY, &is_over, &lost).unwrap();
        }
        assert!(losses.recv_timeout(8 * EVERY).is_err());
        is_over.store(true, Relaxed);
    }
}
