//! What all steps use.

use std::path::PathBuf;

use event_log::KafkaSettings;
use service::Failure;

use crate::args::Options;

/// Prints a line of progress to standard error.
macro_rules! say {
    ($($text:tt)*) => { output::note!($($text)*) };
}
pub(crate) use say;

pub struct Context<'a> {
    pub options: &'a Options,
    pub kafka: KafkaSettings,
    programs: PathBuf,
}

impl<'a> Context<'a> {
    pub fn new(options: &'a Options) -> Result<Self, Failure> {
        let programs = match &options.programs {
            Some(folder) => folder.clone(),
            None => std::env::current_exe()?.parent().map(PathBuf::from).unwrap_or_default(),
        };
        let topic = format!("food-orders-bench-{}", std::process::id());
        Ok(Self { kafka: KafkaSettings::new(&options.kafka_bootstrap_servers, &topic), options, programs })
    }

    /// The path of one of our programs.
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }
}
