//! The crate's listener for agents that dial, with its pool behind it: takes one agent, and asks it nothing.
//!
//!   reference-listener --listen PATH --agent-id ID [--token TEXT]

use picket_interop::arguments::{fail, Arguments};
use picket_interop::reverse;
use zentinel_agent_protocol::v2::pool::AgentPoolConfig;

async fn serve(arguments: &Arguments) {
    let path = arguments.text("listen").trim_start_matches("unix:");
    let (id, token) = (arguments.text("agent-id"), arguments.get("token"));
    let pool = reverse::listen(path, id, token, AgentPoolConfig::default())
        .await
        .unwrap_or_else(|error| fail(&format!("{path}: {error}")));
    pool.run_maintenance().await;
}

fn main() {
    let arguments = Arguments::read(0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(serve(&arguments));
}
