//! Images for a run without a folder: drawn from formulas, the same every time, and four that are broken.

use image::{ImageFormat, Rgb, RgbImage};
use std::fs;
use std::io::{self, Cursor};
use std::path::Path;
use tempfile::TempDir;

/// How many images can be decoded.
const WHOLE: u32 = 12;

/// A temporary folder with the folder `images` in it.
pub(crate) fn create() -> io::Result<TempDir> {
    let folder = tempfile::Builder::new().prefix("thumbs-").tempdir()?;
    let images = folder.path().join("images");
    fs::create_dir_all(images.join("broken"))?;
    for number in 0..WHOLE {
        let (extension, format) = match number % 2 {
            0 => ("png", ImageFormat::Png),
            _ => ("jpg", ImageFormat::Jpeg),
        };
        let name = images.join(format!("wave-{number:02}.{extension}"));
        fs::write(name, encoded(&wave(number), format)?)?;
    }
    broken(&images.join("broken"))?;
    Ok(folder)
}

fn broken(folder: &Path) -> io::Result<()> {
    let png = encoded(&wave(0), ImageFormat::Png)?;
    fs::write(folder.join("cut.png"), &png[..png.len() / 2])?;
    fs::write(folder.join("empty.jpg"), "")?;
    fs::write(folder.join("text.png"), "An image only by its name.\n")?;
    let mut jpeg = encoded(&wave(1), ImageFormat::Jpeg)?;
    promise_more(&mut jpeg);
    fs::write(folder.join("huge.jpg"), jpeg)
}

/// Makes a JPEG claim to be 65,535 pixels wide and high. The frame's header is the marker FF C0, two bytes of length,
/// one of precision, two of height, two of width (ITU-T T.81, B.2.2).
fn promise_more(jpeg: &mut [u8]) {
    if let Some(at) = jpeg.windows(2).position(|marker| marker == [0xFF, 0xC0]) {
        jpeg[at + 5..at + 9].fill(0xFF);
    }
}

/// Color bands, in a size of its own for each number.
fn wave(number: u32) -> RgbImage {
    let (width, height) = (240 + 16 * number, 160 + 24 * (number % 5));
    RgbImage::from_fn(width, height, |x, y| {
        let band = |factor: u32| ((x * factor + y * (number + 1)) / 4 % 256) as u8;
        Rgb([band(1), band(2), band(number % 3 + 1)])
    })
}

fn encoded(image: &RgbImage, format: ImageFormat) -> io::Result<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).map_err(io::Error::other)?;
    Ok(bytes.into_inner())
}
