//! Where `thumbs` reads and writes, and that it replaces no file.

use crate::images::{folder, png, thumbs};
use crate::run::{Ended, Run, files};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

#[test]
fn a_folder_without_images_is_nothing_to_do() {
    let folder = folder([("notes.txt", b"text".to_vec())]);
    let Ended { code, stdout, stderr } = thumbs(folder.path(), &[]).end();
    assert_eq!(
        (code, stdout.as_str(), stderr.as_str()),
        (Some(0), "thumbnails: 0, failed: 0\n", "")
    );
    assert!(!folder.path().join("out").exists());
}

#[test]
fn a_folder_that_is_none_is_named() {
    let folder = folder([("a.png", png(8, 8))]);
    let out = folder.path().join("out");
    for (path, said) in
        [("missing", "No such file or directory"), ("images/a.png", "not a folder")]
    {
        let path = folder.path().join(path);
        let run =
            Run::example("thumbs").args([path.as_os_str(), "--out".as_ref(), out.as_os_str()]);
        let Ended { code, stdout, stderr } = run.end();
        assert_eq!((code, stdout.as_str()), (Some(2), ""));
        assert!(
            stderr.contains(path.to_str().expect("UTF-8")) && stderr.contains(said),
            "{stderr}"
        );
        assert!(!out.exists());
    }
}

#[test]
fn a_folder_that_nobody_may_write_to_is_named() {
    let folder = folder([("a.png", png(8, 8))]);
    let out = folder.path().join("out");
    fs::create_dir(&out).expect("a new folder");
    fs::set_permissions(&out, PermissionsExt::from_mode(0o555)).expect("its own folder");
    let run = if nix::unistd::geteuid().is_root() {
        // Root may write everywhere; another user may not even come to this program where it lies.
        for path in [folder.path(), &folder.path().join("images")] {
            fs::set_permissions(path, PermissionsExt::from_mode(0o755))
                .expect("its own folder");
        }
        let program = folder.path().join("thumbs");
        fs::copy(transcript::built_example("thumbs"), &program).expect("a copy");
        Run::program(&program).by_nobody().args([
            folder.path().join("images").as_os_str(),
            "--out".as_ref(),
            out.as_os_str(),
        ])
    } else {
        thumbs(folder.path(), &[])
    };
    let Ended { code, stdout, stderr } = run.end();
    assert_eq!((code, stdout.as_str()), (Some(2), ""), "{stderr}");
    let said = format!("thumbs: cannot write to {}: Permission denied", out.display());
    assert!(stderr.starts_with(&said), "{stderr}");
    assert!(files(&out).is_empty());
}

#[test]
fn no_file_is_ever_replaced() {
    let folder = folder([("a.png", png(300, 200)), ("sub/b.png", png(300, 200))]);
    let images = folder.path().join("images");
    let before = files(&images);

    // The images' own folder, and one above it.
    for out in [&images, &folder.path().to_owned(), &images.join("sub/..")] {
        let run = Run::example("thumbs").args([
            images.as_os_str(),
            "--out".as_ref(),
            out.as_os_str(),
        ]);
        let ended = run.end();
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains("the images are in there"), "{}", ended.stderr);
    }
    // A folder for thumbnails with a file of that name, and with a link back to the images.
    let out = folder.path().join("out");
    fs::create_dir(&out).expect("a new folder");
    fs::write(out.join("a.png"), "mine").expect("a new file");
    symlink(images.join("sub"), out.join("sub")).expect("a new link");
    let ended = thumbs(folder.path(), &[]).end();
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.stderr.starts_with("sub/b.png: its thumbnail would go to "),
        "{}",
        ended.stderr
    );
    assert!(ended.stdout.contains("\nthere already, and not touched: 1\n"), "{}", ended.stdout);
    assert_eq!(fs::read(out.join("a.png")).expect("the file"), b"mine");
    assert_eq!(files(&images), before);
}

#[test]
fn a_second_run_makes_what_is_missing() {
    let folder = folder([("a.png", png(300, 200)), ("b.png", png(300, 200))]);
    let images = folder.path().join("images");
    // Among the images, so that the second run could take thumbnails for images.
    let out = images.join("small");
    let run = || {
        Run::example("thumbs")
            .args([images.as_os_str(), "--out".as_ref(), out.as_os_str()])
            .end()
    };
    assert!(run().stdout.ends_with("thumbnails: 2, failed: 0\n"));
    let before = files(&images);
    fs::remove_file(out.join("b.png")).expect("a thumbnail");
    let ended = run();
    assert_eq!(ended.code, Some(0));
    assert!(
        ended
            .stdout
            .starts_with("b.png  300x200 -> 128x85\nthumbnails: 1, failed: 0\nthere already, and not touched: 1\n"),
        "{}",
        ended.stdout
    );
    assert_eq!(files(&images), before);
}
