//! One table of paths: the v3/v4 family and the dated families lead to the same calls.

use http::Method;
use percent_encoding::percent_decode_str;

use super::schema::TypeIndex;
use super::wire::Refusal;

/// Which family of paths a call came by: some answers differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// `/crm/v3/...`, `/crm/v4/...`.
    Numbered,
    /// `/crm/.../2026-03/...`, `/crm/.../2026-09/...`.
    Dated,
}

/// A call with what its path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Call {
    Token,
    Rewrite,
    List(TypeIndex),
    Create(TypeIndex),
    Read(TypeIndex, String),
    Update(TypeIndex, String),
    Archive(TypeIndex, String),
    /// The sandbox's own path: a person restores at the screen, and no API does it.
    Restore(TypeIndex, String),
    Merge(TypeIndex),
    Erase(TypeIndex),
    Search(TypeIndex),
    BatchRead(TypeIndex),
    BatchCreate(TypeIndex),
    BatchUpdate(TypeIndex),
    BatchUpsert(TypeIndex),
    BatchArchive(TypeIndex),
    PairsOf(TypeIndex, String, TypeIndex),
    PairDefault(Ends),
    PairLabels(Ends),
    PairRemove(Ends),
    BatchPairsOf(TypeIndex, TypeIndex),
    BatchPair(TypeIndex, TypeIndex),
    BatchPairDefault(TypeIndex, TypeIndex),
    BatchUnpair(TypeIndex, TypeIndex),
    BatchUnlabel(TypeIndex, TypeIndex),
    Labels(TypeIndex, TypeIndex),
    LabelCreate(TypeIndex, TypeIndex),
    LabelRemove(TypeIndex, TypeIndex, String),
    Properties(TypeIndex),
    PropertyCreate(TypeIndex),
    Property(TypeIndex, String),
    PropertyUpdate(TypeIndex, String),
    PropertyArchive(TypeIndex, String),
    Owners,
    Owner(String),
    Pipelines(TypeIndex),
}

/// Two records by their types and ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) from: TypeIndex,
    pub(super) from_id: String,
    pub(super) to: TypeIndex,
    pub(super) to_id: String,
}

/// Reads a path. `type_of` knows the names of the object types.
pub(super) fn route(
    method: &Method,
    path: &str,
    type_of: impl Fn(&str) -> Option<TypeIndex>,
) -> Result<(Family, Call), Refusal> {
    let decoded: Vec<String> = path
        .split('/')
        .filter(|part| !part.is_empty())
        .map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned())
        .collect();
    let parts: Vec<&str> = decoded.iter().map(String::as_str).collect();
    let named = |name: &str| {
        let unknown = || Refusal::new(400, format!("Unable to infer object type from: {name}"));
        type_of(name).ok_or_else(unknown)
    };
    let (family, area, rest) = match parts.as_slice() {
        ["oauth", _, "token"] if method == Method::POST => return Ok((Family::Numbered, Call::Token)),
        ["__sandbox", "rewrite"] if method == Method::POST => return Ok((Family::Numbered, Call::Rewrite)),
        ["crm", "v3" | "v4", area, rest @ ..] => (Family::Numbered, *area, rest),
        ["crm", area, "2026-03" | "2026-09", rest @ ..] => (Family::Dated, *area, rest),
        _ => return Err(Refusal::not_found()),
    };
    let call = match area {
        "objects" => objects(method, rest, named)?,
        "associations" => associations(method, rest, named)?,
        "properties" => properties(method, rest, named)?,
        "owners" => owners(method, rest),
        "pipelines" => match rest {
            [object] if method == Method::GET => Some(Call::Pipelines(named(object)?)),
            _ => None,
        },
        _ => None,
    };
    call.map(|call| (family, call)).ok_or_else(|| Refusal::new(405, "HTTP 405 Method Not Allowed"))
}

fn objects(
    method: &Method,
    rest: &[&str],
    named: impl Fn(&str) -> Result<TypeIndex, Refusal>,
) -> Result<Option<Call>, Refusal> {
    let call = match (method.as_str(), rest) {
        ("GET", [object]) => Call::List(named(object)?),
        ("POST", [object]) => Call::Create(named(object)?),
        ("POST", [object, "search"]) => Call::Search(named(object)?),
        ("POST", [object, "merge"]) => Call::Merge(named(object)?),
        ("POST", [object, "gdpr-delete"]) => Call::Erase(named(object)?),
        ("POST", [object, "batch", verb]) => {
            let object = named(object)?;
            match *verb {
                "read" => Call::BatchRead(object),
                "create" => Call::BatchCreate(object),
                "update" => Call::BatchUpdate(object),
                "upsert" => Call::BatchUpsert(object),
                "archive" => Call::BatchArchive(object),
                _ => return Ok(None),
            }
        }
        ("POST", [object, id, "restore"]) => Call::Restore(named(object)?, (*id).to_owned()),
        ("GET", [object, id]) => Call::Read(named(object)?, (*id).to_owned()),
        ("PATCH", [object, id]) => Call::Update(named(object)?, (*id).to_owned()),
        ("DELETE", [object, id]) => Call::Archive(named(object)?, (*id).to_owned()),
        ("GET", [object, id, "associations", to]) => {
            Call::PairsOf(named(object)?, (*id).to_owned(), named(to)?)
        }
        ("PUT", [object, id, "associations", "default", to, to_id]) => {
            Call::PairDefault(ends(named(object)?, id, named(to)?, to_id))
        }
        ("PUT", [object, id, "associations", to, to_id]) => {
            Call::PairLabels(ends(named(object)?, id, named(to)?, to_id))
        }
        ("DELETE", [object, id, "associations", to, to_id]) => {
            Call::PairRemove(ends(named(object)?, id, named(to)?, to_id))
        }
        _ => return Ok(None),
    };
    Ok(Some(call))
}

fn ends(from: TypeIndex, from_id: &str, to: TypeIndex, to_id: &str) -> Ends {
    Ends { from, from_id: from_id.to_owned(), to, to_id: to_id.to_owned() }
}

fn associations(
    method: &Method,
    rest: &[&str],
    named: impl Fn(&str) -> Result<TypeIndex, Refusal>,
) -> Result<Option<Call>, Refusal> {
    let [from, to, what @ ..] = rest else { return Ok(None) };
    let (from, to) = (named(from)?, named(to)?);
    Ok(match (method.as_str(), what) {
        ("GET", ["labels"]) => Some(Call::Labels(from, to)),
        ("POST", ["labels"]) => Some(Call::LabelCreate(from, to)),
        ("DELETE", ["labels", id]) => Some(Call::LabelRemove(from, to, (*id).to_owned())),
        ("POST", ["batch", "read"]) => Some(Call::BatchPairsOf(from, to)),
        ("POST", ["batch", "create"]) => Some(Call::BatchPair(from, to)),
        ("POST", ["batch", "associate", "default"]) => Some(Call::BatchPairDefault(from, to)),
        ("POST", ["batch", "archive"]) => Some(Call::BatchUnpair(from, to)),
        ("POST", ["batch", "labels", "archive"]) => Some(Call::BatchUnlabel(from, to)),
        _ => None,
    })
}

fn properties(
    method: &Method,
    rest: &[&str],
    named: impl Fn(&str) -> Result<TypeIndex, Refusal>,
) -> Result<Option<Call>, Refusal> {
    Ok(match (method.as_str(), rest) {
        ("GET", [object]) => Some(Call::Properties(named(object)?)),
        ("POST", [object]) => Some(Call::PropertyCreate(named(object)?)),
        ("GET", [object, name]) => Some(Call::Property(named(object)?, (*name).to_owned())),
        ("PATCH", [object, name]) => Some(Call::PropertyUpdate(named(object)?, (*name).to_owned())),
        ("DELETE", [object, name]) => Some(Call::PropertyArchive(named(object)?, (*name).to_owned())),
        _ => None,
    })
}

fn owners(method: &Method, rest: &[&str]) -> Option<Call> {
    match (method.as_str(), rest) {
        ("GET", []) => Some(Call::Owners),
        ("GET", [id]) => Some(Call::Owner((*id).to_owned())),
        _ => None,
    }
}
