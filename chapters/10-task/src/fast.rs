//! Vectors of numbers and texts, copied whole.
//!
//! Serde visits a vector's elements one by one. Where the elements are numbers, the vector's memory already is what the
//! other process needs: it runs the same executable on the same kind of machine. So the encoding is the number of
//! elements, as postcard writes it, and the memory. For `u8`, `i8`, `f32` and `f64` these are the very bytes that
//! postcard would write (on a little-endian machine); other numbers postcard would shorten.
//!
//! So at the top level, where both sides know the type, every vector of numbers is copied whole. Inside of a struct or a
//! tuple, where only serde's calls are seen, only those four are: whichever path the other side takes, it finds the
//! bytes that it expects.
//!
//! Invariant: nothing is allocated before the bytes that will fill it are there.
//!
//! # References
//! man 2 madvise, "MADV_HUGEPAGE" and "MADV_POPULATE_WRITE"; the wire format of postcard, "varint".

use bytemuck::Pod;
use serde::de::{Deserialize, Deserializer, Visitor};
use std::any::{Any, TypeId};
use std::fmt;
use std::mem::{ManuallyDrop, transmute_copy};
use std::ops::Deref;

/// Why a large value cannot be sent, or cannot be taken.
pub(crate) const NO_MEMORY: &str = "there is not enough memory for its bytes";

/// From this size on, in bytes, a new vector's memory is prepared before it is filled.
const LARGE_LEN: usize = 4 << 20;

/// The largest varint of a `u64`, in bytes.
const VARINT_LEN_MAX: usize = 10;

/// A number as postcard writes it: 7 bits in each byte, the lowest first, and the eighth says whether one follows.
#[derive(Debug, Clone, Copy)]
pub struct Varint {
    bytes: [u8; VARINT_LEN_MAX],
    len: u8,
}

impl Varint {
    /// `number` in 1 to 10 bytes.
    #[inline]
    pub(crate) fn new(mut number: u64) -> Varint {
        let mut bytes = [0; VARINT_LEN_MAX];
        let mut at = 0;
        while number >= 0x80 {
            bytes[at] = number as u8 | 0x80;
            number >>= 7;
            at += 1;
        }
        bytes[at] = number as u8;
        Varint { bytes, len: at as u8 + 1 }
    }

    /// All the bytes there is room for: those behind the length are 0.
    #[inline]
    pub(crate) fn padded(&self) -> &[u8; VARINT_LEN_MAX] {
        &self.bytes
    }

    /// The number at the beginning of `bytes`, and the bytes behind it; `None` if it is cut or too large.
    #[inline]
    pub(crate) fn read(bytes: &[u8]) -> Option<(u64, &[u8])> {
        let mut number = 0;
        for (at, byte) in bytes.iter().enumerate().take(VARINT_LEN_MAX) {
            let bits = u64::from(byte & 0x7f);
            if at == VARINT_LEN_MAX - 1 && bits > 1 {
                return None;
            }
            number |= bits << (7 * at);
            if byte & 0x80 == 0 {
                return Some((number, &bytes[at + 1..]));
            }
        }
        None
    }
}

impl Deref for Varint {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// Tries the types one after the other. The compiler knows the answer for each `A`, so nothing of it is left in an
/// optimized program.
macro_rules! for_each_vector {
    ($number:ident => $attempt:expr) => {{
        for_each_vector!($number => $attempt; u8 i8 u16 i16 u32 i32 u64 i64 u128 i128 usize isize f32 f64)
    }};
    ($number:ident => $attempt:expr; $($type:ty)*) => {{
        $({
            type $number = $type;
            if let Some(found) = $attempt {
                return Some(found);
            }
        })*
        None
    }};
}

/// Whether a value of this type is decoded by copying bytes and checking the copy: then the bytes may lie in memory that
/// another process could change meanwhile.
#[inline]
pub fn is_copied_whole<R: 'static>() -> bool {
    fn is_vector(sought: TypeId) -> Option<()> {
        for_each_vector!(N => (TypeId::of::<Vec<N>>() == sought).then_some(()))
    }
    let sought = TypeId::of::<R>();
    sought == TypeId::of::<String>() || is_vector(sought).is_some()
}

// ANCHOR: parts
/// The encoding of `value` in two parts, if it is a vector of numbers or a text: the length, and its own memory.
///
/// One after the other they are what [`encode`](crate::encode) appends. A caller that can write two parts saves a copy.
#[inline]
pub fn encoded_parts<A: 'static>(value: &A) -> Option<(Varint, &[u8])> {
    let value: &dyn Any = value;
    if let Some(text) = value.downcast_ref::<String>() {
        return Some((Varint::new(text.len() as u64), text.as_bytes()));
    }
    for_each_vector!(N => value.downcast_ref::<Vec<N>>().map(|numbers| {
        (Varint::new(numbers.len() as u64), bytemuck::cast_slice(numbers))
    }))
}
// ANCHOR_END: parts

/// The vector of numbers or the text in `bytes`, if `R` is one. Each byte but those of the length is read once, by the
/// copy; a text is checked after it was copied.
#[inline]
pub(crate) fn decode<R: 'static>(bytes: &[u8]) -> Option<Result<R, &'static str>> {
    let mut text = None::<String>;
    let slot: &mut dyn Any = &mut text;
    if slot.is::<Option<R>>() {
        let read = copy_whole::<u8>(bytes)
            .and_then(|bytes| String::from_utf8(bytes).map_err(|_| "its text is not UTF-8"));
        return Some(read.map(|read| moved(&mut text, read)));
    }
    for_each_vector!(N => {
        let mut vector = None::<Vec<N>>;
        let slot: &mut dyn Any = &mut vector;
        if slot.is::<Option<R>>() {
            let read = copy_whole::<N>(bytes);
            Some(read.map(|numbers| moved(&mut vector, numbers)))
        } else {
            None
        }
    })
}

/// `value` by way of `slot`, as the type that the caller has found it to be.
#[inline]
fn moved<T: 'static, R: 'static>(slot: &mut Option<T>, value: T) -> R {
    *slot = Some(value);
    let slot: &mut dyn Any = slot;
    slot.downcast_mut::<Option<R>>()
        .and_then(Option::take)
        .expect("the caller compared the types")
}

fn copy_whole<N: Pod>(bytes: &[u8]) -> Result<Vec<N>, &'static str> {
    let (len, bytes) = Varint::read(bytes).ok_or("its length is cut or damaged")?;
    match take(len, bytes)? {
        (numbers, []) => Ok(numbers),
        _ => Err("bytes are left over behind it"),
    }
}

/// The vector of `len` numbers at the beginning of `bytes`, and the bytes behind it.
fn take<N: Pod>(len: u64, bytes: &[u8]) -> Result<(Vec<N>, &[u8]), &'static str> {
    let promised = usize::try_from(len).ok().and_then(|len| len.checked_mul(size_of::<N>()));
    let (numbers, rest) = promised
        .and_then(|promised| bytes.split_at_checked(promised))
        .ok_or("it is shorter than its length says")?;
    Ok((vector_of(numbers).ok_or(NO_MEMORY)?, rest))
}

// ANCHOR: copy
/// The numbers whose memory `bytes` is a copy of; what is left over at the end is left out. `None`: no memory.
pub(crate) fn vector_of<N: Pod>(bytes: &[u8]) -> Option<Vec<N>> {
    let len = bytes.len() / size_of::<N>();
    let mut numbers = Vec::<N>::new();
    numbers.try_reserve_exact(len).ok()?;
    let room = numbers.as_mut_ptr().cast::<u8>();
    prepare(room, len * size_of::<N>());
    // SAFETY: `bytes` has that many bytes and the new vector has room for them; they do not overlap.
    unsafe { room.copy_from_nonoverlapping(bytes.as_ptr(), len * size_of::<N>()) };
    // SAFETY: the first `len` elements were just written, and any bytes are valid for a `Pod`.
    unsafe { numbers.set_len(len) };
    Some(numbers)
}
// ANCHOR_END: copy

/// Appends `body` to `out`; `None`: no memory.
pub(crate) fn append(out: &mut Vec<u8>, head: &[u8], body: &[u8]) -> Option<()> {
    let free = out.capacity() - out.len();
    let needed = head.len() + body.len();
    if free < needed {
        // Small results follow each other in one buffer, which then grows in large steps; large ones get what they
        // need.
        if needed < LARGE_LEN {
            out.try_reserve(needed).ok()?;
        } else {
            out.try_reserve_exact(needed).ok()?;
            let room = out.spare_capacity_mut();
            prepare(room.as_mut_ptr().cast(), room.len());
        }
    }
    out.extend_from_slice(head);
    out.extend_from_slice(body);
    Some(())
}

/// Asks for large pages behind memory that is about to be filled, and for all of them at once: two system calls in the
/// place of one page fault for each 4 KiB. Whether the kernel does it or not, the memory is the same.
fn prepare(room: *mut u8, len: usize) {
    if len < LARGE_LEN || cfg!(miri) {
        return;
    }
    let huge = 2 << 20;
    let start = room.map_addr(|address| address.next_multiple_of(huge));
    let end = (room.addr() + len) & !(huge - 1);
    let Some(whole) = end.checked_sub(start.addr()).filter(|whole| *whole > 0) else { return };
    // SAFETY: whole pages inside an allocation of ours. The advice changes no content.
    unsafe { libc::madvise(start.cast(), whole, libc::MADV_HUGEPAGE) };
    // SAFETY: as above; populating makes the pages present and changes no content.
    unsafe { libc::madvise(start.cast(), whole, libc::MADV_POPULATE_WRITE) };
}

/// The number of elements and the memory of what `I` refers to, if it is a `&Vec<N>` or a `&[N]` of numbers whose
/// memory is what postcard would write.
#[inline]
pub(crate) fn memory_of<I>(elements: &I) -> Option<(usize, &[u8])> {
    let own = typeid::of::<I>();
    for_each_vector!(N => if own == TypeId::of::<&'static Vec<N>>() {
        // SAFETY: `I` is a reference to a `Vec<N>`: its type has just been compared, apart from the lifetime, and the
        // result lives no longer than `elements`.
        let numbers = unsafe { &**(&raw const *elements).cast::<&Vec<N>>() };
        Some((numbers.len(), bytemuck::cast_slice(numbers)))
    } else if own == TypeId::of::<&'static [N]>() {
        // SAFETY: as above, for a slice.
        let numbers = unsafe { &**(&raw const *elements).cast::<&[N]>() };
        Some((numbers.len(), bytemuck::cast_slice(numbers)))
    } else {
        None
    }; u8 i8 f32 f64)
    .filter(|_| cfg!(target_endian = "little"))
}

/// Takes a vector of so many numbers off the front of some bytes.
type Take<'de, T> = fn(u64, &'de [u8]) -> Result<(T, &'de [u8]), &'static str>;

/// How to make the value of a visitor of a sequence without asking it, if it is serde's own visitor of such a vector.
#[inline]
pub(crate) fn vector_for<'de, V: Visitor<'de>>(_: &V) -> Option<Take<'de, V::Value>> {
    if cfg!(target_endian = "big") {
        return None;
    }
    let own = typeid::of::<V>();
    for_each_vector!(N => if own == visitor_of::<N>()? {
        Some(take_as::<N, V::Value> as Take<'de, V::Value>)
    } else {
        None
    }; u8 i8 f32 f64)
}

fn take_as<N: Pod, T>(len: u64, bytes: &[u8]) -> Result<(T, &[u8]), &'static str> {
    assert_eq!(
        typeid::of::<T>(),
        TypeId::of::<Vec<N>>(),
        "serde's visitor of a vector makes a vector"
    );
    let (numbers, rest) = take::<N>(len, bytes)?;
    let numbers = ManuallyDrop::new(numbers);
    // SAFETY: `T` is `Vec<N>`, as has just been compared, and the original is not used again.
    Ok((unsafe { transmute_copy::<ManuallyDrop<Vec<N>>, T>(&numbers) }, rest))
}

/// The type of the visitor that serde's `Vec<N>` reads itself with. It has no public name, so `Vec<N>` is asked to read
/// itself from a [`Probe`].
#[inline]
fn visitor_of<N: Pod + for<'de> Deserialize<'de>>() -> Option<TypeId> {
    Vec::<N>::deserialize(Probe).err()?.0
}

/// A source of values that has none, and says who asked for a sequence.
struct Probe;

#[derive(Debug)]
struct Asked(Option<TypeId>);

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no value here")
    }
}

impl std::error::Error for Asked {}

impl serde::de::Error for Asked {
    fn custom<T: fmt::Display>(_: T) -> Asked {
        Asked(None)
    }
}

impl<'de> Deserializer<'de> for Probe {
    type Error = Asked;

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Asked> {
        Err(Asked(Some(typeid::of::<V>())))
    }

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Asked> {
        Err(Asked(None))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct tuple tuple_struct map struct enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_come_back_and_damaged_ones_do_not() {
        for number in [0, 1, 127, 128, 300, 1 << 35, u64::MAX - 1, u64::MAX] {
            let varint = Varint::new(number);
            assert_eq!(Varint::read(&varint), Some((number, &[][..])), "{number}");
            assert_eq!(Varint::read(&varint[..varint.len() - 1]), None, "{number}");
        }
        assert_eq!(Varint::read(&[0xff; 11]), None);
        let too_large = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2];
        assert_eq!(Varint::read(&too_large), None);
    }

    #[test]
    fn other_types_have_no_fast_path() {
        assert!(encoded_parts(&7_u64).is_none());
        assert!(encoded_parts(&vec![true]).is_none());
        assert!(decode::<Vec<char>>(&[0]).is_none());
        assert!(!is_copied_whole::<Vec<char>>() && !is_copied_whole::<u64>());
        assert!(is_copied_whole::<Vec<u64>>() && is_copied_whole::<String>());
    }

    #[test]
    fn large_vectors_are_whole() {
        let numbers: Vec<u32> = (0..3_000_000).collect();
        let (head, body) = encoded_parts(&numbers).expect("a vector of numbers");
        let mut out = vec![1];
        append(&mut out, &head, body).expect("memory");
        assert_eq!(decode::<Vec<u32>>(&out[1..]), Some(Ok(numbers)));
    }

    #[test]
    fn references_to_numbers_and_their_visitors_are_recognised() {
        let numbers = vec![1.5_f64, 2.5];
        assert_eq!(memory_of(&&numbers).map(|(len, bytes)| (len, bytes.len())), Some((2, 16)));
        assert_eq!(
            memory_of(&&numbers[1..]).map(|(len, bytes)| (len, bytes.len())),
            Some((1, 8))
        );
        assert!(memory_of(&&vec![1_u32]).is_none());
        assert!(memory_of(&vec![1_u8]).is_none());
        assert!(visitor_of::<u8>().is_some());
        assert_ne!(visitor_of::<u8>(), visitor_of::<i8>());
    }
}
