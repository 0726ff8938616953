//! Leads: some of HubSpot's contacts are leads in Salesforce, until somebody converts them there.

mod asked;

use concord_core::contract::parse;
use concord_core::names::{RecordKey, Side};
use concord_core::port::{ParkKey, Store as _};
use concord_core::step::Task;
use concord_specs::spine::{SAMPLE_CONTRACT, Spine, Trouble, assert_quiet};
use jiff::SignedDuration;
use serde_json::{Value, json};

/// The sample contract, by which HubSpot's leads are leads.
fn contract() -> String {
    let yaml = SAMPLE_CONTRACT.replacen("    lead: \"false\"", "    lead: \"stage == 'lead'\"", 1);
    assert_ne!(yaml, SAMPLE_CONTRACT);
    yaml
}

struct Scene(Spine);

impl Scene {
    fn new() -> Self {
        Self(Spine::with_contract(&contract()))
    }

    fn makes_in_hubspot(&self, email: &str) -> String {
        self.0.hubspot_creates(&json!({
            "email": email, "lastname": "Okafor", "company": "Brightwater", "jobtitle": "Countess", "lifecyclestage": "lead",
        }))
    }

    fn makes_lead(&self, email: &str) -> String {
        self.0.salesforce_creates_lead(&json!({
            "Email": email, "LastName": "Okafor", "Company": "Brightwater", "Title": "Countess",
        }))
    }

    /// A contact in HubSpot and the lead that was made of it, at rest.
    async fn pair(&mut self, email: &str) -> (String, String) {
        let contact = self.makes_in_hubspot(email);
        self.0.run().await;
        let lead = self.0.counterpart(Side::HubSpot, &contact).await;
        assert_eq!(self.0.salesforce_leads(), std::slice::from_ref(&lead));
        (contact, lead)
    }

    fn titles(&self, contact: &str, salesforce: &str) -> [Value; 2] {
        let hubspot = self.0.hubspot_shows(contact, &["jobtitle"]);
        [hubspot["jobtitle"].clone(), self.0.salesforce_shows(salesforce, &["Title"])["Title"].clone()]
    }

    /// How many contacts HubSpot shows, and how many contacts and leads Salesforce.
    fn count(&self) -> (usize, usize, usize) {
        (self.0.hubspot_contacts().len(), self.0.salesforce_contacts().len(), self.0.salesforce_leads().len())
    }

    async fn parked(&self) -> Vec<(ParkKey, String)> {
        let parked = self.0.engine.store.parked(10).await.unwrap_or_default();
        parked.into_iter().map(|parked| (parked.key, parked.reason)).collect()
    }

    /// Goes on until what was to go wrong with a call has.
    async fn meets_its_trouble(&mut self) {
        for _ in 0..100 {
            self.0.pass(SignedDuration::from_secs(2));
            self.0.round().await;
            if self.0.salesforce.troubles_over() {
                return;
            }
        }
        unreachable!("no such call was made");
    }

    /// An edit on each side arrives on the other.
    async fn is_kept_in_agreement(&mut self, contact: &str, salesforce: &str) {
        self.0.hubspot_edits(contact, &json!({"jobtitle": "Duchess"}));
        self.0.run().await;
        assert_eq!(self.titles(contact, salesforce), ["Duchess", "Duchess"]);
        self.0.salesforce_edits(salesforce, &json!({"Title": "Queen"}));
        self.0.run().await;
        assert_eq!(self.titles(contact, salesforce), ["Queen", "Queen"]);
        assert_quiet(&mut self.0).await;
    }
}

#[tokio::test]
async fn a_contact_that_meets_the_condition_is_made_as_a_lead_with_what_leads_have() {
    let mut scene = Scene::new();
    let (contact, lead) = scene.pair("ada@example.com").await;

    let names = ["Email", "LastName", "Company", "Title"];
    let shown = names.map(|name| scene.0.salesforce_shows(&lead, &names)[name].clone());
    assert_eq!(shown, ["ada@example.com", "Okafor", "Brightwater", "Countess"]);
    assert_eq!(scene.count(), (1, 0, 1));

    scene.0.hubspot_edits(&contact, &json!({"birth_date": "1815-12-10"})); // Leads have none.
    let before = scene.0.written();
    scene.0.run().await;
    assert_eq!(scene.0.written(), before);
    scene.is_kept_in_agreement(&contact, &lead).await;
}

#[tokio::test]
async fn a_contact_that_does_not_meet_it_is_made_as_a_contact() {
    let mut scene = Scene::new();
    let contact = scene.0.hubspot_creates(
        &json!({"email": "ada@example.com", "lastname": "Okafor", "company": "Brightwater"}),
    );
    scene.0.run().await;

    let other = scene.0.counterpart(Side::HubSpot, &contact).await;
    assert_eq!((scene.0.salesforce_contacts(), scene.count()), (vec![other.clone()], (1, 1, 0)));
    scene.is_kept_in_agreement(&contact, &other).await;
}

#[tokio::test]
async fn a_lead_is_made_in_hubspot_as_a_contact() {
    let mut scene = Scene::new();
    let lead = scene.makes_lead("ada@example.com");
    scene.0.run().await;

    let contact = scene.0.counterpart(Side::Salesforce, &lead).await;
    let shown = scene.0.hubspot_shows(&contact, &["email", "company"]);
    assert_eq!(shown, json!({"email": "ada@example.com", "company": "Brightwater"}));
    assert_eq!(scene.count(), (1, 0, 1));
    scene.is_kept_in_agreement(&contact, &lead).await;
}

#[tokio::test]
async fn a_lead_and_a_contact_with_one_key_are_linked_and_two_records_with_it_are_for_a_person() {
    let mut scene = Scene::new();
    scene.0.deaf = true;
    let contact = scene.makes_in_hubspot("ada@example.com");
    let lead = scene.makes_lead("Ada@Example.com");
    let doubtful = scene.makes_in_hubspot("grace@example.com");
    scene.makes_lead("grace@example.com");
    scene.0.salesforce_creates(&json!({"Email": "grace@example.com", "LastName": "Okafor"}));
    scene.0.deliver().await;
    scene.0.deaf = false;
    scene.0.reconcile(Task::Sweep).await;

    assert_eq!(scene.0.counterpart(Side::HubSpot, &contact).await, lead);
    assert_eq!(scene.count(), (2, 1, 2));
    let parked = scene.parked().await;
    let of = RecordKey { side: Side::HubSpot, object: "contact".into(), id: doubtful.as_str().into() };
    let told =
        parked.iter().find(|(key, _)| *key == ParkKey::Record(of.clone())).map(|(_, why)| why.as_str());
    assert!(told.is_some_and(|why| why.starts_with("2 salesforce records hold the same key")), "{parked:?}");
}

#[tokio::test]
async fn a_converted_lead_hands_its_pair_to_the_contact_that_it_became() {
    for told in [true, false] {
        let mut scene = Scene::new();
        let (contact, lead) = scene.pair("ada@example.com").await;
        scene.0.deaf = !told;
        let became = scene.0.converts(&lead, "");
        match told {
            true => scene.0.run().await,
            false => scene.0.reconcile(Task::Poll).await,
        }
        scene.0.deaf = false;

        assert_eq!(scene.0.counterpart(Side::HubSpot, &contact).await, became, "told: {told}");
        assert_eq!(scene.count(), (1, 1, 0));
        assert_quiet(&mut scene.0).await;
        scene.is_kept_in_agreement(&contact, &became).await;
        assert_eq!(scene.count(), (1, 1, 0));
    }
}

#[tokio::test]
async fn whoever_hears_of_the_contact_first_does_not_make_it_once_more() {
    let mut scene = Scene::new();
    let lead = scene.0.salesforce_creates_lead(&json!({"LastName": "Okafor", "Company": "Brightwater"})); // No key leads to it.
    scene.0.run().await;
    let contact = scene.0.counterpart(Side::Salesforce, &lead).await;
    let became = scene.0.converts(&lead, "");
    let mut events = scene.0.told();
    events.retain(|event| event.object.as_str() != "Lead");
    assert_eq!(events.len(), 2); // The contact's and the account's.
    scene.0.take_in(&events).await;
    scene.0.run().await;

    assert_eq!(scene.0.counterpart(Side::HubSpot, &contact).await, became);
    assert_eq!(scene.count(), (1, 1, 0));
    assert_quiet(&mut scene.0).await;
}

#[tokio::test]
async fn an_edit_that_meets_a_conversion_arrives_at_the_contact() {
    let mut scene = Scene::new();
    let (contact, lead) = scene.pair("ada@example.com").await;
    scene.0.hubspot_edits(&contact, &json!({"jobtitle": "Duchess"}));
    scene.0.pass(SignedDuration::from_secs(2));
    scene.0.deliver().await;
    let hints = scene.0.queue.receive(concord_sandbox::fifo::QueueName::Hints, 10);
    let body = hints.first().map(|message| serde_json::from_str(&message.body));
    let Some(Ok(concord_core::port::Messages::Hints(hints))) = body else { unreachable!("one hint is told") };
    assert!(scene.0.engine.fetch(&hints, scene.0.now()).await.is_ok()); // The write to the lead is under way.
    let became = scene.0.converts(&lead, "");
    scene.0.run().await;

    assert_eq!(scene.0.counterpart(Side::HubSpot, &contact).await, became);
    assert_eq!(scene.titles(&contact, &became), ["Duchess", "Duchess"]);
    assert_eq!(scene.count(), (1, 1, 0));
    assert_quiet(&mut scene.0).await;
}

#[tokio::test]
async fn a_lead_that_is_converted_into_another_pairs_contact_is_a_merge_that_a_person_ends() {
    let mut scene = Scene::new();
    let (contact, lead) = scene.pair("ada@example.com").await;
    let known = scene.0.salesforce_creates(&json!({"Email": "augusta@example.com", "LastName": "Okafor"}));
    scene.0.run().await;
    let kept = scene.0.counterpart(Side::Salesforce, &known).await;
    let became = scene.0.converts(&lead, &format!("<urn:contactId>{known}</urn:contactId>"));
    assert_eq!(became, known);
    scene.0.run().await;

    assert_eq!(scene.0.counterpart(Side::Salesforce, &known).await, kept);
    let of = RecordKey { side: Side::HubSpot, object: "contact".into(), id: contact.as_str().into() };
    let why = format!(
        "its salesforce record {lead} was merged into {known}, which is paired with another hubspot record: merge the two there as \
         well, or leave this one alone"
    );
    assert_eq!(scene.parked().await, [(ParkKey::Record(of), why)]);
    assert_eq!(scene.count(), (2, 1, 0));
}

#[tokio::test]
async fn a_lead_whose_answer_was_lost_is_found_though_it_was_converted_or_would_be_a_contact_by_now() {
    for converted in [true, false] {
        let mut scene = Scene::new();
        scene.0.salesforce.trouble("write_", Trouble::AnswerLost);
        let contact = scene.makes_in_hubspot("ada@example.com");
        scene.meets_its_trouble().await;
        let leads = scene.0.salesforce_leads();
        let [lead] = leads.as_slice() else { unreachable!("one lead was made: {leads:?}") };
        let expected = if converted { scene.0.converts(lead, "") } else { lead.clone() };
        scene.0.hubspot_edits(&contact, &json!({"lifecyclestage": "customer"}));
        scene.0.run().await;

        assert_eq!(scene.0.counterpart(Side::HubSpot, &contact).await, expected, "converted: {converted}");
        assert_eq!(scene.count(), if converted { (1, 1, 0) } else { (1, 0, 1) });
    }
}

#[tokio::test]
async fn whoever_was_erased_as_a_lead_is_made_by_nobody_as_a_contact() {
    let mut scene = Scene::new();
    let lead = scene.0.salesforce_creates_lead(&json!({"LastName": "Okafor", "Company": "Brightwater"}));
    scene.0.run().await;
    scene.0.hubspot_erases(&scene.0.counterpart(Side::Salesforce, &lead).await);
    scene.0.run().await;
    let became = scene.0.converts(&lead, "");
    scene.0.run().await;

    let of = RecordKey { side: Side::Salesforce, object: "contact".into(), id: became.as_str().into() };
    let parked = scene.parked().await;
    let told =
        parked.iter().find(|(key, _)| *key == ParkKey::Record(of.clone())).map(|(_, why)| why.as_str());
    assert!(told.is_some_and(|why| why.starts_with("it was a lead whose pair was erased")), "{parked:?}");
    assert_eq!(scene.count(), (0, 1, 0));
    // In the bin, it waits for nobody.
    scene.0.deletes(Side::Salesforce, &became);
    scene.0.run().await;
    let parked = scene.parked().await;
    assert!(!parked.iter().any(|(key, _)| *key == ParkKey::Record(of.clone())), "{parked:?}");
}

#[tokio::test]
async fn whoever_is_erased_before_anybody_could_tell_whether_they_are_a_lead_is_erased() {
    let purging = contract().replacen("erase: forget", "erase: purge", 1);
    let mut scene = Scene(Spine::with_contract(&purging));
    let contact =
        scene.0.hubspot_creates(&json!({"email": "ada@example.com", "lifecyclestage": "evangelist"}));
    scene.0.run().await;
    let of = RecordKey { side: Side::HubSpot, object: "contact".into(), id: contact.as_str().into() };
    assert_eq!(scene.parked().await.len(), 1);

    assert!(scene.0.engine.erase(&of, scene.0.now()).await.is_ok());
    scene.0.run().await;
    assert_eq!((scene.count(), scene.parked().await), ((0, 0, 0), Vec::new()));
}

#[tokio::test]
async fn what_a_conversion_does_not_take_along_is_no_edit() {
    let score = |yaml: &str| {
        yaml.replacen("salesforce: Score__c, type", "salesforce: Score__c, lead: Score__c, type", 1)
    };
    let mut scene = Scene(Spine::with_contract(&score(&contract())));
    let lead = scene.0.salesforce_creates_lead(&json!({
        "Email": "ada@example.com", "LastName": "Okafor", "Company": "Brightwater", "Title": "Countess", "Score__c": 7.5,
    }));
    scene.0.run().await;
    let contact = scene.0.counterpart(Side::Salesforce, &lead).await;
    let became = scene.0.converts(&lead, "");
    scene.0.run().await;

    assert_eq!(
        scene.0.hubspot_shows(&contact, &["score", "company"]),
        json!({"score": "7.5", "company": "Brightwater"})
    );
    assert_eq!(scene.0.salesforce_shows(&became, &["Score__c"]), json!({"Score__c": 7.5}));
    assert_quiet(&mut scene.0).await;
}

#[tokio::test]
async fn a_lead_that_is_converted_into_a_strangers_contact_asks_where_the_two_differ() {
    let mut scene = Scene::new();
    let (contact, lead) = scene.pair("ada@example.com").await;
    scene.0.deaf = true;
    let known = scene.0.salesforce_creates(&json!({"LastName": "Okafor", "Title": "Queen"}));
    scene.0.deliver().await;
    scene.0.deaf = false;
    scene.0.converts(&lead, &format!("<urn:contactId>{known}</urn:contactId>"));
    scene.0.run().await;

    assert_eq!(scene.0.counterpart(Side::HubSpot, &contact).await, known);
    assert_eq!(scene.titles(&contact, &known), ["Countess", "Queen"]);
    let conflicts = scene.0.engine.store.conflicts(10).await.unwrap_or_default();
    assert_eq!(conflicts.iter().map(|conflict| conflict.field.as_str()).collect::<Vec<_>>(), ["job_title"]);
    assert_eq!(scene.0.salesforce_shows(&known, &["Email"]), json!({"Email": "ada@example.com"}));
}

#[tokio::test]
async fn a_lead_that_was_merged_into_one_that_was_converted_leads_to_the_contact() {
    let mut scene = Scene::new();
    let (contact, lead) = scene.pair("ada@example.com").await;
    let twin = scene.makes_lead("grace@example.com");
    scene.0.soap(&format!(
        "<urn:merge><urn:request><urn:masterRecord xmlns:so=\"urn:sobject.partner.soap.sforce.com\"><so:type>Lead</so:type>\
         <so:Id>{twin}</so:Id></urn:masterRecord><urn:recordToMergeIds>{lead}</urn:recordToMergeIds></urn:request></urn:merge>"
    ));
    let became = scene.0.converts(&twin, "");
    scene.0.run().await;

    assert_eq!(scene.0.counterpart(Side::HubSpot, &contact).await, became);
    assert_eq!(scene.count(), (1, 1, 0));
}

#[tokio::test]
async fn a_conflict_about_what_only_leads_have_ends_with_the_lead() {
    let mut scene = Scene::new();
    let (contact, lead) = scene.pair("ada@example.com").await;
    scene.0.deaf = true;
    scene.0.hubspot_edits(&contact, &json!({"company": "Analytical Engines"}));
    scene.0.salesforce_edits(&lead, &json!({"Company": "Difference Engines"}));
    scene.0.deaf = false;
    scene.0.run().await;
    assert_eq!(scene.0.engine.store.census().await.map(|census| census.conflicts), Ok(1));

    scene.0.converts(&lead, "");
    scene.0.run().await;
    assert_quiet(&mut scene.0).await;
}

#[tokio::test]
async fn who_was_refused_as_a_lead_is_made_as_a_contact_once_they_are_none() {
    let mut scene = Scene::new();
    let contact = scene.0.hubspot_creates(
        &json!({"email": "ada@example.com", "lastname": "Okafor", "lifecyclestage": "lead"}),
    );
    scene.0.run().await;
    assert_eq!((scene.count(), scene.parked().await.len()), ((1, 0, 0), 1)); // Nobody says for whom they work.

    scene.0.pass(SignedDuration::from_mins(30));
    scene.0.hubspot_edits(&contact, &json!({"lifecyclestage": "customer"}));
    scene.0.run().await;
    assert_eq!((scene.count(), scene.parked().await), ((1, 1, 0), Vec::new()));
}

#[tokio::test]
async fn a_refused_lead_stays_one_as_long_as_a_repetition_may_land() {
    let mut scene = Scene::new();
    scene.0.salesforce.trouble("write_", Trouble::RequestLost);
    let contact = scene.makes_in_hubspot("ada@example.com");
    scene.meets_its_trouble().await;
    scene.0.hubspot_edits(&contact, &json!({"lifecyclestage": "customer"}));
    scene.0.run().await;

    let lead = scene.0.counterpart(Side::HubSpot, &contact).await;
    assert_eq!((scene.0.salesforce_leads(), scene.count()), (vec![lead], (1, 0, 1)));
}

#[tokio::test]
async fn a_deleted_lead_is_a_delete_and_a_converted_one_that_is_deleted_is_none() {
    let mut scene = Scene::new();
    let (contact, lead) = scene.pair("ada@example.com").await;
    let flag = |scene: &Scene| scene.0.hubspot_shows(&contact, &["deleted_in_crm"])["deleted_in_crm"].clone();
    scene.0.deletes(Side::Salesforce, &lead);
    scene.0.run().await;
    assert_eq!(flag(&scene), json!("true"));
    scene.0.restores(Side::Salesforce, &lead);
    scene.0.run().await;
    assert_eq!(flag(&scene), json!("false"));

    let became = scene.0.converts(&lead, "");
    scene.0.deletes(Side::Salesforce, &lead);
    scene.0.run().await;
    assert_eq!((flag(&scene), scene.0.counterpart(Side::HubSpot, &contact).await), (json!("false"), became));
    assert_quiet(&mut scene.0).await;
}

#[tokio::test]
async fn nobody_is_made_as_long_as_it_cannot_be_told_whether_they_are_a_lead() {
    let mut scene = Scene::new();
    let contact = scene.makes_in_hubspot("ada@example.com");
    scene.0.hubspot_edits(&contact, &json!({"lifecyclestage": ""}));
    scene.0.hubspot_edits(&contact, &json!({"lifecyclestage": "subscriber"})); // The contract's map has no such choice.
    scene.0.run().await;
    let of = RecordKey { side: Side::HubSpot, object: "contact".into(), id: contact.as_str().into() };
    let parked = scene.parked().await;
    let [(ParkKey::Record(key), why)] = parked.as_slice() else { unreachable!("one is parked: {parked:?}") };
    assert_eq!(*key, of);
    assert!(why.starts_with("its field stage decides whether it is made as a lead: "), "{why}");
    assert_eq!(scene.count(), (1, 0, 0));

    scene.0.hubspot_edits(&contact, &json!({"lifecyclestage": "lead"}));
    scene.0.run().await;
    assert_eq!((scene.count(), scene.parked().await), ((1, 0, 1), Vec::new()));
}

#[tokio::test]
async fn a_conflict_of_a_field_that_the_contract_takes_from_leads_is_over() {
    let mut scene = Scene::new();
    let (contact, lead) = scene.pair("ada@example.com").await;
    scene.0.hubspot_edits(&contact, &json!({"jobtitle": "Duchess"}));
    scene.0.salesforce_edits(&lead, &json!({"Title": "Queen"}));
    scene.0.run().await;
    assert_eq!(scene.0.engine.inbox().await.map(|held| held.len()), Ok(1));
    let fewer = contract().replacen(", lead: Title", "", 1);
    scene.0.engine.contract = parse(&fewer).unwrap_or_else(|faults| unreachable!("{faults:?}"));
    scene.0.reconcile(Task::Sweep).await;
    assert_eq!(scene.titles(&contact, &lead), ["Duchess", "Queen"]);
    assert_quiet(&mut scene.0).await;
}

#[test]
fn a_contract_says_what_is_wrong_with_its_leads() {
    let faults = |from: &str, to: &str| {
        let yaml = contract().replacen(from, to, 1);
        let faults = parse(&yaml).err().unwrap_or_default();
        faults
            .into_iter()
            .map(|fault| format!("{}: {}; {}", fault.path, fault.what, fault.remedy))
            .collect::<Vec<_>>()
    };
    assert_eq!(faults("version: 1", "version: 2"), Vec::<String>::new());
    assert_eq!(
        faults("lead: Company, ", "salesforce: Employer__c, "),
        [
            "objects.contact.lead: makes leads without `Company`, which Salesforce asks of every lead; add a field with `lead: Company`, or \
          make none: `create: { hubspot: true, salesforce: false }`"
        ]
    );
    assert_eq!(
        faults("lead: Email, ", ""),
        [
            "objects.contact.fields.email: is named by `match`, and not both contacts and leads have it; give it both `salesforce` and \
          `lead`"
        ]
    );
    assert_eq!(
        faults("lead: Title", "lead: Company"),
        [
            "objects.contact.fields.job_title.lead: `Company` is mapped by `employer` already; map each side's field once"
        ]
    );
    assert_eq!(
        faults("salesforce: Contact\n", "salesforce: Human__c\n"),
        ["objects.contact.lead: is for HubSpot's `contacts` and Salesforce's `Contact`; remove it here"]
    );
    assert_eq!(
        faults("salesforce: Contact\n", "salesforce: Contact\n    scope: employer != ''\n"),
        [
            "objects.contact.fields.employer: is named by `scope`, and not both contacts and leads have it; give it both `salesforce` and \
          `lead`"
        ]
    );
    assert_eq!(
        faults("lead: [FirstName, LastName]", "lead: LastName"),
        [
            "objects.contact.fields.name.lead: has not as many fields as `salesforce`; name the parts in the same order"
        ]
    );
    assert_eq!(
        faults(
            "salesforce: Name, type: text }\n      domain",
            "salesforce: Name, lead: Name, type: text }\n      domain"
        ),
        [
            "objects.company.fields.name.lead: says nothing, since none of the object's records are leads; remove it, or say in the object \
          which are made as leads: `lead: \"stage == 'lead'\"`"
        ]
    );
}
