//! Who works: the hosts that were heard of, and those that fell silent.

use super::Engine;
use crate::names::Peer;
use crate::stats::HostStats;
use crate::wire::{self, HostReport};
use async_nats::Message;
use std::time::{Duration, Instant};

/// A host that was not heard of for so long is gone.
const HOST_SILENT_MAX: Duration = Duration::from_secs(5);
/// Names of lost hosts that are kept for the evidence.
const LOST_HOSTS_MAX: usize = 32;

impl Engine {
    pub(super) fn hear_of_host(&mut self, message: &Message) {
        let peer = Peer::in_subject(&message.subject);
        let report = wire::read_small::<HostReport>(&message.payload);
        let (Some(peer), Some(report)) = (peer, report) else { return };
        if report.leaving {
            self.forget_host(peer);
            return;
        }
        let (now, workers) = (Instant::now(), report.workers as usize);
        let host = HostStats {
            name: format!("{}:{}", report.name, report.pid),
            workers,
            held: report.held,
            done: report.done,
            silent_for: Duration::ZERO,
        };
        self.workers += workers;
        if self.hosts.insert(peer, now).is_some() {
            self.workers -= self.shared.host(peer).map_or(0, |host| host.workers);
        }
        self.shared.show_host(peer, Some((host, now)));
    }

    fn forget_host(&mut self, peer: Peer) {
        if self.hosts.remove(&peer).is_some() {
            self.workers -= self.shared.host(peer).map_or(0, |host| host.workers);
            self.shared.show_host(peer, None);
        }
    }

    /// Hosts that have fallen silent.
    pub(super) fn miss_hosts(&mut self, now: Instant) {
        let is_lost = |heard: &Instant| now.saturating_duration_since(*heard) > HOST_SILENT_MAX;
        let lost: Vec<(Peer, Instant)> = (self.hosts.iter())
            .filter(|(_, heard)| is_lost(heard))
            .map(|(peer, heard)| (*peer, *heard))
            .collect();
        for (peer, heard) in lost {
            let name = self.shared.host(peer).map_or_else(String::new, |host| host.name);
            self.lost_hosts.push((name, heard));
            self.forget_host(peer);
        }
        let surplus = self.lost_hosts.len().saturating_sub(LOST_HOSTS_MAX);
        self.lost_hosts.drain(..surplus);
    }
}
