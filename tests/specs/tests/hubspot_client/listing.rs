//! Listings.

use concord_core::port::{Crm as _, Failure, Listing, Page, PageMark};
use concord_core::row::{Author, Standing, Versions};
use serde_json::{Value, json};

use super::tape::{NOW, Tape, at, client, contacts, object};

const DATE: &str = "Mon, 23 Nov 2026 11:59:58 GMT";

fn record(id: &str) -> Value {
    json!({
        "id": id, "archived": false, "updatedAt": "2026-11-23T11:00:00Z",
        "properties": { "email": "ann@example.com", "concord_token": "2" }
    })
}

fn page(ids: &[&str], after: Option<&str>) -> Value {
    let mut page = json!({ "results": ids.iter().map(|id| record(id)).collect::<Vec<_>>() });
    if let Some(after) = after {
        page["paging"] = json!({ "next": { "after": after, "link": "https://hub.test/ignored" } });
    }
    page
}

fn shown(page: &Page) -> Vec<&str> {
    page.rows.iter().map(|row| row.id.as_str()).collect()
}

fn search_body(modified: &str, after: Option<&str>) -> Value {
    let mut filters = vec![json!({ "propertyName": modified, "operator": "GTE", "value": "1795428000000" })];
    if let Some(after) = after {
        filters.push(json!({ "propertyName": "hs_object_id", "operator": "GT", "value": after }));
    }
    json!({
        "filterGroups": [{ "filters": filters }],
        "limit": 200,
        "properties": ["concord_id", "concord_token", "email", "firstname"],
        "sorts": [{ "propertyName": "hs_object_id", "direction": "ASCENDING" }],
    })
}

#[tokio::test]
async fn changes_are_paged_by_id_and_are_complete_up_to_the_index_lag_before_the_first_page() {
    let tape = Tape::new().answer_with(200, &[("date", DATE)], page(&["9", "10"], Some("2"))).answer_with(
        200,
        &[("date", "Mon, 23 Nov 2026 12:10:00 GMT")],
        page(&["11"], None),
    );
    let client = client(&tape);
    let listing = Listing::Changed { since: at("2026-11-23T10:00:00Z") };

    let first = client.list(&contacts(), &listing, None).await.unwrap();
    let second = client.list(&contacts(), &listing, first.next.as_ref()).await.unwrap();

    assert_eq!((shown(&first), shown(&second)), (vec!["9", "10"], vec!["11"]));
    assert_eq!(first.complete_until, at("2026-11-23T11:58:58Z"));
    assert_eq!(second.complete_until, first.complete_until);
    assert_eq!(second.next, None);
    assert_eq!(first.rows[0].versions, Versions::Listed);
    let path = "POST /crm/objects/2026-03/contacts/search".to_owned();
    assert_eq!(
        tape.sent(),
        [
            (path.clone(), search_body("lastmodifieddate", None)),
            (path, search_body("lastmodifieddate", Some("10"))),
        ]
    );
}

#[tokio::test]
async fn more_than_ten_thousand_changes_in_one_instant_are_all_shown() {
    let ids: Vec<String> = (1..=10_400_u32).map(|id| id.to_string()).collect();
    let mut tape = Tape::new();
    for (index, chunk) in ids.chunks(200).enumerate() {
        let chunk: Vec<&str> = chunk.iter().map(String::as_str).collect();
        tape = tape.answer(200, page(&chunk, (index < 51).then_some("200")));
    }
    let client = client(&tape);
    let listing = Listing::Changed { since: at("2026-11-23T10:00:00Z") };

    let mut rows = Vec::new();
    let mut mark = None;
    loop {
        let page = client.list(&contacts(), &listing, mark.as_ref()).await.unwrap();
        rows.extend(page.rows.into_iter().map(|row| row.id.to_string()));
        mark = page.next;
        if mark.is_none() {
            break;
        }
    }

    assert_eq!(rows, ids);
    // Every page is the first one of its own query, so the limit of 10,000 rows a query is never near.
    assert!(tape.sent().iter().all(|(_, body)| body.get("after").is_none()));
    assert_eq!(tape.sent().len(), 52);
}

#[tokio::test]
async fn companies_are_searched_by_their_own_date() {
    let tape = Tape::new().answer(200, json!({ "total": 2, "results": [] }));
    let companies = object("company", "companies", &["email", "firstname"]);
    let listing = Listing::Changed { since: at("2026-11-23T10:00:00Z") };

    let page = client(&tape).list(&companies, &listing, None).await.unwrap();

    // `total` counts rows that were archived a moment ago: nothing is waited for.
    let complete_until = at("2026-11-23T11:59:00Z");
    assert_eq!(NOW, "2026-11-23T12:00:00Z");
    assert_eq!(page, Page { rows: Vec::new(), next: None, complete_until });
    let path = "POST /crm/objects/2026-03/companies/search".to_owned();
    assert_eq!(tape.sent(), [(path, search_body("hs_lastmodifieddate", None))]);
}

#[tokio::test]
async fn everything_is_listed_by_hundreds_until_no_next_page_is_named() {
    let tape = Tape::new()
        .answer_with(200, &[("date", DATE)], page(&["1", "2"], Some("3")))
        .answer(200, page(&["3"], None));
    let client = client(&tape);

    let first = client.list(&contacts(), &Listing::All, None).await.unwrap();
    let second = client.list(&contacts(), &Listing::All, first.next.as_ref()).await.unwrap();

    assert_eq!((shown(&first), shown(&second)), (vec!["1", "2"], vec!["3"]));
    assert_eq!((first.complete_until, second.next), (at("2026-11-23T11:58:58Z"), None));
    let path = "GET /crm/objects/2026-03/contacts?limit=100&properties=concord_id%2Cconcord_token%2Cemail%2Cfirstname";
    assert_eq!(tape.sent(), [(path.to_owned(), Value::Null), (format!("{path}&after=3"), Value::Null)]);
}

#[tokio::test]
async fn the_bin_is_read_whole_and_shown_from_the_asked_instant_on() {
    let mut page = page(&["1", "2", "3"], None);
    for (index, archived_at) in [(0, "2026-11-01T00:00:00Z"), (1, "2026-11-20T00:00:00Z")] {
        page["results"][index]["archived"] = json!(true);
        page["results"][index]["archivedAt"] = json!(archived_at);
    }
    page["results"][2]["archived"] = json!(true);
    let tape = Tape::new().answer(200, page);

    let listing = Listing::Archived { since: at("2026-11-10T00:00:00Z") };
    let page = client(&tape).list(&contacts(), &listing, None).await.unwrap();

    assert_eq!(shown(&page), ["2", "3"]);
    assert_eq!(page.rows[0].standing, Standing::Archived { by: Author::Unknown });
    let path = "GET /crm/objects/2026-03/contacts?limit=100&properties=concord_id%2Cconcord_token%2Cemail%2Cfirstname&archived=true";
    assert_eq!(tape.sent(), [(path.to_owned(), Value::Null)]);
}

#[tokio::test]
async fn a_listing_that_does_not_move_is_an_error_and_no_loop() {
    let tape = Tape::new().answer(200, page(&["1"], Some("1"))).answer(200, page(&["1"], Some("1")));
    let client = client(&tape);

    let first = client.list(&contacts(), &Listing::All, None).await.unwrap();
    let failure = client.list(&contacts(), &Listing::All, first.next.as_ref()).await.unwrap_err();

    let reason = "a page that points to itself could not be read".to_owned();
    assert_eq!(failure, Failure::Retry { after_ms: 1_000, reason });
}

#[tokio::test]
async fn fields_that_do_not_fit_into_an_address_are_unknown_in_listed_rows() {
    let names: Vec<String> = (0..200).map(|n| format!("a_property_with_a_rather_long_name_{n:03}")).collect();
    let fields: Vec<&str> = names.iter().map(String::as_str).collect();
    let tape = Tape::new().answer(200, page(&["1"], None));

    let page =
        client(&tape).list(&object("contact", "contacts", &fields), &Listing::All, None).await.unwrap();

    assert_eq!(page.rows[0].fields.len(), 200);
    assert!(page.rows[0].fields.values().all(concord_core::value::Presence::is_unknown));
    let length = tape.sent()[0].0.len();
    assert!((3_500..4_500).contains(&length), "{length}");
}

#[tokio::test]
async fn a_mark_of_somebody_else_is_a_bug() {
    let tape = Tape::new();

    let mark = PageMark("next please".to_owned());
    let failure = client(&tape).list(&contacts(), &Listing::All, Some(&mark)).await.unwrap_err();

    let reason = "a page mark that the HubSpot client did not make".to_owned();
    assert_eq!(failure, Failure::Bug { reason });
    assert_eq!(tape.sent(), []);
}
