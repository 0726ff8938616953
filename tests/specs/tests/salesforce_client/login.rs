//! Logging in, once, and again when it is refused.

use std::collections::VecDeque;

use concord_core::port::{Crm as _, Failure, Listing};
use concord_core::row::{Author, Reading, Versions};
use serde_json::json;

use super::record::{Record, SOMEBODY, Says, US, contact, contacts, id, refused, token};

#[tokio::test]
async fn one_login_serves_many_calls_and_every_call_says_who_we_are() {
    // Given
    let found = || Says::Json(200, json!([contact(1, "a@example.com")]));
    let (record, client) = Record::of(vec![found(), found()]);

    // When
    client.read(&contacts(), &[id(1)]).await.unwrap();
    client.read(&contacts(), &[id(1)]).await.unwrap();

    // Then
    let requests = record.requests();
    assert_eq!(requests.len(), 3);
    assert_eq!(requests[0].uri(), "https://acme.my.salesforce.com/services/oauth2/token");
    assert_eq!(requests[0].body(), "grant_type=client_credentials");
    assert_eq!(requests[0].headers()["authorization"], "Basic a2V5Omh1c2g=");
    for request in &requests[1..] {
        assert_eq!(request.headers()["authorization"], "Bearer first");
        assert_eq!(request.headers()["sforce-call-options"], "client=concord");
        assert!(!request.headers().contains_key("sforce-auto-assign"), "reads assign nothing");
    }
}

#[tokio::test]
async fn a_refused_session_is_dropped_and_the_next_call_logs_in_anew() {
    // Given
    let says = [
        Says::Json(200, token("first")),
        Says::Json(401, refused("INVALID_SESSION_ID", "Session expired or invalid")),
        Says::Json(200, token("second")),
        Says::Json(200, json!([contact(1, "a@example.com")])),
    ];
    let (record, client) = Record::raw(VecDeque::from(says));

    // When
    let refused = client.read(&contacts(), &[id(1)]).await;
    let read = client.read(&contacts(), &[id(1)]).await;

    // Then
    assert_eq!(refused, Err(Failure::RefreshLogin { reason: "INVALID_SESSION_ID".to_owned() }));
    assert!(read.is_ok());
    let requests = record.requests();
    assert_eq!(requests.len(), 4);
    assert_eq!(requests[3].headers()["authorization"], "Bearer second");
}

#[tokio::test]
async fn a_refused_login_names_the_code_and_nothing_else() {
    let refusal = json!({ "error": "invalid_grant", "error_description": "authentication failure for hush" });
    let (record, client) = Record::raw(VecDeque::from([Says::Json(400, refusal)]));

    let listed = client.list(&contacts(), &Listing::All, None).await;

    assert_eq!(listed, Err(Failure::RefreshLogin { reason: "invalid_grant".to_owned() }));
    assert_eq!(record.requests().len(), 1);
}

#[tokio::test]
async fn a_lost_answer_and_an_outage_are_come_again() {
    for (says, reason) in
        [(Says::Lost, "ANSWER_LOST"), (Says::Html(502), "HTTP_502"), (Says::Html(420), "HTTP_420")]
    {
        let (_, client) = Record::of(vec![says]);
        let read = client.read(&contacts(), &[id(1)]).await;
        assert_eq!(read, Err(Failure::Retry { after_ms: 5_000, reason: reason.to_owned() }));
    }
    // A page of HTML under a 200 is no answer either.
    let (_, client) = Record::of(vec![Says::Html(200)]);
    let Err(Failure::Retry { .. }) = client.read(&contacts(), &[id(1)]).await else { panic!("not a retry") };
}

#[tokio::test]
async fn the_user_of_the_token_answer_is_us() {
    let mut ours = contact(1, "a@example.com");
    ours["LastModifiedById"] = json!(US[..15]);
    let (_, client) = Record::of(vec![Says::Json(200, json!([ours, contact(2, "b@example.com")]))]);

    let readings = client.read(&contacts(), &[id(1), id(2)]).await.unwrap();

    let authors: Vec<&Author> = readings
        .iter()
        .map(|reading| match reading {
            Reading::Row(row) => match &row.versions {
                Versions::Stamp { modified_by, .. } => modified_by,
                Versions::History(_) | Versions::Listed => panic!("not stamps"),
            },
            Reading::MergedInto(_) | Reading::NotFound => panic!("no row"),
        })
        .collect();
    assert_eq!(authors, [&Author::Us, &Author::Other(SOMEBODY.to_owned())]);
}
