//! The sample contract against the sandboxes, asked through the real clients.

use concord_core::contract::{Effect, Mismatch};
use concord_specs::spine::{SAMPLE_CONTRACT, Spine};
use http::Method;
use serde_json::json;

async fn suspended(spine: &Spine) -> Vec<String> {
    let mismatches = spine.engine.mismatches().await.unwrap();
    let suspended = mismatches.into_iter().filter(|mismatch| !matches!(mismatch.effect, Effect::Warn(_)));
    suspended.map(|mismatch: Mismatch| mismatch.to_string()).collect()
}

#[tokio::test]
async fn the_sample_fits_the_sandboxes_so_that_nothing_of_it_is_suspended() {
    assert_eq!(suspended(&Spine::new()).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_leads_lack_is_told_of_them_and_not_of_contacts() {
    let spine = Spine::new();
    let hide = json!({ "object": "Lead", "field": "Title", "hidden": true });
    spine.salesforce.person(Method::POST, "/__sandbox/schema", &hide);

    let told = "field contact.job_title is suspended: salesforce's Lead.Title is missing or hidden from Concord; create it, \
                let Concord's user see it, or take the field out of the contract";
    assert_eq!(suspended(&spine).await, [told]);
}

#[tokio::test]
async fn a_property_that_only_leads_fill_has_to_be_there_all_the_same() {
    let yaml = SAMPLE_CONTRACT.replacen("employer: { hubspot: company,", "employer: { hubspot: compny,", 1);

    let told = "field contact.employer is suspended: hubspot's compny is missing or hidden from Concord; create it, let Concord's \
                user see it, or take the field out of the contract";
    assert_eq!(suspended(&Spine::with_contract(&yaml)).await, [told]);
}

#[tokio::test]
async fn a_set_of_associations_needs_its_junction_object_with_both_references_and_what_says_its_roles() {
    let told = "field deal.contacts is suspended: salesforce's OpportunityContactRole.OpportunityId.ContactId is missing or \
                hidden from Concord; create it, let Concord's user see it, or take the field out of the contract";
    let fields = ["OpportunityId", "ContactId", "Role", "IsPrimary"].map(|field| json!({ "field": field }));
    for hidden in [json!({})].into_iter().chain(fields) {
        let spine = Spine::new();
        let mut hide = json!({ "object": "OpportunityContactRole", "hidden": true });
        hide.as_object_mut().unwrap().extend(hidden.as_object().unwrap().clone());
        spine.salesforce.person(Method::POST, "/__sandbox/schema", &hide);

        assert_eq!(suspended(&spine).await, [told], "{hidden}");
    }
}

#[tokio::test]
async fn a_junctions_references_are_made_and_never_changed() {
    let spine = Spine::new();
    for field in ["OpportunityId", "ContactId"] {
        let lock = json!({ "object": "OpportunityContactRole", "field": field, "read_only": true });
        spine.salesforce.person(Method::POST, "/__sandbox/schema", &lock);
    }
    assert_eq!(suspended(&spine).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_role_that_salesforce_does_not_have_suspends_its_set() {
    let roles = "roles: { Decision maker: Decision Taker, Billing contact: Payer }";
    let at = SAMPLE_CONTRACT.find("roles: {").unwrap();
    let mut yaml = SAMPLE_CONTRACT.to_owned();
    yaml.replace_range(at..=at + yaml[at..].find('}').unwrap(), roles);

    let told = "field deal.contacts is suspended: salesforce's OpportunityContactRole.OpportunityId.ContactId has no role \
                `Decision Taker`, `Payer`; add the choice to `Role` there, or take it out of the field's `roles`";
    assert_eq!(suspended(&Spine::with_contract(&yaml)).await, [told]);
}

#[tokio::test]
async fn a_label_that_hubspot_does_not_have_suspends_its_set() {
    let yaml = SAMPLE_CONTRACT.replacen("Billing contact:", "Payer:", 1);
    let told = "field deal.contacts is suspended: hubspot's associations.contacts has no label `Payer`; make the label there, or \
                take it out of the contract";
    assert_eq!(suspended(&Spine::with_contract(&yaml)).await, [told]);
}
