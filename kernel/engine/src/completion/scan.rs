//! SQL cut into words, unfinished or not: where the cursor stands, which tables the query names.

/// A word with where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) start: usize,
    pub(super) end: usize,
    /// As written, quotes included.
    pub(super) text: String,
    /// The name before the dot, without quotes.
    pub(super) qualifier: Option<String>,
}

/// A table the query names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NamedTable {
    pub(super) name: String,
    pub(super) alias: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Name,
    /// Text in single quotes or a comment: nothing is offered there.
    Text,
    Dot,
    Comma,
    Open,
    Close,
    Semicolon,
    Other,
}

#[derive(Debug, Clone, Copy)]
struct Token {
    kind: Kind,
    start: usize,
    end: usize,
    /// Text or quoted name whose end is missing.
    is_open: bool,
}

/// Words after which a table's name ends and no alias follows.
const NOT_AN_ALIAS: &[&str] = &[
    "where",
    "group",
    "order",
    "limit",
    "having",
    "join",
    "left",
    "right",
    "full",
    "inner",
    "cross",
    "on",
    "using",
    "union",
    "except",
    "intersect",
    "natural",
    "offset",
    "window",
    "qualify",
    "lateral",
    "set",
    "select",
    "semi",
    "anti",
];
/// Words that a table's name follows.
const BEFORE_TABLE: &[&str] = &["from", "join", "describe", "into", "table"];

/// One query text around a cursor.
pub(super) struct Scan<'a> {
    sql: &'a str,
    pub(super) cursor: usize,
    /// Of the statement in which the cursor stands.
    tokens: Vec<Token>,
    tables: Vec<NamedTable>,
}

impl<'a> Scan<'a> {
    pub(super) fn of(sql: &'a str, cursor: usize) -> Scan<'a> {
        let mut cursor = cursor.min(sql.len());
        while !sql.is_char_boundary(cursor) {
            cursor -= 1;
        }
        let all = tokens(sql);
        let first = all.iter().rposition(|token| token.kind == Kind::Semicolon && token.end <= cursor);
        let tokens: Vec<Token> = all[first.map_or(0, |index| index + 1)..]
            .iter()
            .take_while(|token| token.kind != Kind::Semicolon)
            .copied()
            .collect();
        let mut scan = Scan { sql, cursor, tokens, tables: Vec::new() };
        scan.tables = scan.find_tables();
        scan
    }

    pub(super) fn tables(&self) -> &[NamedTable] {
        &self.tables
    }

    /// Whether the cursor stands in text or a comment.
    pub(super) fn is_in_text(&self) -> bool {
        self.tokens.iter().any(|token| {
            let is_before_end = self.cursor < token.end || (token.is_open && self.cursor == token.end);
            token.kind == Kind::Text && token.start < self.cursor && is_before_end
        })
    }

    /// The name being typed: the part of it before the cursor is what offers must begin with. Empty after a blank.
    pub(super) fn word_before_cursor(&self) -> Option<Word> {
        let touched = self.tokens.iter().position(|token| token.start < self.cursor && self.cursor <= token.end);
        let (start, end, index) = match touched {
            Some(index) if self.tokens[index].kind == Kind::Name => {
                (self.tokens[index].start, self.tokens[index].end, index)
            }
            Some(index) => (self.cursor, self.cursor, index + 1),
            None => {
                let index = self.tokens.iter().take_while(|token| token.end <= self.cursor).count();
                (self.cursor, self.cursor, index)
            }
        };
        if self.sql[start..].starts_with(|c: char| c.is_ascii_digit()) && start < self.cursor {
            return None;
        }
        let text = self.sql[start..self.cursor].to_string();
        Some(Word { start, end, text, qualifier: self.qualifier_before(index) })
    }

    /// The name on which the cursor stands, with its qualifier.
    pub(super) fn word_at_cursor(&self) -> Option<Word> {
        let index = self
            .tokens
            .iter()
            .position(|token| token.kind == Kind::Name && token.start <= self.cursor && self.cursor <= token.end);
        // `name(|`: the cursor of someone who asks for help while typing arguments.
        let before_bracket = || {
            let open = self.tokens.iter().rposition(|token| token.kind == Kind::Open && token.end <= self.cursor)?;
            let name = open.checked_sub(1)?;
            (self.tokens[name].kind == Kind::Name).then_some(name)
        };
        let index = index.or_else(before_bracket)?;
        let token = self.tokens[index];
        let text = self.text_of(token).to_string();
        Some(Word { start: token.start, end: token.end, text, qualifier: self.qualifier_before(index) })
    }

    /// Whether the word at the cursor names a table.
    pub(super) fn expects_table(&self) -> bool {
        let mut before = self
            .tokens
            .iter()
            .rev()
            .filter(|token| token.end < self.cursor || { token.end == self.cursor && token.kind != Kind::Name });
        let Some(last) = before.next() else { return false };
        match last.kind {
            Kind::Name => self.is_one_of(*last, BEFORE_TABLE),
            // `FROM a, |`: go back to the word that began the list.
            Kind::Comma => {
                let clause = before.filter(|token| token.kind == Kind::Name).find(|token| {
                    self.is_one_of(**token, BEFORE_TABLE) || self.is_one_of(**token, &["select", "by", "where", "on"])
                });
                clause.is_some_and(|token| self.is_one_of(*token, &["from"]))
            }
            _ => false,
        }
    }

    /// Whether the author writes keywords in small letters.
    pub(super) fn is_lower_case(&self) -> bool {
        let first = self.tokens.iter().find(|token| token.kind == Kind::Name);
        first.is_some_and(|token| self.text_of(*token).chars().all(|c| !c.is_ascii_uppercase()))
    }

    fn qualifier_before(&self, index: usize) -> Option<String> {
        let dot = self.tokens.get(index.checked_sub(1)?)?;
        let name = self.tokens.get(index.checked_sub(2)?)?;
        (dot.kind == Kind::Dot && name.kind == Kind::Name).then(|| self.name_of(*name))
    }

    fn find_tables(&self) -> Vec<NamedTable> {
        let mut tables = Vec::new();
        for (index, token) in self.tokens.iter().enumerate() {
            let opens = token.kind == Kind::Name && self.is_one_of(*token, BEFORE_TABLE);
            if opens {
                self.tables_from(index + 1, &mut tables);
            }
        }
        tables
    }

    /// `a AS x, b y, …` from `index` on.
    fn tables_from(&self, mut index: usize, tables: &mut Vec<NamedTable>) {
        loop {
            let Some(mut name) = self.name_at(index) else { return };
            index += 1;
            while self.kind_at(index) == Some(Kind::Dot) && self.name_at(index + 1).is_some() {
                name = self.name_at(index + 1).unwrap_or(name);
                index += 2;
            }
            if self.name_at(index).is_some_and(|word| word.eq_ignore_ascii_case("as")) {
                index += 1;
            }
            let alias = self.name_at(index).filter(|word| !NOT_AN_ALIAS.contains(&word.to_lowercase().as_str()));
            index += usize::from(alias.is_some());
            tables.push(NamedTable { name, alias });
            if self.kind_at(index) != Some(Kind::Comma) {
                return;
            }
            index += 1;
        }
    }

    fn kind_at(&self, index: usize) -> Option<Kind> {
        self.tokens.get(index).map(|token| token.kind)
    }

    fn name_at(&self, index: usize) -> Option<String> {
        let token = self.tokens.get(index).filter(|token| token.kind == Kind::Name)?;
        // What is being typed at the cursor is not a table yet.
        (token.end != self.cursor).then(|| self.name_of(*token))
    }

    fn is_one_of(&self, token: Token, words: &[&str]) -> bool {
        words.iter().any(|word| self.text_of(token).eq_ignore_ascii_case(word))
    }

    fn text_of(&self, token: Token) -> &'a str {
        &self.sql[token.start..token.end]
    }

    fn name_of(&self, token: Token) -> String {
        let text = self.text_of(token);
        match text.strip_prefix('"') {
            Some(inner) => inner.strip_suffix('"').unwrap_or(inner).replace("\"\"", "\""),
            None => text.to_ascii_lowercase(),
        }
    }
}

fn tokens(sql: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = sql[at..].chars().next() {
        let (kind, end, is_open) = token_at(sql, at, c);
        if let Some(kind) = kind {
            tokens.push(Token { kind, start: at, end, is_open });
        }
        at = end;
    }
    tokens
}

/// Kind (none for blanks), end, and whether the end is missing.
fn token_at(sql: &str, at: usize, c: char) -> (Option<Kind>, usize, bool) {
    let rest = &sql[at..];
    let next = at + c.len_utf8();
    match c {
        '\'' => quoted_end(sql, next, '\'')
            .map_or((Some(Kind::Text), sql.len(), true), |end| (Some(Kind::Text), end, false)),
        '"' => {
            quoted_end(sql, next, '"').map_or((Some(Kind::Name), sql.len(), true), |end| (Some(Kind::Name), end, false))
        }
        _ if rest.starts_with("--") => {
            let end = rest.find('\n').map_or(sql.len(), |length| at + length);
            (Some(Kind::Text), end, end == sql.len())
        }
        _ if rest.starts_with("/*") => match rest.find("*/") {
            Some(length) => (Some(Kind::Text), at + length + 2, false),
            None => (Some(Kind::Text), sql.len(), true),
        },
        _ if is_name_char(c) => {
            let length = rest.find(|c: char| !is_name_char(c)).unwrap_or(rest.len());
            (Some(Kind::Name), at + length, false)
        }
        '.' => (Some(Kind::Dot), next, false),
        ',' => (Some(Kind::Comma), next, false),
        '(' => (Some(Kind::Open), next, false),
        ')' => (Some(Kind::Close), next, false),
        ';' => (Some(Kind::Semicolon), next, false),
        _ if c.is_whitespace() => (None, next, false),
        _ => (Some(Kind::Other), next, false),
    }
}

fn is_name_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// Past the closing quote; a doubled quote is part of the text.
fn quoted_end(sql: &str, start: usize, quote: char) -> Option<usize> {
    let mut chars = sql[start..].char_indices().peekable();
    while let Some((offset, c)) = chars.next() {
        if c != quote {
            continue;
        }
        match chars.peek() {
            Some((_, next)) if *next == quote => _ = chars.next(),
            _ => return Some(start + offset + quote.len_utf8()),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `|` in the text is the cursor.
    fn scan_at(marked: &str) -> (String, usize) {
        (marked.replacen('|', "", 1), marked.find('|').expect("a cursor"))
    }

    #[track_caller]
    fn check_tables(marked: &str, expected: &[(&str, Option<&str>)]) {
        let (sql, cursor) = scan_at(marked);
        let scan = Scan::of(&sql, cursor);
        let found: Vec<_> = scan.tables().iter().map(|table| (table.name.as_str(), table.alias.as_deref())).collect();
        assert_eq!(found, expected, "{marked}");
    }

    #[test]
    fn tables_of_a_query() {
        check_tables("SELECT | FROM flows WHERE x", &[("flows", None)]);
        check_tables("SELECT | FROM Flows AS f, dns d WHERE", &[("flows", Some("f")), ("dns", Some("d"))]);
        check_tables("SELECT | FROM a JOIN \"B c\" b ON a.x = b.x", &[("a", None), ("B c", Some("b"))]);
        check_tables("SELECT 1 FROM old; SELECT | FROM new", &[("new", None)]);
        check_tables("SELECT | FROM public.flows f", &[("flows", Some("f"))]);
        check_tables("SELECT 'FROM x', | -- FROM y", &[]);
    }

    #[test]
    fn where_the_cursor_stands() {
        for (marked, in_text) in [("'a|b'", true), ("'ab'|", false), ("'ab|", true), ("x -- c|", true), ("a|", false)] {
            let (sql, cursor) = scan_at(marked);
            assert_eq!(Scan::of(&sql, cursor).is_in_text(), in_text, "{marked}");
        }
        for (marked, expected) in [
            ("SELECT * FROM |", true),
            ("SELECT * FROM fl|", true),
            ("SELECT * FROM a, |", true),
            ("SELECT a, | FROM b", false),
            ("SELECT * FROM a WHERE |", false),
            ("SELECT * FROM a ORDER BY b, |", false),
        ] {
            let (sql, cursor) = scan_at(marked);
            assert_eq!(Scan::of(&sql, cursor).expects_table(), expected, "{marked}");
        }
    }

    #[test]
    fn any_offset_is_survived() {
        let sql = "SELECT 'é', \"ü\".x FROM 日本 -- ½\n/* open";
        for cursor in 0..sql.len() + 3 {
            let scan = Scan::of(sql, cursor);
            let _ = (scan.is_in_text(), scan.word_before_cursor(), scan.word_at_cursor(), scan.expects_table());
        }
    }
}
