//! Which orders are read in bulk: a range of ids, so that two sessions can share the work, a part of the tables, or single
//! orders.

use crate::Build;
use crate::error::{Error, Result};
use crate::parts::Part;
use crate::session::Session;
use crate::sql::for_build;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderSet {
    /// The order ids from `from` up to, but not including, `to`. `None` means no bound.
    Range {
        from: Option<String>,
        to: Option<String>,
    },
    Part(Part),
    Ids(Vec<String>),
}

impl OrderSet {
    /// All orders of a build, in sets that several sessions can share: the parts, or two halves with about the same number of
    /// history rows, or one set if the history is small.
    pub async fn shares(session: &Session, build: Build) -> Result<Vec<Self>> {
        let mut shares = Vec::new();
        for part in build.parts(session).await?.iter() {
            shares.extend(Self::of_part(session, build, part).await?);
        }
        Ok(shares)
    }

    /// The orders of a part of the tables, in such sets.
    pub async fn of_part(session: &Session, build: Build, part: Part) -> Result<Vec<Self>> {
        match part {
            Part::All => Self::halves(session, build).await,
            part => Ok(vec![Self::Part(part)]),
        }
    }

    async fn halves(session: &Session, build: Build) -> Result<Vec<Self>> {
        let middle: Option<String> = session
            .client
            .query_one(
                &for_build(
                    "/* views::rebuild::order_set::halves */ SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY order_id)
                     FROM {build}.order_history TABLESAMPLE SYSTEM (1)",
                    build,
                ),
                &[],
            )
            .await
            .map_err(Error::during("looking for the middle of the orders"))?
            .get(0);
        Ok(match middle {
            None => vec![Self::Range { from: None, to: None }],
            Some(_) => {
                vec![Self::Range { from: None, to: middle.clone() }, Self::Range { from: middle, to: None }]
            }
        })
    }

    /// The tables that have them.
    pub(super) fn part(&self) -> Part {
        match self {
            Self::Part(part) => *part,
            Self::Range { .. } | Self::Ids(_) => Part::All,
        }
    }

    /// A condition on `order_id`: COPY takes no parameters.
    pub(super) fn condition(&self) -> String {
        match self {
            Self::Range { from, to } => {
                let bound = |operator: &str, id: &Option<String>| {
                    id.as_ref().map(|id| format!(" AND order_id {operator} {}", literal(id)))
                };
                let from = bound(">=", from).unwrap_or_default();
                let to = bound("<", to).unwrap_or_default();
                format!("true{from}{to}")
            }
            Self::Part(_) => "true".to_owned(),
            Self::Ids(ids) => {
                let ids: Vec<String> = ids.iter().map(|id| literal(id)).collect();
                format!("order_id = ANY (ARRAY[{}]::text[])", ids.join(","))
            }
        }
    }
}

/// `E''` means the same whatever `standard_conforming_strings` is. A brace is escaped, because `{build}` stands for
/// a schema in the text around it.
pub(super) fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''").replace('{', "\\x7b"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_quoted() {
        let range = OrderSet::Range { from: Some("O'Brien\\".into()), to: None };
        assert_eq!(range.condition(), r"true AND order_id >= E'O''Brien\\'");
        assert_eq!(OrderSet::Range { from: None, to: None }.condition(), "true");
        let ids = OrderSet::Ids(vec!["a'".into(), "{build}".into()]);
        assert_eq!(ids.condition(), r"order_id = ANY (ARRAY[E'a''',E'\x7bbuild}']::text[])");
    }
}
