//! What the pool keeps: health, time stamps, agents, affinities, counters.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use dashmap::DashMap;

use crate::timing::Bench;

const RELAXED: Ordering = Ordering::Relaxed;

pub fn run(bench: &Bench) {
    health(bench);
    last_seen(bench);
    agents(bench);
    affinity(bench);
    counters(bench);
}

fn health(bench: &Bench) {
    let health = AtomicBool::new(true);
    let read = || black_box(health.load(RELAXED));
    let write = || health.store(black_box(true), RELAXED);
    bench.row("health/read", read);
    bench.row("health/write", write);
    bench.contended("health/read", read, read);
    bench.contended("health/write", write, write);
}

fn last_seen(bench: &Bench) {
    let created = Instant::now();
    let offset = AtomicU64::new(0);
    let touch = || offset.store(created.elapsed().as_millis() as u64, RELAXED);
    bench.row("last_seen/touch", touch);
    bench.row("last_seen/read", || created + Duration::from_millis(offset.load(RELAXED)));
    bench.contended("last_seen/touch", touch, touch);
}

fn agents(bench: &Bench) {
    for count in [1, 10, 100, 1000] {
        let agents: DashMap<String, Arc<String>> =
            (0..count).map(|i| (format!("agent-{i}"), Arc::new(format!("value-{i}")))).collect();
        let name = format!("agent-{}", count / 2);
        let find = || agents.get(&name).map(|agent| Arc::clone(&agent));
        bench.row(&format!("agent/by_name/{count}"), find);
        if count == 10 {
            bench.contended("agent/by_name/10", find, find);
        }
    }
}

fn affinity(bench: &Bench) {
    for count in [10, 100, 1000, 10_000] {
        let affinity: DashMap<String, Arc<String>> =
            (0..count).map(|i| (format!("corr-{i}"), Arc::new(format!("conn-{}", i % 4)))).collect();
        let present = format!("corr-{}", count / 2);
        let missing = format!("corr-{}", count + 1);
        bench.row(&format!("affinity/hit/{count}"), || black_box(affinity.get(&present)).is_some());
        bench.row(&format!("affinity/miss/{count}"), || black_box(affinity.get(&missing)).is_some());
        if count == 1000 {
            let find = || black_box(affinity.get(&present)).is_some();
            bench.contended("affinity/hit/1000", find, find);
        }
        let new = format!("new-corr-{count}");
        let connection = Arc::new("conn-0".to_string());
        bench.row(&format!("affinity/insert_remove/{count}"), || {
            affinity.insert(new.clone(), Arc::clone(&connection));
            affinity.remove(&new)
        });
    }
}

fn counters(bench: &Bench) {
    let counter = AtomicU64::new(0);
    let increment = || counter.fetch_add(1, RELAXED);
    bench.row("counter/inc", increment);
    bench.row("counter/read", || counter.load(RELAXED));
    bench.contended("counter/inc", increment, increment);
    bench.contended("counter/read", increment, || counter.load(RELAXED));

    let bounds = [10u64, 50, 100, 250, 500, 1000, 2500, 5000, 10_000];
    let buckets: Vec<AtomicU64> = bounds.iter().map(|_| AtomicU64::new(0)).collect();
    let record = |value: u64| {
        let bucket = bounds.iter().position(|&bound| value <= bound).unwrap_or(bounds.len() - 1);
        buckets[bucket].fetch_add(1, RELAXED);
    };
    let mut value = 0u64;
    let mut record_next = || {
        value += 37;
        if value >= 15_000 {
            value -= 15_000;
        }
        record(value);
    };
    bench.row("histogram/record", &mut record_next);
    bench.contended("histogram/record", || record(100), record_next);
}
