//! The methods that the servers have in common.

/// Defines them on a type with a field `server`. A macro, because a trait would have to be imported wherever
/// a server is used.
macro_rules! delegate_to_server {
    () => {
        /// The process id; `None` after the server was stopped.
        pub fn pid(&self) -> Option<u32> {
            self.server.pid()
        }

        /// The server's log file.
        pub fn log(&self) -> &std::path::Path {
            self.server.log()
        }

        /// Why the server ended by itself; `None` while it runs or after it was stopped.
        pub fn failure(&mut self) -> Option<crate::Error> {
            self.server.failure()
        }

        /// Stops the server cleanly, and kills it after 30 seconds.
        pub fn stop(&mut self) -> crate::Result<()> {
            self.server.stop(std::time::Duration::from_secs(30))
        }

        /// Ends the server without a shutdown, so that the next start has to recover.
        pub fn stop_immediate(&mut self) -> crate::Result<()> {
            self.server.stop_immediate()
        }

        /// Sends SIGKILL to the server and all its processes, as a power cut would.
        pub fn kill(&mut self) -> crate::Result<()> {
            self.server.kill()
        }

        /// Freezes the server with all its processes (SIGSTOP): connections stay open, and nothing answers.
        pub fn pause(&self) {
            self.server.pause();
        }

        /// Lets a frozen server continue (SIGCONT).
        pub fn resume(&self) {
            self.server.resume();
        }

        /// Stops the server if it runs, and starts it on the same port with the same data. It also starts one
        /// that `stop` or `kill` has ended.
        pub fn restart(&mut self) -> crate::Result<()> {
            self.server.restart()
        }
    };
}
pub(crate) use delegate_to_server;
