//! Numbers in a file, little end first. What is read may be damaged or made up: no length is believed before what it counts
//! has been read.

use std::io::{self, Read, Write};

use xxhash_rust::xxh3::Xxh3;

use crate::interrupt;

/// Writes through, and sums up what was written. What is long may be given up in the middle.
pub(in crate::check) struct Summed<W> {
    pub inner: W,
    pub sum: Xxh3,
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        interrupt::poll();
        let written = self.inner.write(bytes)?;
        self.sum.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Reads through. What is long may be given up in the middle.
pub(in crate::check) struct Polled<R>(pub R);

impl<R: Read> Read for Polled<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        interrupt::poll();
        self.0.read(bytes)
    }
}

/// A number of fixed width.
pub(in crate::check) trait Word: Copy {
    fn write(self, out: &mut impl Write) -> io::Result<()>;
    fn read(file: &mut impl Read) -> io::Result<Self>;
}

macro_rules! words {
    ($($type:ty)*) => {
        $(impl Word for $type {
            fn write(self, out: &mut impl Write) -> io::Result<()> {
                out.write_all(&self.to_le_bytes())
            }

            fn read(file: &mut impl Read) -> io::Result<Self> {
                let mut bytes = [0; size_of::<$type>()];
                file.read_exact(&mut bytes)?;
                Ok(<$type>::from_le_bytes(bytes))
            }
        })*
    };
}

words! { u8 u32 u64 u128 }

/// A list: how long it is, and what is in it.
pub(in crate::check) fn write_list<T: Word>(list: &[T], out: &mut impl Write) -> io::Result<()> {
    (list.len() as u64).write(out)?;
    list.iter().try_for_each(|word| word.write(out))
}

pub(in crate::check) fn read_list<T: Word>(file: &mut impl Read) -> io::Result<Vec<T>> {
    let length = u64::read(file)?;
    let mut list = Vec::new();
    for _ in 0..length {
        list.push(T::read(file)?);
    }
    Ok(list)
}

/// What has a form of its own, as JSON behind its length.
pub(in crate::check) fn write_json(value: &impl serde::Serialize, out: &mut impl Write) -> io::Result<()> {
    write_list(&serde_json::to_vec(value)?, out)
}

pub(in crate::check) fn read_json<T: serde::de::DeserializeOwned>(file: &mut impl Read) -> io::Result<T> {
    Ok(serde_json::from_slice(&read_list::<u8>(file)?)?)
}
