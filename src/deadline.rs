//! When to come to an end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// When a computation comes to its end with what it has: at a moment, or once another thread or a
/// signal sets a flag. Afterwards nothing is begun that can be left out. By default there is no
/// end.
#[derive(Clone, Debug, Default)]
pub struct Deadline {
    earliest: Option<Instant>,
    moment: Option<Instant>,
    stop: Option<Arc<AtomicBool>>,
}

impl Deadline {
    /// The end is at this moment.
    pub fn at(moment: Instant) -> Self {
        Self { moment: Some(moment), ..Self::default() }
    }

    /// The end is also there once `stop` is true, if that is earlier.
    pub fn or_when(self, stop: Arc<AtomicBool>) -> Self {
        Self { stop: Some(stop), ..self }
    }

    /// Whether the end is there.
    pub fn is_over(&self) -> bool {
        let now = Instant::now();
        let stopped = || self.stop.as_ref().is_some_and(|stop| stop.load(Ordering::Relaxed));
        self.earliest.is_none_or(|earliest| now >= earliest)
            && (self.moment.is_some_and(|moment| now > moment) || stopped())
    }

    /// The end of a piece of work that begins now: that of the whole, but not before `least` has
    /// passed and not after `most`.
    pub(crate) fn within(&self, least: Duration, most: Duration) -> Self {
        let now = Instant::now();
        let earliest = self.earliest.max(now.checked_add(least));
        // A time beyond what the clock can tell is none.
        let moment = [self.moment, now.checked_add(most)].into_iter().flatten().min();
        let moment = moment.map(|moment| earliest.map_or(moment, |earliest| moment.max(earliest)));
        Self { earliest, moment, stop: self.stop.clone() }
    }

    /// Time until the moment of the end; the longest there is without one.
    pub(crate) fn left(&self) -> Duration {
        self.moment.map_or(Duration::MAX, |moment| moment.saturating_duration_since(Instant::now()))
    }
}

/// Equal when they have the same moment and the same flag.
impl PartialEq for Deadline {
    fn eq(&self, other: &Self) -> bool {
        let same_flag = match (&self.stop, &other.stop) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (None, None) => true,
            _ => false,
        };
        same_flag && (self.earliest, self.moment) == (other.earliest, other.moment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_come_by_the_clock_or_by_a_flag() {
        let (second, hour) = (Duration::from_secs(1), Duration::from_secs(3600));
        assert!(!Deadline::default().is_over() && Deadline::at(Instant::now() - second).is_over());
        let stop = Arc::new(AtomicBool::new(false));
        let deadline = Deadline::at(Instant::now() + hour).or_when(stop.clone());
        assert!(!deadline.is_over());
        stop.store(true, Ordering::Relaxed);
        assert!(deadline.is_over() && deadline.within(Duration::ZERO, hour).is_over());
        // What begins after the end gets its least time, and what it begins in turn too.
        let begun = deadline.within(second, hour);
        assert!(!begun.is_over() && !begun.within(Duration::ZERO, hour).is_over());
        assert!(
            begun.left() > second && Deadline::default().within(second, second).left() <= second
        );
        assert!(!Deadline::default().within(Duration::ZERO, Duration::MAX).is_over());
    }
}
