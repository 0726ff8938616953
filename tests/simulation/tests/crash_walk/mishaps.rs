//! Mishaps: what is never told, answers that are lost, and what cannot be written.

use concord_core::names::Side::{HubSpot, Salesforce};
use concord_simulation::walk::Act::{LosesAnswer, Make, Put, Quiet, TitleTakes, Unheard};

use super::{contact, walk};

#[test]
fn what_is_never_told_is_found() {
    walk(&[
        contact(
            "a record of HubSpot's",
            &[Make(HubSpot), Unheard],
            &[
                "hubspot contact: zq1@example.com zq3|zq2 - zq4 -",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - zq4 -, made by Concord",
            ],
        ),
        contact(
            "a record of Salesforce's",
            &[Make(Salesforce), Unheard],
            &[
                "hubspot contact: zq1@example.com zq3|zq2 - zq4 -, made by Concord",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - zq4 -",
            ],
        ),
        contact(
            "an edit of HubSpot's",
            &[Make(HubSpot), Quiet, Put(HubSpot, "job_title", "zqNew"), Unheard],
            &[
                "hubspot contact: zq1@example.com zq3|zq2 - zqnew -",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - zqnew -, made by Concord",
            ],
        ),
        contact(
            "an edit of Salesforce's",
            &[Make(HubSpot), Quiet, Put(Salesforce, "job_title", "zqNew"), Unheard],
            &[
                "hubspot contact: zq1@example.com zq3|zq2 - zqnew -",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - zqnew -, made by Concord",
            ],
        ),
    ]);
}

#[test]
fn a_lost_answer_writes_nothing_twice() {
    walk(&[
        contact(
            "to a create in Salesforce",
            &[LosesAnswer(Salesforce), Make(HubSpot)],
            &[
                "hubspot contact: zq1@example.com zq3|zq2 - zq4 -",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - zq4 -, made by Concord",
            ],
        ),
        contact(
            "to a create in HubSpot",
            &[LosesAnswer(HubSpot), Make(Salesforce)],
            &[
                "hubspot contact: zq1@example.com zq3|zq2 - zq4 -, made by Concord",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - zq4 -",
            ],
        ),
        contact(
            "to an update in Salesforce",
            &[Make(HubSpot), Quiet, LosesAnswer(Salesforce), Put(HubSpot, "job_title", "zqNew")],
            &[
                "hubspot contact: zq1@example.com zq3|zq2 - zqnew -",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - zqnew -, made by Concord",
            ],
        ),
        contact(
            "to an update in HubSpot",
            &[Make(HubSpot), Quiet, LosesAnswer(HubSpot), Put(Salesforce, "job_title", "zqNew")],
            &[
                "hubspot contact: zq1@example.com zq3|zq2 - zqnew -",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - zqnew -, made by Concord",
            ],
        ),
    ]);
}

#[test]
fn what_cannot_be_done_is_parked_until_it_can() {
    walk(&[
        contact(
            "no phone number",
            &[Make(HubSpot), Quiet, Put(HubSpot, "phone", "ask her"), Put(HubSpot, "job_title", "zqNew")],
            &[
                "hubspot contact: zq1@example.com zq3|zq2 - zqnew -",
                "link zq1@example.com + zq1@example.com: live",
                "parked phone of zq1@example.com + zq1@example.com",
                "salesforce contact: zq1@example.com zq3|zq2 - zqnew -, made by Concord",
            ],
        ),
        contact(
            "no phone number, corrected",
            &[
                Make(HubSpot),
                Quiet,
                Put(HubSpot, "phone", "ask her"),
                Quiet,
                Put(HubSpot, "phone", "+14155550001"),
            ],
            &[
                "hubspot contact: zq1@example.com zq3|zq2 4155550001 zq4 -",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 4155550001 zq4 -, made by Concord",
            ],
        ),
        contact(
            "refused by Salesforce",
            &[Make(HubSpot), Quiet, TitleTakes(6), Put(HubSpot, "job_title", "zqMuchTooLong")],
            &[
                "hubspot contact: zq1@example.com zq3|zq2 - zqmuchtoolong -",
                "link zq1@example.com + zq1@example.com: live, salesforce refused",
                "parked salesforce record zq1@example.com",
                "salesforce contact: zq1@example.com zq3|zq2 - zq4 -, made by Concord",
            ],
        ),
        contact(
            "refused, then made to fit",
            &[
                Make(HubSpot),
                Quiet,
                TitleTakes(6),
                Put(HubSpot, "job_title", "zqMuchTooLong"),
                Quiet,
                Put(HubSpot, "job_title", "zqFits"),
            ],
            &[
                "hubspot contact: zq1@example.com zq3|zq2 - zqfits -",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - zqfits -, made by Concord",
            ],
        ),
        contact(
            "a create refused by Salesforce, then taken",
            &[TitleTakes(2), Make(HubSpot), Quiet, TitleTakes(128), Put(HubSpot, "job_title", "zqFits")],
            &[
                "hubspot contact: zq1@example.com zq3|zq2 - zqfits -",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - zqfits -, made by Concord",
            ],
        ),
    ]);
}
