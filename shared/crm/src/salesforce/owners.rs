//! The org's users, who can own records. Queues, which can own some, are not among them.

use concord_core::owner::{Owner, OwnerStanding};
use concord_core::port::Failure;
use concord_core::row::Author;
use serde_json::Value;

use super::Salesforce;
use super::columns::id;
use super::query::{Scope, all_pages, first_page};
use crate::transport::Transport;

/// Portal users and those of Chatter own none of the records that a contract names.
const EVERYBODY: &str = "SELECT Id, Email, IsActive FROM User WHERE UserType = 'Standard'";

pub(super) async fn list<T: Transport>(client: &Salesforce<T>) -> Result<Vec<Owner>, Failure> {
    let session = client.login().await?;
    let first = first_page(client, &session, EVERYBODY, Scope::Live).await?;
    let mut owners = Vec::new();
    for (_, users) in all_pages(client, &session, first).await? {
        for user in &users {
            let id = id(user)?;
            let standing = match (session.author(Some(&id)), user.get("IsActive")) {
                (Author::Us, _) => OwnerStanding::Concord,
                (Author::Other(_) | Author::Unknown, Some(Value::Bool(true))) => OwnerStanding::Active,
                (Author::Other(_) | Author::Unknown, _) => OwnerStanding::Inactive,
            };
            let email = user.get("Email").and_then(Value::as_str).map(str::to_owned);
            owners.push(Owner { id: id.as_str().to_owned(), email, standing });
        }
    }
    Ok(owners)
}
