// SPDX-License-Identifier: MIT OR Apache-2.0
//! By what processes are aligned: numbers that are equal where the processes are, in one
//! respect or another.

use super::volatile::Volatile;
use crate::model::{End, Process, Run, base_name};
use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

/// Of a process.
#[derive(Clone, Copy, Default)]
pub struct Form {
    /// Programs, arguments and directories, as they are,
    pub exact: u32,
    /// without what is volatile,
    pub masked: u32,
    /// and without directories.
    pub words: u32,
    /// The name of the last program.
    pub program: u32,
    /// All of it without what is volatile, how it ended, and all below it.
    pub shape: u32,
}

/// Gives each value a number.
struct Numbers<Value>(HashMap<Value, u32>);

impl<Value: Hash + Eq> Numbers<Value> {
    fn number(&mut self, value: Value) -> u32 {
        let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        *self.0.entry(value).or_insert(next)
    }
}

type Shape = (u32, Option<End>, Vec<i32>, Vec<u32>);

/// Of all processes of both runs.
pub fn forms(runs: [&Run; 2], volatile: &Volatile) -> [Vec<Form>; 2] {
    let mut texts = Numbers(HashMap::new());
    let mut shapes = Numbers(HashMap::new());
    [0, 1].map(|side| {
        let run = runs[side];
        let mut forms = vec![Form::default(); run.processes.len()];
        // Children come after their parents.
        for place in (0..forms.len()).rev() {
            let form = form(run, side, place, volatile, &mut texts);
            let shape = shape(run, place, form.masked, &forms);
            forms[place] = Form { shape: shapes.number(shape), ..form };
        }
        forms
    })
}

fn form(
    run: &Run,
    side: usize,
    place: usize,
    volatile: &Volatile,
    texts: &mut Numbers<Vec<u8>>,
) -> Form {
    let process = &run.processes[place];
    let (mut exact, mut masked, mut words) = (Vec::new(), Vec::new(), Vec::new());
    for (path, argv, cwd) in wanted(process) {
        for word in argv.iter().map(|word| &word[..]).chain([path]) {
            let mask = volatile.masked(side, word);
            for (text, word) in [(&mut exact, word), (&mut masked, &mask), (&mut words, &mask)] {
                text.extend(word);
                text.push(0);
            }
        }
        exact.extend(cwd);
        masked.extend(volatile.masked(side, cwd));
    }
    let program = match wanted(process).last() {
        Some((path, ..)) => base_name(path).into_bytes(),
        None => format!("({})", run.program(place)).into_bytes(),
    };
    if words.is_empty() {
        words.clone_from(&program);
    }
    let [exact, masked, words, program] =
        [exact, masked, words, program].map(|text| texts.number(text));
    Form { exact, masked, words, program, shape: 0 }
}

fn shape(run: &Run, place: usize, masked: u32, forms: &[Form]) -> Shape {
    let process = &run.processes[place];
    let end = Some(process.end).filter(|end| !matches!(end, End::Unknown | End::Exited(-1)));
    let refused = process.failures.iter().map(|failed| run.creations[*failed].errno);
    let failed = process.execs.iter().filter_map(|exec| exec.failed);
    let mut below: Vec<u32> = process.children.iter().map(|child| forms[*child].shape).collect();
    below.sort_unstable();
    (masked, end, refused.chain(failed).collect(), below)
}

type Wanted<'a> = (&'a [u8], &'a [Vec<u8>], &'a [u8]);

/// What it executed: path, arguments and directory of each; or what it tried to, last.
fn wanted(process: &Process) -> Vec<Wanted<'_>> {
    let parts = process.parts(u64::MAX);
    let programs = parts.iter().filter_map(|part| Some((part.path?, part.argv, part.cwd)));
    let programs: Vec<_> = programs.collect();
    if programs.is_empty() {
        let tried = process.execs.last();
        return tried
            .map(|exec| (&exec.path[..], &exec.argv[..], &exec.cwd[..]))
            .into_iter()
            .collect();
    }
    programs
}

/// The words of a process's command lines, each once, also those in a shell's, as numbers.
pub fn tokens(run: &Run, side: usize, place: usize, volatile: &Volatile) -> Vec<u64> {
    let mut tokens = Vec::new();
    for (_, argv, _) in wanted(&run.processes[place]) {
        for word in argv {
            let masked = volatile.masked(side, word);
            let is_between =
                |byte: &u8| byte.is_ascii_whitespace() || b";&|()<>='\"".contains(byte);
            for token in masked.split(is_between).filter(|token| !token.is_empty()) {
                let mut hasher = DefaultHasher::new();
                token.hash(&mut hasher);
                tokens.push(hasher.finish());
            }
        }
    }
    tokens.sort_unstable();
    tokens.dedup();
    tokens
}
