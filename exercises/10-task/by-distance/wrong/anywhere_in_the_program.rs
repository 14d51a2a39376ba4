//! UNEXPECTED_SIGNAL: looked whether the place is in the program, and not whether code is there.

use std::mem::transmute;
use std::ptr::with_exposed_provenance;

use task::Image;

/// What is sent in the place of a function.
#[derive(Debug, Clone, Copy)]
pub struct Name {
    /// What tells this executable from others.
    pub image: [u8; 32],
    /// Where the function is: how far from the load address.
    pub place: u64,
}

/// The name of a function of this executable.
pub fn name_of(function: fn(u64) -> u64) -> Name {
    let image = Image::current();
    let place = (function as usize).wrapping_sub(image.base());
    Name { image: image.fingerprint(), place: place as u64 }
}

/// The function of this name, in this process.
///
/// # Errors
/// If the name was made by another executable, or its place is not in this one's code.
pub fn function_of(name: &Name) -> Result<fn(u64) -> u64, &'static str> {
    let image = Image::current();
    if name.image != image.fingerprint() {
        return Err("the name was made by another executable");
    }
    let address = image.base().wrapping_add(name.place as usize);
    if !(image.base()..image.base() + (1 << 30)).contains(&address) {
        return Err("the place is not in the code");
    }
    let function = with_exposed_provenance::<()>(address);
    // SAFETY: the same executable has made this place of such a function, by `name_of`. A damaged number is found here
    // only if it leads out of the code.
    Ok(unsafe { transmute::<*const (), fn(u64) -> u64>(function) })
}
