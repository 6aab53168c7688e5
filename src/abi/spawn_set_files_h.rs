// SPDX-License-Identifier: MIT OR Apache-2.0
//! The header's text on the setters of `clone3_spawn_t`, which are in `spawn_setters`:
//! the child's files and what it runs.

use super::spawn_plan::clone3_spawn_t;
use crate::spawn::elements::Mount;
use core::ffi::{c_char, c_int, c_void};
use libc::posix_spawn_file_actions_t;

#[allow(dead_code)] // C's view of what the macros in `spawn_setters` define
unsafe extern "C" {
    /// The file mode creation mask, set before the file actions.
    ///
    /// @return 0, or an error number: EINVAL: more than 0777
    pub fn clone3_spawn_set_umask(plan: *mut clone3_spawn_t, mask: libc::mode_t) -> c_int;

    /// Lists what the child mounts, in this order, before it changes its root: while the
    /// caller's root is still visible, which has the sources of bind mounts, and without
    /// which a new proc or sysfs is refused in a user namespace.
    ///
    /// Needs CLONE_NEWNS, or a mount namespace to join. In a new one, all mounts become
    /// slaves first, so that nothing propagates out of it. Targets must exist, in the
    /// root of clone3_spawn_set_pivot_root() or clone3_spawn_set_chroot() or, without
    /// these, in the child's root: directories, and files for bind mounts of files. They
    /// are looked up with that as the root, so that no symbolic link leads out of it
    /// (openat2(2), Linux 5.6; before that, a link or ".." is ELOOP). The root itself
    /// cannot be a target: EBUSY. Linux 5.2; MS_BIND with MS_RDONLY or another
    /// restriction for a file or with MS_REC, Linux 5.12, otherwise ENOSYS.
    ///
    /// A proc shows the child's pid namespace (CLONE_NEWPID), an mqueue its IPC
    /// namespace. In a user namespace of the child's, only some mounts are allowed
    /// (user_namespaces(7)): sysfs needs CLONE_NEWNET, cgroup2 CLONE_NEWCGROUP, and a
    /// bind mount with other mounts below it MS_REC.
    ///
    /// @param mounts  borrowed until the spawn, with their strings
    ///
    /// @return 0, or an error number: EFAULT: mounts is NULL and count is not 0
    pub fn clone3_spawn_set_mounts(
        plan: *mut clone3_spawn_t,
        mounts: *const Mount,
        count: usize,
    ) -> c_int;

    /// The working directory, looked up in the child's root (chdir(2)).
    ///
    /// @param path  borrowed until the spawn
    ///
    /// @return 0, or an error number: EFAULT: NULL
    pub fn clone3_spawn_set_directory(plan: *mut clone3_spawn_t, path: *const c_char) -> c_int;

    /// The same by a descriptor (fchdir(2)).
    ///
    /// @return 0, or an error number: EBADF: negative
    pub fn clone3_spawn_set_directory_fd(plan: *mut clone3_spawn_t, fd: c_int) -> c_int;

    /// The root directory, and the working directory there (chroot(2)).
    ///
    /// @param path  borrowed until the spawn
    ///
    /// @return 0, or an error number: EFAULT: NULL
    pub fn clone3_spawn_set_chroot(plan: *mut clone3_spawn_t, path: *const c_char) -> c_int;

    /// Makes a directory the root of the child's mount namespace (pivot_root(2)), and the
    /// working directory. The old root is detached, all mounts become slaves first. Needs
    /// CLONE_NEWNS, or a mount namespace to join; a /proc; Linux 5.2. Other mounts in the
    /// new root, its own proc above all: clone3_spawn_set_mounts().
    ///
    /// @param fd  a directory, which need not be a mount point, or a detached mount
    ///            (open_tree(2), fsmount(2))
    ///
    /// @return 0, or an error number: EBADF: negative
    pub fn clone3_spawn_set_pivot_root(plan: *mut clone3_spawn_t, fd: c_int) -> c_int;

    /// The complete list of the child's descriptors: fds[0] becomes 0, fds[1] becomes 1
    /// and so on, simultaneously, and all others are closed. An entry of -1 leaves that
    /// number closed. File actions come after it.
    ///
    /// @param fds    as the caller has them, in any order, also several times; borrowed
    ///               until the spawn
    /// @param count  at most 1024
    ///
    /// @return 0, or an error number: EFAULT: fds is NULL and count is not 0; EINVAL: count is too big
    pub fn clone3_spawn_set_fds(
        plan: *mut clone3_spawn_t,
        fds: *const c_int,
        count: usize,
    ) -> c_int;

    /// The file actions of POSIX, in their order.
    ///
    /// Not async-signal-safe until it has been called once, or the library has
    /// initialised a file actions object, which libclone3-api does not do.
    ///
    /// @param actions  borrowed until the spawn; NULL for none
    ///
    /// @return 0, or an error number: EINVAL: the library does not know this C library's
    ///         layout of file actions
    pub fn clone3_spawn_set_file_actions(
        plan: *mut clone3_spawn_t,
        actions: *const posix_spawn_file_actions_t,
    ) -> c_int;

    /// Executes the program by a descriptor (execveat(2), Linux 3.19): clone3_spawn()'s
    /// path is relative to this directory, or is NULL for the file itself.
    ///
    /// The descriptor may be close-on-exec, and neither the list of descriptors nor a
    /// file action closes it before exec. It stays open for a script only, whose
    /// interpreter opens it as /dev/fd/N.
    ///
    /// @param fd     the file or a directory, AT_FDCWD for the working directory
    /// @param flags  0 or AT_SYMLINK_NOFOLLOW
    ///
    /// @return 0, or an error number: EBADF: another negative number; EINVAL: another flag
    pub fn clone3_spawn_set_program_fd(plan: *mut clone3_spawn_t, fd: c_int, flags: c_int)
    -> c_int;

    /// Searches the caller's PATH for clone3_spawn()'s path, if it has no slash, as
    /// posix_spawnp() does.
    ///
    /// @param on  0 for off
    ///
    /// @return 0, or an error number
    pub fn clone3_spawn_set_search(plan: *mut clone3_spawn_t, on: c_int) -> c_int;

    /// Makes the child call a function after all other steps and before the signal mask,
    /// the filter and exec.
    ///
    /// It runs on the caller's stack and in the caller's memory, as after vfork(), with
    /// all signals blocked, while the calling thread is suspended. It may call
    /// async-signal-safe functions; it must not leave by longjmp(), take locks, allocate,
    /// or change memory that the caller does not expect to change. errno is shared with
    /// the caller, too. It must not set a signal's handler, which could run in the
    /// caller's memory once the child has its signal mask, nor unblock signals. Besides
    /// the plan's descriptors one or two of the library's may be open, all close-on-exec:
    /// a pipe for the error where the memory may be a copy.
    ///
    /// It must not change ids, drop capabilities or enter a user namespace: another
    /// process with those credentials could then write the caller's memory. Use the
    /// plan's setters for that; then, and in the other cases that clone3_spawn(3) lists,
    /// the callback runs in a copy of the memory, and the caller does not see what it
    /// writes.
    ///
    /// @param callback  returns 0 to continue, or an error number with which the spawn
    ///                  fails; NULL for none
    /// @param arg       passed to it
    ///
    /// @return 0, or an error number
    pub fn clone3_spawn_set_callback(
        plan: *mut clone3_spawn_t,
        callback: Option<unsafe extern "C" fn(arg: *mut c_void) -> c_int>,
        arg: *mut c_void,
    ) -> c_int;

    /// Makes the child run a function instead of a program: clone3_spawn()'s path must be
    /// NULL; argv and envp are ignored.
    ///
    /// The child has a copy of the memory, and its C library is as consistent as after
    /// _Fork(). pthread_atfork() handlers do not run; signal handlers are inherited. The
    /// function's result is the exit status. clone3_spawn() returns when all steps are
    /// done.
    ///
    /// @param function  NULL for none
    /// @param arg       passed to it
    ///
    /// @return 0, or an error number
    pub fn clone3_spawn_set_function(
        plan: *mut clone3_spawn_t,
        function: Option<unsafe extern "C" fn(arg: *mut c_void) -> c_int>,
        arg: *mut c_void,
    ) -> c_int;
}
