//! Deals: in HubSpot their companies are associations, which Concord writes beside the row.

use concord_core::names::Side::{HubSpot, Salesforce};
use concord_simulation::display::{PRIMARY, Role};
use concord_simulation::walk::Act::{Cast, Involve, Join, Leave, Make, MakeCompany, MakeContact, Put, Quiet};

use super::{deal, walk};

const DECIDES: Role = 0;

#[test]
fn a_deals_company_arrives_by_association() {
    walk(&[
        deal(
            "is made with its company",
            &[MakeCompany(Salesforce), Quiet, Make(Salesforce), Join(Salesforce)],
            &[
                "hubspot company: zq2 zq1.example.com - -, made by Concord",
                "hubspot deal: zq4 appointmentscheduled 2030-01-06 -, made by Concord, of a company",
                "link zq1.example.com + zq1.example.com: live",
                "link zq4 + zq4: live",
                "salesforce company: zq2 zq1.example.com - -",
                "salesforce deal: zq4 appointmentscheduled 2030-01-06 -, of a company",
            ],
        ),
        deal(
            "joins a company and changes at once",
            &[Make(HubSpot), MakeCompany(HubSpot), Quiet, Join(Salesforce), Put(Salesforce, "name", "zqn")],
            &[
                "hubspot company: zq5 zq4.example.com - -",
                "hubspot deal: zqn appointmentscheduled 2030-01-04 -, of a company",
                "link zq4.example.com + zq4.example.com: live",
                "link zqn + zqn: live",
                "salesforce company: zq5 zq4.example.com - -, made by Concord",
                "salesforce deal: zqn appointmentscheduled 2030-01-04 -, made by Concord, of a company",
            ],
        ),
        deal(
            "leaves its company",
            &[Make(HubSpot), MakeCompany(HubSpot), Quiet, Join(HubSpot), Quiet, Leave(Salesforce)],
            &[
                "hubspot company: zq5 zq4.example.com - -",
                "hubspot deal: zq2 appointmentscheduled 2030-01-04 -",
                "link zq2 + zq2: live",
                "link zq4.example.com + zq4.example.com: live",
                "salesforce company: zq5 zq4.example.com - -, made by Concord",
                "salesforce deal: zq2 appointmentscheduled 2030-01-04 -, made by Concord",
            ],
        ),
    ]);
}

#[test]
fn a_deals_contacts_are_the_same_on_both_sides() {
    walk(&[
        deal(
            "is made with a contact",
            &[MakeContact(Salesforce), Quiet, Make(Salesforce), Involve(Salesforce)],
            &[
                "hubspot contact: zq1@example.com zq3|zq2 - zq4 -, made by Concord",
                "hubspot deal: zq6 appointmentscheduled 2030-01-08 -, made by Concord, with contacts",
                "link zq1@example.com + zq1@example.com: live",
                "link zq6 + zq6: live",
                "salesforce contact: zq1@example.com zq3|zq2 - zq4 -",
                "salesforce deal: zq6 appointmentscheduled 2030-01-08 -, with contacts",
            ],
        ),
        deal(
            "gets a contact that nobody knows as yet, and changes at once",
            &[Make(HubSpot), Quiet, MakeContact(HubSpot), Involve(HubSpot), Put(HubSpot, "name", "zqn")],
            &[
                "hubspot contact: zq4@example.com zq6|zq5 - zq7 -",
                "hubspot deal: zqn appointmentscheduled 2030-01-04 -, with contacts",
                "link zq4@example.com + zq4@example.com: live",
                "link zqn + zqn: live",
                "salesforce contact: zq4@example.com zq6|zq5 - zq7 -, made by Concord",
                "salesforce deal: zqn appointmentscheduled 2030-01-04 -, made by Concord, with contacts",
            ],
        ),
        deal(
            "loses a contact",
            &[Make(HubSpot), MakeContact(HubSpot), Quiet, Involve(HubSpot), Quiet, Involve(Salesforce)],
            &[
                "hubspot contact: zq4@example.com zq6|zq5 - zq7 -",
                "hubspot deal: zq2 appointmentscheduled 2030-01-04 -",
                "link zq2 + zq2: live",
                "link zq4@example.com + zq4@example.com: live",
                "salesforce contact: zq4@example.com zq6|zq5 - zq7 -, made by Concord",
                "salesforce deal: zq2 appointmentscheduled 2030-01-04 -, made by Concord",
            ],
        ),
    ]);
}

#[test]
fn what_a_contact_is_to_a_deal_is_the_same_on_both_sides() {
    walk(&[
        deal(
            "is made with a contact who decides",
            &[
                MakeContact(Salesforce),
                Quiet,
                Make(Salesforce),
                Involve(Salesforce),
                Cast(Salesforce, DECIDES),
            ],
            &[
                "hubspot contact: zq1@example.com zq3|zq2 - zq4 -, made by Concord",
                "hubspot deal: zq6 appointmentscheduled 2030-01-08 -, made by Concord, with contacts, a Decision maker",
                "link zq1@example.com + zq1@example.com: live",
                "link zq6 + zq6: live",
                "salesforce contact: zq1@example.com zq3|zq2 - zq4 -",
                "salesforce deal: zq6 appointmentscheduled 2030-01-08 -, with contacts, a Decision maker",
            ],
        ),
        deal(
            "has a contact who becomes something on each side at once",
            &[
                Make(HubSpot),
                MakeContact(HubSpot),
                Involve(HubSpot),
                Quiet,
                Cast(HubSpot, DECIDES),
                Cast(Salesforce, PRIMARY),
            ],
            &[
                "hubspot contact: zq4@example.com zq6|zq5 - zq7 -",
                "hubspot deal: zq2 appointmentscheduled 2030-01-04 -, with contacts, a Decision maker, a Primary contact",
                "link zq2 + zq2: live",
                "link zq4@example.com + zq4@example.com: live",
                "salesforce contact: zq4@example.com zq6|zq5 - zq7 -, made by Concord",
                "salesforce deal: zq2 appointmentscheduled 2030-01-04 -, made by Concord, with contacts, a Decision maker, a Primary contact",
            ],
        ),
        deal(
            "has a contact who stops deciding",
            &[
                Make(HubSpot),
                MakeContact(HubSpot),
                Involve(HubSpot),
                Cast(HubSpot, DECIDES),
                Quiet,
                Cast(Salesforce, DECIDES),
            ],
            &[
                "hubspot contact: zq4@example.com zq6|zq5 - zq7 -",
                "hubspot deal: zq2 appointmentscheduled 2030-01-04 -, with contacts",
                "link zq2 + zq2: live",
                "link zq4@example.com + zq4@example.com: live",
                "salesforce contact: zq4@example.com zq6|zq5 - zq7 -, made by Concord",
                "salesforce deal: zq2 appointmentscheduled 2030-01-04 -, made by Concord, with contacts",
            ],
        ),
    ]);
}
