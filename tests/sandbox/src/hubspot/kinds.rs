//! What calls count as.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::crm::{CallKind, Request};

use super::route::Call;

#[derive(Deserialize)]
struct Inputs {
    #[serde(default)]
    inputs: Vec<IgnoredAny>,
}

/// The name of a call, and how many records it reads or writes. A listing or a search counts as one: how many
/// records come is not known before the answer.
pub(super) fn kind(call: &Call, request: &Request) -> CallKind {
    let one = |name| CallKind { name, weight: 1 };
    let batch = |name| {
        let inputs = serde_json::from_slice(request.body()).map_or(0, |body: Inputs| body.inputs.len());
        CallKind { name, weight: inputs }
    };
    match call {
        Call::Token => one("token"),
        Call::Rewrite => one("sandbox"),
        Call::List(_) => one("list"),
        Call::Create(_) => one("write_create"),
        Call::Read(_, _) => one("read"),
        Call::Update(_, _) => one("write_update"),
        Call::Archive(_, _) => one("write_archive"),
        Call::Restore(_, _) => one("write_restore"),
        Call::Merge(_) => one("write_merge"),
        Call::Erase(_) => one("write_erase"),
        Call::Search(_) => one("search"),
        Call::BatchRead(_) => batch("batch_read"),
        Call::BatchCreate(_) => batch("write_batch_create"),
        Call::BatchUpdate(_) => batch("write_batch_update"),
        Call::BatchUpsert(_) => batch("write_batch_upsert"),
        Call::BatchArchive(_) => batch("write_batch_archive"),
        Call::PairsOf(_, _, _) => one("association_read"),
        Call::BatchPairsOf(_, _) => batch("association_batch_read"),
        Call::PairDefault(_) | Call::PairLabels(_) => one("write_associate"),
        Call::PairRemove(_) => one("write_disassociate"),
        Call::BatchPair(_, _) | Call::BatchPairDefault(_, _) => batch("write_batch_associate"),
        Call::BatchUnpair(_, _) | Call::BatchUnlabel(_, _) => batch("write_batch_disassociate"),
        Call::Labels(_, _) => one("association_labels"),
        Call::LabelCreate(_, _) => one("label_create"),
        Call::LabelRemove(_, _, _) => one("label_archive"),
        Call::Properties(_) | Call::Property(_, _) => one("property_read"),
        Call::PropertyCreate(_) => one("property_create"),
        Call::PropertyUpdate(_, _) => one("property_update"),
        Call::PropertyArchive(_, _) => one("property_archive"),
        Call::Owners | Call::Owner(_) => one("owners"),
        Call::Pipelines(_) => one("pipelines"),
    }
}
