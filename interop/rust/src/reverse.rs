//! Both ends of connections that the agent makes. The proxy's is the crate's. It has no agent that dials: `dial` stands
//! between its server and the proxy, registers with the crate's own types, and passes on what both say.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::Serialize;
use tokio::net::UnixStream;
use zentinel_agent_protocol::v2::pool::{AgentPool, AgentPoolConfig};
use zentinel_agent_protocol::v2::reverse::{
    RegistrationRequest, RegistrationResponse, ReverseConnectionConfig, ReverseConnectionListener,
};
use zentinel_agent_protocol::v2::uds::{read_message, write_message};
use zentinel_agent_protocol::v2::{
    MessageType, UdsEncoding, UdsHandshakeRequest, UdsHandshakeResponse, PROTOCOL_VERSION_2,
};
use zentinel_agent_protocol::AgentProtocolError;

/// Registers again so long after a connection has ended, or could not be made (protocol.md §8).
const PAUSE: Duration = Duration::from_secs(1);

/// The crate's listener at `path`, and the pool that it hands connections to. It takes `id` alone; with a `token` only
/// who knows it.
pub async fn listen(
    path: &str,
    id: &str,
    token: Option<&str>,
    pool: AgentPoolConfig,
) -> Result<Arc<AgentPool>, AgentProtocolError> {
    let config = ReverseConnectionConfig {
        allowed_agents: HashSet::from([id.to_string()]),
        require_auth: token.is_some(),
        auth_tokens: token.into_iter().map(str::to_string).collect(),
        request_timeout: pool.request_timeout,
        ..ReverseConnectionConfig::default()
    };
    let listener = Arc::new(ReverseConnectionListener::bind_uds(path, config).await?);
    let pool = Arc::new(AgentPool::with_config(pool));
    tokio::spawn(listener.accept_loop(Arc::clone(&pool)));
    Ok(pool)
}

/// Keeps one connection between the proxy's listener and the agent's server, under the agent's id.
pub async fn dial(proxy: &str, id: &str, server: &str) {
    loop {
        if let Err(error) = connect(proxy, id, server).await {
            eprintln!("{proxy}: {error}");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn ask<Answer: DeserializeOwned>(
    stream: &mut UnixStream,
    question: &impl Serialize,
) -> Result<Answer, AgentProtocolError> {
    let unreadable = |error: serde_json::Error| AgentProtocolError::InvalidMessage(error.to_string());
    let payload = serde_json::to_vec(question).map_err(unreadable)?;
    write_message(stream, MessageType::HandshakeRequest, &payload).await?;
    let (_, answer) = read_message(stream).await?;
    serde_json::from_slice(&answer).map_err(unreadable)
}

async fn connect(proxy: &str, id: &str, server: &str) -> Result<(), AgentProtocolError> {
    let mut to_server = UnixStream::connect(server).await?;
    let hello = UdsHandshakeRequest {
        supported_versions: vec![PROTOCOL_VERSION_2],
        proxy_id: "dial".to_string(),
        proxy_version: "1".to_string(),
        config: None,
        supported_encodings: vec![UdsEncoding::Json],
    };
    let agent: UdsHandshakeResponse = ask(&mut to_server, &hello).await?;
    let mut to_proxy = UnixStream::connect(proxy).await?;
    let registration = RegistrationRequest {
        protocol_version: PROTOCOL_VERSION_2,
        agent_id: id.to_string(),
        capabilities: agent.capabilities,
        auth_token: None,
        metadata: None,
    };
    let answer: RegistrationResponse = ask(&mut to_proxy, &registration).await?;
    if !answer.success {
        return Err(AgentProtocolError::ConnectionFailed(answer.error.unwrap_or_default()));
    }
    tokio::io::copy_bidirectional(&mut to_proxy, &mut to_server).await?;
    Ok(())
}
