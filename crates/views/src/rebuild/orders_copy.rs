//! The orders of a build, written in bulk.

use std::pin::Pin;

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::SinkExt;
use tokio_postgres::CopyInSink;

use super::row_owner::RowOwner;
use super::state::State;
use crate::apply::OrderPiece;
use crate::apply::copy::put_header;
use crate::error::{Error, Result};
use crate::session::Session;
use crate::sql::for_build;
use crate::totals::{self, Totals};
use crate::tx::Tx;
use crate::{Build, builds, order_columns};

/// Writes all orders of a build, in one transaction.
pub struct OrdersCopy<'a> {
    tx: Tx<'a>,
    sink: Pin<Box<CopyInSink<Bytes>>>,
    build: Build,
    orders: Totals,
}

impl<'a> OrdersCopy<'a> {
    pub async fn begin(session: &'a mut Session, build: Build) -> Result<Self> {
        let during = Error::during("beginning to write the orders");
        let tx = session.begin("writing the orders of a build").await?;
        tx.batch_execute(&for_build(
            "/* views::rebuild::orders_copy::begin */ TRUNCATE {build}.orders;
             ALTER TABLE {build}.orders DROP CONSTRAINT IF EXISTS orders_pkey",
            build,
        ))
        .await
        .map_err(&during)?;
        // FREEZE: no other transaction sees these rows before the commit, and no VACUUM has to visit them.
        let columns = order_columns::ALL.as_str();
        let copy = for_build(
            &format!(
                "/* views::rebuild::orders_copy::begin */ COPY {{build}}.orders ({columns}) FROM STDIN (FORMAT binary, FREEZE true)"
            ),
            build,
        );
        let mut sink = Box::pin(tx.copy_in(&copy).await.map_err(&during)?);
        let mut header = BytesMut::new();
        put_header(&mut header);
        sink.send(header.freeze()).await.map_err(&during)?;
        Ok(Self { tx, sink, build, orders: Totals::default() })
    }

    /// Writes what [`crate::apply::OrderRows::take`] returns.
    pub async fn write(&mut self, OrderPiece { bytes, orders }: OrderPiece) -> Result<()> {
        self.orders += orders;
        self.sink.send(bytes).await.map_err(Error::during("writing the orders"))
    }

    /// Builds the index, counts the orders, moves the rebuild on and commits. Returns the number of orders.
    pub async fn finish(mut self, owner: &RowOwner) -> Result<usize> {
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
        builds::add_orders_indexes(&self.tx, self.build).await?;
        self.tx
            .batch_execute(&for_build(
                "/* views::rebuild::orders_copy::finish */ ANALYZE {build}.orders",
                self.build,
            ))
            .await
            .map_err(&during)?;
        owner.advance_in(self.tx.client(), State::Deriving, State::CatchingUp).await?;
        // Until here, no order was counted: only the history was written.
        totals::add(self.tx.client(), self.build, &self.orders).await?;
        self.tx.commit().await?;
        Ok(orders)
    }
}
