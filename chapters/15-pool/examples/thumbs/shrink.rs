//! The task: one image is read, shrunk and written.
//!
//! Invariant: under the name of the thumbnail there is nothing or a whole thumbnail, at whatever instant the worker is
//! killed. It is written under another name first, and renamed when it is whole (man 2 rename). That also makes it safe
//! to run the task twice.

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};
use nix::sys::signal::{Signal, raise};
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Cursor, ErrorKind, Write};
use std::path::Path;

/// What a decoder may take, in bytes. A few bytes of a file can promise an image of any size.
const DECODED_BYTES_MAX: u64 = 512 << 20;

// ANCHOR: job
/// What a worker has to know. A name is any bytes without a zero, so it travels as an `OsString`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) source: OsString,
    /// Where the thumbnail is written before it is whole: this job's alone.
    pub(crate) part: OsString,
    pub(crate) target: OsString,
    /// Of the longer side at most, in pixels.
    pub(crate) size: u32,
    /// Whether the first run of this job ends by SIGKILL, when half of the file is written.
    pub(crate) kills_worker: bool,
}

/// Width and height in pixels, of the image and of its thumbnail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Thumb {
    pub(crate) before: (u32, u32),
    pub(crate) after: (u32, u32),
    /// Whether a worker had begun it and died.
    pub(crate) second_run: bool,
}

/// Makes one thumbnail. What is wrong with an image is a result like any other.
pub(crate) fn shrink(job: Job) -> Result<Thumb, String> {
    let target = Path::new(&job.target);
    let image = decode(Path::new(&job.source)).map_err(reason)?;
    let before = (image.width(), image.height());
    let fits = before.0 <= job.size && before.1 <= job.size;
    let small = if fits { image } else { image.thumbnail(job.size, job.size) };
    let bytes = encode(&small, target).map_err(reason)?;
    let second_run = write(&job, &bytes)
        .map_err(|error| format!("cannot write {}: {error}", target.display()))?;
    Ok(Thumb { before, after: (small.width(), small.height()), second_run })
}

/// Writes the file and gives it its name. Returns whether a worker had died of it before.
fn write(job: &Job, bytes: &[u8]) -> std::io::Result<bool> {
    let (mut file, second_run) = match File::create_new(&job.part) {
        Ok(file) => (file, false),
        // Nobody else uses this name: a worker that was killed has left half a thumbnail.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            (File::create(&job.part)?, true)
        }
        Err(error) => return Err(error),
    };
    let (first, second) = bytes.split_at(bytes.len() / 2);
    file.write_all(first)?;
    if job.kills_worker && !second_run {
        raise(Signal::SIGKILL)?;
    }
    file.write_all(second)?;
    fs::rename(&job.part, &job.target)?;
    Ok(second_run)
}
// ANCHOR_END: job

/// On one line, whatever the decoder made of it.
fn reason(error: Box<dyn Error>) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn decode(source: &Path) -> Result<DynamicImage, Box<dyn Error>> {
    // A named pipe would be waited for.
    if !fs::metadata(source)?.is_file() {
        return Err("not a file".into());
    }
    let mut decoder = ImageReader::open(source)?.with_guessed_format()?.into_decoder()?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(DECODED_BYTES_MAX);
    limits.reserve(decoder.total_bytes())?;
    decoder.set_limits(limits)?;
    let orientation = decoder.orientation()?;
    let mut image = DynamicImage::from_decoder(decoder)?;
    // A camera that was held upright writes the image as it is and notes the angle.
    image.apply_orientation(orientation);
    Ok(image)
}

/// In the format that the name of the thumbnail stands for, which is that of the image's name.
fn encode(image: &DynamicImage, target: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    let format = ImageFormat::from_path(target)?;
    let mut bytes = Cursor::new(Vec::new());
    match format {
        // JPEG knows no transparency and 8 bits for each color.
        ImageFormat::Jpeg => image.to_rgb8().write_to(&mut bytes, format)?,
        _ => image.write_to(&mut bytes, format)?,
    }
    Ok(bytes.into_inner())
}
