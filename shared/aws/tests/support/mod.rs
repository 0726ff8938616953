//! A DynamoDB of one's own: in memory, in this process, reached through the ordinary SDK.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test's footing either stands or the test fails"
)]

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use concord_aws::dynamo::{DynamoStore, Tables, create_tables};

/// A fresh store, and the client to look behind it.
pub(crate) async fn fresh_store() -> (DynamoStore, Client, Tables) {
    let database = dynoxide::Database::memory().unwrap();
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(dynoxide::server::serve_on(listener, database));
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(format!("http://{address}"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .build();
    let client = Client::from_conf(config);
    let tables = Tables {
        state: "state".to_owned(),
        idempotency: "idempotency".to_owned(),
        journal: "journal".to_owned(),
    };
    create_tables(&client, &tables).await.expect("tables");
    let store = DynamoStore::new(client.clone(), tables.clone(), DynamoStore::JOURNAL_DAYS);
    (store, client, tables)
}
