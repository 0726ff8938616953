//! What the Salesforce sandbox does, as its reference sheet says. Each test states one behaviour.

#[cfg(test)]
mod changes;
#[cfg(test)]
mod convert;
#[cfg(test)]
mod many;
#[cfg(test)]
mod org;
#[cfg(test)]
mod queries;
#[cfg(test)]
mod removal;
#[cfg(test)]
mod rows;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod values;
