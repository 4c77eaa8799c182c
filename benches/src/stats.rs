//! Medians, percentiles, and the clocks that they are made from.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// Median, smallest and largest of several repeats.
#[must_use]
pub fn spread(values: &[f64]) -> [f64; 3] {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.first(), sorted.last()) {
        (Some(min), Some(max)) => [percentile(&sorted, 50.0), *min, *max],
        _ => [f64::NAN; 3],
    }
}

/// The median.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    spread(values)[0]
}

/// By nearest rank, of sorted values.
#[must_use]
pub fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1).min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

/// What many single times come to, in microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Half are quicker.
    pub p50: f64,
    /// One in a hundred is slower.
    pub p99: f64,
    /// The slowest.
    pub max: f64,
}

/// Sorts out many single times.
#[must_use]
pub fn times(durations: &[Duration]) -> Times {
    let mut sorted: Vec<f64> = durations.iter().map(|took| took.as_secs_f64() * 1e6).collect();
    sorted.sort_by(f64::total_cmp);
    Times { p50: percentile(&sorted, 50.0), p99: percentile(&sorted, 99.0), max: percentile(&sorted, 100.0) }
}

/// Wall and CPU time of something.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// By the clock on the wall.
    pub wall: Duration,
    /// What all threads of this process used.
    pub cpu: Duration,
}

impl Cost {
    /// CPU time for each of `count`, in nanoseconds.
    #[must_use]
    pub fn cpu_ns_each(&self, count: u64) -> f64 {
        self.cpu.as_secs_f64() * 1e9 / count as f64
    }

    /// How many of `count` in a second of wall time.
    #[must_use]
    pub fn per_second(&self, count: u64) -> f64 {
        count as f64 / self.wall.as_secs_f64()
    }

    /// Wall time for each of `count`, in microseconds.
    #[must_use]
    pub fn wall_us_each(&self, count: u64) -> f64 {
        self.wall.as_secs_f64() * 1e6 / count as f64
    }
}

/// Takes time from here on.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    begun: Instant,
    cpu: Duration,
}

impl Watch {
    /// Starts it.
    #[must_use]
    pub fn start() -> Self {
        Self { cpu: process_cpu(), begun: Instant::now() }
    }

    /// Stops it.
    #[must_use]
    pub fn stop(self) -> Cost {
        let wall = self.begun.elapsed();
        Cost { wall, cpu: process_cpu().saturating_sub(self.cpu) }
    }
}

/// CPU time of all threads.
#[must_use]
pub fn process_cpu() -> Duration {
    cpu(ClockId::ProcessCPUTime)
}

/// CPU time of this thread.
#[must_use]
pub fn thread_cpu() -> Duration {
    cpu(ClockId::ThreadCPUTime)
}

fn cpu(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let sorted: Vec<f64> = (1..=200).map(f64::from).collect();
        assert_eq!(percentile(&sorted, 50.0), 100.0);
        assert_eq!(percentile(&sorted, 99.0), 198.0);
        assert_eq!(percentile(&sorted, 100.0), 200.0);
        assert_eq!(spread(&[3.0, 1.0, 2.0]), [2.0, 1.0, 3.0]);
    }
}
