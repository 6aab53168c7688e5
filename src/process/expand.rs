// SPDX-License-Identifier: MIT OR Apache-2.0
//! `wordexp` under a trace: what it runs the host starts by internal functions, so only that it
//! may have is recorded.

use crate::host;
use crate::host::interposers::{index, watched};
use crate::observe::{Creation, Note, read_text};
use core::ffi::{c_char, c_int, c_void};
use core::mem::transmute;

/// No command is to be run.
const WRDE_NOCMD: c_int = 1 << 2;
/// There is no such function.
const WRDE_NOSYS: c_int = -1;

type Wordexp = unsafe extern "C" fn(*const c_char, *mut c_void, c_int) -> c_int;

/// `wordexp()`, by the host.
///
/// # Safety
/// As wordexp(3).
pub unsafe fn expand(note: Note, words: *const c_char, place: *mut c_void, flags: c_int) -> c_int {
    let Some(function) = watched(const { index("wordexp") }) else { return WRDE_NOSYS };
    // SAFETY: a function of that name has that prototype (POSIX).
    let function = unsafe { transmute::<*mut c_void, Wordexp>(function) };
    // musl has a shell expand the words, whatever they are.
    let may_run = !host::is_glibc() || (flags & WRDE_NOCMD == 0 && has_command(words));
    let creation = if may_run { Creation::begin_hosts(note, false) } else { Creation::NONE };
    // SAFETY: by the contract.
    let outcome = unsafe { function(words, place, flags) };
    creation.end_hosts(Ok(0));
    outcome
}

fn has_command(words: *const c_char) -> bool {
    const MOST: usize = 1 << 16;
    let (text, is_cut) = read_text(words, MOST);
    is_cut || substitutes(text)
}

/// Whether a shell's words may have the output of a command in them: `$(…)` or `` `…` ``, not
/// `$((…))`, and not between single quotes.
fn substitutes(text: &[u8]) -> bool {
    let (mut is_quoted, mut is_single) = (false, false);
    let mut rest = text;
    while let [byte, behind @ ..] = rest {
        rest = behind;
        match byte {
            b'\'' if !is_quoted => is_single = !is_single,
            _ if is_single => {}
            b'\\' => rest = rest.get(1..).unwrap_or_default(),
            b'"' => is_quoted = !is_quoted,
            b'`' => return true,
            b'$' if rest.starts_with(b"(") && !rest.starts_with(b"((") => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::substitutes;

    #[test]
    fn commands_in_words_are_found() {
        for with in
            ["$(a)", "a `b` c", "\"$(a)\"", "\"'$(a)'\"", "$(( $(a) ))", "${a:-$(b)}", "\\\\`a`"]
        {
            assert!(substitutes(with.as_bytes()), "{with}");
        }
        for without in
            ["", "a ~ $HOME *", "'$(a)'", "'`'", "\\`a\\`", "\\$(a)", "$((1 + 2))", "$", "\\"]
        {
            assert!(!substitutes(without.as_bytes()), "{without}");
        }
    }
}
