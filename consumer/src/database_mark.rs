//! The mark that says to which database a group's records go.

use std::fmt;

use serde_json::{Value, json};

const DEPLOYMENT: &str = "food_orders_deployment";
const DATABASE: &str = "database";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseMark {
    /// The id of the database: [`views::deployment::Deployment::id`].
    pub deployment: String,
    /// For people: how the consumers reach it, without a password.
    pub database: String,
}

impl DatabaseMark {
    /// `None` if the text is not a mark, but that of another program.
    pub fn parse(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let field = |name| value.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Self { deployment: field(DEPLOYMENT)?, database: field(DATABASE)? })
    }

    pub fn text(&self) -> String {
        json!({ DEPLOYMENT: self.deployment, DATABASE: self.database }).to_string()
    }
}

impl fmt::Display for DatabaseMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (deployment {})", self.database, self.deployment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        let mark = DatabaseMark { deployment: "0a-1".into(), database: "u@host:5432/\"orders\"".into() };
        assert_eq!(DatabaseMark::parse(&mark.text()), Some(mark));
    }

    #[test]
    fn the_metadata_of_other_programs_is_no_mark() {
        for text in
            ["", "x", "{}", "3", r#"{"database":"d"}"#, r#"{"food_orders_deployment":1,"database":"d"}"#]
        {
            assert_eq!(DatabaseMark::parse(text), None, "{text}");
        }
    }
}
