//! The sample contract against the sandboxes, asked through the real clients.

use concord_core::contract::{Effect, check};
use concord_core::names::PerSide;
use concord_core::port::Crm as _;
use concord_specs::spine::Spine;

#[tokio::test]
async fn the_sample_fits_the_sandboxes_so_that_nothing_of_it_is_suspended() {
    let spine = Spine::new();
    let contract = &spine.engine.contract;
    for object in contract.objects.values() {
        let schemas = PerSide {
            hubspot: spine.engine.hubspot.schema(&object.wire.hubspot).await.unwrap(),
            salesforce: spine.engine.salesforce.schema(&object.wire.salesforce).await.unwrap(),
        };
        let suspended: Vec<String> = check(object, &schemas)
            .into_iter()
            .filter(|mismatch| !matches!(mismatch.effect, Effect::Warn(_)))
            .map(|mismatch| mismatch.to_string())
            .collect();
        assert_eq!(suspended, Vec::<String>::new());
    }
}
