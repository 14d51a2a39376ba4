//! The name of a function, which another process of the same executable understands.

use std::mem::transmute;
use std::ptr::with_exposed_provenance;

use task::Image;

/// What is sent in the place of a function.
#[derive(Debug, Clone, Copy)]
pub struct Name {
    /// What tells this executable from others.
    pub image: [u8; 32],
    /// Where the function is.
    pub place: u64,
}

/// The name of a function of this executable.
pub fn name_of(function: fn(u64) -> u64) -> Name {
    Name { image: [0; 32], place: function as usize as u64 }
}

/// The function of this name, in this process.
///
/// # Errors
/// If the name was made by another executable, or its place is not in this one's code.
pub fn function_of(name: &Name) -> Result<fn(u64) -> u64, &'static str> {
    let function = with_exposed_provenance::<()>(name.place as usize);
    // SAFETY: `name_of` has made this place of such a function.
    Ok(unsafe { transmute::<*const (), fn(u64) -> u64>(function) })
}
