//! Bytes and messages.

use std::path::Path;

use base64::{engine::general_purpose::STANDARD, Engine as _};
use serde::de::DeserializeOwned;
use serde::Serialize;
use serde_json::{json, Value};
use zentinel_agent_protocol::v2::UdsEncoding;
use zentinel_agent_protocol::{AgentResponse, RequestBodyChunkEvent, RequestHeadersEvent};

use crate::payload::{real_chunk, BinaryChunk, LookAlike, Payloads, TextChunk};
use crate::timing::Bench;

const SIZES: [&str; 2] = ["small", "large"];
const BODIES: [&str; 4] = ["1k", "4k", "16k", "64k"];
const ENCODINGS: [(&str, UdsEncoding); 2] = [("json", UdsEncoding::Json), ("msgpack", UdsEncoding::MessagePack)];

/// The look-alike's MessagePack is positional, as in the crate's benchmark; that of real messages is what the crate
/// sends.
fn look_alike_bytes<T: Serialize>(encoding: &UdsEncoding, value: &T) -> Vec<u8> {
    match encoding {
        UdsEncoding::Json => serde_json::to_vec(value).unwrap(),
        UdsEncoding::MessagePack => rmp_serde::to_vec(value).unwrap(),
    }
}

fn real_bytes<T: Serialize>(encoding: &UdsEncoding, value: &T) -> Vec<u8> {
    encoding.serialize(value).unwrap()
}

fn parse<T: DeserializeOwned>(encoding: &UdsEncoding, bytes: &[u8]) -> T {
    encoding.deserialize(bytes).unwrap()
}

pub fn run(bench: &Bench, payloads: &Payloads, encoded: &Path) {
    let read = |name: &str| std::fs::read(encoded.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    for (name, encoding) in ENCODINGS {
        for size in SIZES {
            let event = payloads.look_alike(size);
            let bytes = read(&format!("lookalike_{size}.{name}"));
            bench.row(&format!("encode_headers/{name}/{size}"), || look_alike_bytes(&encoding, &event));
            bench.row(&format!("decode_headers/{name}/{size}"), || parse::<LookAlike>(&encoding, &bytes));

            let event = payloads.request(size);
            let bytes = read(&format!("request_{size}.{name}"));
            bench.row(&format!("real/encode_headers/{name}/{size}"), || real_bytes(&encoding, &event));
            bench
                .row(&format!("real/decode_headers/{name}/{size}"), || parse::<RequestHeadersEvent>(&encoding, &bytes));
        }
        let response = payloads.allow();
        let bytes = read(&format!("allow.{name}"));
        bench.row(&format!("real/encode_allow/{name}"), || real_bytes(&encoding, &response));
        bench.row(&format!("real/decode_allow/{name}"), || parse::<AgentResponse>(&encoding, &bytes));
    }
    for size in BODIES {
        text_body(bench, payloads, size, &read(&format!("body_{size}.json")));
        binary_body(bench, payloads, size, &read(&format!("body_{size}.msgpack")));
    }
    for (name, encoding) in ENCODINGS {
        real_body(bench, payloads, name, &encoding, &read(&format!("chunk_64k.{name}")));
    }
}

/// Encoding begins with base64 text that is there already, as in the crate's benchmark; decoding ends with bytes.
fn text_body(bench: &Bench, payloads: &Payloads, size: &str, bytes: &[u8]) {
    let (correlation_id, body) = payloads.body(size);
    let chunk = TextChunk { correlation_id, data: STANDARD.encode(&body), is_last: false, chunk_index: 0 };
    bench.row(&format!("encode_body/json/{size}"), || serde_json::to_vec(&chunk).unwrap());
    bench.row(&format!("decode_body/json/{size}"), || {
        let chunk: TextChunk = serde_json::from_slice(bytes).unwrap();
        (STANDARD.decode(&chunk.data).unwrap(), chunk)
    });
}

fn binary_body(bench: &Bench, payloads: &Payloads, size: &str, bytes: &[u8]) {
    let (correlation_id, data) = payloads.body(size);
    let chunk = BinaryChunk { correlation_id, data, is_last: false, chunk_index: 0 };
    bench.row(&format!("encode_body/msgpack/{size}"), || rmp_serde::to_vec(&chunk).unwrap());
    bench.row(&format!("decode_body/msgpack/{size}"), || rmp_serde::from_slice::<BinaryChunk>(bytes).unwrap());
}

/// From raw bytes to a payload and back, as a proxy and an agent must.
fn real_body(bench: &Bench, payloads: &Payloads, name: &str, encoding: &UdsEncoding, bytes: &[u8]) {
    let (correlation_id, body) = payloads.body("64k");
    bench.row(&format!("real/encode_body/{name}/64k"), || real_bytes(encoding, &real_chunk(&correlation_id, &body)));
    bench.row(&format!("real/decode_body/{name}/64k"), || {
        let chunk: RequestBodyChunkEvent = parse(encoding, bytes);
        (STANDARD.decode(&chunk.data).unwrap(), chunk)
    });
}

/// Files `NAME.json` and `NAME.msgpack` in `folder`.
pub fn encode_all(payloads: &Payloads, folder: &Path) -> std::io::Result<()> {
    let write = |name: &str, bytes: Vec<u8>| std::fs::write(folder.join(name), bytes);
    for (name, encoding) in ENCODINGS {
        for size in SIZES {
            write(&format!("lookalike_{size}.{name}"), look_alike_bytes(&encoding, &payloads.look_alike(size)))?;
            write(&format!("request_{size}.{name}"), real_bytes(&encoding, &payloads.request(size)))?;
        }
        write(&format!("request_wire.{name}"), real_bytes(&encoding, &payloads.request("wire")))?;
        write(&format!("allow.{name}"), real_bytes(&encoding, &payloads.allow()))?;
        let (correlation_id, body) = payloads.body("64k");
        write(&format!("chunk_64k.{name}"), real_bytes(&encoding, &real_chunk(&correlation_id, &body)))?;
    }
    for size in BODIES {
        let (correlation_id, data) = payloads.body(size);
        let text = TextChunk {
            correlation_id: correlation_id.clone(),
            data: STANDARD.encode(&data),
            is_last: false,
            chunk_index: 0,
        };
        write(&format!("body_{size}.json"), serde_json::to_vec(&text).unwrap())?;
        let binary = BinaryChunk { correlation_id, data, is_last: false, chunk_index: 0 };
        write(&format!("body_{size}.msgpack"), rmp_serde::to_vec(&binary).unwrap())?;
    }
    Ok(())
}

/// Of one that is JSON or MessagePack.
pub fn decode_to_json(name: &str, bytes: &[u8]) -> Value {
    let (stem, extension) = name.rsplit_once('.').expect("NAME.ENCODING");
    let encoding = if extension == "json" { UdsEncoding::Json } else { UdsEncoding::MessagePack };
    let value = |value: Result<Value, serde_json::Error>| value.unwrap();
    match stem.split('_').next().unwrap() {
        "lookalike" => value(serde_json::to_value(parse::<LookAlike>(&encoding, bytes))),
        "request" => value(serde_json::to_value(parse::<RequestHeadersEvent>(&encoding, bytes))),
        "allow" => value(serde_json::to_value(parse::<AgentResponse>(&encoding, bytes))),
        "chunk" => value(serde_json::to_value(parse::<RequestBodyChunkEvent>(&encoding, bytes))),
        "body" if extension == "json" => value(serde_json::to_value(parse::<TextChunk>(&encoding, bytes))),
        "body" => {
            let chunk: BinaryChunk = parse(&encoding, bytes);
            json!({ "correlation_id": chunk.correlation_id, "data": STANDARD.encode(&chunk.data),
                    "is_last": chunk.is_last, "chunk_index": chunk.chunk_index })
        }
        other => panic!("no payload is called {other}"),
    }
}
