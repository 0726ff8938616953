//! HubSpot as a pure state machine: objects, properties, associations, owners, search, webhooks and limits.
//!
//! Faithful to what is documented or recorded of the real one; what is neither says so where it is decided.
//! Deliberately absent: imports, lists, engagements, forms, the webhooks journal, webhook settings, property
//! groups, association labels of a portal's own. A person ([`crate::crm::Caller::Person`]) makes the same calls
//! without a token and without limits, and alone can restore: `POST .../{type}/{id}/restore` is the sandbox's own
//! path, as is `POST /__sandbox/rewrite`, whose body is [`Rules`].

mod access;
mod associations;
mod batch;
mod config;
mod defaults;
mod events;
mod filter;
mod kinds;
mod labels;
mod merge;
mod objects;
mod owners;
mod pairs;
mod primary;
mod properties;
mod route;
mod rules;
mod schema;
mod search;
mod store;
mod truth;
mod value;
mod wire;
mod write;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::crm::{CallKind, Caller, Machine, Notice, Request, Response};

pub use config::{
    ACCESS_TOKEN_SECONDS, Bumps, COMPANY_BUMP_MS, CONTACT_BUMP_MS, Config, CustomType, DAY_CALLS_MAX,
    INDEX_LAG_MS, Limits, MergeEvents, OAuthClient, RecordUrls, SECOND_SEARCHES_MAX, Subscriptions,
    TEN_SECOND_CALLS_MAX, WatchedProperties,
};
pub use rules::{Effect, Rewrite, Rules, Trigger};

use access::{Issued, LimitHeaders, Windows};
use batch::Verb;
use labels::Labels;
use pairs::Pairs;
use route::{Call, Family, route};
use schema::{ObjectType, TypeIndex, Uniqueness, custom_type, standard_types};
use store::Who;
use wire::{Query, Refusal, Reply, parsed, respond, whole_ms};
use write::Actor;

/// For how long the bin keeps a record (knowledge base, "Restore deleted records": 90 days).
const BIN_KEEPS: SignedDuration = SignedDuration::from_hours(90 * 24);

/// A HubSpot portal with one app installed.
#[derive(Debug)]
pub struct HubSpot {
    config: Config,
    types: Vec<ObjectType>,
    pairs: Pairs,
    labels: Labels,
    issued: Issued,
    windows: Windows,
    /// When which new record is stamped a second time.
    bumps: BTreeSet<(Timestamp, TypeIndex, u64)>,
    outbox: Vec<Notice>,
    /// How often chance has been asked.
    throws: u64,
}

impl HubSpot {
    /// An empty portal.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let mut types = standard_types(config.first_record_id);
        types.extend(config.custom_types.iter().map(|custom| custom_type(custom, config.first_record_id)));
        for of_type in &mut types {
            let unique = of_type.properties.values().filter(|known| known.uniqueness == Uniqueness::Unique);
            for property in unique {
                of_type.store.track(&property.name);
            }
        }
        Self {
            config,
            types,
            pairs: Pairs::default(),
            labels: Labels::default(),
            issued: Issued::default(),
            windows: Windows::default(),
            bumps: BTreeSet::new(),
            outbox: Vec::new(),
            throws: 0,
        }
    }

    /// What the portal is set to.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Sets how the portal rewrites, from now on.
    pub fn set_rules(&mut self, rules: Rules) {
        self.config.rules = rules;
    }

    /// Sets the limits, from now on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.config.limits = limits;
    }

    /// Sets which scopes the app lacks, from now on.
    pub fn set_missing_scopes(&mut self, scopes: BTreeSet<String>) {
        self.config.missing_scopes = scopes;
    }

    /// Sets which tokens are taken, from now on.
    pub fn set_tokens(&mut self, tokens: BTreeSet<String>) {
        self.config.tokens = tokens;
    }

    /// Routes, authenticates, admits and answers.
    fn handle(
        &mut self,
        now: Timestamp,
        caller: Caller,
        request: &Request,
    ) -> (LimitHeaders, Result<Reply, Refusal>) {
        let routed = route(request.method(), request.uri().path(), |name| self.type_named(name));
        let (family, call) = match routed {
            Ok(routed) => routed,
            Err(refusal) => return (LimitHeaders::new(), Err(refusal)),
        };
        let mut headers = LimitHeaders::new();
        let who = match caller {
            Caller::Person => Who::Person,
            Caller::Api => Who::Api,
        };
        if who == Who::Api && !matches!(call, Call::Token | Call::Rewrite) {
            let pass = match self.authenticate(now, request) {
                Ok(pass) => pass,
                Err(refusal) => return (headers, Err(refusal)),
            };
            let (limits, admitted) = self.admit(now, pass, &call);
            headers = limits;
            if let Err(refusal) = admitted.and_then(|()| self.authorize(&call)) {
                return (headers, Err(refusal));
            }
        }
        (headers, self.answer(Actor { now, who }, family, call, request))
    }

    fn answer(
        &mut self,
        actor: Actor,
        family: Family,
        call: Call,
        request: &Request,
    ) -> Result<Reply, Refusal> {
        let query = Query::of(request.uri());
        let (now, body) = (actor.now, request.body());
        match call {
            Call::Token => self.token(now, body),
            Call::Rewrite => self.rewrite(body),
            Call::List(object) => self.list(object, &query),
            Call::Create(object) => self.create_one(object, actor, body),
            Call::Read(object, id) => self.read(object, &id, &query),
            Call::Update(object, id) => self.update_one(object, actor, &id, &query, body),
            Call::Archive(object, id) => self.archive_one(object, actor, &id),
            Call::Restore(object, id) => self.restore(object, actor, &id),
            Call::Merge(object) => self.merge(object, actor, body),
            Call::Erase(object) => self.erase(object, actor, body),
            Call::Search(object) => self.search(object, now, body),
            Call::BatchRead(object) => self.batch_read(object, now, &query, body),
            Call::BatchCreate(object) => self.batch_write(object, actor, Verb::Create, body),
            Call::BatchUpdate(object) => self.batch_write(object, actor, Verb::Update, body),
            Call::BatchUpsert(object) => self.batch_write(object, actor, Verb::Upsert, body),
            Call::BatchArchive(object) => self.batch_archive(object, actor, body),
            Call::PairsOf(object, id, to) => self.pairs_of(object, &id, to, &query),
            Call::PairDefault(ends) => self.pair_default(actor, &ends),
            Call::PairLabels(ends) => self.pair_labels(actor, &ends, body),
            Call::PairRemove(ends) => self.pair_remove(actor, &ends),
            Call::BatchPairsOf(object, to) => self.batch_pairs_of(now, object, to, body),
            Call::BatchPair(object, to) => self.batch_pair(actor, object, to, body),
            Call::BatchPairDefault(object, to) => self.batch_pair_default(actor, object, to, body),
            Call::BatchUnpair(object, to) => self.batch_unpair(actor, family, object, to, body),
            Call::BatchUnlabel(object, to) => self.batch_unlabel(actor, family, object, to, body),
            Call::Labels(object, to) => Ok(self.labels(object, to)),
            Call::LabelCreate(object, to) => self.label_create(object, to, body),
            Call::LabelRemove(object, to, id) => self.label_remove(object, to, &id),
            Call::Properties(object) => Ok(self.property_list(object, &query)),
            Call::PropertyCreate(object) => self.property_create(object, now, body),
            Call::Property(object, name) => self.property_read(object, &name, &query),
            Call::PropertyUpdate(object, name) => self.property_update(object, now, &name, body),
            Call::PropertyArchive(object, name) => self.property_archive(object, now, &name),
            Call::Owners => Ok(self.owners(&query)),
            Call::Owner(id) => self.owner(&id, &query),
            Call::Pipelines(object) => Ok(self.pipelines(object)),
        }
    }

    fn rewrite(&mut self, body: &bytes::Bytes) -> Result<Reply, Refusal> {
        self.config.rules = parsed(body)?;
        Ok(Reply::ok(json!(self.config.rules)))
    }

    fn type_named(&self, name: &str) -> Option<TypeIndex> {
        self.types.iter().position(|of_type| of_type.answers_to(name)).map(TypeIndex)
    }

    /// Stamps the new records whose time has come.
    fn bump_created(&mut self, now: Timestamp) {
        while let Some((due, object, id)) = self.bumps.first().copied().filter(|bump| bump.0 <= now) {
            self.bumps.remove(&(due, object, id));
            self.types[object.0].store.bump(id, due);
        }
    }

    /// The next number of a fixed sequence that looks random (splitmix64).
    fn chance(&mut self) -> u64 {
        self.throws += 1;
        let mixed = self.config.seed.wrapping_add(self.throws.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Puts values into an order that nobody may rely on.
    fn shuffled(&mut self, values: Vec<Value>) -> Vec<Value> {
        let mut drawn: Vec<(u64, Value)> = values.into_iter().map(|value| (self.chance(), value)).collect();
        drawn.sort_by_key(|(throw, _)| *throw);
        drawn.into_iter().map(|(_, value)| value).collect()
    }
}

impl Machine for HubSpot {
    fn call(&mut self, now: Timestamp, caller: Caller, request: &Request) -> Response {
        let now = whole_ms(now);
        self.bump_created(now);
        self.types.iter_mut().for_each(|of_type| of_type.store.empty_the_bin(now - BIN_KEEPS));
        let (high, low) = (self.chance(), self.chance());
        let correlation = format!(
            "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            low >> 52,
            low & 0xffff_ffff_ffff
        );
        let (headers, answer) = self.handle(now, caller, request);
        respond(answer, headers, &correlation, now)
    }

    fn notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.outbox)
    }

    fn kind(&self, request: &Request) -> CallKind {
        match route(request.method(), request.uri().path(), |name| self.type_named(name)) {
            Ok((_, call)) => kinds::kind(&call, request),
            Err(_) => CallKind { name: "unknown", weight: 1 },
        }
    }

    fn truth(&self) -> Value {
        self.every_record()
    }
}
