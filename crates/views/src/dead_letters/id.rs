//! The id of a dead letter: where its record stands in the log.

use std::fmt;
use std::str::FromStr;

use orders::{Offset, Partition};

/// Prints as `PARTITION-OFFSET`, such as `3-1207`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeadLetterId {
    pub partition: Partition,
    pub offset: Offset,
}

/// The text is not the id of a dead letter.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not the id of a dead letter, which is PARTITION-OFFSET, such as 3-1207")]
pub struct BadDeadLetterId(pub String);

impl fmt::Display for DeadLetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.partition, self.offset)
    }
}

impl FromStr for DeadLetterId {
    type Err = BadDeadLetterId;

    fn from_str(text: &str) -> Result<Self, BadDeadLetterId> {
        let parse = || {
            let (partition, offset) = text.split_once('-')?;
            let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
            if !digits(partition) || !digits(offset) {
                return None;
            }
            Some(Self { partition: Partition(partition.parse().ok()?), offset: Offset(offset.parse().ok()?) })
        };
        parse().ok_or_else(|| BadDeadLetterId(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_partition_and_an_offset() {
        let id: DeadLetterId = "3-1207".parse().unwrap();
        assert_eq!((id.partition, id.offset, id.to_string()), (Partition(3), Offset(1207), "3-1207".into()));
        for wrong in ["", "3", "3-", "-7", "3--7", "3-+7", "a-1", "3-1-2", "3-99999999999999999999", " 3-1"] {
            assert_eq!(wrong.parse::<DeadLetterId>(), Err(BadDeadLetterId(wrong.into())));
        }
    }
}
