//! What a bot does on its own: answers what came in, sends what must go out, repairs what was left.

pub mod inbound;
pub mod instance;
mod lane;
pub mod outbound;
pub mod receipts;
pub mod sweeps;
pub mod turn;
