//! Start-up time and size of pgtend.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const RUNS: usize = 100;

pub fn print_startup() {
    let program = env!("CARGO_BIN_EXE_pgtend");
    let bytes = fs::metadata(program).expect("it is there").len();
    println!("| | | target |\n| --- | ---: | ---: |");
    println!("| `--help`, median of {RUNS} | {:.1} ms | < 10 ms |", median_startup(&["--help"]).as_secs_f64() * 1e3);
    println!(
        "| `--version`, median of {RUNS} | {:.1} ms | < 10 ms |",
        median_startup(&["--version"]).as_secs_f64() * 1e3
    );
    println!("| size of the program | {:.1} MB | < 25 MB |", bytes as f64 / 1024.0 / 1024.0);
}

fn median_startup(arguments: &[&str]) -> Duration {
    let start_once = || {
        let begun = Instant::now();
        let mut command = Command::new(env!("CARGO_BIN_EXE_pgtend"));
        assert!(command.args(arguments).stdout(Stdio::null()).status().expect("it starts").success());
        begun.elapsed()
    };
    let mut durations: Vec<Duration> = (0..RUNS).map(|_| start_once()).collect();
    durations.sort();
    durations[RUNS / 2]
}
