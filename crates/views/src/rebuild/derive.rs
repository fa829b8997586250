//! From a loaded history to a build that can serve: its indexes, and its orders.

use std::pin::Pin;

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::SinkExt;
use tokio_postgres::{Client, CopyInSink, Transaction};

use super::row::{Runner, State, advance};
use crate::apply::copy::put_header;
use crate::apply::{ORDER_COLUMNS, OrderPiece};
use crate::builds;
use crate::error::{Error, Result};
use crate::sql::for_build;

/// Makes the history's indexes, unless an earlier run has made them.
pub async fn index_history(client: &mut Client, build: i64) -> Result<()> {
    let during = Error::during("making the indexes of a build's history");
    let tx = client.transaction().await.map_err(&during)?;
    let there: bool = tx
        .query_one(
            &for_build(
                "/* views::rebuild::index_history */ SELECT to_regclass('{build}.order_history_pkey') IS NOT NULL",
                build,
            ),
            &[],
        )
        .await
        .map_err(&during)?
        .get(0);
    if !there {
        builds::add_history_indexes(&tx, build).await?;
    }
    tx.batch_execute(&for_build("/* views::rebuild::index_history */ ANALYZE {build}.order_history", build))
        .await
        .map_err(&during)?;
    tx.commit().await.map_err(&during)
}

/// Writes a build's orders anew, whole or not at all.
pub struct OrdersCopy<'a> {
    tx: Transaction<'a>,
    sink: Pin<Box<CopyInSink<Bytes>>>,
    build: i64,
    rows: usize,
}

impl<'a> OrdersCopy<'a> {
    pub async fn begin(client: &'a mut Client, build: i64) -> Result<Self> {
        let during = Error::during("beginning to write the orders");
        let tx = client.transaction().await.map_err(&during)?;
        tx.batch_execute(&for_build(
            "/* views::rebuild::orders_copy */ TRUNCATE {build}.orders;
             ALTER TABLE {build}.orders DROP CONSTRAINT IF EXISTS orders_pkey",
            build,
        ))
        .await
        .map_err(&during)?;
        // FREEZE: nobody else sees these rows before the commit, and no VACUUM has to visit them again.
        let copy = for_build(
            &format!("COPY {{build}}.orders ({ORDER_COLUMNS}) FROM STDIN (FORMAT binary, FREEZE true)"),
            build,
        );
        let mut sink = Box::pin(tx.copy_in(&copy).await.map_err(&during)?);
        let mut header = BytesMut::new();
        put_header(&mut header);
        sink.send(header.freeze()).await.map_err(&during)?;
        Ok(Self { tx, sink, build, rows: 0 })
    }

    /// Takes what [`crate::apply::OrderRows::take`] returns.
    pub async fn write(&mut self, (bytes, rows): OrderPiece) -> Result<()> {
        self.rows += rows;
        self.sink.send(bytes).await.map_err(Error::during("writing the orders"))
    }

    /// Makes the index, moves the rebuild on and commits; returns the number of orders.
    pub async fn finish(mut self, runner: &Runner) -> Result<usize> {
        let during = Error::during("finishing the orders");
        let mut end = BytesMut::new();
        end.put_i16(-1);
        self.sink.send(end.freeze()).await.map_err(&during)?;
        let copied = self.sink.as_mut().finish().await.map_err(&during)?;
        if copied as usize != self.rows {
            return Err(Error::Unusable(format!("{copied} of {} orders were taken", self.rows)));
        }
        builds::add_orders_indexes(&self.tx, self.build).await?;
        self.tx
            .batch_execute(&for_build("/* views::rebuild::orders_copy */ ANALYZE {build}.orders", self.build))
            .await
            .map_err(&during)?;
        advance(&self.tx, runner, State::Deriving, State::CatchingUp).await?;
        self.tx.commit().await.map_err(&during)?;
        Ok(self.rows)
    }
}
