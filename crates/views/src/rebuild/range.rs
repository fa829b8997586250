//! A range of order ids, so that two sessions can share the work.

use crate::Build;
use crate::error::{Error, Result};
use crate::session::Session;
use crate::sql::for_build;

/// The order ids from `from` up to, but not including, `to`. `None` means no bound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderRange {
    pub from: Option<String>,
    pub to: Option<String>,
}

impl OrderRange {
    /// Two ranges with about the same number of history rows, or one if the history is small.
    pub async fn halves(session: &Session, build: Build) -> Result<Vec<Self>> {
        let middle: Option<String> = session
            .client
            .query_one(
                &for_build(
                    "/* views::rebuild::range::halves */ SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY order_id)
                     FROM {build}.order_history TABLESAMPLE SYSTEM (1)",
                    build,
                ),
                &[],
            )
            .await
            .map_err(Error::during("looking for the middle of the orders"))?
            .get(0);
        Ok(match middle {
            None => vec![Self::default()],
            Some(_) => vec![Self { from: None, to: middle.clone() }, Self { from: middle, to: None }],
        })
    }

    /// A condition on `order_id`: COPY takes no parameters.
    pub(super) fn condition(&self) -> String {
        let bound = |operator: &str, id: &Option<String>| {
            id.as_ref().map(|id| format!(" AND order_id {operator} {}", literal(id)))
        };
        let from = bound(">=", &self.from).unwrap_or_default();
        let to = bound("<", &self.to).unwrap_or_default();
        format!("true{from}{to}")
    }
}

/// `E''` means the same whatever `standard_conforming_strings` is.
fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_quoted() {
        let range = OrderRange { from: Some("O'Brien\\".into()), to: None };
        assert_eq!(range.condition(), r"true AND order_id >= E'O''Brien\\'");
        assert_eq!(OrderRange::default().condition(), "true");
    }
}
