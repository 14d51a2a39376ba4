//! LOST_WAKEUP: rings first, so that the other one is awake when the letter comes.

use gate::Word;

/// Waits until a letter is in the box, takes it out and returns it.
///
/// The box is 0 while it is empty. `bell` counts the rings. Somebody else may ring too, and there is no letter then.
pub fn take(letter: &Word<'_>, bell: &Word<'_>) -> u32 {
    loop {
        let rung = bell.load();
        let found = letter.swap(0);
        if found != 0 {
            return found;
        }
        // A ring after the load makes this return at once.
        bell.wait(rung);
    }
}

/// Puts a letter, which is not 0, into the empty box, and rings.
pub fn put(letter: &Word<'_>, bell: &Word<'_>, text: u32) {
    bell.fetch_add(1);
    bell.wake(1);
    letter.store(text);
}
