//! A folder for files that are to be executed, which a file system can forbid.

use nix::sys::statvfs::{FsFlags, statvfs};
use std::error::Error;
use tempfile::TempDir;

/// Made in `TMPDIR`, and deleted when it is dropped.
pub(crate) fn folder() -> Result<TempDir, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    if statvfs(folder.path())?.flags().contains(FsFlags::ST_NOEXEC) {
        let path = std::env::temp_dir();
        return Err(format!(
            "no program can be run from {}, which is mounted noexec: set TMPDIR to another folder",
            path.display()
        )
        .into());
    }
    Ok(folder)
}
