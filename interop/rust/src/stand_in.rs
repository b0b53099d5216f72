//! The handler of reference-agent. What it decides follows the events themselves, by the same rules as the agent of
//! `interop/cpp`: a request's header `x-decide`, the first bytes of a body chunk, the text of a WebSocket frame.

use std::collections::HashMap;

use async_trait::async_trait;
use base64::{engine::general_purpose::STANDARD, Engine as _};
use zentinel_agent_protocol::v2::{AgentCapabilities, AgentFeatures, AgentHandlerV2};
use zentinel_agent_protocol::{
    AgentResponse, AuditMetadata, BodyMutation, Decision, EventType, HeaderOp, RequestBodyChunkEvent,
    RequestCompleteEvent, RequestHeadersEvent, ResponseBodyChunkEvent, ResponseHeadersEvent, WebSocketDecision,
    WebSocketFrameEvent,
};

use crate::log::Log;

pub struct StandIn {
    log: Log,
}

impl StandIn {
    pub fn new(log: Option<&str>) -> std::io::Result<Self> {
        Ok(Self { log: Log::new(log)? })
    }
}

fn pairs(items: &[(&str, &str)]) -> HashMap<String, String> {
    items.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

fn with(decision: Decision) -> AgentResponse {
    AgentResponse { decision, ..AgentResponse::default_allow() }
}

fn audited() -> AgentResponse {
    let texts = |text: &str| vec![text.to_string()];
    AgentResponse::default_allow().with_audit(AuditMetadata {
        tags: texts("tag"),
        rule_ids: texts("942100"),
        confidence: Some(0.5),
        reason_codes: texts("reason"),
        custom: HashMap::from([("note".to_string(), serde_json::json!("kept"))]),
    })
}

fn header_ops() -> AgentResponse {
    let text = str::to_string;
    AgentResponse::default_allow()
        .add_request_header(HeaderOp::Set { name: text("x-set"), value: text("1") })
        .add_request_header(HeaderOp::Add { name: text("x-add"), value: text("2") })
        .add_request_header(HeaderOp::Remove { name: text("x-remove") })
        .add_response_header(HeaderOp::Set { name: text("x-answer"), value: text("3") })
}

/// The decision that the header `x-decide` names.
fn decide(wish: &str) -> AgentResponse {
    match wish {
        "block" => with(Decision::Block {
            status: 403,
            body: Some("no".to_string()),
            headers: Some(pairs(&[("x-reason", "test")])),
        }),
        "redirect" => with(Decision::Redirect { url: "https://example.com/login".to_string(), status: 302 }),
        "challenge" => {
            with(Decision::Challenge { challenge_type: "captcha".to_string(), params: pairs(&[("site", "example")]) })
        }
        "ops" => header_ops(),
        "audit" => audited(),
        "route" => AgentResponse { routing_metadata: pairs(&[("pool", "blue")]), ..AgentResponse::default_allow() },
        "more" => AgentResponse::needs_more_data(),
        _ => AgentResponse::default_allow(),
    }
}

/// A chunk that begins with "replace" or "drop" is replaced or dropped.
fn mutation(data: &str, chunk_index: u32) -> Option<BodyMutation> {
    let bytes = STANDARD.decode(data).expect("a body is base64");
    if bytes.starts_with(b"replace") {
        return Some(BodyMutation::replace(chunk_index, STANDARD.encode("\u{0}replaced")));
    }
    bytes.starts_with(b"drop").then(|| BodyMutation::drop_chunk(chunk_index))
}

#[async_trait]
impl AgentHandlerV2 for StandIn {
    fn capabilities(&self) -> AgentCapabilities {
        [
            EventType::RequestBodyChunk,
            EventType::ResponseHeaders,
            EventType::ResponseBodyChunk,
            EventType::RequestComplete,
            EventType::WebSocketFrame,
        ]
        .into_iter()
        .fold(AgentCapabilities::new("reference", "reference-agent", "1.0"), AgentCapabilities::with_event)
        .with_features(AgentFeatures::full())
    }

    async fn on_request_headers(&self, event: RequestHeadersEvent) -> AgentResponse {
        self.log.note("request_headers", &event);
        decide(event.headers.get("x-decide").and_then(|values| values.first()).map_or("", String::as_str))
    }

    async fn on_request_body_chunk(&self, event: RequestBodyChunkEvent) -> AgentResponse {
        self.log.note("request_body_chunk", &event);
        let request_body_mutation = mutation(&event.data, event.chunk_index);
        AgentResponse { request_body_mutation, ..AgentResponse::default_allow() }
    }

    async fn on_response_headers(&self, event: ResponseHeadersEvent) -> AgentResponse {
        self.log.note("response_headers", &event);
        AgentResponse::default_allow()
    }

    async fn on_response_body_chunk(&self, event: ResponseBodyChunkEvent) -> AgentResponse {
        self.log.note("response_body_chunk", &event);
        let response_body_mutation = mutation(&event.data, event.chunk_index);
        AgentResponse { response_body_mutation, ..AgentResponse::default_allow() }
    }

    async fn on_request_complete(&self, event: RequestCompleteEvent) -> AgentResponse {
        self.log.note("request_complete", &event);
        AgentResponse::default_allow()
    }

    async fn on_websocket_frame(&self, event: WebSocketFrameEvent) -> AgentResponse {
        self.log.note("websocket_frame", &event);
        let close = || WebSocketDecision::Close { code: 1008, reason: "policy".to_string() };
        AgentResponse::default_allow().with_websocket_decision(match STANDARD.decode(&event.data).as_deref() {
            Ok(b"drop") => WebSocketDecision::Drop,
            Ok(b"close") => close(),
            _ => WebSocketDecision::Allow,
        })
    }

    async fn on_configure(&self, config: serde_json::Value, version: Option<String>) -> bool {
        self.log.note("configure", &serde_json::json!({ "config": config, "config_version": version }));
        config.get("refuse").is_none()
    }
}
