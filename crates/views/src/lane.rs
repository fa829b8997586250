//! A lane: one database session, the partitions that it holds, and their positions.

use std::collections::BTreeMap;

use orders::{Partition, Position, Record};

use crate::apply::{Batch, Breaker, Codec, Writer};
use crate::connect::Database;
use crate::decisions::{self, Decisions};
use crate::error::{Error, Recovery, Result};
use crate::positions::{self, Held};
use crate::{PROJECTION_VERSION, builds};

/// Whether a commit waits for the disk. Off loses, at a crash of the database, the
/// last moments; they are read from the log again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SynchronousCommit {
    On,
    Off,
}

/// What a lane needs to open its session.
#[derive(Clone, Debug)]
pub struct LaneOptions {
    pub database: Database,
    pub codec: Codec,
    /// The deployment that this lane belongs to; `None`: of no group, as in a rebuild.
    pub group: Option<String>,
    /// Names the process in the position rows.
    pub owner: String,
    pub synchronous_commit: SynchronousCommit,
    /// Whether a flood of dead letters stops it.
    pub has_breaker: bool,
}

#[derive(Debug)]
pub struct Lane {
    options: LaneOptions,
    target: Target,
    writer: Option<Writer>,
    /// The build that was active at the last claim: `held` is about it.
    build: Option<i64>,
    held: BTreeMap<Partition, Held>,
    breaker: Option<Breaker>,
    /// The last known position of every partition that was held in this build.
    noted: BTreeMap<Partition, Position>,
    /// About records that are still to be met. In the active build there are none, as a rule: an
    /// operator decides about its dead letters, and these lie behind its positions.
    decisions: Decisions,
}

/// Which build a lane writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    /// Whichever is active when the lane opens its session.
    Active,
    /// One that is being made: without orders while its history is loaded.
    Building { build: i64, history_only: bool },
}

/// What became of some records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    pub records: usize,
    pub dead_letters: usize,
    pub transactions: usize,
}

impl Lane {
    #[must_use]
    pub fn new(options: LaneOptions) -> Self {
        let breaker = options.has_breaker.then(Breaker::default);
        Self {
            options,
            target: Target::Active,
            writer: None,
            build: None,
            held: BTreeMap::new(),
            breaker,
            noted: BTreeMap::new(),
            decisions: Decisions::default(),
        }
    }

    /// A lane that writes to a build that is not active yet. With `history_only` it leaves
    /// the orders to be derived later from the history.
    #[must_use]
    pub fn on_build(options: LaneOptions, build: i64, history_only: bool) -> Self {
        Self { target: Target::Building { build, history_only }, ..Self::new(options) }
    }

    /// Takes partitions over in the active build, or in the one that is being made.
    pub async fn claim(&mut self, partitions: &[Partition]) -> Result<BTreeMap<Partition, Held>> {
        let LaneOptions { group, owner, .. } = self.options.clone();
        let target = self.target;
        let writer = self.writer().await?;
        let build = writer.build();
        let claimed = match target {
            Target::Active => {
                positions::claim(&mut writer.client, build, group.as_deref(), &owner, partitions).await
            }
            Target::Building { .. } => {
                positions::claim_building(&mut writer.client, build, &owner, partitions).await
            }
        };
        if matches!(claimed, Err(Error::Refused { .. })) {
            // Another build is active now: the next writer opens on that one.
            self.writer = None;
        }
        if claimed.as_ref().is_err_and(|error| error.recovery() == Recovery::Retry) {
            // Not this session again: it may be one of a standby that takes no writes.
            self.writer = None;
        }
        let claimed = claimed?;
        if self.build != Some(build) {
            // Another build's positions have nothing to do with these.
            self.noted.clear();
        }
        self.build = Some(build);
        for (partition, held) in &claimed {
            self.note(*partition, held.position);
        }
        self.held.extend(claimed.iter().map(|(partition, held)| (*partition, *held)));
        self.read_decisions().await?;
        Ok(claimed)
    }

    /// After the claim: a switch, which may bring an active build whose positions lie further
    /// back, and a decision wait for each other.
    async fn read_decisions(&mut self) -> Result<()> {
        if let Some(writer) = &self.writer {
            self.decisions = decisions::ahead(&writer.client, &self.positions()).await?;
        }
        Ok(())
    }

    /// Whether another build than the one written to is active now. If so, the next
    /// claim is made there.
    pub async fn is_superseded(&mut self) -> Result<bool> {
        let session = self.options.database.session("food-orders lane", &[]).await?;
        let active = builds::active(&session.client).await?;
        let superseded = self.build != Some(active.build);
        if superseded {
            self.writer = None;
        }
        Ok(superseded)
    }

    /// Opens a new session where the last one was lost, and reads the held positions anew.
    pub async fn reconnect(&mut self) -> Result<()> {
        if self.held.is_empty() { Ok(()) } else { self.writer().await.map(drop) }
    }

    /// Gives partitions up; returns where they stand.
    pub fn release(&mut self, partitions: &[Partition]) -> BTreeMap<Partition, Position> {
        partitions
            .iter()
            .filter_map(|partition| Some((*partition, self.held.remove(partition)?.position)))
            .collect()
    }

    #[must_use]
    pub fn held(&self) -> Vec<Partition> {
        self.held.keys().copied().collect()
    }

    #[must_use]
    pub fn positions(&self) -> BTreeMap<Partition, Position> {
        self.held.iter().map(|(partition, held)| (*partition, held.position)).collect()
    }

    /// Applies records and moves on over `ends`. On an error some of them may be
    /// applied: the positions tell, and records below them are left out when the same
    /// call is made again.
    pub async fn apply(&mut self, records: &[Record<'_>], ends: &[(Partition, Position)]) -> Result<Applied> {
        let mut applied = Applied::default();
        // A stack of what is left, first part on top.
        let mut parts = vec![records];
        while let Some(part) = parts.pop() {
            let is_last = parts.is_empty();
            // A new session has read the positions anew: what is encoded is about those.
            self.writer().await?;
            let mut batch = self.encode(part);
            if is_last {
                self.move_over(&mut batch, ends);
            }
            match (self.write(&batch).await, part) {
                (Ok(()), _) => {
                    applied.records += batch.applied();
                    applied.dead_letters += batch.dead_lettered();
                    applied.transactions += usize::from(!batch.is_empty());
                }
                (Err(Error::Decided), _) => {
                    self.read_decisions().await?;
                    parts.push(part);
                }
                (Err(error), [record]) if error.recovery() == Recovery::Record => {
                    let mut batch = Batch::refused(&self.positions(), *record, error.to_string());
                    if is_last {
                        self.move_over(&mut batch, ends);
                    }
                    self.write(&batch).await?;
                    applied.dead_letters += 1;
                    applied.transactions += 1;
                }
                (Err(error), part) if error.recovery() == Recovery::Record && part.len() > 1 => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
                (Err(error), _) => return Err(error),
            }
        }
        Ok(applied)
    }

    /// Says so if the database is older than it was.
    fn note(&mut self, partition: Partition, position: Position) {
        if let Some(before) = self.noted.insert(partition, position)
            && position < before
        {
            tracing::error!(
                %partition, was = %before, is = %position,
                "position went back: the database is older than it was; reading again from where it stands"
            );
            metrics::counter!("food_orders_positions_went_back_total").increment(1);
        }
    }

    fn encode<'a>(&self, records: &[Record<'a>]) -> Batch<'a> {
        let encode = match self.target {
            Target::Building { history_only: true, .. } => Batch::encode_history,
            _ => Batch::encode,
        };
        encode(&self.options.codec, &self.positions(), &self.decisions, records)
    }

    fn move_over(&self, batch: &mut Batch<'_>, ends: &[(Partition, Position)]) {
        for (partition, end) in ends {
            if let Some(held) = self.held.get(partition)
                && held.position < *end
            {
                batch.move_to(*partition, held.position, *end);
            }
        }
    }

    async fn write(&mut self, batch: &Batch<'_>) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let breaker = self.breaker.as_ref().map(|breaker| breaker.after(batch)).transpose()?;
        self.writer().await?;
        let Some(writer) = &self.writer else { return Ok(()) };
        let behind = match self.target {
            Target::Active => None,
            Target::Building { .. } => Some(&self.decisions),
        };
        let result = writer.write(batch, &self.held, behind).await;
        match &result {
            Ok(()) => {
                self.breaker = breaker;
                for (partition, position) in batch.positions() {
                    if let Some(held) = self.held.get_mut(&partition) {
                        held.position = position;
                    }
                    self.noted.insert(partition, position);
                }
            }
            Err(Error::Decided) => {}
            // What was in flight is in the database, or it is not: a new session reads which.
            Err(error) if error.recovery() == Recovery::Retry => self.writer = None,
            Err(_) => {}
        }
        result
    }

    /// The writer; if there is none, a new session, with the held positions read anew.
    async fn writer(&mut self) -> Result<&mut Writer> {
        if self.writer.as_ref().is_none_or(|writer| writer.client.is_closed()) {
            self.writer = None;
            let mut writer = self.open().await?;
            if !self.held.is_empty() {
                let build = writer.build();
                if self.build != Some(build) {
                    return Err(Error::Refused {
                        attempt: "resuming partitions",
                        reason: format!("build {build} is the active one now"),
                    });
                }
                let resumed = positions::resume(&mut writer.client, build, &self.held).await?;
                for (partition, held) in &self.held {
                    // Reading is further than this. What lies between would be skipped.
                    if let Some(found) = resumed.get(partition).map(|found| found.position)
                        && found < held.position
                    {
                        return Err(Error::WentBack { partition: *partition, held: held.position, found });
                    }
                }
                self.held = resumed;
                self.decisions = decisions::ahead(&writer.client, &self.positions()).await?;
            }
            return Ok(self.writer.insert(writer));
        }
        self.writer.as_mut().ok_or_else(|| Error::Unusable("a lane lost its session".into()))
    }

    async fn open(&self) -> Result<Writer> {
        let synchronous_commit = match self.options.synchronous_commit {
            SynchronousCommit::On => "on",
            SynchronousCommit::Off => "off",
        };
        let settings =
            [("synchronous_commit", synchronous_commit), ("idle_in_transaction_session_timeout", "0")];
        let session = self.options.database.session("food-orders lane", &settings).await?;
        if let Target::Building { build, .. } = self.target {
            return Writer::open(session, build).await;
        }
        let active = builds::active(&session.client).await?;
        if active.projection_version != PROJECTION_VERSION {
            return Err(Error::ProjectionVersion { build: active.build, found: active.projection_version });
        }
        Writer::open(session, active.build).await
    }
}
