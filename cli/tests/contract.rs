//! `concord contract`: what is refused, where it says so, and what it leaves in force.

#![expect(clippy::unwrap_used, reason = "a scenario that cannot go on has failed")]

mod harness;

use std::path::{Path, PathBuf};
use std::process::Command;

use axum::http::header::CONTENT_TYPE;
use harness::Concord;
use serde_json::{Value, json};

const SAMPLE: &str = include_str!("../../infra/contract.yaml");

/// What the deployed functions have in their environment: here the database of a running `concord up`, its two CRMs,
/// and a secret of our own.
struct Stack(Vec<(&'static str, String)>);

impl Stack {
    async fn beside(concord: &Concord) -> Self {
        let secret = json!({
            "hubspot": {"token": concord.url("hubspot_token"), "webhook_secret": concord.secret(),
                "app_id": 39_000_001, "portal_id": 48_000_001},
            "salesforce": {"client_id": concord.url("salesforce_client_id"),
                "client_secret": concord.url("salesforce_client_secret"), "org_id": "00D000000000001EAA"},
            "image_key": "AAAAAAAAAAAAAAAAAAAAAA==",
        });
        Self(vec![
            ("AWS_REGION", "local".to_owned()),
            ("AWS_ACCESS_KEY_ID", "local".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "local".to_owned()),
            ("AWS_ENDPOINT_URL_DYNAMODB", concord.url("dynamodb").to_owned()),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", serve_secret(&secret).await),
            ("CONCORD_STATE_TABLE", "concord-state".to_owned()),
            ("CONCORD_IDEMPOTENCY_TABLE", "concord-idempotency".to_owned()),
            ("CONCORD_JOURNAL_TABLE", "concord-journal".to_owned()),
            ("CONCORD_HINTS_QUEUE_URL", "http://localhost/hints.fifo".to_owned()),
            ("CONCORD_INTENTS_QUEUE_URL", "http://localhost/intents.fifo".to_owned()),
            ("CONCORD_SECRET_ID", "concord".to_owned()),
            ("CONCORD_HUBSPOT_URL", concord.url("hubspot").to_owned()),
            ("CONCORD_SALESFORCE_URL", concord.url("salesforce").to_owned()),
        ])
    }

    /// `concord contract take`: its exit code, and what it said.
    fn take(&self, file: &Path) -> (Option<i32>, String) {
        contract("take", file, &self.0)
    }
}

/// Secrets Manager, as far as it is asked.
async fn serve_secret(secret: &Value) -> String {
    let answer = json!({"Name": "concord", "VersionId": "1", "SecretString": secret.to_string()}).to_string();
    let answered = move || async move { ([(CONTENT_TYPE, "application/x-amz-json-1.1")], answer.clone()) };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(answered)).await });
    url
}

fn contract(verb: &str, file: &Path, variables: &[(&str, String)]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_concord"));
    let output = command.args(["contract", verb]).arg(file).envs(variables.iter().cloned()).output().unwrap();
    let (said, told) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    (output.status.code(), said + &told)
}

fn written(name: &str, yaml: &str) -> PathBuf {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.yaml"));
    std::fs::write(&file, yaml).unwrap();
    file
}

/// `file:line:column` of a text that stands in the file once.
fn place(file: &Path, text: &str) -> String {
    let yaml = std::fs::read_to_string(file).unwrap();
    let mut lines = yaml.lines().enumerate();
    let (line, found) = lines.find_map(|(line, whole)| Some((line, whole.find(text)?))).unwrap();
    format!("{}:{}:{}", file.display(), line + 1, found + 1)
}

/// Changes what Salesforce shows of a contact's field.
async fn change(concord: &Concord, field: &str, change: &Value) {
    let mut body = json!({"object": "Contact", "field": field});
    body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    concord.sandbox("salesforce", "POST", "schema", Some(&body)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_is_taken_only_if_both_live_schemas_fit_it() {
    let concord = Concord::up("take").await;
    let stack = Stack::beside(&concord).await;
    let second = written("second", &SAMPLE.replace("version: 1", "version: 2"));
    let broken = SAMPLE.replace("version: 1", "version: 2").replace("hubspot: jobtitle", "hubspot: jobtitel");
    let broken = written("broken", &broken);
    change(&concord, "Score__c", &json!({"hidden": true})).await;
    change(&concord, "Deleted_In_CRM__c", &json!({"read_only": true})).await;

    let missing = "create it, let Concord's user see it, or take the field out of the contract";
    let refused = [
        "concord: the contract does not fit the two CRMs".to_owned(),
        format!(
            "{}: objects.contact.delete: salesforce's Deleted_In_CRM__c is read-only for Concord; let Concord's user edit it",
            place(&broken, "delete:")
        ),
        format!(
            "{}: objects.contact.fields.job_title: hubspot's jobtitel is missing or hidden from Concord; {missing}",
            place(&broken, "job_title:")
        ),
        format!(
            "{}: objects.contact.fields.score: salesforce's Score__c is missing or hidden from Concord; {missing}",
            place(&broken, "score:")
        ),
    ];
    let (code, said) = stack.take(&broken);
    let mut lines: Vec<&str> = said.lines().collect();
    lines[1..].sort_unstable();
    assert_eq!((code, lines), (Some(1), refused.iter().map(String::as_str).collect()));

    change(&concord, "Score__c", &json!({"hidden": false})).await;
    change(&concord, "Deleted_In_CRM__c", &json!({"read_only": false})).await;
    let (code, said) = stack.take(&second);
    assert_eq!(code, Some(0), "the one that was refused is not in force: {said}");
    assert!(said.ends_with("version 2 is in force; the functions follow within a minute\n"), "{said}");
    let (code, said) = stack.take(&broken);
    assert!(code == Some(1) && said.contains("jobtitel"), "{said}");
    assert_eq!(concord.writes().await, 0, "comparing writes to no CRM");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_that_cannot_be_compared_is_not_taken() {
    let concord = Concord::up("compare").await;
    let stack = Stack::beside(&concord).await;
    let second = written("compared", &SAMPLE.replace("version: 1", "version: 2"));

    concord.fault("salesforce", &json!({"kind": "server_error", "match": {"call": "describe"}})).await;
    let (code, said) = stack.take(&second);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.starts_with("concord: not taken: it could not be compared with both live schemas: "),
        "{said}"
    );

    concord.sandbox("salesforce", "DELETE", "faults", None).await;
    assert_eq!(stack.take(&second).0, Some(0));
    let (code, said) = stack.take(&second);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("version 2 or a later one is in force: raise `version`"), "{said}");
}

#[tokio::test]
async fn up_takes_no_contract_that_does_not_fit_and_goes_on_with_the_mended_one_of_that_version() {
    let file = written("up", SAMPLE);
    let named = file.to_str().unwrap();
    let mut concord = Concord::up_with("up-contract", &["--records", "0", "--contract", named]).await;
    concord.kill_9();

    let mended = SAMPLE.replace("version: 1", "version: 2");
    written("up", &mended.replace("hubspot: jobtitle", "hubspot: jobtitel"));
    assert_eq!(concord.command(&["up", "--port-base", "0", "--contract", named]).0, Some(1));

    written("up", &mended);
    concord.restart().await;
    concord.quiet(30);
    assert_eq!(concord.writes().await, 0);
}

#[test]
fn a_broken_contract_is_refused_with_file_line_and_remedy() {
    let file = std::env::temp_dir().join(format!("concord-broken-{}.yaml", std::process::id()));
    std::fs::write(
        &file,
        "version: 1\nobjects:\n  contact:\n    hubspot: contacts\n    salesforce: Contact\n    match: [{ key: email }]\n    fields:\n      email: { hubspot: email, salesforce: Email, type: emial }\n",
    )
    .unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_concord"))
        .args(["contract", "check"])
        .arg(&file)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains(&format!("{}:8:", file.display())), "{said}");
    assert!(said.contains("emial") && said.contains("email"), "{said}");
    std::fs::remove_file(file).unwrap();
}
