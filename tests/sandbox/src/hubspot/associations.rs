//! The associations API, v4 and dated.

use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::HubSpot;
use super::batch::counted;
use super::labels::Kinds;
use super::pairs::{Bond, End, Reference, TypeName, type_ids};
use super::route::{Ends, Family};
use super::schema::TypeIndex;
use super::wire::{Query, Refusal, Reply, parsed};
use super::write::Actor;

/// API page "associations": inputs of a batch read, and of the batches that write.
const READ_INPUTS_MAX: usize = 1_000;
const WRITE_INPUTS_MAX: usize = 2_000;
/// API page "associations": default and largest page.
const PAGE_PAIRS_MAX: usize = 500;

#[derive(Debug, Deserialize)]
struct ReadBody {
    inputs: Vec<ReadInput>,
}

#[derive(Debug, Deserialize)]
struct ReadInput {
    #[serde(flatten)]
    from: Reference,
    #[serde(default)]
    after: Option<String>,
}

#[derive(Debug, Deserialize)]
struct PairsBody {
    inputs: Vec<PairInput>,
}

#[derive(Debug, Deserialize)]
struct PairInput {
    from: Reference,
    to: Reference,
    #[serde(default)]
    types: Vec<TypeName>,
}

#[derive(Debug, Deserialize)]
struct UnpairBody {
    inputs: Vec<UnpairInput>,
}

#[derive(Debug, Deserialize)]
struct UnpairInput {
    from: Reference,
    to: Vec<Reference>,
}

impl HubSpot {
    pub(super) fn pairs_of(
        &self,
        object: TypeIndex,
        id: &str,
        to: TypeIndex,
        query: &Query,
    ) -> Result<Reply, Refusal> {
        let end = self.live_end(object, id)?;
        let limit = query.one("limit").and_then(|limit| limit.parse().ok()).unwrap_or(PAGE_PAIRS_MAX);
        let (page, next) = self.page_of_pairs(end, to, query.one("after"), limit.clamp(1, PAGE_PAIRS_MAX));
        let mut body = json!({"results": page});
        if let Some(after) = next {
            body["paging"] = json!({"next": {"after": after, "link": format!("?after={after}")}});
        }
        Ok(Reply::ok(body))
    }

    fn page_of_pairs(
        &self,
        end: End,
        to: TypeIndex,
        after: Option<&str>,
        limit: usize,
    ) -> (Vec<Value>, Option<String>) {
        let from = after.and_then(|after| after.parse::<u64>().ok()).unwrap_or_default();
        let pairs = self.live_pairs(end, to);
        let mut rest = pairs.into_iter().filter(|(id, _)| *id >= from);
        let line = |(id, bond)| {
            let kinds = Kinds { bond, labels: self.pairs.labels(end, (to, id)) };
            json!({"toObjectId": id, "associationTypes": self.labels.shown(end.0, to, &kinds)})
        };
        let page = rest.by_ref().take(limit).map(line).collect();
        (page, rest.next().map(|(id, _)| id.to_string()))
    }

    pub(super) fn pair_default(&mut self, actor: Actor, ends: &Ends) -> Result<Reply, Refusal> {
        let from = self.live_end(ends.from, &ends.from_id)?;
        let to = self.live_end(ends.to, &ends.to_id)?;
        let results = self.pair_plainly(actor, from, to)?;
        Ok(Reply::batch(200, actor.now, results, Vec::new()))
    }

    /// Associates without a label, which leaves a label that is there. Both directions are in the answer.
    fn pair_plainly(&mut self, actor: Actor, from: End, to: End) -> Result<Vec<Value>, Refusal> {
        let kinds = self.labels.kinds(from.0, to.0, &[])?;
        if self.pairs.of(from, to.0).all(|(id, _)| id != to.1) {
            let steps = self.pairs.set_as(from, to, kinds);
            self.tell_steps(actor, &steps);
        }
        let line = |one: End, other: End| {
            let plain = type_ids(one.0, other.0).map(|(plain, _)| plain);
            json!({"from": {"id": one.1.to_string()}, "to": {"id": other.1.to_string()},
                "associationSpec": {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": plain}})
        };
        Ok(vec![line(from, to), line(to, from)])
    }

    pub(super) fn pair_labels(&mut self, actor: Actor, ends: &Ends, body: &Bytes) -> Result<Reply, Refusal> {
        let types: Vec<TypeName> = parsed(body)?;
        let from = self.live_end(ends.from, &ends.from_id)?;
        let to = self.live_end(ends.to, &ends.to_id)?;
        Ok(Reply::created(self.pair_as(actor, from, to, &types)?))
    }

    /// Associates with exactly these labels.
    fn pair_as(&mut self, actor: Actor, from: End, to: End, types: &[TypeName]) -> Result<Value, Refusal> {
        let kinds = self.labels.kinds(from.0, to.0, types)?;
        let steps = self.pairs.set_as(from, to, kinds.clone());
        self.tell_steps(actor, &steps);
        let primary = (kinds.bond == Bond::Primary).then_some("Primary").into_iter();
        let labels: Vec<&str> = primary.chain(self.labels.names(from.0, to.0, &kinds.labels)).collect();
        Ok(json!({
            "fromObjectTypeId": self.types[from.0.0].type_id, "fromObjectId": from.1,
            "toObjectTypeId": self.types[to.0.0].type_id, "toObjectId": to.1, "labels": labels,
        }))
    }

    pub(super) fn pair_remove(&mut self, actor: Actor, ends: &Ends) -> Result<Reply, Refusal> {
        if let (Ok(from), Ok(to)) =
            (self.live_end(ends.from, &ends.from_id), self.live_end(ends.to, &ends.to_id))
        {
            let steps = self.pairs.remove(from, to, Bond::Plain);
            self.tell_steps(actor, &steps);
        }
        Ok(Reply::nothing())
    }

    /// What belongs to each of many records. A record without any is an error line, and the whole a 207.
    pub(super) fn batch_pairs_of(
        &self,
        now: Timestamp,
        object: TypeIndex,
        to: TypeIndex,
        body: &Bytes,
    ) -> Result<Reply, Refusal> {
        let body: ReadBody = parsed(body)?;
        counted(body.inputs.len(), READ_INPUTS_MAX)?;
        let (one, other) = (&self.types[object.0].singular, &self.types[to.0].singular);
        let (mut results, mut errors) = (Vec::new(), Vec::new());
        for input in body.inputs {
            let id = input.from.text();
            let (page, next) = self.live_end(object, &id).map_or_else(
                |_| (Vec::new(), None),
                |end| self.page_of_pairs(end, to, input.after.as_deref(), PAGE_PAIRS_MAX),
            );
            if page.is_empty() {
                errors.push(json!({
                    "status": "error", "category": "OBJECT_NOT_FOUND",
                    "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
                    "message": format!("No {other} is associated with {one} {id}."),
                    "context": {"fromObjectId": [id], "fromObjectType": [one], "toObjectType": [other]},
                }));
                continue;
            }
            let mut line = json!({"from": {"id": id}, "to": page});
            if let Some(after) = next {
                line["paging"] = json!({"next": {"after": after}});
            }
            results.push(line);
        }
        Ok(Reply::batch(200, now, results, errors))
    }

    pub(super) fn batch_pair(
        &mut self,
        actor: Actor,
        object: TypeIndex,
        to: TypeIndex,
        body: &Bytes,
    ) -> Result<Reply, Refusal> {
        let body: PairsBody = parsed(body)?;
        counted(body.inputs.len(), WRITE_INPUTS_MAX)?;
        let (mut results, mut errors) = (Vec::new(), Vec::new());
        for input in body.inputs {
            match self.ends_of(object, to, &input) {
                Ok((from, to)) => match self.pair_as(actor, from, to, &input.types) {
                    Ok(line) => results.push(line),
                    Err(refusal) => errors.push(refusal.in_batch(about(&input))),
                },
                Err(refusal) => errors.push(refusal.in_batch(about(&input))),
            }
        }
        Ok(Reply::batch(201, actor.now, results, errors))
    }

    pub(super) fn batch_pair_default(
        &mut self,
        actor: Actor,
        object: TypeIndex,
        to: TypeIndex,
        body: &Bytes,
    ) -> Result<Reply, Refusal> {
        let body: PairsBody = parsed(body)?;
        counted(body.inputs.len(), WRITE_INPUTS_MAX)?;
        let (mut results, mut errors) = (Vec::new(), Vec::new());
        for input in body.inputs {
            match self.ends_of(object, to, &input) {
                Ok((from, to)) => results.extend(self.pair_plainly(actor, from, to)?),
                Err(refusal) => errors.push(refusal.in_batch(about(&input))),
            }
        }
        Ok(Reply::batch(200, actor.now, results, errors))
    }

    pub(super) fn batch_unpair(
        &mut self,
        actor: Actor,
        family: Family,
        object: TypeIndex,
        to: TypeIndex,
        body: &Bytes,
    ) -> Result<Reply, Refusal> {
        let body: UnpairBody = parsed(body)?;
        counted(body.inputs.len(), WRITE_INPUTS_MAX)?;
        for input in body.inputs {
            for other in input.to {
                let ends = (self.live_end(object, &input.from.text()), self.live_end(to, &other.text()));
                if let (Ok(from), Ok(to)) = ends {
                    let steps = self.pairs.remove(from, to, Bond::Plain);
                    self.tell_steps(actor, &steps);
                }
            }
        }
        Ok(removed(family, actor.now))
    }

    pub(super) fn batch_unlabel(
        &mut self,
        actor: Actor,
        family: Family,
        object: TypeIndex,
        to: TypeIndex,
        body: &Bytes,
    ) -> Result<Reply, Refusal> {
        let body: PairsBody = parsed(body)?;
        counted(body.inputs.len(), WRITE_INPUTS_MAX)?;
        for input in body.inputs {
            let Ok((from, to)) = self.ends_of(object, to, &input) else { continue };
            for name in &input.types {
                let kinds = self.labels.kinds(from.0, to.0, std::slice::from_ref(name))?;
                let steps = match kinds.labels.is_empty() {
                    true => self.pairs.remove(from, to, kinds.bond),
                    false => self.pairs.unlabel(from, to, &kinds.labels),
                };
                self.tell_steps(actor, &steps);
            }
        }
        Ok(removed(family, actor.now))
    }

    fn ends_of(&self, object: TypeIndex, to: TypeIndex, input: &PairInput) -> Result<(End, End), Refusal> {
        Ok((self.live_end(object, &input.from.text())?, self.live_end(to, &input.to.text())?))
    }
}

fn about(input: &PairInput) -> Value {
    json!({"fromObjectId": [input.from.text()], "toObjectId": [input.to.text()]})
}

/// 204 without a body in v4, 200 with one in the dated versions.
fn removed(family: Family, now: Timestamp) -> Reply {
    match family {
        Family::Numbered => Reply::nothing(),
        Family::Dated => Reply::batch(200, now, Vec::new(), Vec::new()),
    }
}
