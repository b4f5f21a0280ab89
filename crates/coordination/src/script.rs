//! Lua scripts, hashed once.

use redis::Cmd;

/// Bytes reserved for the keys and arguments of a call.
const ARGUMENT_BYTES: usize = 256;
/// Arguments reserved for a call.
const ARGUMENTS: usize = 10;

/// A script and the hash under which a server remembers it.
///
/// Calls go by hash. A server that does not know it (restarted, or newly promoted) answers
/// `NOSCRIPT` and gets the text, on the key's own slot: `SCRIPT LOAD` would have to reach every
/// node of the cluster, which is impossible just when it is needed, during a failover.
pub(crate) struct Script {
    text: &'static str,
    hash: String,
}

impl Script {
    pub(crate) fn new(text: &'static str) -> Self {
        let hash = redis::Script::new(text).get_hash().to_owned();
        Self { text, hash }
    }

    pub(crate) fn by_hash(&self) -> Cmd {
        let mut cmd = Cmd::with_capacity(ARGUMENTS, ARGUMENT_BYTES);
        cmd.arg("EVALSHA").arg(&self.hash);
        cmd
    }

    pub(crate) fn in_full(&self) -> Cmd {
        let mut cmd = Cmd::with_capacity(ARGUMENTS, ARGUMENT_BYTES + self.text.len());
        cmd.arg("EVAL").arg(self.text);
        cmd
    }
}
