//! The consumer group.

use std::fmt;

use clap::Args;
use settings::Invalid;

pub(super) const DEFAULT_GROUP: &str = "order-processors";

#[derive(Args, Clone, Debug)]
pub struct GroupArgs {
    /// Consumer group; one group per database. The names of readers without a group begin with it
    #[arg(long, env = "KAFKA_GROUP_ID", value_name = "GROUP", default_value = DEFAULT_GROUP)]
    pub kafka_group_id: String,
}

/// Text of 1 to 249 characters, none of them a control character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupId(String);

impl GroupArgs {
    pub fn validate(&self) -> Result<GroupId, Invalid> {
        let group = self.kafka_group_id.trim();
        let reason = if group.is_empty() {
            "is empty"
        } else if group.chars().count() > 249 {
            "is longer than 249 characters"
        } else if group.contains(char::is_control) {
            "contains a control character"
        } else {
            return Ok(GroupId(group.to_owned()));
        };
        Err(Invalid::new("KAFKA_GROUP_ID", reason))
    }
}

impl GroupId {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
