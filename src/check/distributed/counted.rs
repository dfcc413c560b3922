//! Links of which it is known how much has gone over them.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use timely::communication::allocator::zero_copy::stream::Stream;

/// A link that counts what is written to it.
pub(super) struct Counted {
    link: TcpStream,
    sent: Arc<AtomicU64>,
}

impl Counted {
    /// A link whose bytes are added to `sent`.
    pub fn new(link: TcpStream, sent: &Arc<AtomicU64>) -> Self {
        Counted { link, sent: Arc::clone(sent) }
    }
}

impl Read for Counted {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.link.read(bytes)
    }
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.link.write(bytes)?;
        self.sent.fetch_add(written as u64, Relaxed);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.link.flush()
    }
}

impl Stream for Counted {
    fn try_clone(&self) -> io::Result<Self> {
        Ok(Counted::new(self.link.try_clone()?, &self.sent))
    }

    fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.link.set_nonblocking(nonblocking)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.link.shutdown(how)
    }
}
