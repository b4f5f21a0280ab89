//! What `build` makes of the samples and of shops in every state.

mod gates;
mod golden;
mod pods;
pub(crate) mod world;
