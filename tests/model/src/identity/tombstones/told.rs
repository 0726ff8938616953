//! Traces in a reader's words.

use super::world::{Action, Record};

impl std::fmt::Display for Action {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Deletes => write!(out, "a person deletes h1"),
            Self::Restores => write!(out, "a person restores h1"),
            Self::Purges => write!(out, "the bin is emptied of h1"),
            Self::MakesAnew => write!(out, "a person makes h2 with the key of h1"),
            Self::Hears(record) => write!(out, "an event about {record} arrives, and it is looked at"),
            Self::Sends(link) => write!(out, "the create of link {link} is sent and lands"),
            Self::SendsLate(link) => write!(out, "the create of link {link} is sent and taken for lost"),
            Self::LandsLate(record) => write!(out, "late: {record} is made"),
            Self::IsLost(record) => write!(out, "the create of {record} was lost indeed"),
            Self::BeginsSweep => write!(out, "a sweep begins"),
            Self::SweepsHubSpot => write!(out, "the sweep lists HubSpot"),
            Self::SweepsSalesforce => write!(out, "the sweep lists Salesforce and ends"),
            Self::SixtyDaysPass => write!(out, "sixty days pass"),
            Self::Collects(link) => write!(out, "link {link} is forgotten"),
        }
    }
}

impl std::fmt::Display for Record {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::H1 => "h1",
            Self::H2 => "h2",
            Self::H3 => "h3",
            Self::S1 => "s1",
            Self::S2 => "s2",
        })
    }
}
