//! The packed link: the one stored thing whose bytes are our own.

use arbitrary::{Result, Unstructured};
use concord_core::link::packed::{FORMAT, FORMAT_GONE, UnpackError, pack, unpack};
use concord_core::link::{
    Action, Base, FieldMemory, FieldStanding, Held, Image, Intent, Link, Part, Place, Progress, Proof,
    Refusal, Role, Status,
};
use concord_core::names::{
    ContractVersion, FieldName, Generation, LinkId, ObjectName, PerSide, RecordId, Side, Token, WireName,
};
use concord_core::value::{ImageHash, Presence, Raw};
use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::Verdict;

/// Most elements of a list of an arbitrary link.
const LIST_MAX: usize = 4;
/// Largest scale of a decimal.
const SCALE_MAX: u32 = 28;

/// Bytes are a link or an error. Every link comes back from its packed form as it was, and that form can be
/// neither shortened nor lengthened.
///
/// # Panics
/// If it is not so.
#[must_use]
pub fn packed_link(data: &[u8]) -> Verdict {
    let read = unpack(data);
    if let Ok(link) = &read {
        comes_back(link);
    }
    let is_ours = |format: u8| [FORMAT, FORMAT_GONE].contains(&format);
    if let Some((&format, _)) = data.split_first().filter(|(format, _)| !is_ours(**format)) {
        assert_eq!(read, Err(UnpackError::Format(format)));
    }
    // Bytes that have run out read as zeros and empty lists, so this does not fail.
    comes_back(&link(&mut Unstructured::new(data)).unwrap());
    Verdict::from(read.is_ok())
}

fn comes_back(link: &Link) {
    let mut packed = pack(link).unwrap();
    assert_eq!(unpack(&packed).as_ref(), Ok(link), "another link came back");
    packed.push(0);
    assert_eq!(unpack(&packed), Err(UnpackError::Damaged), "a byte too many was not noticed");
    packed.truncate(packed.len() - 2);
    assert_eq!(unpack(&packed), Err(UnpackError::Damaged), "a byte too few was not noticed");
}

fn link(u: &mut Unstructured<'_>) -> Result<Link> {
    Ok(Link {
        id: LinkId::new(text(u)?),
        object: ObjectName::new(text(u)?),
        generation: Generation(u.arbitrary()?),
        status: match u.int_in_range(0..=4)? {
            0 => Status::Live,
            1 => Status::Flagged { deleted: side(u)? },
            2 => Status::Unlinked { deleted: side(u)? },
            3 => Status::Apart { settled: u.arbitrary()? },
            _ => Status::Erased { purge: per_side(u, |u| u.arbitrary())? },
        },
        records: per_side(u, |u| optional(u, |u| Ok(RecordId::new(text(u)?))))?,
        issued: Token(u.arbitrary()?),
        fields: list(u, |u| Ok((FieldName::new(text(u)?), memory(u)?)))?.into_iter().collect(),
        intents: list(u, intent)?,
        keys: list(u, |u| Ok((FieldName::new(text(u)?), hash(u)?)))?.into_iter().collect(),
        refused: per_side(u, |u| Ok(*u.choose(&[Refusal::None, Refusal::Parked, Refusal::Unseen])?))?,
        contract: ContractVersion(u.arbitrary()?),
        announced: u.arbitrary()?,
        gone: optional(u, instant)?,
    })
}

fn memory(u: &mut Unstructured<'_>) -> Result<FieldMemory> {
    Ok(FieldMemory {
        base: optional(u, |u| {
            Ok(Base {
                number: Token(u.arbitrary()?),
                images: per_side(u, image)?,
                proof: if u.arbitrary()? { Proof::Seen } else { Proof::Sent },
            })
        })?,
        held: optional(u, held)?,
        standing: if u.arbitrary()? { FieldStanding::Parked } else { FieldStanding::Kept },
    })
}

fn held(u: &mut Unstructured<'_>) -> Result<Held> {
    Ok(Held { values: per_side(u, hash)?, taken: optional(u, side)? })
}

fn place(u: &mut Unstructured<'_>) -> Result<Place> {
    Ok(match u.arbitrary()? {
        true => Place::Token(Token(u.arbitrary()?)),
        false => Place::Version(optional(u, instant)?),
    })
}

fn image(u: &mut Unstructured<'_>) -> Result<Image> {
    Ok(Image { hash: hash(u)?, place: place(u)?, elements: list(u, hash)? })
}

fn intent(u: &mut Unstructured<'_>) -> Result<Intent> {
    Ok(Intent {
        number: Token(u.arbitrary()?),
        side: side(u)?,
        action: match u.int_in_range(0..=4)? {
            0 => Action::Insert { lead: u.arbitrary()? },
            1 => Action::Update { unmodified_since: optional(u, instant)? },
            2 => Action::Archive,
            3 => Action::Undelete,
            _ => Action::Purge,
        },
        parts: list(u, part)?,
        decided: instant(u)?,
        progress: match u.int_in_range(0..=4)? {
            0 => Progress::Open,
            1 => Progress::Sent,
            2 => Progress::Closed,
            3 => Progress::Refused,
            _ => Progress::PutOff,
        },
    })
}

fn part(u: &mut Unstructured<'_>) -> Result<Part> {
    Ok(Part {
        field: FieldName::new(text(u)?),
        role: match u.int_in_range(0..=2)? {
            0 => Role::Carry { source: image(u)? },
            1 => Role::Restore,
            _ => Role::Amend,
        },
        seen: place(u)?,
        sent: hash(u)?,
        values: list(u, |u| Ok((WireName::new(text(u)?), presence(u)?)))?,
    })
}

fn presence(u: &mut Unstructured<'_>) -> Result<Presence<Raw>> {
    Ok(match u.int_in_range(0..=4)? {
        0 => Presence::Unknown,
        1 => Presence::Blank,
        2 => Presence::Value(Raw::Boolean(u.arbitrary()?)),
        3 => Presence::Value(Raw::Number(Decimal::new(u.arbitrary()?, u.int_in_range(0..=SCALE_MAX)?))),
        _ => Presence::Value(Raw::Text(text(u)?)),
    })
}

/// To the microsecond, as links keep them.
fn instant(u: &mut Unstructured<'_>) -> Result<Timestamp> {
    let reach = Timestamp::MIN.as_microsecond()..=Timestamp::MAX.as_microsecond();
    Ok(Timestamp::from_microsecond(u.int_in_range(reach)?).unwrap())
}

fn hash(u: &mut Unstructured<'_>) -> Result<ImageHash> {
    Ok(ImageHash(u.arbitrary()?))
}

fn side(u: &mut Unstructured<'_>) -> Result<Side> {
    Ok(if u.arbitrary()? { Side::HubSpot } else { Side::Salesforce })
}

fn text(u: &mut Unstructured<'_>) -> Result<String> {
    let length = u.int_in_range(0..=usize::from(u8::MAX))?.min(u.len());
    Ok(String::from_utf8_lossy(u.bytes(length)?).into_owned())
}

fn per_side<T>(
    u: &mut Unstructured<'_>,
    mut one: impl FnMut(&mut Unstructured<'_>) -> Result<T>,
) -> Result<PerSide<T>> {
    Ok(PerSide { hubspot: one(u)?, salesforce: one(u)? })
}

fn optional<T>(
    u: &mut Unstructured<'_>,
    one: impl FnOnce(&mut Unstructured<'_>) -> Result<T>,
) -> Result<Option<T>> {
    if u.arbitrary()? { one(u).map(Some) } else { Ok(None) }
}

fn list<T>(
    u: &mut Unstructured<'_>,
    mut one: impl FnMut(&mut Unstructured<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    (0..u.int_in_range(0..=LIST_MAX)?).map(|_| one(u)).collect()
}
