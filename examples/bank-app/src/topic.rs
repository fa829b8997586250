//! The topics. Each is partitioned alike, by account id, so that one instance has all that concerns an account.

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    TransactionRequests,
    AccountUpdates,
    TransactionsValidated,
    FraudAlerts,
    AccountBalanceUpdates,
    AccountProfileUpdates,
    Notifications,
}

impl Topic {
    pub const ALL: [Self; 7] = [
        Self::TransactionRequests,
        Self::AccountUpdates,
        Self::TransactionsValidated,
        Self::FraudAlerts,
        Self::AccountBalanceUpdates,
        Self::AccountProfileUpdates,
        Self::Notifications,
    ];
    pub const INPUTS: [Self; 2] = [Self::TransactionRequests, Self::AccountUpdates];
    pub const OUTPUTS: [Self; 5] = [
        Self::TransactionsValidated,
        Self::FraudAlerts,
        Self::AccountBalanceUpdates,
        Self::AccountProfileUpdates,
        Self::Notifications,
    ];

    pub fn base_name(self) -> &'static str {
        match self {
            Self::TransactionRequests => "transaction_requests",
            Self::AccountUpdates => "account_updates",
            Self::TransactionsValidated => "transactions_validated",
            Self::FraudAlerts => "fraud_alerts",
            Self::AccountBalanceUpdates => "account_balance_updates",
            Self::AccountProfileUpdates => "account_profile_updates",
            Self::Notifications => "notifications",
        }
    }

    /// Whether only the last record of an account is kept for ever.
    pub fn is_compacted(self) -> bool {
        matches!(self, Self::AccountBalanceUpdates | Self::AccountProfileUpdates)
    }
}

/// What the topics are called in Kafka, in the order of [`Topic::ALL`].
#[derive(Clone, Debug)]
pub struct TopicNames([String; 7]);

impl TopicNames {
    pub fn new(name: impl Fn(Topic) -> String) -> Self {
        Self(Topic::ALL.map(name))
    }

    pub fn of(&self, topic: Topic) -> &str {
        &self.0[topic as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_topic_has_its_own_name() {
        let names = TopicNames::new(|topic| format!("p-{}", topic.base_name()));
        for topic in Topic::ALL {
            assert_eq!(names.of(topic), format!("p-{}", topic.base_name()));
        }
    }
}
