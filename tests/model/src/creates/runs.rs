//! The runs of this model: the table of creates.

use crate::explore::{Length, Run};

use super::{Bounds, Create, Creates, HubSpotKey, Join, KeyClaim, LAWS, LookUp, Rules};

impl Rules {
    /// In words, for the table.
    #[must_use]
    pub fn told(self) -> String {
        let create = match self.create {
            Create::Upsert => "upsert",
            Create::Insert => "insert",
        };
        let join = match self.join {
            Join::LinkOnly => "link only",
            Join::Wait => "wait",
            Join::Stamp => "stamp",
            Join::LinkThenStamp => "link, then stamp",
        };
        let claim = match self.claim {
            KeyClaim::Claimed => "",
            KeyClaim::None => ", no KEY# claim",
        };
        let key = match self.hubspot_key {
            HubSpotKey::Free => "",
            HubSpotKey::Unique => ", HubSpot's key unique",
        };
        let look_up = match self.look_up {
            LookUp::First => "",
            LookUp::Never => ", id not looked up",
        };
        format!("{create}, {join}{claim}{look_up}{key}")
    }
}

impl Bounds {
    /// In words, for the table.
    #[must_use]
    pub fn told(self) -> String {
        format!("{}w/{}f/{}e", self.workers, self.faults, self.edits)
    }
}

/// Every run of this model.
#[must_use]
pub fn runs() -> Vec<Run> {
    let design = Rules::DESIGN;
    let upsert = Rules { create: Create::Upsert, ..design };
    // Expected of a run without faults, and of one with faults.
    let rules = [
        (upsert, ["A", "A"]),
        (Rules { join: Join::LinkOnly, ..upsert }, ["AD", "AD"]),
        (Rules { join: Join::Wait, ..upsert }, ["A", "AB"]),
        (Rules { join: Join::LinkOnly, ..design }, ["D", "D"]),
        (Rules { join: Join::Wait, ..design }, ["", "B"]),
        (Rules { join: Join::LinkThenStamp, ..design }, ["E", "DE"]),
        (Rules { look_up: LookUp::Never, ..design }, ["E", "E"]),
        (Rules { claim: KeyClaim::None, ..design }, ["CE", "CE"]),
        (design, ["", ""]),
        (Rules { hubspot_key: HubSpotKey::Unique, ..design }, ["", ""]),
    ];
    let bounds = [
        (Bounds { workers: 2, faults: 0, edits: 1 }, Length::Short),
        (Bounds { workers: 1, faults: 2, edits: 1 }, Length::Short),
        (Bounds { workers: 2, faults: 1, edits: 1 }, Length::Short),
        (Bounds { workers: 2, faults: 2, edits: 1 }, Length::Long),
        (Bounds { workers: 3, faults: 1, edits: 1 }, Length::Long),
    ];
    let mut runs = Vec::new();
    for (rules, [without_faults, with_faults]) in rules {
        for (bounds, length) in bounds {
            let expected = if bounds.faults == 0 { without_faults } else { with_faults };
            let model = Creates { rules, bounds };
            runs.push(Run::of("creates", (rules.told(), bounds.told()), (length, expected), model, LAWS));
        }
    }
    runs
}
