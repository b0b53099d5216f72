//! Messages of gRPC in their envelopes, as the crate's own types (prost) write and read them.

use std::collections::HashMap;
use std::path::Path;

use prost::Message;
use serde_json::{json, Value};
use zentinel_agent_protocol::grpc_v2::proxy_to_agent::Message as Event;
use zentinel_agent_protocol::grpc_v2::{Header, ProxyToAgent, RequestHeadersEvent, RequestMetadata};

use crate::payload::Payloads;
use crate::timing::Bench;

/// That of the descriptions, in whole milliseconds.
const TIMESTAMP_MS: u64 = 1_767_323_045_678;
const SIZES: [&str; 2] = ["small", "large"];

fn request(payloads: &Payloads, size: &str) -> ProxyToAgent {
    let event = payloads.request(size);
    let metadata = event.metadata;
    let mut headers: Vec<Header> = event
        .headers
        .into_iter()
        .flat_map(|(name, values)| values.into_iter().map(move |value| Header { name: name.clone(), value }))
        .collect();
    headers.sort_by(|a, b| a.name.cmp(&b.name));
    let event = RequestHeadersEvent {
        metadata: Some(RequestMetadata {
            correlation_id: metadata.correlation_id,
            request_id: metadata.request_id,
            client_ip: metadata.client_ip,
            client_port: metadata.client_port.into(),
            server_name: metadata.server_name,
            protocol: metadata.protocol,
            tls_version: metadata.tls_version,
            route_id: metadata.route_id,
            upstream_id: metadata.upstream_id,
            timestamp_ms: TIMESTAMP_MS,
            traceparent: metadata.traceparent,
        }),
        method: event.method,
        uri: event.uri,
        http_version: "HTTP/1.1".to_string(),
        headers,
    };
    ProxyToAgent { message: Some(Event::RequestHeaders(event)) }
}

pub fn run(bench: &Bench, payloads: &Payloads, encoded: &Path) {
    for size in SIZES {
        let event = request(payloads, size);
        let bytes = std::fs::read(encoded.join(format!("request_{size}.protobuf"))).expect("encoded before");
        bench.row(&format!("real/encode_headers/protobuf/{size}"), || event.encode_to_vec());
        bench.row(&format!("real/decode_headers/protobuf/{size}"), || {
            ProxyToAgent::decode(bytes.as_slice()).expect("it was encoded by the same types")
        });
    }
}

/// Files `NAME.protobuf` in `folder`.
pub fn encode_all(payloads: &Payloads, folder: &Path) -> std::io::Result<()> {
    SIZES.iter().try_for_each(|size| {
        std::fs::write(folder.join(format!("request_{size}.protobuf")), request(payloads, size).encode_to_vec())
    })
}

pub fn decode_to_json(bytes: &[u8]) -> Value {
    let Some(Event::RequestHeaders(event)) = ProxyToAgent::decode(bytes).expect("a message of a proxy").message else {
        panic!("no request's head");
    };
    let metadata = event.metadata.expect("its metadata");
    let mut headers: HashMap<String, Vec<String>> = HashMap::new();
    for Header { name, value } in event.headers {
        headers.entry(name).or_default().push(value);
    }
    json!({ "method": event.method, "uri": event.uri, "headers": headers, "metadata": {
        "correlation_id": metadata.correlation_id, "request_id": metadata.request_id,
        "client_ip": metadata.client_ip, "client_port": metadata.client_port, "server_name": metadata.server_name,
        "protocol": metadata.protocol, "tls_version": metadata.tls_version, "route_id": metadata.route_id,
        "upstream_id": metadata.upstream_id, "timestamp_ms": metadata.timestamp_ms,
        "traceparent": metadata.traceparent } })
}
