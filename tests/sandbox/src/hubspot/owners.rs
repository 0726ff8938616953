//! Owners, and the pipeline of deals: fixed tables, read only.

use serde_json::{Value, json};

use super::HubSpot;
use super::schema::{DEAL, TypeIndex};
use super::wire::{Query, Refusal, Reply};

/// API page "owners": owners per page.
const PAGE_OWNERS_MAX: usize = 500;
const PAGE_OWNERS_DEFAULT: usize = 100;
const MADE_AT: &str = "2024-01-15T09:00:00.000Z";

/// An owner; `id` is what `hubspot_owner_id` takes, never `user`.
struct Owner {
    id: &'static str,
    user: u64,
    email: &'static str,
    first: &'static str,
    last: &'static str,
    standing: Standing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Active,
    Left,
}

const OWNERS: [Owner; 4] = [
    Owner {
        id: "61001",
        user: 75_000_001,
        email: "amara.osei@example.com",
        first: "Amara",
        last: "Osei",
        standing: Standing::Active,
    },
    Owner {
        id: "61002",
        user: 75_000_002,
        email: "jonas.lind@example.com",
        first: "Jonas",
        last: "Lind",
        standing: Standing::Active,
    },
    Owner {
        id: "61003",
        user: 75_000_003,
        email: "mei.tanaka@example.com",
        first: "Mei",
        last: "Tanaka",
        standing: Standing::Active,
    },
    Owner {
        id: "61004",
        user: 75_000_004,
        email: "piet.devries@example.com",
        first: "Piet",
        last: "de Vries",
        standing: Standing::Left,
    },
];

/// Stages of the default pipeline: name, probability.
const STAGES: [(&str, &str, &str); 7] = [
    ("appointmentscheduled", "Appointment scheduled", "0.2"),
    ("qualifiedtobuy", "Qualified to buy", "0.4"),
    ("presentationscheduled", "Presentation scheduled", "0.6"),
    ("decisionmakerboughtin", "Decision maker bought in", "0.8"),
    ("contractsent", "Contract sent", "0.9"),
    ("closedwon", "Closed won", "1.0"),
    ("closedlost", "Closed lost", "0.0"),
];

impl Owner {
    fn render(&self) -> Value {
        let left = self.standing == Standing::Left;
        json!({
            "id": self.id, "email": self.email, "type": "PERSON", "firstName": self.first,
            "lastName": self.last, "userId": if left { Value::Null } else { json!(self.user) },
            "userIdIncludingInactive": self.user, "createdAt": MADE_AT, "updatedAt": MADE_AT,
            "archived": left, "teams": [],
        })
    }

    fn is_asked(&self, query: &Query) -> bool {
        (self.standing == Standing::Left) == query.is_true("archived")
            && query.one("email").is_none_or(|email| email.is_empty() || email == self.email)
    }
}

impl HubSpot {
    pub(super) fn owners(&self, query: &Query) -> Reply {
        let limit = query.one("limit").and_then(|limit| limit.parse().ok()).unwrap_or(PAGE_OWNERS_DEFAULT);
        let after = query.one("after").unwrap_or_default();
        let mut rest = OWNERS.iter().filter(|owner| owner.is_asked(query) && owner.id >= after);
        let page = rest.by_ref().take(limit.clamp(1, PAGE_OWNERS_MAX)).map(Owner::render);
        let mut body = json!({"results": page.collect::<Vec<Value>>()});
        if let Some(next) = rest.next() {
            body["paging"] = json!({"next": {"after": next.id, "link": format!("?after={}", next.id)}});
        }
        Reply::ok(body)
    }

    pub(super) fn owner(&self, id: &str, query: &Query) -> Result<Reply, Refusal> {
        let by_user = query.one("idProperty") == Some("userId");
        let meant = |owner: &&Owner| if by_user { owner.user.to_string() == id } else { owner.id == id };
        let found = OWNERS.iter().filter(|owner| owner.is_asked(query)).find(meant);
        found.map(|owner| Reply::ok(owner.render())).ok_or_else(Refusal::not_found)
    }

    /// Whether a record can be owned by this owner; also by one who has left, as old values are.
    pub(super) fn has_owner(&self, id: &str) -> bool {
        OWNERS.iter().any(|owner| owner.id == id)
    }

    pub(super) fn pipelines(&self, object: TypeIndex) -> Reply {
        if object != DEAL {
            return Reply::ok(json!({"results": []}));
        }
        let stage = |(order, (id, label, probability)): (usize, &(&str, &str, &str))| {
            let closed = id.starts_with("closed").to_string();
            json!({"id": id, "label": label, "displayOrder": order, "archived": false, "createdAt": MADE_AT,
                "updatedAt": MADE_AT, "metadata": {"probability": probability, "isClosed": closed}})
        };
        let stages: Vec<Value> = STAGES.iter().enumerate().map(stage).collect();
        Reply::ok(json!({"results": [{"id": "default", "label": "Sales pipeline", "displayOrder": 0,
            "archived": false, "createdAt": MADE_AT, "updatedAt": MADE_AT, "stages": stages}]}))
    }
}
