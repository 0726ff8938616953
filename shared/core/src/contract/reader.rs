//! Reads the file's model out of the [`Tree`] with serde, and goes on after a fault, so that one look at the
//! messages is enough to correct a file.
//!
//! It goes on in two places: a key that a struct does not know is noted and passed over; and [`Given`] notes
//! what its part cannot be read as and stands for it.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::value::StrDeserializer;
use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, EnumAccess, Expected, IntoDeserializer as _, MapAccess,
    SeqAccess, Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::fault::Place;
use super::tree::Tree;

/// Words of the design that later versions will know.
const LATER: [&str; 3] = ["association", "label", "computed"];

/// A part of the file that may be missing or wrong. As a struct's field it is required; in an `Option` it is not.
#[derive(Debug, Clone)]
pub(super) enum Given<T> {
    /// It is not in the file.
    Absent,
    /// It is in the file and has been complained about.
    Wrong,
    /// It is this.
    As(T),
}

impl<T> Given<T> {
    /// What is given; complains if it is not.
    pub(super) fn required(self, place: &Place<'_>, remedy: &str) -> Option<T> {
        match self {
            Self::As(value) => Some(value),
            Self::Wrong => None,
            Self::Absent => {
                place.fault("is missing", remedy);
                None
            }
        }
    }
}

/// What is given, or `default` if nothing is. `None` if it has been complained about.
pub(super) fn given_or<T>(given: Option<Given<T>>, default: T) -> Option<T> {
    match given {
        None | Some(Given::Absent) => Some(default),
        Some(Given::Wrong) => None,
        Some(Given::As(value)) => Some(value),
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Given<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct GivenVisitor<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for GivenVisitor<T> {
            type Value = Given<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("something")
            }

            fn visit_none<E>(self) -> Result<Given<T>, E> {
                Ok(Given::Absent)
            }

            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Given<T>, D::Error> {
                // The reader below has noted the error, with its place.
                Ok(T::deserialize(deserializer).map_or(Given::Wrong, Given::As))
            }
        }
        deserializer.deserialize_option(GivenVisitor(std::marker::PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Given<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// Reads one part of the tree. Every error that it returns has been noted at its place.
pub(super) struct Reader<'t> {
    pub(super) tree: &'t Tree,
    pub(super) place: Place<'t>,
}

/// Why a part could not be read.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Not yet noted.
    New {
        /// What is wrong.
        what: String,
        /// What to do.
        remedy: String,
    },
    /// Noted.
    Noted,
}

impl Reader<'_> {
    fn note<T>(place: &Place<'_>, read: Result<T, Refusal>) -> Result<T, Refusal> {
        read.map_err(|refusal| {
            if let Refusal::New { what, remedy } = refusal {
                place.fault(what, remedy);
            }
            Refusal::Noted
        })
    }
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Refusal;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        let place = self.place.clone();
        let read = match self.tree {
            Tree::Null => visitor.visit_unit(),
            Tree::Boolean(yes) => visitor.visit_bool(*yes),
            Tree::Unsigned(number) => visitor.visit_u64(*number),
            Tree::Signed(number) => visitor.visit_i64(*number),
            Tree::Float(number) => visitor.visit_f64(*number),
            Tree::Text(text) => visitor.visit_str(text),
            Tree::List(_) => visitor.visit_seq(Elements { of: &self, next: 0 }),
            Tree::Map(_) => visitor.visit_map(Entries { of: &self, next: 0, known: None }),
        };
        Self::note(&place, read)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        match self.tree {
            Tree::Null => visitor.visit_none(),
            Tree::Boolean(_)
            | Tree::Unsigned(_)
            | Tree::Signed(_)
            | Tree::Float(_)
            | Tree::Text(_)
            | Tree::List(_)
            | Tree::Map(_) => visitor.visit_some(self),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        let place = self.place.clone();
        match self.tree {
            Tree::Map(_) => {
                Self::note(&place, visitor.visit_map(Entries { of: &self, next: 0, known: Some(fields) }))
            }
            // serde would read the list's elements as the struct's fields.
            Tree::List(_) => Self::note(&place, Err(de::Error::invalid_type(Unexpected::Seq, &visitor))),
            Tree::Null
            | Tree::Boolean(_)
            | Tree::Unsigned(_)
            | Tree::Signed(_)
            | Tree::Float(_)
            | Tree::Text(_) => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        let place = self.place.clone();
        let choice = match self.tree {
            Tree::Text(word) => Some((word.as_str(), None)),
            Tree::Map(entries) => match entries.as_slice() {
                [(_, word, inner)] => Some((word.as_str(), Some(inner))),
                _ => None,
            },
            Tree::Null
            | Tree::Boolean(_)
            | Tree::Unsigned(_)
            | Tree::Signed(_)
            | Tree::Float(_)
            | Tree::List(_) => None,
        };
        let Some((word, inner)) = choice else { return self.deserialize_any(visitor) };
        let inner = inner.map(|tree| Reader { tree, place: place.at(word) });
        Self::note(&place, visitor.visit_enum(Choice { word, inner }))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map identifier ignored_any
    }
}

struct Elements<'a, 't> {
    of: &'a Reader<'t>,
    next: usize,
}

impl<'de> SeqAccess<'de> for Elements<'_, '_> {
    type Error = Refusal;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Refusal> {
        let Tree::List(elements) = self.of.tree else { return Ok(None) };
        let Some((_, tree)) = elements.get(self.next) else { return Ok(None) };
        let place = self.of.place.at(self.next.to_string());
        self.next += 1;
        seed.deserialize(Reader { tree, place }).map(Some)
    }
}

/// The entries of a map; for a struct, the known ones.
struct Entries<'a, 't> {
    of: &'a Reader<'t>,
    next: usize,
    known: Option<&'static [&'static str]>,
}

impl<'de> MapAccess<'de> for Entries<'_, '_> {
    type Error = Refusal;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Refusal> {
        let Tree::Map(entries) = self.of.tree else { return Ok(None) };
        while let Some((_, key, _)) = entries.get(self.next) {
            match self.known {
                Some(known) if !known.contains(&key.as_str()) => {
                    let (what, remedy) = unknown_key(key, known);
                    self.of.place.at(key).fault(what, remedy);
                    self.next += 1;
                }
                Some(_) | None => {
                    let key: StrDeserializer<'_, Refusal> = key.as_str().into_deserializer();
                    return seed.deserialize(key).map(Some);
                }
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Refusal> {
        let Tree::Map(entries) = self.of.tree else { return Err(Refusal::Noted) };
        let Some((_, key, tree)) = entries.get(self.next) else { return Err(Refusal::Noted) };
        self.next += 1;
        seed.deserialize(Reader { tree, place: self.of.place.at(key) })
    }
}

fn unknown_key(key: &str, known: &[&str]) -> (String, String) {
    if LATER.contains(&key) {
        ("is not supported by this version of Concord".to_owned(), "remove it".to_owned())
    } else {
        (
            "is not a key that is known here".to_owned(),
            format!("remove it, or use one of: {}", known.join(", ")),
        )
    }
}

/// A word, alone or with more under it.
struct Choice<'a, 't> {
    word: &'a str,
    inner: Option<Reader<'t>>,
}

impl<'de, 't> EnumAccess<'de> for Choice<'_, 't> {
    type Error = Refusal;
    type Variant = ChoiceOf<'t>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, ChoiceOf<'t>), Refusal> {
        let word: StrDeserializer<'_, Refusal> = self.word.into_deserializer();
        Ok((seed.deserialize(word)?, ChoiceOf(self.word.to_owned(), self.inner)))
    }
}

struct ChoiceOf<'t>(String, Option<Reader<'t>>);

impl<'de> VariantAccess<'de> for ChoiceOf<'_> {
    type Error = Refusal;

    fn unit_variant(self) -> Result<(), Refusal> {
        match self.1 {
            None => Ok(()),
            Some(_) => Err(Refusal::New {
                what: format!("`{}` takes nothing", self.0),
                remedy: format!("write just `{}`", self.0),
            }),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Refusal> {
        match self.1 {
            Some(inner) => seed.deserialize(inner),
            None => Err(Refusal::New {
                what: format!("`{}` says too little", self.0),
                remedy: format!("write `{{ {}: .. }}` as the contract's schema shows", self.0),
            }),
        }
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Refusal> {
        self.struct_variant(&[], visitor)
    }

    /// The file's choices hold their keys in a struct of their own, so this does not occur.
    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, Refusal> {
        Err(de::Error::custom(format!("`{}` is not understood", self.0)))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New { what, remedy } => write!(f, "{what}; {remedy}"),
            Self::Noted => f.write_str("noted"),
        }
    }
}

impl std::error::Error for Refusal {}

impl de::Error for Refusal {
    fn custom<T: fmt::Display>(said: T) -> Self {
        Self::New { what: said.to_string(), remedy: "write it as the contract's schema shows".to_owned() }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::New { what: is(&found), remedy: wanted(&expected.to_string()) }
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_variant(word: &str, known: &'static [&'static str]) -> Self {
        if LATER.contains(&word) {
            Self::New {
                what: format!("`{word}` is not supported by this version of Concord"),
                remedy: "remove it, or use another".to_owned(),
            }
        } else {
            Self::New {
                what: format!("`{word}` is not a choice here"),
                remedy: format!("use one of: {}", known.join(", ")),
            }
        }
    }
}

/// In the words of YAML, not of serde.
fn is(found: &Unexpected<'_>) -> String {
    match found {
        Unexpected::Unit | Unexpected::Option => "is empty".to_owned(),
        Unexpected::Bool(yes) => format!("is the boolean `{yes}`"),
        Unexpected::Unsigned(number) => format!("is the number `{number}`"),
        Unexpected::Signed(number) => format!("is the number `{number}`"),
        Unexpected::Float(number) => format!("is the number `{number}`"),
        Unexpected::Str(text) => format!("is the text `{text}`"),
        Unexpected::Seq => "is a list".to_owned(),
        Unexpected::Map => "has keys under it".to_owned(),
        Unexpected::Char(_)
        | Unexpected::Bytes(_)
        | Unexpected::NewtypeStruct
        | Unexpected::Enum
        | Unexpected::UnitVariant
        | Unexpected::NewtypeVariant
        | Unexpected::TupleVariant
        | Unexpected::StructVariant
        | Unexpected::Other(_) => format!("is {found}"),
    }
}

fn wanted(expected: &str) -> String {
    match expected {
        "a string" => "write text here, in quotes if it looks like a number or like true".to_owned(),
        "a boolean" => "write true or false here".to_owned(),
        "a map" => "write keys with their values here".to_owned(),
        "a sequence" => "write a list here".to_owned(),
        "u64" | "u32" => "write a whole number here, 0 or more".to_owned(),
        other if other.starts_with("struct ") => "write keys with their values here".to_owned(),
        other if other.starts_with("enum ") => {
            "write one of the words that the contract's schema shows".to_owned()
        }
        other => format!("write {other} here"),
    }
}
