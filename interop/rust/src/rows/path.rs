//! One request through everything the pool does before the socket, as the crate's benchmark composes it: agent by name,
//! affinity, health, two counters, encoding, affinity stored, counter and affinity cleared.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;

use dashmap::DashMap;
use serde::Serialize;
use zentinel_agent_protocol::v2::UdsEncoding;

use crate::payload::Payloads;
use crate::timing::Bench;

struct Pool {
    agents: DashMap<String, Arc<String>>,
    affinity: DashMap<String, Arc<String>>,
    healthy: AtomicBool,
    in_flight: AtomicU64,
    requests: AtomicU64,
}

impl Pool {
    fn new() -> Self {
        let agents = DashMap::new();
        agents.insert("waf".to_string(), Arc::new("agent-entry".to_string()));
        Self {
            agents,
            affinity: DashMap::new(),
            healthy: AtomicBool::new(true),
            in_flight: AtomicU64::new(0),
            requests: AtomicU64::new(0),
        }
    }

    fn request(&self, id: &str, encode: impl FnOnce() -> Vec<u8>) -> Vec<u8> {
        let _agent = black_box(self.agents.get("waf").unwrap());
        black_box(self.affinity.get(id).is_some());
        black_box(self.healthy.load(Ordering::Relaxed));
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        let payload = encode();
        self.affinity.insert(id.to_string(), Arc::new("conn-0".to_string()));
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.affinity.remove(id);
        payload
    }
}

pub fn run(bench: &Bench, payloads: &Payloads) {
    let pool = Pool::new();
    let look_alike = payloads.look_alike("small");
    bench.row("full_path/json", || pool.request("bench-123", || serde_json::to_vec(&look_alike).unwrap()));
    bench.row("full_path/msgpack", || pool.request("bench-123", || rmp_serde::to_vec(&look_alike).unwrap()));
    let request = payloads.request("small");
    real(bench, &pool, "real/full_path/json", &UdsEncoding::Json, &request);
    real(bench, &pool, "real/full_path/msgpack", &UdsEncoding::MessagePack, &request);
}

fn real<T: Serialize>(bench: &Bench, pool: &Pool, name: &str, encoding: &UdsEncoding, event: &T) {
    bench.row(name, || pool.request("bench-123", || encoding.serialize(event).unwrap()));
}
