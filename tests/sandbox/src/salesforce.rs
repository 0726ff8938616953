//! A Salesforce organisation as a state machine: OAuth, REST rows, collections, composite, SOQL, replication,
//! SOAP merge, undelete and lead conversion, change events. A call goes in with its time; the answer comes out, and
//! [`Machine::notices`] holds the change events.
//!
//! Deliberately absent: Bulk API, SOSL, sub-queries and aggregates other than `COUNT()`, sharing
//! rules, formula fields, `/composite/graph`, and every fault (those are switched on around the machine).
//!
//! Two routes belong to the sandbox and not to Salesforce: `POST /__sandbox/schema` (hide a field, make it
//! read-only, change its length or its picklist) and `POST /__sandbox/rewrite` (what the organisation does to
//! values). Both need no token.

mod answer;
mod body;
mod call;
mod change;
mod collections;
mod composite;
mod convert;
mod counting;
mod describe;
mod duplicate;
mod event;
mod id;
mod instant;
mod login;
mod outbound;
mod query;
mod removal;
mod replication;
mod rewrite;
mod roles;
mod routes;
mod rows;
mod schema;
mod soap;
mod soql;
mod store;
mod tables;
mod users;
mod value;
mod xml;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use self::change::{HistoryLine, Late, Transaction};
pub use self::convert::convert_operation;
use self::id::Id;
use self::query::Cursors;
use self::rewrite::Rule;
use self::schema::Schema;
pub use self::soap::soap_envelope;
use self::store::{Presence, Record, Store};
pub use self::users::user_id;
use self::value::{Form, Stored};
use crate::crm::{CallKind, Caller, Machine, Notice, Request, Response};

/// Calls in 24 hours (reference 3: 100,000 in Enterprise Edition).
const DAILY_CALLS_MAX: u64 = 100_000;
/// Two hours, the platform's default session timeout [K].
const SESSION_SECONDS: i64 = 7_200;

/// The oldest version that is not retired (reference 0). The official clients still ask for 50.0 and 59.0 by default.
const OLDEST_VERSION: u32 = 31;

/// How an organisation is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The organisation's id, 00D.
    pub org_id: String,
    /// Major API versions that are served.
    pub api_versions: std::ops::RangeInclusive<u32>,
    /// Consumer key.
    pub client_id: String,
    /// Consumer secret.
    pub client_secret: String,
    /// Who a JWT assertion must be about.
    pub username: String,
    /// If given, RS256 signatures of JWT assertions are checked against it.
    pub jwt_public_key_pem: Option<String>,
    /// What `instance_url` says at login; `None`: the host that was called.
    pub instance_url: Option<String>,
    /// How long a session lives, in seconds.
    pub session_seconds: i64,
    /// The user whom a login acts for, 005.
    pub integration_user: String,
    /// The user who acts for [`Caller::Person`].
    pub person: String,
    /// The user who makes the changes of late triggers.
    pub automation_user: String,
    /// Calls in a rolling day.
    pub daily_calls_max: u64,
    /// Records in a page of a query, whatever was asked for ("no guarantee that the batch size is the actual one").
    pub page_max: usize,
    /// What happens to inserts that look like records that are there.
    pub duplicate_rule: DuplicateRule,
    /// Objects selected for change data capture (reference 4.1: at most 5 without an add-on).
    pub change_events: BTreeSet<String>,
    /// The relay's channel, 0YL.
    pub relay_channel_id: String,
    /// The account in the event envelope.
    pub aws_account: String,
    /// The region in the event envelope.
    pub aws_region: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            org_id: Id::numbered("00D", 1).to_string(),
            api_versions: OLDEST_VERSION..=68,
            client_id: "sandbox-client".to_owned(),
            client_secret: "sandbox-secret".to_owned(),
            username: "integration@example.com".to_owned(),
            jwt_public_key_pem: None,
            instance_url: None,
            session_seconds: SESSION_SECONDS,
            integration_user: Id::numbered("005", 1).to_string(),
            person: Id::numbered("005", 2).to_string(),
            automation_user: Id::numbered("005", 3).to_string(),
            daily_calls_max: DAILY_CALLS_MAX,
            page_max: usize::MAX,
            duplicate_rule: DuplicateRule::Off,
            change_events: ["Account", "Contact", "Lead", "Opportunity"].map(str::to_owned).into(),
            relay_channel_id: Id::numbered("0YL", 1).to_string(),
            aws_account: "123456789012".to_owned(),
            aws_region: "us-east-1".to_owned(),
        }
    }
}

/// What happens to an insert that matches living records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DuplicateRule {
    /// It is saved.
    Off,
    /// It is refused unless the caller says `allowSave=true`.
    Alert,
    /// It is refused.
    Block,
}

/// The organisation.
#[derive(Debug)]
pub struct Salesforce {
    config: Config,
    org: Id,
    integration_user: Id,
    person: Id,
    automation_user: Id,
    schema: Schema,
    schema_changed: Timestamp,
    rules: Vec<Rule>,
    store: Store,
    history: BTreeMap<Id, Vec<HistoryLine>>,
    transaction: Option<Transaction>,
    commits: u64,
    late: BTreeMap<(Timestamp, u64, usize), Late>,
    sessions: login::Sessions,
    usage: routes::Usage,
    cursors: Cursors,
    notices: Vec<Notice>,
}

impl Salesforce {
    /// An organisation without records. Ids in `config` that are not ids are replaced by the default ones.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let user = |text: &str, serial| Id::parse(text).unwrap_or_else(|| Id::numbered("005", serial));
        let schema = Schema::standard();
        let [integration_user, person, automation_user] =
            [(&config.integration_user, 1), (&config.person, 2), (&config.automation_user, 3)]
                .map(|(text, serial)| user(text, serial));
        let mut store = Store::new(&schema);
        users::seed(&mut store, &integration_user, &person, &automation_user);
        Self {
            org: Id::parse(&config.org_id).unwrap_or_else(|| Id::numbered("00D", 1)),
            integration_user,
            person,
            automation_user,
            store,
            config,
            schema,
            schema_changed: Timestamp::UNIX_EPOCH,
            rules: Vec::new(),
            history: BTreeMap::new(),
            transaction: None,
            commits: 0,
            late: BTreeMap::new(),
            sessions: login::Sessions::default(),
            usage: routes::Usage::default(),
            cursors: Cursors::default(),
            notices: Vec::new(),
        }
    }

    /// The SOAP body of an outbound message about these records, at most 100 of them; unknown ids are left out.
    #[must_use]
    pub fn outbound_message(&self, object: &str, ids: &[String]) -> String {
        outbound::message(self, object, ids)
    }

    fn newest_version(&self) -> String {
        format!("{}.0", self.config.api_versions.end())
    }

    fn told(&self, object: &str, record: &Record) -> Value {
        let Some(object) = self.schema.any_object(object) else { return Value::Null };
        let named = |name: &str, stored: Option<&Stored>| {
            object.any_field(name).map_or(Value::Null, |field| value::render(field, stored, Form::Rest))
        };
        let fields = record.fields.iter();
        let fields: serde_json::Map<String, Value> =
            fields.map(|(name, stored)| ((*name).to_owned(), named(name, Some(stored)))).collect();
        let line = |line: &HistoryLine| {
            let values: serde_json::Map<String, Value> = line
                .values
                .iter()
                .map(|(name, stored)| ((*name).to_owned(), named(name, stored.as_ref())))
                .collect();
            json!({"at": line.at.to_string(), "by": line.by.name(), "fields": values})
        };
        let history: Vec<Value> = self.history.get(&record.id).into_iter().flatten().map(line).collect();
        json!({
            "is_deleted": !record.is_alive(),
            "is_purged": matches!(record.presence, Presence::Purged { .. }),
            "master": record.get("MasterRecordId").and_then(Stored::text),
            "fields": fields,
            "history": history,
        })
    }
}

impl Machine for Salesforce {
    fn call(&mut self, now: Timestamp, caller: Caller, request: &Request) -> Response {
        let answer = self.answer(now, caller, request);
        answer.with("date", instant::http_text(now)).into_response()
    }

    fn notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    fn kind(&self, request: &Request) -> CallKind {
        counting::kind(&call::Call::of_request(request))
    }

    /// `{"records": {"Contact": {"003..": {"is_deleted", "is_purged", "master", "fields": {..}, "history":
    /// [{"at", "by": "api" | "person" | "trigger", "fields": {what changed}}]}}}}`
    fn truth(&self) -> Value {
        let records: serde_json::Map<String, Value> = self
            .store
            .tables()
            .iter()
            .map(|(object, table)| {
                let rows = table.rows().values();
                let rows: serde_json::Map<String, Value> =
                    rows.map(|record| (record.id.to_string(), self.told(object, record))).collect();
                ((*object).to_owned(), Value::Object(rows))
            })
            .collect();
        json!({"records": records})
    }
}
