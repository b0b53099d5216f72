//! What the three programs share: payloads read from `spec/vectors/bench`, and a clock for measuring.

pub mod arguments;
pub mod payload;
pub mod rows;
pub mod stand_in;
pub mod timing;
pub mod traffic;
