//! What is not about orders: writing to any topic, following it, and committing what was read together with what was written.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use event_log::{
    ChunkLimits, Committed, Error, KafkaSettings, LogClient, MemberStep, NewRecord, OwnedRecord, Partition,
    Position, RecordWriter, Replay, Span, Tail, TailFrom, TopicPartition, TopicSpec, TransactionalMember,
    ensure_topic, topic_settings,
};

use crate::common::{blocking, read_all, settings};

const SOON: Duration = Duration::from_secs(30);
const TURN: Duration = Duration::from_millis(50);

async fn topic() -> KafkaSettings {
    let settings = settings().await;
    ensure_topic(&settings, &TopicSpec { partitions: 2, ..TopicSpec::default() }).await.unwrap();
    settings
}

fn record_of<'a>(topic: &'a str, value: &'a str) -> NewRecord<'a> {
    NewRecord { topic, partition: Some(Partition(1)), key: Some(b"k"), value: value.as_bytes() }
}

fn write(settings: &KafkaSettings, values: &[&str]) {
    let writer = RecordWriter::connect(settings).unwrap();
    for value in values {
        writer.send(&record_of(&settings.topic, value)).unwrap();
    }
    writer.finish(SOON).unwrap();
}

fn values(records: &[OwnedRecord]) -> Vec<String> {
    records.iter().map(|record| String::from_utf8(record.value.clone().unwrap()).unwrap()).collect()
}

fn follow(tail: &Tail, wanted: usize) -> Vec<OwnedRecord> {
    let (began, mut all) = (Instant::now(), Vec::new());
    while all.len() < wanted {
        assert!(began.elapsed() < SOON, "only {}", all.len());
        all.extend(tail.next(TURN).unwrap());
    }
    all
}

#[tokio::test]
async fn a_topic_is_followed_from_its_beginning_or_from_now_on() {
    let settings = topic().await;
    blocking(move || {
        write(&settings, &["a", "b"]);
        let now = Tail::start(&settings, &[&settings.topic], TailFrom::End).unwrap();
        write(&settings, &["c"]);
        let all = follow(&Tail::start(&settings, &[&settings.topic], TailFrom::Beginning).unwrap(), 3);
        assert_eq!(values(&all), ["a", "b", "c"]);
        let OwnedRecord { topic, partition, key, appended_millis, .. } = &all[0];
        assert_eq!((topic, partition, key.as_deref()), (&settings.topic, &Partition(1), Some(&b"k"[..])));
        assert!(*appended_millis > 0);
        assert_eq!(values(&follow(&now, 1)), ["c"]);
        let missing = Tail::start(&settings, &["no-such-topic-here"], TailFrom::End);
        assert!(matches!(missing, Err(Error::TopicGone(_))), "{missing:?}");
    })
    .await;
}

#[tokio::test]
async fn a_topic_can_be_made_compacted() {
    let settings = settings().await;
    let spec = TopicSpec { partitions: 1, compacted: true, replicas: Some(1), ..TopicSpec::default() };
    assert!(ensure_topic(&settings, &spec).await.unwrap().created);
    let found = topic_settings(&settings).await.unwrap().unwrap();
    assert_eq!(found.cleanup_policy.as_deref(), Some("compact"));
}

#[tokio::test]
async fn records_that_no_broker_takes_are_an_error() {
    let properties = vec![("delivery.timeout.ms".into(), "300".to_owned().into())];
    let nowhere = KafkaSettings { properties, ..KafkaSettings::new("127.0.0.1:1", "t") };
    blocking(move || {
        let writer = RecordWriter::connect(&nowhere).unwrap();
        writer.send(&record_of("t", "lost")).unwrap();
        let error = writer.finish(SOON).unwrap_err();
        assert!(matches!(error, Error::NotAcknowledged { records: 1, .. }), "{error}");
    })
    .await;
}

/// A member that has the input topic, and the topic that it writes to.
struct Member {
    member: TransactionalMember,
    input: KafkaSettings,
    output: KafkaSettings,
    assigned: Vec<TopicPartition>,
}

impl Member {
    fn join(input: &KafkaSettings, output: &KafkaSettings, transactional_id: &str) -> Self {
        let (group, topics) = (format!("group-of-{}", input.topic), [input.topic.as_str()]);
        let id = format!("{transactional_id}-of-{}", input.topic);
        let member = TransactionalMember::join(input, input, &group, &id, &topics).unwrap();
        Self { member, input: input.clone(), output: output.clone(), assigned: Vec::new() }
    }

    /// Begins where the group is.
    fn go_back(&mut self) -> BTreeMap<TopicPartition, Position> {
        let committed = self.member.committed(&self.assigned, SOON).unwrap();
        let start = self.assigned.iter().map(|one| (one.clone(), Position::START));
        let positions = start.chain(committed).collect::<BTreeMap<_, _>>();
        self.member.read_from(&positions).unwrap();
        positions
    }

    /// Copies this many records to the output, without a commit, and returns the positions behind them.
    fn copy(&mut self, wanted: usize) -> event_log::Result<BTreeMap<TopicPartition, Position>> {
        let (began, mut copied, mut done) = (Instant::now(), 0, BTreeMap::new());
        while copied < wanted {
            assert!(began.elapsed() < SOON, "only {copied} records");
            match self.member.poll(TURN)? {
                MemberStep::Assigned(partitions) => {
                    self.assigned = partitions;
                    self.go_back();
                }
                MemberStep::Revoked { .. } => self.member.release()?,
                MemberStep::Nothing => {}
                MemberStep::Record(record) => {
                    let value = String::from_utf8(record.value.unwrap()).unwrap();
                    self.member.write(&record_of(&self.output.topic, &value))?;
                    done.insert((record.topic, record.partition), Position::after(record.offset));
                    copied += 1;
                }
            }
        }
        Ok(done)
    }
}

async fn output_values(settings: &KafkaSettings) -> Vec<String> {
    read_all(settings).await.into_iter().map(|record| record.value).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_and_what_is_written_are_committed_together() {
    let (input, output) = (topic().await, topic().await);
    let (from, to) = (input.clone(), output.clone());
    let rolled_back = blocking(move || {
        write(&from, &["a", "b", "c"]);
        let mut member = Member::join(&from, &to, "one");
        member.copy(2).unwrap();
        let rolled_back = member.member.abort("a test").unwrap();
        assert_eq!(member.go_back().values().max(), Some(&Position::START));
        let done = member.copy(2).unwrap();
        assert_eq!(member.member.commit(&done).unwrap(), Committed::Yes);
        let position = (member.input.topic.clone(), Partition(1));
        assert_eq!(member.member.committed(&member.assigned, SOON).unwrap()[&position], Position(2));
        // The third record is in no committed transaction.
        member.copy(1).unwrap();
        member.member.leave().unwrap();
        rolled_back
    });
    assert_eq!(rolled_back.await, Committed::RolledBack("a test".into()));
    let deadline = Instant::now() + SOON;
    while output_values(&output).await != ["a", "b"] {
        assert!(Instant::now() < deadline, "{:?}", output_values(&output).await);
        tokio::time::sleep(TURN).await;
    }
    blocking(move || {
        let mut next = Member::join(&input, &output, "one");
        let done = next.copy(1).unwrap();
        assert_eq!(done.values().max(), Some(&Position(3)), "it goes on behind what was committed");
    })
    .await;
}

/// Its records are below the high watermark, but readers of committed records get past them only once it has ended.
#[tokio::test(flavor = "multi_thread")]
async fn a_replay_up_to_the_high_watermark_waits_for_the_transactions_below_it() {
    let (input, output) = (topic().await, topic().await);
    let (from, to) = (input.clone(), output.clone());
    let (mut member, end) = blocking(move || {
        write(&from, &["a"]);
        let mut member = Member::join(&from, &to, "open");
        member.copy(1).unwrap();
        let (client, began) = (LogClient::new(&to).unwrap(), Instant::now());
        loop {
            let end = client.high_watermarks(SOON).unwrap()[&Partition(1)];
            if end > Position::START {
                break (member, end);
            }
            assert!(began.elapsed() < SOON, "the record was not written");
        }
    })
    .await;
    let span = Span { from: Position::START, to: end };
    let mut replay = Replay::start(&output, [(Partition(1), span)].into(), ChunkLimits::default()).unwrap();
    let early = tokio::time::timeout(Duration::from_millis(2500), replay.next()).await;
    assert!(early.is_err(), "{early:?}");
    blocking(move || member.member.abort("a test").unwrap()).await;
    let chunk = tokio::time::timeout(SOON, replay.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(chunk.records().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_whose_transactional_id_was_taken_says_so() {
    let (input, output) = (topic().await, topic().await);
    blocking(move || {
        write(&input, &["a", "b"]);
        let mut first = Member::join(&input, &output, "same");
        let done = first.copy(1).unwrap();
        let _second = Member::join(&input, &output, "same");
        let error = first.member.commit(&done).unwrap_err();
        assert!(matches!(error, Error::Fenced { .. }), "{error}");
        assert!(error.to_string().contains("same-of-") && !error.is_passing(), "{error}");
    })
    .await;
}
