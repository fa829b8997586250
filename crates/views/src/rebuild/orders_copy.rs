//! The orders of a build, written in bulk, part by part.

use std::pin::Pin;

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::SinkExt;
use scoped_futures::ScopedFutureExt;
use tokio_postgres::CopyInSink;

use super::row_owner::RowOwner;
use super::state::State;
use crate::apply::OrderPiece;
use crate::apply::copy::put_header;
use crate::error::{Error, Result};
use crate::session::Session;
use crate::totals::{self, Totals};
use crate::tx::Tx;
use crate::{Build, Part, builds, order_columns};

/// Writes all orders of a part of a build, in one transaction.
pub struct OrdersCopy<'a> {
    tx: Tx<'a>,
    sink: Pin<Box<CopyInSink<Bytes>>>,
    build: Build,
    part: Part,
    orders: Totals,
}

impl<'a> OrdersCopy<'a> {
    pub async fn begin(session: &'a mut Session, build: Build, part: Part) -> Result<Self> {
        let during = Error::during("beginning to write the orders");
        let tx = session.begin("writing the orders of a build").await?;
        tx.batch_execute(&part.statement(
            "/* views::rebuild::orders_copy::begin */ TRUNCATE {build}.orders{part};
             ALTER TABLE {build}.orders{part} DROP CONSTRAINT IF EXISTS orders{part}_pkey",
            build,
        ))
        .await
        .map_err(&during)?;
        // FREEZE: no other transaction sees these rows before the commit, and no VACUUM has to visit them.
        let columns = order_columns::ALL.as_str();
        let copy = part.statement(
            &format!(
                "/* views::rebuild::orders_copy::begin */ COPY {{build}}.orders{{part}} ({columns}) FROM STDIN (FORMAT binary, FREEZE true)"
            ),
            build,
        );
        let mut sink = Box::pin(tx.copy_in(&copy).await.map_err(&during)?);
        let mut header = BytesMut::new();
        put_header(&mut header);
        sink.send(header.freeze()).await.map_err(&during)?;
        Ok(Self { tx, sink, build, part, orders: Totals::default() })
    }

    /// Writes what [`crate::apply::OrderRows::take`] returns.
    pub async fn write(&mut self, OrderPiece { bytes, orders }: OrderPiece) -> Result<()> {
        self.orders += orders;
        self.sink.send(bytes).await.map_err(Error::during("writing the orders"))
    }

    /// Builds the index and commits; [`Build::finish_orders`] moves the rebuild on. Refused once another process drives the
    /// rebuild. Returns how many orders there are.
    pub async fn finish(mut self, owner: &RowOwner) -> Result<Totals> {
        let during = Error::during("finishing the orders");
        let mut end = BytesMut::new();
        end.put_i16(-1);
        self.sink.send(end.freeze()).await.map_err(&during)?;
        let copied = self.sink.as_mut().finish().await.map_err(&during)?;
        let orders = self.orders.orders() as usize;
        if copied as usize != orders {
            let attempt = "writing the orders of a build";
            return Err(Error::RowCount { attempt, expected: orders, found: copied });
        }
        builds::add_orders_indexes(&self.tx, self.build, self.part).await?;
        self.tx
            .batch_execute(&self.part.statement(
                "/* views::rebuild::orders_copy::finish */ ANALYZE {build}.orders{part}",
                self.build,
            ))
            .await
            .map_err(&during)?;
        owner.lock_in(self.tx.client(), State::Deriving).await?;
        self.tx.commit().await?;
        Ok(self.orders)
    }
}

impl Build {
    /// Completes the tables after all their parts: counts these orders, and moves the rebuild on.
    pub async fn finish_orders(self, session: &mut Session, owner: &RowOwner, orders: &Totals) -> Result<()> {
        let parts = self.parts(session).await?;
        session
            .run_once("finishing the orders", |tx| {
                async move {
                    // First, as in a decision: the row of the rebuild is locked before the tables.
                    owner.advance_in(tx.client(), State::Deriving, State::CatchingUp).await?;
                    builds::complete_indexes(tx, self, parts).await?;
                    // Until here, no order was counted: only the history was written.
                    totals::add(tx.client(), self, orders).await
                }
                .scope_boxed()
            })
            .await
    }
}
