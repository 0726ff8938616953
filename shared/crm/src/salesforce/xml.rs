//! XML as SOAP needs it: names, text, no tricks. A document type or an entity of its own is refused before
//! anything is made of it.

use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;
use thiserror::Error;

/// Deepest nesting. An outbound message has 6 levels: envelope, body, notifications, notification, record, field.
const DEPTH_MAX: usize = 16;
/// Most elements of a document. Ours: 100 notifications of records with 500 fields each, and room.
const ELEMENTS_MAX: usize = 100_000;

/// Why XML is not read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum XmlFault {
    #[error("it holds a document type or an entity of its own")]
    Forbidden,
    #[error("it is not well-formed")]
    Malformed,
    #[error("it is nested too deep or has too many elements")]
    TooLarge,
}

/// One element.
#[derive(Debug, Default)]
pub(super) struct Element {
    /// Without its prefix.
    pub(super) name: String,
    /// Empty if it has none.
    pub(super) namespace: String,
    /// `xsi:type` as it stands.
    pub(super) kind: Option<String>,
    /// Its own text, without that of its children.
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

impl Element {
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    pub(super) fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text of a child.
    pub(super) fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.trim())
    }
}

/// The root element.
pub(super) fn parse(text: &str) -> Result<Element, XmlFault> {
    let mut reader = NsReader::from_str(text);
    // The bottom stands for the document.
    let mut open = vec![Element::default()];
    let mut elements = 0;
    loop {
        let (namespace, event) = reader.read_resolved_event().map_err(|_| XmlFault::Malformed)?;
        match event {
            Event::Start(start) => {
                let started = element(&start, &namespace)?;
                elements += 1;
                if open.len() > DEPTH_MAX || elements > ELEMENTS_MAX {
                    return Err(XmlFault::TooLarge);
                }
                open.push(started);
            }
            Event::Empty(start) => {
                elements += 1;
                if elements > ELEMENTS_MAX {
                    return Err(XmlFault::TooLarge);
                }
                let empty = element(&start, &namespace)?;
                last(&mut open)?.children.push(empty);
            }
            Event::End(_) => {
                let closed = open.pop().ok_or(XmlFault::Malformed)?;
                last(&mut open)?.children.push(closed);
            }
            Event::Text(text) => last(&mut open)?.text.push_str(&text),
            Event::CData(text) => last(&mut open)?.text.push_str(&text),
            Event::GeneralRef(reference) => {
                let meant = reference.resolve_char_ref().map_err(|_| XmlFault::Malformed)?;
                match meant {
                    Some(character) => last(&mut open)?.text.push(character),
                    None => {
                        let known = resolve_predefined_entity(&reference).ok_or(XmlFault::Forbidden)?;
                        last(&mut open)?.text.push_str(known);
                    }
                }
            }
            Event::DocType(_) => return Err(XmlFault::Forbidden),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::Eof => break,
        }
    }
    let [document] = open.as_mut_slice() else { return Err(XmlFault::Malformed) };
    match (document.children.pop(), document.children.is_empty(), document.text.trim().is_empty()) {
        (Some(root), true, true) => Ok(root),
        _ => Err(XmlFault::Malformed),
    }
}

fn last(open: &mut [Element]) -> Result<&mut Element, XmlFault> {
    open.last_mut().ok_or(XmlFault::Malformed)
}

fn element(start: &BytesStart<'_>, namespace: &ResolveResult<'_>) -> Result<Element, XmlFault> {
    let namespace = match namespace {
        ResolveResult::Bound(namespace) => namespace.as_ref().to_owned(),
        ResolveResult::Unbound => String::new(),
        ResolveResult::Unknown(_) => return Err(XmlFault::Malformed),
    };
    let mut kind = None;
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|_| XmlFault::Malformed)?;
        if attribute.key.prefix().is_some() && attribute.key.local_name().as_ref() == "type" {
            let value = attribute.normalized_value(XmlVersion::Implicit1_0);
            kind = Some(value.map_err(|_| XmlFault::Forbidden)?.into_owned());
        }
    }
    let name = start.local_name().as_ref().to_owned();
    Ok(Element { name, namespace, kind, text: String::new(), children: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::{XmlFault, parse};

    #[test]
    fn text_is_read_through_references_and_sections() {
        let root = parse("<a><b>1 &lt; 2 &#38; <![CDATA[<3>]]></b></a>").unwrap();
        assert_eq!(root.text_of("b"), Some("1 < 2 & <3>"));
    }

    #[test]
    fn a_document_type_and_entities_of_ones_own_are_refused() {
        let bomb = "<!DOCTYPE a [<!ENTITY b \"bbbb\">]><a>&b;</a>";
        assert_eq!(parse(bomb).unwrap_err(), XmlFault::Forbidden);
        assert_eq!(parse("<a>&b;</a>").unwrap_err(), XmlFault::Forbidden);
        assert_eq!(parse("<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>").unwrap_err(), XmlFault::Forbidden);
    }

    #[test]
    fn what_is_not_one_whole_document_is_malformed() {
        for text in ["", "text", "<a>", "<a></b>", "<a/><b/>", "<x:a/>", "<a b=1/>"] {
            assert_eq!(parse(text).unwrap_err(), XmlFault::Malformed, "{text}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let deep = format!("{}{}", "<a>".repeat(17), "</a>".repeat(17));
        assert_eq!(parse(&deep).unwrap_err(), XmlFault::TooLarge);
    }
}
