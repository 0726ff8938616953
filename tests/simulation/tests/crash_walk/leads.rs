//! Leads: converted by somebody, whatever was under way to them.

use concord_core::names::Side::{HubSpot, Salesforce};
use concord_simulation::walk::Act::{Convert, LosesAnswer, Make, Put, Quiet, Unheard};

use super::{contact, walk};

#[test]
fn a_converted_lead_hands_its_pair_to_the_contact_that_it_became() {
    const END: [&str; 7] = [
        "hubspot company: acme - - -, made by Concord",
        "hubspot contact: zq1@example.com zq3|zq2 - zq4 -",
        "link  + : live",
        "link zq1@example.com + zq1@example.com: live",
        "salesforce company: acme - - -",
        "salesforce contact: zq1@example.com zq3|zq2 - zq4 -, made by Concord, merged into another",
        "salesforce contact: zq1@example.com zq3|zq2 - zq4 -, of a company",
    ];
    walk(&[
        contact("converted", &[Make(HubSpot), Quiet, Convert], &END),
        contact("converted, and nobody told of it", &[Make(HubSpot), Quiet, Convert, Unheard], &END),
    ]);
}

#[test]
fn an_edit_that_is_under_way_to_a_lead_arrives_at_the_contact() {
    walk(&[contact(
        "edited, and converted before that arrives",
        &[Make(HubSpot), Quiet, Put(HubSpot, "job_title", "zqx"), LosesAnswer(Salesforce), Convert],
        &[
            "hubspot company: acme - - -, made by Concord",
            "hubspot contact: zq1@example.com zq3|zq2 - zqx -",
            "link  + : live",
            "link zq1@example.com + zq1@example.com: live",
            "salesforce company: acme - - -",
            "salesforce contact: zq1@example.com zq3|zq2 - zq4 -, made by Concord, merged into another",
            "salesforce contact: zq1@example.com zq3|zq2 - zqx -, of a company",
        ],
    )]);
}
