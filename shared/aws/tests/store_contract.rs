//! The DynamoDB store is held to the words of its port, each check on a database of its own.

mod support;

#[tokio::test(flavor = "multi_thread")]
async fn the_dynamo_store_keeps_the_contract() {
    Box::pin(concord_specs::store_contract::run(async || support::fresh_store().await.0)).await;
}
