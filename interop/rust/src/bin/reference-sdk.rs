//! An agent on the published crate `zentinel-agent-sdk`, run by its own runner. A request's header `x-decide` names what
//! it decides, by a word of the builder for each. With --log each event is a line in FILE, as the SDK hands it over.
//!
//!   reference-sdk --listen PATH|grpc:IP:PORT [--log FILE]

use std::collections::HashMap;

use base64::{engine::general_purpose::STANDARD, Engine as _};
use picket_interop::arguments::{fail, Arguments};
use picket_interop::log::Log;
use serde_json::{json, Value};
use zentinel_agent_protocol::BodyMutation;
use zentinel_agent_sdk::v2::prelude::AgentRunnerV2;
use zentinel_agent_sdk::{async_trait, Agent, Decision, Request, Response};

struct Logging {
    log: Log,
}

fn audited() -> Decision {
    Decision::allow()
        .with_tag("one")
        .with_tags(["two", "three"])
        .with_rule_id("942100")
        .with_rule_ids(["942110"])
        .with_confidence(0.5)
        .with_reason_code("first")
        .with_reason_codes(["second"])
        .with_metadata("note", json!({ "kept": [1, "ü"] }))
}

fn with_headers() -> Decision {
    Decision::allow()
        .add_request_header("x-set", "1")
        .remove_request_header("x-remove")
        .add_response_header("x-answer", "3")
        .remove_response_header("x-upstream")
}

fn decide(request: &Request) -> Decision {
    match request.header("x-decide").unwrap_or("allow") {
        "block" => Decision::block(451).with_body("no").with_block_header("x-reason", "test"),
        "json" => Decision::block(422).with_json_body(&json!({ "error": "bad" })),
        "deny" => Decision::deny(),
        "unauthorized" => Decision::unauthorized(),
        "rate_limited" => Decision::rate_limited(),
        "redirect" => Decision::redirect("https://example.com/login"),
        "redirect_permanent" => Decision::redirect_permanent("https://example.com/new"),
        "challenge" => {
            let params = HashMap::from([("site".to_string(), "example".to_string())]);
            Decision::challenge("captcha", params)
        }
        "headers" => with_headers(),
        "audit" => audited(),
        "route" => Decision::allow().with_routing_metadata("pool", "blue"),
        "more" => Decision::allow().needs_more_data(),
        _ => Decision::allow(),
    }
}

/// What is to become of a body. The SDK does not say which chunk it is: only the first can be meant.
fn mutation(body: &[u8]) -> Option<BodyMutation> {
    let is = |word: &[u8]| body.starts_with(word);
    if is(b"replace") {
        return Some(BodyMutation::replace(0, STANDARD.encode("\u{0}replaced")));
    }
    if is(b"drop") {
        return Some(BodyMutation::drop_chunk(0));
    }
    is(b"pass").then(|| BodyMutation::pass_through(0))
}

fn seen(request: &Request) -> Value {
    json!({
        "correlation_id": request.correlation_id(), "method": request.method(), "path": request.path(),
        "client_ip": request.client_ip(), "headers": request.headers(), "body": request.body().map(|body| STANDARD.encode(body)),
    })
}

fn answered(request: &Request, response: &Response) -> Value {
    json!({
        "correlation_id": request.correlation_id(), "path": request.path(), "status": response.status_code(),
        "headers": response.headers(), "body": response.body().map(|body| STANDARD.encode(body)),
    })
}

#[async_trait]
impl Agent for Logging {
    fn name(&self) -> &str {
        "reference-sdk"
    }

    async fn on_configure(&self, config: Value) -> Result<(), String> {
        self.log.note("configure", &config);
        match config.get("refuse") {
            Some(_) => Err("asked to refuse".to_string()),
            None => Ok(()),
        }
    }

    async fn on_request(&self, request: &Request) -> Decision {
        self.log.note("request", &seen(request));
        decide(request)
    }

    async fn on_request_body(&self, request: &Request) -> Decision {
        self.log.note("request_body", &seen(request));
        match mutation(request.body().unwrap_or_default()) {
            Some(mutation) => Decision::allow().with_request_body_mutation(mutation),
            None => Decision::allow(),
        }
    }

    async fn on_response(&self, request: &Request, response: &Response) -> Decision {
        self.log.note("response", &answered(request, response));
        Decision::allow().add_response_header("x-status", response.status_code().to_string())
    }

    async fn on_response_body(&self, request: &Request, response: &Response) -> Decision {
        self.log.note("response_body", &answered(request, response));
        match mutation(response.body().unwrap_or_default()) {
            Some(mutation) => Decision::allow().with_response_body_mutation(mutation),
            None => Decision::allow(),
        }
    }

    async fn on_request_complete(&self, request: &Request, status: u16, _duration_ms: u64) {
        self.log.note("complete", &json!({ "correlation_id": request.correlation_id(), "status": status }));
    }
}

fn main() {
    let arguments = Arguments::read(0);
    let log = Log::new(arguments.get("log")).unwrap_or_else(|error| fail(&format!("--log: {error}")));
    let runner = AgentRunnerV2::new(Logging { log }).with_name("reference-sdk");
    let listen = arguments.text("listen");
    let runner = match listen.strip_prefix("grpc:") {
        Some(address) => runner.with_grpc(address.parse().unwrap_or_else(|error| fail(&format!("{listen}: {error}")))),
        None => runner.with_uds(listen.trim_start_matches("unix:")),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    if let Err(error) = runtime.block_on(runner.run()) {
        fail(&format!("reference-sdk: {error}"));
    }
}
