//! All texts of a value, one after the other, without its JSON being written.
//! In: anything that can be serialized. Out: whether some text of it is what is looked for; a key of a map is a text, and so are the names
//! of fields and closed words where that is asked for. Never: a text copied, one looked at after the first that was found.

use std::fmt::Display;

use serde::{
    Serialize, Serializer,
    ser::{
        SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple, SerializeTupleStruct,
        SerializeTupleVariant,
    },
};

/// Whether `wanted` is true of some text in the value; `words`: also of a word that stands in our own source.
///
/// # Errors
/// The value cannot be serialized.
pub(super) fn any(value: &impl Serialize, words: bool, wanted: impl Fn(&str) -> bool) -> Result<bool, String> {
    match value.serialize(&Look { wanted: &wanted, words }) {
        Ok(()) => Ok(false),
        Err(End::Found) => Ok(true),
        Err(End::Broken(why)) => Err(why),
    }
}

struct Look<'l> {
    wanted: &'l dyn Fn(&str) -> bool,
    words: bool,
}

impl Look<'_> {
    fn word(&self, word: &'static str) -> Result<(), End> {
        if self.words { self.serialize_str(word) } else { Ok(()) }
    }
}

/// Why it went no further.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error("found")]
    Found,
    #[error("{0}")]
    Broken(String),
}

impl serde::ser::Error for End {
    fn custom<T: Display>(why: T) -> Self {
        Self::Broken(why.to_string())
    }
}

macro_rules! holds_no_text {
    ($($name:ident: $type:ty),*) => {
        $(fn $name(self, _: $type) -> Result<(), End> {
            Ok(())
        })*
    };
}

impl Serializer for &Look<'_> {
    type Ok = ();
    type Error = End;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    holds_no_text! {
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128,
        serialize_f32: f32, serialize_f64: f64, serialize_char: char, serialize_unit_struct: &'static str
    }

    fn serialize_str(self, text: &str) -> Result<(), End> {
        if (self.wanted)(text) { Err(End::Found) } else { Ok(()) }
    }
    /// JSON writes them as numbers.
    fn serialize_bytes(self, _: &[u8]) -> Result<(), End> {
        Ok(())
    }
    fn serialize_none(self) -> Result<(), End> {
        Ok(())
    }
    fn serialize_unit(self) -> Result<(), End> {
        Ok(())
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), End> {
        value.serialize(self)
    }
    fn serialize_unit_variant(self, _: &'static str, _: u32, word: &'static str) -> Result<(), End> {
        self.word(word)
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), End> {
        value.serialize(self)
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        word: &'static str,
        value: &T,
    ) -> Result<(), End> {
        self.word(word)?;
        value.serialize(self)
    }
    fn serialize_seq(self, _: Option<usize>) -> Result<Self, End> {
        Ok(self)
    }
    fn serialize_tuple(self, _: usize) -> Result<Self, End> {
        Ok(self)
    }
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, End> {
        Ok(self)
    }
    fn serialize_tuple_variant(self, _: &'static str, _: u32, word: &'static str, _: usize) -> Result<Self, End> {
        self.word(word).map(|()| self)
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Self, End> {
        Ok(self)
    }
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, End> {
        Ok(self)
    }
    fn serialize_struct_variant(self, _: &'static str, _: u32, word: &'static str, _: usize) -> Result<Self, End> {
        self.word(word).map(|()| self)
    }
}

macro_rules! looks_into {
    ($($trait:ident: $($method:ident),*;)*) => {
        $(impl $trait for &Look<'_> {
            type Ok = ();
            type Error = End;
            $(fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), End> {
                value.serialize(&**self)
            })*
            fn end(self) -> Result<(), End> {
                Ok(())
            }
        })*
    };
}

looks_into! {
    SerializeSeq: serialize_element;
    SerializeTuple: serialize_element;
    SerializeTupleStruct: serialize_field;
    SerializeTupleVariant: serialize_field;
    SerializeMap: serialize_key, serialize_value;
}

macro_rules! looks_into_fields {
    ($($trait:ident),*) => {
        $(impl $trait for &Look<'_> {
            type Ok = ();
            type Error = End;
            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), End> {
                self.word(name)?;
                value.serialize(&**self)
            }
            fn end(self) -> Result<(), End> {
                Ok(())
            }
        })*
    };
}

looks_into_fields!(SerializeStruct, SerializeStructVariant);

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, collections::BTreeMap};

    use serde_json::json;

    use super::*;

    #[derive(Serialize)]
    enum Word {
        Closed,
        Holds(String),
        Pair(u8, &'static str),
        Named { inner: Option<&'static str> },
    }

    #[derive(Serialize)]
    struct Whole {
        field: &'static str,
        map: BTreeMap<&'static str, serde_json::Value>,
        words: Vec<Word>,
        unit: (),
        tuple: (i64, &'static str),
        number: f64,
    }

    fn texts(value: &impl Serialize, words: bool) -> Vec<String> {
        let seen = RefCell::new(Vec::new());
        let found = any(value, words, |text| {
            seen.borrow_mut().push(text.to_owned());
            false
        });
        assert_eq!(found, Ok(false));
        seen.into_inner()
    }

    #[test]
    fn every_text_is_looked_at_wherever_it_stands() {
        let whole = Whole {
            field: "a",
            map: BTreeMap::from([("b", json!({"c": ["d", 1, null, {"e": true}]}))]),
            words: vec![Word::Closed, Word::Holds("f".into()), Word::Pair(1, "g"), Word::Named { inner: Some("h") }],
            unit: (),
            tuple: (1, "i"),
            number: 0.5,
        };
        assert_eq!(texts(&whole, false), ["a", "b", "c", "d", "e", "f", "g", "h", "i"]);
        let words = "field a map b c d e words Closed Holds f Pair g Named inner h unit tuple i number";
        assert_eq!(texts(&whole, true).join(" "), words);
    }

    #[test]
    fn nothing_is_looked_at_after_what_was_found() {
        let seen = RefCell::new(0);
        let found = any(&["a", "b", "c"], false, |text| {
            *seen.borrow_mut() += 1;
            text == "b"
        });
        assert_eq!((found, seen.into_inner()), (Ok(true), 2));
    }

    #[test]
    fn what_cannot_be_serialized_says_why() {
        struct Broken;
        impl Serialize for Broken {
            fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                Err(serde::ser::Error::custom("no"))
            }
        }
        assert_eq!(any(&(Broken, "x"), false, |_| true), Err("no".to_owned()));
    }
}
