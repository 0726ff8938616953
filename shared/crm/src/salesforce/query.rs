//! SOQL: one page, all pages, and lists of values cut to what an address holds.

use concord_core::port::Failure;
use serde::Deserialize;

use super::Salesforce;
use super::answer::{Answer, unreadable};
use super::columns::Record;
use super::login::Session;
use super::request::{encode, get};
use crate::transport::Transport;

/// Most bytes of a query in an address. Salesforce takes 16,384 for address and headers together (REST guide,
/// status codes 414 and 431); the rest is for the host and a long token.
const QUERY_BYTES_MAX: usize = 12_000;
/// Most pages of one query by key. Ours: 2,000 rows a page; keys that match more are no keys.
const QUERY_PAGES_MAX: usize = 50;

/// Which rows a query sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// `query`.
    Live,
    /// `queryAll`: the bin and the losers of merges too.
    WithBin,
}

/// One page of an answer.
#[derive(Deserialize)]
pub(super) struct Rows {
    pub(super) done: bool,
    #[serde(rename = "nextRecordsUrl")]
    next: Option<String>,
    pub(super) records: Vec<Record>,
}

/// Asks for the first page.
pub(super) async fn first_page<T: Transport>(
    client: &Salesforce<T>,
    session: &Session,
    soql: &str,
    scope: Scope,
) -> Result<Answer, Failure> {
    let resource = match scope {
        Scope::Live => "query",
        Scope::WithBin => "queryAll",
    };
    client.call(session, get(session, &format!("/{resource}?q={}", encode(soql)))?).await
}

/// The pages that follow a first one, it included. How many rows a page holds is Salesforce's choice.
pub(super) async fn all_pages<T: Transport>(
    client: &Salesforce<T>,
    session: &Session,
    first: Answer,
) -> Result<Vec<(Answer, Vec<Record>)>, Failure> {
    let mut pages = Vec::new();
    let mut answer = first;
    for _ in 0..QUERY_PAGES_MAX {
        let rows: Rows = answer.object()?;
        pages.push((answer, rows.records));
        if rows.done {
            return Ok(pages);
        }
        // The session's host is kept: an answer must not send our token elsewhere.
        let next = rows.next.filter(|path| path.starts_with("/services/data/"));
        let next = next.ok_or_else(|| unreadable("ANSWER_WITHOUT_NEXT_PAGE"))?;
        answer = client.call(session, get(session, &next)?).await?;
    }
    Err(Failure::Park { reason: "a key matches too many records: it is no key".to_owned() })
}

/// `prefix IN (literals)`, as few statements as addresses allow.
pub(super) fn in_lists(prefix: &str, literals: &[String]) -> Vec<String> {
    let mut statements: Vec<String> = Vec::new();
    let frame = encode(prefix).len() + encode(" IN ()").len();
    let mut bytes = frame;
    for literal in literals {
        let more = encode(literal).len() + 1;
        match statements.last_mut() {
            Some(statement) if bytes + more <= QUERY_BYTES_MAX => {
                statement.push(',');
                statement.push_str(literal);
                bytes += more;
            }
            Some(_) | None => {
                statements.push(format!("{prefix} IN ({literal}"));
                bytes = frame + more;
            }
        }
    }
    for statement in &mut statements {
        statement.push(')');
    }
    statements
}

#[cfg(test)]
mod tests {
    use super::{QUERY_BYTES_MAX, encode, in_lists};

    #[test]
    fn a_long_list_is_cut_where_the_address_ends_and_nothing_is_lost() {
        let literals: Vec<String> = (0..1000).map(|n| format!("'anna{n}@example.com'")).collect();
        let statements = in_lists("SELECT Id FROM Contact WHERE Email", &literals);

        assert_eq!(statements.len(), 3);
        assert!(statements.iter().all(|statement| encode(statement).len() <= QUERY_BYTES_MAX));
        let lists = statements.iter().map(|statement| {
            let rest = statement.strip_prefix("SELECT Id FROM Contact WHERE Email IN (").unwrap();
            rest.strip_suffix(')').unwrap()
        });
        let listed: Vec<&str> = lists.flat_map(|list| list.split(',')).collect();
        assert_eq!(listed, literals);
    }

    #[test]
    fn without_values_nothing_is_asked() {
        assert_eq!(in_lists("SELECT Id FROM Contact WHERE Email", &[]), Vec::<String>::new());
    }
}
