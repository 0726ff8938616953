//! From a request to the endpoint that answers it: versions, sessions, the daily limit, paths.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Salesforce;
use super::answer::{Answer, Refusal};
use super::call::{Call, URI_BYTES_MAX};
use super::change::{By, Context};
use super::login::token_of;
use super::replication::{DELETED_DAYS_MAX, days_before};
use super::rewrite::Rules;
use super::schema::{SchemaChange, Sight};
use crate::crm::{Caller, Request};

/// Versions 21 to 30 were retired in Summer '25 (reference 0); older ones before.
const RETIRED_VERSION_MAX: u32 = 30;
const SECONDS_PER_HOUR: i64 = 3_600;
const HOURS_PER_DAY: i64 = 24;
/// What a person's screen says of itself in `changeOrigin` (reference 4.1).
const SCREEN_CLIENT: &str = "SfdcInternalAPI/";

/// Calls by hour.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    by_hour: BTreeMap<i64, u64>,
}

impl Usage {
    fn in_a_day(&mut self, now: Timestamp) -> u64 {
        let hour = now.as_second().div_euclid(SECONDS_PER_HOUR);
        self.by_hour.retain(|counted, _| *counted > hour - HOURS_PER_DAY);
        self.by_hour.values().sum()
    }

    fn count(&mut self, now: Timestamp) {
        *self.by_hour.entry(now.as_second().div_euclid(SECONDS_PER_HOUR)).or_default() += 1;
    }
}

impl Salesforce {
    pub(crate) fn answer(&mut self, now: Timestamp, caller: Caller, request: &Request) -> Answer {
        self.store.purge_before(days_before(now, DELETED_DAYS_MAX));
        self.run_late_triggers(now);
        if request.uri().path_and_query().is_some_and(|uri| uri.as_str().len() > URI_BYTES_MAX) {
            return Refusal::new(414, "URI_TOO_LONG", "The URI is too long").into_answer();
        }
        let call = Call::of_request(request);
        let segments: Vec<&str> = call.path.iter().map(String::as_str).collect();
        match (call.method.as_str(), segments.as_slice()) {
            ("POST", ["__sandbox", "schema"]) => self.change_schema(now, &call),
            ("POST", ["__sandbox", "rewrite"]) => self.change_rules(&call),
            ("POST", ["services", "oauth2", "token"]) => self.log_in(now, &call),
            ("GET" | "HEAD", ["services", "data"]) => self.versions(),
            ("POST", ["services", "Soap", "u", version, ..]) => self.soap(now, caller, version, &call),
            (_, ["services", "data", _, ..]) => self.data(now, caller, &call),
            _ => Refusal::not_found().into_answer(),
        }
    }

    fn data(&mut self, now: Timestamp, caller: Caller, call: &Call) -> Answer {
        let Some((version, segments)) = call.data_path() else { return Refusal::not_found().into_answer() };
        if let Err(refusal) = self.check_version(version) {
            return refusal.into_answer();
        }
        if let Err(refusal) = self.check_session(now, caller, token_of(call)) {
            return refusal.into_answer();
        }
        let outcome = self.count_call(now, caller).and_then(|()| {
            let context = self.context(now, caller, version, "rest", call);
            self.route(&context, call, &segments)
        });
        self.with_limit_info(now, outcome.unwrap_or_else(Refusal::into_answer))
    }

    fn check_version(&self, version: &str) -> Result<(), Refusal> {
        let major = version.strip_suffix(".0").and_then(|text| text.parse::<u32>().ok());
        match major {
            Some(major) if self.config.api_versions.contains(&major) => Ok(()),
            Some(..=RETIRED_VERSION_MAX) => {
                let message = format!("API version {version} is retired");
                Err(Refusal::new(410, "UNSUPPORTED_API_VERSION", message))
            }
            Some(_) | None => Err(Refusal::not_found()),
        }
    }

    pub(crate) fn check_session(
        &self,
        now: Timestamp,
        caller: Caller,
        token: Option<&str>,
    ) -> Result<(), Refusal> {
        let live = match caller {
            Caller::Person => true,
            Caller::Api => token.is_some_and(|token| self.sessions.is_live(token, now)),
        };
        if live {
            return Ok(());
        }
        Err(Refusal::new(401, "INVALID_SESSION_ID", "Session expired or invalid"))
    }

    pub(crate) fn count_call(&mut self, now: Timestamp, caller: Caller) -> Result<(), Refusal> {
        match caller {
            Caller::Person => Ok(()),
            Caller::Api if self.usage.in_a_day(now) >= self.config.daily_calls_max => {
                Err(Refusal::new(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."))
            }
            Caller::Api => {
                self.usage.count(now);
                Ok(())
            }
        }
    }

    fn with_limit_info(&mut self, now: Timestamp, answer: Answer) -> Answer {
        let used = self.usage.in_a_day(now);
        answer.with("sforce-limit-info", format!("api-usage={used}/{}", self.config.daily_calls_max))
    }

    pub(crate) fn context(
        &self,
        now: Timestamp,
        caller: Caller,
        version: &str,
        api: &str,
        call: &Call,
    ) -> Context {
        let (sight, by, user, origin) = match caller {
            Caller::Api => {
                let client = call.header_part("sforce-call-options", "client");
                let client = client.map(|client| format!(";client={client}")).unwrap_or_default();
                let origin = format!("com/salesforce/api/{api}/{version}{client}");
                (Sight::Program, By::Api, &self.integration_user, origin)
            }
            Caller::Person => {
                let origin = format!("com/salesforce/api/soap/{version};client={SCREEN_CLIENT}");
                (Sight::Person, By::Person, &self.person, origin)
            }
        };
        let allow = call.header_part("sforce-duplicate-rule-header", "allowSave");
        let allow_duplicates = allow.is_some_and(|allow| allow.eq_ignore_ascii_case("true"));
        Context { now, sight, by, user: user.clone(), version: version.to_owned(), origin, allow_duplicates }
    }

    /// The segments after the version.
    pub(crate) fn route(
        &mut self,
        context: &Context,
        call: &Call,
        segments: &[&str],
    ) -> Result<Answer, Refusal> {
        match (call.method.as_str(), segments) {
            ("GET", []) => Ok(resources(context)),
            ("GET", ["limits"]) => Ok(self.limits(context)),
            ("GET", ["query" | "queryAll"]) => self.query(context, call, segments == ["queryAll"]),
            ("GET", ["query" | "queryAll", locator]) => self.query_more(context, locator),
            ("GET" | "HEAD", ["sobjects"]) => Ok(self.describe_global(context, call)),
            (_, ["sobjects", object, rest @ ..]) => {
                let object = self.visible(context, object)?;
                self.route_object(context, call, object, rest)
            }
            ("POST", ["composite"]) => self.composite(context, call),
            ("POST", ["composite", "batch"]) => self.batch(context, call),
            (_, ["composite", "sobjects"]) => self.collection(context, call),
            (_, ["composite", "sobjects", object]) => {
                let object = self.visible(context, object)?;
                self.collection_read(context, object, call)
            }
            ("PATCH", ["composite", "sobjects", object, key]) => {
                let object = self.visible(context, object)?;
                self.collection_upsert(context, object, key, call)
            }
            _ => Err(Refusal::not_found()),
        }
    }

    fn visible(&self, context: &Context, name: &str) -> Result<&'static str, Refusal> {
        self.schema.object(name, context.sight).map(|object| object.name).ok_or_else(Refusal::not_found)
    }

    fn route_object(
        &mut self,
        context: &Context,
        call: &Call,
        object: &'static str,
        rest: &[&str],
    ) -> Result<Answer, Refusal> {
        match (call.method.as_str(), rest) {
            ("GET" | "HEAD", []) => self.object_info(context, object),
            ("POST", [] | ["Id"]) => self.row_insert(context, object, call),
            (other, []) => Err(Refusal::method(other, "HEAD,GET,POST")),
            ("GET" | "HEAD", ["describe"]) => self.describe(context, object, call),
            ("GET", ["updated"]) => self.updated(context, object, call),
            ("GET", ["deleted"]) => self.deleted(context, object, call),
            (_, [id]) => self.row(context, object, id, call),
            (_, [key, text]) if key.eq_ignore_ascii_case("id") => self.row(context, object, text, call),
            (_, [key, text]) => self.row_by_key(context, object, key, text, call),
            _ => Err(Refusal::not_found()),
        }
    }

    fn limits(&mut self, context: &Context) -> Answer {
        let max = self.config.daily_calls_max;
        let remaining = max.saturating_sub(self.usage.in_a_day(context.now));
        Answer::ok(json!({"DailyApiRequests": {"Max": max, "Remaining": remaining}}))
    }

    fn versions(&self) -> Answer {
        let version = |major| {
            json!({
                "label": format!("Version {major}"), "url": format!("/services/data/v{major}.0"),
                "version": format!("{major}.0"),
            })
        };
        Answer::ok(self.config.api_versions.clone().map(version).collect::<Vec<Value>>().into())
    }

    fn change_schema(&mut self, now: Timestamp, call: &Call) -> Answer {
        let change = match serde_json::from_slice::<SchemaChange>(&call.body) {
            Ok(change) => change,
            Err(error) => return Refusal::json_parser(error.to_string()).into_answer(),
        };
        match self.schema.change(&change) {
            Ok(()) => {
                self.schema_changed = now;
                Answer::empty(204)
            }
            Err(reason) => Refusal::bad("INVALID_FIELD", reason).into_answer(),
        }
    }

    fn change_rules(&mut self, call: &Call) -> Answer {
        match serde_json::from_slice::<Rules>(&call.body) {
            Ok(rules) => {
                self.rules = rules.rules;
                Answer::empty(204)
            }
            Err(error) => Refusal::json_parser(error.to_string()).into_answer(),
        }
    }
}

fn resources(context: &Context) -> Answer {
    let base = format!("/services/data/v{}", context.version);
    let names = ["sobjects", "query", "queryAll", "composite", "limits"];
    Answer::ok(json!(
        names.map(|name| (name, format!("{base}/{name}"))).into_iter().collect::<BTreeMap<_, _>>()
    ))
}
