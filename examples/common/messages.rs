//! The crate's debug messages on standard error.

use std::time::Instant;

/// Writes the crate's debug messages to standard error, with the seconds since it was made.
struct Log(Instant);

impl log::Log for Log {
    fn enabled(&self, metadata: &log::Metadata) -> bool {
        metadata.target().starts_with("scalar_dynamics")
    }
    fn log(&self, record: &log::Record) {
        if self.enabled(record.metadata()) {
            eprintln!("{:8.2} {}", self.0.elapsed().as_secs_f64(), record.args());
        }
    }
    fn flush(&self) {}
}

/// Begins to write them.
pub fn tell() {
    // Fails only where there is a logger already.
    let _ = log::set_boxed_logger(Box::new(Log(Instant::now())));
    log::set_max_level(log::LevelFilter::Debug);
}
