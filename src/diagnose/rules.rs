// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every reason for which clone3(2) refuses a request, in the order in which the kernel
//! checks (kernel/fork.c of Linux 7.2 unless another file is named; older kernels check
//! the same in almost the same order, and the differences have rows of their own).

use super::case::{Case, Child};
use crate::uapi::flags::*;
use crate::uapi::{CloneFlags, Errno};
use core::ffi::CStr;

/// One reason. Without pointers: the table is not relocated when the library is loaded, as
/// most processes never read it.
pub struct Rule {
    /// The errno, which is also what the text begins with.
    pub errno: Errno,
    /// Where the text begins in [`TEXTS`].
    text: u16,
    /// The first kernel, major and minor, that has the rule.
    pub since: (u32, u32),
    /// The first kernel without it.
    pub until: (u32, u32),
    /// Broken by this flag where the kernel does not know it; without one, by what
    /// [`look`] sees.
    flag: CloneFlags,
}

impl Rule {
    /// The text for the caller: the errno's name, a colon, the rule.
    pub fn text(&self) -> &'static CStr {
        let rest = TEXTS.get(usize::from(self.text)..).unwrap_or_default();
        CStr::from_bytes_until_nul(rest).unwrap_or_default()
    }
}

/// A rule as it is written below.
#[derive(Clone, Copy)]
pub struct Written {
    errno: Errno,
    text: &'static CStr,
    since: (u32, u32),
    until: (u32, u32),
    /// The kernel function that checks it.
    #[cfg_attr(not(test), allow(dead_code))] // for readers and for the tests
    pub source: &'static str,
    flag: CloneFlags,
}

/// The kernel before any.
const EVER: (u32, u32) = (0, 0);
/// The kernel after all.
const NEVER: (u32, u32) = (u32::MAX, 0);

macro_rules! rules {
    ($table:ident, $look:ident: $($errno:ident $text:literal [$since:expr, $until:expr]
        $source:literal $broken:expr;)+) => {
        const $table: &[Written] = &[$(Written {
            errno: Errno::$errno,
            text: match CStr::from_bytes_with_nul(
                concat!(stringify!($errno), ": ", $text, "\0").as_bytes(),
            ) {
                Ok(text) => text,
                Err(_) => panic!("a NUL within"),
            },
            since: $since,
            until: $until,
            source: $source,
            flag: CloneFlags::NONE,
        }),+];

        /// Whether a case breaks one of these rules, provided that it breaks no earlier one.
        fn $look(at: usize, case: &Case) -> bool {
            let mut number = 0;
            $(
                if number == at {
                    let is_broken: fn(&Case) -> bool = $broken;
                    return is_broken(case);
                }
                number += 1;
            )+
            at < number
        }
    };
}

rules! { OF_FIELDS, look_at_fields:
    // The struct.
    E2BIG "size is larger than a page, the most that the kernel reads" [EVER, NEVER]
        "copy_clone_args_from_user" |c| c.request == Err(Errno::E2BIG);
    EINVAL "size is smaller than 64 (CLONE_ARGS_SIZE_VER0)" [EVER, NEVER]
        "copy_clone_args_from_user" |c| c.request == Err(Errno::EINVAL);
    EFAULT "args is not readable for size bytes" [EVER, NEVER]
        "copy_struct_from_user" |c| c.request == Err(Errno::EFAULT);
    E2BIG "a field that this kernel does not know is not zero" [EVER, NEVER]
        "copy_struct_from_user" |c| c.uses_unknown_field();

    // Its fields.
    EINVAL "set_tid_size is larger than 32, the depth of nested pid namespaces" [EVER, NEVER]
        "copy_clone_args_from_user" |c| c.args().set_tid.1 > 32;
    EINVAL "set_tid_size is given without set_tid" [EVER, NEVER]
        "copy_clone_args_from_user" |c| c.args().set_tid.0 == 0 && c.args().set_tid.1 != 0;
    EINVAL "set_tid is given without set_tid_size" [EVER, NEVER]
        "copy_clone_args_from_user" |c| c.args().set_tid.0 != 0 && c.args().set_tid.1 == 0;
    EINVAL "exit_signal is larger than 255: not a signal number" [EVER, NEVER]
        "copy_clone_args_from_user" |c| c.args().exit_signal > CSIGNAL.bits();
    EINVAL "CLONE_INTO_CGROUP needs the size of struct clone_args to be 88 (CLONE_ARGS_SIZE_VER2)"
        [(5, 7), NEVER] "copy_clone_args_from_user"
        |c| c.has(CLONE_INTO_CGROUP) && c.args().wire.is_some_and(|wire| wire.size < 88);
    EINVAL "cgroup is larger than any descriptor" [(5, 7), NEVER]
        "copy_clone_args_from_user"
        |c| c.has(CLONE_INTO_CGROUP) && c.args().cgroup > i32::MAX as u64;
    EFAULT "set_tid is not readable for set_tid_size pids" [EVER, NEVER]
        "copy_clone_args_from_user" |c| {
            let args = c.args();
            args.set_tid.1 != 0 && !c.witness.readable(args.set_tid, args.exit_signal)
        };
}

/// Flags that came later, each with a rule of its own.
const LATER_FLAGS: [Written; LATER.len()] = {
    let any = Written {
        errno: Errno::EINVAL,
        text: c"",
        since: EVER,
        until: NEVER,
        source: "clone3_args_valid",
        flag: CloneFlags::NONE,
    };
    let (mut rules, mut len, mut i) = ([any; LATER.len()], 0, 0);
    while i < FLAGS.len() {
        let flag = &FLAGS[i];
        if flag.is_later() {
            rules[len] = Written { text: flag.unknown, flag: flag.bit, ..any };
            len += 1;
        }
        i += 1;
    }
    rules
};

rules! { OF_FLAGS, look_at_flags:
    // Flags, each by itself.
    EINVAL "a flag is set that no kernel knew when this library was written" [EVER, NEVER]
        "clone3_args_valid"
        |c| c.answer(c.any(!NAMED), |args| Child::With(args.flags & !NAMED)) == Err(Errno::EINVAL);
    EINVAL "CLONE_DETACHED has no effect in Linux, and clone3(2) refuses it" [EVER, NEVER]
        "clone3_args_valid" |c| c.has(CLONE_DETACHED);
    EINVAL "a signal goes into exit_signal, not into the low seven bits of flags"
        [EVER, NEVER] "clone3_args_valid" |c| c.any(CSIGNAL & !CLONE_NEWTIME);
    EINVAL "CLONE_CLEAR_SIGHAND and CLONE_SIGHAND are mutually exclusive" [(5, 5), NEVER]
        "clone3_args_valid" |c| c.has(CLONE_SIGHAND | CLONE_CLEAR_SIGHAND);
    EINVAL "CLONE_THREAD requires exit_signal == 0: the end of a thread sends no signal" [EVER, NEVER]
        "clone3_args_valid" |c| c.has(CLONE_THREAD) && c.args().exit_signal != 0;
    EINVAL "CLONE_PARENT requires exit_signal == 0: the child has the caller's own exit signal" [EVER, NEVER]
        "clone3_args_valid" |c| c.has(CLONE_PARENT) && c.args().exit_signal != 0;
    EINVAL "stack_size is given without stack" [EVER, NEVER]
        "clone3_stack_valid" |c| c.args().stack.base == 0 && c.args().stack.size != 0;
    EINVAL "stack is given without stack_size (stack is its lowest address)" [EVER, NEVER]
        "clone3_stack_valid" |c| c.args().stack.base != 0 && c.args().stack.size == 0;
    EINVAL "the stack reaches beyond the addresses of user space" [EVER, NEVER]
        "clone3_stack_valid"
        |c| c.answer(!c.args().stack.is_callers(), |args| {
            Child::OnStack(args.stack.base, args.stack.size)
        }) == Err(Errno::EINVAL);

    // Flags with fields.
    EINVAL "pidfd and parent_tid point to the same place" [EVER, NEVER]
        "kernel_clone"
        |c| c.has(CLONE_PIDFD | CLONE_PARENT_SETTID) && c.args().pidfd == c.args().parent_tid;
    EINVAL "exit_signal is larger than 64: not a signal number" [EVER, NEVER]
        "kernel_clone" |c| c.args().exit_signal > 64;

    // Flags with each other.
    EINVAL "CLONE_FS cannot share a root across mount namespaces (CLONE_NEWNS)" [EVER, NEVER]
        "copy_process" |c| c.has(CLONE_NEWNS | CLONE_FS);
    EINVAL "CLONE_FS cannot share a root across mount namespaces (CLONE_EMPTY_MNTNS)"
        [EVER, NEVER] "copy_process" |c| c.has(CLONE_EMPTY_MNTNS | CLONE_FS);
    EINVAL "CLONE_FS cannot be shared across user namespaces (CLONE_NEWUSER)" [EVER, NEVER]
        "copy_process" |c| c.has(CLONE_NEWUSER | CLONE_FS);
    EPERM "CLONE_NEWUSER needs CAP_SYS_ADMIN here: kernel.unprivileged_userns_clone is 0"
        [EVER, NEVER] "copy_process (Debian, Arch)"
        // No thread without CLONE_SIGHAND: refused either way, by whom tells.
        |c| c.answer(c.has(CLONE_NEWUSER), |_| Child::With(CLONE_NEWUSER | CLONE_THREAD))
            == Err(Errno::EPERM);
    EINVAL "CLONE_THREAD needs CLONE_SIGHAND" [EVER, NEVER]
        "copy_process" |c| c.has(CLONE_THREAD) && !c.has(CLONE_SIGHAND);
    EINVAL "CLONE_SIGHAND needs CLONE_VM" [EVER, NEVER]
        "copy_process" |c| c.has(CLONE_SIGHAND) && !c.has(CLONE_VM);
    EINVAL "CLONE_PARENT: the first process of a pid namespace has no siblings" [EVER, NEVER]
        "copy_process" |c| c.has(CLONE_PARENT) && c.witness.is_init();
    EINVAL "CLONE_THREAD: a thread is in its process's user namespace (CLONE_NEWUSER)"
        [EVER, NEVER] "copy_process" |c| c.has(CLONE_THREAD | CLONE_NEWUSER);
    EINVAL "CLONE_THREAD: a thread is in its process's pid namespace (CLONE_NEWPID)"
        [EVER, NEVER] "copy_process" |c| c.has(CLONE_THREAD | CLONE_NEWPID);
    EINVAL "CLONE_VM after unshare(CLONE_NEWTIME): the child's time namespace is another one"
        [(5, 6), NEVER] "copy_process (6.1 still does, 6.18 no more)"
        |c| c.answer(c.has(CLONE_VM), |_| Child::SharingMemory) == Err(Errno::EINVAL);
    EINVAL "CLONE_THREAD after unshare(CLONE_NEWPID): children get another pid namespace"
        [EVER, NEVER] "copy_process"
        |c| c.answer(c.has(CLONE_THREAD), |_| Child::Thread) == Err(Errno::EINVAL);
    EINVAL "CLONE_THREAD with CLONE_PIDFD needs Linux 6.9" [EVER, (6, 9)]
        "copy_process"
        |c| c.answer(c.has(CLONE_THREAD | CLONE_PIDFD), |_| Child::ThreadWithPidfd)
            == Err(Errno::EINVAL);
    EINVAL "CLONE_AUTOREAP and CLONE_THREAD are mutually exclusive: a thread is not reaped" [(7, 1), NEVER]
        "copy_process" |c| c.has(CLONE_AUTOREAP | CLONE_THREAD);
    EINVAL "CLONE_AUTOREAP and CLONE_PARENT are mutually exclusive"
        [(7, 1), NEVER] "copy_process" |c| c.has(CLONE_AUTOREAP | CLONE_PARENT);
    EINVAL "CLONE_AUTOREAP requires exit_signal == 0: the end of the child sends no signal" [(7, 1), NEVER]
        "copy_process" |c| c.has(CLONE_AUTOREAP) && c.args().exit_signal != 0;
    EINVAL "CLONE_PARENT: the caller was made with CLONE_AUTOREAP and has no siblings"
        [(7, 1), NEVER] "copy_process"
        |c| c.answer(c.has(CLONE_PARENT), |_| Child::With(CLONE_PARENT)) == Err(Errno::EINVAL);
    EINVAL "CLONE_NNP: a thread shares its process's no_new_privs (CLONE_THREAD)"
        [(7, 1), NEVER] "copy_process" |c| c.has(CLONE_NNP | CLONE_THREAD);
    EINVAL "CLONE_PIDFD_AUTOKILL needs CLONE_PIDFD" [(7, 1), NEVER]
        "copy_process" |c| c.has(CLONE_PIDFD_AUTOKILL) && !c.has(CLONE_PIDFD);
    EINVAL "CLONE_PIDFD_AUTOKILL needs CLONE_AUTOREAP" [(7, 1), NEVER]
        "copy_process" |c| c.has(CLONE_PIDFD_AUTOKILL) && !c.has(CLONE_AUTOREAP);
    EPERM "CLONE_PIDFD_AUTOKILL needs CLONE_NNP or CAP_SYS_ADMIN" [(7, 1), NEVER]
        "copy_process"
        |c| c.answer(c.has(CLONE_PIDFD_AUTOKILL) && !c.has(CLONE_NNP), |_| {
            Child::With(CLONE_PIDFD_AUTOKILL | CLONE_AUTOREAP)
        }) == Err(Errno::EPERM);

    // Limits and capabilities.
    EPERM "CLONE_NEWUSER: refused to a chrooted process, to ids without a mapping, or by a security module"
        [EVER, NEVER] "create_user_ns" |c| c.user_namespace() == Err(Errno::EPERM);
    EACCES "CLONE_NEWUSER: refused by a security module" [EVER, NEVER]
        "create_user_ns" |c| c.user_namespace() == Err(Errno::EACCES);
    ENOSPC "CLONE_NEWUSER: user.max_user_namespaces is reached, or 32 are nested" [EVER, NEVER]
        "create_user_ns" |c| c.user_namespace() == Err(Errno::ENOSPC);
    EINVAL "CLONE_NEWUSER: this kernel is built without user namespaces" [EVER, NEVER]
        "create_user_ns" |c| c.user_namespace() == Err(Errno::EINVAL);
    EAGAIN "RLIMIT_NPROC, kernel.threads-max or kernel.pid_max is reached" [EVER, NEVER]
        "copy_process" |c| c.any_child() == Err(Errno::EAGAIN);
    EACCES "a security module refuses new processes" [EVER, NEVER]
        "security_task_alloc" |c| c.any_child() == Err(Errno::EACCES);
    EPERM "a security module refuses new processes" [EVER, NEVER]
        "security_task_alloc" |c| c.any_child() == Err(Errno::EPERM);
    EPERM "new namespaces need CAP_SYS_ADMIN, which CLONE_NEWUSER beside them gives" [EVER, NEVER]
        "copy_namespaces" |c| c.namespaces() == Err(Errno::EPERM);
    EINVAL "CLONE_SYSVSEM cannot be shared across IPC namespaces (CLONE_NEWIPC)" [EVER, NEVER]
        "copy_namespaces" |c| c.has(CLONE_NEWIPC | CLONE_SYSVSEM);
    EINVAL "CLONE_NEWPID after unshare(CLONE_NEWPID), or this kernel is built without it"
        [EVER, NEVER] "copy_pid_ns"
        |c| c.has(CLONE_NEWPID) && (c.children_are_elsewhere()
            || c.answer(true, |args| Child::With(args.flags & (CLONE_NEWPID | CLONE_NEWUSER)))
                == Err(Errno::EINVAL));
    EINVAL "this kernel is built without one of these namespaces" [EVER, NEVER]
        "create_new_namespaces" |c| c.namespaces() == Err(Errno::EINVAL);
    ENOSPC "a limit on namespaces (user.max_*_namespaces) is reached, or 32 are nested"
        [EVER, NEVER] "create_new_namespaces" |c| c.namespaces() == Err(Errno::ENOSPC);
    EPERM "CLONE_SETTLS: tls is not an address in user space" [EVER, NEVER]
        "copy_thread (x86)"
        |c| c.tls() == Err(Errno::EPERM);
    EFAULT "CLONE_SETTLS: tls does not point to a struct user_desc (32-bit x86)" [EVER, NEVER]
        "do_set_thread_area (x86)" |c| c.tls() == Err(Errno::EFAULT);
    EINVAL "CLONE_SETTLS: tls describes no segment for thread-local storage (32-bit x86)"
        [EVER, NEVER] "do_set_thread_area (x86)" |c| c.tls() == Err(Errno::EINVAL);
    EINVAL "set_tid: more pids than nested pid namespaces, one out of range, or the first of a new namespace is not 1"
        [EVER, NEVER] "alloc_pid" |c| c.pids() == Err(Errno::EINVAL);
    EPERM "set_tid needs CAP_SYS_ADMIN or, since Linux 5.9, CAP_CHECKPOINT_RESTORE in each of the pid namespaces"
        [EVER, NEVER] "alloc_pid" |c| c.pids() == Err(Errno::EPERM);
    EEXIST "set_tid: one of the pids is in use" [EVER, NEVER]
        "alloc_pid" |c| c.pids() == Err(Errno::EEXIST);
    ENOMEM "memory is short, or the first process of the pid namespace has ended" [EVER, NEVER]
        "alloc_pid" |c| {
            c.any_child() == Err(Errno::ENOMEM) || c.namespaces() == Err(Errno::ENOMEM)
        };
    EMFILE "no descriptor is left for the pidfd: RLIMIT_NOFILE is reached" [EVER, NEVER]
        "pidfd_prepare" |c| c.pidfd() == Err(Errno::EMFILE);
    ENFILE "no file is left for the pidfd: fs.file-max is reached" [EVER, NEVER]
        "pidfd_prepare" |c| c.pidfd() == Err(Errno::ENFILE);
    EFAULT "pidfd is not writable" [EVER, NEVER]
        "copy_process" |c| c.has(CLONE_PIDFD) && !c.witness.writable(c.args().pidfd);

    // The cgroup.
    EBADF "cgroup is not the descriptor of a cgroup2 directory" [EVER, NEVER]
        "cgroup_css_set_fork" |c| c.cgroup() == Err(Errno::EBADF);
    ENOENT "cgroup: the directory has been removed" [EVER, NEVER]
        "cgroup_get_from_file" |c| c.cgroup() == Err(Errno::ENOENT);
    EACCES "cgroup: no permission to write to its cgroup.procs" [EVER, NEVER]
        "cgroup_may_write" |c| c.cgroup() == Err(Errno::EACCES);
    EOPNOTSUPP "cgroup: its domain is invalid (cgroup.type), or that of another process (CLONE_THREAD)"
        [EVER, NEVER] "cgroup_migrate_vet_dst" |c| c.cgroup() == Err(Errno::EOPNOTSUPP);
    EBUSY "cgroup: it distributes controllers to the cgroups below (cgroup.subtree_control), so no process may be in it"
        [EVER, NEVER] "cgroup_migrate_vet_dst" |c| c.cgroup() == Err(Errno::EBUSY);
}

/// Flags with a name, refused or not.
const NAMED: CloneFlags = ALL.union(CSIGNAL).union(CLONE_DETACHED);

/// All of them, in order.
pub const WRITTEN: [Written; COUNT] = {
    const PARTS: [&[Written]; 3] = [OF_FIELDS, &LATER_FLAGS, OF_FLAGS];
    let mut all = [OF_FIELDS[0]; COUNT];
    let (mut len, mut part) = (0, 0);
    while part < PARTS.len() {
        let mut i = 0;
        while i < PARTS[part].len() {
            all[len] = PARTS[part][i];
            (len, i) = (len + 1, i + 1);
        }
        part += 1;
    }
    all
};
const COUNT: usize = OF_FIELDS.len() + LATER_FLAGS.len() + OF_FLAGS.len();

/// Bytes of all texts, each with its NUL.
const LENGTH: usize = {
    let (mut length, mut i) = (0, 0);
    while i < COUNT {
        length += WRITTEN[i].text.to_bytes_with_nul().len();
        i += 1;
    }
    length
};
const _: () = assert!(LENGTH <= u16::MAX as usize);

/// The texts, one after the other.
static TEXTS: [u8; LENGTH] = {
    let (mut all, mut at, mut i) = ([0; LENGTH], 0, 0);
    while i < COUNT {
        let (text, mut byte) = (WRITTEN[i].text.to_bytes_with_nul(), 0);
        while byte < text.len() {
            all[at] = text[byte];
            (at, byte) = (at + 1, byte + 1);
        }
        i += 1;
    }
    all
};

/// The table.
pub static RULES: [Rule; COUNT] = {
    const EMPTY: Rule =
        Rule { errno: Errno(0), text: 0, since: EVER, until: NEVER, flag: CloneFlags::NONE };
    let (mut all, mut at, mut i) = ([EMPTY; COUNT], 0, 0);
    while i < COUNT {
        let Written { errno, text, since, until, flag, .. } = WRITTEN[i];
        all[i] = Rule { errno, text: at as u16, since, until, flag };
        (at, i) = (at + text.to_bytes_with_nul().len(), i + 1);
    }
    all
};

fn look(at: usize, case: &Case) -> bool {
    const BEFORE: usize = OF_FIELDS.len() + LATER_FLAGS.len();
    match at.checked_sub(BEFORE) {
        Some(at) => look_at_flags(at, case),
        None => look_at_fields(at, case),
    }
}

/// The first rule that a case breaks, with its place in [`RULES`].
#[inline(never)]
pub fn first_broken(case: &Case) -> Option<(usize, &'static Rule)> {
    // Some processes see version 2.6 (personality(2), UNAME26).
    let version = case.witness.version();
    let unknown = version < (5, 3);
    RULES
        .iter()
        .enumerate()
        .filter(|(_, rule)| unknown || (rule.since..rule.until).contains(&version))
        .find(|(at, rule)| match rule.flag {
            CloneFlags::NONE => look(*at, case),
            flag => case.unknown(flag),
        })
}
