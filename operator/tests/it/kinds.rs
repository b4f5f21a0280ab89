//! The kinds, as a real API server takes and refuses them.

mod definitions;
mod manifests;
mod ranges;
mod refused;
mod rules;
mod use_of;
