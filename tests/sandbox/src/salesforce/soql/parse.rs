//! From tokens to a statement of names and literals. Nothing is looked up here.

use super::super::answer::Refusal;
use super::lex::{Token, TokenKind, malformed, tokens};

/// Longest query (reference 1.7).
const QUERY_CHARS_MAX: usize = 100_000;
/// Deepest nesting of parentheses.
const DEPTH_MAX: usize = 64;

/// A query.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Statement {
    pub(crate) select: Select,
    pub(crate) from: String,
    pub(crate) from_at: usize,
    pub(crate) filter: Option<Condition>,
    pub(crate) order: Vec<Order>,
    pub(crate) limit: Option<usize>,
    pub(crate) offset: usize,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Select {
    Count,
    Paths(Vec<String>),
}

/// A condition on names.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Condition {
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
    Compare { path: String, operator: Operator, literal: Literal },
    Like { path: String, pattern: String },
    In { path: String, literals: Vec<Literal> },
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A value as written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Literal {
    Null,
    Boolean(bool),
    Text(String),
    /// A number, date or instant.
    Bare(String),
}

/// One key of the order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Order {
    pub(crate) path: String,
    pub(crate) descending: bool,
    pub(crate) nulls_last: bool,
}

/// Reads a query.
pub(crate) fn statement(query: &str) -> Result<Statement, Refusal> {
    if query.chars().count() > QUERY_CHARS_MAX {
        return Err(Refusal::bad(
            "MALFORMED_QUERY",
            "SOQL statements cannot be longer than 100000 characters.",
        ));
    }
    let mut parser = Parser { query, tokens: tokens(query)?, next: 0, depth: 0 };
    parser.statement()
}

struct Parser<'q> {
    query: &'q str,
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
}

impl Parser<'_> {
    fn statement(&mut self) -> Result<Statement, Refusal> {
        self.expect_word("select")?;
        let select = self.select()?;
        self.expect_word("from")?;
        let from_at = self.at();
        let from = self.name()?;
        let filter = if self.takes_word("where") { Some(self.conditions()?) } else { None };
        let order = if self.takes_word("order") { self.order()? } else { Vec::new() };
        let limit = if self.takes_word("limit") { Some(self.count()?) } else { None };
        let offset = if self.takes_word("offset") { self.count()? } else { 0 };
        if self.next < self.tokens.len() {
            return Err(self.unexpected());
        }
        Ok(Statement { select, from, from_at, filter, order, limit, offset })
    }

    fn select(&mut self) -> Result<Select, Refusal> {
        let first = self.name()?;
        if first.eq_ignore_ascii_case("count") && self.takes_symbol("(") {
            self.expect_symbol(")")?;
            return Ok(Select::Count);
        }
        let mut paths = vec![first];
        while self.takes_symbol(",") {
            paths.push(self.name()?);
        }
        Ok(Select::Paths(paths))
    }

    /// Conditions joined by AND or by OR; both need parentheses to mix, as in the original.
    fn conditions(&mut self) -> Result<Condition, Refusal> {
        let first = self.condition()?;
        let joined = |parser: &mut Self, word: &str| -> Result<Vec<Condition>, Refusal> {
            let mut all = vec![first.clone()];
            while parser.takes_word(word) {
                all.push(parser.condition()?);
            }
            Ok(all)
        };
        let joined = if self.is_word("and") {
            Condition::And(joined(self, "and")?)
        } else if self.is_word("or") {
            Condition::Or(joined(self, "or")?)
        } else {
            first
        };
        if self.is_word("and") || self.is_word("or") { Err(self.unexpected()) } else { Ok(joined) }
    }

    fn condition(&mut self) -> Result<Condition, Refusal> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Refusal::bad(
                "QUERY_TOO_COMPLICATED",
                "Query is either selecting too many fields or the filter conditions are too complicated.",
            ));
        }
        let condition = if self.takes_word("not") {
            Condition::Not(Box::new(self.condition()?))
        } else if self.takes_symbol("(") {
            let inner = self.conditions()?;
            self.expect_symbol(")")?;
            inner
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(condition)
    }

    fn comparison(&mut self) -> Result<Condition, Refusal> {
        let path = self.name()?;
        if self.takes_word("like") {
            let at = self.next;
            return match self.literal()? {
                Literal::Text(pattern) => Ok(Condition::Like { path, pattern }),
                Literal::Null | Literal::Boolean(_) | Literal::Bare(_) => {
                    self.next = at;
                    Err(self.unexpected())
                }
            };
        }
        if self.takes_word("in") {
            return Ok(Condition::In { path, literals: self.literals()? });
        }
        if self.takes_word("not") {
            self.expect_word("in")?;
            let within = Condition::In { path, literals: self.literals()? };
            return Ok(Condition::Not(Box::new(within)));
        }
        let operator = self.operator()?;
        Ok(Condition::Compare { path, operator, literal: self.literal()? })
    }

    fn operator(&mut self) -> Result<Operator, Refusal> {
        let all = [
            ("=", Operator::Equal),
            ("!=", Operator::NotEqual),
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ];
        let found = all.into_iter().find(|(symbol, _)| self.takes_symbol(symbol));
        found.map(|(_, operator)| operator).ok_or_else(|| self.unexpected())
    }

    fn literals(&mut self) -> Result<Vec<Literal>, Refusal> {
        self.expect_symbol("(")?;
        let mut literals = vec![self.literal()?];
        while self.takes_symbol(",") {
            literals.push(self.literal()?);
        }
        self.expect_symbol(")")?;
        Ok(literals)
    }

    fn literal(&mut self) -> Result<Literal, Refusal> {
        let literal = match self.peek() {
            Some(TokenKind::Text(text)) => Literal::Text(text.clone()),
            Some(TokenKind::Bare(text)) => match text.to_lowercase().as_str() {
                "null" => Literal::Null,
                "true" => Literal::Boolean(true),
                "false" => Literal::Boolean(false),
                _value => Literal::Bare(text.clone()),
            },
            Some(TokenKind::Symbol(_)) | None => return Err(self.unexpected()),
        };
        self.next += 1;
        Ok(literal)
    }

    fn order(&mut self) -> Result<Vec<Order>, Refusal> {
        self.expect_word("by")?;
        let mut order = vec![self.order_key()?];
        while self.takes_symbol(",") {
            order.push(self.order_key()?);
        }
        Ok(order)
    }

    fn order_key(&mut self) -> Result<Order, Refusal> {
        let path = self.name()?;
        let descending = !self.takes_word("asc") && self.takes_word("desc");
        let mut nulls_last = false;
        if self.takes_word("nulls") {
            nulls_last = !self.takes_word("first");
            if nulls_last {
                self.expect_word("last")?;
            }
        }
        Ok(Order { path, descending, nulls_last })
    }

    fn count(&mut self) -> Result<usize, Refusal> {
        let at = self.next;
        self.name()?.parse().map_err(|_not_a_number| {
            self.next = at;
            self.unexpected()
        })
    }

    fn name(&mut self) -> Result<String, Refusal> {
        let Some(TokenKind::Bare(name)) = self.peek() else { return Err(self.unexpected()) };
        let name = name.clone();
        self.next += 1;
        Ok(name)
    }

    fn peek(&self) -> Option<&TokenKind> {
        self.tokens.get(self.next).map(|token| &token.kind)
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Some(TokenKind::Bare(text)) if text.eq_ignore_ascii_case(word))
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let is = self.is_word(word);
        self.next += usize::from(is);
        is
    }

    fn expect_word(&mut self, word: &str) -> Result<(), Refusal> {
        if self.takes_word(word) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn takes_symbol(&mut self, symbol: &str) -> bool {
        let is = matches!(self.peek(), Some(TokenKind::Symbol(found)) if *found == symbol);
        self.next += usize::from(is);
        is
    }

    fn expect_symbol(&mut self, symbol: &str) -> Result<(), Refusal> {
        if self.takes_symbol(symbol) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(self.query.len(), |token| token.at)
    }

    fn unexpected(&self) -> Refusal {
        let found = match self.peek() {
            Some(TokenKind::Bare(text) | TokenKind::Text(text)) => text.as_str(),
            Some(TokenKind::Symbol(symbol)) => symbol,
            None => "<EOF>",
        };
        malformed(self.query, self.at(), &format!("unexpected token: '{found}'"))
    }
}
