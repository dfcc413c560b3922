//! The form of a saved check's file: by what it begins, a header in JSON, what the header counts up, and a checksum.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use xxhash_rust::xxh3::Xxh3;

use super::SaveError;
use crate::check::search::Coverage;
use crate::check::words::{Summed, Word};
use crate::files;
use crate::interrupt;

/// What every saved check begins with; the number is that of the form.
const MAGIC: &[u8; 16] = b"bft-check run 2\n";
/// Bytes of the checksum at the end.
const SUM: u64 = 16;

/// The version that writes and reads.
pub(in crate::check) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What was covered, in a header.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(in crate::check) struct CoverageRow {
    states: u64,
    transitions: u64,
    depth: u64,
    elapsed: Duration,
}

impl From<Coverage> for CoverageRow {
    fn from(coverage: Coverage) -> Self {
        let Coverage { states, transitions, depth, elapsed } = coverage;
        CoverageRow { states, transitions, depth, elapsed }
    }
}

impl From<CoverageRow> for Coverage {
    fn from(row: CoverageRow) -> Self {
        let CoverageRow { states, transitions, depth, elapsed } = row;
        Coverage { states, transitions, depth, elapsed }
    }
}

/// Writes a file: its header, and what `body` writes behind it. An existing file is replaced when all is written, and left
/// alone if that fails.
///
/// # Errors
/// The file cannot be written, or it was interrupted.
pub(in crate::check) fn write(
    path: &Path,
    header: &impl Serialize,
    body: impl FnOnce(&mut Summed<&mut dyn Write>) -> io::Result<()>,
) -> Result<(), SaveError> {
    let header = serde_json::to_vec(header)?;
    let all = |out: &mut dyn Write| {
        let mut out = Summed { inner: out, sum: Xxh3::new() };
        out.write_all(MAGIC)?;
        out.write_all(&(header.len() as u64).to_le_bytes())?;
        out.write_all(&header)?;
        body(&mut out)?;
        let sum = out.sum.digest128().to_le_bytes();
        out.inner.write_all(&sum)
    };
    let written = interrupt::caught(|| files::write_with(path, all));
    let written = written.map_err(|_| SaveError::GivenUp(path.to_owned()))?;
    written.map_err(|error| SaveError::Io(path.to_owned(), error))
}

/// What stands behind the header of a file.
pub(in crate::check) type Body = io::Take<BufReader<File>>;

/// Reads the header of a file that is whole and that this version wrote.
///
/// # Errors
/// The file is damaged, or no such file.
pub(in crate::check) fn open(path: &Path) -> Result<(Value, Body), SaveError> {
    let failed = |error: io::Error| SaveError::Io(path.to_owned(), error);
    let content = checked(path)?;
    let file = BufReader::with_capacity(1 << 18, File::open(path).map_err(failed)?);
    let mut file = file.take(MAGIC.len() as u64 + content);
    file.read_exact(&mut [0; MAGIC.len()]).map_err(failed)?;
    let header = read_header(path, &mut file)?;
    Ok((header, file))
}

/// Whether a file is a saved check, whole and of this form; how many bytes stand between its beginning and its checksum.
fn checked(path: &Path) -> Result<u64, SaveError> {
    let failed = |error: io::Error| SaveError::Io(path.to_owned(), error);
    let damaged = || SaveError::Damaged(path.to_owned());
    let length = fs::metadata(path).map_err(failed)?.len();
    let mut file = BufReader::with_capacity(1 << 18, File::open(path).map_err(failed)?);
    let mut magic = [0; MAGIC.len()];
    let begins = file.read_exact(&mut magic);
    let alike = magic.iter().zip(MAGIC).take_while(|(a, b)| a == b).count();
    match begins {
        Ok(()) if &magic == MAGIC => {}
        Ok(()) if alike >= b"bft-check run ".len() => {
            let form = String::from_utf8_lossy(&magic).trim().to_owned();
            return Err(SaveError::Version(path.to_owned(), form, VERSION));
        }
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(failed(error)),
        _ => return Err(SaveError::Foreign(path.to_owned())),
    }
    let content = length.checked_sub(MAGIC.len() as u64 + SUM).ok_or_else(damaged)?;
    let mut sum = Summed { inner: io::sink(), sum: Xxh3::new() };
    let mut is_whole = || {
        sum.write_all(MAGIC)?;
        io::copy(&mut file.by_ref().take(content), &mut sum)?;
        let mut told = [0; SUM as usize];
        file.read_exact(&mut told)?;
        Ok(u128::from_le_bytes(told) == sum.sum.digest128())
    };
    match is_whole() {
        Ok(true) => Ok(content),
        Err(error) if io::Error::kind(&error) != io::ErrorKind::UnexpectedEof => Err(failed(error)),
        _ => Err(damaged()),
    }
}

/// The header of a file that is whole, if this version wrote it.
fn read_header(path: &Path, file: &mut impl Read) -> Result<Value, SaveError> {
    let failed = |error: io::Error| SaveError::Io(path.to_owned(), error);
    let damaged = || SaveError::Damaged(path.to_owned());
    let length = u64::read(file).map_err(failed)?;
    let mut header = Vec::new();
    file.by_ref().take(length).read_to_end(&mut header).map_err(failed)?;
    let header: Value = serde_json::from_slice(&header).map_err(|_| damaged())?;
    let version = header.get("version").and_then(|version| version.as_str()).unwrap_or("unknown");
    if version != VERSION {
        return Err(SaveError::Version(path.to_owned(), version.to_owned(), VERSION));
    }
    Ok(header)
}
