// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why clone3(2) refuses, as a C string (`clone3_explain`).

use super::declared_entry;
use super::text::Text;
use crate::diagnose;
use crate::uapi::{clone_args, task};
use core::ffi::c_char;

declared_entry!(clone3_explain => exported_explain);

#[allow(dead_code)] // C's view of what the macro above defines
unsafe extern "C" {
    /// Tells why the kernel refuses these arguments to the calling thread.
    ///
    /// The text is about the first rule, in the kernel's order, that they break, and
    /// begins with the errno: "EINVAL: CLONE_SIGHAND needs CLONE_VM". For rules that
    /// depend on the kernel or on the state of the process the kernel is asked, in
    /// questions that create no child (see clone3_probe()). If clone3(2) is unavailable:
    /// why the library's clone3() refuses them.
    ///
    /// What clone3() refuses and the kernel does not (a stack, CLONE_VM without
    /// CLONE_VFORK) comes last, in a text that names clone3_call().
    ///
    /// @param args  as for clone3()
    /// @param size  as for clone3()
    /// @param buf   where the text goes, cut to n bytes with a NUL; may be NULL
    /// @param n     bytes in buf
    /// @return buf or, if that is NULL or n is 0, a constant text without the kernel's
    ///         version; "" if nothing is wrong. errno is untouched
    ///
    /// Not checked: pids.max of a cgroup, and whether the caller may move a process out
    /// of its own cgroup. Async-signal-safe; thread-safe. Any Linux. Source:
    /// kernel/fork.c.
    pub fn clone3_explain(
        args: *const clone_args,
        size: usize,
        buf: *mut c_char,
        n: usize,
    ) -> *const c_char;
}

unsafe extern "C" fn exported_explain(
    args: *const clone_args,
    size: usize,
    buf: *mut c_char,
    n: usize,
) -> *const c_char {
    // SAFETY: the header's contract.
    let text = unsafe { diagnose::explain(args as u64, size) };
    if buf.is_null() || n == 0 {
        return text.unwrap_or(c"").as_ptr();
    }
    let words = text.unwrap_or(c"").to_bytes();
    // SAFETY: the caller's n bytes.
    unsafe { Text::fill(buf, n, |out| push_reason(out, words)) }
}

/// A reason, followed by the running kernel's version if it names a required one.
pub fn push_reason(out: &mut Text, text: &[u8]) {
    out.push(text);
    if text.windows(12).any(|word| word == b"needs Linux ") {
        let (major, minor) = task::kernel_version();
        out.push(b"; this is ");
        out.push_number(major);
        out.push(b".");
        out.push_number(minor);
    }
}
