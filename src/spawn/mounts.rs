// SPDX-License-Identifier: MIT OR Apache-2.0
//! The child's mounts, which it makes before it changes its root.
//!
//! Before, because in a user namespace the kernel refuses a new proc or sysfs unless one
//! is visible already, and because the sources of bind mounts are in the caller's root.
//! The targets are below the new root, whose symbolic links are not trusted: targets are
//! looked up with that as the root (openat2(2), RESOLVE_IN_ROOT) or, before Linux 5.6,
//! without following links. From then on a target is a descriptor, so that it cannot be
//! replaced.

use super::elements::Mount;
use super::failure::Failure;
use super::list::List;
use super::readable;
use super::stage::Stage;
use crate::uapi::mount::{self, MS_BIND, MS_NOATIME, MS_REC, attributes};
use crate::uapi::{Errno, file, file_facts, pages};
use core::ffi::{CStr, c_char, c_int, c_ulong};
use core::mem::size_of;
use core::ptr::null;

/// The restricting flags that a mount may have.
const RESTRICTIONS: u64 = attributes::RESTRICTIONS | MS_NOATIME;

/// The caller's part: checks that the list can be read and is valid.
pub fn check(mounts: &List<Mount>) -> Result<(), Failure> {
    let failed = |index| Failure::nth(Stage::Mount, index);
    readable::of_list(mounts).map_err(failed(0))?;
    (0..).zip(mounts.get()).try_for_each(|(index, one)| check_one(one).map_err(failed(index)))
}

fn check_one(mount: &Mount) -> Result<(), Errno> {
    let binds = mount.binds();
    let known = mount.flags & !(RESTRICTIONS | MS_BIND | MS_REC) == 0;
    let makes_sense = if binds { mount.data.is_null() } else { !mount.is_recursive() };
    if !(known && makes_sense) {
        return Err(Errno::EINVAL);
    }
    readable::string(mount.target)?;
    readable::string(if binds { mount.source } else { mount.kind })?;
    if mount.data.is_null() { Ok(()) } else { readable::string(mount.data) }
}

/// The restrictions as attributes of mount_setattr(2).
fn attributes_of(mount: &Mount) -> u64 {
    let noatime = mount.flags & MS_NOATIME != 0;
    mount.flags & attributes::RESTRICTIONS | if noatime { attributes::NOATIME } else { 0 }
}

/// Makes them in their order below a directory. For the child.
pub fn make(mounts: &[Mount], root: c_int) -> Result<(), Failure> {
    (0..).zip(mounts).try_for_each(|(index, one)| {
        let outcome = if one.binds() { bind(one, root) } else { fresh(one, root) };
        outcome.map_err(Failure::nth(Stage::Mount, index))
    })
}

#[inline(never)]
fn bind(one: &Mount, root: c_int) -> Result<(), Errno> {
    let copy = mount::copy_mount(one.source, one.is_recursive())?;
    let wanted = attributes_of(one);
    let restricted = match wanted {
        0 => Ok(()),
        _ => mount::add_attributes(copy, wanted, one.is_recursive()),
    };
    match restricted {
        Ok(()) => attach(copy, root, one.target)?,
        // Before Linux 5.12: by a remount of the single mount, once it is attached.
        Err(Errno::ENOSYS) if !one.is_recursive() => {
            attach(copy, root, one.target)?;
            restrict(copy, one.flags & RESTRICTIONS)?;
        }
        Err(errno) => return Err(errno),
    }
    file::close(copy);
    Ok(())
}

/// By the working directory, a name that leads there whatever else is mounted. ENOSYS for
/// a file.
#[inline(never)]
fn restrict(copy: c_int, restrictions: u64) -> Result<(), Errno> {
    let flags = libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC;
    let before = file::open(c".", flags)?;
    file::fchdir(copy).map_err(|_| Errno::ENOSYS)?;
    let kept = file_facts::mount_flags(copy)?;
    mount::set_flags_here(kept | restrictions as c_ulong)?;
    file::fchdir(before)?;
    file::close(before);
    Ok(())
}

#[inline(never)]
fn fresh(one: &Mount, root: c_int) -> Result<(), Errno> {
    let fs = mount::open_file_system(one.kind)?;
    if !one.source.is_null() {
        mount::set_option(fs, c"source".as_ptr(), one.source)?;
    }
    if !one.data.is_null() {
        with_room(|room| set_options(fs, one.data, room))?;
    }
    mount::create_file_system(fs)?;
    let made = mount::mount_file_system(fs, attributes_of(one))?;
    file::close(fs);
    attach(made, root, one.target)?;
    file::close(made);
    Ok(())
}

/// Buffer for names and options: the kernel takes at most 255 bytes of a name and of a
/// value each (fs/fsopen.c).
type Room = [u8; 1024];

/// The stack is the caller's, and may be small.
fn with_room<T>(use_it: impl FnOnce(&mut Room) -> Result<T, Errno>) -> Result<T, Errno> {
    let room = pages::map_pages(size_of::<Room>())?;
    // SAFETY: mapped just now, of that size, and zeroed.
    let outcome = use_it(unsafe { &mut *room.cast() });
    // SAFETY: mapped above; no pointer to it is left.
    unsafe { pages::unmap_pages(room, size_of::<Room>()) };
    outcome
}

/// Sets options in the syntax of mount(2): `name,name=value`.
fn set_options(fs: c_int, data: *const c_char, text: &mut Room) -> Result<(), Errno> {
    let mut at = data;
    loop {
        let (mut length, mut value) = (0, None);
        let end = loop {
            // SAFETY: within a string, as the caller checked, up to its NUL.
            let byte = unsafe { at.add(length).read_volatile() } as u8;
            // Its NUL needs room as well.
            let place = text.get_mut(length).ok_or(Errno::EINVAL)?;
            *place = byte;
            match byte {
                0 | b',' => {
                    *place = 0;
                    break byte;
                }
                b'=' if value.is_none() => {
                    *place = 0;
                    value = Some(length + 1);
                }
                _ => {}
            }
            length += 1;
        };
        if length != 0 {
            let name = text.as_ptr().cast::<c_char>();
            mount::set_option(fs, name, value.map_or(null(), |at| name.wrapping_add(at)))?;
        }
        if end == 0 {
            return Ok(());
        }
        // SAFETY: the string continues after a comma.
        at = unsafe { at.add(length + 1) };
    }
}

/// Attaches a mount at a target below the root. On the root itself it would be hidden by
/// the root that the child then enters.
#[inline(never)]
fn attach(made: c_int, root: c_int, target: *const c_char) -> Result<(), Errno> {
    let place = find(root, target)?;
    if file_facts::is_same_file(root, place)? {
        return Err(Errno::EBUSY);
    }
    mount::attach_mount(made, place, c"")?;
    file::close(place);
    Ok(())
}

/// openat2(2) fails with EAGAIN if something was renamed or mounted meanwhile. Retries
/// are limited, because another process could keep doing that.
const ATTEMPTS: usize = 100;

#[inline(never)]
fn find(root: c_int, target: *const c_char) -> Result<c_int, Errno> {
    for _ in 0..ATTEMPTS {
        match mount::find_in_root(root, target) {
            Err(Errno::EAGAIN) => {}
            // Filters that do not know the call answer EPERM, which the call itself never
            // does.
            Err(Errno::ENOSYS | Errno::EPERM) => {
                return with_room(|room| walk(root, target, room));
            }
            outcome => return outcome,
        }
    }
    Err(Errno::EAGAIN)
}

/// The same one name at a time, without following links: ELOOP.
fn walk(root: c_int, target: *const c_char, name: &mut Room) -> Result<c_int, Errno> {
    const FLAGS: c_int = libc::O_PATH | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    let mut here = file::open_at(root, c".", FLAGS)?;
    let mut at = target;
    let mut empty = true;
    while let Some(length) = next_name(&mut at, name)? {
        let name = CStr::from_bytes_until_nul(name).map_err(|_| Errno::EINVAL)?;
        let there = match name.to_bytes() {
            b".." => Err(Errno::ELOOP),
            _ => file::open_at(here, name, FLAGS),
        };
        file::close(here);
        here = there?;
        if file_facts::is_symlink(here)? {
            return Err(Errno::ELOOP);
        }
        // SAFETY: the string continues, or ends, after a name.
        at = unsafe { at.add(length) };
        empty = false;
    }
    // SAFETY: a string, as the caller checked.
    if empty && unsafe { target.read() } == 0 { Err(Errno::ENOENT) } else { Ok(here) }
}

/// NAME_MAX.
const LONGEST_NAME: usize = 255;

/// Skips slashes and copies the name after them, if there is one. Returns its length.
fn next_name(at: &mut *const c_char, name: &mut Room) -> Result<Option<usize>, Errno> {
    // SAFETY: within a string, up to its NUL.
    let byte = |at: *const c_char| unsafe { at.read_volatile() } as u8;
    while byte(*at) == b'/' {
        *at = at.wrapping_add(1);
    }
    let mut length = 0;
    while !matches!(byte(at.wrapping_add(length)), 0 | b'/') {
        let place = name.get_mut(length).filter(|_| length < LONGEST_NAME);
        *place.ok_or(Errno::ENAMETOOLONG)? = byte(at.wrapping_add(length));
        length += 1;
    }
    if let Some(end) = name.get_mut(length) {
        *end = 0;
    }
    Ok((length != 0).then_some(length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uapi::exec;

    /// The file that a walk from a directory leads to, or why none.
    fn walked(from: &CStr, target: &CStr) -> Result<(libc::dev_t, u64), Errno> {
        let root = file::open(from, libc::O_PATH)?;
        let found = with_room(|room| walk(root, target.as_ptr(), room));
        file::close(root);
        let found = found?;
        let inode = file_facts::inode(found);
        file::close(found);
        inode
    }

    fn inode(path: &CStr) -> Result<(libc::dev_t, u64), Errno> {
        let fd = file::open_path(path.as_ptr(), libc::O_PATH, 0)?;
        let inode = file_facts::inode(fd);
        file::close(fd);
        inode
    }

    #[test]
    fn a_walk_takes_names_and_no_links() {
        assert_eq!(walked(c"/", c"/proc//sys/./kernel/"), inode(c"/proc/sys/kernel"));
        assert_eq!(walked(c"/proc", c"sys/kernel/ostype"), inode(c"/proc/sys/kernel/ostype"));
        assert_eq!(walked(c"/proc", c"/"), inode(c"/proc"));
        assert_eq!(walked(c"/proc", c"self"), Err(Errno::ELOOP));
        assert_eq!(walked(c"/proc", c"self/fd"), Err(Errno::ELOOP));
        assert_eq!(walked(c"/proc", c"sys/../sys"), Err(Errno::ELOOP));
        assert_eq!(walked(c"/proc", c"sys/nowhere"), Err(Errno::ENOENT));
        assert_eq!(walked(c"/proc", c""), Err(Errno::ENOENT));
        let long = [b'x'; LONGEST_NAME + 2];
        let long = std::ffi::CString::new(&long[..]).unwrap();
        assert_eq!(walked(c"/proc", &long), Err(Errno::ENAMETOOLONG));
    }
}
