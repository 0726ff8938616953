//! The in-memory store is held to the store contract.

use concord_sandbox::store::MemoryStore;
use concord_specs::store_contract;

#[tokio::test]
async fn the_store_in_memory_keeps_the_contract() {
    store_contract::run(async || MemoryStore::new()).await;
}
