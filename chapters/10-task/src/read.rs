//! Bytes in the wire format of postcard into serde's data model.
//!
//! Invariant: whatever the bytes are, reading ends, in a value or in a [`Refusal`]: no length is believed that the
//! bytes behind it cannot fill, and nesting is limited, because each level takes stack.
//!
//! # References
//! the wire format of postcard; the documentation of serde, "Writing a data format".

use crate::fast::{self, Varint};
use crate::write::Refusal;
use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor};

/// How deep enums, options, sequences and maps may be nested. Without a limit a recursive type and a few thousand
/// hostile bytes overflow the stack.
const DEPTH_MAX: u32 = 256;

/// How many elements of sequences may have no bytes of their own, such as those of `Vec<()>`.
const EMPTY_ELEMENTS_MAX: u64 = 1 << 20;

const CUT: &str = "the bytes end in the middle of it";

/// Takes values off the front of a slice.
pub(crate) struct Reader<'de> {
    bytes: &'de [u8],
    depth_left: u32,
    empty_left: u64,
}

impl<'de> Reader<'de> {
    #[inline]
    pub(crate) fn new(bytes: &'de [u8]) -> Self {
        Reader { bytes, depth_left: DEPTH_MAX, empty_left: EMPTY_ELEMENTS_MAX }
    }

    /// What has not been read.
    #[inline]
    pub(crate) fn rest(&self) -> &'de [u8] {
        self.bytes
    }

    #[inline]
    fn byte(&mut self) -> Result<u8, Refusal> {
        let (byte, rest) = self.bytes.split_first().ok_or_else(|| Refusal::new(CUT))?;
        self.bytes = rest;
        Ok(*byte)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Refusal> {
        let (array, rest) = self.bytes.split_first_chunk().ok_or_else(|| Refusal::new(CUT))?;
        self.bytes = rest;
        Ok(*array)
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, Refusal> {
        if let Some((byte, rest)) = self.bytes.split_first().filter(|(byte, _)| **byte < 0x80) {
            self.bytes = rest;
            return Ok((*byte).into());
        }
        let (number, rest) = Varint::read(self.bytes)
            .ok_or_else(|| Refusal::new("a number in it is cut or too large"))?;
        self.bytes = rest;
        Ok(number)
    }

    /// A number that must fit into a smaller type.
    #[inline]
    fn number<T: TryFrom<u64>>(&mut self) -> Result<T, Refusal> {
        let number = self.varint()?;
        T::try_from(number)
            .map_err(|_| Refusal::new(format_args!("{number} is too large for its type")))
    }

    #[inline]
    fn signed<T: TryFrom<i64>>(&mut self) -> Result<T, Refusal> {
        let number = self.varint()?;
        let number = (number >> 1) as i64 ^ -((number & 1) as i64);
        T::try_from(number)
            .map_err(|_| Refusal::new(format_args!("{number} is too large for its type")))
    }

    fn u128(&mut self) -> Result<u128, Refusal> {
        let mut number = 0;
        for shift in (0..128).step_by(7) {
            let byte = self.byte()?;
            let bits = u128::from(byte & 0x7f);
            if shift == 126 && byte > 3 {
                break;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Refusal::new("a number in it is too large"))
    }

    /// A length and as many bytes.
    #[inline]
    fn slice(&mut self) -> Result<&'de [u8], Refusal> {
        let len = self.varint()?;
        let slices = usize::try_from(len).ok().and_then(|len| self.bytes.split_at_checked(len));
        let (slice, rest) = slices.ok_or_else(|| Refusal::new(CUT))?;
        self.bytes = rest;
        Ok(slice)
    }

    #[inline]
    fn str(&mut self) -> Result<&'de str, Refusal> {
        std::str::from_utf8(self.slice()?).map_err(Refusal::new)
    }

    /// The length of a sequence or a map. The bytes that are there bound it: an element takes one at least, save for
    /// those types that take none.
    #[inline]
    fn count(&mut self) -> Result<usize, Refusal> {
        let count = self.varint()?;
        let empty = count.saturating_sub(self.bytes.len() as u64);
        self.empty_left =
            self.empty_left.checked_sub(empty).ok_or_else(|| Refusal::new(CUT))?;
        usize::try_from(count).map_err(Refusal::new)
    }

    /// Reads what is one level deeper.
    #[inline]
    fn deeper<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        self.depth_left = self.depth_left.checked_sub(1).ok_or_else(|| {
            Refusal::new(format_args!("it is nested more than {DEPTH_MAX} levels deep"))
        })?;
        let value = read(self)?;
        self.depth_left += 1;
        Ok(value)
    }
}

/// The methods that read one value and show it to the visitor.
macro_rules! values {
    ($($method:ident => $visit:ident($read:expr);)*) => {
        $(#[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
            let read: fn(&mut Reader<'de>) -> Result<_, Refusal> = $read;
            visitor.$visit(read(self)?)
        })*
    };
}

impl<'de> de::Deserializer<'de> for &mut Reader<'de> {
    type Error = Refusal;

    values! {
        deserialize_i8 => visit_i8(|reader| Ok(reader.byte()? as i8));
        deserialize_i16 => visit_i16(Reader::signed);
        deserialize_i32 => visit_i32(Reader::signed);
        deserialize_i64 => visit_i64(Reader::signed);
        deserialize_i128 => visit_i128(|reader| {
            let number = reader.u128()?;
            Ok((number >> 1) as i128 ^ -((number & 1) as i128))
        });
        deserialize_u8 => visit_u8(Reader::byte);
        deserialize_u16 => visit_u16(Reader::number);
        deserialize_u32 => visit_u32(Reader::number);
        deserialize_u64 => visit_u64(Reader::varint);
        deserialize_u128 => visit_u128(Reader::u128);
        deserialize_f32 => visit_f32(|reader| Ok(f32::from_le_bytes(reader.array()?)));
        deserialize_f64 => visit_f64(|reader| Ok(f64::from_le_bytes(reader.array()?)));
        deserialize_str => visit_borrowed_str(Reader::str);
        deserialize_string => visit_borrowed_str(Reader::str);
        deserialize_bytes => visit_borrowed_bytes(Reader::slice);
        deserialize_byte_buf => visit_borrowed_bytes(Reader::slice);
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Refusal> {
        Err(Refusal::new(
            "its Deserialize asks what comes next, and these bytes do not say (untagged and flatten need that)",
        ))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.deserialize_any(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        self.deserialize_any(visitor)
    }

    #[inline]
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match self.byte()? {
            0 => visitor.visit_bool(false),
            1 => visitor.visit_bool(true),
            other => Err(Refusal::new(format_args!("{other} is neither true nor false"))),
        }
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        let mut letters = self.str()?.chars();
        match (letters.next(), letters.next()) {
            (Some(letter), None) => visitor.visit_char(letter),
            _ => Err(Refusal::new("a character in it is none or more than one")),
        }
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match self.byte()? {
            0 => visitor.visit_none(),
            1 => self.deeper(|reader| visitor.visit_some(reader)),
            other => Err(Refusal::new(format_args!("{other} is neither none nor some"))),
        }
    }

    #[inline]
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_unit()
    }

    #[inline]
    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        visitor.visit_unit()
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        visitor.visit_newtype_struct(self)
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        if let Some(take) = fast::vector_for(&visitor) {
            let len = self.varint()?;
            let (value, rest) = take(len, self.bytes).map_err(Refusal::new)?;
            self.bytes = rest;
            return Ok(value);
        }
        let left = self.count()?;
        self.deeper(|reader| visitor.visit_seq(Counted { reader, left }))
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        visitor.visit_seq(Counted { reader: self, left: len })
    }

    #[inline]
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        self.deserialize_tuple(len, visitor)
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        self.deserialize_tuple(fields.len(), visitor)
    }

    #[inline]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        let left = self.count()?;
        self.deeper(|reader| visitor.visit_map(Counted { reader, left }))
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        self.deeper(|reader| visitor.visit_enum(reader))
    }
}

/// The elements of a sequence, a tuple or a map, as many as there are.
struct Counted<'r, 'de> {
    reader: &'r mut Reader<'de>,
    left: usize,
}

impl<'de> Counted<'_, 'de> {
    #[inline]
    fn next<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Refusal> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        seed.deserialize(&mut *self.reader).map(Some)
    }
}

impl<'de> de::SeqAccess<'de> for Counted<'_, 'de> {
    type Error = Refusal;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Refusal> {
        self.next(seed)
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

impl<'de> de::MapAccess<'de> for Counted<'_, 'de> {
    type Error = Refusal;

    #[inline]
    fn next_key_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Refusal> {
        self.next(seed)
    }

    #[inline]
    fn next_value_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<T::Value, Refusal> {
        seed.deserialize(&mut *self.reader)
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

impl<'de> de::EnumAccess<'de> for &mut Reader<'de> {
    type Error = Refusal;
    type Variant = Self;

    #[inline]
    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self), Refusal> {
        let index: u32 = self.number()?;
        let value = seed.deserialize(IntoDeserializer::<Refusal>::into_deserializer(index))?;
        Ok((value, self))
    }
}

impl<'de> de::VariantAccess<'de> for &mut Reader<'de> {
    type Error = Refusal;

    #[inline]
    fn unit_variant(self) -> Result<(), Refusal> {
        Ok(())
    }

    #[inline]
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<T::Value, Refusal> {
        seed.deserialize(self)
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(
        self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        de::Deserializer::deserialize_tuple(self, len, visitor)
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        self.tuple_variant(fields.len(), visitor)
    }
}
