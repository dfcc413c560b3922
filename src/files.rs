//! Files that are written whole or not at all: beside their place under a name of their own, and moved there when all of it
//! is on the disk. What stood there before stands until then.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// Writes a file.
///
/// # Errors
/// It cannot be written; then nothing has changed.
pub(crate) fn write(path: &Path, content: impl AsRef<[u8]>) -> io::Result<()> {
    write_with(path, |out| out.write_all(content.as_ref()))
}

/// Writes a file piece by piece.
///
/// # Errors
/// It cannot be written, or `content` says why not; then nothing has changed.
pub(crate) fn write_with(
    path: &Path,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    // Of a link, what it leads to is replaced.
    let place = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let known = fs::metadata(&place).ok();
    match &known {
        Some(known) if known.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        // Nothing can be moved into the place of a device or a pipe: whoever names one means that.
        Some(known) if !known.is_file() => {
            let mut out = BufWriter::new(OpenOptions::new().write(true).open(&place)?);
            content(&mut out)?;
            return out.flush();
        }
        Some(known) if known.permissions().readonly() => return Err(io::ErrorKind::PermissionDenied.into()),
        _ => {}
    }
    let folder = folder_of(&place);
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    let mut named = tempfile::Builder::new();
    let (prefix, mode) = (format!(".{name}."), plain());
    if let Some(mode) = mode {
        named.permissions(mode);
    }
    let beside = named.prefix(&prefix).suffix(".part").tempfile_in(folder)?;
    let sync = |file: &NamedTempFile| file.as_file().sync_data();
    let mut out = BufWriter::with_capacity(1 << 16, Pieces { inner: beside, sync, since: 0 });
    content(&mut out)?;
    let Pieces { inner: beside, .. } = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    if let Some(known) = known {
        beside.as_file().set_permissions(known.permissions())?;
    }
    beside.as_file().sync_all()?;
    beside.persist(&place).map_err(|error| error.error)?;
    // That it was moved is on the disk too, where a folder can be asked for that.
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// So many bytes are brought to the disk at once.
const PIECE: usize = 1 << 26;

/// Writes through, and has every piece on the disk before the next: what is long takes as long as before, but whoever gives up
/// in the middle does not wait for all that was written, and neither does who is done.
struct Pieces<W, F> {
    inner: W,
    sync: F,
    since: usize,
}

impl<W: Write, F: FnMut(&W) -> io::Result<()>> Write for Pieces<W, F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.since += written;
        if self.since >= PIECE {
            self.since = 0;
            (self.sync)(&self.inner)?;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// What any new file is given; the system takes from it what the user's mask says.
fn plain() -> Option<Permissions> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        Some(Permissions::from_mode(0o666))
    }
    #[cfg(not(unix))]
    None
}

/// Where a file is, or would be.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether two names are of one file, which may not be there yet.
pub(crate) fn are_the_same(a: &Path, b: &Path) -> bool {
    let whole = |path: &Path| -> Option<PathBuf> {
        fs::canonicalize(path).ok().or_else(|| {
            let folder = fs::canonicalize(folder_of(path)).ok()?;
            Some(folder.join(path.file_name()?))
        })
    };
    a == b || whole(a).zip(whole(b)).is_some_and(|(a, b)| a == b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> tempfile::TempDir {
        tempfile::Builder::new().prefix(name).tempdir().unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_cannot_be_written_whole_changes_nothing() {
        let folder = folder("whole");
        let file = folder.path().join("a.json");
        write(&file, "old").unwrap();
        // Somebody's own file of a name that one might choose for the part.
        fs::write(folder.path().join("a.json.part"), "theirs").unwrap();
        let failed = write_with(&file, |out| {
            out.write_all(&[7; 1 << 20])?;
            Err(io::Error::other("the disk is full"))
        });
        assert_eq!(failed.unwrap_err().to_string(), "the disk is full");
        assert_eq!(fs::read_to_string(&file).unwrap(), "old");
        assert_eq!(names(folder.path()), ["a.json", "a.json.part"]);
        write(&file, "new").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(fs::read_to_string(folder.path().join("a.json.part")).unwrap(), "theirs");
    }

    #[test]
    fn what_is_long_is_on_the_disk_piece_by_piece() {
        let mut synced = Vec::new();
        let sync = |written: &Vec<u8>| {
            synced.push(written.len());
            Ok(())
        };
        let mut out = Pieces { inner: Vec::new(), sync, since: 0 };
        for _ in 0..5 {
            out.write_all(&[7; PIECE / 2]).unwrap();
        }
        assert_eq!(out.inner.len(), 5 * PIECE / 2);
        assert_eq!(synced, [PIECE, 2 * PIECE]);
    }

    #[cfg(unix)]
    #[test]
    fn links_devices_and_what_must_not_be_written() {
        let folder = folder("links");
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write(&link, "new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        if Path::new("/dev/full").exists() {
            let full = folder.path().join("full.json");
            std::os::unix::fs::symlink("/dev/full", &full).unwrap();
            assert_eq!(write(&full, "x").unwrap_err().kind(), io::ErrorKind::StorageFull);
            assert!(fs::symlink_metadata(&full).unwrap().is_symlink());
        }
        let mut mode = fs::metadata(&file).unwrap().permissions();
        mode.set_readonly(true);
        fs::set_permissions(&file, mode).unwrap();
        assert_eq!(write(&file, "x").unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        assert!(write(folder.path(), "x").is_err() && write(&folder.path().join("no/file"), "x").is_err());
    }

    #[test]
    fn one_file_has_many_names() {
        let folder = folder("names");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("a"), "").unwrap();
        fs::create_dir(at("inner")).unwrap();
        assert!(are_the_same(&at("a"), &at("inner/../a")) && are_the_same(&at("b"), &at("./b")));
        assert!(!are_the_same(&at("a"), &at("b")) && !are_the_same(&at("no/a"), &at("a")));
    }
}
