//! Shows who sees a write through a shared mapping, and who sees one through a private mapping.
//! Minutes: 6
//!
//! Run it with `cargo run --example private_or_shared`.
//! Look at the private columns: they follow the file until the first write of their own.

use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::{MemfdFlags, memfd_create};
use std::error::Error;
use std::fs::File;
use std::io::{Read, Write, pipe};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU8, Ordering};
use wait::Child;

/// One byte of a file, mapped twice.
struct Views {
    file: File,
    shared: MmapRaw,
    private: MmapRaw,
}

impl Views {
    fn new() -> Result<Views, Box<dyn Error>> {
        let file = File::from(memfd_create("one byte", MemfdFlags::CLOEXEC)?);
        file.write_all_at(&[1], 0)?;
        let shared = MmapOptions::new().map_raw(&file)?;
        // SAFETY: nobody makes the file shorter, and nobody makes a reference into the mapping.
        let private = unsafe { MmapOptions::new().map_copy(&file)? }.into();
        Ok(Views { file, shared, private })
    }

    fn byte(mapping: &MmapRaw) -> &AtomicU8 {
        // SAFETY: the file has one byte, which is mapped as long as `mapping` lives and is only reached atomically.
        unsafe { AtomicU8::from_ptr(mapping.as_mut_ptr()) }
    }

    /// What this process sees: shared, private.
    fn see(&self) -> [u8; 2] {
        [&self.shared, &self.private].map(|mapping| Views::byte(mapping).load(Ordering::SeqCst))
    }

    fn read_file(&self) -> Result<u8, std::io::Error> {
        let mut byte = [0];
        self.file.read_exact_at(&mut byte, 0)?;
        Ok(byte[0])
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let views = Views::new()?;
    let (mut hear, mut tell) = pipe()?;
    let (mut child_hear, mut child_tell) = pipe()?;
    let mut child = Child::fork(|| {
        let writes = [
            None,
            Some((&views.shared, 2)),
            Some((&views.private, 3)),
            Some((&views.shared, 4)),
        ];
        for write in writes {
            if let Some((mapping, value)) = write {
                Views::byte(mapping).store(value, Ordering::SeqCst);
            }
            let told = tell.write_all(&views.see());
            if told.is_err() || child_hear.read_exact(&mut [0]).is_err() {
                return 1;
            }
        }
        0
    })?;
    println!("                                    child            parent");
    println!("                               shared private   shared private   file");
    for event in [
        "after the fork",
        "the child wrote 2 to shared",
        "the child wrote 3 to private",
        "the child wrote 4 to shared",
    ] {
        let mut theirs = [0; 2];
        hear.read_exact(&mut theirs)?;
        let mine = views.see();
        println!(
            "{event:28} {:8} {:7} {:8} {:7} {:6}",
            theirs[0],
            theirs[1],
            mine[0],
            mine[1],
            views.read_file()?
        );
        child_tell.write_all(b"!")?;
    }
    child.wait()?;
    Ok(())
}
