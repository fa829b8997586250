//! Whatever is pushed and taken: the order within a partition stays, and nothing is lost or waits forever.

use std::collections::{BTreeMap, VecDeque};
use std::iter;
use std::ops::Range;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use orders::record::Headers;
use orders::{Offset, Record};
use proptest::prelude::*;

use super::*;

const LIMITS: ChunkLimits = ChunkLimits { records: 16, bytes: 1600 };
/// Small enough that a chunk reaches its limit of records before its limit of bytes.
const SMALL: usize = 10;

/// Pushes a record whose value, of this length, begins with its offset. Returns whether the queue is full.
fn push(queue: &LaneQueue, partition: i32, offset: i64, generation: u32, length: usize) -> bool {
    let partition = Partition(partition);
    let mut value = vec![0; length];
    value[..8].copy_from_slice(&offset.to_le_bytes());
    let record = Record {
        partition,
        offset: Offset(offset),
        appended_millis: offset,
        key: Some(b"k"),
        value: Some(&value),
        headers: Headers::default(),
    };
    queue.push_by(partition, |chunk| chunk.push_record(&record, Generation(generation), |_| ()))
}

fn push_all(queue: &LaneQueue, partition: i32, offsets: Range<i64>) {
    for offset in offsets {
        push(queue, partition, offset, 1, SMALL);
    }
}

fn end(queue: &LaneQueue, partition: i32, end: i64) {
    queue.end(Partition(partition), Position(end), Generation(1));
}

fn poll<T>(future: Pin<&mut impl Future<Output = T>>) -> Option<T> {
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// How many chunks' memory waits to be used again.
fn spare(queue: &LaneQueue) -> usize {
    let waiting = queue.lock();
    assert!(waiting.spare().iter().all(Chunk::is_empty));
    waiting.spare().len()
}

/// What `take` returns, if there is anything.
fn take(queue: &LaneQueue) -> Option<Chunk> {
    poll(pin!(queue.take()))
}

/// The offsets of each partition in a chunk, in the order of the chunk.
fn offsets(chunk: &Chunk) -> BTreeMap<i32, Vec<i64>> {
    let mut offsets: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (_, record) in chunk.records() {
        offsets.entry(record.partition.0).or_default().push(record.offset.0);
    }
    offsets
}

fn taken(queue: &LaneQueue) -> BTreeMap<i32, Vec<i64>> {
    take(queue).as_ref().map(offsets).unwrap_or_default()
}

fn ends(chunk: &Chunk) -> Vec<(i32, i64)> {
    chunk.ends().map(|(partition, end, _)| (partition.0, end.0)).collect()
}

#[test]
fn the_fullest_chunk_comes_first() {
    let queue = LaneQueue::new(LIMITS);
    push_all(&queue, 0, 0..3);
    push_all(&queue, 1, 0..5);
    push_all(&queue, 2, 0..4);
    let order: Vec<_> = (0..3).map(|_| taken(&queue)).collect();
    let all = |partition, count| BTreeMap::from([(partition, (0..count).collect::<Vec<_>>())]);
    assert_eq!(order, [all(1, 5), all(2, 4), all(0, 3)]);
    assert!(take(&queue).is_none());
}

#[test]
fn large_records_count_by_their_bytes() {
    let queue = LaneQueue::new(LIMITS);
    push_all(&queue, 0, 0..7);
    push(&queue, 1, 0, 1, LIMITS.bytes / 2);
    assert_eq!(taken(&queue), BTreeMap::from([(1, vec![0])]));
}

#[test]
fn a_full_chunk_is_followed_by_another_one() {
    let queue = LaneQueue::new(LIMITS);
    push_all(&queue, 0, 0..20);
    assert_eq!(taken(&queue), BTreeMap::from([(0, (0..16).collect())]));
    assert_eq!(taken(&queue), BTreeMap::from([(0, (16..20).collect())]));
}

#[test]
fn what_is_small_comes_together() {
    let queue = LaneQueue::new(ChunkLimits { records: 16 * 12, bytes: 1 << 20 });
    for offset in 0..2 {
        for partition in 0..12 {
            push(&queue, partition, offset, partition as u32, SMALL);
        }
    }
    end(&queue, 12, 7);
    let chunk = take(&queue).unwrap();
    assert_eq!(offsets(&chunk), (0..12).map(|partition| (partition, vec![0, 1])).collect());
    assert_eq!(ends(&chunk), [(12, 7)]);
    for (generation, record) in chunk.records() {
        assert_eq!(generation.0 as i32, record.partition.0);
        assert_eq!(record.value.unwrap()[..8], record.offset.0.to_le_bytes());
    }
    assert_eq!(queue.records(), 0);
}

/// The topic has many partitions, and each of them has too few records for a transaction of its own.
#[test]
fn small_chunks_of_many_partitions_come_in_portions() {
    let queue = LaneQueue::new(ChunkLimits { records: 800, bytes: 1 << 20 });
    for partition in 0..1000 {
        push(&queue, partition, 0, 1, SMALL);
    }
    for _ in 0..10 {
        assert_eq!(take(&queue).unwrap().len(), 100);
    }
    assert!(take(&queue).is_none());
}

#[test]
fn a_partition_with_few_records_does_not_starve() {
    for busy in 1..5 {
        let queue = LaneQueue::new(LIMITS);
        push(&queue, 0, 0, 1, SMALL);
        let mut next = 0;
        let took = (1..100).find(|_| {
            for partition in 1..=busy {
                push_all(&queue, partition, next..next + 16);
            }
            next += 16;
            taken(&queue).contains_key(&0)
        });
        // Two takes for each partition pass it over; then the others' first chunks, which are as old and fuller, precede it.
        assert_eq!(took, Some(2 * (busy + 1) + busy));
    }
}

#[test]
fn an_end_comes_after_the_records_of_its_partition() {
    let queue = LaneQueue::new(LIMITS);
    push_all(&queue, 0, 0..16);
    end(&queue, 0, 17);
    push_all(&queue, 1, 0..4);
    end(&queue, 1, 5);
    push_all(&queue, 1, 6..7);
    let chunk = take(&queue).unwrap();
    assert_eq!((chunk.len(), ends(&chunk)), (16, vec![(0, 17)]));
    let chunk = take(&queue).unwrap();
    assert_eq!((chunk.len(), ends(&chunk)), (5, vec![(1, 5)]));
    assert!(take(&queue).is_none());
}

#[test]
fn an_end_comes_without_records_too() {
    for records in [1, 16] {
        let queue = LaneQueue::new(ChunkLimits { records, ..LIMITS });
        end(&queue, 3, 8);
        end(&queue, 3, 9);
        end(&queue, 4, 1);
        let chunk = take(&queue).unwrap();
        assert_eq!((chunk.len(), ends(&chunk)), (0, vec![(3, 9), (4, 1)]));
        assert!(take(&queue).is_none());
        end(&queue, 3, 10);
        push(&queue, 4, 1, 1, 2 * LIMITS.bytes);
        end(&queue, 5, 1);
        let chunk = take(&queue).unwrap();
        assert_eq!((chunk.len(), ends(&chunk)), (1, vec![(3, 10), (5, 1)]));
    }
}

#[test]
fn memory_is_used_again_by_chunks_that_grow() {
    let queue = LaneQueue::new(LIMITS);
    for _ in 0..3 {
        (0..3).for_each(|partition| push_all(&queue, partition, 0..10));
        let chunks: Vec<_> = iter::from_fn(|| take(&queue)).collect();
        chunks.into_iter().for_each(|chunk| queue.recycle(chunk));
        assert_eq!(spare(&queue), 2);
    }
    (0..100).for_each(|partition| push_all(&queue, partition, 0..1));
    assert_eq!(spare(&queue), 2);
    push_all(&queue, 0, 1..9);
    assert_eq!(spare(&queue), 1);
    assert_eq!(taken(&queue)[&0], (0..9).collect::<Vec<_>>());
}

#[test]
fn small_memory_is_not_kept() {
    let queue = LaneQueue::new(ChunkLimits { records: 80, ..LIMITS });
    push_all(&queue, 0, 0..9);
    queue.recycle(take(&queue).unwrap());
    assert_eq!(spare(&queue), 0);
}

#[test]
fn it_is_full_by_records_and_by_bytes() {
    let queue = LaneQueue::new(LIMITS);
    let filled = (0..).take_while(|offset| !push(&queue, *offset as i32 % 3, *offset, 1, SMALL)).count();
    assert_eq!(filled + 1, 2 * LIMITS.records);
    assert!(queue.is_full() && !queue.wait_for_room(Duration::ZERO));
    take(&queue).unwrap();
    assert!(!queue.is_full() && queue.wait_for_room(Duration::ZERO));

    let queue = LaneQueue::new(LIMITS);
    assert!(!push(&queue, 0, 0, 1, LIMITS.bytes));
    assert!(push(&queue, 1, 0, 1, LIMITS.bytes));
    assert!(push(&queue, 2, 0, 1, 10 * LIMITS.bytes));
    assert_eq!(taken(&queue), BTreeMap::from([(2, vec![0])]));
    assert!(queue.is_full());
    take(&queue).unwrap();
    assert!(!queue.is_full());
}

#[tokio::test]
async fn a_waiting_task_is_woken() {
    let queue = LaneQueue::new(LIMITS);
    let (chunk, _) = tokio::join!(queue.take(), async { push(&queue, 0, 0, 1, SMALL) });
    assert_eq!(offsets(&chunk), BTreeMap::from([(0, vec![0])]));
    let (chunk, ()) = tokio::join!(queue.take(), async { end(&queue, 0, 2) });
    assert_eq!(ends(&chunk), [(0, 2)]);
}

#[tokio::test]
async fn a_task_that_gives_up_after_being_woken_takes_nothing() {
    let queue = LaneQueue::new(LIMITS);
    let mut given_up = Box::pin(queue.take());
    assert!(poll(given_up.as_mut()).is_none());
    push(&queue, 0, 0, 1, SMALL);
    drop(given_up);
    let chunk = tokio::time::timeout(Duration::from_secs(20), queue.take()).await.unwrap();
    assert_eq!(offsets(&chunk), BTreeMap::from([(0, vec![0])]));
}

#[derive(Clone, Debug)]
enum Step {
    Push {
        partition: i32,
        length: usize,
    },
    /// The log goes on after a hole, which the end moves over.
    End {
        partition: i32,
    },
    /// The partition is read once more from its start, under the next generation.
    ReadAgain {
        partition: i32,
    },
    Take,
    Recycle,
}

fn step() -> impl Strategy<Value = Step> {
    let partition = (0..6, 0..6).prop_map(|(one, other): (i32, i32)| one.min(other));
    let length = prop_oneof![8 => Just(SMALL), 2 => Just(300), 1 => Just(5000)];
    prop_oneof![
        24 => (partition.clone(), length).prop_map(|(partition, length)| Step::Push { partition, length }),
        2 => partition.clone().prop_map(|partition| Step::End { partition }),
        1 => partition.prop_map(|partition| Step::ReadAgain { partition }),
        3 => Just(Step::Take),
        2 => Just(Step::Recycle),
    ]
}

/// What was read of a partition and has not been taken.
#[derive(Debug, Default)]
struct Expected {
    generation: u32,
    next: i64,
    records: VecDeque<(u32, i64, usize)>,
    /// With the number of records that still wait before it.
    end: Option<(u32, i64, usize)>,
    /// How many takes have passed over what waits.
    passed_over: usize,
}

impl Expected {
    fn waits(&self) -> bool {
        !self.records.is_empty() || self.end.is_some()
    }
}

fn check_taken(chunk: &Chunk, log: &mut BTreeMap<i32, Expected>) {
    let mut seen: BTreeMap<i32, usize> = BTreeMap::new();
    for (generation, record) in chunk.records() {
        let expected = log.get_mut(&record.partition.0).unwrap();
        let value = record.value.unwrap();
        assert_eq!(value[..8], record.offset.0.to_le_bytes());
        assert_eq!((record.key, record.appended_millis), (Some(&b"k"[..]), record.offset.0));
        assert_eq!(
            Some((generation.0, record.offset.0, value.len())),
            expected.records.pop_front(),
            "of partition {}",
            record.partition
        );
        *seen.entry(record.partition.0).or_default() += 1;
    }
    for (partition, taken) in &seen {
        let expected = log.get_mut(partition).unwrap();
        expected.passed_over = 0;
        if let Some((_, _, before)) = &mut expected.end {
            *before = before.saturating_sub(*taken);
        }
    }
    for (partition, end, generation) in chunk.ends() {
        let expected = log.get_mut(&partition.0).unwrap();
        expected.passed_over = 0;
        let last = expected.end;
        if last.is_some_and(|(of, at, _)| (of, at) == (generation.0, end.0)) {
            assert_eq!(last.map(|(_, _, before)| before), Some(0), "it precedes records of its partition");
            expected.end = None;
        }
    }
}

fn check(steps: Vec<Step>) {
    let queue = LaneQueue::new(LIMITS);
    let mut log: BTreeMap<i32, Expected> = BTreeMap::new();
    let mut in_use = Vec::new();
    let drain = iter::repeat_n(Step::Take, 1000);
    for step in steps.into_iter().chain(drain) {
        match step {
            Step::Push { partition, length } => {
                // The polling thread waits for room as well.
                if queue.is_full() {
                    continue;
                }
                let expected = log.entry(partition).or_default();
                let (generation, offset) = (expected.generation, expected.next);
                expected.next += 1;
                expected.records.push_back((generation, offset, length));
                assert_eq!(push(&queue, partition, offset, generation, length), queue.is_full());
            }
            Step::End { partition } => {
                let expected = log.entry(partition).or_default();
                expected.next += 1;
                expected.end = Some((expected.generation, expected.next, expected.records.len()));
                queue.end(Partition(partition), Position(expected.next), Generation(expected.generation));
            }
            Step::ReadAgain { partition } => {
                let expected = log.entry(partition).or_default();
                expected.generation += 1;
                expected.next = 0;
            }
            Step::Take => {
                let Some(chunk) = take(&queue) else { continue };
                assert!(!chunk.is_empty());
                let waited: Vec<_> =
                    log.iter().filter(|(_, one)| one.waits()).map(|(partition, _)| *partition).collect();
                for partition in &waited {
                    log.get_mut(partition).unwrap().passed_over += 1;
                }
                check_taken(&chunk, &mut log);
                let longest = log.values().map(|expected| expected.passed_over).max().unwrap_or(0);
                assert!(longest <= 3 * 6 + 2, "passed over by {longest} takes");
                in_use.push(chunk);
            }
            Step::Recycle => {
                if let Some(chunk) = in_use.pop() {
                    queue.recycle(chunk);
                }
            }
        }
        let (mut records, mut bytes) = (0, 0);
        for (_, _, length) in log.values().flat_map(|expected| &expected.records) {
            records += 1;
            bytes += length + 1;
        }
        assert_eq!(queue.records(), records);
        assert_eq!(queue.is_full(), records >= 2 * LIMITS.records || bytes >= 2 * LIMITS.bytes);
        assert!(spare(&queue) <= 2);
    }
    assert!(log.values().all(|expected| !expected.waits()), "{log:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn any_interleaving_keeps_the_order_of_each_partition_and_loses_nothing(
        steps in proptest::collection::vec(step(), 0..400)
    ) {
        check(steps);
    }
}
