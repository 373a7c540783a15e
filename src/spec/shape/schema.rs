//! What the walk wants to know of a JSON Schema, read from its text without a copy of it, and of what has a name in it only what a
//! value meets: a flow is loaded in every process.
//! In: a schema's text, draft 2020-12, as `spec::schema` makes it. Out: its rules. Never: a description kept, a text unescaped.

use std::{fmt, sync::OnceLock};

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Number, value::RawValue};

#[derive(Debug, Default)]
pub(in super::super) struct Schema<'s> {
    /// The name of the definition that stands here, below `$defs`.
    pub(super) def: Option<&'s str>,
    /// The one type; `None`: anything, or what `any_of` and `words` say.
    pub(super) kind: Option<&'s str>,
    pub(super) properties: Named<'s>,
    pub(super) required: Vec<&'s str>,
    pub(super) additional: Additional<'s>,
    /// Of keys that are names.
    pub(super) names: Option<Box<Schema<'s>>>,
    pub(super) items: Option<Box<Schema<'s>>>,
    pub(super) items_min: Option<usize>,
    pub(super) items_max: Option<usize>,
    pub(super) any_of: Vec<Schema<'s>>,
    /// The words of an enumeration; the generator writes those with descriptions as `oneOf` constants.
    pub(super) words: Option<Vec<&'s str>>,
    pub(super) minimum: Option<Number>,
    pub(super) maximum: Option<Number>,
    pub(super) format: Option<&'s str>,
    pub(super) defs: Named<'s>,
}

/// Schemas by name, in their order, each read when it is first asked for.
#[derive(Debug, Default)]
pub(super) struct Named<'s>(Vec<Entry<'s>>);

struct Entry<'s> {
    name: &'s str,
    text: &'s RawValue,
    /// `None` in it: the text is no schema.
    schema: OnceLock<Option<Box<Schema<'s>>>>,
}

/// Keys that are not among the properties.
#[derive(Debug, Default)]
pub(super) enum Additional<'s> {
    #[default]
    Unsaid,
    Anything,
    Nothing,
    Of(Box<Schema<'s>>),
}

impl<'s> Schema<'s> {
    /// # Errors
    /// It is no schema, or one that needs more than this reads; what has a name in it is looked at later.
    pub(in super::super) fn read(text: &'s str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }
}

impl<'s> Named<'s> {
    /// `None`: there is none of this name, or it is no schema; then nothing is known of the value.
    pub(super) fn get(&self, name: &str) -> Option<&Schema<'s>> {
        self.0.iter().find(|entry| entry.name == name)?.schema()
    }
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|entry| entry.name == name)
    }
    pub(super) fn names(&self) -> impl Iterator<Item = &'s str> {
        self.0.iter().map(|entry| entry.name)
    }
}

impl<'s> Entry<'s> {
    fn schema(&self) -> Option<&Schema<'s>> {
        self.schema.get_or_init(|| Schema::read(self.text.get()).ok().map(Box::new)).as_deref()
    }
}

/// Reads all of it.
impl fmt::Debug for Entry<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.schema() {
            Some(schema) => write!(out, "{}: {schema:?}", self.name),
            None => write!(out, "{} is no schema: {}", self.name, self.text.get()),
        }
    }
}

impl<'s> Deserialize<'s> for Schema<'s> {
    fn deserialize<D: Deserializer<'s>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Rules)
    }
}

struct Rules;

impl<'s> Visitor<'s> for Rules {
    type Value = Schema<'s>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a schema")
    }

    fn visit_bool<E: Error>(self, anything: bool) -> Result<Self::Value, E> {
        if anything { Ok(Schema::default()) } else { Err(E::custom("a schema that nothing fits")) }
    }

    fn visit_map<A: MapAccess<'s>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut schema = Schema::default();
        let (mut words, mut branches) = (None, None);
        while let Some(key) = map.next_key::<&str>()? {
            match key {
                "$ref" => schema.def = map.next_value::<&str>()?.strip_prefix("#/$defs/"),
                "$defs" => schema.defs = map.next_value()?,
                "type" => schema.kind = map.next_value::<OneText>()?.0,
                "properties" => schema.properties = map.next_value()?,
                "required" => schema.required = map.next_value()?,
                "additionalProperties" => schema.additional = map.next_value()?,
                "propertyNames" => schema.names = Some(map.next_value()?),
                "items" => schema.items = Some(map.next_value()?),
                "minItems" => schema.items_min = Some(map.next_value()?),
                "maxItems" => schema.items_max = Some(map.next_value()?),
                "anyOf" => schema.any_of = map.next_value()?,
                "enum" => words = Some(map.next_value::<Vec<OneText>>()?),
                "oneOf" => branches = Some(map.next_value::<Vec<Branch>>()?),
                "minimum" => schema.minimum = Some(map.next_value()?),
                "maximum" => schema.maximum = Some(map.next_value()?),
                "format" => schema.format = Some(map.next_value()?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        schema.words = match (words, branches) {
            (Some(words), _) => words.into_iter().map(|word| word.0).collect(),
            // Branches of a mapping say which of its keys belong together.
            (None, Some(branches)) if schema.properties.0.is_empty() => constants(branches),
            (None, _) => None,
        };
        Ok(schema)
    }
}

fn constants(branches: Vec<Branch<'_>>) -> Option<Vec<&str>> {
    let mut words = Vec::new();
    for Branch { word, more } in branches {
        match (word, more) {
            (Some(OneText(word)), _) => words.push(word?),
            (None, Some(more)) => words.extend(more.into_iter().filter_map(|word| word.0)),
            (None, None) => return None,
        }
    }
    (!words.is_empty()).then_some(words)
}

#[derive(Deserialize)]
struct Branch<'s> {
    #[serde(rename = "const", borrow)]
    word: Option<OneText<'s>>,
    #[serde(rename = "enum", borrow)]
    more: Option<Vec<OneText<'s>>>,
}

/// A text, or something else, which is passed over.
struct OneText<'s>(Option<&'s str>);

impl<'de: 's, 's> Deserialize<'de> for OneText<'s> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = OneText<'de>;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a text without escapes, or something else")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(OneText(Some(text)))
            }
            fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
                Ok(OneText(None))
            }
            fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
                Ok(OneText(None))
            }
            fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
                Ok(OneText(None))
            }
            fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
                Ok(OneText(None))
            }
            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(OneText(None))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(OneText(None))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(OneText(None))
            }
        }
        deserializer.deserialize_any(Text)
    }
}

impl<'s> Deserialize<'s> for Named<'s> {
    fn deserialize<D: Deserializer<'s>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'s> Visitor<'s> for Entries {
            type Value = Named<'s>;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("schemas by name")
            }
            fn visit_map<A: MapAccess<'s>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut named = Vec::new();
                while let Some((name, text)) = map.next_entry()? {
                    named.push(Entry { name, text, schema: OnceLock::new() });
                }
                Ok(Named(named))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

impl<'s> Deserialize<'s> for Additional<'s> {
    fn deserialize<D: Deserializer<'s>>(deserializer: D) -> Result<Self, D::Error> {
        struct Others;
        impl<'s> Visitor<'s> for Others {
            type Value = Additional<'s>;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("true, false or a schema")
            }
            fn visit_bool<E: Error>(self, anything: bool) -> Result<Self::Value, E> {
                Ok(if anything { Additional::Anything } else { Additional::Nothing })
            }
            fn visit_map<A: MapAccess<'s>>(self, map: A) -> Result<Self::Value, A::Error> {
                Rules.visit_map(map).map(|schema| Additional::Of(Box::new(schema)))
            }
        }
        deserializer.deserialize_any(Others)
    }
}
