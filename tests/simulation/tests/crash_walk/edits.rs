//! Values: made, edited, cleared, on one side and on both.

use concord_core::names::Side::{HubSpot, Salesforce};
use concord_simulation::walk::Act::{Make, Put, Quiet};
use concord_simulation::walk::Scenario;

use super::{contact, walk};

/// As short as a story gets that has a create and an update.
pub(super) const EDITED: Scenario = contact(
    "edited in HubSpot",
    &[Make(HubSpot), Quiet, Put(HubSpot, "job_title", "zqNew")],
    &[
        "hubspot contact: zq1@example.com zq3|zq2 - zqnew -",
        "link zq1@example.com + zq1@example.com: live",
        "salesforce contact: zq1@example.com zq3|zq2 - zqnew -, made by Concord",
    ],
);

#[test]
fn a_new_record_has_one_counterpart() {
    walk(&[
        contact(
            "made in HubSpot",
            &[Make(HubSpot)],
            &[
                "hubspot contact: zq1@example.com zq3|zq2 - zq4 -",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - zq4 -, made by Concord",
            ],
        ),
        contact(
            "made in Salesforce",
            &[Make(Salesforce)],
            &[
                "hubspot contact: zq1@example.com zq3|zq2 - zq4 -, made by Concord",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - zq4 -",
            ],
        ),
    ]);
}

#[test]
fn an_edit_arrives_on_the_other_side_once() {
    walk(&[
        EDITED,
        contact(
            "edited in Salesforce",
            &[Make(HubSpot), Quiet, Put(Salesforce, "job_title", "zqNew")],
            &[
                "hubspot contact: zq1@example.com zq3|zq2 - zqnew -",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - zqnew -, made by Concord",
            ],
        ),
        contact(
            "cleared in HubSpot",
            &[Make(Salesforce), Quiet, Put(HubSpot, "job_title", "")],
            &[
                "hubspot contact: zq1@example.com zq3|zq2 - - -, made by Concord",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - - -",
            ],
        ),
        contact(
            "cleared in Salesforce",
            &[Make(Salesforce), Quiet, Put(Salesforce, "job_title", "")],
            &[
                "hubspot contact: zq1@example.com zq3|zq2 - - -, made by Concord",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - - -",
            ],
        ),
        contact(
            "its key changes",
            &[Make(HubSpot), Quiet, Put(HubSpot, "email", "zqnew@example.com")],
            &[
                "hubspot contact: zqnew@example.com zq3|zq2 - zq4 -",
                "link zqnew@example.com + zqnew@example.com: live",
                "salesforce contact: zqnew@example.com zq3|zq2 - zq4 -, made by Concord",
            ],
        ),
    ]);
}

#[test]
fn edits_on_both_sides_end_by_their_rule() {
    walk(&[
        contact(
            "different fields",
            &[
                Make(HubSpot),
                Quiet,
                Put(HubSpot, "job_title", "zqH"),
                Put(Salesforce, "phone", "+14155550001"),
            ],
            &[
                "hubspot contact: zq1@example.com zq3|zq2 4155550001 zqh -",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 4155550001 zqh -, made by Concord",
            ],
        ),
        contact(
            "the same edit on both",
            &[
                Make(HubSpot),
                Quiet,
                Put(HubSpot, "job_title", "zqSame"),
                Put(Salesforce, "job_title", "zqSame"),
            ],
            &[
                "hubspot contact: zq1@example.com zq3|zq2 - zqsame -",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - zqsame -, made by Concord",
            ],
        ),
        contact(
            "one field, held",
            &[Make(HubSpot), Quiet, Put(HubSpot, "job_title", "zqH"), Put(Salesforce, "job_title", "zqS")],
            &[
                "conflict job_title of zq1@example.com + zq1@example.com: zqh or zqs",
                "hubspot contact: zq1@example.com zq3|zq2 - zqh -",
                "link zq1@example.com + zq1@example.com: live",
                "on record job_title of zq1@example.com + zq1@example.com: zqh, zqs",
                "salesforce contact: zq1@example.com zq3|zq2 - zqs -, made by Concord",
            ],
        ),
        contact(
            "one field, held until a person decides",
            &[
                Make(HubSpot),
                Quiet,
                Put(HubSpot, "job_title", "zqH"),
                Put(Salesforce, "job_title", "zqS"),
                Quiet,
                Put(Salesforce, "job_title", "zqH"),
            ],
            &[
                "hubspot contact: zq1@example.com zq3|zq2 - zqh -",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - zqh -, made by Concord",
            ],
        ),
        contact(
            "one field, HubSpot has authority",
            &[Make(HubSpot), Quiet, Put(HubSpot, "job_title", "zqH"), Put(Salesforce, "job_title", "zqS")],
            &[
                "hubspot contact: zq1@example.com zq3|zq2 - zqh -",
                "link zq1@example.com + zq1@example.com: live",
                "on record job_title of zq1@example.com + zq1@example.com: zqs",
                "salesforce contact: zq1@example.com zq3|zq2 - zqh -, made by Concord",
            ],
        )
        .under("{ authority: hubspot }"),
        contact(
            "one field, Salesforce has authority",
            &[Make(HubSpot), Quiet, Put(HubSpot, "job_title", "zqH"), Put(Salesforce, "job_title", "zqS")],
            &[
                "hubspot contact: zq1@example.com zq3|zq2 - zqs -",
                "link zq1@example.com + zq1@example.com: live",
                "on record job_title of zq1@example.com + zq1@example.com: zqh",
                "salesforce contact: zq1@example.com zq3|zq2 - zqs -, made by Concord",
            ],
        )
        .under("{ authority: salesforce }"),
        contact(
            "one field, a blank never wins",
            &[Make(HubSpot), Quiet, Put(HubSpot, "job_title", "zqH"), Put(Salesforce, "job_title", "")],
            &[
                "hubspot contact: zq1@example.com zq3|zq2 - zqh -",
                "link zq1@example.com + zq1@example.com: live",
                "on record job_title of zq1@example.com + zq1@example.com: ",
                "salesforce contact: zq1@example.com zq3|zq2 - zqh -, made by Concord",
            ],
        )
        .under("{ fill: { otherwise: salesforce } }"),
        contact(
            "two sets",
            &[
                Make(HubSpot),
                Quiet,
                Put(HubSpot, "interests", "cycling"),
                Put(Salesforce, "interests", "music"),
            ],
            &[
                "hubspot contact: zq1@example.com zq3|zq2 - zq4 cycling;music",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - zq4 cycling;music, made by Concord",
            ],
        ),
    ]);
}
