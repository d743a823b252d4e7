//! Statistics of tasks: classes of durations, and percentiles from them.

/// The upper bounds of the classes of durations, in seconds. The last class has no bound.
pub const DURATION_BOUNDS: [f64; 15] =
    [1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0, 900.0];

/// How many tasks took how long, by class.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Durations([u32; DURATION_BOUNDS.len() + 1]);

impl Durations {
    /// Adds tasks of a class; a class that does not exist counts as the last.
    pub fn add(&mut self, class: usize, tasks: u32) {
        let last = self.0.len() - 1;
        let class = &mut self.0[class.min(last)];
        *class = class.saturating_add(tasks);
    }

    /// The number of tasks.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.0.iter().fold(0, |sum, tasks| sum.saturating_add(*tasks))
    }

    /// The duration in seconds that this share of the tasks (0 to 1) does not exceed, interpolated within its class;
    /// `None` without tasks.
    #[must_use]
    pub fn percentile(&self, share: f64) -> Option<f64> {
        let wanted = share * f64::from(self.count());
        let mut below = 0.0;
        for (class, tasks) in self.0.iter().enumerate() {
            let tasks = f64::from(*tasks);
            if tasks > 0.0 && below + tasks >= wanted {
                let lower = class.checked_sub(1).map_or(0.0, |index| DURATION_BOUNDS[index]);
                let upper = DURATION_BOUNDS.get(class).copied().unwrap_or(lower);
                return Some(lower + (upper - lower) * ((wanted - below) / tasks));
            }
            below += tasks;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_interpolated_within_a_class() {
        let mut durations = Durations::default();
        assert_eq!(durations.percentile(0.5), None);
        durations.add(2, 10);
        assert_eq!(durations.percentile(0.5), Some(3.5), "the middle of 2 to 5 s");
        durations.add(3, 10);
        assert_eq!(durations.percentile(0.5), Some(5.0));
        assert_eq!(durations.percentile(1.0), Some(10.0));
        durations.add(99, 1);
        assert_eq!((durations.count(), durations.percentile(1.0)), (21, Some(900.0)));
    }
}
