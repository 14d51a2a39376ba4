//! `cargo run`, from outside: what it serves, to whom, and what it leaves behind.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command as Process, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

#[path = "support/program.rs"]
mod support;

use exercise::{Outcome, Progress};
use support::*;

/// An edit is on its page after this time, says the book's README.
const RELOAD_MAX: Duration = Duration::from_secs(2);

/// A running `serve`, which is ended with the test however that ends.
struct Server {
    process: Child,
    port: u16,
    /// What it printed before the line with its address.
    before: Vec<String>,
    errors: mpsc::Receiver<String>,
}

impl Server {
    fn start(mini: &MiniBook, arguments: &[&str]) -> Server {
        Server::start_with(mini, arguments, |_| {})
    }

    fn start_with(
        mini: &MiniBook,
        arguments: &[&str],
        prepare: impl FnOnce(&mut Process),
    ) -> Server {
        let mut command = Process::new(PROGRAM);
        command.arg("--root").arg(mini.root()).arg("serve").args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        prepare(&mut command);
        let mut process = command.spawn().expect("the program starts");
        let output = lines_of(process.stdout.take().expect("a pipe"));
        let errors = lines_of(process.stderr.take().expect("a pipe"));
        let mut server = Server { process, port: 0, before: Vec::new(), errors };
        while server.port == 0 {
            let line = output.recv_timeout(DEADLINE).unwrap_or_else(|_| {
                panic!(
                    "no address; it printed {:?} and {:?}",
                    server.before,
                    server.errors.try_iter().collect::<Vec<_>>()
                )
            });
            match line.strip_prefix("The book is at http://localhost:") {
                Some(port) => server.port = port.parse().expect("a port"),
                None => server.before.push(line),
            }
        }
        server
    }

    /// Sends one request and gives back status, head and body.
    fn request(&self, method: &str, path: &str, host: &str) -> (u16, String, String) {
        let mut stream =
            TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).expect("a connection");
        stream.set_read_timeout(Some(DEADLINE)).expect("a deadline");
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
            .expect("a request");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).expect("a status").parse().expect("a number");
        (status, head.to_ascii_lowercase(), body.to_owned())
    }

    fn get(&self, path: &str) -> (u16, String, String) {
        self.request("GET", path, &format!("localhost:{}", self.port))
    }

    /// The number of the build that the page at `path` belongs to.
    fn build_shown(&self, path: &str) -> String {
        let (_, _, page) = self.get(path);
        let (_, rest) = page.split_once("const shown = \"").expect("the script that reloads");
        rest.split('"').next().expect("a number").to_owned()
    }

    /// What a page that has seen `shown` is told about the exercises, when it is told something
    /// new.
    fn progress(&self, shown: &str) -> serde_json::Value {
        let (status, head, body) = self.get(&format!("/__progress/{shown}"));
        assert_eq!(status, 200, "{body}");
        assert!(head.contains("content-type: application/json"), "{head}");
        serde_json::from_str(&body).expect("JSON")
    }

    /// How long it takes until the page at `path` contains `text`.
    fn time_until(&self, path: &str, text: &str) -> Duration {
        let start = Instant::now();
        while !self.get(path).2.contains(text) {
            assert!(start.elapsed() < DEADLINE, "{path} never contained {text}");
            thread::sleep(Duration::from_millis(20));
        }
        start.elapsed()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended, which is fine.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn lines_of(stream: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

#[test]
fn serve_answers_with_pages_and_types_and_nothing_from_outside_the_site() {
    let mini = MiniBook::new();
    mini.write("secret.html", "secret");
    let server = Server::start(&mini, &["--port", "0"]);

    let (status, head, page) = server.get("/01-one/");
    assert_eq!(status, 200);
    assert!(head.contains("content-type: text/html; charset=utf-8"), "{head}");
    assert!(head.contains("cache-control: no-store"), "{head}");
    assert!(page.contains("pub fn part()"), "{page}");
    let (status, _, again) = server.get("/01-one/index.html?query#fragment");
    assert_eq!((status, again), (200, page.clone()));

    let script =
        page.split("src=\"../").find(|part| part.starts_with("book")).expect("a script");
    let (status, head, _) =
        server.get(&format!("/{}", script.split('"').next().expect("a name")));
    assert_eq!(status, 200);
    assert!(head.contains("content-type: text/javascript"), "{head}");
    let style = page
        .split("href=\"../")
        .find(|part| part.starts_with("theme/workbook"))
        .expect("a style");
    let (status, head, _) =
        server.get(&format!("/{}", style.split('"').next().expect("a name")));
    assert_eq!(status, 200);
    assert!(head.contains("content-type: text/css"), "{head}");

    let (status, head, body) = server.request("HEAD", "/01-one/", "127.0.0.1");
    assert_eq!((status, body.as_str()), (200, ""));
    assert!(head.contains(&format!("content-length: {}", page.len())), "{head}");
    let (status, head, _) = server.get("/01-one");
    assert_eq!(status, 307);
    assert!(head.contains("location: /01-one/"), "{head}");

    for path in [
        "/gone.html",
        "/../secret.html",
        "/%2e%2e/secret.html",
        "/01-one/../../secret.html",
        "//etc/passwd",
    ] {
        let (status, _, body) = server.get(path);
        assert_eq!(status, 404, "{path}");
        assert!(body.contains("not found") && !body.contains("secret"), "{path}: {body}");
    }
    assert_eq!(server.request("POST", "/", "localhost").0, 405);
    for stranger in ["example.org", "localhost.example.org:3000", "192.0.2.1"] {
        assert_eq!(server.request("GET", "/", stranger).0, 403, "{stranger}");
    }
}

#[test]
fn serve_takes_another_port_when_its_own_is_taken_and_says_so() {
    // Whoever has the port, this test or another program: it is taken while `held` lives.
    let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 3000));
    let mini = MiniBook::new();
    let server = Server::start(&mini, &[]);
    if held.is_ok() {
        assert_ne!(server.port, 3000);
        assert!(
            server.before.iter().any(|line| line.contains("Port 3000 is taken")),
            "{:?}",
            server.before
        );
    }
    assert_eq!(server.get("/").0, 200);
}

#[test]
fn serve_takes_the_demanded_port_or_none() {
    let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = held.local_addr().expect("an address").port().to_string();
    let (status, output, errors) =
        outcome(MiniBook::new().workbook().args(["serve", "--port", &port]));
    assert_eq!((status, output.as_str()), (Some(1), ""));
    assert!(errors.contains(&format!("cannot listen on port {port}")), "{errors}");
}

#[cfg(target_os = "linux")]
#[test]
fn serve_shows_the_book_in_a_browser_on_demand() {
    use std::os::unix::fs::PermissionsExt;

    let mini = MiniBook::new();
    mini.write("bin/xdg-open", "#!/bin/sh\nprintf '%s\\n' \"$1\" >\"$0.called\"\n");
    let browser = mini.root().join("bin/xdg-open");
    fs::set_permissions(&browser, fs::Permissions::from_mode(0o755)).expect("a program");
    let path =
        std::env::join_paths([mini.root().join("bin"), "/usr/bin".into(), "/bin".into()])
            .expect("a path");

    let server = Server::start_with(&mini, &["--port", "0", "--open"], |command| {
        command.env("PATH", path);
    });
    let called = mini.root().join("bin/xdg-open.called");
    let start = Instant::now();
    let address = loop {
        match fs::read_to_string(&called) {
            Ok(line) if line.ends_with('\n') => break line,
            _ => assert!(start.elapsed() < DEADLINE, "no browser was started"),
        }
        thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(address.trim_end(), format!("http://localhost:{}", server.port));
}

#[cfg(target_os = "linux")]
#[test]
fn serve_listens_on_loopback_only() {
    let mini = MiniBook::new();
    let server = Server::start(&mini, &["--port", "0"]);
    const LISTENING: &str = "0A";
    let port = format!("{:04X}", server.port);
    let mut listeners = Vec::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        // A machine without IPv6 has no second table.
        for line in fs::read_to_string(table).unwrap_or_default().lines().skip(1) {
            let columns: Vec<&str> = line.split_whitespace().collect();
            let (address, local_port) =
                columns[1].split_once(':').expect("an address and a port");
            if local_port == port && columns[3] == LISTENING {
                listeners.push(address.to_owned());
            }
        }
    }
    assert!(listeners.contains(&"0100007F".to_owned()), "{listeners:?}");
    for address in listeners {
        assert!(
            ["0100007F", "00000000000000000000000001000000"].contains(&address.as_str()),
            "{address}"
        );
    }

    // The address that this machine would use towards another one, if it has any.
    let elsewhere = std::net::UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
        socket.connect("192.0.2.1:9")?;
        socket.local_addr()
    });
    if let Ok(own) = elsewhere
        && !own.ip().is_loopback()
    {
        let reached =
            TcpStream::connect_timeout(&SocketAddr::new(own.ip(), server.port), DEADLINE);
        assert!(reached.is_err(), "{} answers", own.ip());
    }
}

#[test]
fn an_edit_is_served_within_two_seconds_and_open_pages_are_told() {
    let mini = MiniBook::new();
    let server = Server::start(&mini, &["--port", "0"]);
    let mut fastest = DEADLINE;
    // A machine that stands still for a moment may spoil one measurement, and not three.
    for round in 0..3 {
        let shown = server.build_shown("/01-one/");
        let text = format!("edited in round {round}");
        mini.write("chapters/01-one/README.md", &format!("# One\n\n{text}\n"));
        fastest = fastest.min(server.time_until("/01-one/", &text));
        let (status, _, newest) = server.get(&format!("/__reload/{shown}"));
        assert_eq!(status, 200);
        assert_ne!(newest, shown);
        assert_eq!(newest, server.build_shown("/01-one/"));
    }
    assert!(fastest < RELOAD_MAX, "{fastest:?}");
}

#[test]
fn a_failing_build_is_reported_and_the_old_pages_stay() {
    let mini = MiniBook::new();
    let server = Server::start(&mini, &["--port", "0"]);
    mini.write("chapters/01-one/README.md", "# One\n\n{{#include gone.rs}}\n");
    let deadline = Instant::now() + DEADLINE;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let line = server.errors.recv_timeout(left).expect("the failure is reported");
        if line.contains("README.md:3: the included file gone.rs cannot be read") {
            break;
        }
    }
    let (status, _, page) = server.get("/01-one/");
    assert_eq!(status, 200);
    assert!(page.contains("pub fn part()"), "{page}");

    mini.write("chapters/01-one/README.md", "# One\n\nmended\n");
    server.time_until("/01-one/", "mended");
}

fn failed(code: &str, diagnosis: &str) -> Outcome {
    Outcome::Failed { code: code.into(), case: "ends".into(), diagnosis: diagnosis.into() }
}

#[test]
fn ticks_and_diagnoses_come_to_an_open_page_without_a_reload() {
    let mini = MiniBook::new();
    mini.add_exercise("first-end");
    mini.add_exercise("other-end");
    let server = Server::start(&mini, &["--port", "0"]);
    let build = server.build_shown("/01-one/");

    let (_, _, page) = server.get("/01-one/");
    for place in [
        "<section class=\"exercise\" data-exercise=\"first-end\"",
        "<p class=\"exercise-state\" role=\"status\" aria-live=\"polite\" hidden",
        "<div class=\"exercise-diagnosis\" hidden",
        "<p class=\"exercise-count\" hidden",
        "fetch(\"/__progress/\"",
    ] {
        assert!(page.contains(place), "{place} is not in:\n{page}");
    }

    // A page that has seen nothing is told at once.
    let news = server.progress("0");
    assert_eq!(news["exercises"], serde_json::json!({}));
    assert_eq!(news["untried"]["state"], "○ not tried yet");

    let told = |news: &serde_json::Value, id: &str, what: &str| -> String {
        news["exercises"][id][what].as_str().unwrap_or_default().to_owned()
    };
    let shown = |news: &serde_json::Value| news["version"].as_str().expect("text").to_owned();
    let start = Instant::now();
    Progress::record(
        mini.root(),
        "first-end",
        failed("ZOMBIE", "PROCESS  ZOMBIE\n  4217 <b>\n"),
    )
    .expect("a record");
    let news = server.progress(&shown(&news));
    assert!(start.elapsed() < Duration::from_secs(15), "only at the end of the wait");
    let link = "<a href=\"/B-failure-index/index.html#zombie\">ZOMBIE</a>";
    assert_eq!(
        told(&news, "first-end", "state"),
        format!("✗ failed: {link}, in the case “ends”")
    );
    assert_eq!(
        told(&news, "first-end", "diagnosis"),
        format!("PROCESS  {link}\n  4217 &lt;b&gt;")
    );
    assert_eq!(news["exercises"]["first-end"]["solved"], false);

    Progress::record(mini.root(), "first-end", Outcome::Passed).expect("a record");
    let news = server.progress(&shown(&news));
    assert_eq!(told(&news, "first-end", "state"), "✓ passed");
    assert_eq!(told(&news, "first-end", "diagnosis"), "");

    // What is damaged is no record, and harms nobody.
    mini.write(".workbook/progress/other-end.json", "{");
    let news = server.progress(&shown(&news));
    assert!(news["exercises"].get("other-end").is_none(), "{news}");
    assert_eq!(told(&news, "first-end", "state"), "✓ passed");

    assert_eq!(server.build_shown("/01-one/"), build, "the page was built again");
}

#[test]
fn an_edited_exercise_is_served() {
    let mini = MiniBook::new();
    mini.add_exercise("first-end");
    let server = Server::start(&mini, &["--port", "0"]);
    let readme = mini.root().join("exercises/01-one/first-end/README.md");
    let text = fs::read_to_string(&readme).expect("the exercise's page");
    fs::write(&readme, text.replace("A child.", "Two children.")).expect("an edit");
    server.time_until("/01-one/", "Two children.");
}

#[test]
fn a_built_page_shows_no_ticks_and_asks_for_none() {
    let mini = MiniBook::new();
    mini.add_exercise("first-end");
    Progress::record(mini.root(), "first-end", failed("ZOMBIE", "the diagnosis"))
        .expect("a record");
    let site = mini.root().join("built");
    let (status, _, errors) = outcome(mini.workbook().args(["build", "--dest"]).arg(&site));
    assert_eq!(status, Some(0), "{errors}");
    for page in ["01-one/index.html", "print.html"] {
        let text = fs::read_to_string(site.join(page)).expect("the page");
        assert!(text.contains("The end of first-end") && text.contains("Wait for it."));
        assert!(text.contains("class=\"exercise-state\""), "{page}");
        for part in ["__progress", "__reload", "the diagnosis", "ZOMBIE", "not tried"] {
            assert!(!text.contains(part), "{part} is in {page}");
        }
    }
}

#[test]
fn mdbooks_own_program_gets_the_exercises_too() {
    let mini = MiniBook::new();
    mini.add_exercise("first-end");
    let preprocess = |id: &str| {
        let chapter = serde_json::json!({
            "name": "One", "content": format!("# One\n\n{{{{#exercise {id}}}}}\n"), "number": null,
            "sub_items": [], "path": "01-one/index.md", "source_path": "01-one/README.md",
            "parent_names": [],
        });
        let input = serde_json::json!([
            { "root": mini.root(), "config": { "book": { "src": "chapters" } },
              "renderer": "html", "mdbook_version": "0.5.4" },
            { "items": [{ "Chapter": chapter }] },
        ]);
        outcome(mini.workbook().arg("preprocess").write_stdin(input.to_string()))
    };
    let (status, output, errors) = preprocess("first-end");
    assert_eq!(status, Some(0), "{errors}");
    let book: serde_json::Value = serde_json::from_str(&output).expect("JSON");
    let content = book["items"][0]["Chapter"]["content"].as_str().expect("a page");
    for part in ["### The end of first-end {#exercise-first-end}", "[as you saw](#look)"] {
        assert!(content.contains(part), "{part} is not in:\n{content}");
    }
    let (status, output, errors) = preprocess("absent");
    assert_eq!((status, output.as_str()), (Some(1), ""));
    assert!(
        errors.contains("chapters/01-one/README.md: no exercise is called absent"),
        "{errors}"
    );
}

#[test]
fn an_exercise_that_does_not_exist_stops_the_build() {
    let mini = MiniBook::new();
    mini.add_exercise("first-end");
    mini.write(
        "chapters/00-introduction/README.md",
        "# Introduction\n\n{{#exercise first-and}}\n",
    );
    let site = mini.root().join("built");
    let (status, _, errors) = outcome(mini.workbook().args(["build", "--dest"]).arg(&site));
    assert_eq!(status, Some(1));
    assert!(
        errors.contains(
            "chapters/00-introduction/README.md: no exercise is called first-and. Did you mean \
             first-end?"
        ),
        "{errors}"
    );
}

#[cfg(unix)]
#[test]
fn serve_ends_on_ctrl_c_and_leaves_no_process() {
    let mini = MiniBook::new();
    for signal in ["INT", "TERM"] {
        let mut server = Server::start(&mini, &["--port", "0"]);
        // An open page that waits for news must not hold the server back.
        let mut waiting =
            TcpStream::connect((Ipv4Addr::LOCALHOST, server.port)).expect("a connection");
        let shown = server.build_shown("/");
        write!(waiting, "GET /__reload/{shown} HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .expect("a request");

        let group = server.process.id();
        let kill = |what: &str| {
            let script = format!("kill -{what} -{group} 2>/dev/null");
            Process::new("sh").args(["-c", &script]).status().expect("a shell").success()
        };
        // The handlers are installed right after the address is printed, and a request was
        // answered since.
        assert!(kill(signal));
        let start = Instant::now();
        let status = loop {
            if let Some(status) = server.process.try_wait().expect("its status") {
                break status;
            }
            assert!(start.elapsed() < DEADLINE, "it did not end");
            thread::sleep(Duration::from_millis(5));
        };
        assert!(status.success(), "{signal}: {status}");
        assert!(!kill("0"), "a process of its group is left");
    }
}
