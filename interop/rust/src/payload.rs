//! The payloads that both sides encode and decode, from their descriptions.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use zentinel_agent_protocol::{AgentResponse, RequestBodyChunkEvent, RequestHeadersEvent, RequestMetadata};

/// The fields that the crate's own benchmark encodes in place of RequestHeadersEvent.
#[derive(Clone, Serialize, Deserialize)]
pub struct LookAlike {
    pub correlation_id: String,
    pub method: String,
    pub uri: String,
    pub headers: HashMap<String, Vec<String>>,
    pub client_ip: String,
    pub tls_version: Option<String>,
}

/// Its body chunk in JSON: base64 text, made before anything is timed.
#[derive(Clone, Serialize, Deserialize)]
pub struct TextChunk {
    pub correlation_id: String,
    pub data: String,
    pub is_last: bool,
    pub chunk_index: u32,
}

/// Its body chunk in MessagePack: bytes.
#[derive(Clone, Serialize, Deserialize)]
pub struct BinaryChunk {
    pub correlation_id: String,
    #[serde(with = "serde_bytes")]
    pub data: Vec<u8>,
    pub is_last: bool,
    pub chunk_index: u32,
}

/// `spec/vectors/bench`.
#[derive(Clone)]
pub struct Payloads {
    folder: PathBuf,
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_string()
}

fn optional(value: &Value) -> Option<String> {
    value.as_str().map(str::to_string)
}

fn headers(value: &Value) -> HashMap<String, Vec<String>> {
    serde_json::from_value::<Vec<(String, Vec<String>)>>(value.clone())
        .expect("headers: a list of [name, values]")
        .into_iter()
        .collect()
}

impl Payloads {
    pub fn new(folder: impl AsRef<Path>) -> Self {
        Self { folder: folder.as_ref().to_path_buf() }
    }

    fn read(&self, name: &str) -> Value {
        let path = self.folder.join(format!("{name}.json"));
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    pub fn look_alike(&self, size: &str) -> LookAlike {
        let value = self.read(&format!("lookalike_{size}"));
        LookAlike {
            correlation_id: text(&value["correlation_id"]),
            method: text(&value["method"]),
            uri: text(&value["uri"]),
            headers: headers(&value["headers"]),
            client_ip: text(&value["client_ip"]),
            tls_version: optional(&value["tls_version"]),
        }
    }

    pub fn request(&self, size: &str) -> RequestHeadersEvent {
        let value = self.read(&format!("request_{size}"));
        let metadata: RequestMetadata =
            serde_json::from_value(value["metadata"].clone()).expect("metadata as the crate has it");
        RequestHeadersEvent {
            metadata,
            method: text(&value["method"]),
            uri: text(&value["uri"]),
            headers: headers(&value["headers"]),
        }
    }

    /// As the crate's server sends it: the id goes into audit.custom.
    pub fn allow(&self) -> AgentResponse {
        let value = self.read("allow");
        let mut response = AgentResponse::default_allow();
        response.audit.custom.insert("correlation_id".to_string(), value["correlation_id"].clone());
        response
    }

    /// The id and the bytes of a body.
    pub fn body(&self, size: &str) -> (String, Vec<u8>) {
        let value = self.read(&format!("body_{size}"));
        let number = |key: &str| value[key].as_u64().expect("a number");
        (text(&value["correlation_id"]), generate(number("size") as usize, number("seed") as u32))
    }
}

pub fn generate(size: usize, seed: u32) -> Vec<u8> {
    let mut state = seed;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    std::iter::repeat_with(next).take(size).collect()
}

/// The crate's real chunk, one chunk being the whole body; its `data` is base64 text in both encodings.
pub fn real_chunk(correlation_id: &str, body: &[u8]) -> RequestBodyChunkEvent {
    use base64::{engine::general_purpose::STANDARD, Engine as _};
    RequestBodyChunkEvent {
        correlation_id: correlation_id.to_string(),
        data: STANDARD.encode(body),
        is_last: true,
        total_size: Some(body.len()),
        chunk_index: 0,
        bytes_received: body.len(),
    }
}
