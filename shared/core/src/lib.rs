//! The pure heart of Concord: what a value is, what two sides agreed on, and what to write next.
//!
//! Everything that *decides* here is synchronous and takes time, chance and order as arguments. Only
//! [`step`] awaits, and only through the ports of [`port`]. Deliberately absent: AWS, HTTP, wire formats,
//! clocks, random numbers, environment variables, hash-map order (`clippy.toml` bans them).
//!
//! Read in this order: [`names`] and [`value`] are the vocabulary, [`contract`] says what is kept in
//! agreement, [`row`] is what a side shows, [`link`] is what we remember. [`batch`] fills messages into calls of steps.

pub mod batch;
pub mod brake;
pub mod canonical;
pub mod contract;
pub mod decide;
pub mod event;
pub mod likeness;
pub mod link;
pub mod merge;
pub mod names;
pub mod owner;
pub mod port;
pub mod reference;
pub mod row;
pub mod settle;
pub mod step;
pub mod value;
