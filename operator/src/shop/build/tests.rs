//! What `build` makes of the samples and of shops in every state.

mod gates;
mod golden;
mod pods;
mod watching;
pub(crate) mod world;
