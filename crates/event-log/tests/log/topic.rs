//! Creating the topic, and checking one that exists.

use crate::common;
use event_log::{KafkaSettings, TimestampType, TopicSpec, TopicState, ensure_topic};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;

async fn create_by_hand(settings: &KafkaSettings, config: &[(&str, &str)]) {
    let admin: AdminClient<DefaultClientContext> = settings.client_config("test").create().unwrap();
    let mut topic = NewTopic::new(&settings.topic, 2, TopicReplication::Fixed(1));
    for (name, value) in config {
        topic = topic.set(name, value);
    }
    admin.create_topics([&topic], &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
}

#[tokio::test]
async fn a_topic_is_made_once_whoever_asks() {
    let settings = common::settings().await;
    let spec = TopicSpec::default();
    let (one, two) = tokio::join!(ensure_topic(&settings, &spec), ensure_topic(&settings, &spec));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert!(one.created ^ two.created, "{one:?} {two:?}");
    let again = ensure_topic(&settings, &spec).await.unwrap();
    let timestamp_type = TimestampType::LogAppendTime;
    assert_eq!(
        again,
        TopicState {
            partitions: 6,
            timestamp_type,
            cleanup_policy: Some("delete".into()),
            retention: vec![],
            created: false,
            warnings: vec![]
        }
    );
}

#[tokio::test]
async fn a_topic_that_is_there_is_used_with_a_warning_for_each_weakness() {
    let settings = common::settings().await;
    let config = [
        ("message.timestamp.type", "CreateTime"),
        ("retention.ms", "604800000"),
        ("cleanup.policy", "compact,delete"),
    ];
    create_by_hand(&settings, &config).await;
    let state = ensure_topic(&settings, &TopicSpec::default()).await.unwrap();
    assert_eq!((state.partitions, state.created), (2, false));
    assert_eq!(state.timestamp_type, TimestampType::CreateTime);
    let ways_out = ["message.timestamp.type=LogAppendTime", "cleanup.policy=delete", "retention.ms=-1"];
    assert_eq!(state.warnings.len(), ways_out.len(), "{:?}", state.warnings);
    for (warning, way_out) in state.warnings.iter().zip(ways_out) {
        assert!(warning.starts_with(&format!("topic {}: ", settings.topic)), "{warning}");
        assert!(warning.ends_with(&format!("--add-config {way_out}")), "{warning}");
    }
}
