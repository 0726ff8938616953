//! The YAML file as a tree that knows where each key stands, so that every fault can name its line.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Spanned, UserMessageFormatter};

use super::fault::Fault;

/// Line and column, from 1.
pub(super) type Mark = (u64, u64);

#[derive(Debug)]
pub(super) enum Tree {
    Null,
    Boolean(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(String),
    List(Vec<(Mark, Self)>),
    Map(Vec<(Mark, String, Self)>),
}

impl Tree {
    /// # Errors
    /// The first thing that is not YAML; a key that stands twice is one.
    pub(super) fn read(yaml: &str) -> Result<Self, Fault> {
        // YAML 1.2: without this, a choice such as `No` or a field `y` would be a boolean.
        let options = serde_saphyr::options! { strict_booleans: true };
        serde_saphyr::from_str_with_options::<Self>(yaml, options).map_err(|error| {
            let (line, column) = error.location().map_or((1, 1), |at| (at.line(), at.column()));
            let said = error.without_snippet().render_with_formatter(&UserMessageFormatter);
            // The message repeats the place in its own words.
            let what = said.lines().next().and_then(|said| said.split(" at line ").next());
            Fault {
                line,
                column,
                path: String::new(),
                what: what.unwrap_or("not YAML").to_owned(),
                remedy: "correct the YAML at this place".to_owned(),
            }
        })
    }

    /// Where the deepest part of a path stands that is in the file.
    pub(super) fn locate(&self, path: &[String]) -> Mark {
        let mut mark = (1, 1);
        let mut tree = self;
        for step in path {
            let Some((at, next)) = tree.step(step) else { break };
            (mark, tree) = (at, next);
        }
        mark
    }

    fn step(&self, step: &str) -> Option<(Mark, &Self)> {
        match self {
            Self::Map(entries) => {
                entries.iter().find(|(_, key, _)| key == step).map(|(mark, _, value)| (*mark, value))
            }
            Self::List(elements) => {
                let index: usize = step.parse().ok()?;
                elements.get(index).map(|(mark, value)| (*mark, value))
            }
            Self::Null
            | Self::Boolean(_)
            | Self::Unsigned(_)
            | Self::Signed(_)
            | Self::Float(_)
            | Self::Text(_) => None,
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("YAML")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, yes: bool) -> Result<Tree, E> {
        Ok(Tree::Boolean(yes))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Tree, E> {
        Ok(Tree::Unsigned(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Tree, E> {
        Ok(u64::try_from(number).map_or(Tree::Signed(number), Tree::Unsigned))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Tree, E> {
        Ok(Tree::Float(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Tree, E> {
        Ok(Tree::Text(text.to_owned()))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        Tree::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tree, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = seq.next_element::<Spanned<Tree>>()? {
            elements.push(((element.referenced.line(), element.referenced.column()), element.value));
        }
        Ok(Tree::List(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Spanned<Tree>>()? {
            let mark = (key.referenced.line(), key.referenced.column());
            let key = key.value.as_key().ok_or_else(|| de::Error::custom("a key has to be text"))?;
            entries.push((mark, key, map.next_value()?));
        }
        Ok(Tree::Map(entries))
    }
}

impl Tree {
    /// Picklist values such as `true` or `2024` may stand as keys without quotes.
    fn as_key(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Boolean(yes) => Some(yes.to_string()),
            Self::Unsigned(number) => Some(number.to_string()),
            Self::Signed(number) => Some(number.to_string()),
            Self::Null | Self::Float(_) | Self::List(_) | Self::Map(_) => None,
        }
    }
}
