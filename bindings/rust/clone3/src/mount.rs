// SPDX-License-Identifier: MIT OR Apache-2.0
//! A mount for the child.

use clone3_sys::{self as sys, libc};
use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

/// Something that the child mounts in its own mount namespace before it changes its root
/// (`clone3_spawn_set(3)`). Linux 5.2.
///
/// The target is looked up in the root that the child will have, must exist there, and no
/// symbolic link leads out of it.
///
/// ```
/// use clone3::Mount;
/// let proc = Mount::new("proc", "/proc").no_suid().no_dev().no_exec();
/// let scratch = Mount::new("tmpfs", "/tmp").data("size=1m,mode=1777");
/// let program = Mount::bind("/usr", "/usr").recursive().read_only();
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Mount {
    source: Option<CString>,
    target: CString,
    kind: Option<CString>,
    data: Option<CString>,
    flags: u64,
    /// Which of the strings has a NUL byte.
    pub(crate) invalid: Option<&'static str>,
}

impl Mount {
    /// A file system of a type: `proc`, `tmpfs`, `devpts` and so on.
    pub fn new(kind: impl AsRef<OsStr>, target: impl AsRef<Path>) -> Mount {
        let mut mount = Mount::at(target.as_ref());
        mount.kind = Some(mount.string("type", kind.as_ref()));
        mount
    }

    /// A directory or file of the caller's root, in another place.
    pub fn bind(source: impl AsRef<Path>, target: impl AsRef<Path>) -> Mount {
        let mut mount = Mount::at(target.as_ref()).flag(libc::MS_BIND);
        mount.source = Some(mount.string("source", source.as_ref().as_os_str()));
        mount
    }

    fn at(target: &Path) -> Mount {
        let mut mount = Mount {
            source: None,
            target: CString::default(),
            kind: None,
            data: None,
            flags: 0,
            invalid: None,
        };
        mount.target = mount.string("target", target.as_os_str());
        mount
    }

    /// The file system's source, a block device for one.
    pub fn source(mut self, source: impl AsRef<OsStr>) -> Mount {
        self.source = Some(self.string("source", source.as_ref()));
        self
    }

    /// The file system's options, as after `-o` of `mount(8)`.
    pub fn data(mut self, data: impl AsRef<OsStr>) -> Mount {
        self.data = Some(self.string("options", data.as_ref()));
        self
    }

    /// Of a bind mount: all that is mounted below as well.
    pub fn recursive(self) -> Mount {
        self.flag(libc::MS_REC)
    }

    /// Nothing can be written. Of a bind mount of a file, or a recursive one: Linux 5.12; so are
    /// the others.
    pub fn read_only(self) -> Mount {
        self.flag(libc::MS_RDONLY)
    }

    /// Programs get no privileges from their files.
    pub fn no_suid(self) -> Mount {
        self.flag(libc::MS_NOSUID)
    }

    /// No devices can be opened.
    pub fn no_dev(self) -> Mount {
        self.flag(libc::MS_NODEV)
    }

    /// No program can be executed.
    pub fn no_exec(self) -> Mount {
        self.flag(libc::MS_NOEXEC)
    }

    /// Reading does not update the time of the last access.
    pub fn no_atime(self) -> Mount {
        self.flag(libc::MS_NOATIME)
    }

    fn flag(mut self, flag: impl Into<u64>) -> Mount {
        self.flags |= flag.into();
        self
    }

    fn string(&mut self, what: &'static str, text: &OsStr) -> CString {
        CString::new(text.as_bytes()).unwrap_or_else(|_| {
            self.invalid.get_or_insert(what);
            CString::default()
        })
    }

    /// As the library wants it, with pointers to the strings of this.
    pub(crate) fn as_sys(&self) -> sys::clone3_spawn_mount {
        let pointer = |text: &Option<CString>| text.as_ref().map_or(ptr::null(), |it| it.as_ptr());
        sys::clone3_spawn_mount {
            source: pointer(&self.source),
            target: self.target.as_ptr(),
            r#type: pointer(&self.kind),
            data: pointer(&self.data),
            flags: self.flags,
        }
    }
}
