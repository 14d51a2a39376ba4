//! What `thumbs` promises: an image fails alone, a dead worker costs nothing, and nobody is left.

use crate::images::{MANY, folder, jpeg, many, png, size, thumbs, until_it_works};
use crate::run::{Ended, Run, files, until};
use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt;

#[test]
fn a_broken_image_fails_alone() {
    let whole = png(300, 200);
    let folder = folder([
        ("a.png", whole.clone()),
        ("b.JPG", jpeg(200, 400)),
        ("deep/er/cut.png", whole[..whole.len() / 3].to_vec()),
        ("deep/er/tiny.jpeg", jpeg(20, 10)),
        ("empty.png", Vec::new()),
        ("größe 東京.png", png(50, 500)),
        ("notes.txt", b"no image, and not looked at".to_vec()),
        ("text.jpg", b"no image".to_vec()),
    ]);
    let not_utf8 = OsStr::from_bytes(b"\xFF\xFE.png");
    fs::write(folder.path().join("images").join(not_utf8), png(129, 1)).expect("a new file");
    let before = files(&folder.path().join("images"));

    let Ended { code, stdout, stderr } = thumbs(folder.path(), &["--size", "100"]).end();
    assert_eq!(code, Some(1));
    let failed: Vec<&str> = stderr.lines().collect();
    assert_eq!(failed.len(), 3, "{stderr}");
    for (line, name) in failed.iter().zip(["deep/er/cut.png: ", "empty.png: ", "text.jpg: "]) {
        assert!(line.len() > name.len() && line.starts_with(name), "{line}");
    }
    assert!(stdout.ends_with("\nthumbnails: 5, failed: 3\n"), "{stdout}");
    let out = folder.path().join("out");
    let made = [
        ("a.png".as_ref(), (100, 67)),
        ("b.JPG".as_ref(), (50, 100)),
        ("deep/er/tiny.jpeg".as_ref(), (20, 10)),
        ("größe 東京.png".as_ref(), (10, 100)),
        (not_utf8, (100, 1)),
    ];
    for (name, expected) in made {
        let path = out.join(name);
        let image = image::ImageReader::open(&path).expect("a thumbnail").with_guessed_format();
        let image = image.expect("a format").decode().expect("an image");
        assert_eq!((image.width(), image.height()), expected, "{}", path.display());
    }
    // Beside these there are only two folders, and what was there is as it was.
    assert_eq!(files(&out).len(), made.len() + 2, "{:?}", files(&out).keys());
    assert_eq!(files(&folder.path().join("images")), before);
}

#[test]
fn killed_workers_change_no_thumbnail() {
    let names: Vec<String> =
        (0..20).map(|n| format!("{n:02}.{}", if n % 2 == 0 { "png" } else { "jpg" })).collect();
    let folder = folder((0..20).zip(&names).map(|(n, name)| {
        let (width, height) = (200 + 10 * n, 300 - 5 * n);
        (name.as_str(), if n % 2 == 0 { png(width, height) } else { jpeg(width, height) })
    }));
    let run = |args: &[&str]| {
        let out = folder.path().join("out");
        let ended = thumbs(folder.path(), args).end();
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
        let made = files(&out);
        fs::remove_dir_all(out).expect("a folder");
        (ended.stdout, made)
    };
    let calm = run(&["--workers", "1"]);
    assert_eq!(calm.1.len(), 20);
    assert!(calm.0.ends_with("thumbnails: 20, failed: 0\n"), "{}", calm.0);
    assert_eq!(run(&["--workers", "3"]), calm);
    for workers in ["1", "3"] {
        let (stdout, made) = run(&["--kill-workers", "--workers", workers]);
        assert_eq!(made, calm.1);
        let again = "begun by a worker that died, and done by another one: 7\n";
        assert_eq!(stdout.replace(again, ""), calm.0);
        assert!(stdout.contains(again), "{stdout}");
    }
}

#[test]
fn workers_and_forkserver_killed_from_outside_change_nothing() {
    const IMAGES: usize = 100;
    // On a machine that is busy with something else, the program may be done before it is found.
    const ROUNDS_MAX: usize = 20;
    for _ in 0..ROUNDS_MAX {
        let folder = many(IMAGES);
        let running = thumbs(folder.path(), &["--workers", "2"]).start();
        until_it_works(folder.path());
        // Not both of the workers, which could cost one task both of its runs.
        let others = running.others();
        let found = ["thumbs", "forkserver"].map(|name| {
            others.iter().find(|(_, found)| found == name).map(|(pid, _)| Pid::from_raw(*pid))
        });
        let killed = found.map(|pid| pid.is_some_and(|pid| kill(pid, Signal::SIGKILL).is_ok()));
        assert!(running.end().success());
        let made = files(&folder.path().join("out"));
        assert_eq!(made.len(), IMAGES);
        let first = made.values().next().expect("some");
        assert!(made.values().all(|bytes| bytes == first));
        if killed == [true, true] {
            return;
        }
    }
    panic!("the program was done each time before it could be disturbed");
}

#[test]
fn interrupted_it_leaves_nobody_and_no_part_of_a_thumbnail() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let folder = many(MANY);
        let running = thumbs(folder.path(), &["--workers", "3"]).start();
        until_it_works(folder.path());
        assert!(running.others().len() >= 3, "{:?}", running.others());
        running.signal(signal);
        assert_eq!(running.end().signal(), Some(signal as i32));
        let out = folder.path().join("out");
        let made = files(&out);
        assert!(!made.is_empty() && made.len() < MANY);
        let whole = made.keys().all(|name| size(&out.join(name)) == (128, 96));
        assert!(whole, "{:?}", made.keys());
    }
}

#[test]
fn interrupted_without_a_folder_it_removes_its_own() {
    let running = Run::example("thumbs").args(["--kill-workers"]).start();
    until("it has started a process", || !running.others().is_empty());
    running.signal(Signal::SIGINT);
    // It may have been done just before. `end` looks for what is left.
    let status = running.end();
    assert!(status.signal() == Some(2) || status.code() == Some(1), "{status}");
}

#[test]
fn an_image_that_has_vanished_or_is_none_fails_alone() {
    let folder = folder([("b.png", png(8, 8))]);
    let images = folder.path().join("images");
    // Listed, and gone when it is opened: from the task's side the same as a file that was removed meanwhile.
    symlink("removed.png", images.join("a.png")).expect("a new link");
    // Whoever opened it would wait for somebody who writes.
    nix::unistd::mkfifo(&folder.path().join("pipe"), nix::sys::stat::Mode::S_IRWXU)
        .expect("a new pipe");
    symlink("../pipe", images.join("c.png")).expect("a new link");
    let Ended { code, stdout, stderr } = thumbs(folder.path(), &[]).end();
    assert_eq!(code, Some(1));
    assert!(stderr.starts_with("a.png: No such file or directory"), "{stderr}");
    assert!(stderr.ends_with("\nc.png: not a file\n"), "{stderr}");
    assert_eq!(stdout, "b.png  8x8 -> 8x8\nthumbnails: 1, failed: 2\n");
}

/// The marker of a JPEG's Exif part, its length, and a TIFF header with one entry: orientation 6, a camera that was held
/// upright (Exif 2.3, 4.6.4).
const UPRIGHT: &[u8] = b"\xFF\xE1\x00\x22Exif\0\0MM\0\x2A\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";

#[test]
fn a_camera_that_was_held_upright_makes_an_upright_thumbnail() {
    let mut bytes = jpeg(300, 200);
    bytes.splice(2..2, UPRIGHT.iter().copied());
    let folder = folder([("a.jpg", bytes)]);
    let ended = thumbs(folder.path(), &["--size", "60"]).end();
    assert_eq!(
        ended.stdout, "a.jpg  200x300 -> 40x60\nthumbnails: 1, failed: 0\n",
        "{ended:?}"
    );
    assert_eq!(size(&folder.path().join("out/a.jpg")), (40, 60));
}

#[test]
fn the_progress_is_shown_on_a_terminal_only() {
    let folder = many(40);
    let window = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
    let terminal = openpty(&window, None).expect("a terminal");
    let mut run = thumbs(folder.path(), &[]);
    run.command().env("TERM", "xterm").env_remove("NO_COLOR");
    // Read all the time, so that the program never waits for room; it ends with EIO when nobody has the other end.
    let mut master = File::from(terminal.master);
    let reading = std::thread::spawn(move || {
        let mut shown = Vec::new();
        let _ = master.read_to_end(&mut shown);
        shown
    });
    assert!(run.start_with(terminal.slave).end().success());
    let shown = String::from_utf8_lossy(&reading.join().expect("no panic")).into_owned();
    assert!(shown.contains("/40"), "{shown:?}");

    fs::remove_dir_all(folder.path().join("out")).expect("a folder");
    assert_eq!(thumbs(folder.path(), &[]).end().stderr, "");
}
