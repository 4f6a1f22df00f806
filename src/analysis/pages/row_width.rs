//! The width of a row by averages. Padding before a value depends on where the previous value ends.

use crate::facts::{ColumnLayout, ColumnStatistics};

/// The alignment of rows (MAXALIGN on every 64-bit platform).
pub const MAX_ALIGN: usize = 8;

/// Shorter values of variable length have a header of one byte and need no alignment.
const MAX_SHORT_VARLENA: u32 = 126;

/// A mean width, with the probability of each remainder modulo 8.
#[derive(Clone, Copy, Debug)]
pub struct Width {
    mean: f64,
    /// The probability of each remainder.
    remainders: [f64; MAX_ALIGN],
    /// Every row is of this width.
    certain: bool,
}

impl Width {
    /// Returns a width that every row has.
    pub fn exactly(bytes: usize) -> Width {
        let mut remainders = [0.0; MAX_ALIGN];
        remainders[bytes % MAX_ALIGN] = 1.0;
        Width { mean: bytes as f64, remainders, certain: true }
    }

    /// Returns a width with this mean and equally likely remainders.
    pub fn with_mean(mean: f64) -> Width {
        Width { mean, remainders: [1.0 / MAX_ALIGN as f64; MAX_ALIGN], certain: false }
    }

    /// Returns the mean width in bytes.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// Whether every row is of this width.
    pub fn is_certain(&self) -> bool {
        self.certain
    }

    /// Returns the width padded to the next multiple of `alignment`.
    #[must_use]
    pub fn aligned(&self, alignment: usize) -> Width {
        // An edited snapshot may have 0.
        let alignment = alignment.max(1);
        let mut padded = Width { remainders: [0.0; MAX_ALIGN], ..*self };
        for (remainder, share) in self.remainders.iter().enumerate() {
            let padding = (alignment - remainder % alignment) % alignment;
            padded.mean += share * padding as f64;
            padded.remainders[(remainder + padding) % MAX_ALIGN] += share;
        }
        padded
    }

    /// Returns the width followed by a value of that column.
    #[must_use]
    pub fn with_column(&self, layout: ColumnLayout, statistics: ColumnStatistics) -> Width {
        let present = 1.0 - statistics.null_frac.clamp(0.0, 1.0);
        let value = if let Ok(length) = usize::try_from(layout.attlen) {
            self.aligned(usize::from(layout.attalign)).followed_by(length, 0)
        } else {
            let average = statistics.avg_width;
            // The distribution of lengths is unknown: a quarter of the average is taken to either side. ANALYZE rounds the
            // average down.
            let spread = (average / 4) as usize;
            let start = if average > MAX_SHORT_VARLENA { self.aligned(usize::from(layout.attalign)) } else { *self };
            start.followed_by(average as usize - spread, 2 * spread + usize::from(spread > 0))
        };
        self.mixed_with(&value, present)
    }

    /// Returns the width followed by `least` to `least + more` bytes, each length equally likely.
    fn followed_by(&self, least: usize, more: usize) -> Width {
        let mut longer = Width {
            mean: self.mean + least as f64 + more as f64 / 2.0,
            remainders: [0.0; MAX_ALIGN],
            certain: self.certain && more == 0,
        };
        let lengths = more + 1;
        for length in 0..lengths.min(MAX_ALIGN) {
            // The share of the possible lengths with the same remainder.
            let same = (lengths - length).div_ceil(MAX_ALIGN) as f64 / lengths as f64;
            for (remainder, share) in self.remainders.iter().enumerate() {
                longer.remainders[(remainder + least + length) % MAX_ALIGN] += share * same;
            }
        }
        longer
    }

    /// Returns a mix of this width and, with that probability, the other.
    #[must_use]
    pub fn mixed_with(&self, other: &Width, likelihood: f64) -> Width {
        if likelihood <= 0.0 {
            return *self;
        } else if likelihood >= 1.0 {
            return *other;
        }
        let mut mixed = Width {
            mean: self.mean * (1.0 - likelihood) + other.mean * likelihood,
            remainders: [0.0; MAX_ALIGN],
            certain: false,
        };
        for (remainder, share) in mixed.remainders.iter_mut().enumerate() {
            *share = self.remainders[remainder] * (1.0 - likelihood) + other.remainders[remainder] * likelihood;
        }
        mixed
    }
}
