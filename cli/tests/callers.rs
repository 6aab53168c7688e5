// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where calls came from, as `clone3 report` tells of C programs. CLONE3_LIBRARY names the
//! library that is tested.

use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The program: each line with a call that is looked for has a mark.
const PROGRAM: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
int spawn_it(void);
static void *nothing(void *it) { return it; }
static int fork_it(void) {
    pid_t pid = fork(); /* fork */
    if (pid == 0) {
        execl("/bin/true", "true", (char *)0); /* execl */
        _exit(1);
    }
    return waitpid(pid, 0, 0) != pid; /* waitpid */
}
static int vfork_it(void) {
    char *words[] = {"true", 0};
    pid_t pid = vfork(); /* vfork */
    if (pid == 0) {
        execv("/bin/true", words); /* execv */
        _exit(1);
    }
    return waitpid(pid, 0, 0) != pid;
}
static int thread_it(void) {
    pthread_t thread;
    int failed = pthread_create(&thread, 0, nothing, 0); /* pthread_create */
    return failed || pthread_join(thread, 0);
}
static int shell_it(void) {
    FILE *pipe = popen("true", "r"); /* popen */
    int status = pclose(pipe); /* pclose */
    return system("true") /* system */ || status;
}
static int try_it(void) {
    char *words[] = {"missing", 0};
    for (int i = 0; i < 12; i++)
        execv("/no/such/missing", words); /* missing */
    return 0;
}
static int open_it(const char *path) {
    void *object = dlopen(path, RTLD_NOW);
    int (*function)(void) = object ? (int (*)(void))dlsym(object, "spawn_it") : 0;
    return !function || function() || dlclose(object);
}
int main(int count, char **words) {
    if (count > 2 && !strcmp(words[1], "open")) {
        for (int i = 2; i < count; i++)
            if (open_it(words[i]))
                return 2;
        return 0;
    }
    return fork_it() || vfork_it() || spawn_it() || thread_it() || shell_it() || try_it();
}
"#;

const LIBRARY: &str = r#"
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
extern char **environ;
int spawn_it(void) {
    char *words[] = {"true", 0};
    pid_t pid;
    if (posix_spawn(&pid, "/bin/true", 0, 0, words, environ)) /* posix_spawn */
        return 1;
    return waitpid(pid, 0, 0) != pid;
}
"#;

fn library() -> PathBuf {
    let named = std::env::var_os("CLONE3_LIBRARY").map(PathBuf::from);
    let built = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../build/libclone3.so.0");
    std::path::absolute(named.unwrap_or_else(built)).unwrap()
}

/// The line of a mark, as the compiler counts.
fn line(source: &str, mark: &str) -> u64 {
    let mark = format!("/* {mark} */");
    1 + source.lines().position(|line| line.contains(&mark)).unwrap() as u64
}

/// What a report says of a caller: function, name of the source file, line.
fn place(caller: &Value) -> (Option<&str>, Option<&str>, Option<u64>) {
    let file = caller["file"].as_str().map(|file| file.rsplit('/').next().unwrap());
    (caller["function"].as_str(), file, caller["line"].as_u64())
}

/// A directory with programs in it.
struct Place {
    directory: tempfile::TempDir,
    compiler: Vec<String>,
    library: PathBuf,
}

impl Place {
    fn new() -> Place {
        Place::with(&["cc"], library())
    }

    fn with(compiler: &[&str], library: PathBuf) -> Place {
        let compiler = compiler.iter().map(|word| (*word).into()).collect();
        Place { directory: tempfile::tempdir().unwrap(), compiler, library }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Whether it could be compiled.
    fn compile(&self, source: &str, name: &str, options: &[&str]) -> bool {
        let file = self.path(&format!("{}.c", name.replace(".so", "")));
        fs::write(&file, source).unwrap();
        let mut command = Command::new(&self.compiler[0]);
        command.args(&self.compiler[1..]).args(["-g", "-O0", "-o", name]).arg(file);
        command.args(options).current_dir(self.directory.path());
        command.output().is_ok_and(|outcome| outcome.status.success())
    }

    /// The program and its library; whether they could be compiled.
    fn compile_all(&self, options: &[&str]) -> bool {
        let linked = ["libspawn.so", "-Wl,-rpath,$ORIGIN", "-ldl", "-pthread"];
        self.compile(LIBRARY, "libspawn.so", &["-shared", "-fPIC"])
            && self.compile(PROGRAM, "program", &[&linked[..], options].concat())
    }

    fn trace(&self, words: &[&str]) {
        let mut command = assert_cmd::cargo::cargo_bin_cmd!("clone3");
        command.env_remove("LD_PRELOAD").timeout(Duration::from_secs(60));
        command.arg("--library").arg(&self.library).args(["run", "-o", "trace"]).args(words);
        command.current_dir(self.directory.path()).assert().success();
    }

    fn report(&self, words: &[&str]) -> String {
        let mut command = assert_cmd::cargo::cargo_bin_cmd!("clone3");
        command.arg("report").args(words).arg(self.path("trace"));
        let outcome = command.timeout(Duration::from_secs(60)).assert().success();
        String::from_utf8(outcome.get_output().stdout.clone()).unwrap()
    }

    fn records(&self, words: &[&str]) -> Vec<Value> {
        let report = self.report(&[&["--format", "jsonl"], words].concat());
        report.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// The callers of a function, in their order.
fn callers<'a>(records: &'a [Value], call: &str) -> Vec<&'a Value> {
    records
        .iter()
        .filter(|record| record["call"] == call && record["type"] != "exit")
        .map(|record| &record["caller"])
        .collect()
}

fn caller<'a>(records: &'a [Value], call: &str) -> &'a Value {
    let all = callers(records, call);
    all.first().unwrap_or_else(|| panic!("no {call} with a caller"))
}

/// Everything in the program and its library, by function and line.
fn all_are_named(place_of: &Place) {
    place_of.trace(&["./program"]);
    let records = place_of.records(&[]);
    for (call, function) in [
        ("fork", "fork_it"),
        ("execl", "fork_it"),
        ("waitpid", "fork_it"),
        ("vfork", "vfork_it"),
        ("pthread_create", "thread_it"),
        ("popen", "shell_it"),
        ("pclose", "shell_it"),
        ("system", "shell_it"),
    ] {
        let wanted = (Some(function), Some("program.c"), Some(line(PROGRAM, call)));
        assert_eq!(place(caller(&records, call)), wanted, "{call}");
        assert_eq!(caller(&records, call)["module"], "./program", "{call}");
    }
    let wanted = (Some("vfork_it"), Some("program.c"), Some(line(PROGRAM, "execv")));
    assert_eq!(place(caller(&records, "execv")), wanted, "on lent memory");
    let spawn = caller(&records, "posix_spawn");
    let wanted = (Some("spawn_it"), Some("libspawn.c"), Some(line(LIBRARY, "posix_spawn")));
    assert_eq!(place(spawn), wanted);
    assert!(spawn["module"].as_str().unwrap().ends_with("/libspawn.so"));
    assert!(caller(&records, "spawned").is_null(), "the child of a spawn is not called");
    let modules = records.iter().filter(|record| record["type"] == "module").count();
    assert_eq!(modules, 2, "each object once, those that nothing was called from never");
}

#[test]
fn calls_are_named_by_function_and_line() {
    let place = Place::new();
    if !place.compile_all(&[]) {
        return eprintln!("SKIP: no C compiler");
    }
    all_are_named(&place);
    let text = place.report(&["--format", "text"]);
    let wanted = format!(" at fork_it (program.c:{})", line(PROGRAM, "fork"));
    let fork = text.lines().find(|line| line.contains("  fork()")).unwrap();
    assert!(fork.ends_with(&wanted), "{fork}");
    let findings = place.report(&["--format", "findings"]);
    let missing = line(PROGRAM, "missing");
    let wanted = format!("missing was executed in vain 12 times at try_it (program.c:{missing})");
    assert!(findings.contains(&wanted), "{findings}");
    let page = place.report(&["--format", "html"]);
    assert!(page.contains(&format!("\"shell_it (program.c:{})\"", line(PROGRAM, "popen"))));
}

#[test]
fn a_program_at_a_fixed_address_has_its_own_offsets() {
    let place = Place::new();
    if !place.compile_all(&["-no-pie"]) {
        return eprintln!("SKIP: no C compiler, or none for such programs");
    }
    all_are_named(&place);
    let records = place.records(&[]);
    let fork = caller(&records, "fork");
    assert_eq!(fork["address"], fork["offset"]);
}

#[test]
fn a_program_of_32_bits_is_named_as_well() {
    let library = library().with_file_name("i686").join("libclone3.so.0");
    if !library.exists() {
        return eprintln!("SKIP: no library of 32 bits; make i686 builds it");
    }
    let compilers = [&["cc", "-m32"][..], &["i686-linux-gnu-gcc"]];
    let places = compilers.map(|compiler| Place::with(compiler, library.clone()));
    let Some(place) = places.into_iter().find(|place| {
        place.compile_all(&[]) && Command::new(place.path("program")).arg("open").status().is_ok()
    }) else {
        return eprintln!("SKIP: no compiler for 32 bits, or nothing runs its programs");
    };
    all_are_named(&place);
}

#[test]
fn an_object_that_was_opened_later_is_named() {
    let place = Place::new();
    let options = ["-shared", "-fPIC"];
    let moved = LIBRARY.replace("int spawn_it", "\n\n\nint spawn_it");
    if !place.compile_all(&[])
        || !place.compile(LIBRARY, "one.so", &options)
        || !place.compile(&moved, "two.so", &options)
    {
        return eprintln!("SKIP: no C compiler");
    }
    // Each is closed before the next one is opened, which may come to lie where it was.
    place.trace(&["./program", "open", "./one.so", "./two.so", "./one.so"]);
    let records = place.records(&[]);
    let (first, second) = (line(LIBRARY, "posix_spawn"), line(&moved, "posix_spawn"));
    let wanted = [("one.c", first), ("two.c", second), ("one.c", first)];
    let found: Vec<_> = callers(&records, "posix_spawn").into_iter().map(self::place).collect();
    let wanted = wanted.map(|(file, line)| (Some("spawn_it"), Some(file), Some(line)));
    if found.iter().all(|(function, ..)| function.is_none()) && !has_find_object() {
        return eprintln!("SKIP: this libc does not tell where such an object is");
    }
    assert_eq!(found, wanted);
}

/// glibc 2.35.
fn has_find_object() -> bool {
    // SAFETY: a string; the address is not used.
    !unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"_dl_find_object".as_ptr()) }.is_null()
}

#[test]
fn what_was_stripped_is_found_in_files_of_debug_information() {
    let place = Place::new();
    if !place.compile_all(&["-Wl,--build-id"]) {
        return eprintln!("SKIP: no C compiler");
    }
    place.trace(&["./program"]);
    let before = place.records(&[]);
    let strip = |words: &[&str]| {
        let mut command = Command::new("objcopy");
        command.args(words).current_dir(place.directory.path());
        command.status().is_ok_and(|status| status.success())
    };
    if !strip(&["--only-keep-debug", "program", "program.debug"])
        || !strip(&["--strip-all", "program", "program"])
    {
        return eprintln!("SKIP: no objcopy");
    }
    place.trace(&["./program"]);
    let records = place.records(&[]);
    let fork = caller(&records, "fork");
    assert_eq!(self::place(fork), (None, None, None));
    assert_eq!(fork["module"], "./program");
    assert_eq!(fork["offset"], caller(&before, "fork")["offset"]);
    let text = place.report(&["--format", "text"]);
    let wanted = format!(" at program+{:#x}", fork["offset"].as_u64().unwrap());
    assert!(
        text.lines().any(|line| line.contains("  fork()") && line.ends_with(&wanted)),
        "{text}"
    );

    let is_module = |record: &&Value| record["type"] == "module";
    let id = records.iter().find(is_module).unwrap()["build_id"].as_str().unwrap();
    let directory = place.path(&format!("debug/.build-id/{}", &id[..2]));
    fs::create_dir_all(&directory).unwrap();
    fs::rename(place.path("program.debug"), directory.join(format!("{}.debug", &id[2..]))).unwrap();
    let debug = place.path("debug");
    let records = place.records(&["--debug-directory", debug.to_str().unwrap()]);
    let wanted = (Some("fork_it"), Some("program.c"), Some(line(PROGRAM, "fork")));
    assert_eq!(self::place(caller(&records, "fork")), wanted);
    // Another file of that name is none of the program's.
    fs::copy(place.path("libspawn.so"), directory.join(format!("{}.debug", &id[2..]))).unwrap();
    let records = place.records(&["--debug-directory", debug.to_str().unwrap()]);
    assert_eq!(self::place(caller(&records, "fork")), (None, None, None));
}

#[test]
fn a_file_that_was_changed_since_tells_nothing() {
    for option in ["-Wl,--build-id", "-Wl,--build-id=none"] {
        let place = Place::new();
        if !place.compile_all(&[option]) {
            return eprintln!("SKIP: no C compiler");
        }
        place.trace(&["./program"]);
        let records = place.records(&[]);
        assert_eq!(caller(&records, "fork")["function"], "fork_it", "{option}");
        let other =
            PROGRAM.replace("static int fork_it", "int more(void) { return 1; }\nint fork_it");
        assert!(place.compile(&other, "program", &[option, "libspawn.so", "-ldl", "-pthread"]));
        let records = place.records(&[]);
        assert_eq!(self::place(caller(&records, "fork")), (None, None, None), "{option}");
        assert_eq!(caller(&records, "posix_spawn")["function"], "spawn_it", "{option}");
    }
}

#[test]
fn a_script_is_named_by_its_interpreter() {
    let place = Place::new();
    if !place.compile_all(&["-Wl,--build-id"]) {
        return eprintln!("SKIP: no C compiler");
    }
    let script = place.path("script");
    fs::write(&script, format!("#!{}\n", place.path("program").display())).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    place.trace(&["./script"]);
    let records = place.records(&[]);
    assert_eq!(caller(&records, "fork")["function"], "fork_it");
}
