//! This program's executable, as it lies in memory.
//!
//! The kernel or the loader maps the segments of the executable, all moved by the same distance, which is another one
//! at each start (ASLR). Invariant: what an `Image` says holds from the start of the process to its end; a fork keeps
//! it.
//!
//! # References
//! man 3 dl_iterate_phdr; man 5 elf, "Program header"; man 8 ld.so.

use libc::{PF_R, PF_W, PF_X, PT_LOAD, PT_NOTE, c_int, c_void, dl_phdr_info};
use sha2::{Digest, Sha256};
use std::fmt;
use std::ops::Range;
use std::slice;
use std::sync::OnceLock;

/// The type of the note that holds the build id, and its name.
const NT_GNU_BUILD_ID: u32 = 3;
const GNU: &[u8] = b"GNU\0";

/// A part of the executable in memory.
#[derive(Debug, Clone)]
struct Segment {
    kind: u32,
    flags: u32,
    /// Where the linker put it; the same in every process.
    linked_at: usize,
    range: Range<usize>,
}

// ANCHOR: image
/// The executable of this process: where it was loaded, where its code is, and what tells it from others.
pub struct Image {
    base: usize,
    end: usize,
    text: Range<usize>,
    segments: Vec<Segment>,
    fingerprint: OnceLock<[u8; 32]>,
}

impl Image {
    /// The executable of this process. The first call asks the loader; the others cost a load.
    #[inline]
    pub fn current() -> &'static Image {
        static IMAGE: OnceLock<Image> = OnceLock::new();
        IMAGE.get_or_init(Image::read)
    }

    /// The address of the executable's first byte: the load address.
    #[inline]
    pub fn base(&self) -> usize {
        self.base
    }
}
// ANCHOR_END: image

impl Image {
    /// Where the executable's code is. A shared library's code is not in it.
    pub fn text(&self) -> Range<usize> {
        self.text.clone()
    }

    /// Whether `address` is in the executable's code.
    #[inline]
    pub(crate) fn text_contains(&self, address: usize) -> bool {
        address.wrapping_sub(self.text.start) < self.text.len()
    }

    /// Whether `address` is in the executable.
    pub(crate) fn contains(&self, address: usize) -> bool {
        (self.base..self.end).contains(&address)
    }

    /// The same 32 bytes in every process that runs the same executable, and others for any other.
    ///
    /// They are a hash of the executable's program headers and of its build id, which the linker makes from all of its
    /// content. That takes microseconds. An executable without a build id is hashed as a whole, save for its variables:
    /// that takes about a millisecond per megabyte, once.
    pub fn fingerprint(&self) -> [u8; 32] {
        *self.fingerprint.get_or_init(|| {
            let mut hash = Sha256::new();
            for segment in &self.segments {
                let numbers = [
                    segment.linked_at as u64,
                    segment.range.len() as u64,
                    segment.flags.into(),
                ];
                numbers.iter().for_each(|number| hash.update(number.to_le_bytes()));
            }
            match self.build_id() {
                Some(id) => hash.update(id),
                None => self.constant().for_each(|bytes| hash.update(bytes)),
            }
            hash.finalize().into()
        })
    }

    fn read() -> Image {
        let mut segments: Vec<Segment> = Vec::new();
        // SAFETY: the callback has the type that is asked for, and takes the pointer for what it is.
        unsafe { libc::dl_iterate_phdr(Some(copy_segments), (&raw mut segments).cast()) };
        let loaded = || segments.iter().filter(|segment| segment.kind == PT_LOAD);
        let code = loaded().filter(|segment| segment.flags & PF_X != 0);
        Image {
            base: loaded().map(|segment| segment.range.start).min().unwrap_or(0),
            end: loaded().map(|segment| segment.range.end).max().unwrap_or(0),
            // A linker may set a little code apart; functions are in the large part.
            text: code.map(|code| code.range.clone()).max_by_key(Range::len).unwrap_or(0..0),
            segments,
            fingerprint: OnceLock::new(),
        }
    }

    /// The bytes of all segments that are mapped readable and that nothing writes to.
    fn constant(&self) -> impl Iterator<Item = &[u8]> {
        let is_constant = |segment: &&Segment| {
            segment.kind == PT_LOAD && segment.flags & (PF_R | PF_W) == PF_R
        };
        self.segments.iter().filter(is_constant).map(|segment| {
            let first = std::ptr::with_exposed_provenance(segment.range.start);
            // SAFETY: the loader keeps the executable's segments mapped until the process ends; this one is readable
            // and never written.
            unsafe { slice::from_raw_parts(first, segment.range.len()) }
        })
    }

    /// The content of the executable's note with the build id.
    fn build_id(&self) -> Option<&[u8]> {
        let notes = self.segments.iter().filter(|segment| segment.kind == PT_NOTE);
        notes.into_iter().find_map(|note| {
            // A note lies inside a constant segment, so that its bytes are there.
            let bytes =
                self.constant().zip(self.constant_ranges()).find_map(|(bytes, range)| {
                    let from = note.range.start.checked_sub(range.start)?;
                    bytes.get(from..from.checked_add(note.range.len())?)
                })?;
            find_build_id(bytes)
        })
    }

    fn constant_ranges(&self) -> impl Iterator<Item = Range<usize>> {
        self.constant().map(|bytes| {
            let range = bytes.as_ptr_range();
            range.start.addr()..range.end.addr()
        })
    }
}

/// A note is three numbers of 4 bytes (length of the name, of the content, and its type), the name and the content,
/// each filled up to a multiple of 4 bytes.
fn find_build_id(mut notes: &[u8]) -> Option<&[u8]> {
    loop {
        let number = |at: usize| {
            let bytes = notes.get(at..at + 4)?.try_into().ok()?;
            Some(u32::from_ne_bytes(bytes))
        };
        let (name_len, content_len) = (number(0)? as usize, number(4)? as usize);
        let kind = number(8)?;
        let content_at = 12 + name_len.checked_next_multiple_of(4)?;
        let content = notes.get(content_at..content_at.checked_add(content_len)?)?;
        if kind == NT_GNU_BUILD_ID
            && notes.get(12..12 + name_len)? == GNU
            && !content.is_empty()
        {
            return Some(content);
        }
        notes = notes.get(content_at + content_len.checked_next_multiple_of(4)?..)?;
    }
}

/// Called by the loader for each loaded object, the executable first. Copies its segments and asks for no more.
///
/// # Safety
/// `info` is the loader's, and `data` points to a `Vec<Segment>` that nobody else uses meanwhile.
unsafe extern "C" fn copy_segments(
    info: *mut dl_phdr_info,
    _: usize,
    data: *mut c_void,
) -> c_int {
    // SAFETY: the loader's description is valid while it calls.
    let info = unsafe { &*info };
    // SAFETY: `Image::read` lends its vector for this call.
    let segments = unsafe { &mut *data.cast::<Vec<Segment>>() };
    // SAFETY: the loader says how many headers there are.
    let headers = unsafe { slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
    segments.extend(headers.iter().map(|header| {
        let linked_at = header.p_vaddr as usize;
        let start = (info.dlpi_addr as usize).wrapping_add(linked_at);
        Segment {
            kind: header.p_type,
            flags: header.p_flags,
            linked_at,
            range: start..start.wrapping_add(header.p_memsz as usize),
        }
    }));
    1
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Image")
            .field("base", &format_args!("{:#x}", self.base))
            .field("text", &format_args!("{:#x?}", self.text))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_has_code_and_is_where_the_kernel_says() {
        let image = Image::current();
        let here = Image::read as fn() -> Image as usize;
        assert!(image.text().contains(&here), "{image:?}");
        let maps = std::fs::read_to_string("/proc/self/maps").expect("the list of mappings");
        let first = maps.lines().next().expect("a mapping");
        assert!(first.starts_with(&format!("{:x}-", image.base())), "{first} {image:?}");
    }

    #[test]
    fn code_of_the_c_library_is_not_in_the_executable() {
        let dynamic =
            std::fs::read_to_string("/proc/self/maps").expect("mappings").contains("libc");
        let address = libc::getppid as unsafe extern "C" fn() -> i32 as usize;
        assert!(!dynamic || !Image::current().contains(address));
    }

    #[test]
    fn a_fingerprint_does_not_change_and_uses_the_build_id() {
        let image = Image::current();
        assert_eq!(image.fingerprint(), image.fingerprint());
        let mut other = Image::read();
        assert_eq!(other.fingerprint(), image.fingerprint());
        // As if the linker had given one more page to the first segment.
        other.fingerprint = OnceLock::new();
        other.segments[0].linked_at += 4096;
        assert_ne!(other.fingerprint(), image.fingerprint());
        // Without a build id the content is hashed.
        let mut bare = Image::read();
        bare.segments.retain(|segment| segment.kind != PT_NOTE);
        assert_eq!(bare.build_id(), None);
        assert_ne!(bare.fingerprint(), image.fingerprint());
    }

    #[test]
    fn damaged_notes_have_no_build_id() {
        let mut note = Vec::new();
        for number in [4_u32, 3, NT_GNU_BUILD_ID] {
            note.extend_from_slice(&number.to_ne_bytes());
        }
        note.extend_from_slice(b"GNU\0abc\0");
        assert_eq!(find_build_id(&note), Some(&b"abc"[..]));
        for len in 0..note.len() - 1 {
            assert_eq!(find_build_id(&note[..len]), None, "{len} bytes");
        }
        for at in 0..8 {
            let mut damaged = note.clone();
            damaged[at] = 0xff;
            assert_eq!(find_build_id(&damaged), None, "byte {at}");
        }
    }
}
