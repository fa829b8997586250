//! The log that the active build is made from.

use orders::LogIdentity;

use super::ReadError;
use super::reader::{Answer, Reader};
use super::source::Values;
use super::statement::{Kind, Statement};
use crate::log_identity::from_row;

impl Reader {
    /// `None`: it is not recorded yet.
    pub async fn log_identity(&self) -> Result<Answer<Option<LogIdentity>>, ReadError> {
        let text = "/* views::read::log_identity::log_identity */
            SELECT cluster_id, topic, topic_id, partitions FROM {build}.log_identity";
        let statement = Statement { kind: Kind::Point, text: text.into(), values: Values::of(None) };
        let answer = self.read_of_any_version("reading the log of the active build", statement).await?;
        Ok(answer.map(|rows| rows.first().map(from_row)))
    }
}
