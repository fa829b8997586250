//! The state machine, one case at a time.

use super::*;

const LANES: usize = 2;
const FIRST: AssignmentId = AssignmentId(1);

fn assigned(partitions: &[i32]) -> Event {
    Event::Assigned { assignment: FIRST, partitions: ids(partitions) }
}

fn ids(partitions: &[i32]) -> Vec<Partition> {
    partitions.iter().copied().map(Partition).collect()
}

fn at(partition: i32, generation: u32, position: i64) -> LanePosition {
    let (partition, generation) = (Partition(partition), Generation(generation));
    LanePosition { partition, generation, position: Position(position) }
}

fn read_from(assignment: AssignmentId, from: &[LanePosition]) -> Command {
    let from = from.iter().map(|one| ReadFrom {
        partition: one.partition,
        position: one.position,
        assignment,
        generation: one.generation,
    });
    Command::ReadFrom(from.collect())
}

fn claim(partition: i32, generation: u32) -> Command {
    let lane = lane_of(Partition(partition), LANES);
    Command::Claim { lane, partitions: vec![(Partition(partition), Generation(generation))] }
}

fn release(partition: i32) -> Command {
    Command::Release { lane: lane_of(Partition(partition), LANES), partitions: ids(&[partition]) }
}

/// Partition 0 is read from offset 5 under generation 1.
fn reading() -> Assignment {
    let mut assignment = Assignment::new(LANES);
    assert_eq!(assignment.handle(assigned(&[0])), [claim(0, 1)]);
    let commands = assignment.handle(Event::Claimed(vec![at(0, 1, 5)]));
    assert_eq!(commands, [read_from(FIRST, &[at(0, 1, 5)])]);
    assignment
}

#[test]
fn an_assignment_is_answered_once_all_of_it_is_claimed() {
    let mut assignment = Assignment::new(LANES);
    assert_eq!(assignment.handle(assigned(&[0, 1])), [claim(0, 1), claim(1, 2)]);
    assert_eq!(assignment.handle(Event::Claimed(vec![at(1, 2, 7)])), []);
    assert_eq!(assignment.positions(), Positions::new());
    let commands = assignment.handle(Event::Claimed(vec![at(0, 1, 5)]));
    assert_eq!(commands, [read_from(FIRST, &[at(0, 1, 5), at(1, 2, 7)])]);
    assert_eq!(assignment.positions().to_string(), "0=5,1=7");
}

#[test]
fn a_revocation_answers_what_is_left_of_the_assignment() {
    let mut assignment = Assignment::new(LANES);
    let _ = assignment.handle(assigned(&[0, 1]));
    assert_eq!(assignment.handle(Event::Claimed(vec![at(1, 2, 7)])), []);
    let commands = assignment.handle(Event::Revoked { partitions: ids(&[0]) });
    assert_eq!(commands, [release(0), read_from(FIRST, &[at(1, 2, 7)])]);
}

/// Finding B10: the partition stayed among those being read, and its offsets were committed for ever.
#[test]
fn a_claim_that_is_revoked_before_its_answer_is_not_read() {
    let mut assignment = Assignment::new(LANES);
    let _ = assignment.handle(assigned(&[0]));
    assert_eq!(assignment.handle(Event::Revoked { partitions: ids(&[0]) }), [release(0)]);
    assert_eq!(assignment.handle(Event::Claimed(vec![at(0, 1, 5)])), []);
    assert_eq!(assignment.positions(), Positions::new());
}

/// Finding B10: the late answer replaced the newer generation, whose records were then dropped.
#[test]
fn a_late_claim_does_not_replace_a_newer_one() {
    let mut assignment = reading();
    let _ = assignment.handle(Event::Revoked { partitions: ids(&[0]) });
    let second = AssignmentId(2);
    let again = Event::Assigned { assignment: second, partitions: ids(&[0]) };
    assert_eq!(assignment.handle(again), [claim(0, 2)]);
    assert_eq!(assignment.handle(Event::Claimed(vec![at(0, 1, 5)])), []);
    assert_eq!(assignment.positions(), Positions::new());
    let commands = assignment.handle(Event::Claimed(vec![at(0, 2, 9)]));
    assert_eq!(commands, [read_from(second, &[at(0, 2, 9)])]);
}

#[test]
fn a_commit_of_an_earlier_generation_moves_nothing() {
    let mut assignment = reading();
    let _ = assignment.handle(Event::Committed(vec![at(0, 1, 8)]));
    assert_eq!(assignment.positions().to_string(), "0=8");
    assert_eq!(assignment.handle(Event::Switched(vec![(Partition(0), Generation(1))])), [claim(0, 2)]);
    let _ = assignment.handle(Event::Committed(vec![at(0, 1, 20)]));
    assert_eq!(assignment.positions(), Positions::new(), "nothing is committed while it is claimed again");
    let commands = assignment.handle(Event::Claimed(vec![at(0, 2, 3)]));
    assert_eq!(commands, [read_from(FIRST, &[at(0, 2, 3)])], "the new build stands further back");
}

#[test]
fn after_a_fence_everything_is_given_up_and_the_group_joined_again_once() {
    let mut assignment = Assignment::new(LANES);
    let _ = assignment.handle(assigned(&[0, 1]));
    let _ = assignment.handle(Event::Claimed(vec![at(0, 1, 5)]));
    let fenced = |partition, generation| Event::Fenced(vec![(Partition(partition), Generation(generation))]);
    assert_eq!(assignment.handle(fenced(0, 1)), [release(0), release(1), Command::Rejoin]);
    assert_eq!(assignment.handle(fenced(1, 2)), []);
    assert_eq!(assignment.handle(Event::Claimed(vec![at(1, 2, 7)])), [], "a claim that was in flight");
    assert_eq!(assignment.positions(), Positions::new());
    let again = Event::Assigned { assignment: AssignmentId(2), partitions: ids(&[0]) };
    assert_eq!(assignment.handle(again), [release(0), claim(0, 3)]);
}

#[test]
fn a_fence_of_what_is_no_longer_assigned_disturbs_nothing() {
    let mut assignment = reading();
    assert_eq!(assignment.handle(Event::Fenced(vec![(Partition(1), Generation(9))])), []);
    assert_eq!(assignment.positions().to_string(), "0=5");
}
