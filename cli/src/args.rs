// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command line.

use clap::{Args as Group, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use std::ffi::OsString;
use std::path::PathBuf;

/// Run programs with libclone3, and ask it what clone3(2) is here.
#[derive(Parser)]
#[command(name = "clone3", version, arg_required_else_help = true)]
pub struct Args {
    /// The libclone3.so.0 to use, instead of the one that belongs to this command
    #[arg(long, value_name = "FILE", global = true)]
    pub library: Option<PathBuf>,

    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Run a program, and what it starts, with libclone3 preloaded
    ///
    /// The program is executed in place of this command, with its process id. So signals,
    /// standard streams and the exit status are its own.
    ///
    /// With --output this command stays, as the parent of the program and of what is orphaned
    /// below it, and writes down what they do (clone3 report shows it). Signals that it is sent
    /// are passed on, and it ends as the program does. If it is killed by SIGKILL the program goes
    /// on, the trace ends there, and the memory between both is in /dev/shm until this user's next
    /// run with --output.
    ///
    /// Exit status: the program's; 125 if this command fails, 126 if the program is found and
    /// cannot be executed, 127 if it is not found.
    Run(Run),
    /// Show what is in a trace: which processes a program made, by which calls, what they
    /// executed, how long they took and how they ended
    ///
    /// CPU time is a process's own; memory is the most that it had, or one of the children that
    /// it waited for. Reports for people end with what could not be seen, and why.
    ///
    /// The critical path is followed from the end of the run backwards: where a process waited
    /// for a child that was still there, or that had ended shortly before with nothing done
    /// between, it goes on in the child at its end; where a process began, in its creator. A
    /// wait that returns at once otherwise held nothing up. It cannot know who waits for whom
    /// through pipes, files, sockets or locks: what ran beside it is counted.
    ///
    /// For other numbers of jobs, the order in which make, ninja, samu, parallel and xargs -P
    /// start things is taken to be a schedule and no more, unless they waited although more had
    /// run at other times; that of what other programs start is kept. A processor for each
    /// process and the same durations are assumed. What make ran one by one shows no
    /// dependencies, so that the numbers are what could be had at best.
    ///
    /// Exit status: 0; 125 if the file is no trace or cannot be read.
    Report(Report),
    /// Compare two traces of the same thing: what is different, first of all and in all, and what
    /// got slower
    ///
    /// The processes of both are aligned as trees. Children are aligned below aligned parents,
    /// first those that are the same with all that is below them, then by command line, then by
    /// words that no other child's has, then by program; among equals by order. That children
    /// come in another order is no difference, nor are process ids, names of mkstemp(3)'s kind
    /// below /tmp and other directories named tmp, times, and, if the runs began in different
    /// directories, those directories in arguments and paths.
    ///
    /// Differences are: processes that one side has not got, programs, arguments, working
    /// directories, exit statuses, creations and executions that failed, and the function and
    /// route by which a process was made. Statuses that were not seen are none.
    ///
    /// Exit status, as diff(1) has it: 0 if there are no differences (those of time and memory
    /// are none), 1 if there are, 125 if a file is no trace or cannot be read.
    Diff(Diff),
    /// Show what clone3(2) is for a program started here: which flags the kernel knows,
    /// which it permits, and what stands in the way
    ///
    /// Exit status: 0; 1 where clone3(2) is out of reach; 125 if this command fails.
    Probe(Probe),
    /// Say which of the kernel's rules a request breaks
    ///
    /// The request is written as strace prints it; a whole line of strace's may be given.
    /// Fields: flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls,
    /// set_tid, set_tid_size, cgroup; values: numbers, flags and signals by name, a list in
    /// brackets for set_tid, a directory for cgroup. An address other than 0 stands for one
    /// that can be written, as it is another process's.
    ///
    /// Exit status: 0 if nothing is wrong with the request, 1 if it is refused, 125 if this
    /// command fails.
    Explain(Explain),
    /// Print a shell's completions for this command
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write this command's manual pages into a directory
    #[command(hide = true)]
    Man {
        /// Created if it is not there
        directory: PathBuf,
    },
}

/// Of `clone3 run`.
#[derive(Group)]
pub struct Run {
    /// Never call clone3(2), only clone(2): for filters that kill for clone3(2)
    #[arg(long)]
    pub legacy: bool,

    /// Fail (125), instead of saying so, where the program would not get the library: a
    /// static one, one with privileges of its own, one for another processor
    #[arg(long)]
    pub strict: bool,

    /// Write a trace: which processes and threads are made, what they execute, how they end
    ///
    /// The file is readable by its owner only, since command lines may have secrets.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// How much memory the trace may have on its way into the file. What finds no room there
    /// is counted, and lost
    #[arg(long, value_name = "MIB", default_value_t = 8, requires = "output")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub size: u32,

    /// End when all processes have ended, instead of when the program has
    ///
    /// After the program's end SIGHUP, SIGINT, SIGQUIT and SIGTERM end this command.
    #[arg(long, requires = "output")]
    pub wait: bool,

    /// Tell programs that speak OpenTelemetry, by TRACEPARENT, which span their own are below:
    /// that of their execution, as clone3 report --format otlp has it
    ///
    /// auto: where TRACEPARENT is in the environment, whose trace the run then belongs to.
    /// always: also where it is not; the run begins a trace of its own, in which spans are
    /// recorded (flags 01). never: TRACEPARENT is passed on as it is, so that the spans of
    /// programs are right below what was there before, for when the report is not sent to where
    /// they go.
    ///
    /// Trace and flags stay as they are, and so does TRACESTATE. What a program gives to another
    /// one as TRACEPARENT is what the span of that execution is below.
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = When::Auto)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "always")]
    #[arg(requires = "output")]
    pub traceparent: When,

    /// Have processes say how much memory they have when they are copied (fork), and what CPU
    /// time and memory they used when they end
    ///
    /// So what is orphaned or never waited for has figures too, and the findings have what is
    /// copied. It takes system calls that are not made otherwise, openat(2), read(2) and
    /// close(2) for a file in /proc, and getrusage(2): a sandbox that a program has set up for
    /// itself may forbid them, or kill for them.
    #[arg(long, requires = "output")]
    pub memory: bool,

    /// Show on the terminal, in its last lines, which processes run and how many are made
    ///
    /// Standard error has to be the terminal; where it is none, or in the background, nothing is
    /// shown. Programs that fill the screen, as editors do, do not get along with it. If this command is killed by
    /// SIGKILL meanwhile, reset(1) puts the terminal right.
    #[arg(long, requires = "output")]
    pub live: bool,

    /// Say which library is preloaded into which program
    #[arg(short, long)]
    pub verbose: bool,

    /// The program, looked for in PATH, and its arguments
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "COMMAND"
    )]
    pub command: Vec<OsString>,
}

/// Whether something is done.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// Where there is a reason to
    Auto,
    /// In any case
    Always,
    /// In none
    Never,
}

/// Where distributions have files of debug information.
pub const DEBUG_DIRECTORY: &str = "/usr/lib/debug";

/// Of `clone3 report`.
#[derive(Group)]
pub struct Report {
    /// What it looks like
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t = Format::Tree)]
    pub format: Format,

    /// Show commands whole in a tree or a critical path on a terminal, where they are cut at its
    /// width otherwise
    #[arg(short, long)]
    pub wide: bool,

    /// Where files of debug information are, by build id, as debuggers look for them: for the
    /// functions and lines that calls came from
    #[arg(long, value_name = "DIRECTORY", default_value = DEBUG_DIRECTORY)]
    pub debug_directory: PathBuf,

    /// The trace; - is standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// What a report looks like.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// Processes below those that made them, with duration, CPU time, most memory and status
    Tree,
    /// A line for each record, as strace(1) has it
    Text,
    /// Calls and programs: how many, how many failed, how long they took
    Summary,
    /// Which processes the run had to wait for, one after the other, and how long it would
    /// have taken with other numbers of jobs (make -jN)
    CriticalPath,
    /// What is worth a look, in words: what was seen, what it cost, what would be better. Long
    /// commands are cut
    Findings,
    /// A JSON object for each record
    Jsonl,
    /// A line for each chain of programs, and the µs in which it had no children: for flame
    /// graphs
    Folded,
    /// The same with the number of processes
    FoldedCount,
    /// Perfetto's protobuf, for https://ui.perfetto.dev
    Perfetto,
    /// A span for each process, and for each further program that it executes, as
    /// OpenTelemetry's JSON
    Otlp,
    /// A page for a browser: lanes, tree, table, search. It loads nothing from anywhere
    Html,
}

/// Of `clone3 diff`.
#[derive(Group)]
pub struct Diff {
    /// What it looks like
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t = DiffFormat::Text)]
    pub format: DiffFormat,

    /// How many programs and processes that got slower, and that got faster, are shown
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub top: usize,

    /// How many ms of wall time must be between both sides for that. It must be a twentieth of
    /// the longer time, too
    #[arg(long, value_name = "MS", default_value_t = 10)]
    pub threshold: u64,

    /// Kinds of differences that are none, with commas between them: route, for instance, where
    /// one side's kernel or sandbox has no clone3(2)
    #[arg(long, value_name = "KINDS", value_delimiter = ',')]
    #[arg(value_parser = ["call", "route", "exec", "program", "arguments", "directory", "status"])]
    pub ignore: Vec<String>,

    /// Take temporary names, process ids and the directories of the beginning as they are
    #[arg(long)]
    pub exact: bool,

    /// Show commands whole on a terminal, where they are cut at its width otherwise
    #[arg(short, long)]
    pub wide: bool,

    /// The one trace; - is standard input
    #[arg(value_name = "A")]
    pub a: PathBuf,

    /// The other trace
    #[arg(value_name = "B")]
    pub b: PathBuf,
}

/// What a comparison looks like.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum DiffFormat {
    /// Sums, the first difference, all differences as a tree, what got slower and faster
    Text,
    /// The same as one JSON object
    Json,
}

/// Of `clone3 probe`.
#[derive(Group)]
pub struct Probe {
    /// Besides asking the kernel, make children and look at what they can see
    #[arg(long)]
    pub deep: bool,

    /// One JSON object
    #[arg(long)]
    pub json: bool,
}

/// Of `clone3 explain`.
#[derive(Group)]
pub struct Explain {
    /// For example 'flags=CLONE_VM|CLONE_SIGHAND exit_signal=SIGCHLD'
    #[arg(required = true, value_name = "REQUEST")]
    pub request: Vec<String>,

    /// The size of struct clone_args [default: what the fields need]
    #[arg(long, value_name = "BYTES")]
    pub size: Option<usize>,
}
