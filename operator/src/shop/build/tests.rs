//! What `build` makes of the samples and of shops in every state.

mod environment;
mod gates;
mod golden;
mod pods;
mod postgres;
mod watching;
pub(crate) mod world;
