//! Amounts of credits, exact to a thousandth.

use std::iter::Sum;
use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

/// Credits in thousandths: sums of reservations must be exact, and sums of floats are not.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Credits(i64);

/// Larger numbers are not exact to a thousandth.
const MAX_AMOUNT: f64 = 1e12;

impl Credits {
    /// The largest amount that a client may send.
    pub const MAX_INPUT: Self = Self::whole(1_000_000_000);

    /// Zero credits.
    pub const ZERO: Self = Self(0);

    /// A whole number of credits.
    #[must_use]
    pub const fn whole(credits: i64) -> Self {
        Self(credits * 1000)
    }

    /// From thousandths, as the database stores them.
    #[must_use]
    pub const fn from_thousandths(thousandths: i64) -> Self {
        Self(thousandths)
    }

    /// In thousandths, as the database stores them.
    #[must_use]
    pub const fn thousandths(self) -> i64 {
        self.0
    }

    /// The nearest amount, limited to ±1e12 credits; `None` for NaN.
    #[must_use]
    pub fn from_f64(credits: f64) -> Option<Self> {
        #[expect(clippy::cast_possible_truncation, reason = "the range is limited first")]
        let thousandths = (credits.clamp(-MAX_AMOUNT, MAX_AMOUNT) * 1000.0).round() as i64;
        (!credits.is_nan()).then_some(Self(thousandths))
    }

    /// The amount as a number for GraphQL and JSON.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "exact below 9e15 thousandths")]
        let thousandths = self.0 as f64;
        thousandths / 1000.0
    }

    /// This amount multiplied by `count` images.
    #[must_use]
    pub const fn times(self, count: u32) -> Self {
        Self(self.0 * count as i64)
    }
}

impl Add for Credits {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Credits {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Sum for Credits {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}
