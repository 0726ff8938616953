//! Users: those whom the organisation begins with. Their addresses are those of HubSpot's owners, where they are the same
//! people.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::id::Id;
use super::store::{Presence, Record, Store};
use super::value::Stored;

/// Colleagues who do nothing by themselves: serial number and address.
const COLLEAGUES: [(u64, &str); 3] =
    [(102, "jonas.lind@example.com"), (103, "mei.tanaka@example.com"), (104, "piet.devries@example.com")];

/// The id of the user with this serial number: 1 is the integration user's, 2 that of the person at the screen.
#[must_use]
pub fn user_id(serial: u64) -> String {
    Id::numbered("005", serial).to_string()
}

/// `person` is who sits at the screen.
pub(super) fn seed(store: &mut Store, integration: &Id, person: &Id, automation: &Id) {
    let colleagues = COLLEAGUES.map(|(serial, email)| (Id::numbered("005", serial), email));
    let users = [
        (integration.clone(), "integration@example.com"),
        (person.clone(), "amara.osei@example.com"),
        (automation.clone(), "automation@example.com"),
    ];
    for (id, email) in users.into_iter().chain(colleagues) {
        let mut record = Record { id: id.clone(), fields: BTreeMap::new(), presence: Presence::Alive };
        record.set("Id", Some(Stored::of_id(&id)));
        record.set("Email", Some(Stored::Text(email.to_owned())));
        record.set("IsActive", Some(Stored::Boolean(true)));
        record.set("UserType", Some(Stored::Text("Standard".to_owned())));
        record.set("IsDeleted", Some(Stored::Boolean(false)));
        for stamp in ["CreatedDate", "LastModifiedDate", "SystemModstamp"] {
            record.set(stamp, Some(Stored::Instant(Timestamp::UNIX_EPOCH)));
        }
        for by in ["CreatedById", "LastModifiedById"] {
            record.set(by, Some(Stored::of_id(integration)));
        }
        store.put("User", record);
    }
}
