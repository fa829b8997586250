//! The orders of a build, written in bulk.

use std::pin::Pin;

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::SinkExt;
use tokio_postgres::CopyInSink;

use super::row::State;
use super::row_owner::RowOwner;
use crate::apply::copy::put_header;
use crate::apply::{ORDER_COLUMNS, OrderPiece};
use crate::error::{Error, Result};
use crate::session::Session;
use crate::sql::for_build;
use crate::tx::Tx;
use crate::{Build, builds};

/// Writes a build's orders anew, whole or not at all.
pub struct OrdersCopy<'a> {
    tx: Tx<'a>,
    sink: Pin<Box<CopyInSink<Bytes>>>,
    build: Build,
    rows: usize,
}

impl<'a> OrdersCopy<'a> {
    pub async fn begin(session: &'a mut Session, build: Build) -> Result<Self> {
        let during = Error::during("beginning to write the orders");
        let tx = session.begin("writing the orders of a build").await?;
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
    pub async fn finish(mut self, owner: &RowOwner) -> Result<usize> {
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
        owner.advance_in(self.tx.client(), State::Deriving, State::CatchingUp).await?;
        self.tx.commit().await?;
        Ok(self.rows)
    }
}
