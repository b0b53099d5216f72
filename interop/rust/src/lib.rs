//! What the programs share: payloads read from `spec/vectors/bench`, handlers, ends of connections, and a clock for measuring.

pub mod arguments;
pub mod log;
pub mod payload;
pub mod reverse;
pub mod rows;
pub mod stand_in;
pub mod timing;
pub mod traffic;
