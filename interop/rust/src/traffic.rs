//! Load on one agent: decisions in flight, or bodies in chunks, through the crate's client or its pool.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use zentinel_agent_protocol::v2::pool::{AgentPool, AgentPoolConfig};
use zentinel_agent_protocol::v2::{AgentClientV2, AgentClientV2Uds};
use zentinel_agent_protocol::{
    AgentProtocolError, AgentResponse, Decision, RequestBodyChunkEvent, RequestHeadersEvent,
};

use crate::payload::generate;

const AGENT: &str = "agent";
const TIMEOUT: Duration = Duration::from_secs(10);
const BODY_SIZE: usize = 1024 * 1024;
const CHUNK_SIZE: usize = 64 * 1024;

/// How to reach the agent: the bare clients in turn, which is the crate's fastest way, or its pool.
pub enum Route {
    Clients(Vec<AgentClientV2Uds>),
    GrpcClients(Vec<AgentClientV2>),
    Pool(Box<AgentPool>),
}

impl Route {
    pub async fn clients(path: &str, connections: usize) -> Result<Self, AgentProtocolError> {
        let mut clients = Vec::new();
        for _ in 0..connections {
            let client = AgentClientV2Uds::new(AGENT, path, TIMEOUT).await?;
            client.connect().await?;
            clients.push(client);
        }
        Ok(Self::Clients(clients))
    }

    pub async fn grpc_clients(address: &str, connections: usize) -> Result<Self, AgentProtocolError> {
        let mut clients = Vec::new();
        for _ in 0..connections {
            let client = AgentClientV2::new(AGENT, format!("http://{address}"), TIMEOUT).await?;
            client.connect().await?;
            clients.push(client);
        }
        Ok(Self::GrpcClients(clients))
    }

    pub async fn pool(path: &str, connections: usize) -> Result<Self, AgentProtocolError> {
        let pool = AgentPool::with_config(AgentPoolConfig {
            connections_per_agent: connections,
            request_timeout: TIMEOUT,
            max_concurrent_per_connection: 4096,
            ..AgentPoolConfig::default()
        });
        // The pool takes a path for a Unix socket when it begins with "/" or "unix:".
        pool.add_agent(AGENT, format!("unix:{path}")).await?;
        Ok(Self::Pool(Box::new(pool)))
    }

    pub async fn request_headers(
        &self,
        lane: usize,
        id: &str,
        event: &RequestHeadersEvent,
    ) -> Result<AgentResponse, AgentProtocolError> {
        match self {
            Self::Clients(clients) => clients[lane % clients.len()].send_request_headers(id, event).await,
            Self::GrpcClients(clients) => clients[lane % clients.len()].send_request_headers(id, event).await,
            Self::Pool(pool) => pool.send_request_headers(AGENT, id, event).await,
        }
    }

    pub async fn request_body_chunk(
        &self,
        lane: usize,
        id: &str,
        event: &RequestBodyChunkEvent,
    ) -> Result<AgentResponse, AgentProtocolError> {
        match self {
            Self::Clients(clients) => clients[lane % clients.len()].send_request_body_chunk(id, event).await,
            Self::GrpcClients(clients) => clients[lane % clients.len()].send_request_body_chunk(id, event).await,
            Self::Pool(pool) => pool.send_request_body_chunk(AGENT, id, event).await,
        }
    }
}

/// What every lane shares.
pub struct Load {
    pub route: Route,
    pub request: RequestHeadersEvent,
    pub warm_until: Instant,
    pub end: Instant,
    next_id: AtomicU64,
}

impl Load {
    pub fn new(route: Route, request: RequestHeadersEvent, warm_up: Duration, measured: Duration) -> Self {
        let warm_until = Instant::now() + warm_up;
        Self { route, request, warm_until, end: warm_until + measured, next_id: AtomicU64::new(1) }
    }

    fn next_event(&self) -> RequestHeadersEvent {
        let mut event = self.request.clone();
        event.metadata.correlation_id = format!("{:032x}", self.next_id.fetch_add(1, Ordering::Relaxed));
        event
    }

    /// Whether what ends at `now` is measured; nothing once the time is over.
    fn counts(&self, now: Instant) -> Option<bool> {
        (now < self.end).then_some(now >= self.warm_until)
    }
}

fn expect_allow(result: Result<AgentResponse, AgentProtocolError>) {
    match result {
        Ok(response) if response.decision == Decision::Allow => {}
        Ok(response) => panic!("the agent decided {:?}", response.decision),
        Err(error) => panic!("no answer: {error}"),
    }
}

/// One exchange after the other until the end; the time of each, in nanoseconds.
pub async fn decide(load: Arc<Load>, lane: usize) -> Vec<u64> {
    let mut times = Vec::new();
    loop {
        let event = load.next_event();
        let id = event.metadata.correlation_id.clone();
        let begin = Instant::now();
        expect_allow(load.route.request_headers(lane, &id, &event).await);
        let now = Instant::now();
        match load.counts(now) {
            Some(true) => times.push((now - begin).as_nanos() as u64),
            Some(false) => {}
            None => return times,
        }
    }
}

/// One body after the other until the end; the time of each chunk. Making its text is part of sending it.
pub async fn send_bodies(load: Arc<Load>, lane: usize) -> Vec<u64> {
    use base64::{engine::general_purpose::STANDARD, Engine as _};
    let body = generate(BODY_SIZE, 1);
    let mut times = Vec::new();
    loop {
        let event = load.next_event();
        let id = event.metadata.correlation_id.clone();
        expect_allow(load.route.request_headers(lane, &id, &event).await);
        for (index, data) in body.chunks(CHUNK_SIZE).enumerate() {
            let sent = (index + 1) * CHUNK_SIZE;
            let begin = Instant::now();
            let chunk = RequestBodyChunkEvent {
                correlation_id: id.clone(),
                data: STANDARD.encode(data),
                is_last: sent == BODY_SIZE,
                total_size: Some(BODY_SIZE),
                chunk_index: index as u32,
                bytes_received: sent,
            };
            expect_allow(load.route.request_body_chunk(lane, &id, &chunk).await);
            let now = Instant::now();
            match load.counts(now) {
                Some(true) => times.push((now - begin).as_nanos() as u64),
                Some(false) => {}
                None => return times,
            }
        }
    }
}

pub const CHUNK_BYTES: usize = CHUNK_SIZE;
