//! Records: deleted, restored, merged, and met by their key.

use concord_core::names::Side::{HubSpot, Salesforce};
use concord_simulation::walk::Act::{Delete, Erase, Make, MakeTwins, Merge, Put, Quiet, Restore};

use super::{company, contact, walk};

#[test]
fn a_delete_is_told_and_taken_back() {
    walk(&[
        contact(
            "deleted in HubSpot",
            &[Make(HubSpot), Quiet, Delete(HubSpot)],
            &[
                "hubspot contact: zq1@example.com zq3|zq2 - zq4 -, deleted",
                "link zq1@example.com + zq1@example.com: flagged, hubspot deleted",
                "salesforce contact: zq1@example.com zq3|zq2 - zq4 -, made by Concord, flagged",
            ],
        ),
        contact(
            "deleted in Salesforce",
            &[Make(HubSpot), Quiet, Delete(Salesforce)],
            &[
                "hubspot contact: zq1@example.com zq3|zq2 - zq4 -, flagged",
                "link zq1@example.com + zq1@example.com: flagged, salesforce deleted",
                "salesforce contact: zq1@example.com zq3|zq2 - zq4 -, made by Concord, deleted",
            ],
        ),
        contact(
            "deleted and restored in HubSpot",
            &[Make(HubSpot), Quiet, Delete(HubSpot), Quiet, Restore(HubSpot)],
            &[
                "hubspot contact: zq1@example.com zq3|zq2 - zq4 -",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - zq4 -, made by Concord",
            ],
        ),
        contact(
            "deleted and restored in Salesforce",
            &[Make(HubSpot), Quiet, Delete(Salesforce), Quiet, Restore(Salesforce)],
            &[
                "hubspot contact: zq1@example.com zq3|zq2 - zq4 -",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - zq4 -, made by Concord",
            ],
        ),
        contact(
            "deleted on both sides",
            &[Make(HubSpot), Quiet, Delete(HubSpot), Delete(Salesforce)],
            &[
                "hubspot contact: zq1@example.com zq3|zq2 - zq4 -, deleted",
                "link zq1@example.com + zq1@example.com: unlinked, hubspot gone",
                "salesforce contact: zq1@example.com zq3|zq2 - zq4 -, made by Concord, deleted",
            ],
        ),
    ]);
}

#[test]
fn who_is_erased_is_forgotten_whatever_was_under_way() {
    const FORGOTTEN: [&str; 4] = [
        "hubspot contact: - - - - -, deleted, without a mark",
        "link  + zq1@example.com: erased",
        "parked salesforce record zq1@example.com",
        "salesforce contact: zq1@example.com zq3|zq2 - zq4 -, made by Concord",
    ];
    const PURGED: [&str; 3] = [
        "hubspot contact: - - - - -, deleted, without a mark",
        "link  + zq1@example.com: erased",
        "salesforce contact: zq1@example.com zq3|zq2 - zq4 -, made by Concord, archived",
    ];
    walk(&[
        contact("erased", &[Make(HubSpot), Quiet, Erase], &FORGOTTEN),
        contact("erased and purged", &[Make(HubSpot), Quiet, Erase], &PURGED).purged(),
        contact(
            "erased while an edit is under way",
            &[
                Make(HubSpot),
                Quiet,
                Put(HubSpot, "job_title", "zqx"),
                Put(Salesforce, "phone", "4155550199"),
                Erase,
            ],
            &[
                "hubspot contact: - - - - -, deleted, without a mark",
                "link  + zq1@example.com: erased",
                "salesforce contact: zq1@example.com zq3|zq2 4155550199 zq4 -, made by Concord, archived",
            ],
        )
        .purged(),
    ]);
}

#[test]
fn a_delete_is_passed_on_by_an_archive_that_is_taken_back_where_it_was_wrong() {
    walk(&[
        contact(
            "archived",
            &[Make(HubSpot), Quiet, Delete(HubSpot)],
            &[
                "hubspot contact: zq1@example.com zq3|zq2 - zq4 -, deleted",
                "link zq1@example.com + zq1@example.com: flagged, hubspot deleted",
                "salesforce contact: zq1@example.com zq3|zq2 - zq4 -, made by Concord, archived",
            ],
        )
        .archived(),
        contact(
            "archived and restored",
            &[Make(HubSpot), Quiet, Delete(HubSpot), Quiet, Restore(HubSpot)],
            &[
                "hubspot contact: zq1@example.com zq3|zq2 - zq4 -",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - zq4 -, made by Concord",
            ],
        )
        .archived(),
    ]);
}

#[test]
fn a_delete_against_an_edit_loses_neither() {
    walk(&[
        contact(
            "deleted in HubSpot, edited in Salesforce",
            &[Make(HubSpot), Quiet, Delete(HubSpot), Put(Salesforce, "job_title", "zqS")],
            &[
                "hubspot contact: zq1@example.com zq3|zq2 - zq4 -, deleted",
                "link zq1@example.com + zq1@example.com: unlinked, hubspot gone",
                "salesforce contact: zq1@example.com zq3|zq2 - zqs -, made by Concord",
            ],
        ),
        contact(
            "deleted in Salesforce, edited in HubSpot",
            &[Make(HubSpot), Quiet, Delete(Salesforce), Put(HubSpot, "job_title", "zqH")],
            &[
                "hubspot contact: zq1@example.com zq3|zq2 - zqh -",
                "link zq1@example.com + zq1@example.com: unlinked, salesforce gone",
                "salesforce contact: zq1@example.com zq3|zq2 - zq4 -, made by Concord, deleted",
            ],
        ),
    ]);
}

#[test]
fn records_that_are_one_thing_meet_once() {
    walk(&[
        contact(
            "two records with one key",
            &[MakeTwins],
            &[
                "conflict job_title of zq1@example.com + zq1@example.com: zq4 or zq7",
                "conflict name of zq1@example.com + zq1@example.com: zq3|zq2 or zq6|zq5",
                "hubspot contact: zq1@example.com zq3|zq2 - zq4 -",
                "link zq1@example.com + zq1@example.com: live",
                "on record job_title of zq1@example.com + zq1@example.com: zq4, zq7",
                "on record name of zq1@example.com + zq1@example.com: zq3|zq2, zq6|zq5",
                "salesforce contact: zq1@example.com zq6|zq5 - zq7 -",
            ],
        ),
        contact(
            "two records with one key, HubSpot has authority",
            &[MakeTwins],
            &[
                "hubspot contact: zq1@example.com zq3|zq2 - zq4 -",
                "link zq1@example.com + zq1@example.com: live",
                "on record job_title of zq1@example.com + zq1@example.com: zq7",
                "on record name of zq1@example.com + zq1@example.com: zq6|zq5",
                "salesforce contact: zq1@example.com zq3|zq2 - zq4 -",
            ],
        )
        .under("{ authority: hubspot }"),
        contact(
            "merged in HubSpot",
            &[Make(HubSpot), Quiet, Make(HubSpot), Quiet, Merge(HubSpot)],
            &[
                "hubspot contact: zq1@example.com zq3|zq2 - zq4 -",
                "hubspot contact: zq1@example.com zq3|zq2 - zq4 -, merged into another",
                "hubspot contact: zq5@example.com zq7|zq6 - zq8 -, merged into another",
                "link zq1@example.com + zq1@example.com: live",
                "link zq5@example.com + zq5@example.com: unlinked, hubspot gone",
                "parked salesforce record zq5@example.com",
                "salesforce contact: zq1@example.com zq3|zq2 - zq4 -, made by Concord",
                "salesforce contact: zq5@example.com zq7|zq6 - zq8 -, made by Concord",
            ],
        ),
        contact(
            "merged in Salesforce",
            &[Make(HubSpot), Quiet, Make(HubSpot), Quiet, Merge(Salesforce)],
            &[
                "hubspot contact: zq1@example.com zq3|zq2 - zq4 -",
                "hubspot contact: zq5@example.com zq7|zq6 - zq8 -",
                "link zq1@example.com + zq1@example.com: live",
                "link zq5@example.com + zq5@example.com: unlinked, salesforce gone",
                "parked hubspot record zq5@example.com",
                "salesforce contact: zq1@example.com zq3|zq2 - zq4 -, made by Concord",
                "salesforce contact: zq5@example.com zq7|zq6 - zq8 -, made by Concord, merged into another",
            ],
        ),
    ]);
}

#[test]
fn companies_follow_their_own_rule_for_deletes() {
    walk(&[
        company(
            "made and edited",
            &[Make(Salesforce), Quiet, Put(HubSpot, "description", "zqH")],
            &[
                "hubspot company: zq2 zq1.example.com - zqh, made by Concord",
                "link zq1.example.com + zq1.example.com: live",
                "salesforce company: zq2 zq1.example.com - zqh",
            ],
        ),
        company(
            "deleted in HubSpot",
            &[Make(HubSpot), Quiet, Delete(HubSpot)],
            &[
                "hubspot company: zq2 zq1.example.com - -, deleted",
                "link zq1.example.com + zq1.example.com: unlinked, hubspot gone",
                "salesforce company: zq2 zq1.example.com - -, made by Concord",
            ],
        ),
        company(
            "deleted in Salesforce",
            &[Make(HubSpot), Quiet, Delete(Salesforce)],
            &[
                "hubspot company: zq2 zq1.example.com - -",
                "link zq1.example.com + zq1.example.com: unlinked, salesforce gone",
                "salesforce company: zq2 zq1.example.com - -, made by Concord, deleted",
            ],
        ),
    ]);
}
