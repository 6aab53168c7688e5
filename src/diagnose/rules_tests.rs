// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every rule is broken once, and by a case that breaks no rule before it.

use super::case::{Case, Child, Witness};
use super::rules::{RULES, WRITTEN, first_broken};
use crate::engine::ask::Answer;
use crate::engine::{Request, Wire};
use crate::uapi::flags::*;
use crate::uapi::{CloneFlags, Errno};

/// A simulated kernel: it grants everything but what is listed.
struct Told {
    version: (u32, u32),
    args_size: usize,
    known: CloneFlags,
    readable: bool,
    writable: bool,
    init: bool,
    refuses: fn(Child) -> Option<Errno>,
}

const KERNEL: Told = Told {
    version: (7, 2),
    args_size: 88,
    known: ALL,
    readable: true,
    writable: true,
    init: false,
    refuses: |_| None,
};

impl Witness for Told {
    fn version(&self) -> (u32, u32) {
        self.version
    }
    fn args_size(&self) -> usize {
        self.args_size
    }
    fn known(&self, flags: CloneFlags) -> CloneFlags {
        flags & self.known
    }
    fn readable(&self, _: (u64, u64), _: u64) -> bool {
        self.readable
    }
    fn writable(&self, _: u64) -> bool {
        self.writable
    }
    fn is_init(&self) -> bool {
        self.init
    }
    fn would_make(&self, child: Child) -> Answer {
        (self.refuses)(child).map_or(Ok(()), Err)
    }
}

fn broken(request: Result<Request, Errno>, witness: &Told) -> &'static str {
    first_broken(&Case { request, witness }).map_or("", |(_, rule)| rule.text().to_str().unwrap())
}

fn fork() -> Request {
    let wire = Some(Wire { address: 0x1000, size: 88, holds_more: false });
    Request { wire, ..Request::FORK }
}

fn with(flags: CloneFlags) -> Request {
    let quiet = flags.intersects(CLONE_THREAD | CLONE_PARENT | CLONE_AUTOREAP);
    Request { flags, exit_signal: if quiet { 0 } else { 17 }, ..fork() }
}

fn refusing(refuses: fn(Child) -> Option<Errno>) -> Told {
    Told { refuses, ..KERNEL }
}

fn when(condition: bool, errno: Errno) -> Option<Errno> {
    condition.then_some(errno)
}

const THREAD: CloneFlags = CLONE_VM.union(CLONE_SIGHAND).union(CLONE_THREAD);
const UNNAMED: CloneFlags = CloneFlags::from_bits(1 << 63);

/// How the text of the rule begins, a request that breaks it, and where.
fn examples() -> Vec<(&'static str, Result<Request, Errno>, Told)> {
    let wire = |size, holds_more| Some(Wire { address: 0x1000, size, holds_more });
    let stack = |base, size| Request { stack: crate::engine::Stack { base, size }, ..fork() };
    let older = FLAGS.iter().filter(|flag| flag.is_later()).map(|flag| {
        let old = Told { known: ALL & !flag.bit, ..KERNEL };
        (flag.unknown.to_str().unwrap(), Ok(with(flag.bit)), old)
    });
    let others = vec![
        ("E2BIG: size is larger", Err(Errno::E2BIG), KERNEL),
        ("EINVAL: size is smaller", Err(Errno::EINVAL), KERNEL),
        ("EFAULT: args is not", Err(Errno::EFAULT), KERNEL),
        ("E2BIG: a field", Ok(Request { wire: wire(96, true), ..fork() }), KERNEL),
        ("EINVAL: set_tid_size is larger", Ok(Request { set_tid: (8, 33), ..fork() }), KERNEL),
        ("EINVAL: set_tid_size is given", Ok(Request { set_tid: (0, 1), ..fork() }), KERNEL),
        ("EINVAL: set_tid is given", Ok(Request { set_tid: (8, 0), ..fork() }), KERNEL),
        (
            "EINVAL: exit_signal is larger than 255",
            Ok(Request { exit_signal: 256, ..fork() }),
            KERNEL,
        ),
        (
            "EINVAL: CLONE_INTO_CGROUP needs the size",
            Ok(Request { wire: wire(80, false), ..with(CLONE_INTO_CGROUP) }),
            KERNEL,
        ),
        (
            "EINVAL: cgroup is larger",
            Ok(Request { cgroup: 1 << 31, ..with(CLONE_INTO_CGROUP) }),
            KERNEL,
        ),
        (
            "EFAULT: set_tid is not readable",
            Ok(Request { set_tid: (8, 1), ..fork() }),
            Told { readable: false, ..KERNEL },
        ),
        (
            "EINVAL: a flag is set that no kernel",
            Ok(with(UNNAMED)),
            refusing(|child| when(child == Child::With(UNNAMED), Errno::EINVAL)),
        ),
        ("EINVAL: CLONE_DETACHED", Ok(with(CLONE_DETACHED)), KERNEL),
        ("EINVAL: a signal goes", Ok(with(CloneFlags::from_bits(17))), KERNEL),
        (
            "EINVAL: CLONE_CLEAR_SIGHAND and",
            Ok(with(CLONE_VM | CLONE_SIGHAND | CLONE_CLEAR_SIGHAND)),
            KERNEL,
        ),
        ("EINVAL: CLONE_THREAD requires", Ok(Request { exit_signal: 17, ..with(THREAD) }), KERNEL),
        (
            "EINVAL: CLONE_PARENT requires",
            Ok(Request { exit_signal: 17, ..with(CLONE_PARENT) }),
            KERNEL,
        ),
        ("EINVAL: stack_size is given", Ok(stack(0, 4096)), KERNEL),
        ("EINVAL: stack is given", Ok(stack(4096, 0)), KERNEL),
        (
            "EINVAL: the stack reaches",
            Ok(stack(1 << 63, 4096)),
            refusing(|child| when(child == Child::OnStack(1 << 63, 4096), Errno::EINVAL)),
        ),
        ("EINVAL: pidfd and parent_tid", Ok(with(CLONE_PIDFD | CLONE_PARENT_SETTID)), KERNEL),
        (
            "EINVAL: exit_signal is larger than 64",
            Ok(Request { exit_signal: 65, ..fork() }),
            KERNEL,
        ),
        (
            "EINVAL: CLONE_FS cannot share a root across mount namespaces (CLONE_NEWNS",
            Ok(with(CLONE_FS | CLONE_NEWNS)),
            KERNEL,
        ),
        (
            "EINVAL: CLONE_FS cannot share a root across mount namespaces (CLONE_EMPTY",
            Ok(with(CLONE_FS | CLONE_EMPTY_MNTNS)),
            KERNEL,
        ),
        ("EINVAL: CLONE_FS cannot be shared", Ok(with(CLONE_FS | CLONE_NEWUSER)), KERNEL),
        (
            "EPERM: CLONE_NEWUSER needs",
            Ok(with(CLONE_NEWUSER)),
            refusing(|child| when(child != Child::With(CloneFlags::NONE), Errno::EPERM)),
        ),
        ("EINVAL: CLONE_THREAD needs CLONE_SIGHAND", Ok(with(CLONE_THREAD)), KERNEL),
        ("EINVAL: CLONE_SIGHAND needs CLONE_VM", Ok(with(CLONE_SIGHAND)), KERNEL),
        ("EINVAL: CLONE_PARENT: the first", Ok(with(CLONE_PARENT)), Told { init: true, ..KERNEL }),
        (
            "EINVAL: CLONE_THREAD: a thread is in its process's user",
            Ok(with(THREAD | CLONE_NEWUSER)),
            KERNEL,
        ),
        (
            "EINVAL: CLONE_THREAD: a thread is in its process's pid",
            Ok(with(THREAD | CLONE_NEWPID)),
            KERNEL,
        ),
        (
            "EINVAL: CLONE_VM after",
            Ok(with(CLONE_VM)),
            Told {
                version: (5, 10),
                ..refusing(|child| when(child == Child::SharingMemory, Errno::EINVAL))
            },
        ),
        (
            "EINVAL: CLONE_THREAD after",
            Ok(with(THREAD)),
            refusing(|child| when(child == Child::Thread, Errno::EINVAL)),
        ),
        (
            "EINVAL: CLONE_THREAD with CLONE_PIDFD",
            Ok(with(THREAD | CLONE_PIDFD)),
            Told {
                version: (6, 1),
                ..refusing(|child| when(child == Child::ThreadWithPidfd, Errno::EINVAL))
            },
        ),
        ("EINVAL: CLONE_AUTOREAP and CLONE_THREAD", Ok(with(CLONE_AUTOREAP | THREAD)), KERNEL),
        (
            "EINVAL: CLONE_AUTOREAP and CLONE_PARENT",
            Ok(with(CLONE_AUTOREAP | CLONE_PARENT)),
            KERNEL,
        ),
        (
            "EINVAL: CLONE_AUTOREAP requires",
            Ok(Request { exit_signal: 17, ..with(CLONE_AUTOREAP) }),
            KERNEL,
        ),
        (
            "EINVAL: CLONE_PARENT: the caller was",
            Ok(with(CLONE_PARENT)),
            refusing(|child| when(child == Child::With(CLONE_PARENT), Errno::EINVAL)),
        ),
        ("EINVAL: CLONE_NNP: a thread", Ok(with(CLONE_NNP | THREAD)), KERNEL),
        ("EINVAL: CLONE_PIDFD_AUTOKILL needs CLONE_PIDFD", Ok(with(CLONE_PIDFD_AUTOKILL)), KERNEL),
        (
            "EINVAL: CLONE_PIDFD_AUTOKILL needs CLONE_AUTOREAP",
            Ok(with(CLONE_PIDFD_AUTOKILL | CLONE_PIDFD)),
            KERNEL,
        ),
        (
            "EPERM: CLONE_PIDFD_AUTOKILL needs",
            Ok(with(CLONE_PIDFD_AUTOKILL | CLONE_PIDFD | CLONE_AUTOREAP)),
            refusing(|child| when(child != Child::With(CloneFlags::NONE), Errno::EPERM)),
        ),
        ("EPERM: CLONE_NEWUSER: refused", Ok(with(CLONE_NEWUSER)), user(Errno::EPERM)),
        ("EACCES: CLONE_NEWUSER: refused", Ok(with(CLONE_NEWUSER)), user(Errno::EACCES)),
        ("ENOSPC: CLONE_NEWUSER", Ok(with(CLONE_NEWUSER)), user(Errno::ENOSPC)),
        ("EINVAL: CLONE_NEWUSER: this kernel", Ok(with(CLONE_NEWUSER)), user(Errno::EINVAL)),
        ("EAGAIN: RLIMIT_NPROC", Ok(fork()), refusing(|_| Some(Errno::EAGAIN))),
        ("EACCES: a security module", Ok(fork()), refusing(|_| Some(Errno::EACCES))),
        ("EPERM: a security module", Ok(fork()), refusing(|_| Some(Errno::EPERM))),
        ("EPERM: new namespaces", Ok(with(CLONE_NEWUTS)), utsname(Errno::EPERM)),
        ("EINVAL: CLONE_SYSVSEM", Ok(with(CLONE_SYSVSEM | CLONE_NEWIPC)), KERNEL),
        (
            "EINVAL: CLONE_NEWPID after",
            Ok(with(CLONE_NEWPID)),
            refusing(|child| when(child == Child::With(CLONE_NEWPID), Errno::EINVAL)),
        ),
        ("EINVAL: this kernel is built", Ok(with(CLONE_NEWUTS)), utsname(Errno::EINVAL)),
        ("ENOSPC: a limit", Ok(with(CLONE_NEWUTS)), utsname(Errno::ENOSPC)),
        (
            "EPERM: CLONE_SETTLS",
            Ok(Request { tls: 1 << 63, ..with(CLONE_SETTLS) }),
            refusing(|child| when(child == Child::WithTls(1 << 63), Errno::EPERM)),
        ),
        (
            "EFAULT: CLONE_SETTLS",
            Ok(Request { tls: 8, ..with(CLONE_SETTLS) }),
            refusing(|child| when(child == Child::WithTls(8), Errno::EFAULT)),
        ),
        (
            "EINVAL: CLONE_SETTLS",
            Ok(Request { tls: 8, ..with(CLONE_SETTLS) }),
            refusing(|child| when(child == Child::WithTls(8), Errno::EINVAL)),
        ),
        ("EINVAL: set_tid: more", Ok(Request { set_tid: (8, 1), ..fork() }), pids(Errno::EINVAL)),
        ("EPERM: set_tid needs", Ok(Request { set_tid: (8, 1), ..fork() }), pids(Errno::EPERM)),
        ("EEXIST: set_tid", Ok(Request { set_tid: (8, 1), ..fork() }), pids(Errno::EEXIST)),
        ("ENOMEM: memory", Ok(fork()), refusing(|_| Some(Errno::ENOMEM))),
        ("EMFILE: no descriptor", Ok(with(CLONE_PIDFD)), pidfd(Errno::EMFILE)),
        ("ENFILE: no file", Ok(with(CLONE_PIDFD)), pidfd(Errno::ENFILE)),
        ("EFAULT: pidfd", Ok(with(CLONE_PIDFD)), Told { writable: false, ..KERNEL }),
        ("EBADF: cgroup", Ok(with(CLONE_INTO_CGROUP)), cgroup(Errno::EBADF)),
        ("ENOENT: cgroup", Ok(with(CLONE_INTO_CGROUP)), cgroup(Errno::ENOENT)),
        ("EACCES: cgroup", Ok(with(CLONE_INTO_CGROUP)), cgroup(Errno::EACCES)),
        ("EOPNOTSUPP: cgroup", Ok(with(CLONE_INTO_CGROUP)), cgroup(Errno::EOPNOTSUPP)),
        ("EBUSY: cgroup", Ok(with(CLONE_INTO_CGROUP)), cgroup(Errno::EBUSY)),
    ];
    others.into_iter().chain(older).collect()
}

/// Kernels that refuse one child, with one errno of several.
macro_rules! refuses {
    ($name:ident, $pattern:pat) => {
        fn $name(errno: Errno) -> Told {
            macro_rules! with_errno {
                ($e:ident) => {
                    refusing(|child| when(matches!(child, $pattern), Errno::$e))
                };
            }
            match errno {
                Errno::EACCES => with_errno!(EACCES),
                Errno::EBADF => with_errno!(EBADF),
                Errno::EBUSY => with_errno!(EBUSY),
                Errno::EEXIST => with_errno!(EEXIST),
                Errno::EMFILE => with_errno!(EMFILE),
                Errno::ENFILE => with_errno!(ENFILE),
                Errno::ENOENT => with_errno!(ENOENT),
                Errno::ENOSPC => with_errno!(ENOSPC),
                Errno::EOPNOTSUPP => with_errno!(EOPNOTSUPP),
                Errno::EPERM => with_errno!(EPERM),
                _ => with_errno!(EINVAL),
            }
        }
    };
}
refuses!(user, Child::With(CLONE_NEWUSER));
refuses!(utsname, Child::With(CLONE_NEWUTS));
refuses!(pids, Child::WithPids(..));
refuses!(pidfd, Child::WithPidfd);
refuses!(cgroup, Child::InCgroup(..));

#[test]
fn each_rule_is_the_first_broken_of_its_example() {
    let examples = examples();
    for (text, request, told) in &examples {
        assert!(broken(*request, told).starts_with(text), "{text}: {}", broken(*request, told));
    }
    for rule in &RULES {
        let text = rule.text().to_str().unwrap();
        assert!(examples.iter().any(|(start, ..)| text.starts_with(start)), "no example: {text}");
    }
    assert_eq!(examples.len(), RULES.len());
}

#[test]
fn a_rule_begins_with_its_errno_and_says_where_it_is_from() {
    for (rule, written) in RULES.iter().zip(WRITTEN) {
        let text = rule.text().to_str().unwrap();
        let name = text.split(':').next().unwrap();
        let number = std::io::Error::from_raw_os_error(rule.errno.0);
        assert!(name.starts_with('E') && rule.errno.0 > 0, "{text} ({number})");
        assert!(!written.source.is_empty() && rule.since < rule.until, "{text}");
        assert!(text.len() < 128, "{text}");
    }
}

#[test]
fn what_is_allowed_breaks_none() {
    for flags in [
        CloneFlags::NONE,
        CLONE_VM | CLONE_VFORK,
        CLONE_VM,
        THREAD | CLONE_PIDFD | CLONE_SETTLS,
        CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWTIME,
        CLONE_PIDFD_AUTOKILL | CLONE_PIDFD | CLONE_AUTOREAP | CLONE_NNP,
        CLONE_INTO_CGROUP,
        CLONE_CLEAR_SIGHAND,
    ] {
        assert_eq!(broken(Ok(with(flags)), &KERNEL), "", "{flags:?}");
    }
    let zeroes = Wire { address: 0x1000, size: 4096, holds_more: false };
    assert_eq!(broken(Ok(Request { wire: Some(zeroes), ..fork() }), &KERNEL), "");
}

#[test]
fn rules_of_later_kernels_do_not_hold_on_earlier_ones() {
    let old = Told { version: (6, 18), known: ALL & !CLONE_NNP, ..KERNEL };
    assert!(broken(Ok(with(CLONE_NNP | THREAD)), &old).starts_with("EINVAL: CLONE_NNP needs"));
    let first = Told { version: (5, 3), args_size: 64, ..KERNEL };
    let request = Request { set_tid: (8, 1), ..fork() };
    assert!(broken(Ok(request), &first).starts_with("E2BIG: a field"));
    let newer = Told { args_size: 96, ..KERNEL };
    let wire = Some(Wire { address: 0x1000, size: 96, holds_more: true });
    assert_eq!(broken(Ok(Request { wire, ..fork() }), &newer), "");
}
