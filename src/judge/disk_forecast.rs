//! When the disk will be full.

use super::{
    Answer, Evidence, Judged,
    limits::{DAY, limits},
};

limits! {
    /// The disk is full in so long
    warning: Seconds = 30 * DAY;
    /// ... in so long
    critical: Seconds = 7 * DAY;
}

fn judge(_: &Evidence<'_>, _: &Limits) -> Judged {
    Err(Answer::not_configured("how large the disk is, the configuration does not say"))
}

#[cfg(test)]
mod tests {
    use crate::judge::{Kind, testing::ask};

    #[test]
    fn without_the_disks_size_there_is_no_forecast() {
        assert_eq!(ask("disk-forecast", |_| {}).kind(), Kind::NotApplicable);
    }
}
