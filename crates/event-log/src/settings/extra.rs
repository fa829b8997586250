//! Properties for one kind of client, beside those that all clients have.

use secrecy::{ExposeSecret, SecretString};
use settings::Invalid;

use super::args::parse_properties;
use super::{KafkaSettings, fixed};

impl KafkaSettings {
    /// The settings of the consumer of a [`crate::TransactionalMember`], with more properties, each as `NAME=VALUE`.
    /// Refuses those that its guarantees rest on.
    pub fn for_transactional_consumer(
        &self,
        variable: &'static str,
        properties: &[SecretString],
    ) -> Result<Self, Invalid> {
        let kept = [&fixed::READING[..], &fixed::TRANSACTIONAL_MEMBER];
        let settings = self.with_properties(variable, properties, &names(&kept, &[]))?;
        settings.check_transactional_consumer().map_err(of_variable(variable))?;
        Ok(settings)
    }

    /// The same for its producer.
    pub fn for_transactional_producer(
        &self,
        variable: &'static str,
        properties: &[SecretString],
    ) -> Result<Self, Invalid> {
        let kept = names(&[&fixed::WRITING], &["transactional.id"]);
        let settings = self.with_properties(variable, properties, &kept)?;
        settings.check_transactional_producer().map_err(of_variable(variable))?;
        Ok(settings)
    }

    fn with_properties(
        &self,
        variable: &'static str,
        properties: &[SecretString],
        kept: &[&str],
    ) -> Result<Self, Invalid> {
        let mut settings = self.clone();
        for (name, value) in properties
            .iter()
            .map(|text| parse_properties(variable, text.expose_secret()))
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .flatten()
        {
            if kept.contains(&name.as_str()) {
                let reason = format!("gives {name}, which cannot be changed: the guarantees rest on it");
                return Err(Invalid::new(variable, reason));
            }
            settings.properties.retain(|(other, _)| *other != name);
            settings.properties.push((name, value));
        }
        settings.check_properties().map_err(of_variable(variable))?;
        Ok(settings)
    }
}

/// What no other setting is to blame for, this one is.
fn of_variable(variable: &'static str) -> impl Fn(Invalid) -> Invalid {
    move |invalid| match invalid.variable {
        "KAFKA_PROPERTIES" => Invalid { variable, ..invalid },
        _ => invalid,
    }
}

fn names<'a>(kept: &[&[(&'a str, &str)]], more: &[&'a str]) -> Vec<&'a str> {
    let set = kept.iter().flat_map(|properties| properties.iter().map(|(name, _)| *name));
    set.chain(fixed::NAMED_ELSEWHERE).chain(more.iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn consumer(property: &str) -> Result<KafkaSettings, Invalid> {
        let settings = KafkaSettings::new("localhost:9092", "t");
        settings.for_transactional_consumer("CONSUMER_PROPERTIES", &[property.to_owned().into()])
    }

    #[test]
    fn what_the_guarantees_rest_on_is_refused_by_any_of_its_names() {
        for property in ["isolation.level=read_uncommitted", "auto.commit.enable=true", "group.id=g"] {
            let invalid = consumer(property).unwrap_err();
            assert_eq!(invalid.variable, "CONSUMER_PROPERTIES");
            assert!(invalid.reason.contains("cannot be changed"), "{invalid}");
        }
        let settings = KafkaSettings::new("localhost:9092", "t");
        let producer =
            |property: &str| settings.for_transactional_producer("P", &[property.to_owned().into()]);
        for property in ["acks=1", "request.required.acks=1", "transactional.id=x"] {
            assert!(producer(property).unwrap_err().reason.contains("cannot be changed"), "{property}");
        }
        assert!(producer("linger.ms=7").is_ok());
    }

    /// Each is legal for other clients of the same kind.
    #[test]
    fn properties_that_do_not_go_together_in_a_transaction_are_refused_with_their_setting() {
        let settings = KafkaSettings::new("localhost:9092", "t");
        let producer =
            settings.for_transactional_producer("P", &["transaction.timeout.ms=5000".to_owned().into()]);
        let consumer = consumer("session.timeout.ms=400000");
        for (result, variable, part) in [
            (producer, "P", "transaction.timeout.ms"),
            (consumer, "CONSUMER_PROPERTIES", "session.timeout.ms"),
        ] {
            let invalid = result.unwrap_err();
            assert_eq!(invalid.variable, variable, "{invalid}");
            assert!(invalid.reason.contains(part) && invalid.reason.contains("together"), "{invalid}");
        }
    }

    #[test]
    fn a_property_reaches_its_client_and_replaces_that_of_all_clients() {
        let all = KafkaSettings {
            properties: vec![("session.timeout.ms".into(), "9000".to_owned().into())],
            ..KafkaSettings::new("localhost:9092", "t")
        };
        let one = all.for_transactional_consumer("C", &["session.timeout.ms=7000".to_owned().into()]);
        let config = one.unwrap().transactional_member_config("g");
        assert_eq!(config.get("session.timeout.ms"), Some("7000"));
        assert_eq!(config.get("partition.assignment.strategy"), Some("range"));
        assert!(consumer("sesion.timeout.ms=7000").unwrap_err().reason.contains("sesion.timeout.ms"));
    }
}
