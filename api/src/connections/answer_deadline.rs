//! A bound on the time that a client takes to read an answer.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// By then a client has to have taken all of an answer. One that reads a byte now and then would otherwise hold the answer
/// in memory for ever.
const LIMIT: Duration = Duration::from_secs(30);

/// When the answer that is being written has to be gone. Each connection has one.
#[derive(Clone)]
pub struct AnswerDeadline(Arc<Mutex<Instant>>);

impl AnswerDeadline {
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Instant::now() + LIMIT)))
    }

    /// An answer is there, and is written from now on.
    pub fn begin(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now() + LIMIT;
    }

    fn get(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream whose writes fail once the deadline has passed.
pub struct Bounded<S> {
    stream: S,
    deadline: AnswerDeadline,
    /// Made when a write has to wait.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl<S> Bounded<S> {
    pub fn new(stream: S, deadline: AnswerDeadline) -> Self {
        Self { stream, deadline, sleep: None }
    }

    /// A write that waits is woken at the deadline, and then fails.
    fn check<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            return written;
        }
        let deadline = self.deadline.get();
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if sleep.deadline() != deadline {
            sleep.as_mut().reset(deadline);
        }
        match sleep.as_mut().poll(context) {
            Poll::Ready(()) => {
                let message = "the client did not take the answer in time";
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, message)))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.check(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.check(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.check(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(context);
        self.check(context, shut)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_too_slowly_is_given_up() {
        let (ours, mut theirs) = tokio::io::duplex(16);
        let deadline = AnswerDeadline::new();
        let mut stream = Bounded::new(ours, deadline.clone());
        let reading = tokio::spawn(async move {
            let mut read = 0;
            while theirs.read_u8().await.is_ok() {
                read += 1;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            read
        });
        tokio::time::sleep(LIMIT * 2).await;
        stream.write_all(&[0; 16]).await.expect("a write that does not wait is not refused");
        deadline.begin();
        let begun = Instant::now();
        let error = stream.write_all(&[0; 100]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(begun.elapsed(), LIMIT);
        drop(stream);
        assert!(reading.await.unwrap() > 30);
    }
}
