//! The crash walk (DESIGN 9): each scenario is lived through undisturbed, and then once for every effect with a
//! worker that dies right before it, dies right after it, or is overtaken there by another; and with every job done
//! twice. Whatever happened, the end is the one that stands here.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test")]

use concord_core::names::Side::{HubSpot, Salesforce};
use concord_simulation::course::Strike;
use concord_simulation::walk::Act::{
    Delete, LosesAnswer, Make, MakeTwins, Merge, Put, Quiet, Restore, TitleTakes, Unheard,
};
use concord_simulation::walk::{Ended, Scenario, play};

/// Failures of one scenario that are shown.
const SHOWN_MAX: usize = 2;

#[test]
fn a_new_record_has_one_counterpart() {
    walk(&[
        Scenario {
            name: "made in HubSpot",
            object: "contact",
            policy: "hold",
            acts: &[Make(HubSpot)],
            ends: &[
                "hubspot contact: zq1@example.com zq3|zq2 - zq4 -",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - zq4 -, made by Concord",
            ],
        },
        Scenario {
            name: "made in Salesforce",
            object: "contact",
            policy: "hold",
            acts: &[Make(Salesforce)],
            ends: &[
                "hubspot contact: zq1@example.com zq3|zq2 - zq4 -, made by Concord",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - zq4 -",
            ],
        },
    ]);
}

#[test]
fn an_edit_arrives_on_the_other_side_once() {
    walk(&[
        Scenario {
            name: "edited in HubSpot",
            object: "contact",
            policy: "hold",
            acts: &[Make(HubSpot), Quiet, Put(HubSpot, "job_title", "zqNew")],
            ends: &[
                "hubspot contact: zq1@example.com zq3|zq2 - zqnew -",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - zqnew -, made by Concord",
            ],
        },
        Scenario {
            name: "edited in Salesforce",
            object: "contact",
            policy: "hold",
            acts: &[Make(HubSpot), Quiet, Put(Salesforce, "job_title", "zqNew")],
            ends: &[
                "hubspot contact: zq1@example.com zq3|zq2 - zqnew -",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - zqnew -, made by Concord",
            ],
        },
        Scenario {
            name: "cleared in HubSpot",
            object: "contact",
            policy: "hold",
            acts: &[Make(Salesforce), Quiet, Put(HubSpot, "job_title", "")],
            ends: &[
                "hubspot contact: zq1@example.com zq3|zq2 - - -, made by Concord",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - - -",
            ],
        },
        Scenario {
            name: "cleared in Salesforce",
            object: "contact",
            policy: "hold",
            acts: &[Make(Salesforce), Quiet, Put(Salesforce, "job_title", "")],
            ends: &[
                "hubspot contact: zq1@example.com zq3|zq2 - - -, made by Concord",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - - -",
            ],
        },
        Scenario {
            name: "its key changes",
            object: "contact",
            policy: "hold",
            acts: &[Make(HubSpot), Quiet, Put(HubSpot, "email", "zqnew@example.com")],
            ends: &[
                "hubspot contact: zqnew@example.com zq3|zq2 - zq4 -",
                "link zqnew@example.com + zqnew@example.com: live",
                "salesforce contact: zqnew@example.com zq3|zq2 - zq4 -, made by Concord",
            ],
        },
    ]);
}

#[test]
fn edits_on_both_sides_end_by_their_rule() {
    walk(&[
        Scenario {
            name: "different fields",
            object: "contact",
            policy: "hold",
            acts: &[
                Make(HubSpot),
                Quiet,
                Put(HubSpot, "job_title", "zqH"),
                Put(Salesforce, "phone", "+14155550001"),
            ],
            ends: &[
                "hubspot contact: zq1@example.com zq3|zq2 4155550001 zqh -",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 4155550001 zqh -, made by Concord",
            ],
        },
        Scenario {
            name: "the same edit on both",
            object: "contact",
            policy: "hold",
            acts: &[
                Make(HubSpot),
                Quiet,
                Put(HubSpot, "job_title", "zqSame"),
                Put(Salesforce, "job_title", "zqSame"),
            ],
            ends: &[
                "hubspot contact: zq1@example.com zq3|zq2 - zqsame -",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - zqsame -, made by Concord",
            ],
        },
        Scenario {
            name: "one field, held",
            object: "contact",
            policy: "hold",
            acts: &[
                Make(HubSpot),
                Quiet,
                Put(HubSpot, "job_title", "zqH"),
                Put(Salesforce, "job_title", "zqS"),
            ],
            ends: &[
                "conflict job_title of zq1@example.com + zq1@example.com: zqh or zqs",
                "hubspot contact: zq1@example.com zq3|zq2 - zqh -",
                "link zq1@example.com + zq1@example.com: live",
                "on record job_title of zq1@example.com + zq1@example.com: zqh, zqs",
                "salesforce contact: zq1@example.com zq3|zq2 - zqs -, made by Concord",
            ],
        },
        Scenario {
            name: "one field, held until a person decides",
            object: "contact",
            policy: "hold",
            acts: &[
                Make(HubSpot),
                Quiet,
                Put(HubSpot, "job_title", "zqH"),
                Put(Salesforce, "job_title", "zqS"),
                Quiet,
                Put(Salesforce, "job_title", "zqH"),
            ],
            ends: &[
                "hubspot contact: zq1@example.com zq3|zq2 - zqh -",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - zqh -, made by Concord",
            ],
        },
        Scenario {
            name: "one field, HubSpot has authority",
            object: "contact",
            policy: "{ authority: hubspot }",
            acts: &[
                Make(HubSpot),
                Quiet,
                Put(HubSpot, "job_title", "zqH"),
                Put(Salesforce, "job_title", "zqS"),
            ],
            ends: &[
                "hubspot contact: zq1@example.com zq3|zq2 - zqh -",
                "link zq1@example.com + zq1@example.com: live",
                "on record job_title of zq1@example.com + zq1@example.com: zqs",
                "salesforce contact: zq1@example.com zq3|zq2 - zqh -, made by Concord",
            ],
        },
        Scenario {
            name: "one field, Salesforce has authority",
            object: "contact",
            policy: "{ authority: salesforce }",
            acts: &[
                Make(HubSpot),
                Quiet,
                Put(HubSpot, "job_title", "zqH"),
                Put(Salesforce, "job_title", "zqS"),
            ],
            ends: &[
                "hubspot contact: zq1@example.com zq3|zq2 - zqs -",
                "link zq1@example.com + zq1@example.com: live",
                "on record job_title of zq1@example.com + zq1@example.com: zqh",
                "salesforce contact: zq1@example.com zq3|zq2 - zqs -, made by Concord",
            ],
        },
        Scenario {
            name: "one field, a blank never wins",
            object: "contact",
            policy: "{ fill: { otherwise: salesforce } }",
            acts: &[Make(HubSpot), Quiet, Put(HubSpot, "job_title", "zqH"), Put(Salesforce, "job_title", "")],
            ends: &[
                "hubspot contact: zq1@example.com zq3|zq2 - zqh -",
                "link zq1@example.com + zq1@example.com: live",
                "on record job_title of zq1@example.com + zq1@example.com: ",
                "salesforce contact: zq1@example.com zq3|zq2 - zqh -, made by Concord",
            ],
        },
        Scenario {
            name: "two sets",
            object: "contact",
            policy: "hold",
            acts: &[
                Make(HubSpot),
                Quiet,
                Put(HubSpot, "interests", "cycling"),
                Put(Salesforce, "interests", "music"),
            ],
            ends: &[
                "hubspot contact: zq1@example.com zq3|zq2 - zq4 cycling;music",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - zq4 cycling;music, made by Concord",
            ],
        },
    ]);
}

#[test]
fn a_delete_is_told_and_taken_back() {
    walk(&[
        Scenario {
            name: "deleted in HubSpot",
            object: "contact",
            policy: "hold",
            acts: &[Make(HubSpot), Quiet, Delete(HubSpot)],
            ends: &[
                "hubspot contact: zq1@example.com zq3|zq2 - zq4 -, deleted",
                "link zq1@example.com + zq1@example.com: flagged, hubspot deleted",
                "salesforce contact: zq1@example.com zq3|zq2 - zq4 -, made by Concord, flagged",
            ],
        },
        Scenario {
            name: "deleted in Salesforce",
            object: "contact",
            policy: "hold",
            acts: &[Make(HubSpot), Quiet, Delete(Salesforce)],
            ends: &[
                "hubspot contact: zq1@example.com zq3|zq2 - zq4 -, flagged",
                "link zq1@example.com + zq1@example.com: flagged, salesforce deleted",
                "salesforce contact: zq1@example.com zq3|zq2 - zq4 -, made by Concord, deleted",
            ],
        },
        Scenario {
            name: "deleted and restored in HubSpot",
            object: "contact",
            policy: "hold",
            acts: &[Make(HubSpot), Quiet, Delete(HubSpot), Quiet, Restore(HubSpot)],
            ends: &[
                "hubspot contact: zq1@example.com zq3|zq2 - zq4 -",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - zq4 -, made by Concord",
            ],
        },
        Scenario {
            name: "deleted and restored in Salesforce",
            object: "contact",
            policy: "hold",
            acts: &[Make(HubSpot), Quiet, Delete(Salesforce), Quiet, Restore(Salesforce)],
            ends: &[
                "hubspot contact: zq1@example.com zq3|zq2 - zq4 -",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - zq4 -, made by Concord",
            ],
        },
        Scenario {
            name: "deleted on both sides",
            object: "contact",
            policy: "hold",
            acts: &[Make(HubSpot), Quiet, Delete(HubSpot), Delete(Salesforce)],
            ends: &[
                "hubspot contact: zq1@example.com zq3|zq2 - zq4 -, deleted",
                "link zq1@example.com + zq1@example.com: unlinked, hubspot gone",
                "salesforce contact: zq1@example.com zq3|zq2 - zq4 -, made by Concord, deleted",
            ],
        },
    ]);
}

#[test]
fn a_delete_against_an_edit_loses_neither() {
    walk(&[
        Scenario {
            name: "deleted in HubSpot, edited in Salesforce",
            object: "contact",
            policy: "hold",
            acts: &[Make(HubSpot), Quiet, Delete(HubSpot), Put(Salesforce, "job_title", "zqS")],
            ends: &[
                "hubspot contact: zq1@example.com zq3|zq2 - zq4 -, deleted",
                "link zq1@example.com + zq1@example.com: unlinked, hubspot gone",
                "salesforce contact: zq1@example.com zq3|zq2 - zqs -, made by Concord",
            ],
        },
        Scenario {
            name: "deleted in Salesforce, edited in HubSpot",
            object: "contact",
            policy: "hold",
            acts: &[Make(HubSpot), Quiet, Delete(Salesforce), Put(HubSpot, "job_title", "zqH")],
            ends: &[
                "hubspot contact: zq1@example.com zq3|zq2 - zqh -",
                "link zq1@example.com + zq1@example.com: unlinked, salesforce gone",
                "salesforce contact: zq1@example.com zq3|zq2 - zq4 -, made by Concord, deleted",
            ],
        },
    ]);
}

#[test]
fn records_that_are_one_thing_meet_once() {
    walk(&[
        Scenario {
            name: "two records with one key",
            object: "contact",
            policy: "hold",
            acts: &[MakeTwins],
            ends: &[
                "conflict job_title of zq1@example.com + zq1@example.com: zq4 or zq7",
                "conflict name of zq1@example.com + zq1@example.com: zq3|zq2 or zq6|zq5",
                "hubspot contact: zq1@example.com zq3|zq2 - zq4 -",
                "link zq1@example.com + zq1@example.com: live",
                "on record job_title of zq1@example.com + zq1@example.com: zq4, zq7",
                "on record name of zq1@example.com + zq1@example.com: zq3|zq2, zq6|zq5",
                "salesforce contact: zq1@example.com zq6|zq5 - zq7 -",
            ],
        },
        Scenario {
            name: "two records with one key, HubSpot has authority",
            object: "contact",
            policy: "{ authority: hubspot }",
            acts: &[MakeTwins],
            ends: &[
                "hubspot contact: zq1@example.com zq3|zq2 - zq4 -",
                "link zq1@example.com + zq1@example.com: live",
                "on record job_title of zq1@example.com + zq1@example.com: zq7",
                "on record name of zq1@example.com + zq1@example.com: zq6|zq5",
                "salesforce contact: zq1@example.com zq3|zq2 - zq4 -",
            ],
        },
        Scenario {
            name: "merged in HubSpot",
            object: "contact",
            policy: "hold",
            acts: &[Make(HubSpot), Quiet, Make(HubSpot), Quiet, Merge(HubSpot)],
            ends: &[
                "hubspot contact: zq1@example.com zq3|zq2 - zq4 -",
                "hubspot contact: zq1@example.com zq3|zq2 - zq4 -, merged into another",
                "hubspot contact: zq5@example.com zq7|zq6 - zq8 -, merged into another",
                "link zq1@example.com + zq1@example.com: live",
                "link zq5@example.com + zq5@example.com: unlinked, hubspot gone",
                "parked hubspot record zq1@example.com",
                "parked salesforce record zq5@example.com",
                "salesforce contact: zq1@example.com zq3|zq2 - zq4 -, made by Concord",
                "salesforce contact: zq5@example.com zq7|zq6 - zq8 -, made by Concord",
            ],
        },
        Scenario {
            name: "merged in Salesforce",
            object: "contact",
            policy: "hold",
            acts: &[Make(HubSpot), Quiet, Make(HubSpot), Quiet, Merge(Salesforce)],
            ends: &[
                "hubspot contact: zq1@example.com zq3|zq2 - zq4 -",
                "hubspot contact: zq5@example.com zq7|zq6 - zq8 -",
                "link zq1@example.com + zq1@example.com: live",
                "link zq5@example.com + zq5@example.com: unlinked, salesforce gone",
                "parked hubspot record zq5@example.com",
                "salesforce contact: zq1@example.com zq3|zq2 - zq4 -, made by Concord",
                "salesforce contact: zq5@example.com zq7|zq6 - zq8 -, made by Concord, merged into another",
            ],
        },
    ]);
}

#[test]
fn what_is_never_told_is_found() {
    walk(&[
        Scenario {
            name: "a record of HubSpot's",
            object: "contact",
            policy: "hold",
            acts: &[Make(HubSpot), Unheard],
            ends: &[
                "hubspot contact: zq1@example.com zq3|zq2 - zq4 -",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - zq4 -, made by Concord",
            ],
        },
        Scenario {
            name: "a record of Salesforce's",
            object: "contact",
            policy: "hold",
            acts: &[Make(Salesforce), Unheard],
            ends: &[
                "hubspot contact: zq1@example.com zq3|zq2 - zq4 -, made by Concord",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - zq4 -",
            ],
        },
        Scenario {
            name: "an edit of HubSpot's",
            object: "contact",
            policy: "hold",
            acts: &[Make(HubSpot), Quiet, Put(HubSpot, "job_title", "zqNew"), Unheard],
            ends: &[
                "hubspot contact: zq1@example.com zq3|zq2 - zqnew -",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - zqnew -, made by Concord",
            ],
        },
        Scenario {
            name: "an edit of Salesforce's",
            object: "contact",
            policy: "hold",
            acts: &[Make(HubSpot), Quiet, Put(Salesforce, "job_title", "zqNew"), Unheard],
            ends: &[
                "hubspot contact: zq1@example.com zq3|zq2 - zqnew -",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - zqnew -, made by Concord",
            ],
        },
    ]);
}

#[test]
fn a_lost_answer_writes_nothing_twice() {
    walk(&[
        Scenario {
            name: "to a create in Salesforce",
            object: "contact",
            policy: "hold",
            acts: &[LosesAnswer(Salesforce), Make(HubSpot)],
            ends: &[
                "hubspot contact: zq1@example.com zq3|zq2 - zq4 -",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - zq4 -, made by Concord",
            ],
        },
        Scenario {
            name: "to a create in HubSpot",
            object: "contact",
            policy: "hold",
            acts: &[LosesAnswer(HubSpot), Make(Salesforce)],
            ends: &[
                "hubspot contact: zq1@example.com zq3|zq2 - zq4 -, made by Concord",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - zq4 -",
            ],
        },
        Scenario {
            name: "to an update in Salesforce",
            object: "contact",
            policy: "hold",
            acts: &[Make(HubSpot), Quiet, LosesAnswer(Salesforce), Put(HubSpot, "job_title", "zqNew")],
            ends: &[
                "hubspot contact: zq1@example.com zq3|zq2 - zqnew -",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - zqnew -, made by Concord",
            ],
        },
        Scenario {
            name: "to an update in HubSpot",
            object: "contact",
            policy: "hold",
            acts: &[Make(HubSpot), Quiet, LosesAnswer(HubSpot), Put(Salesforce, "job_title", "zqNew")],
            ends: &[
                "hubspot contact: zq1@example.com zq3|zq2 - zqnew -",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - zqnew -, made by Concord",
            ],
        },
    ]);
}

#[test]
fn what_cannot_be_done_is_parked_until_it_can() {
    walk(&[
        Scenario {
            name: "no phone number",
            object: "contact",
            policy: "hold",
            acts: &[
                Make(HubSpot),
                Quiet,
                Put(HubSpot, "phone", "ask her"),
                Put(HubSpot, "job_title", "zqNew"),
            ],
            ends: &[
                "hubspot contact: zq1@example.com zq3|zq2 - zqnew -",
                "link zq1@example.com + zq1@example.com: live",
                "parked phone of zq1@example.com + zq1@example.com",
                "salesforce contact: zq1@example.com zq3|zq2 - zqnew -, made by Concord",
            ],
        },
        Scenario {
            name: "no phone number, corrected",
            object: "contact",
            policy: "hold",
            acts: &[
                Make(HubSpot),
                Quiet,
                Put(HubSpot, "phone", "ask her"),
                Quiet,
                Put(HubSpot, "phone", "+14155550001"),
            ],
            ends: &[
                "hubspot contact: zq1@example.com zq3|zq2 4155550001 zq4 -",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 4155550001 zq4 -, made by Concord",
            ],
        },
        Scenario {
            name: "refused by Salesforce",
            object: "contact",
            policy: "hold",
            acts: &[Make(HubSpot), Quiet, TitleTakes(6), Put(HubSpot, "job_title", "zqMuchTooLong")],
            ends: &[
                "hubspot contact: zq1@example.com zq3|zq2 - zqmuchtoolong -",
                "link zq1@example.com + zq1@example.com: live, salesforce refused",
                "parked salesforce record zq1@example.com",
                "salesforce contact: zq1@example.com zq3|zq2 - zq4 -, made by Concord",
            ],
        },
        Scenario {
            name: "refused, then made to fit",
            object: "contact",
            policy: "hold",
            acts: &[
                Make(HubSpot),
                Quiet,
                TitleTakes(6),
                Put(HubSpot, "job_title", "zqMuchTooLong"),
                Quiet,
                Put(HubSpot, "job_title", "zqFits"),
            ],
            ends: &[
                "hubspot contact: zq1@example.com zq3|zq2 - zqfits -",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - zqfits -, made by Concord",
            ],
        },
        Scenario {
            name: "a create refused by Salesforce, then taken",
            object: "contact",
            policy: "hold",
            acts: &[
                TitleTakes(2),
                Make(HubSpot),
                Quiet,
                TitleTakes(128),
                Put(HubSpot, "job_title", "zqFits"),
            ],
            ends: &[
                "hubspot contact: zq1@example.com zq3|zq2 - zqfits -",
                "link zq1@example.com + zq1@example.com: live",
                "salesforce contact: zq1@example.com zq3|zq2 - zqfits -, made by Concord",
            ],
        },
    ]);
}

#[test]
fn companies_follow_their_own_rule_for_deletes() {
    walk(&[
        Scenario {
            name: "made and edited",
            object: "company",
            policy: "hold",
            acts: &[Make(Salesforce), Quiet, Put(HubSpot, "description", "zqH")],
            ends: &[
                "hubspot company: zq2 zq1.example.com - zqh, made by Concord",
                "link zq1.example.com + zq1.example.com: live",
                "salesforce company: zq2 zq1.example.com - zqh",
            ],
        },
        Scenario {
            name: "deleted in HubSpot",
            object: "company",
            policy: "hold",
            acts: &[Make(HubSpot), Quiet, Delete(HubSpot)],
            ends: &[
                "hubspot company: zq2 zq1.example.com - -, deleted",
                "link zq1.example.com + zq1.example.com: unlinked, hubspot gone",
                "salesforce company: zq2 zq1.example.com - -, made by Concord",
            ],
        },
        Scenario {
            name: "deleted in Salesforce",
            object: "company",
            policy: "hold",
            acts: &[Make(HubSpot), Quiet, Delete(Salesforce)],
            ends: &[
                "hubspot company: zq2 zq1.example.com - -",
                "link zq1.example.com + zq1.example.com: unlinked, salesforce gone",
                "salesforce company: zq2 zq1.example.com - -, made by Concord, deleted",
            ],
        },
    ]);
}

fn walk(scenarios: &[Scenario]) {
    let mut failures = Vec::new();
    let mut worlds = 0;
    for scenario in scenarios {
        let calm = play(scenario, Strike::Nothing).unwrap();
        let places = 0..calm.effects.len();
        failures.extend(failure(scenario, Strike::Nothing, &calm));
        let strikes = places
            .flat_map(|at| [Strike::DiesBefore(at), Strike::DiesAfter(at), Strike::OvertakenBefore(at)]);
        for strike in strikes.chain([Strike::TwiceBeside, Strike::TwiceBehind]) {
            failures.extend(failure(scenario, strike, &play(scenario, strike).unwrap()));
            worlds += 1;
        }
        failures.truncate(SHOWN_MAX);
    }
    eprintln!("{worlds} worlds with a struck worker");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// What is not as it should be.
fn failure(scenario: &Scenario, strike: Strike, ended: &Ended) -> Option<String> {
    let Ended { end, effects, broken, trace } = ended;
    if end == scenario.ends && broken.is_none() {
        return None;
    }
    let effect = match strike {
        Strike::DiesBefore(at) | Strike::DiesAfter(at) | Strike::OvertakenBefore(at) => effects.get(at),
        Strike::Nothing | Strike::TwiceBeside | Strike::TwiceBehind => None,
    };
    let broken = broken.as_ref().map(ToString::to_string).unwrap_or_default();
    let (name, ends, trace) = (scenario.name, scenario.ends, trace.join("\n"));
    Some(format!(
        "{name}: {strike:?} ({effect:?}) breaks {broken:?}\nends {end:#?}\nnot {ends:#?}\n{trace}\n"
    ))
}
