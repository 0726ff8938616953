//! What one world is like: its clocks, its contract, its people and its faults. Drawn from the head of the script.

use concord_core::brake::Harm;
use concord_core::contract::{Contract, parse};
use concord_sandbox::hubspot::{self, Limits};
use concord_sandbox::salesforce;

use crate::chance::Chance;
use crate::fault::{Fault, Swarm};
use crate::site::HUBSPOT_TOKEN;

/// Clocks of NTP-kept servers are off by milliseconds; these are off by seconds. The two CRMs stay within the five
/// seconds that `newest` allows them.
const CRM_OFFSET_MS: i64 = 2_000;
const WORKER_OFFSET_MS: i64 = 1_500;
const DRIFT_PPM: i64 = 100;
/// As in production (see [`concord_sandbox::fifo::Terms::RECEIVES_MAX`]), and where an operator is needed.
const RECEIVES_MAX: u32 = 100;
const RECEIVES_FEW: u32 = 4;
/// Search index lags: usual, and slow. A poll calls itself complete up to a minute before its start.
const INDEX_LAG_MS: i64 = 3_000;
const INDEX_LAG_SLOW_MS: i64 = 30_000;
/// Records in a small page.
const PAGE_SMALL: usize = 2;
/// Versions that a short history keeps.
const HISTORY_SHORT: usize = 6;

/// What a contract with a brake lets through within an hour: deletes passed on, and records with a value replaced.
pub(crate) const BRAKE: Harm = Harm { deletes: 1, changes: 3 };

/// What the job title begins with of a contact that is out of scope, in worlds whose contract has one.
pub const OUT_OF_SCOPE: &str = "left";

/// How contacts and deals are deleted where they are not archived.
const FLAG: &str = "{ flag: { hubspot: deleted_in_crm, salesforce: Deleted_In_CRM__c } }";

/// The line of a deal's contacts.
const CONTACTS_OF_DEALS: &str = "
      contacts:
        hubspot: associations.contacts
        salesforce: OpportunityContactRole.OpportunityId.ContactId
        type: associations
        to: contact";

/// What they are to it.
const ROLES_OF_CONTACTS: &str = "
        roles: { Decision maker: Decision Maker, Billing contact: Economic Buyer }
        primary: Primary contact";

/// The conflict rules that worlds are drawn from.
const POLICIES: [&str; 5] = [
    "hold",
    "{ authority: hubspot }",
    "{ authority: salesforce }",
    "{ newest: { otherwise: hubspot } }",
    "{ fill: { otherwise: salesforce } }",
];

/// How often people delete, restore and merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removes {
    /// They never do.
    Never,
    /// Once in a while.
    Sometimes,
    /// All the time, and mostly they delete and restore.
    Often,
}

/// How people behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct People {
    /// Whether they also put an earlier value back, or clear a field.
    pub take_back: bool,
    /// Whether they delete, restore and merge.
    pub remove: Removes,
    /// Whether they choose companies for contacts and deals.
    pub associate: bool,
    /// Whether they give contacts to each other.
    pub own: bool,
    /// Whether they have deals.
    pub sell: bool,
    /// Whether an operator decides what is held.
    pub decide: bool,
    /// Whether contacts are erased, as privacy law asks: in HubSpot, or at an operator's word.
    pub erase: bool,
    /// Whether the contract leaves some contacts out, and people put contacts there.
    pub leave: bool,
    /// Whether the contract proposes contacts of one name, and people make such on both sides.
    pub alike: bool,
    /// Whether HubSpot's contacts without a phone are made as leads, and people make and convert some in Salesforce.
    pub convert: bool,
    /// Whether they put contacts into deals.
    pub involve: bool,
    /// Whether they clear up at last, and bins and memories are emptied by age.
    pub bury: bool,
    /// Whether they say what contacts are to deals.
    pub cast: bool,
    /// How many pairs are there before anything goes wrong.
    pub pairs: usize,
    /// How many things they do.
    pub acts: usize,
}

/// One world's character.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Which faults, and how strong.
    pub swarm: Swarm,
    /// How people behave.
    pub people: People,
    /// Workers of Concord.
    pub workers: usize,
    /// See the constants.
    pub hubspot_offset_ms: i64,
    /// See the constants.
    pub hubspot_drift_ppm: i64,
    /// See the constants.
    pub salesforce_offset_ms: i64,
    /// See the constants.
    pub salesforce_drift_ppm: i64,
    /// One for each worker.
    pub worker_offsets_ms: Vec<i64>,
    /// Receipts before a message is given up.
    pub receives_max: u32,
    /// Whether an operator who decides also links and unlinks.
    pub unlinks: bool,
    /// Whether the contract lets little harm through (see the constants), so that an operator is needed.
    pub brake: bool,
    /// Whether contacts and deals that are deleted in HubSpot are archived in Salesforce.
    pub archives: bool,
    /// Whether both records of a contact that is erased go for good.
    pub purges: bool,
    /// Whether an operator keeps records apart that share a key.
    pub keeps_apart: bool,
    /// Whether something on each side sets a field to a value of its own whenever it finds the other's.
    pub automated: bool,
    /// The conflict rule of each field, in the order of the contract.
    policies: [&'static str; 3],
}

impl Profile {
    /// Nothing goes wrong by itself, clocks are right, two workers; every field has this conflict rule.
    #[must_use]
    pub fn calm(policy: &'static str) -> Self {
        Self {
            swarm: Swarm::calm(),
            people: People {
                take_back: false,
                remove: Removes::Never,
                associate: false,
                own: false,
                sell: false,
                decide: false,
                erase: false,
                leave: false,
                alike: false,
                convert: false,
                involve: false,
                bury: false,
                cast: false,
                pairs: 0,
                acts: 0,
            },
            workers: 2,
            hubspot_offset_ms: 0,
            hubspot_drift_ppm: 0,
            salesforce_offset_ms: 0,
            salesforce_drift_ppm: 0,
            worker_offsets_ms: vec![0, 0],
            receives_max: RECEIVES_MAX,
            unlinks: false,
            brake: false,
            archives: false,
            purges: false,
            keeps_apart: false,
            automated: false,
            policies: [policy; 3],
        }
    }

    /// Draws one.
    pub fn draw(chance: &mut Chance) -> Self {
        let mut swarm = Swarm::draw(chance);
        let mut offset = |most: i64| i64::from(chance.byte()) * most / 255 - most / 2;
        let (hubspot_offset_ms, salesforce_offset_ms) = (offset(CRM_OFFSET_MS), offset(CRM_OFFSET_MS));
        let (hubspot_drift_ppm, salesforce_drift_ppm) = (offset(DRIFT_PPM), offset(DRIFT_PPM));
        let worker_offsets_ms: Vec<i64> = (0..3).map(|_| offset(WORKER_OFFSET_MS)).collect();
        let workers = 1 + chance.below(3);
        let mut policy = || POLICIES[chance.below(POLICIES.len())];
        let policies = [policy(), policy(), policy()];
        let mut people = People {
            take_back: chance.happens(64),
            remove: if chance.happens(96) { Removes::Sometimes } else { Removes::Never },
            pairs: 1 + chance.below(3),
            acts: 3 + chance.below(12),
            associate: chance.happens(96),
            decide: chance.happens(128),
            erase: false,
            leave: false,
            alike: false,
            convert: false,
            involve: false,
            bury: false,
            cast: false,
            own: chance.happens(96),
            sell: false,
        };
        swarm.draw_later(chance);
        people.sell = chance.happens(96);
        let (brake, unlinks) = (chance.happens(48), chance.happens(64));
        let archives = chance.happens(96);
        if archives && chance.happens(128) {
            people.remove = Removes::Often;
        }
        people.erase = chance.happens(64);
        let purges = chance.happens(160);
        let keeps_apart = chance.happens(48);
        let automated = chance.happens(32);
        people.leave = chance.happens(48);
        people.alike = chance.happens(48);
        people.convert = chance.happens(64);
        people.involve = people.sell && chance.happens(160);
        people.bury = chance.happens(64);
        people.cast = people.involve && chance.happens(160);
        let few = swarm.weight(Fault::OperatorRedrive) > 0;
        Self {
            swarm,
            people,
            workers,
            hubspot_offset_ms,
            hubspot_drift_ppm,
            salesforce_offset_ms,
            salesforce_drift_ppm,
            worker_offsets_ms,
            receives_max: if few { RECEIVES_FEW } else { RECEIVES_MAX },
            unlinks,
            brake,
            archives,
            purges,
            keeps_apart,
            automated,
            policies,
        }
    }

    /// How this world's portal is set.
    #[must_use]
    pub fn hubspot_config(&self) -> hubspot::Config {
        let slow = self.swarm.weight(Fault::IndexLag) > 0;
        let short = self.swarm.weight(Fault::HistoryTruncated) > 0;
        hubspot::Config {
            tokens: [HUBSPOT_TOKEN.to_owned()].into(),
            limits: Limits::NONE,
            index_lag_ms: if slow { INDEX_LAG_SLOW_MS } else { INDEX_LAG_MS },
            history_depth: short.then_some(HISTORY_SHORT),
            page_max: self.page_max(),
            ..hubspot::Config::default()
        }
    }

    /// How this world's organisation is set.
    #[must_use]
    pub fn salesforce_config(&self) -> salesforce::Config {
        salesforce::Config { page_max: self.page_max(), ..salesforce::Config::default() }
    }

    fn page_max(&self) -> usize {
        if self.swarm.weight(Fault::SmallPages) > 0 { PAGE_SMALL } else { usize::MAX }
    }

    /// This world's contract; the second version has the same conflict rules for other fields.
    ///
    /// # Errors
    /// A fault of ours in the text.
    pub fn contract(&self, version: u32) -> anyhow::Result<Contract> {
        let mut policies = self.policies;
        policies.rotate_left(usize::from(version == 2));
        let [text, phone, name] = policies;
        let company = |property: &str| {
            let line = format!(
                "
      company: {{ hubspot: {property}, salesforce: AccountId, type: reference, to: company, conflict: {name} }}"
            );
            if self.people.associate { line } else { String::new() }
        };
        let owner = match self.people.own {
            true => format!(
                "
      owner: {{ hubspot: hubspot_owner_id, salesforce: OwnerId, type: owner, conflict: {phone} }}"
            ),
            false => String::new(),
        };
        let deal = match self.people.sell {
            true => {
                let contacts = if self.people.involve { CONTACTS_OF_DEALS } else { "" };
                let roles = if self.people.cast { ROLES_OF_CONTACTS } else { "" };
                deals(policies, &(company("hs_primary_associated_company") + contacts + roles))
            }
            false => String::new(),
        };
        let of_contact = company("associatedcompanyid");
        let yaml = format!(
            "version: {version}
objects:
  contact:
    hubspot: contacts
    salesforce: Contact
    match: [{{ key: email }}]
    create: {{ hubspot: true, salesforce: true }}
    delete: {FLAG}
    guard: strict
    fields:
      email: {{ hubspot: email, salesforce: Email, type: email }}
      name: {{ hubspot: [firstname, lastname], salesforce: [FirstName, LastName], type: atom, conflict: {name} }}
      phone: {{ hubspot: phone, salesforce: Phone, type: phone, region: US, conflict: {phone} }}
      job_title: {{ hubspot: jobtitle, salesforce: Title, type: text, conflict: {text} }}
      interests:
        hubspot: interests
        salesforce: Interests__c
        type: multi-picklist
        map: {{ cycling: Events, music: Offers, reading: News, sailing: Research }}
        conflict: union{of_contact}{owner}
  company:
    hubspot: companies
    salesforce: Account
    match: [{{ key: domain }}]
    create: {{ hubspot: true, salesforce: true }}
    delete: unlink
    guard: strict
    fields:
      name: {{ hubspot: name, salesforce: Name, type: text, conflict: {text} }}
      domain: {{ hubspot: domain, salesforce: Domain__c, type: text }}
      phone: {{ hubspot: phone, salesforce: Phone, type: phone, region: US, conflict: {phone} }}
      description: {{ hubspot: description, salesforce: Description, type: text, conflict: {text} }}
{deal}"
        );
        let yaml = match self.brake {
            true => {
                let Harm { deletes, changes } = BRAKE;
                let brake =
                    format!("    brake: {{ deletes: {deletes}, changes: {changes} }}\n    guard: strict");
                yaml.replace("    guard: strict", &brake)
            }
            false => yaml,
        };
        let yaml = match self.people.leave {
            true => {
                let scope = format!(
                    "    scope: \"job_title == null || !job_title.matches('(?i)^{OUT_OF_SCOPE}')\"\n    create:"
                );
                yaml.replacen("    create:", &scope, 1)
            }
            false => yaml,
        };
        let yaml = if self.people.convert { with_leads(&yaml) } else { yaml };
        let yaml = match self.people.alike {
            true => yaml.replacen("{ key: email }", "{ key: email }, { propose: [name] }", 1),
            false => yaml,
        };
        let yaml = match self.archives {
            true => yaml.replace(FLAG, "archive"),
            false => yaml,
        };
        let yaml = match self.purges {
            true => yaml.replacen("    guard: strict", "    erase: purge\n    guard: strict", 1),
            false => yaml,
        };
        parse(&yaml).map_err(|faults| anyhow::anyhow!("the simulation's contract is broken: {faults:?}"))
    }
}

/// A contract whose contacts are leads in Salesforce if HubSpot made them, and they have no phone.
fn with_leads(yaml: &str) -> String {
    let yaml = yaml.replacen("    create:", "    lead: \"phone == null\"\n    create:", 1);
    let employer = "      employer: { hubspot: company, lead: Company, type: text }\n      interests:";
    let yaml = yaml.replacen("      interests:", employer, 1);
    ["Email", "[FirstName, LastName]", "Phone", "Title", "OwnerId"].iter().fold(yaml, |yaml, name| {
        let of_both = format!("salesforce: {name}, lead: {name}, ");
        yaml.replacen(&format!("salesforce: {name}, "), &of_both, 1)
    })
}

/// The deals of a contract, with the lines of what they belong to.
fn deals([text, phone, name]: [&str; 3], belonging: &str) -> String {
    format!(
        "  deal:
    hubspot: deals
    salesforce: Opportunity
    create: {{ hubspot: true, salesforce: true }}
    delete: {FLAG}
    guard: strict
    fields:
      name: {{ hubspot: dealname, salesforce: Name, type: text, conflict: {name} }}
      stage:
        hubspot: [pipeline, dealstage]
        salesforce: StageName
        type: stage
        map:
          default/appointmentscheduled: Prospecting
          default/qualifiedtobuy: Qualification
          default/closedwon: Closed Won
          default/closedlost: Closed Lost
        conflict: {phone}
      close_date: {{ hubspot: closedate, salesforce: CloseDate, type: date, zone: Asia/Tokyo, conflict: {text} }}
      amount:
        hubspot: [amount, deal_currency_code]
        salesforce: [Amount, CurrencyIsoCode]
        type: money
        scale: 2
        currency: USD
        conflict: {name}{belonging}
"
    )
}
