//! Where pages are served.

use std::net::{SocketAddr, ToSocketAddrs as _};

use super::UsageError;

/// The address that is meant.
pub(super) fn address(text: &str) -> Result<SocketAddr, UsageError> {
    let mut addresses = text
        .to_socket_addrs()
        .map_err(|e| UsageError(format!("--addr {text}: {e}; give it as in 127.0.0.1:3000")))?;
    let addr = addresses.next().ok_or_else(|| UsageError(format!("--addr {text}: no such address")))?;
    if !addr.ip().is_loopback() {
        return Err(UsageError(format!(
            "--addr {text}: the pages are for this machine only, as anybody who reaches them may use them; give an address \
             as in 127.0.0.1:3000"
        )));
    }
    Ok(addr)
}
