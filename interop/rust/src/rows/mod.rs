//! The rows of `bench/targets.json` as the crate does them: what its own benchmark measures, on its own types where it
//! has them, and then its real messages.

mod headers;
mod path;
mod state;
mod wire;

use std::path::Path;

use crate::payload::Payloads;
use crate::timing::Bench;

pub use wire::{decode_to_json, encode_all};

/// `encoded`: what `encode_all` wrote, so that both sides decode the same bytes.
pub fn run(bench: &Bench, payloads: &Payloads, encoded: &Path) {
    state::run(bench);
    headers::run(bench);
    wire::run(bench, payloads, encoded);
    path::run(bench, payloads);
}
