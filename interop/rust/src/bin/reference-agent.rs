//! The crate's server with a handler that allows, unless the request tells it what to decide.
//!
//!   reference-agent --listen PATH [--log FILE]
//!
//! With --log each event that the handler was handed is a line of JSON in FILE: `{"event": KIND, "message": …}`. The
//! crate's server answers "allow" by itself to what it cannot decode, so only these lines prove that an event arrived.

use picket_interop::arguments::{fail, Arguments};
use picket_interop::stand_in::StandIn;
use zentinel_agent_protocol::v2::UdsAgentServerV2;

fn main() {
    let arguments = Arguments::read(0);
    let path = arguments.text("listen").trim_start_matches("unix:").to_string();
    let handler = StandIn::new(arguments.get("log")).unwrap_or_else(|error| fail(&format!("--log: {error}")));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let server = UdsAgentServerV2::new("reference", path, Box::new(handler));
    if let Err(error) = runtime.block_on(server.run()) {
        fail(&format!("reference-agent: {error}"));
    }
}
