//! A lane: one database session, the partitions that it holds, and their positions.

mod connection;
mod options;
mod parts;
mod refused;

use std::collections::BTreeMap;

use orders::{Partition, Position, Positions, Record};

use crate::Build;
use crate::apply::{Batch, Breaker, Codec, Decoder, Writer};
use crate::decisions::{self, Decisions};
use crate::error::{Error, Recovery, Result};
use crate::ownership::{self, Held};
use crate::session::Session;
pub use options::LaneOptions;

#[derive(Debug)]
pub struct Lane {
    options: LaneOptions,
    /// That of the options, with the size limit of the build.
    codec: Codec,
    target: Target,
    /// `None`: the next use opens a session. The writer is taken out while it is in use, so that dropping
    /// a future in the middle of a transaction ends the session, and with it the transaction.
    writer: Option<Writer>,
    /// The build of the last claim, to which `held` refers.
    build: Option<Build>,
    held: BTreeMap<Partition, Held>,
    breaker: Option<Breaker>,
    /// The last known position of every partition that was held in this build.
    noted: Positions,
    /// The decisions about records that lie ahead. For the active build there are usually none, since
    /// operators decide about its dead letters, which lie behind its positions.
    decisions: Decisions,
}

/// Which build a lane writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    /// The one that is active when the lane opens its session.
    Active,
    /// One that is being made; while its history is loaded, no orders are written.
    Building { build: Build, history_only: bool },
}

/// How many records were applied, and how.
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
            codec: options.codec.clone(),
            options,
            target: Target::Active,
            writer: None,
            build: None,
            held: BTreeMap::new(),
            breaker,
            noted: Positions::new(),
            decisions: Decisions::default(),
        }
    }

    /// A lane that writes to a build that is not active yet. With `history_only` it writes no orders,
    /// because they are derived from the history later.
    #[must_use]
    pub fn on_build(options: LaneOptions, build: Build, history_only: bool) -> Self {
        Self { target: Target::Building { build, history_only }, ..Self::new(options) }
    }

    /// Takes partitions over in the active build, or in the one that is being made.
    pub async fn claim(&mut self, partitions: &[Partition]) -> Result<BTreeMap<Partition, Held>> {
        let mut writer = self.take_writer().await?;
        let build = writer.build();
        let claimed = match self.claim_on(&mut writer, partitions).await {
            Err(error) => return Err(self.explain(error, build).await),
            Ok(claimed) => claimed,
        };
        if self.build != Some(build) {
            // The positions of another build say nothing about these.
            self.noted = Positions::new();
        }
        self.build = Some(build);
        for (partition, held) in &claimed {
            self.note(*partition, held.position);
        }
        self.held.extend(claimed.iter().map(|(partition, held)| (*partition, *held)));
        // They are read after the claim, because a switch may bring in a build whose positions lie further
        // back, and a switch and a decision wait for each other.
        self.decisions = self.decisions_ahead(writer.session()).await?;
        self.writer = Some(writer);
        Ok(claimed)
    }

    /// After an error the caller must drop the writer, since the next attempt needs a new session: another
    /// build may be active now, or the server of this session may be a standby, which refuses writes.
    async fn claim_on(
        &self,
        writer: &mut Writer,
        partitions: &[Partition],
    ) -> Result<BTreeMap<Partition, Held>> {
        let LaneOptions { database, group, owner, .. } = &self.options;
        let build = writer.build();
        match self.target {
            Target::Active => {
                ownership::claim(database, writer.session(), build, group.as_deref(), owner, partitions).await
            }
            Target::Building { .. } => {
                ownership::claim_building(database, writer.session(), build, owner, partitions).await
            }
        }
    }

    /// The decisions about records from the held positions on.
    async fn decisions_ahead(&self, session: &Session) -> Result<Decisions> {
        decisions::ahead(session, &self.positions(), &self.codec.schemas).await
    }

    async fn read_decisions(&mut self) -> Result<()> {
        let mut writer = self.take_writer().await?;
        self.decisions = self.decisions_ahead(writer.session()).await?;
        self.writer = Some(writer);
        Ok(())
    }

    /// Gives up partitions and returns their positions.
    pub fn release(&mut self, partitions: &[Partition]) -> Positions {
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
    pub fn positions(&self) -> Positions {
        self.held.iter().map(|(partition, held)| (*partition, held.position)).collect()
    }

    /// Applies records, then moves the positions on to `ends`. After an error some of the records may have
    /// been applied; repeating the call leaves those out, since they lie below the positions. After
    /// [`Error::MissingSchemas`] the caller has to ask for them, and repeat the call.
    pub async fn apply(&mut self, records: &[Record<'_>], ends: &[(Partition, Position)]) -> Result<Applied> {
        let mut applied = Applied::default();
        // A stack of what is left, with the first part on top.
        let mut parts = parts::parts(records);
        while let Some(part) = parts.pop() {
            let is_last = parts.is_empty();
            // This comes first, because a new session reads the positions again, where the batch begins.
            self.connect().await?;
            let decoder = self.codec.decoder();
            let mut batch = match self.encode(&decoder, part) {
                Err(Error::TooLargeTogether) => {
                    parts.extend(halves(part));
                    continue;
                }
                encoded => encoded?,
            };
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
                    let ends = if is_last { ends } else { &[] };
                    self.write_refused(*record, &error, ends).await?;
                    applied.dead_letters += 1;
                    applied.transactions += 1;
                }
                (Err(error), part) if error.recovery() == Recovery::Record && part.len() > 1 => {
                    parts.extend(halves(part));
                }
                (Err(error), _) => return Err(error),
            }
        }
        Ok(applied)
    }

    /// Notes a position, and reports one that went back.
    fn note(&mut self, partition: Partition, position: Position) {
        if let Some(before) = self.noted.insert(partition, position)
            && position < before
        {
            tracing::error!(
                %partition, was = %before, is = %position,
                "position went back: the database is older than it was; reading goes on from its position"
            );
            metrics::counter!("food_orders_positions_went_back_total").increment(1);
        }
    }

    fn encode<'a>(&self, decoder: &'a Decoder, records: &[Record<'a>]) -> Result<Batch<'a>> {
        let encode = match self.target {
            Target::Building { history_only: true, .. } => Batch::encode_history,
            _ => Batch::encode,
        };
        encode(decoder, &self.positions(), &self.decisions, records)
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
        let mut writer = self.take_writer().await?;
        let behind = match self.target {
            Target::Active => None,
            Target::Building { .. } => Some(&self.decisions),
        };
        let result = writer.write(batch, &self.held, behind).await;
        if result.is_ok() {
            self.breaker = breaker;
            for (partition, advance) in batch.advances() {
                if let Some(held) = self.held.get_mut(&partition) {
                    held.position = advance.to;
                    held.digest += advance.digest;
                }
                self.noted.insert(partition, advance.to);
            }
        }
        match &result {
            // It is unknown whether the batch was committed, so a new session has to read the positions.
            Err(error) if error.recovery() == Recovery::Retry && !matches!(error, Error::Decided) => {}
            _ => self.writer = Some(writer),
        }
        result
    }
}

/// The halves of a part, to be put on the stack: the second one first.
fn halves<'r, 'a>(part: &'r [Record<'a>]) -> [&'r [Record<'a>]; 2] {
    let (first, second) = part.split_at(part.len() / 2);
    [second, first]
}
