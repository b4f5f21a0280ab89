//! Free ports of the loopback interface.

use std::io;
use std::net::{Ipv4Addr, TcpListener};

/// A port that nothing listens on. Another process may take it before it is used, so a caller
/// that can try again should.
pub fn free() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

/// Whether a port of the loopback interface can be listened on now.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_port_is_free_until_something_listens() {
        let port = free().unwrap();
        assert!(is_free(port));
        let _listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        assert!(!is_free(port));
    }
}
