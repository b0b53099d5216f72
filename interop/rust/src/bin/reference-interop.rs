//! The crate's client or pool for tools/interop: plays the exchanges of interop/cases.json to an agent and prints what it
//! answered, one line of JSON per exchange, as the client of interop/cpp does. What the pool cannot send is `null`.
//!
//!   reference-interop --agent PATH|grpc:IP:PORT --cases FILE --through client|pool [--config JSON]
//!   reference-interop --agent PATH --cases FILE --through listener
//!
//! The listener waits at PATH for the agent "agent" to dial; the crate has no way to give such an agent a configuration.

use std::sync::Arc;
use std::time::Duration;

use base64::{engine::general_purpose::STANDARD, Engine as _};
use picket_interop::arguments::{fail, Arguments};
use picket_interop::reverse;
use serde::de::DeserializeOwned;
use serde_json::{json, Value};
use zentinel_agent_protocol::v2::pool::{AgentPool, AgentPoolConfig};
use zentinel_agent_protocol::v2::{AgentClientV2, AgentClientV2Uds, CancelReason};
use zentinel_agent_protocol::{AgentProtocolError, AgentResponse, BinaryRequestBodyChunkEvent, RequestBodyChunkEvent};

const TIMEOUT: Duration = Duration::from_secs(5);
const AGENT: &str = "agent";

type Answer = Result<AgentResponse, AgentProtocolError>;

enum Through {
    Client(AgentClientV2Uds),
    GrpcClient(AgentClientV2),
    Pool(Arc<AgentPool>),
}

/// A case's message with the exchange's id in place of "$id".
fn message<T: DeserializeOwned>(event: &Value, id: &str) -> T {
    serde_json::from_str(&event["message"].to_string().replace("$id", id)).expect("a message as the crate has it")
}

fn pool_config() -> AgentPoolConfig {
    AgentPoolConfig { connections_per_agent: 2, request_timeout: TIMEOUT, ..AgentPoolConfig::default() }
}

async fn dialled_pool(path: &str) -> Result<Through, AgentProtocolError> {
    let pool = reverse::listen(path, AGENT, None, pool_config()).await?;
    while !pool.agent_ids().iter().any(|id| id == AGENT) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(Through::Pool(pool))
}

async fn dialling_pool(endpoint: &str, config: Option<Value>) -> Result<Through, AgentProtocolError> {
    let pool = AgentPool::with_config(pool_config());
    pool.add_agent_with_config(AGENT, endpoint, config).await?;
    if pool.is_agent_healthy(AGENT) {
        Ok(Through::Pool(Arc::new(pool)))
    } else {
        Err(AgentProtocolError::ConnectionFailed("the pool has no connection".to_string()))
    }
}

impl Through {
    async fn connect(arguments: &Arguments) -> Result<Self, AgentProtocolError> {
        let path = arguments.text("agent").trim_start_matches("unix:");
        let url = path.strip_prefix("grpc:").map(|address| format!("http://{address}"));
        let config = arguments.get("config").map(|text| serde_json::from_str(text).expect("--config is JSON"));
        match (arguments.text("through"), url) {
            ("client", Some(url)) => {
                let mut client = AgentClientV2::new(AGENT, url, TIMEOUT).await?;
                client.set_config(config);
                client.connect().await?;
                Ok(Self::GrpcClient(client))
            }
            ("client", None) => {
                let mut client = AgentClientV2Uds::new(AGENT, path, TIMEOUT).await?;
                client.set_config(config);
                client.connect().await?;
                Ok(Self::Client(client))
            }
            ("listener", _) => dialled_pool(path).await,
            (_, url) => dialling_pool(url.as_deref().unwrap_or(path), config).await,
        }
    }

    /// Sends one event; nothing where there is no function for it.
    async fn send(&self, event: &Value, id: &str) -> Option<Answer> {
        let kind = event["kind"].as_str().expect("a kind");
        Some(match (self, kind) {
            (Self::Client(to), "request_headers") => to.send_request_headers(id, &message(event, id)).await,
            (Self::Client(to), "request_body_chunk") => to.send_request_body_chunk(id, &message(event, id)).await,
            (Self::Client(to), "response_headers") => to.send_response_headers(id, &message(event, id)).await,
            (Self::Client(to), "response_body_chunk") => to.send_response_body_chunk(id, &message(event, id)).await,
            (Self::Client(to), "websocket_frame") => to.send_websocket_frame(id, &message(event, id)).await,
            (Self::Client(to), "guardrail_inspect") => to.send_guardrail_inspect(id, &message(event, id)).await,
            (Self::Client(to), "request_complete") => to.send_request_complete(id, &message(event, id)).await,
            (Self::GrpcClient(to), "request_headers") => to.send_request_headers(id, &message(event, id)).await,
            (Self::GrpcClient(to), "request_body_chunk") => to.send_request_body_chunk(id, &message(event, id)).await,
            (Self::GrpcClient(to), "response_headers") => to.send_response_headers(id, &message(event, id)).await,
            (Self::GrpcClient(to), "response_body_chunk") => to.send_response_body_chunk(id, &message(event, id)).await,
            (Self::Pool(to), "request_headers") => to.send_request_headers(AGENT, id, &message(event, id)).await,
            (Self::Pool(to), "request_body_chunk") => to.send_request_body_chunk(AGENT, id, &message(event, id)).await,
            (Self::Pool(to), "response_headers") => to.send_response_headers(AGENT, id, &message(event, id)).await,
            (Self::Pool(to), "response_body_chunk") => {
                to.send_response_body_chunk(AGENT, id, &message(event, id)).await
            }
            (Self::Pool(to), "websocket_frame") => to.send_websocket_frame(AGENT, id, &message(event, id)).await,
            (Self::Pool(to), "guardrail_inspect") => to.send_guardrail_inspect(AGENT, id, &message(event, id)).await,
            _ => return None,
        })
    }

    /// Control messages: a ping and a cancel must not disturb what follows.
    async fn send_control(&self) {
        let reason = CancelReason::ClientDisconnect;
        let cancelled = match self {
            Self::Client(client) => {
                client.ping().await.expect("a ping goes out");
                client.cancel_request("nobody", reason).await
            }
            Self::GrpcClient(client) => {
                client.ping().await.expect("a ping goes out");
                client.cancel_request("nobody", reason).await
            }
            Self::Pool(pool) => pool.cancel_request(AGENT, "nobody", reason).await,
        };
        cancelled.expect("a cancel goes out");
    }

    /// The client's second way to send a body on sockets: bytes as they are in MessagePack.
    async fn send_binary(&self, chunk: &Value) {
        let Self::Client(client) = self else { return };
        let id = "binary";
        let chunk: RequestBodyChunkEvent = message(chunk, id);
        let data = STANDARD.decode(&chunk.data).expect("base64");
        let event = BinaryRequestBodyChunkEvent::new(id, data, chunk.chunk_index, chunk.is_last);
        let answer = client.send_request_body_chunk_binary(&event).await;
        print("bytes as they are", id, vec![to_json(Some(answer))]);
    }
}

fn to_json(answer: Option<Answer>) -> Value {
    match answer {
        Some(Ok(response)) => serde_json::to_value(response).expect("a response is JSON"),
        Some(Err(error)) => json!({ "error": error.to_string() }),
        None => Value::Null,
    }
}

fn print(exchange: &str, id: &str, answers: Vec<Value>) {
    println!("{}", json!({ "exchange": exchange, "id": id, "answers": answers }));
}

async fn run(arguments: &Arguments) {
    let cases: Vec<Value> = std::fs::read(arguments.text("cases"))
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_else(|| fail("--cases: not readable"));
    let through = Through::connect(arguments).await.unwrap_or_else(|error| {
        eprintln!("{error}");
        std::process::exit(1)
    });
    through.send_control().await;
    for (number, exchange) in cases.iter().enumerate() {
        let id = format!("{}-{number}", arguments.text("through"));
        let mut answers = Vec::new();
        for event in exchange["events"].as_array().expect("a list of events") {
            answers.push(to_json(through.send(event, &id).await));
        }
        print(exchange["exchange"].as_str().expect("a name"), &id, answers);
    }
    let chunk =
        cases.iter().flat_map(|case| case["events"].as_array().unwrap()).find(|e| e["kind"] == "request_body_chunk");
    through.send_binary(chunk.expect("a case with a body")).await;
}

fn main() {
    let arguments = Arguments::read(0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(run(&arguments));
}
