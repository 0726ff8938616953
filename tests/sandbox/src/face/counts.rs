//! Counts of calls, by kind.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::crm::{CallKind, Caller};

/// The calls that reached the machine since the last reset, and those that a fault kept from it.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts {
    api: Tally,
    person: Tally,
    kept_off: u64,
}

/// Requests and records by kind.
#[derive(Debug, Clone, Default)]
struct Tally(BTreeMap<&'static str, (u64, u64)>);

impl Counts {
    pub(super) fn count(&mut self, caller: Caller, kind: &CallKind) {
        let tally = match caller {
            Caller::Api => &mut self.api,
            Caller::Person => &mut self.person,
        };
        let (requests, records) = tally.0.entry(kind.name).or_default();
        *requests += 1;
        *records += kind.weight as u64;
    }

    pub(super) fn count_kept_off(&mut self) {
        self.kept_off += 1;
    }

    pub(super) fn shown(&self) -> Value {
        let mut shown = self.api.shown();
        shown["person"] = self.person.shown();
        shown["kept_off_by_faults"] = json!(self.kept_off);
        shown
    }
}

impl Tally {
    fn shown(&self) -> Value {
        let kinds = self.0.iter();
        let by_kind: serde_json::Map<String, Value> = kinds
            .map(|(name, (requests, records))| {
                ((*name).to_owned(), json!({"requests": requests, "records": records}))
            })
            .collect();
        let total: u64 = self.0.values().map(|(requests, _)| requests).sum();
        let writes = self.0.iter().filter(|(name, _)| name.starts_with("write_"));
        let writes: u64 = writes.map(|(_, (_, records))| records).sum();
        json!({"total": total, "writes": writes, "by_kind": by_kind})
    }
}
