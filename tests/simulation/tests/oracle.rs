//! The judge can say no: for each invariant that is checked, a world that breaks it is refused with its number. A
//! check that nothing can fail proves nothing.
//!
//! Not here: I33 (schedules that write for ever) and I44 (one seed, two worlds) need an engine or a simulation that is
//! itself broken; so does the half of I41 in which a forged delivery is let in, and of I37 in which a calm world comes to
//! rest over a message.

#![expect(clippy::unwrap_used, reason = "a test")]

#[path = "oracle/at_once.rs"]
mod at_once;
#[path = "oracle/at_rest.rs"]
mod at_rest;
#[path = "oracle/in_time.rs"]
mod in_time;

use bytes::Bytes;
use concord_core::link::Link;
use concord_core::names::{LinkId, Side};
use concord_core::port::{Commit, Expected, Store as _};
use concord_sandbox::crm::Caller;
use concord_simulation::display::{OBJECTS, Shown};
use concord_simulation::oracle;
use concord_simulation::profile::Profile;
use concord_simulation::watch::Broken;
use concord_simulation::world::World;
use http::{Method, Request};
use serde_json::{Value, json};

const H: Side = Side::HubSpot;
const S: Side = Side::Salesforce;

/// A contact that was made on this side, and its counterpart, at rest. Nothing is wrong with it.
fn pair_made_in(side: Side) -> World {
    let mut world = World::of_profile(Profile::calm("hold"), false).unwrap();
    world.users.create(&world.site, side, 0, None).unwrap();
    world.settle().unwrap();
    assert_eq!(oracle::check(&world), Ok(()));
    assert_eq!(seen(&world), []);
    world
}

/// What was seen while the world ran.
fn seen(world: &World) -> Vec<Broken> {
    world.site.watch().broken.clone()
}

/// The invariants among it.
fn invariants_seen(world: &World) -> Vec<&'static str> {
    seen(world).into_iter().map(|broken| broken.invariant).collect()
}

/// What the judge says of a world at rest.
fn judged(world: &World) -> Option<&'static str> {
    oracle::check(world).err().map(|broken| broken.invariant)
}

/// The contacts of a side, oldest first.
/// What the store would say of a commit.
fn commits(world: &World, commit: &Commit) {
    world.site.watch().committed(commit, world.site.clock.now());
}

fn contacts(world: &World, side: Side) -> Vec<Shown> {
    world.users.look(&world.site, side, 0)
}

/// A value is written, and nobody knows of anybody who typed it.
fn write_unseen(world: &World, side: Side, wire: &str, value: &str) {
    let id = &contacts(world, side)[0].id;
    let (path, body) = match side {
        Side::HubSpot => (format!("/crm/v3/objects/contacts/{id}"), json!({ "properties": { wire: value } })),
        Side::Salesforce => (format!("/services/data/v66.0/sobjects/Contact/{id}"), json!({ wire: value })),
    };
    call(world, side, Caller::Person, Method::PATCH, &path, &body);
}

fn call(world: &World, side: Side, caller: Caller, method: Method, path: &str, body: &Value) -> Value {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {}", concord_simulation::site::HUBSPOT_TOKEN))
        .body(Bytes::from(body.to_string()))
        .unwrap();
    let answer = world.site.arrive(side, caller, &request);
    assert!(answer.status().is_success(), "{path}: {answer:?}");
    serde_json::from_slice(answer.body()).unwrap_or(Value::Null)
}

/// All links, in the order of their records.
fn links(world: &World) -> Vec<Link> {
    let mut ids: Vec<LinkId> = Vec::new();
    for (_, link) in &world.site.watch().members {
        if !ids.contains(link) {
            ids.push(link.clone());
        }
    }
    oracle::now(world.site.store.links(&ids)).unwrap().into_iter().flatten().collect()
}

/// Commits a change of the first link, past all of Concord's rules.
fn commit_change(world: &World, change: impl FnOnce(&mut Commit)) {
    commit_change_of(world, links(world)[0].clone(), change);
}

fn commit_change_of(world: &World, mut link: Link, change: impl FnOnce(&mut Commit)) {
    let expected = Expected::At(link.generation);
    link.generation = link.generation.next();
    let mut commit = Commit::of_link(expected, link, Vec::new());
    change(&mut commit);
    oracle::now(world.site.store.commit(commit)).unwrap();
}

/// The index of a contact's field.
fn field(name: &str) -> usize {
    OBJECTS[0].fields.iter().position(|field| field.name == name).unwrap()
}
