//! `serve`: the book at http://localhost:3000, new again within two seconds of an edit.
//!
//! One thread watches and builds, another answers requests; the built site passes from one to
//! the other behind a lock that is held for as long as it takes to swap a pointer. A page that
//! is open asks for the number of the build that it shows (`/__reload/NUMBER`), and gets its
//! answer when there is a newer one. In the same way it asks how far the reader has come
//! (`/__progress/NUMBER`), which a third thread watches.
//!
//! The server is for this machine's own browser: it listens on the loopback addresses only, and
//! it refuses requests that name another host, so that a web page elsewhere cannot read it
//! through a name that resolves to 127.0.0.1. Ctrl-C and SIGTERM end it at once. The handlers
//! are not for cleaning up, for there is nothing to clean up: without them the kernel would
//! drop both signals where this is process 1 of a container, and a shell's background job would
//! not hear Ctrl-C.

mod answers;

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use axum::body::Bytes;
use tokio::sync::watch;

use crate::book::{self, Destination};
use crate::interrupt;
use crate::output::print;
use crate::progress_page::{self, Records};
use crate::project::Project;
use crate::site::Site;
use crate::watch::{INTERVAL, Sources};

/// The port of the address in the README.
pub const PORT: u16 = 3000;

/// How many ports above [`PORT`] are tried when it is taken.
const PORTS_TRIED_MAX: u16 = 20;

/// What follows the address on the terminal.
const NEXT: &str = "\
It reloads when you edit a page. Ctrl-C ends it. In a second terminal:
  cargo run -- list      the chapters and their examples
  cargo run -- doctor    what this machine can show of them
  cargo test             proves everything
";

/// Only a page that somebody looks at asks, so that pages in the background use none of the few
/// connections that a browser makes to one server.
const RELOAD_SCRIPT: &str = r#"<script>
(async () => {
  const shown = "GENERATION";
  const pause = () => new Promise(done => setTimeout(done, 1000));
  for (;;) {
    if (document.hidden) {
      await new Promise(done => document.addEventListener("visibilitychange", done, { once: true }));
      continue;
    }
    try {
      const answer = await fetch("/__reload/" + shown, { cache: "no-store" });
      if (!answer.ok) { await pause(); continue; }
      if ((await answer.text()) !== shown) { location.reload(); return; }
    } catch { await pause(); }
  }
})();
</script>
"#;

/// Builds the book, serves it and rebuilds it at every edit, until the process is ended.
///
/// # Errors
///
/// When the first build fails or no port can be had.
pub fn serve(project: &Project, demanded_port: Option<u16>, open: bool) -> Result<()> {
    let listeners = Listeners::bind(demanded_port)?;
    let sources = Sources::look(project);
    let first = first_generation();
    let records = Records::look(project);
    let shelf = Arc::new(Shelf {
        site: RwLock::new(Arc::new(built_site(project, first)?)),
        generation: watch::Sender::new(first),
        progress: watch::Sender::new(News::of(&records, project, first)),
    });

    let port = listeners.port();
    if demanded_port.is_none() && port != PORT {
        print(&format!("Port {PORT} is taken by another program, so this is port {port}.\n"))?;
    }
    print(&format!("The book is at http://localhost:{port}\n{NEXT}"))?;
    if !cfg!(target_os = "linux") {
        print(&format!("\n{}\n", crate::NEEDS_LINUX))?;
    }
    if open && let Err(error) = open::that_detached(format!("http://localhost:{port}")) {
        anstream::eprintln!("warning: cannot start a browser: {error}");
    }

    let builder = Arc::clone(&shelf);
    let watched = project.clone();
    thread::Builder::new()
        .name("rebuild".into())
        .spawn(move || rebuild_at_edits(&watched, sources, &builder))
        .context("cannot start the thread that watches the pages")?;
    let teller = Arc::clone(&shelf);
    let watched = project.clone();
    thread::Builder::new()
        .name("progress".into())
        .spawn(move || tell_progress(&watched, records, &teller))
        .context("cannot start the thread that watches the exercises")?;
    listeners.answer(shelf)
}

/// The newest build that went through, and the newest news of the exercises.
struct Shelf {
    site: RwLock<Arc<Site>>,
    generation: watch::Sender<u64>,
    progress: watch::Sender<News>,
}

/// What a page is told about the exercises.
struct News {
    version: u64,
    json: Bytes,
}

impl News {
    fn of(records: &Records, project: &Project, version: u64) -> News {
        News { version, json: records.news(project, version).into() }
    }
}

impl Shelf {
    fn site(&self) -> Arc<Site> {
        Arc::clone(&self.site.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn put(&self, site: Site, generation: u64) {
        *self.site.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(site);
        self.generation.send_replace(generation);
    }
}

/// Builds are numbered from the time of the start, so that a page of an earlier server is told
/// to reload.
fn first_generation() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_secs() << 16)
}

fn built_site(project: &Project, generation: u64) -> Result<Site> {
    // The lock on the folder is held until the pages are in memory.
    let destination = Destination::take(project, &project.site())?;
    for warning in book::build(project, &destination)? {
        anstream::eprintln!("warning: {warning}");
    }
    let reload = RELOAD_SCRIPT.replace("GENERATION", &generation.to_string());
    Site::load(destination.folder(), &format!("{reload}{}", progress_page::SCRIPT))
}

fn tell_progress(project: &Project, mut told: Records, shelf: &Shelf) {
    loop {
        thread::sleep(INTERVAL);
        let now = Records::look(project);
        if now != told {
            told = now;
            let version = shelf.progress.borrow().version + 1;
            shelf.progress.send_replace(News::of(&told, project, version));
        }
    }
}

fn rebuild_at_edits(project: &Project, mut built: Sources, shelf: &Shelf) {
    loop {
        thread::sleep(INTERVAL);
        let now = Sources::look(project);
        if now == built {
            continue;
        }
        // What is edited during the build differs from `now`, and is built in the next round.
        built = now;
        let generation = *shelf.generation.borrow() + 1;
        match built_site(project, generation) {
            Ok(site) => {
                shelf.put(site, generation);
                // The pages are what matters; whether anybody reads this does not.
                let _ = print("Built again.\n");
            }
            Err(error) => {
                anstream::eprintln!(
                    "error: {error:#}\nThe pages stay as they were until this is mended."
                );
            }
        }
    }
}

/// The loopback addresses that this server listens on: IPv4 always, IPv6 where the machine has
/// it.
struct Listeners {
    v4: TcpListener,
    v6: Option<TcpListener>,
}

impl Listeners {
    fn bind(demanded: Option<u16>) -> Result<Listeners> {
        if let Some(port) = demanded {
            return Listeners::at(port).with_context(|| {
                format!(
                    "cannot listen on port {port} of this machine: leave out --port to \
                         get a free one"
                )
            });
        }
        for port in PORT..=PORT + PORTS_TRIED_MAX {
            match Listeners::at(port) {
                Err(error) if error.kind() == ErrorKind::AddrInUse => {}
                listeners => {
                    return listeners.with_context(|| format!("cannot listen on port {port}"));
                }
            }
        }
        bail!(
            "the ports {PORT} to {} are all taken: name a free one with --port",
            PORT + PORTS_TRIED_MAX
        )
    }

    /// Both addresses or none: a browser may take either for `localhost`, and must not meet
    /// another program there.
    fn at(port: u16) -> io::Result<Listeners> {
        let v4 = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let port = v4.local_addr()?.port();
        let v6 = match TcpListener::bind((Ipv6Addr::LOCALHOST, port)) {
            Ok(listener) => Some(listener),
            Err(error) if error.kind() == ErrorKind::AddrInUse => return Err(error),
            Err(_) => None,
        };
        Ok(Listeners { v4, v6 })
    }

    fn port(&self) -> u16 {
        self.v4.local_addr().as_ref().map_or(0, SocketAddr::port)
    }

    fn answer(self, shelf: Arc<Shelf>) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the server")?;
        runtime.block_on(async {
            let router = answers::router(shelf);
            let second = self.v6.map(async_listener).transpose()?;
            let first = async_listener(self.v4)?;
            if let Some(listener) = second {
                tokio::spawn(axum::serve(listener, router.clone()).into_future());
            }
            tokio::select! {
                served = axum::serve(first, router).into_future() => {
                    served.context("the server ended")
                }
                ended = interrupt::demanded() => {
                    ended.map(|_| ()).context("cannot wait for Ctrl-C")
                },
            }
        })
    }
}

fn async_listener(listener: TcpListener) -> Result<tokio::net::TcpListener> {
    listener.set_nonblocking(true).context("cannot start the server")?;
    tokio::net::TcpListener::from_std(listener).context("cannot start the server")
}
