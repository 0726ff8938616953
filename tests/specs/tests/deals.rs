//! Deals and opportunities: a stage with its pipeline, a day that HubSpot keeps as an instant, an amount with its currency.

use concord_core::names::Side;
use concord_core::port::{ParkKey, Store as _};
use concord_sandbox::fifo::QueueName;
use concord_specs::spine::{Spine, Trouble, assert_quiet};
use http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};

const H: Side = Side::HubSpot;
const S: Side = Side::Salesforce;
const DEALS: &str = "/crm/v3/objects/deals";
const OPPORTUNITIES: &str = "/services/data/v66.0/sobjects/Opportunity/";

/// A deal that everything is known of, made in HubSpot and at rest: its ids on both sides.
async fn agreed() -> (Spine, String, String) {
    let mut spine = Spine::new();
    let deal = makes(&spine, &json!({"amount": "1250.5", "closedate": "2026-06-30T21:00:00Z"}));
    spine.run().await;
    let row = spine.counterpart_of("deal", H, &deal).await;
    (spine, deal, row)
}

fn makes(spine: &Spine, more: &Value) -> String {
    let mut properties =
        json!({"dealname": "Engine No. 2", "pipeline": "default", "dealstage": "qualifiedtobuy"});
    for (name, value) in more.as_object().into_iter().flatten() {
        properties[name] = value.clone();
    }
    text(&spine.hubspot.person(Method::POST, DEALS, &json!({ "properties": properties }))["id"])
}

fn edits(spine: &Spine, deal: &str, properties: &Value) {
    let body = json!({ "properties": properties });
    spine.hubspot.person(Method::PATCH, &format!("{DEALS}/{deal}"), &body);
}

fn hubspot_shows(spine: &Spine, deal: &str, names: &[&str]) -> Vec<Value> {
    let path = format!("{DEALS}/{deal}?properties={}", names.join(","));
    let shown = spine.hubspot.person(Method::GET, &path, &Value::Null);
    names.iter().map(|name| shown["properties"][*name].clone()).collect()
}

fn salesforce_shows(spine: &Spine, row: &str, names: &[&str]) -> Vec<Value> {
    let path = format!("{OPPORTUNITIES}{row}?fields={}", names.join(","));
    let shown = spine.salesforce.person(Method::GET, &path, &Value::Null);
    names.iter().map(|name| shown[*name].clone()).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A company on both sides: its ids.
async fn company(spine: &mut Spine, name: &str) -> (String, String) {
    let body =
        json!({"properties": {"name": name, "domain": format!("{}.example.com", name.to_lowercase())}});
    let made = text(&spine.hubspot.person(Method::POST, "/crm/v3/objects/companies", &body)["id"]);
    spine.run().await;
    let there = spine.counterpart_of("company", H, &made).await;
    (made, there)
}

/// What each side shows as a deal's company.
fn companies_of(spine: &Spine, deal: &str, row: &str) -> [Value; 2] {
    [
        hubspot_shows(spine, deal, &["hs_primary_associated_company"]).remove(0),
        salesforce_shows(spine, row, &["AccountId"]).remove(0),
    ]
}

fn associates(spine: &Spine, deal: &str, company: &str) {
    let path = format!("/crm/v4/objects/deals/{deal}/associations/companies/{company}");
    let primary = json!([{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 5}]);
    spine.hubspot.person(Method::PUT, &path, &primary);
}

#[tokio::test]
async fn a_deal_arrives_with_its_stage_its_day_and_its_amount_both_ways() {
    let (mut spine, _, row) = agreed().await;
    assert_eq!(
        salesforce_shows(&spine, &row, &["Name", "StageName", "CloseDate", "Amount", "CurrencyIsoCode"]),
        [json!("Engine No. 2"), json!("Qualification"), json!("2026-06-30"), json!(1250.5), json!("USD")]
    );
    let fields = json!({"Name": "Engine No. 3", "StageName": "Closed Won", "CloseDate": "2026-12-24",
        "Amount": 99, "CurrencyIsoCode": "EUR"});
    let made = text(&spine.salesforce.person(Method::POST, OPPORTUNITIES, &fields)["id"]);
    spine.run().await;
    let deal = spine.counterpart_of("deal", S, &made).await;
    assert_eq!(
        hubspot_shows(
            &spine,
            &deal,
            &["dealname", "pipeline", "dealstage", "closedate", "amount", "deal_currency_code"]
        ),
        ["Engine No. 3", "default", "closedwon", "2026-12-24T17:00:00.000Z", "99", "EUR"]
            .map(|text| json!(text))
    );
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn a_stage_moves_with_one_write_and_carries_its_pipeline() {
    let (mut spine, deal, row) = agreed().await;
    let written = spine.written();
    edits(&spine, &deal, &json!({"dealstage": "contractsent"}));
    spine.run().await;
    assert_eq!(salesforce_shows(&spine, &row, &["StageName"]), [json!("Negotiation/Review")]);
    assert_eq!(spine.written() - written, 1);
    spine.salesforce.person(
        Method::PATCH,
        &format!("{OPPORTUNITIES}{row}"),
        &json!({"StageName": "Closed Lost"}),
    );
    spine.run().await;
    assert_eq!(
        hubspot_shows(&spine, &deal, &["pipeline", "dealstage"]),
        [json!("default"), json!("closedlost")]
    );
    assert_eq!(spine.written() - written, 2);
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn another_hour_of_the_same_day_is_no_edit_and_an_evening_belongs_to_its_own_day() {
    let (mut spine, deal, row) = agreed().await;
    let written = spine.written();
    // Eight in the morning in New York.
    edits(&spine, &deal, &json!({"closedate": "2026-06-30T12:00:00Z"}));
    spine.run().await;
    assert_eq!(spine.written(), written);
    // Half past ten in the evening there; the next day in London.
    edits(&spine, &deal, &json!({"closedate": "2026-07-02T02:30:00Z"}));
    spine.run().await;
    assert_eq!(salesforce_shows(&spine, &row, &["CloseDate"]), [json!("2026-07-01")]);
    assert_eq!(spine.written() - written, 1);
    assert_eq!(
        hubspot_shows(&spine, &deal, &["closedate"]),
        [json!("2026-07-02T02:30:00.000Z")],
        "as it was typed"
    );
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn a_stage_that_is_not_mapped_parks_that_field_and_nothing_else() {
    let (mut spine, deal, row) = agreed().await;
    let fields = json!({"StageName": "Perception Analysis", "Description": "Steam"});
    spine.salesforce.person(Method::PATCH, &format!("{OPPORTUNITIES}{row}"), &fields);
    spine.run().await;
    assert_eq!(
        hubspot_shows(&spine, &deal, &["dealstage", "description"]),
        [json!("qualifiedtobuy"), json!("Steam")]
    );
    let parked = spine.engine.store.parked(10).await.unwrap_or_default();
    assert_eq!(parked.len(), 1, "{parked:?}");
    assert!(matches!(&parked[0].key, ParkKey::Field(_, field) if field.as_str() == "stage"));
    assert!(parked[0].reason.contains("add the choice to the field's `map`"), "{}", parked[0].reason);
}

#[tokio::test]
async fn a_deal_without_a_day_waits_until_it_has_one_and_says_so() {
    let mut spine = Spine::new();
    let deal = makes(&spine, &json!({}));
    spine.run().await;
    let parked = spine.engine.store.parked(10).await.unwrap_or_default();
    assert_eq!(parked.len(), 1, "{parked:?}");
    assert!(parked[0].reason.contains("CloseDate"), "{}", parked[0].reason);
    edits(&spine, &deal, &json!({"closedate": "2026-06-30T21:00:00Z"}));
    spine.run().await;
    let row = spine.counterpart_of("deal", H, &deal).await;
    assert_eq!(salesforce_shows(&spine, &row, &["CloseDate"]), [json!("2026-06-30")]);
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn a_deal_is_made_with_its_company_and_follows_it_both_ways() {
    let mut spine = Spine::new();
    let (acme, account) = company(&mut spine, "Acme").await;
    let (globex, other) = company(&mut spine, "Globex").await;
    let fields = json!({"Name": "Engine No. 3", "StageName": "Prospecting", "CloseDate": "2026-12-24",
        "AccountId": account});
    let row = text(&spine.salesforce.person(Method::POST, OPPORTUNITIES, &fields)["id"]);
    spine.run().await;
    let deal = spine.counterpart_of("deal", S, &row).await;
    assert_eq!(companies_of(&spine, &deal, &row), [json!(acme), json!(account)]);

    let written = spine.written();
    associates(&spine, &deal, &globex);
    spine.run().await;
    assert_eq!(companies_of(&spine, &deal, &row), [json!(globex), json!(other)]);
    assert_eq!(spine.written() - written, 1);

    let path = format!("{OPPORTUNITIES}{row}");
    spine.salesforce.person(Method::PATCH, &path, &json!({"AccountId": account, "Name": "Engine No. 4"}));
    spine.run().await;
    assert_eq!(companies_of(&spine, &deal, &row), [json!(acme), json!(account)]);
    assert_eq!(hubspot_shows(&spine, &deal, &["dealname"]), [json!("Engine No. 4")]);
    // The association, and the row with its token.
    assert_eq!(spine.written() - written, 3);

    spine.salesforce.person(Method::PATCH, &path, &json!({"AccountId": null}));
    spine.run().await;
    assert_eq!(companies_of(&spine, &deal, &row), [json!(null), json!(null)]);
    assert_quiet(&mut spine).await;
}

#[tokio::test]
async fn an_association_whose_answer_is_lost_is_known_by_its_value() {
    for kind in ["write_batch_associate", "write_batch_update"] {
        let (mut spine, deal, row) = agreed().await;
        let (acme, account) = company(&mut spine, "Acme").await;
        spine.hubspot.trouble(kind, Trouble::AnswerLost);
        let path = format!("{OPPORTUNITIES}{row}");
        spine.salesforce.person(Method::PATCH, &path, &json!({"AccountId": account}));
        spine.run().await;
        assert!(spine.hubspot.troubles_over(), "{kind}");
        assert_eq!(companies_of(&spine, &deal, &row), [json!(acme), json!(account)]);
        assert_quiet(&mut spine).await;
    }
}

#[tokio::test]
async fn a_deal_that_was_merged_away_takes_no_company_with_it() {
    let (mut spine, deal, row) = agreed().await;
    let (acme, account) = company(&mut spine, "Acme").await;
    let (_, other) = company(&mut spine, "Globex").await;
    associates(&spine, &deal, &acme);
    let loser = makes(&spine, &json!({"dealname": "Engine No. 1", "closedate": "2026-06-30T21:00:00Z"}));
    spine.run().await;
    let losers_row = spine.counterpart_of("deal", H, &loser).await;

    // The write of the loser's company is decided and on its way when somebody merges it into the other deal.
    let path = format!("{OPPORTUNITIES}{losers_row}");
    spine.salesforce.person(Method::PATCH, &path, &json!({ "AccountId": other }));
    spine.pass(SignedDuration::from_secs(5));
    spine.deliver().await;
    spine.work_at_once(QueueName::Hints).await;
    assert_eq!(spine.queue.counts(QueueName::Intents).visible, 1, "the write waits");
    let body = json!({"primaryObjectId": deal, "objectIdToMerge": loser});
    let left = text(&spine.hubspot.person(Method::POST, &format!("{DEALS}/merge"), &body)["id"]);
    spine.work_at_once(QueueName::Intents).await;
    spine.run().await;
    assert_eq!(companies_of(&spine, &left, &row), [json!(acme), json!(account)]);
}

#[tokio::test]
async fn a_deal_whose_answer_was_lost_is_found_by_its_mark_since_no_key_leads_to_it() {
    let mut spine = Spine::new();
    spine.salesforce.trouble("write_", Trouble::AnswerLost);
    let deal = makes(&spine, &json!({"closedate": "2026-06-30T21:00:00Z"}));
    spine.deliver().await;
    spine.deaf = true; // Nobody hears of what was made.
    spine.run().await;
    assert!(spine.salesforce.troubles_over());
    let row = spine.counterpart_of("deal", H, &deal).await;
    assert_eq!(salesforce_shows(&spine, &row, &["Name"]), [json!("Engine No. 2")]);
    assert_eq!((spine.hubspot.written(), spine.salesforce.written()), (1, 1));
    assert_quiet(&mut spine).await;
}
