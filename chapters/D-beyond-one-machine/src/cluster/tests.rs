//! What needs the inside of a cluster. What a reader can see of one is in `tests/faults`.

use super::*;
use crate::lab;
use crate::stats::Kind;
use bytes::Bytes;
use std::process::{Child, Stdio};

/// A server of its own, which keeps nothing.
struct Server {
    process: Child,
    url: String,
    _store: tempfile::TempDir,
}

impl Server {
    fn start() -> Server {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let store = tempfile::tempdir().unwrap();
        let mut command = lab::server_program();
        command.args(["-js", "-a", "127.0.0.1", "-p", &port.port().to_string(), "-sd"]);
        let process = command.arg(store.path()).stderr(Stdio::null()).spawn().unwrap();
        Server { process, url: format!("nats://{port}"), _store: store }
    }

    fn connect(&self) -> Cluster {
        let due = Instant::now() + Duration::from_secs(30);
        loop {
            match Cluster::connect(self.url.clone(), ClusterOptions::default()) {
                Ok(cluster) => return cluster,
                Err(error) => assert!(Instant::now() < due, "{error}"),
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// No task of this crate is like that.
struct Panics(Arc<Shared>);

impl Job for Panics {
    fn call(&self) -> u64 {
        panic!("on the engine's thread")
    }
    fn argument_len(&self) -> usize {
        0
    }
    fn is_waiting(&self) -> bool {
        true
    }
    fn send(&self, _: u64, _: u32) -> Option<Bytes> {
        None
    }
    fn end(&self, _: Done) {
        self.0.task_ended(Kind::of(&Err::<(), _>(TaskError::Aborted)));
    }
}

#[test]
fn nobody_waits_for_a_thread_that_has_panicked() {
    let server = Server::start();
    let cluster = server.connect();
    let is_sent = |cluster: &Cluster| cluster.stats().tasks.running == 1;
    let sent = cluster.submit(|n: u32| n + 1, 1);
    while !is_sent(&cluster) {
        thread::yield_now();
    }
    let shared = &cluster.source.shared;
    let panics: Arc<dyn Job> = Arc::new(Panics(Arc::clone(shared)));
    assert!(shared.submit([panics].into_iter(), 10, false));
    let error = sent.join().unwrap_err();
    assert!(error.to_string().contains("has panicked"), "{error}");
    let late = cluster.call(|n: u32| n + 1, 1).unwrap_err();
    assert!(
        matches!(late, TaskError::PoolClosed) || late.to_string().contains("panicked"),
        "{late}"
    );
}
