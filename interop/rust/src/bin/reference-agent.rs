//! The crate's server with a handler that allows, unless the request tells it what to decide.
//!
//!   reference-agent --listen PATH|grpc:IP:PORT [--log FILE]
//!   reference-agent --dial PATH --agent-id ID [--log FILE]
//!
//! With --log each event that the handler was handed is a line of JSON in FILE: `{"event": KIND, "message": …}`. The
//! crate's server answers "allow" by itself to what it cannot decode, so only these lines prove that an event arrived.

use picket_interop::arguments::{fail, Arguments};
use picket_interop::reverse;
use picket_interop::stand_in::StandIn;
use zentinel_agent_protocol::v2::{GrpcAgentServerV2, UdsAgentServerV2};
use zentinel_agent_protocol::AgentProtocolError;

async fn serve(listen: &str, handler: StandIn) -> Result<(), AgentProtocolError> {
    match listen.strip_prefix("grpc:") {
        Some(address) => {
            let address = address.parse().unwrap_or_else(|error| fail(&format!("--listen {listen}: {error}")));
            GrpcAgentServerV2::new("reference", Box::new(handler)).run(address).await
        }
        None => UdsAgentServerV2::new("reference", listen.trim_start_matches("unix:"), Box::new(handler)).run().await,
    }
}

async fn run(arguments: &Arguments, handler: StandIn) -> Result<(), AgentProtocolError> {
    let Some(proxy) = arguments.get("dial") else {
        return serve(arguments.text("listen"), handler).await;
    };
    let proxy = proxy.trim_start_matches("unix:");
    let own = format!("{proxy}.agent");
    tokio::select! {
        ended = serve(&own, handler) => ended,
        () = reverse::dial(proxy, arguments.text("agent-id"), &own) => Ok(()),
    }
}

fn main() {
    let arguments = Arguments::read(0);
    let handler = StandIn::new(arguments.get("log")).unwrap_or_else(|error| fail(&format!("--log: {error}")));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    if let Err(error) = runtime.block_on(run(&arguments, handler)) {
        fail(&format!("reference-agent: {error}"));
    }
}
