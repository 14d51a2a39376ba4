//! Folders with images, and runs of `thumbs` on them.

use crate::run::{Run, until};
use image::{ImageFormat, Rgba, RgbaImage};
use std::ffi::OsStr;
use std::fs;
use std::io::Cursor;
use std::os::unix::fs::symlink;
use std::path::Path;
use tempfile::TempDir;

pub(crate) fn encoded(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let image = RgbaImage::from_fn(width, height, |x, y| {
        let [x, y] = [x, y].map(|side| (side % 256) as u8);
        Rgba([x, y, x ^ y, 255 - x / 2])
    });
    let mut bytes = Cursor::new(Vec::new());
    match format {
        ImageFormat::Jpeg => {
            image::DynamicImage::from(image).to_rgb8().write_to(&mut bytes, format)
        }
        _ => image.write_to(&mut bytes, format),
    }
    .expect("an image");
    bytes.into_inner()
}

pub(crate) fn png(width: u32, height: u32) -> Vec<u8> {
    encoded(width, height, ImageFormat::Png)
}

pub(crate) fn jpeg(width: u32, height: u32) -> Vec<u8> {
    encoded(width, height, ImageFormat::Jpeg)
}

/// A folder with the folder `images`, for these files.
pub(crate) fn folder<'a>(images: impl IntoIterator<Item = (&'a str, Vec<u8>)>) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(folder.path().join("images")).expect("a new folder");
    for (name, bytes) in images {
        let path = folder.path().join("images").join(name);
        fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
        fs::write(path, bytes).expect("a new file");
    }
    folder
}

pub(crate) fn thumbs(folder: &Path, args: &[&str]) -> Run {
    let (images, out) = (folder.join("images"), folder.join("out"));
    Run::example("thumbs")
        .args([images.as_os_str(), OsStr::new("--out"), out.as_os_str()])
        .args(args)
}

/// How large the image in a file is.
pub(crate) fn size(path: &Path) -> (u32, u32) {
    let image = image::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    (image.width(), image.height())
}

/// How many images a program has in hand that is to be interrupted: it would take minutes.
pub(crate) const MANY: usize = 5_000;

/// Links, all to one image of 300 by 225 pixels.
pub(crate) fn many(count: usize) -> TempDir {
    let folder = folder([]);
    fs::write(folder.path().join("large.png"), png(300, 225)).expect("a new file");
    for number in 0..count {
        let link = folder.path().join(format!("images/{number:04}.png"));
        symlink("../large.png", link).expect("a new link");
    }
    folder
}

/// Waits until the first thumbnail has got its name.
pub(crate) fn until_it_works(folder: &Path) {
    until("a thumbnail is there", || {
        let Ok(entries) = fs::read_dir(folder.join("out")) else { return false };
        entries.flatten().any(|entry| entry.path().extension().is_some())
    });
}
