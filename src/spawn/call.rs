// SPDX-License-Identifier: MIT OR Apache-2.0
//! A call of `posix_spawn` or one of its variants.

use super::actions::FileActions;
use super::attr::SpawnAttributes;
use crate::observe::Note;
use crate::uapi::exec::Strings;
use core::ffi::c_char;

/// The arguments that the four functions have in common.
#[derive(Clone, Copy)]
pub struct Call {
    /// Which of them it is.
    pub note: Note,
    /// A path, or a name to search for.
    pub file: *const c_char,
    /// Null for none.
    pub actions: *const FileActions,
    /// Null for none.
    pub attributes: *const SpawnAttributes,
    /// The child's arguments.
    pub argv: Strings,
    /// The child's environment.
    pub envp: Strings,
    /// Whether `file` is searched for in PATH.
    pub search: bool,
}
