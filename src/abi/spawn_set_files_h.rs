// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the header says of the setters of `clone3_spawn_t`, which are in
//! `spawn_setters`: its files and what it runs.

use super::spawn_plan::clone3_spawn_t;
use crate::spawn::elements::Mount;
use core::ffi::{c_char, c_int, c_void};
use libc::posix_spawn_file_actions_t;

#[allow(dead_code)] // C's view of what the macros in `spawn_setters` define
unsafe extern "C" {
    /// The file mode creation mask, which the file actions see already.
    ///
    /// @return 0, or an error number: EINVAL: more than 0777
    pub fn clone3_spawn_set_umask(plan: *mut clone3_spawn_t, mask: libc::mode_t) -> c_int;

    /// Lists what the child mounts, in this order, before it enters its root: where the
    /// caller's root can still be seen, from which files are bound and without which
    /// a user namespace lets nobody mount proc or sysfs.
    ///
    /// Needs CLONE_NEWNS, or a mount namespace to join. Of a new one, all mounts become
    /// slaves first, so that nothing gets out. The targets are directories, for files
    /// that are bound files, that are there already in the root of
    /// clone3_spawn_set_pivot_root() or clone3_spawn_set_chroot(); without one, in the root
    /// that the child has. They are looked up as if that were the root, whatever links
    /// are in it (openat2(2), Linux 5.6; before that, a link or ".." is ELOOP). The root
    /// itself is no target: EBUSY. Linux 5.2; MS_BIND with MS_RDONLY and its like for
    /// a file or with MS_REC, Linux 5.12, otherwise ENOSYS.
    ///
    /// A proc is that of the child's pid namespace (CLONE_NEWPID), an mqueue that of its
    /// IPC namespace. In a user namespace of the child's, a mount must be one that is
    /// allowed there (user_namespaces(7)): sysfs needs CLONE_NEWNET, cgroup2
    /// CLONE_NEWCGROUP, what is bound with others below it MS_REC.
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
    /// working directory. The old root is detached, all mounts become slaves first.
    /// Needs CLONE_NEWNS, or a mount namespace to join; a /proc; Linux 5.2. What the new
    /// root needs besides, its own proc above all: clone3_spawn_set_mounts().
    ///
    /// @param fd  a directory, which need not be a mount point, or a detached mount
    ///            (open_tree(2), fsmount(2))
    ///
    /// @return 0, or an error number: EBADF: negative
    pub fn clone3_spawn_set_pivot_root(plan: *mut clone3_spawn_t, fd: c_int) -> c_int;

    /// The complete list of the child's descriptors: fds[0] becomes 0, fds[1] becomes 1
    /// and so on, as if all at once, and everything else is closed. An entry of -1
    /// leaves that number closed. File actions come after it.
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
    /// Not async-signal-safe as long as neither this was called nor an object initialised
    /// by the library, which libclone3-api does not do.
    ///
    /// @param actions  borrowed until the spawn; NULL for none
    ///
    /// @return 0, or an error number: EINVAL: the C library keeps its actions in another
    ///         way than those that this library can read
    pub fn clone3_spawn_set_file_actions(
        plan: *mut clone3_spawn_t,
        actions: *const posix_spawn_file_actions_t,
    ) -> c_int;

    /// Has the program executed by a descriptor (execveat(2), Linux 3.19): clone3_spawn()'s
    /// path is relative to this directory, or is NULL for the file itself.
    ///
    /// The descriptor may be close-on-exec, and neither the list of descriptors nor
    /// a file action takes it away. Only of a script it stays open, as the interpreter
    /// opens it as /dev/fd/N.
    ///
    /// @param fd     the file or a directory, AT_FDCWD for the working directory
    /// @param flags  of AT_SYMLINK_NOFOLLOW
    ///
    /// @return 0, or an error number: EBADF: another negative number; EINVAL: another flag
    pub fn clone3_spawn_set_program_fd(plan: *mut clone3_spawn_t, fd: c_int, flags: c_int)
    -> c_int;

    /// Has clone3_spawn()'s path, if there is no slash in it, looked for in the caller's
    /// PATH, as posix_spawnp() does.
    ///
    /// @param on  0 for not
    ///
    /// @return 0, or an error number
    pub fn clone3_spawn_set_search(plan: *mut clone3_spawn_t, on: c_int) -> c_int;

    /// Has the child call a function after all other steps and before the signal mask, the
    /// filter and exec.
    ///
    /// It runs on the caller's stack and in the caller's memory, at vfork()'s speed, with
    /// all signals blocked, while the calling thread waits. It may make system calls
    /// through async-signal-safe functions; it must not return in another way than by
    /// returning, lock, allocate, or change what the caller does not expect changed.
    /// errno is the caller's, too. It must not set a signal's handler, which could run in
    /// the caller's memory once the child has its signal mask, nor unblock signals.
    /// Beside the plan's descriptors it may find one or two more of the library's, all
    /// close-on-exec: a pipe for the error where memory may be a copy.
    ///
    /// It must not change ids, give up capabilities or enter a user namespace: a process
    /// with such credentials could then write the caller's memory. Let the plan do that;
    /// where it does, and in the other cases that clone3_spawn(3) lists, the callback
    /// runs in a copy of the memory, and what it writes there the caller does not see.
    ///
    /// @param callback  returns 0 to go on, or an error number with which the spawn
    ///                  fails; NULL for none
    /// @param arg       passed to it
    ///
    /// @return 0, or an error number
    pub fn clone3_spawn_set_callback(
        plan: *mut clone3_spawn_t,
        callback: Option<unsafe extern "C" fn(arg: *mut c_void) -> c_int>,
        arg: *mut c_void,
    ) -> c_int;

    /// Has the child run a function instead of a program: clone3_spawn()'s path must be
    /// NULL, argv and envp are not looked at.
    ///
    /// The child has a copy of the memory and a C library as sound as after _Fork();
    /// handlers of pthread_atfork() do not run, and those of signals stay. Its result is
    /// the exit status. clone3_spawn() returns when all steps are taken.
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
