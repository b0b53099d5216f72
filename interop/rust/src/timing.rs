//! A timing loop as Google Benchmark's: batches that grow until one takes long enough, then repetitions of it. Time is
//! the thread's own CPU time, as there, so that a neighbour on the machine disturbs both sides alike and little.

use std::collections::HashSet;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};

/// Nanoseconds of CPU that this thread has used.
fn thread_time() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a live timespec.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

fn time_batch<T>(iterations: u64, work: &mut impl FnMut() -> T) -> u64 {
    let begin = thread_time();
    for _ in 0..iterations {
        black_box(work());
    }
    thread_time() - begin
}

/// Runs the rows that were asked for and prints each as one JSON object: `{"row": …, "ns": [per repetition]}`.
pub struct Bench {
    wanted: Option<HashSet<String>>,
    batch_ns: u64,
    repetitions: usize,
}

impl Bench {
    /// `rows`: names, or nothing for all.
    pub fn new(rows: Option<HashSet<String>>, batch_ms: u64, repetitions: usize) -> Self {
        Self { wanted: rows, batch_ns: batch_ms * 1_000_000, repetitions }
    }

    pub fn wants(&self, name: &str) -> bool {
        self.wanted.as_ref().is_none_or(|rows| rows.contains(name))
    }

    pub fn row<T>(&self, name: &str, mut work: impl FnMut() -> T) {
        if !self.wants(name) {
            return;
        }
        let mut iterations = 1;
        loop {
            let taken = time_batch(iterations, &mut work);
            if taken >= self.batch_ns {
                break;
            }
            let factor = (self.batch_ns as f64 * 1.4 / taken.max(1) as f64).clamp(1.5, 10.0);
            iterations = (iterations as f64 * factor).ceil() as u64;
        }
        let ns: Vec<f64> =
            (0..self.repetitions).map(|_| time_batch(iterations, &mut work) as f64 / iterations as f64).collect();
        println!("{}", serde_json::json!({ "row": name, "ns": ns }));
    }

    /// The row `name/contended`: the same while another thread does `rival` all the time.
    pub fn contended<R, T>(&self, name: &str, rival: impl Fn() -> R + Send + Sync, work: impl FnMut() -> T) {
        let name = format!("{name}/contended");
        if !self.wants(&name) {
            return;
        }
        let over = AtomicBool::new(false);
        let running = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    for _ in 0..1000 {
                        black_box(rival());
                    }
                    running.store(true, Ordering::Relaxed);
                }
            });
            while !running.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            self.row(&name, work);
            over.store(true, Ordering::Relaxed);
        });
    }
}
