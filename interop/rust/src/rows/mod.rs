//! The rows of `bench/targets.json` as the crate does them: what its own benchmark measures, on its own types where it
//! has them, and then its real messages.

mod headers;
mod path;
mod protobuf;
mod state;
mod wire;

use std::path::Path;

use crate::payload::Payloads;
use crate::timing::Bench;

/// Every payload as the crate encodes it, as files NAME.json, NAME.msgpack and NAME.protobuf in `folder`.
pub fn encode_all(payloads: &Payloads, folder: &Path) -> std::io::Result<()> {
    wire::encode_all(payloads, folder)?;
    protobuf::encode_all(payloads, folder)
}

/// What the crate understands of a payload that somebody else encoded, by its file name; bodies as base64 text.
pub fn decode_to_json(name: &str, bytes: &[u8]) -> serde_json::Value {
    match name.ends_with(".protobuf") {
        true => protobuf::decode_to_json(bytes),
        false => wire::decode_to_json(name, bytes),
    }
}

/// `encoded`: what `encode_all` wrote, so that both sides decode the same bytes.
pub fn run(bench: &Bench, payloads: &Payloads, encoded: &Path) {
    state::run(bench);
    headers::run(bench);
    wire::run(bench, payloads, encoded);
    protobuf::run(bench, payloads, encoded);
    path::run(bench, payloads);
}
