//! A real NATS server for a test.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

/// A running NATS server; it ends with its test.
pub(crate) struct NatsServer {
    port: u16,
    process: Option<Child>,
}

impl NatsServer {
    /// Starts a server on a free port.
    pub(crate) fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = Self { port, process: None };
        server.restart();
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Kills the server.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Starts the server again on the same port.
    pub(crate) fn restart(&mut self) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/find-nats");
        let found = Command::new(script).output().unwrap();
        assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
        let binary = String::from_utf8(found.stdout).unwrap();
        let mut command = Command::new(binary.trim());
        command.args(["--addr", "127.0.0.1", "--port", &self.port.to_string()]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        self.process = Some(command.spawn().unwrap());
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.kill();
    }
}
