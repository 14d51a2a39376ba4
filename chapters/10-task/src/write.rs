//! Serde's data model into bytes, in the wire format of postcard.
//!
//! The crate postcard itself drops what a type's own `Serialize` says when it refuses, and visits the bytes of a
//! vector one by one. Invariant: for every value that postcard can write, the bytes are the same.
//!
//! # References
//! the wire format of postcard; the documentation of serde, "Writing a data format".

use crate::fast::{self, Varint};
use serde::ser::{self, Serialize};
use std::fmt;

/// Why a value was not written or not read, in a box so that success costs nothing to return.
#[derive(Debug)]
pub(crate) struct Refusal(Box<str>);

impl Refusal {
    #[cold]
    pub(crate) fn new(why: impl fmt::Display) -> Refusal {
        Refusal(why.to_string().into())
    }

    pub(crate) fn into_message(self) -> String {
        self.0.into()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

impl ser::Error for Refusal {
    fn custom<T: fmt::Display>(message: T) -> Refusal {
        Refusal::new(message)
    }
}

impl serde::de::Error for Refusal {
    fn custom<T: fmt::Display>(message: T) -> Refusal {
        Refusal::new(message)
    }
}

/// Appends values to a vector.
pub(crate) struct Writer<'o> {
    pub(crate) out: &'o mut Vec<u8>,
}

impl Writer<'_> {
    #[inline]
    fn byte(&mut self, byte: u8) -> Result<(), Refusal> {
        self.out.push(byte);
        Ok(())
    }

    #[inline]
    fn varint(&mut self, number: u64) -> Result<(), Refusal> {
        if number < 0x80 {
            return self.byte(number as u8);
        }
        // A known number of bytes is stored at once, where a copy of two to ten would be a call.
        let (old, varint) = (self.out.len(), Varint::new(number));
        self.out.extend_from_slice(varint.padded());
        self.out.truncate(old + varint.len());
        Ok(())
    }

    #[inline]
    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        fast::append(self.out, &Varint::new(bytes.len() as u64), bytes)
            .ok_or_else(|| Refusal::new(fast::NO_MEMORY))
    }
}

/// Signed numbers so that those near zero are short: 0, -1, 1, -2 become 0, 1, 2, 3.
#[inline]
fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63) as u64
}

impl<'w, 'o> ser::Serializer for &'w mut Writer<'o> {
    type Ok = ();
    type Error = Refusal;
    type SerializeSeq = Elements<'w, 'o>;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Elements<'w, 'o>;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    #[inline]
    fn is_human_readable(&self) -> bool {
        false
    }

    #[inline]
    fn serialize_bool(self, value: bool) -> Result<(), Refusal> {
        self.byte(value.into())
    }

    #[inline]
    fn serialize_i8(self, value: i8) -> Result<(), Refusal> {
        self.byte(value as u8)
    }

    #[inline]
    fn serialize_i16(self, value: i16) -> Result<(), Refusal> {
        self.varint(zigzag(value.into()))
    }

    #[inline]
    fn serialize_i32(self, value: i32) -> Result<(), Refusal> {
        self.varint(zigzag(value.into()))
    }

    #[inline]
    fn serialize_i64(self, value: i64) -> Result<(), Refusal> {
        self.varint(zigzag(value))
    }

    #[inline]
    fn serialize_i128(self, value: i128) -> Result<(), Refusal> {
        self.serialize_u128((value << 1 ^ value >> 127) as u128)
    }

    #[inline]
    fn serialize_u8(self, value: u8) -> Result<(), Refusal> {
        self.byte(value)
    }

    #[inline]
    fn serialize_u16(self, value: u16) -> Result<(), Refusal> {
        self.varint(value.into())
    }

    #[inline]
    fn serialize_u32(self, value: u32) -> Result<(), Refusal> {
        self.varint(value.into())
    }

    #[inline]
    fn serialize_u64(self, value: u64) -> Result<(), Refusal> {
        self.varint(value)
    }

    fn serialize_u128(self, mut value: u128) -> Result<(), Refusal> {
        while value >= 0x80 {
            self.byte(value as u8 | 0x80)?;
            value >>= 7;
        }
        self.byte(value as u8)
    }

    #[inline]
    fn serialize_f32(self, value: f32) -> Result<(), Refusal> {
        self.out.extend_from_slice(&value.to_le_bytes());
        Ok(())
    }

    #[inline]
    fn serialize_f64(self, value: f64) -> Result<(), Refusal> {
        self.out.extend_from_slice(&value.to_le_bytes());
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), Refusal> {
        self.bytes(value.encode_utf8(&mut [0; 4]).as_bytes())
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<(), Refusal> {
        self.bytes(value.as_bytes())
    }

    #[inline]
    fn serialize_bytes(self, value: &[u8]) -> Result<(), Refusal> {
        self.bytes(value)
    }

    #[inline]
    fn serialize_none(self) -> Result<(), Refusal> {
        self.byte(0)
    }

    #[inline]
    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<(), Refusal> {
        self.byte(1)?;
        value.serialize(self)
    }

    #[inline]
    fn serialize_unit(self) -> Result<(), Refusal> {
        Ok(())
    }

    #[inline]
    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Refusal> {
        Ok(())
    }

    #[inline]
    fn serialize_unit_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
    ) -> Result<(), Refusal> {
        self.varint(index.into())
    }

    #[inline]
    fn serialize_newtype_struct<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Refusal> {
        value.serialize(self)
    }

    #[inline]
    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Refusal> {
        self.varint(index.into())?;
        value.serialize(self)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Elements<'w, 'o>, Refusal> {
        Elements::begin(self, len)
    }

    /// Serde's own `Vec<T>` and `[T]` come through here, as a whole.
    #[inline]
    fn collect_seq<I>(self, elements: I) -> Result<(), Refusal>
    where
        I: IntoIterator,
        I::Item: Serialize,
    {
        if let Some(bytes) = fast::memory_of(&elements) {
            let (len, bytes) = bytes;
            return fast::append(self.out, &Varint::new(len as u64), bytes)
                .ok_or_else(|| Refusal::new(fast::NO_MEMORY));
        }
        let elements = elements.into_iter();
        let len = match elements.size_hint() {
            (low, Some(high)) if low == high => Some(low),
            _ => None,
        };
        let mut written = Elements::begin(self, len)?;
        for element in elements {
            ser::SerializeSeq::serialize_element(&mut written, &element)?;
        }
        ser::SerializeSeq::end(written)
    }

    #[inline]
    fn serialize_tuple(self, _: usize) -> Result<Self, Refusal> {
        Ok(self)
    }

    #[inline]
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Refusal> {
        Ok(self)
    }

    #[inline]
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Refusal> {
        self.varint(index.into())?;
        Ok(self)
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Elements<'w, 'o>, Refusal> {
        Elements::begin(self, len)
    }

    #[inline]
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Refusal> {
        Ok(self)
    }

    #[inline]
    fn serialize_struct_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Refusal> {
        self.varint(index.into())?;
        Ok(self)
    }
}

/// A sequence or a map that is being written. Its length comes first, so one that nobody knew is put there at the end.
pub(crate) struct Elements<'w, 'o> {
    writer: &'w mut Writer<'o>,
    promised: Option<usize>,
    written: usize,
    start: usize,
}

impl<'w, 'o> Elements<'w, 'o> {
    #[inline]
    fn begin(writer: &'w mut Writer<'o>, len: Option<usize>) -> Result<Self, Refusal> {
        if let Some(len) = len {
            writer.varint(len as u64)?;
        }
        let start = writer.out.len();
        Ok(Elements { writer, promised: len, written: 0, start })
    }

    #[inline]
    fn finish(self) -> Result<(), Refusal> {
        match self.promised {
            Some(promised) if promised == self.written => Ok(()),
            Some(promised) => Err(Refusal::new(format_args!(
                "it promised {promised} elements and has {}",
                self.written
            ))),
            None => {
                let len = Varint::new(self.written as u64);
                self.writer.out.splice(self.start..self.start, len.iter().copied());
                Ok(())
            }
        }
    }
}

impl ser::SerializeSeq for Elements<'_, '_> {
    type Ok = ();
    type Error = Refusal;

    #[inline]
    fn serialize_element<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Refusal> {
        self.written += 1;
        value.serialize(&mut *self.writer)
    }

    #[inline]
    fn end(self) -> Result<(), Refusal> {
        self.finish()
    }
}

impl ser::SerializeMap for Elements<'_, '_> {
    type Ok = ();
    type Error = Refusal;

    #[inline]
    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Result<(), Refusal> {
        self.written += 1;
        key.serialize(&mut *self.writer)
    }

    #[inline]
    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Refusal> {
        value.serialize(&mut *self.writer)
    }

    #[inline]
    fn end(self) -> Result<(), Refusal> {
        self.finish()
    }
}

/// The fields of what has a fixed number of them: one behind the other, without names and without a length.
macro_rules! fields {
    ($($trait:ident::$method:ident $(, $key:ty)?;)*) => {
        $(impl ser::$trait for &mut Writer<'_> {
            type Ok = ();
            type Error = Refusal;

            #[inline]
            fn $method<T: ?Sized + Serialize>(
                &mut self,
                $(_: $key,)?
                value: &T,
            ) -> Result<(), Refusal> {
                value.serialize(&mut **self)
            }

            #[inline]
            fn end(self) -> Result<(), Refusal> {
                Ok(())
            }
        })*
    };
}

fields! {
    SerializeTuple::serialize_element;
    SerializeTupleStruct::serialize_field;
    SerializeTupleVariant::serialize_field;
    SerializeStruct::serialize_field, &'static str;
    SerializeStructVariant::serialize_field, &'static str;
}
