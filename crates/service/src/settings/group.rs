//! The consumer group.

use std::fmt;

use clap::Args;

use super::Invalid;

#[derive(Args, Clone, Debug)]
pub struct GroupArgs {
    /// Consumer group; one group per database
    #[arg(long, env = "KAFKA_GROUP_ID", value_name = "GROUP", default_value = "order-processors")]
    pub kafka_group_id: String,
}

/// Text of 1 to 249 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupId(String);

impl GroupArgs {
    pub fn validate(&self) -> Result<GroupId, Invalid> {
        let group = self.kafka_group_id.trim();
        if group.is_empty() || group.chars().count() > 249 || group.contains(char::is_control) {
            let reason = "is empty, over 249 characters long or holds a control character";
            return Err(Invalid::new("KAFKA_GROUP_ID", reason));
        }
        Ok(GroupId(group.to_owned()))
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
