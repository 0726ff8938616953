//! An object some of whose records are leads: the client against the sandbox.

use std::collections::BTreeMap;

use concord_core::contract::CONVERTED_INTO;
use concord_core::names::{LinkId, ObjectName, RecordId, Token, WireName};
use concord_core::port::{Crm as _, Listing, ObjectSpec, Operation, Outcome, PageMark, Write};
use concord_core::row::{Reading, Standing};
use concord_core::value::{Presence, Raw};
use concord_sandbox::salesforce::convert_operation;
use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::record::text;
use super::sandbox::World;

/// Contacts, some of which are leads: leads have no `Score__c`, call `Title` otherwise, and alone have a company.
fn either() -> ObjectSpec {
    let names =
        [("Email", "Email"), ("LastName", "LastName"), ("Title", "Status"), ("Lead.Company", "Company")];
    ObjectSpec {
        object: ObjectName::from("contact"),
        wire: WireName::from("Contact"),
        fields: ["Email", "LastName", "Lead.Company", "Score__c", "Title"].map(WireName::from).to_vec(),
        lead: Some(names.map(|(ours, theirs)| (WireName::from(ours), WireName::from(theirs))).into()),
        roles: BTreeMap::new(),
    }
}

impl World {
    fn makes(&self, object: &str, body: &Value) -> RecordId {
        let path = format!("/services/data/v66.0/sobjects/{object}/");
        RecordId::new(self.person_gets(Method::POST, &path, &body.to_string())["id"].as_str().unwrap())
    }

    fn makes_lead(&self, email: &str, mark: &str) -> RecordId {
        self.makes(
            "Lead",
            &json!({"LastName": "Lee", "Company": "Acme", "Email": email, "Concord_Id__c": mark}),
        )
    }

    /// The contact that a lead became.
    fn converts(&self, lead: &RecordId) -> RecordId {
        self.person_soap(&convert_operation(lead.as_str(), ""));
        let path = format!("/services/data/v66.0/sobjects/Lead/{lead}?fields=ConvertedContactId");
        RecordId::new(self.person_gets(Method::GET, &path, "")["ConvertedContactId"].as_str().unwrap())
    }

    async fn lists(&self, listing: Listing) -> Vec<(RecordId, bool)> {
        let (mut shown, mut from): (_, Option<PageMark>) = (Vec::new(), None);
        loop {
            let page = self.client.list(&either(), &listing, from.as_ref()).await.unwrap();
            shown.extend(page.rows.into_iter().map(|row| (row.id, row.standing == Standing::Alive)));
            from = page.next;
            if from.is_none() {
                return shown;
            }
        }
    }
}

#[tokio::test]
async fn a_lead_is_shown_under_a_contacts_names_and_a_converted_one_is_its_contact() {
    let world = World::new();
    let contact = world.makes("Contact", &json!({"LastName": "Low", "Title": "CFO"}));
    let (lead, closed) = (world.makes_lead("lee@example.com", ""), world.makes_lead("lie@example.com", ""));
    let became = world.converts(&closed);
    let nobody = RecordId::from("00Q000000000099EAA");

    let asked = [lead.clone(), contact.clone(), closed, nobody];
    let readings = world.client.read(&either(), &asked).await.unwrap();

    let [Reading::Row(of_lead), Reading::Row(of_contact), Reading::MergedInto(into), Reading::NotFound] =
        readings.as_slice()
    else {
        panic!("{readings:?}")
    };
    let shown = |fields: &[(&str, Presence<Raw>)]| -> BTreeMap<WireName, Presence<Raw>> {
        fields.iter().map(|(name, value)| (WireName::from(*name), value.clone())).collect()
    };
    let fields = [
        ("Email", text("lee@example.com")),
        ("LastName", text("Lee")),
        ("Title", Presence::Blank),
        ("Lead.Company", text("Acme")),
    ];
    assert_eq!((&of_lead.id, &of_lead.fields), (&lead, &shown(&fields)));
    let fields = [
        ("Email", Presence::Blank),
        ("LastName", text("Low")),
        ("Title", text("CFO")),
        ("Score__c", Presence::Blank),
    ];
    assert_eq!((&of_contact.id, &of_contact.fields), (&contact, &shown(&fields)));
    assert_eq!(*into, became);
}

#[tokio::test]
async fn leads_are_listed_after_contacts_and_those_that_were_converted_as_gone() {
    let world = World::new();
    let contact = world.makes("Contact", &json!({"LastName": "Low"}));
    let (lead, closed) = (world.makes_lead("lee@example.com", ""), world.makes_lead("lie@example.com", ""));
    let became = world.converts(&closed);
    world.wait(600);

    let all = [(contact, true), (became, true), (lead.clone(), true), (closed.clone(), false)];
    assert_eq!(world.lists(Listing::All).await, all);
    assert_eq!(world.lists(Listing::Changed { since: Timestamp::UNIX_EPOCH }).await, all);

    let path = format!("/services/data/v66.0/sobjects/Lead/{lead}");
    world.person_gets(Method::DELETE, &path, "");
    assert_eq!(world.lists(Listing::Archived { since: Timestamp::UNIX_EPOCH }).await, [(lead, false)]);
}

#[tokio::test]
async fn a_listing_that_began_with_leads_ends_where_the_contract_has_none_any_more() {
    let world = World::new();
    world.makes("Contact", &json!({"LastName": "Low"}));
    let page = world.client.list(&either(), &Listing::All, None).await.unwrap();

    let alone = ObjectSpec { lead: None, ..super::record::contacts() };
    let last = world.client.list(&alone, &Listing::All, page.next.as_ref()).await.unwrap();
    assert_eq!((last.rows, last.next, last.complete_until), (Vec::new(), None, Timestamp::MAX));
}

#[tokio::test]
async fn a_key_finds_contacts_and_open_leads_and_a_mark_the_lead_before_the_contact_that_it_became() {
    let world = World::new();
    let (lead, closed) =
        (world.makes_lead("lee@example.com", "c-1"), world.makes_lead("lee@example.com", "c-2"));
    let became = world.converts(&closed);
    let edit = json!({"Concord_Id__c": "c-2"}).to_string();
    world.person_gets(Method::PATCH, &format!("/services/data/v66.0/sobjects/Contact/{became}"), &edit);
    let ids =
        |found: Vec<concord_core::port::Found>| found.into_iter().map(|found| found.ids).collect::<Vec<_>>();

    let by_key =
        world.client.find(&either(), &"Email".into(), &["lee@example.com".to_owned()]).await.unwrap();
    assert_eq!(ids(by_key), [[became.clone(), lead.clone()]]);
    let converted = [became.as_str().to_owned(), lead.as_str().to_owned()];
    let converted = world.client.find(&either(), &CONVERTED_INTO.into(), &converted).await.unwrap();
    assert_eq!(ids(converted), [vec![closed.clone()], Vec::new()]);
    let marks = ["c-1", "c-2", "c-3"].map(str::to_owned);
    let marked = world.client.find_linked(&either(), &marks).await.unwrap();
    assert_eq!(ids(marked), [vec![lead.clone()], vec![closed], Vec::new()]);

    let alike = world.client.search(&either(), &"LastName".into(), &["LEE".to_owned()]).await.unwrap();
    assert_eq!(alike.into_iter().map(|row| row.id).collect::<Vec<_>>(), [became, lead]);
}

#[tokio::test]
async fn a_lead_is_written_under_its_own_names_and_one_that_was_converted_is_gone() {
    let world = World::new();
    let leads = ObjectSpec { wire: WireName::from("Lead"), ..either() };
    let write = |operation| Write { link: LinkId::from("c-1"), token: Token(7), operation };
    let values = |status: &str| {
        [("LastName", "Lee"), ("Lead.Company", "Acme"), ("Title", status)]
            .map(|(name, value)| (WireName::from(name), text(value)))
            .to_vec()
    };

    let insert = write(Operation::Insert { values: values("Working - Contacted") });
    let made = world.client.write(&leads, &[insert]).await;
    let [Outcome::Done(lead)] = made.as_slice() else { panic!("{made:?}") };
    let path = format!("/services/data/v66.0/sobjects/Lead/{lead}?fields=Company,Status,Concord_Id__c");
    let shown = world.person_gets(Method::GET, &path, "");
    let shown = ["Company", "Status", "Concord_Id__c"].map(|field| shown[field].clone());
    assert_eq!(shown, ["Acme", "Working - Contacted", "c-1"]);

    world.converts(lead);
    let unmodified_since = Some(Timestamp::MAX);
    let update =
        Operation::Update { id: lead.clone(), values: values("Open - Not Contacted"), unmodified_since };
    assert_eq!(world.client.write(&leads, &[write(update)]).await, [Outcome::Gone]);
}
