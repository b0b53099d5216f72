//! The crate's client or pool as a load generator, with the output of `picket bench`.
//!
//!   reference-client --agent PATH|grpc:IP:PORT --payloads DIR [--mode latency|throughput|body] [--through client|pool]
//!                    [--inflight N] [--connections N] [--seconds S]

use std::sync::Arc;
use std::time::Duration;

use picket_interop::arguments::{fail, Arguments};
use picket_interop::payload::Payloads;
use picket_interop::traffic::{decide, send_bodies, Load, Route, CHUNK_BYTES};

const WARM_UP: Duration = Duration::from_millis(100);

/// Microseconds of CPU that this process has used.
fn cpu_us() -> f64 {
    // SAFETY: getrusage fills the struct it is given.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    let us = |time: libc::timeval| time.tv_sec as f64 * 1e6 + time.tv_usec as f64;
    us(usage.ru_utime) + us(usage.ru_stime)
}

fn quantile_us(sorted: &[u64], share: f64) -> f64 {
    let index = ((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len()) - 1;
    sorted[index] as f64 / 1000.0
}

fn report(mut times: Vec<u64>, measured: Duration, cpu: f64, body: bool) {
    if times.is_empty() {
        eprintln!("reference-client: nothing was answered in time");
        std::process::exit(1);
    }
    times.sort_unstable();
    let per_second = times.len() as f64 / measured.as_secs_f64();
    let mib = if body { per_second * CHUNK_BYTES as f64 / (1024.0 * 1024.0) } else { 0.0 };
    println!(
        "{}",
        serde_json::json!({
            "decisions_per_s": per_second, "p50_us": quantile_us(&times, 0.5), "p99_us": quantile_us(&times, 0.99),
            "mib_per_s": mib, "cpu_us_per_decision": cpu / times.len() as f64,
        })
    );
}

async fn run(arguments: &Arguments) {
    let agent = arguments.text("agent");
    let path = agent.trim_start_matches("unix:");
    let mode = arguments.get("mode").unwrap_or("throughput");
    let connections = arguments.number("connections", 1);
    let inflight =
        if mode == "throughput" { arguments.number("inflight", 64) } else { arguments.number("inflight", 1) };
    let measured = Duration::from_secs_f64(arguments.number("seconds", 3.0));
    let route = match (agent.strip_prefix("grpc:"), arguments.get("through").unwrap_or("client")) {
        (Some(address), _) => Route::grpc_clients(address, connections).await,
        (None, "pool") => Route::pool(path, connections).await,
        (None, _) => Route::clients(path, connections).await,
    };
    let route = route.unwrap_or_else(|error| fail(&format!("{agent}: {error}")));
    let request = Payloads::new(arguments.text("payloads")).request("wire");
    let load = Arc::new(Load::new(route, request, WARM_UP, measured));

    let mut lanes = Vec::new();
    for lane in 0..inflight {
        let load = Arc::clone(&load);
        lanes.push(if mode == "body" {
            tokio::spawn(send_bodies(load, lane))
        } else {
            tokio::spawn(decide(load, lane))
        });
    }
    tokio::time::sleep_until(load.warm_until.into()).await;
    let cpu_before = cpu_us();
    let mut times = Vec::new();
    for lane in lanes {
        times.append(&mut lane.await.expect("a lane ends well"));
    }
    report(times, measured, cpu_us() - cpu_before, mode == "body");
}

fn main() {
    let arguments = Arguments::read(0);
    // One thread, as it has one core: with more the crate is slower there.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(run(&arguments));
}
