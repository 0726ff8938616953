//! What is wrong with a contract file, where, and what to do about it.

use std::cell::RefCell;

use super::tree::Tree;

/// One thing that is wrong with a contract file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Counted from 1.
    pub line: u64,
    /// In characters, counted from 1. For a key that is missing: of the nearest key above it.
    pub column: u64,
    /// Where it is in the file: `objects.contact.fields.phone.region`. Empty for the file as a whole.
    pub path: String,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

impl Fault {
    /// One line, in the form that editors and terminals make a link of: `contract.yaml:12:5: ..`. Control
    /// characters of the file are shown as escapes: a key may hold line ends, or what a terminal obeys.
    #[must_use]
    pub fn render(&self, file: &str) -> String {
        let Self { line, column, path, what, remedy } = self;
        let path = if path.is_empty() { String::new() } else { format!("{path}: ") };
        format!("{file}:{line}:{column}: {}", printable(&format!("{path}{what}; {remedy}")))
    }
}

/// A text whose control characters are escapes: what others wrote must not speak to a terminal.
#[must_use]
pub fn printable(text: &str) -> String {
    let shown = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(shown).collect()
}

/// A place in the file, at which faults are collected.
#[derive(Debug, Clone)]
pub(super) struct Place<'f> {
    tree: &'f Tree,
    faults: &'f RefCell<Vec<Fault>>,
    path: Vec<String>,
}

impl<'f> Place<'f> {
    pub(super) const fn root(tree: &'f Tree, faults: &'f RefCell<Vec<Fault>>) -> Self {
        Self { tree, faults, path: Vec::new() }
    }

    /// The place under a key, or of an element of a list by its number.
    pub(super) fn at(&self, key: impl Into<String>) -> Self {
        let mut path = self.path.clone();
        path.push(key.into());
        Self { path, ..*self }
    }

    pub(super) fn fault(&self, what: impl Into<String>, remedy: impl Into<String>) {
        let (line, column) = self.tree.locate(&self.path);
        let (path, what, remedy) = (self.path.join("."), what.into(), remedy.into());
        self.faults.borrow_mut().push(Fault { line, column, path, what, remedy });
    }
}
