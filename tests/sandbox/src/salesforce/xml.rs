//! Just enough XML: an element tree without namespaces. Document type declarations are refused, so there are no
//! entities to expand.

use quick_xml::XmlVersion;
use quick_xml::escape::escape;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

/// Deepest nesting that is read; a SOAP call of ours has 5 levels.
const DEPTH_MAX: usize = 32;

/// An element by its local name.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) is_nil: bool,
    pub(crate) children: Vec<Element>,
}

impl Element {
    pub(crate) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    pub(crate) fn all<'e>(&'e self, name: &'e str) -> impl Iterator<Item = &'e Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The first element of this name anywhere below.
    pub(crate) fn find(&self, name: &str) -> Option<&Element> {
        self.children.iter().find_map(|child| if child.name == name { Some(child) } else { child.find(name) })
    }
}

/// The root element, or why the text is refused.
pub(crate) fn parse(text: &str) -> Result<Element, String> {
    let mut reader = Reader::from_str(text);
    let mut open = vec![Element::default()];
    loop {
        let event = reader.read_event().map_err(|error| error.to_string())?;
        let depth = open.len();
        let Some(top) = open.last_mut() else { return Err("unbalanced elements".to_owned()) };
        match event {
            Event::Start(start) if depth < DEPTH_MAX => open.push(element(&start)),
            Event::Start(_) => return Err("elements are nested too deeply".to_owned()),
            Event::Empty(start) => top.children.push(element(&start)),
            Event::Text(text) => top.text.push_str(&text.xml_content(XmlVersion::Implicit1_0)),
            Event::CData(text) => top.text.push_str(&text.xml_content(XmlVersion::Implicit1_0)),
            Event::GeneralRef(reference) => top.text.push(character(&reference)?),
            Event::DocType(_) => return Err("DOCTYPE is not allowed".to_owned()),
            Event::End(_) => {
                let closed = open.pop().unwrap_or_default();
                match open.last_mut() {
                    Some(parent) => parent.children.push(closed),
                    None => return Err("unbalanced elements".to_owned()),
                }
            }
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    match open.as_mut_slice() {
        [root] => root.children.pop().ok_or_else(|| "no root element".to_owned()),
        _unclosed => Err("an element is not closed".to_owned()),
    }
}

fn element(start: &BytesStart<'_>) -> Element {
    let name = start.local_name();
    let is_nil = start
        .attributes()
        .flatten()
        .any(|attribute| attribute.key.local_name().as_ref() == "nil" && attribute.value.as_ref() == "true");
    Element { name: name.as_ref().to_owned(), is_nil, ..Element::default() }
}

fn character(reference: &quick_xml::events::BytesRef<'_>) -> Result<char, String> {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return Ok(character);
    }
    match reference.xml_content(XmlVersion::Implicit1_0).as_ref() {
        "amp" => Ok('&'),
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        other => Err(format!("entity {other} is not defined")),
    }
}

/// Text for use between tags and in attributes.
pub(crate) fn escaped(text: &str) -> String {
    escape(text).into_owned()
}
