//! Where reading begins in a partition: where its accounts are, and nowhere else.

use event_log::{Partition, Position};

use crate::positions::Positions;
use crate::topic::{Topic, TopicNames};

/// Going on would apply inputs twice, or leave some out.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    #[error(
        "the group has read partition {partition} of {input} up to {read}, but {state} has no positions of this partition: it \
         was deleted or emptied. If the inputs were applied again, their money would move twice. Bring {state} back from a copy, \
         or begin with an empty bank under another --prefix"
    )]
    Emptied { input: String, partition: Partition, read: Position, state: String },
    #[error(
        "partition {partition} of {input} begins at {low}, but only the records below {applied} are applied: those between were \
         deleted. To go on without them, stop all instances, and write a record with the key #positions and the value \
         {{\"requests\":{},\"updates\":{}}} to partition {partition} of {state}", next.requests, next.updates
    )]
    Deleted {
        input: String,
        partition: Partition,
        low: Position,
        applied: Position,
        state: String,
        next: Positions,
    },
}

/// `stored`: the positions beside the accounts, which are missing where nothing was ever committed. `low`: where the inputs begin.
/// `read`: the offsets of the group, which are committed with the positions, and so cannot be ahead of missing ones.
pub fn start(
    topics: &TopicNames,
    partition: Partition,
    stored: Option<Positions>,
    low: Positions,
    read: impl Fn(Topic) -> Option<Position>,
) -> Result<Positions, StartError> {
    let name = |topic| topics.of(topic).to_owned();
    let state = name(Topic::AccountBalanceUpdates);
    for input in Topic::INPUTS {
        match (stored, read(input)) {
            (None, Some(read)) if read > Position::START => {
                return Err(StartError::Emptied { input: name(input), partition, read, state });
            }
            (Some(stored), _) if stored.of(input) < low.of(input) => {
                let next = Positions {
                    requests: stored.requests.max(low.requests),
                    updates: stored.updates.max(low.updates),
                };
                let (low, applied) = (low.of(input), stored.of(input));
                return Err(StartError::Deleted { input: name(input), partition, low, applied, state, next });
            }
            _ => {}
        }
    }
    Ok(stored.unwrap_or(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(requests: i64, updates: i64) -> Positions {
        Positions { requests, updates }
    }

    fn start_at(stored: Option<Positions>, read: Option<Positions>) -> Result<Positions, StartError> {
        let topics = TopicNames::new(|topic| topic.base_name().to_owned());
        start(&topics, Partition(3), stored, at(10, 20), |topic| Some(read?.of(topic)))
    }

    #[test]
    fn reading_begins_where_the_accounts_are_whatever_the_group_says() {
        for read in [None, Some(at(0, 0)), Some(at(12, 25)), Some(at(99, 99))] {
            assert_eq!(start_at(Some(at(12, 25)), read), Ok(at(12, 25)), "{read:?}");
        }
    }

    #[test]
    fn a_partition_that_was_never_read_begins_at_its_first_record() {
        for read in [None, Some(at(0, 0))] {
            assert_eq!(start_at(None, read), Ok(at(10, 20)), "{read:?}");
        }
    }

    #[test]
    fn inputs_that_were_applied_are_not_applied_again_when_the_accounts_are_gone() {
        for (read, part) in
            [(at(3, 0), "transaction_requests up to 3"), (at(0, 21), "account_updates up to 21")]
        {
            let error = start_at(None, Some(read)).unwrap_err().to_string();
            assert!(
                error.contains(part) && error.contains("account_balance_updates has no positions"),
                "{error}"
            );
        }
    }

    #[test]
    fn inputs_that_were_deleted_before_they_were_applied_are_named_with_a_way_out() {
        let error = start_at(Some(at(12, 7)), None).unwrap_err().to_string();
        assert!(
            error.contains("partition 3 of account_updates begins at 20, but only the records below 7"),
            "{error}"
        );
        assert!(
            error.contains(r#"{"requests":12,"updates":20} to partition 3 of account_balance_updates"#),
            "{error}"
        );
    }
}
