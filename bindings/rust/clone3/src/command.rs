// SPDX-License-Identifier: MIT OR Apache-2.0
//! The description of a child, and its spawning. What the child is besides is in
//! `share` and `isolation`.

use crate::child::Child;
use crate::environment::Environment;
use crate::error::Error;
use crate::orphans;
use crate::plan::Plan;
use crate::settings::Settings;
use crate::stdio::{Stdio, Stream};
use clone3_sys as sys;
use std::ffi::{CString, OsStr, c_char};
use std::fmt;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::process::{ExitStatus, Output};
use std::ptr;

/// A child to be: its program, arguments, environment and streams, as in
/// [`std::process::Command`], and what Linux can give it besides.
///
/// What is not set the child inherits from the thread that spawns it. A method called again
/// replaces what it has set before, unless it says that it adds. Descriptors that are given to it
/// stay open for as long as the `Command` is there.
///
/// The order in which the child takes its steps is that of `clone3_spawn(3)`, not that of the
/// calls.
pub struct Command {
    program: Program,
    /// The first is the program's name for itself.
    arguments: Vec<CString>,
    environment: Environment,
    streams: [Option<Stdio>; 3],
    kill_on_drop: bool,
    pub(crate) settings: Settings,
    /// What was wrong first with what it was given.
    invalid: Option<String>,
}

enum Program {
    /// With a slash or, to be searched for, without one.
    Path(CString),
    Fd(OwnedFd),
}

impl Command {
    /// A child that executes `program`, without arguments. A name without a slash is searched for
    /// in the caller's `PATH`; a path with one is looked up by the child, in its own root and
    /// working directory.
    pub fn new(program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::of(Program::Path(CString::default()));
        let path = command.string("the program", program.as_ref());
        if !path.as_bytes().contains(&b'/') {
            command.settings.search();
        }
        command.arguments.push(path.clone());
        command.program = Program::Path(path);
        command
    }

    /// A child that executes an open file (`execveat(2)`). `arg0` is its name for itself.
    pub fn from_fd(program: impl Into<OwnedFd>, arg0: impl AsRef<OsStr>) -> Command {
        let mut command = Command::of(Program::Fd(program.into()));
        let arg0 = command.string("argument 0", arg0.as_ref());
        command.arguments.push(arg0);
        command
    }

    fn of(program: Program) -> Command {
        Command {
            program,
            arguments: Vec::new(),
            environment: Environment::default(),
            streams: [None, None, None],
            kill_on_drop: false,
            settings: Settings::new(),
            invalid: None,
        }
    }

    /// Adds an argument.
    pub fn arg(&mut self, argument: impl AsRef<OsStr>) -> &mut Command {
        let what = format!("argument {}", self.arguments.len());
        let argument = self.string(&what, argument.as_ref());
        self.arguments.push(argument);
        self
    }

    /// Adds arguments.
    pub fn args(&mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> &mut Command {
        for argument in arguments {
            self.arg(argument);
        }
        self
    }

    /// The program's name for itself.
    pub fn arg0(&mut self, name: impl AsRef<OsStr>) -> &mut Command {
        let name = self.string("argument 0", name.as_ref());
        if let Some(first) = self.arguments.first_mut() {
            *first = name;
        }
        self
    }

    /// Sets a variable of the environment.
    pub fn env(&mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> &mut Command {
        if let Err(why) = self.environment.set(name.as_ref(), value.as_ref()) {
            self.refuse(why);
        }
        self
    }

    /// Sets variables of the environment.
    pub fn envs(
        &mut self,
        variables: impl IntoIterator<Item = (impl AsRef<OsStr>, impl AsRef<OsStr>)>,
    ) -> &mut Command {
        for (name, value) in variables {
            self.env(name, value);
        }
        self
    }

    /// Removes a variable from the environment.
    pub fn env_remove(&mut self, name: impl AsRef<OsStr>) -> &mut Command {
        self.environment.remove(name.as_ref());
        self
    }

    /// Nothing of the environment is the caller's, and nothing stays of what was set before.
    pub fn env_clear(&mut self) -> &mut Command {
        self.environment.clear();
        self
    }

    /// The standard input; the caller's, but for [`Command::output()`], where it is `/dev/null`.
    pub fn stdin(&mut self, stdio: impl Into<Stdio>) -> &mut Command {
        let [stdin, _, _] = &mut self.streams;
        *stdin = Some(stdio.into());
        self
    }

    /// The standard output; the caller's, but for [`Command::output()`], where it is a pipe.
    pub fn stdout(&mut self, stdio: impl Into<Stdio>) -> &mut Command {
        let [_, stdout, _] = &mut self.streams;
        *stdout = Some(stdio.into());
        self
    }

    /// The standard error; the caller's, but for [`Command::output()`], where it is a pipe.
    pub fn stderr(&mut self, stdio: impl Into<Stdio>) -> &mut Command {
        let [_, _, stderr] = &mut self.streams;
        *stderr = Some(stdio.into());
        self
    }

    /// Whether a [`Child`] that is dropped before its end is killed. Off unless set.
    pub fn kill_on_drop(&mut self, on: bool) -> &mut Command {
        self.kill_on_drop = on;
        self
    }

    /// Makes the child. It has executed the program when this returns.
    ///
    /// Children that were dropped and have ended since are reaped, as by [`reap()`](crate::reap).
    ///
    /// # Errors
    ///
    /// The step that failed, and why. Nothing is left of the child.
    pub fn spawn(&self) -> Result<Child, Error> {
        self.spawn_with([Stdio::inherit(), Stdio::inherit(), Stdio::inherit()])
    }

    /// Makes the child and waits for it.
    ///
    /// # Errors
    ///
    /// Those of [`Command::spawn()`], with the [`Error`] inside, and of [`Child::wait()`].
    pub fn status(&self) -> io::Result<ExitStatus> {
        self.spawn()?.wait()
    }

    /// Makes the child, and reads its output until it has ended.
    ///
    /// # Errors
    ///
    /// Those of [`Command::spawn()`], with the [`Error`] inside, and of
    /// [`Child::wait_with_output()`].
    pub fn output(&self) -> io::Result<Output> {
        self.spawn_with([Stdio::null(), Stdio::piped(), Stdio::piped()])?.wait_with_output()
    }

    /// Whether [`Command::spawn()`] would refuse this before there is a child
    /// (`clone3_spawn_check(3)`): what contradicts itself, a cgroup that cannot be opened, what
    /// the kernel does not grant this thread. No child is made, and none of its steps is tried.
    ///
    /// # Errors
    ///
    /// What [`Command::spawn()`] would fail with.
    pub fn check(&self) -> Result<(), Error> {
        self.valid()?;
        let mut pidfd = -1;
        let plan = self.plan(&mut pidfd, [const { &Stream::Inherited }; 3])?;
        let mut error = empty_error();
        // SAFETY: the plan is initialised, and all that it and the path point to is there.
        let result = unsafe { sys::clone3_spawn_check(self.path(), plan.as_sys(), &mut error) };
        match result {
            0 => Ok(()),
            // SAFETY: the strings are those of this command.
            _ => Err(unsafe { Error::of_spawn(result, &error) }),
        }
    }

    fn spawn_with(&self, unset: [Stdio; 3]) -> Result<Child, Error> {
        orphans::reap();
        self.valid()?;
        let [stdin, stdout, stderr] = &self.streams;
        let [no_stdin, no_stdout, no_stderr] = &unset;
        let stdin = Stream::open(stdin.as_ref().unwrap_or(no_stdin), 0)?;
        let stdout = Stream::open(stdout.as_ref().unwrap_or(no_stdout), 1)?;
        let stderr = Stream::open(stderr.as_ref().unwrap_or(no_stderr), 2)?;
        let mut child = self.run([&stdin, &stdout, &stderr])?;
        child.stdin = stdin.into_caller_s();
        child.stdout = stdout.into_caller_s();
        child.stderr = stderr.into_caller_s();
        Ok(child)
    }

    fn run(&self, streams: [&Stream<'_>; 3]) -> Result<Child, Error> {
        let environment = self.environment.strings();
        let environment = environment.as_deref().map(pointers);
        let arguments = pointers(&self.arguments);
        let (mut pid, mut pidfd) = (-1, -1);
        let plan = self.plan(&mut pidfd, streams)?;
        let mut error = empty_error();
        // SAFETY: the plan is initialised; path, arguments, environment and what the plan points
        // to are there until the call returns; both arrays end with NULL.
        let result = unsafe {
            sys::clone3_spawn(
                &mut pid,
                self.path(),
                plan.as_sys(),
                arguments.as_ptr(),
                environment.as_ref().map_or(ptr::null(), Vec::as_ptr).cast(),
                &mut error,
            )
        };
        drop(plan);
        if result != 0 {
            // SAFETY: the strings are those of this command.
            return Err(unsafe { Error::of_spawn(result, &error) });
        }
        // SAFETY: the call has stored it, a new descriptor.
        let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
        let mut child = Child::new(pid, pidfd, self.kill_on_drop);
        child.keep_clear_of_streams();
        Ok(child)
    }

    fn plan<'a>(
        &'a self,
        pidfd: &'a mut i32,
        streams: [&Stream<'_>; 3],
    ) -> Result<Plan<'a>, Error> {
        let mut plan = Plan::new(&self.settings, pidfd, streams)?;
        if let Program::Fd(fd) = &self.program {
            plan.execute(fd);
        }
        Ok(plan)
    }

    fn path(&self) -> *const c_char {
        match &self.program {
            Program::Path(path) => path.as_ptr(),
            Program::Fd(_) => ptr::null(),
        }
    }

    fn valid(&self) -> Result<(), Error> {
        match &self.invalid {
            None => Ok(()),
            Some(words) => Err(Error::input(words.clone())),
        }
    }

    /// Remembers that something cannot be, for the spawn.
    pub(crate) fn refuse(&mut self, words: String) {
        self.invalid.get_or_insert(words);
    }

    pub(crate) fn string(&mut self, what: &str, text: &OsStr) -> CString {
        CString::new(text.as_bytes()).unwrap_or_else(|_| {
            self.refuse(format!("{what} has a NUL byte"));
            CString::default()
        })
    }
}

/// Methods that store numbers in the plan. What a setter has against one the spawn says.
macro_rules! setters {
    ($($(#[$doc:meta])* fn $name:ident($($argument:ident: $kind:ty),*) = $setter:ident;)*) => {
        impl Command {
            $($(#[$doc])*
            pub fn $name(&mut self, $($argument: $kind),*) -> &mut Command {
                // SAFETY: the plan is initialised, and the setter takes numbers only.
                unsafe { clone3_sys::$setter(&mut self.settings.plan, $($argument.into()),*) };
                self
            })*
        }
    };
}
pub(crate) use setters;

/// An array for exec. The type is C's: nothing writes to the strings.
fn pointers(strings: impl AsRef<[CString]>) -> Vec<*mut c_char> {
    let pointers = strings.as_ref().iter().map(|it| it.as_ptr().cast_mut());
    pointers.chain([ptr::null_mut()]).collect()
}

fn empty_error() -> sys::clone3_spawn_error {
    // SAFETY: it is numbers and pointers, which may all be 0.
    let mut error: sys::clone3_spawn_error = unsafe { std::mem::zeroed() };
    error.size = size_of::<sys::clone3_spawn_error>() as u32;
    error
}

/// Program and arguments.
impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        match &self.program {
            Program::Path(path) => list.entry(path),
            Program::Fd(fd) => list.entry(fd),
        };
        list.entries(self.arguments.iter().skip(1)).finish()
    }
}
