//! The parts of long tests that a plain `cargo test` leaves out. Each test that leaves something out prints it.

use super::{majors, newest_installation, print_stderr};

/// Whether no majors are selected, as in a plain `cargo test`. `.ci/run` selects all majors and leaves nothing out.
pub fn is_short_run() -> bool {
    !majors::majors_required()
}

/// Whether a long test runs on this major: on the newest only in a short run.
pub fn is_major_of_long_test(major: u32) -> bool {
    !is_short_run() || major == newest_installation().major
}

/// Returns every nth case in a short run, and all of them otherwise.
pub fn sample_cases<T>(name: &str, cases: impl IntoIterator<Item = T>, every_nth: usize) -> Vec<T> {
    let cases: Vec<T> = cases.into_iter().collect();
    if !is_short_run() {
        return cases;
    }
    let count = cases.len();
    let sample: Vec<T> = cases.into_iter().step_by(every_nth).collect();
    print_stderr(&format!("{name}: {} of {count} cases; PGTEND_TEST_MAJORS=all runs all", sample.len()));
    sample
}

/// Whether a test of large data is left out of this run.
pub fn is_left_out(name: &str) -> bool {
    if is_short_run() {
        print_stderr(&format!("{name}: NOT RUN: large data; PGTEND_TEST_MAJORS=all runs it"));
    }
    is_short_run()
}
