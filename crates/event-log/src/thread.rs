//! Threads on which librdkafka is polled: its calls block.

use std::thread::{Builder, JoinHandle};

use crate::error::{Error, Result};

pub(crate) fn spawn(name: &'static str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    Builder::new().name(name.into()).spawn(work).map_err(|cause| Error::Thread { name, cause })
}
