//! The group belongs to one database. Consumers of two databases in one group would share out the
//! partitions between them, and each database would get only a part of the records.
//!
//! The group's mark names the database. Who finds the mark of another database has come second, and ends.

use std::sync::Arc;
use std::time::Duration;

use event_log::{GroupMark, SetMark};
use orders::Position;
use retry::retry;
use tokio::task::spawn_blocking;

use crate::database_mark::DatabaseMark;
use crate::error::{Error, Result};
use crate::settings::Settings;

/// Bounds each request.
const REQUEST_LIMIT: Duration = Duration::from_secs(5);

/// Cheap to clone.
#[derive(Clone)]
pub struct GroupCheck {
    mark: Arc<GroupMark>,
    group: String,
    own: DatabaseMark,
    /// Whether a person has decided that the group is to follow this database.
    takes_over: bool,
}

impl GroupCheck {
    /// `deployment` is the id of this consumer's database.
    pub fn new(settings: &Settings, deployment: &str) -> Result<Self> {
        Ok(Self {
            mark: Arc::new(GroupMark::new(&settings.kafka, &settings.group)?),
            group: settings.group.to_string(),
            own: DatabaseMark { deployment: deployment.to_owned(), database: settings.database.to_string() },
            takes_over: settings.takes_over_group,
        })
    }

    /// What this member's commits carry.
    pub fn mark(&self) -> String {
        self.own.text()
    }

    /// Marks the group for this database before it is joined. [`Error::OtherDatabase`] if it is marked for
    /// another one: that its consumers are away may be a restart, so only a person can decide that the group is
    /// free, and even then it must have no members. `position` is that of partition 0.
    pub async fn before_joining(&self, position: Position) -> Result<()> {
        let before = retry("Kafka", Error::is_passing, || self.read()).await?;
        match &before {
            Some(mark) if self.is_own(mark) => return Ok(()),
            Some(other) if !self.takes_over => return Err(self.follows(other)),
            _ => {}
        }
        match (retry("Kafka", Error::is_passing, || self.set(position)).await?, before) {
            // Members of a group without a mark are checked by their next look at the mark, as this one is.
            (_, None) => {}
            (SetMark::Done, Some(before)) => tracing::warn!(
                %before, now = %self.own,
                "the group follows this database now, as --take-over-group says"
            ),
            // The members may be of this database by now.
            (SetMark::GroupHasMembers, Some(_)) => {
                return retry("Kafka", Error::is_passing, || self.verify()).await;
            }
        }
        Ok(())
    }

    /// [`Error::OtherDatabase`] if the group is marked for another database.
    pub async fn verify(&self) -> Result<()> {
        match self.read().await? {
            Some(mark) if !self.is_own(&mark) => Err(self.follows(&mark)),
            _ => Ok(()),
        }
    }

    fn follows(&self, other: &DatabaseMark) -> Error {
        Error::OtherDatabase {
            group: self.group.clone(),
            theirs: other.to_string(),
            ours: self.own.to_string(),
        }
    }

    fn is_own(&self, mark: &DatabaseMark) -> bool {
        mark.deployment == self.own.deployment
    }

    async fn read(&self) -> Result<Option<DatabaseMark>> {
        let mark = self.mark.clone();
        let reading = spawn_blocking(move || mark.read(REQUEST_LIMIT));
        let task = |cause| Error::Task { attempt: "reading the group's mark", cause };
        Ok(reading.await.map_err(task)??.and_then(|text| DatabaseMark::parse(&text)))
    }

    async fn set(&self, position: Position) -> Result<SetMark> {
        let (mark, text) = (self.mark.clone(), self.own.text());
        let setting = spawn_blocking(move || mark.set(&text, position));
        let task = |cause| Error::Task { attempt: "setting the group's mark", cause };
        Ok(setting.await.map_err(task)??)
    }
}
