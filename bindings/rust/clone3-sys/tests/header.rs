// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the crate declares is what a C compiler sees in `clone3.h`. `CC` is the compiler.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

#[rustfmt::skip]
mod table;

const PROLOGUE: &str =
    "#define _GNU_SOURCE\n#include <linux/filter.h>\n#include <sched.h>\n#include <clone3.h>\n";

/// Compiles C against the header. The program, if `link` says so.
fn compile(name: &str, text: &str, link: bool) -> (PathBuf, Output) {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (source, program) = (directory.join(format!("{name}.c")), directory.join(name));
    std::fs::write(&source, format!("{PROLOGUE}{text}")).unwrap();
    let mut compiler = Command::new(std::env::var_os("CC").unwrap_or("cc".into()));
    compiler
        .args(["-std=gnu11", "-Wall", "-Werror", "-I"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../include"))
        .args([source.as_os_str(), "-o".as_ref(), program.as_os_str()]);
    if !link {
        compiler.arg("-fsyntax-only");
    }
    let output = compiler.output().expect("a C compiler");
    (program, output)
}

/// What a C program prints that is compiled against the header.
fn c_prints(name: &str, body: &str) -> Vec<String> {
    let text = format!("#include <stdio.h>\nint main(void) {{\n{body}    return 0;\n}}\n");
    let (program, output) = compile(name, &text, true);
    assert!(output.status.success(), "{output:?}");
    let output = Command::new(program).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn constants_have_the_header_s_values() {
    let (mut body, mut wanted) = (String::new(), Vec::new());
    for (name, value) in table::CONSTANTS {
        writeln!(body, "    printf(\"{name} %llu\\n\", (unsigned long long){name});").unwrap();
        wanted.push(format!("{name} {value}"));
    }
    assert!(wanted.len() > 90, "{}", wanted.len());
    assert_eq!(c_prints("constants", &body), wanted);
}

#[test]
fn structs_have_the_header_s_layout() {
    let (mut body, mut wanted) = (String::new(), Vec::new());
    for (name, size, align, fields) in table::STRUCTS {
        let c = format!("struct {name}");
        writeln!(body, "    printf(\"{name} %zu %zu\\n\", sizeof({c}), _Alignof({c}));").unwrap();
        wanted.push(format!("{name} {size} {align}"));
        let mut end = 0;
        for (field, offset, size) in *fields {
            writeln!(
                body,
                "    printf(\"{name}.{field} %zu %zu\\n\", offsetof({c}, {field}), sizeof((({c} *)0)->{field}));"
            )
            .unwrap();
            wanted.push(format!("{name}.{field} {offset} {size}"));
            // No field is missing in between: nothing is left out but padding.
            assert!(offset - end < *align, "before {name}.{field}");
            end = offset + size;
        }
        assert!(size - end < *align, "at the end of {name}");
    }
    assert_eq!(c_prints("structs", &body), wanted);
}

#[test]
fn functions_can_be_linked_with() {
    let functions = table::functions();
    assert!(functions.len() > 60, "{}", functions.len());
    for (name, address) in functions {
        assert!(!address.is_null(), "{name}");
    }
}

/// Translates a Rust type into C's, with `name` for what is declared.
fn c_type(rust: &str, name: &str) -> String {
    if let Some(inner) = rust.strip_prefix("*mut ") {
        return c_type(inner, &format!("*{name}"));
    }
    if let Some(inner) = rust.strip_prefix("*const ") {
        // The star of a pointer takes its const behind it.
        return match inner.strip_prefix('*') {
            Some(_) => c_type(inner, &format!("const *{name}")),
            None => format!("const {}", c_type(inner, &format!("*{name}"))),
        };
    }
    let function =
        rust.strip_prefix("Option<unsafe extern \"C\" fn(").and_then(|rest| rest.strip_suffix('>'));
    if let Some((parameters, result)) = function.and_then(|rest| rest.split_once(')')) {
        let parameters: Vec<_> = parameters.split(", ").map(c_parameter).collect();
        let declared = format!("(*{name})({})", parameters.join(", "));
        return c_type(result.strip_prefix(" -> ").unwrap_or("c_void"), &declared);
    }
    let plain = match rust {
        "c_void" | "!" => "void",
        "c_char" => "char",
        "c_int" => "int",
        "c_uint" => "unsigned int",
        "c_ulong" => "unsigned long",
        "usize" => "size_t",
        "i32" => "int32_t",
        "i64" => "int64_t",
        "u32" => "uint32_t",
        "u64" => "uint64_t",
        "libc::sock_fprog" => "struct sock_fprog",
        "clone_args" => "struct clone_args",
        other => match other.strip_prefix("libc::") {
            Some(of_libc) => of_libc,
            None if other.ends_with("_t") => other,
            None => return format!("struct {other} {name}"),
        },
    };
    format!("{plain} {name}")
}

fn c_parameter(rust: &str) -> String {
    let (name, kind) = rust.split_once(": ").unwrap();
    c_type(kind, name)
}

#[test]
fn functions_have_the_header_s_types() {
    let text = include_str!("../src/header.rs");
    let (mut body, mut count) = (String::new(), 0);
    let plain: Vec<_> =
        text.lines().map(str::trim).filter(|line| !line.starts_with("//")).collect();
    for declared in plain.join(" ").split("pub fn ").skip(1) {
        let declared = declared.split(';').next().unwrap();
        let (name, rest) = declared.split_once('(').unwrap();
        let (parameters, result) = rest.rsplit_once(')').map_or((rest, ""), |(inside, result)| {
            // The last parenthesis may be that of a function that is passed.
            (inside.trim(), result.trim())
        });
        let parameters: Vec<_> = parameters
            .split(", ")
            .map(|one| one.trim().trim_end_matches(','))
            .filter(|one| !one.is_empty())
            .map(c_parameter)
            .collect();
        let inside = match parameters.is_empty() {
            true => "void".to_owned(),
            false => parameters.join(", "),
        };
        let result = result.strip_prefix("-> ").unwrap_or("c_void");
        let own = c_type(result, &format!("own_{name}({inside})"));
        writeln!(body, "extern {own};").unwrap();
        writeln!(
            body,
            "_Static_assert(__builtin_types_compatible_p(__typeof__(own_{name}), __typeof__({name})), \"{name}\");"
        )
        .unwrap();
        count += 1;
    }
    assert_eq!(count, table::functions().len());
    let (_, output) = compile("functions", &body, false);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

#[test]
fn the_library_is_of_the_header_s_version() {
    // SAFETY: it returns a constant string.
    let version = unsafe { std::ffi::CStr::from_ptr(clone3_sys::clone3_version()) };
    assert_eq!(version, clone3_sys::CLONE3_VERSION);
    assert_eq!(version.to_str(), Ok(env!("CARGO_PKG_VERSION")));
}
