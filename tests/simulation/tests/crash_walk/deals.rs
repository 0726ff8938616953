//! Deals: in HubSpot their companies are associations, which Concord writes beside the row.

use concord_core::names::Side::{HubSpot, Salesforce};
use concord_simulation::walk::Act::{Join, Leave, Make, MakeCompany, Put, Quiet};

use super::{deal, walk};

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
