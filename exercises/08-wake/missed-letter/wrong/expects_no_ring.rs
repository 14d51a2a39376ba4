//! BUSY_WAIT: always expects a bell that has never rung, and so sleeps only before the first ring.

use gate::Word;

/// Waits until a letter is in the box, takes it out and returns it.
///
/// The box is 0 while it is empty. `bell` counts the rings. Somebody else may ring too, and there is no letter then.
pub fn take(letter: &Word<'_>, bell: &Word<'_>) -> u32 {
    loop {
        let found = letter.swap(0);
        if found != 0 {
            return found;
        }
        bell.wait(0);
    }
}

/// Puts a letter, which is not 0, into the empty box, and rings.
pub fn put(letter: &Word<'_>, bell: &Word<'_>, text: u32) {
    letter.store(text);
    bell.fetch_add(1);
    bell.wake(1);
}
