//! What is judged of a world at rest.

use concord_core::link::{Refusal, Status};
use concord_core::names::{ContractVersion, FieldName, LinkId, PerSide, RecordKey};
use concord_core::port::{Commit, Conflict, Expected, JournalEntry, Store as _};
use concord_core::value::{Presence, Value as Typed};
use concord_sandbox::crm::Caller;
use http::Method;
use serde_json::json;

use super::*;

#[test]
fn i1_an_edit_that_nobody_saw_and_nobody_kept_is_lost() {
    let mut world = pair_made_in(H);
    for (side, text) in [(H, "zqOurs"), (S, "zqTheirs")] {
        let record = contacts(&world, side)[0].clone();
        assert!(world.users.put(&world.site, side, 0, &record, (field("job_title"), text)));
    }
    write_unseen(&world, H, "jobtitle", "zqTheirs");
    assert_eq!(judged(&world), Some("I1"));
}

#[test]
fn i2_a_field_that_differs_has_not_converged() {
    let world = pair_made_in(H);
    write_unseen(&world, H, "phone", "+14155550001");
    assert_eq!(judged(&world), Some("I2"));
}

#[test]
fn i3_a_value_that_was_replaced_does_not_stand_again() {
    let mut world = pair_made_in(H);
    let first = contacts(&world, H)[0].values[field("job_title")].clone();
    let record = contacts(&world, H)[0].clone();
    assert!(world.users.put(&world.site, H, 0, &record, (field("job_title"), "zqNew")));
    write_unseen(&world, H, "jobtitle", &first);
    // It is on record as a loser, so it is not lost; and still, what it replaced must not come back.
    commit_change(&world, |commit| commit.journal.push(loser(&commit.link.id, "zqNew")));
    assert_eq!(judged(&world), Some("I3"));
}

fn loser(link: &LinkId, text: &str) -> JournalEntry {
    JournalEntry {
        link: link.clone(),
        generation: Default::default(),
        field: Some(FieldName::new("job_title")),
        rule: "P7 authority".to_owned(),
        target: None,
        before: PerSide { hubspot: Presence::Unknown, salesforce: Presence::Unknown },
        after: Presence::Unknown,
        loser: Some(Presence::Value(Typed::Text(text.to_owned()))),
        contract: ContractVersion(1),
        at: jiff::Timestamp::UNIX_EPOCH,
    }
}

#[test]
fn i4_a_value_that_nobody_typed_is_invented() {
    let world = pair_made_in(H);
    write_unseen(&world, H, "phone", "+14155550001");
    write_unseen(&world, S, "Phone", "+14155550001");
    assert_eq!(judged(&world), Some("I4"));
}

#[test]
fn i4_a_value_that_was_typed_for_somebody_else_is_foreign() {
    let mut world = pair_made_in(H);
    world.users.create(&world.site, H, 0, None).unwrap();
    world.settle().unwrap();
    assert_eq!(judged(&world), None);
    let foreign = contacts(&world, H)[1].values[field("job_title")].clone();
    write_unseen(&world, H, "jobtitle", &foreign);
    write_unseen(&world, S, "Title", &foreign);
    assert_eq!(judged(&world), Some("I4"));
}

#[test]
fn i6_a_conflict_of_equal_values_is_none() {
    let world = pair_made_in(H);
    commit_change(&world, |commit| {
        commit.conflicts.push(Conflict {
            link: commit.link.id.clone(),
            object: commit.link.object.clone(),
            field: FieldName::new("job_title"),
            values: PerSide { hubspot: Presence::Blank, salesforce: Presence::Blank },
            edited: PerSide { hubspot: None, salesforce: None },
            records: commit.link.records.clone(),
            since: jiff::Timestamp::UNIX_EPOCH,
        });
    });
    assert_eq!(judged(&world), Some("I6"));
}

#[test]
fn i8_what_was_added_to_a_set_and_never_taken_out_stands() {
    let mut world = pair_made_in(H);
    let record = contacts(&world, H)[0].clone();
    assert!(world.users.put(&world.site, H, 0, &record, (field("interests"), "music")));
    world.settle().unwrap();
    assert_eq!(judged(&world), None);
    write_unseen(&world, H, "interests", "");
    write_unseen(&world, S, "Interests__c", "");
    assert_eq!(judged(&world), Some("I8"));
}

#[test]
fn i13_a_record_belongs_to_one_link() {
    let world = pair_made_in(H);
    let mut second = links(&world)[0].clone();
    second.id = LinkId::new("another");
    second.generation = concord_core::names::Generation(1);
    // It claims nothing, or the store would refuse it; the observer is told that it is there.
    let commit = Commit::of_link(Expected::New, second, Vec::new());
    let stranger = RecordKey { side: H, object: "contact".into(), id: "0".into() };
    commits(&world, &Commit { records: vec![stranger], ..commit.clone() });
    oracle::now(world.site.store.commit(commit)).unwrap();
    assert_eq!(judged(&world), Some("I13"));
}

#[test]
fn i14_a_record_is_made_once_on_each_side() {
    let mut world = pair_made_in(S);
    let made = contacts(&world, H)[0].clone();
    world.users.delete(&world.site, H, 0, &made.id);
    let body =
        json!({"properties": {"concord_id": made.concord_id.unwrap(), "email": "zqother@example.com"}});
    call(&world, H, Caller::Api, Method::POST, "/crm/v3/objects/contacts", &body);
    assert_eq!(judged(&world), Some("I14"));
}

#[test]
fn i14_one_record_of_a_pair_was_there_before_concord() {
    let mut world = pair_made_in(S);
    world.users.create(&world.site, H, 0, None).unwrap();
    world.settle().unwrap();
    assert_eq!(judged(&world), None);
    // Each of the two pairs gets the other's record on Salesforce.
    let [one, other]: [Link; 2] = links(&world).try_into().unwrap();
    let halves = [one.records.salesforce.clone(), other.records.salesforce.clone()];
    commit_change_of(&world, one, |commit| commit.link.records.salesforce = halves[1].clone());
    commit_change_of(&world, other, |commit| commit.link.records.salesforce = halves[0].clone());
    assert_eq!(judged(&world), Some("I14"));
}

#[test]
fn i16_two_records_are_one_thing_by_a_key_or_by_a_persons_word() {
    let mut world = World::of_profile(Profile::calm("hold"), false).unwrap();
    let key = world.users.create(&world.site, H, 0, None);
    world.users.create(&world.site, S, 0, key).unwrap();
    world.settle().unwrap();
    assert_eq!(judged(&world), None);
    let keys = world.users.edits.iter_mut().filter(|edit| (edit.side, edit.field) == (S, field("email")));
    keys.for_each(|edit| edit.value = "zqother@example.com".to_owned());
    assert_eq!(judged(&world), Some("I16"));
    let rule = "P6 a person linked".to_owned();
    commit_change(&world, |commit| {
        commit.journal.push(JournalEntry { rule, ..loser(&commit.link.id, "zq") })
    });
    assert_ne!(judged(&world), Some("I16"));
}

#[test]
fn i18_a_record_is_not_flagged_while_its_counterpart_lives() {
    let world = pair_made_in(H);
    write_unseen(&world, H, "deleted_in_crm", "true");
    assert_eq!(judged(&world), Some("I18"));
}

#[test]
fn i18_a_link_does_not_believe_that_a_living_record_is_deleted() {
    let world = pair_made_in(H);
    commit_change(&world, |commit| commit.link.status = Status::Flagged { deleted: S });
    assert_eq!(judged(&world), Some("I18"));
}

#[test]
fn i18_what_was_called_deleted_was_deleted() {
    let mut world = pair_made_in(H);
    commit_change(&world, |commit| {
        commit.journal.push(JournalEntry { rule: "P9 flag".to_owned(), ..loser(&commit.link.id, "zq") });
    });
    assert_eq!(judged(&world), Some("I18"));
    let id = contacts(&world, S)[0].id.clone();
    world.users.delete(&world.site, S, 0, &id);
    assert_eq!(judged(&world), Some("I2"), "nobody has passed it on");
    commit_change(&world, |commit| commit.link.status = Status::Flagged { deleted: S });
    assert_eq!(judged(&world), Some("I2"), "it is said, and not done");
    write_unseen(&world, H, "deleted_in_crm", "true");
    assert_eq!(judged(&world), None);
}

#[test]
fn i18_what_was_taken_out_of_the_bin_is_not_put_back_for_the_same_delete() {
    let mut profile = Profile::calm("hold");
    profile.archives = true;
    let mut world = World::of_profile(profile, false).unwrap();
    world.users.create(&world.site, H, 0, None).unwrap();
    world.settle().unwrap();
    let here = contacts(&world, H)[0].id.clone();
    world.users.delete(&world.site, H, 0, &here);
    world.settle().unwrap();
    assert_eq!(judged(&world), None);
    let rule = "P9 taken out of the bin on one side alone: unlinked".to_owned();
    commit_change(&world, |commit| {
        commit.journal.push(JournalEntry { rule, ..loser(&commit.link.id, "zq") })
    });
    assert_eq!(judged(&world), Some("I18"));
}

#[test]
fn i35_nobody_is_set_aside_for_nothing() {
    let world = pair_made_in(H);
    commit_change(&world, |commit| commit.link.refused[S] = Refusal::Parked);
    assert_eq!(judged(&world), Some("I35"));
}

#[test]
fn i32_a_living_record_has_a_link_or_somebody_is_told() {
    let mut world = pair_made_in(H);
    world.users.create(&world.site, S, 0, None).unwrap();
    assert_eq!(judged(&world), Some("I32"));
}
