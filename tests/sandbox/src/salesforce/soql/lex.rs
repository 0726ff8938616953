//! Tokens of a query.

use super::super::answer::Refusal;

/// A token and where it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) at: usize,
}

/// The kinds of tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A name, keyword, number, date or instant.
    Bare(String),
    /// Between quotes, escapes resolved but for `\%` and `\_`, which only LIKE tells from `%` and `_`.
    Text(String),
    /// `( ) , = != < <= > >=`
    Symbol(&'static str),
}

const SYMBOLS: [&str; 10] = ["!=", "<>", "<=", ">=", "(", ")", ",", "=", "<", ">"];

/// Splits a query.
pub(crate) fn tokens(query: &str) -> Result<Vec<Token>, Refusal> {
    let mut tokens = Vec::new();
    let mut rest = query;
    loop {
        rest = rest.trim_start();
        let at = query.len() - rest.len();
        let Some(first) = rest.chars().next() else { return Ok(tokens) };
        let (kind, length) = if first == '\'' {
            quoted(rest).ok_or_else(|| malformed(query, at, "unterminated string literal"))?
        } else if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
            let same = if *symbol == "<>" { "!=" } else { symbol };
            (TokenKind::Symbol(same), symbol.len())
        } else if is_bare(first) {
            let length = rest.find(|character| !is_bare(character)).unwrap_or(rest.len());
            (TokenKind::Bare(rest[..length].to_owned()), length)
        } else {
            return Err(malformed(
                query,
                at,
                &format!("line 1:{at} no viable alternative at character '{first}'"),
            ));
        };
        tokens.push(Token { kind, at });
        rest = &rest[length..];
    }
}

fn is_bare(character: char) -> bool {
    character.is_ascii_alphanumeric() || "_.:+-".contains(character)
}

/// The text after an opening quote, and its length with both quotes.
fn quoted(rest: &str) -> Option<(TokenKind, usize)> {
    let mut text = String::new();
    let mut characters = rest.char_indices().skip(1);
    while let Some((place, character)) = characters.next() {
        match character {
            '\'' => return Some((TokenKind::Text(text), place + 1)),
            '\\' => match characters.next()?.1 {
                'n' => text.push('\n'),
                'r' => text.push('\r'),
                't' => text.push('\t'),
                'b' => text.push('\u{8}'),
                'f' => text.push('\u{c}'),
                wild @ ('%' | '_') => text.extend(['\\', wild]),
                literal => text.push(literal),
            },
            plain => text.push(plain),
        }
    }
    None
}

/// MALFORMED_QUERY with the query, a caret under the place, and the reason.
pub(crate) fn malformed(query: &str, at: usize, reason: &str) -> Refusal {
    Refusal::bad("MALFORMED_QUERY", pointed(query, at, reason))
}

/// The multi-line message of query errors.
pub(crate) fn pointed(query: &str, at: usize, reason: &str) -> String {
    let column = query[..at.min(query.len())].chars().count() + 1;
    format!("\n{query}\n{}^\nERROR at Row:1:Column:{column}\n{reason}", " ".repeat(column - 1))
}
