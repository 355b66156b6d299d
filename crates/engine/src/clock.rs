//! The one place where the engine reads the time.

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now, milliseconds since the Unix epoch.
    fn now_ms(&self) -> u64;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct WallClock;

impl Clock for WallClock {
    // The ban exists so that everything else takes its time from here.
    #[allow(clippy::disallowed_methods)]
    fn now_ms(&self) -> u64 {
        let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since_epoch.map_or(0, |since| since.as_millis() as u64)
    }
}

/// Measures how long something takes, whatever happens to the machine's clock meanwhile.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch(std::time::Instant);

impl Stopwatch {
    #[allow(clippy::disallowed_methods)]
    pub(crate) fn start() -> Stopwatch {
        Stopwatch(std::time::Instant::now())
    }

    /// How long it has been, in milliseconds.
    pub(crate) fn elapsed_ms(&self) -> u64 {
        self.0.elapsed().as_millis() as u64
    }
}
