//! Members of groups: the new protocol (KIP-848), a second member with the same name, and lanes that are full.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use event_log::{
    ChunkLimits, Consumer, Error, Generation, GroupEvent, Heartbeat, KafkaSettings, LaneQueue, Membership,
    ReadFrom, TopicSpec, ensure_topic,
};
use orders::{Partition, Position, Positions};
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::common;

const SOON: Duration = Duration::from_secs(60);

async fn settings(partitions: i32, properties: &[(&str, &str)]) -> KafkaSettings {
    let mut settings = common::settings().await;
    ensure_topic(&settings, &TopicSpec { partitions, ..TopicSpec::default() }).await.unwrap();
    for (name, value) in properties {
        settings.properties.push(((*name).to_owned(), (*value).to_owned().into()));
    }
    settings
}

/// A member of the topic's group, and what it has.
struct Member {
    consumer: Consumer,
    events: UnboundedReceiver<GroupEvent>,
    lane: Arc<LaneQueue>,
    partitions: BTreeSet<Partition>,
    is_admitted: bool,
    last: Generation,
}

impl Member {
    fn join(settings: &KafkaSettings) -> Self {
        let lane = Arc::new(LaneQueue::new(ChunkLimits { records: 1, bytes: 1 << 20 }));
        let membership = Membership {
            group_id: format!("group-of-{}", settings.topic),
            mark: String::new(),
            lanes: vec![lane.clone()],
            heartbeat: Heartbeat::unwatched(),
        };
        let (consumer, events) = Consumer::join(settings, membership).unwrap();
        Self { consumer, events, lane, partitions: BTreeSet::new(), is_admitted: false, last: Generation(0) }
    }

    /// Follows one decision of the group. The reason of the failure, if the member cannot go on.
    async fn follow(&mut self) -> Option<Error> {
        match tokio::time::timeout(SOON, self.events.recv()).await.expect("an event").expect("a member") {
            GroupEvent::Assigned { assignment, partitions } => {
                self.last.0 += 1;
                let generation = self.last;
                let from =
                    |partition| ReadFrom { partition, position: Position::START, assignment, generation };
                self.consumer.read_from(partitions.iter().copied().map(from).collect());
                self.partitions.extend(partitions);
            }
            GroupEvent::Revoked { partitions, reply, .. } => {
                self.partitions.retain(|one| !partitions.contains(one));
                let _ = reply.send(Positions::new());
            }
            GroupEvent::Admitted => self.is_admitted = true,
            GroupEvent::Failed(error) => return Some(error),
        }
        None
    }

    /// Waits until a record fills the lane, and then longer than the half second after which the lane is paused. Nothing
    /// reports the pause.
    async fn is_paused(&self) {
        let filled = async {
            while self.lane.records() == 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(SOON, filled).await.expect("a record");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }

    async fn follow_until(&mut self, partitions: usize) {
        while self.partitions.len() != partitions {
            assert!(self.follow().await.is_none());
        }
    }
}

async fn send(settings: &KafkaSettings, partition: i32, records: usize) {
    let producer: FutureProducer = settings.client_config("test").create().unwrap();
    // A partition that was just added is not known to every broker's answer at once.
    let is_known = || {
        let metadata = producer.client().fetch_metadata(Some(&settings.topic), SOON).unwrap();
        metadata.topics()[0].partitions().iter().any(|known| known.id() == partition)
    };
    let began = Instant::now();
    while !is_known() {
        assert!(began.elapsed() < SOON, "partition {partition} is not known");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let sending = (0..records).map(|_| {
        let record = FutureRecord::<(), _>::to(&settings.topic).payload("{}").partition(partition);
        producer.send_result(record).unwrap()
    });
    for sent in sending.collect::<Vec<_>>() {
        sent.await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn members_of_the_new_protocol_share_partitions_and_take_them_over() {
    let settings = settings(4, &[("group.protocol", "consumer")]).await;
    let mut first = Member::join(&settings);
    first.follow_until(4).await;
    let mut second = Member::join(&settings);
    tokio::join!(first.follow_until(2), second.follow_until(2));
    assert!(first.partitions.is_disjoint(&second.partitions));
    second.consumer.leave(Positions::new());
    first.follow_until(4).await;
    send(&settings, 3, 1).await;
    let chunk = tokio::time::timeout(SOON, first.lane.take()).await.expect("a record");
    assert_eq!(chunk.len(), 1);
}

/// Otherwise a member to spare would count as one that the group does not let in.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_without_partitions_is_admitted_too() {
    for protocol in ["classic", "consumer"] {
        let settings = settings(1, &[("group.protocol", protocol)]).await;
        let mut first = Member::join(&settings);
        first.follow_until(1).await;
        let mut second = Member::join(&settings);
        // In the classic protocol, it is let in once the first one has joined again.
        while !second.is_admitted {
            let error = tokio::select! {
                error = first.follow() => error,
                error = second.follow() => error,
            };
            assert!(error.is_none(), "{protocol}: {error:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_member_with_the_same_name_shuts_the_first_one_out_with_a_reason() {
    let settings = settings(1, &[("group.instance.id", "one")]).await;
    let mut first = Member::join(&settings);
    first.follow_until(1).await;
    let mut second = Member::join(&settings);
    let fenced = async {
        loop {
            if let Some(error) = first.follow().await {
                return error;
            }
        }
    };
    let (error, ()) = tokio::join!(fenced, second.follow_until(1));
    assert!(matches!(error, Error::FencedInstance), "{error:?}");
}

/// The protocol of KIP-848 leaves the name to the member that has it.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_member_with_the_same_name_is_refused_in_the_new_protocol() {
    let settings = settings(1, &[("group.protocol", "consumer"), ("group.instance.id", "one")]).await;
    let mut first = Member::join(&settings);
    first.follow_until(1).await;
    let mut second = Member::join(&settings);
    let error = loop {
        if let Some(error) = second.follow().await {
            break error;
        }
    };
    assert!(matches!(error, Error::UnreleasedInstance), "{error:?}");
}

/// A lane is paused when the database is slow. Partitions that are assigned meanwhile must not fill its queue.
#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_are_assigned_to_a_paused_lane_are_paused() {
    let settings = settings(1, &[("topic.metadata.refresh.interval.ms", "500")]).await;
    let mut member = Member::join(&settings);
    member.follow_until(1).await;
    send(&settings, 0, 10).await;
    member.is_paused().await;
    let admin: AdminClient<DefaultClientContext> = settings.client_config("test").create().unwrap();
    let more = NewPartitions::new(&settings.topic, 2);
    admin.create_partitions([&more], &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
    send(&settings, 1, 200).await;
    member.follow_until(2).await;
    // Long enough for all 200 to arrive if the partition were not paused.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let waiting = member.lane.records();
    assert!(waiting < 10, "{waiting} records wait");
    let mut read = 0;
    while read < 210 {
        let chunk = tokio::time::timeout(SOON, member.lane.take()).await.expect("the rest");
        read += chunk.len();
        member.lane.recycle(chunk);
    }
}

/// librdkafka remembers a pause even while the partition belongs to another member.
#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_was_revoked_while_paused_is_read_when_it_comes_back() {
    let settings = settings(2, &[]).await;
    let mut first = Member::join(&settings);
    first.follow_until(2).await;
    send(&settings, 0, 10).await;
    send(&settings, 1, 10).await;
    first.is_paused().await;
    let mut second = Member::join(&settings);
    tokio::join!(first.follow_until(1), second.follow_until(1));
    // The lane has room again, and resumes the partition that it has left.
    while let Ok(chunk) = tokio::time::timeout(Duration::from_secs(1), first.lane.take()).await {
        first.lane.recycle(chunk);
    }
    second.consumer.leave(Positions::new());
    first.follow_until(2).await;
    send(&settings, 0, 1).await;
    send(&settings, 1, 1).await;
    let mut read = BTreeSet::new();
    while read.len() < 2 {
        let chunk = tokio::time::timeout(SOON, first.lane.take()).await.expect("both partitions are read");
        read.extend(chunk.records().map(|(_, record)| record.partition));
        first.lane.recycle(chunk);
    }
}
