//! The crate's header map.

use std::hint::black_box;
use std::iter::once;

use smallvec::SmallVec;
use zentinel_agent_protocol::headers::{HeaderValues, OptimizedHeaderMap};

use crate::timing::Bench;

const TWENTY: [(&str, &str); 20] = [
    ("host", "example.com"),
    ("user-agent", "benchmark/1.0"),
    ("accept", "application/json"),
    ("accept-language", "en-US"),
    ("accept-encoding", "gzip"),
    ("content-type", "application/json"),
    ("content-length", "1024"),
    ("authorization", "Bearer token"),
    ("cookie", "session=abc"),
    ("x-request-id", "req-123"),
    ("x-correlation-id", "corr-456"),
    ("x-forwarded-for", "1.2.3.4"),
    ("x-forwarded-proto", "https"),
    ("x-real-ip", "1.2.3.4"),
    ("cache-control", "no-cache"),
    ("pragma", "no-cache"),
    ("origin", "https://app.example.com"),
    ("referer", "https://app.example.com/"),
    ("sec-fetch-dest", "empty"),
    ("sec-fetch-mode", "cors"),
];

fn one_value(value: &str) -> HeaderValues {
    SmallVec::from_iter(once(value.to_string()))
}

fn build() -> OptimizedHeaderMap {
    let mut map = OptimizedHeaderMap::new();
    for (name, value) in black_box(TWENTY) {
        map.insert(name.to_string(), one_value(value));
    }
    map
}

pub fn run(bench: &Bench) {
    bench.row("headers/single", || one_value(black_box("application/json")));
    bench.row("headers/build_20", build);
    let map = build();
    bench.row("headers/iterate_20", || {
        let fields = black_box(&map).iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
        fields.map(|(name, value)| name.len() + value.len()).sum::<usize>()
    });
    // One in front, one in the middle, one at the end, one that is not there.
    bench.row("headers/find_20", || {
        ["host", "x-correlation-id", "sec-fetch-mode", "x-none"]
            .map(|name| black_box(&map).get(black_box(name)).map(|v| v.len()))
    });
}
