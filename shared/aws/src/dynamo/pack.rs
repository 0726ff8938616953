//! Attributes in and out. A link is one binary attribute: its packed form.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use concord_core::link::{Link, packed};
use concord_core::port::StoreError;
use jiff::Timestamp;

use super::fault::unreadable;
use super::keys;

/// One stored item.
pub(super) type Item = HashMap<String, AttributeValue>;

/// Partitions of the index `open`: one would be hot, and its readers ask all of them.
pub(super) const OPEN_SHARDS: u64 = 8;

/// A text attribute.
pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A number attribute.
pub(super) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// A binary attribute.
pub(super) fn binary(value: impl Into<Vec<u8>>) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

/// Instants are stored as whole nanoseconds: 19 digits of the 38 that a number may have.
pub(super) fn instant(at: Timestamp) -> AttributeValue {
    number(at.as_nanosecond())
}

/// Reads a text attribute.
pub(super) fn text_of<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// Reads a number attribute.
pub(super) fn number_of<T: std::str::FromStr>(item: &Item, name: &str) -> Option<T> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// Reads a binary attribute.
pub(super) fn binary_of<'a>(item: &'a Item, name: &str) -> Option<&'a [u8]> {
    item.get(name)?.as_b().ok().map(AsRef::as_ref)
}

/// The link as one item. `writer` names this attempt: see [`super::commit`].
pub(super) fn link_item(link: &Link, writer: Vec<u8>) -> Result<Item, StoreError> {
    let packed = packed::pack(link)
        .map_err(|error| StoreError::Refused { operation: "pack a link", reason: error.to_string() })?;
    let mut item = Item::from([
        ("pk".to_owned(), text(keys::link(&link.id))),
        ("generation".to_owned(), number(link.generation)),
        ("link".to_owned(), binary(packed)),
        ("writer".to_owned(), binary(writer)),
    ]);
    // Present only while something is open: an index entry is paid for by the links that need it.
    if let Some(since) = link.open_since() {
        item.insert("open_shard".to_owned(), text(open_shard(link.id.as_str())));
        item.insert("open_since".to_owned(), instant(since));
    }
    Ok(item)
}

/// The link in an item.
pub(super) fn link_of(item: &Item) -> Result<Link, StoreError> {
    packed::unpack(binary_of(item, "link").unwrap_or_default())
        .map_err(|error| unreadable("read a link", &error.to_string()))
}

/// The partition of the index `open` that a link falls into.
pub(super) fn open_shard(id: &str) -> String {
    // FNV-1a: stable across builds, which `DefaultHasher` does not promise.
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    (hash % OPEN_SHARDS).to_string()
}
