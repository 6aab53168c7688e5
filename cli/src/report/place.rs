// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where calls came from, in words and as JSON.

use crate::model::{Caller, Callers, Creation, Exec, Run, base_name};
use crate::words::plain;
use serde_json::{Value, json};

/// `fork_it (x.c:12)`, `fork_it in libx.so`, `libx.so+0x1139`, or an address.
pub fn in_words(callers: &Callers, caller: Caller) -> String {
    let Some(site) = caller.site else { return format!("{:#x}", caller.address) };
    let place = callers.place(site);
    let object = base_name(callers.path(site));
    let text = match (place.function, place.file.zip(place.line)) {
        (Some(function), Some((file, line))) => {
            format!("{function} ({}:{line})", base_name(file.as_bytes()))
        }
        (None, Some((file, line))) => format!("{}:{line} in {object}", base_name(file.as_bytes())),
        (Some(function), None) => format!("{function} in {object}"),
        (None, None) => format!("{object}+{:#x}", site.offset),
    };
    plain(text.as_bytes())
}

/// Of a creation, if it is known.
pub fn of_creation(run: &Run, creation: &Creation) -> Option<String> {
    creation.caller.map(|caller| in_words(&run.callers, caller))
}

/// Of an attempt to execute, if it is known.
pub fn of_exec(run: &Run, exec: &Exec) -> Option<String> {
    exec.caller.map(|caller| in_words(&run.callers, caller))
}

/// All that is known, null where that is nothing.
pub fn as_json(callers: &Callers, caller: Option<Caller>) -> Value {
    let Some(caller) = caller else { return json!(null) };
    let module = caller.site.map(|site| String::from_utf8_lossy(callers.path(site)));
    let place = caller.site.map(|site| callers.place(site)).unwrap_or_default();
    json!({
        "address": caller.address,
        "module": module,
        "offset": caller.site.map(|site| site.offset),
        "function": place.function,
        "file": place.file,
        "line": place.line,
    })
}
