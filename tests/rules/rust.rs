//! Rust source as a sequence of tokens: enough to tell code, comments and texts apart.

#[derive(Debug, PartialEq, Eq)]
pub enum Kind {
    /// With its slashes.
    Comment,
    /// A string literal: what stands between the quotes, with quotes and line ends unescaped.
    Text,
    /// An identifier or a keyword.
    Word,
    /// Any other single character. Numbers, lifetimes and character literals are left out.
    Mark,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Token {
    pub kind: Kind,
    pub text: String,
    /// The first line is 1.
    pub line: usize,
}

impl Token {
    pub fn is(&self, text: &str) -> bool {
        matches!(self.kind, Kind::Word | Kind::Mark) && self.text == text
    }
}

pub fn tokens(source: &str) -> Vec<Token> {
    let mut lexer = Lexer { rest: source, line: 1, tokens: Vec::new() };
    while let Some(first) = lexer.rest.chars().next() {
        lexer.token(first);
    }
    lexer.tokens
}

/// The tokens without the items that only tests are built with.
pub fn without_tests(source: &str) -> Vec<Token> {
    let mut kept = Vec::new();
    let mut tokens = tokens(source).into_iter();
    while let Some(token) = tokens.next() {
        kept.push(token);
        if ends_with(&kept, &["#", "[", "cfg", "(", "test", ")", "]"]) {
            kept.truncate(kept.len() - 7);
            skip_item(&mut tokens);
        }
    }
    kept
}

pub fn begins_with(tokens: &[Token], beginning: &[&str]) -> bool {
    tokens.len() >= beginning.len() && tokens.iter().zip(beginning).all(|(token, text)| token.is(text))
}

pub fn ends_with(tokens: &[Token], end: &[&str]) -> bool {
    tokens.len() >= end.len() && begins_with(&tokens[tokens.len() - end.len()..], end)
}

/// Up to the semicolon or the closing brace that ends the item.
fn skip_item(tokens: &mut impl Iterator<Item = Token>) {
    let mut depth = 0;
    for token in tokens {
        match token.text.as_str() {
            _ if token.kind != Kind::Mark => {}
            "{" | "(" | "[" => depth += 1,
            "}" if depth == 1 => return,
            "}" | ")" | "]" => depth -= 1,
            ";" if depth == 0 => return,
            _ => {}
        }
    }
}

struct Lexer<'a> {
    rest: &'a str,
    line: usize,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    fn token(&mut self, first: char) {
        let rest = self.rest;
        if rest.starts_with("//") {
            self.push(Kind::Comment, rest.find('\n').unwrap_or(rest.len()), str::to_owned);
        } else if rest.starts_with("/*") {
            self.push(Kind::Comment, block_comment(rest), str::to_owned);
        } else if let Some((prefix, hashes)) = raw_text(rest) {
            let end = format!("\"{}", "#".repeat(hashes));
            let length = rest[prefix..].find(&end).map_or(rest.len(), |at| prefix + at + end.len());
            self.push(Kind::Text, length, |text| text[prefix..text.len() - end.len()].to_owned());
        } else if let Some(prefix) = ["\"", "b\"", "c\""].into_iter().find(|prefix| rest.starts_with(prefix))
        {
            let length = prefix.len() + quoted(&rest[prefix.len()..]);
            self.push(Kind::Text, length, |text| unescape(&text[prefix.len()..text.len() - 1]));
        } else if let Some(length) = character(rest) {
            self.skip(length);
        } else if first.is_alphabetic() || first == '_' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            self.push(Kind::Word, end, str::to_owned);
        } else if first.is_numeric() {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            self.skip(end);
        } else if first.is_whitespace() {
            self.skip(first.len_utf8());
        } else {
            self.push(Kind::Mark, first.len_utf8(), str::to_owned);
        }
    }

    fn push(&mut self, kind: Kind, length: usize, text: impl FnOnce(&str) -> String) {
        let text = text(&self.rest[..length]);
        self.tokens.push(Token { kind, text, line: self.line });
        self.skip(length);
    }

    fn skip(&mut self, length: usize) {
        let (token, rest) = self.rest.split_at(length);
        self.line += token.matches('\n').count();
        self.rest = rest;
    }
}

/// Length of the block comment that a text begins with; they nest.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        let step = match &text.as_bytes()[at..] {
            [b'/', b'*', ..] => {
                depth += 1;
                2
            }
            [b'*', b'/', ..] if depth == 1 => return at + 2,
            [b'*', b'/', ..] => {
                depth -= 1;
                2
            }
            _ => 1,
        };
        at += step;
    }
    text.len()
}

/// Length of the opening of a raw string literal, and the number of its hashes.
fn raw_text(text: &str) -> Option<(usize, usize)> {
    let prefix = ["r", "br", "cr"].into_iter().find(|prefix| {
        text.strip_prefix(prefix).is_some_and(|rest| rest.trim_start_matches('#').starts_with('"'))
    })?;
    let hashes = text[prefix.len()..].bytes().take_while(|byte| *byte == b'#').count();
    Some((prefix.len() + hashes + 1, hashes))
}

/// Length up to and with the closing quote.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// A backslash at the end of a line swallows the line end and the spaces that follow.
fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let Some(escaped) = after.chars().next() else { return plain };
        rest = &after[escaped.len_utf8()..];
        match escaped {
            '\n' => rest = rest.trim_start(),
            'n' => plain.push('\n'),
            't' => plain.push('\t'),
            other => plain.push(other),
        }
    }
    plain + rest
}

/// Length of a character literal, a byte literal or a lifetime.
fn character(text: &str) -> Option<usize> {
    let prefix = if text.starts_with("b'") { 2 } else { 1 };
    let inner = text.strip_prefix("b'").or_else(|| text.strip_prefix('\''))?;
    let first = inner.chars().next()?;
    if first == '\\' {
        // The escaped character itself may be a quote.
        let after = 1 + inner[1..].chars().next()?.len_utf8();
        return Some(prefix + after + inner[after..].find('\'')? + 1);
    }
    let after = first.len_utf8();
    if inner[after..].starts_with('\'') {
        return Some(prefix + after + 1);
    }
    Some(prefix + inner.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(inner.len()))
}

#[test]
fn code_comments_and_texts_are_told_apart() {
    let source = r##"// "no text"
fn f<'a>(c: char) -> &'a str { /* a /* nested */ comment */ match c { '"' | '\'' => r#"a "raw" one"#, _ => "an \"escaped\"
one \
  // no comment" } }"##;
    let of = |kind: &Kind| -> Vec<String> {
        tokens(source).into_iter().filter(|token| token.kind == *kind).map(|token| token.text).collect()
    };
    assert_eq!(of(&Kind::Comment), ["// \"no text\"", "/* a /* nested */ comment */"]);
    assert_eq!(of(&Kind::Text), ["a \"raw\" one", "an \"escaped\"\none // no comment"]);
    assert_eq!(of(&Kind::Word), ["fn", "f", "c", "char", "str", "match", "c", "_"]);
    assert_eq!(tokens("a\n\"b\nc\"\nd").iter().map(|token| token.line).collect::<Vec<_>>(), [1, 2, 4]);
}

#[test]
fn what_only_tests_are_built_with_is_left_out() {
    let source =
        "fn a() {} #[cfg(test)] mod tests; #[cfg(test)] #[allow(x)] mod more { fn b() { } } fn c() {}";
    let words: Vec<_> = without_tests(source).into_iter().filter(|token| token.kind == Kind::Word).collect();
    assert_eq!(words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>(), ["fn", "a", "fn", "c"]);
}
