// SPDX-License-Identifier: MIT OR Apache-2.0
//! The child's environment: the caller's with changes, or one of its own.

use std::collections::BTreeMap;
use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

#[derive(Debug, Default)]
pub(crate) struct Environment {
    /// Nothing is the caller's.
    cleared: bool,
    /// What is set, and with `None` what is removed.
    changes: BTreeMap<OsString, Option<OsString>>,
}

impl Environment {
    /// What is wrong with a variable, if anything is.
    pub(crate) fn set(&mut self, name: &OsStr, value: &OsStr) -> Result<(), String> {
        let bytes = name.as_bytes();
        if bytes.is_empty() || bytes.contains(&b'=') || bytes.contains(&0) {
            return Err(format!("environment variable {name:?} is no name"));
        }
        if value.as_bytes().contains(&0) {
            return Err(format!("environment variable {name:?} has a NUL byte"));
        }
        self.changes.insert(name.into(), Some(value.into()));
        Ok(())
    }

    pub(crate) fn remove(&mut self, name: &OsStr) {
        if self.cleared {
            self.changes.remove(name);
        } else {
            self.changes.insert(name.into(), None);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.cleared = true;
        self.changes.clear();
    }

    /// All of it, `NAME=VALUE`; `None` if it is the caller's.
    pub(crate) fn strings(&self) -> Option<Vec<CString>> {
        if !self.cleared && self.changes.is_empty() {
            return None;
        }
        let mut all = BTreeMap::new();
        if !self.cleared {
            all.extend(std::env::vars_os());
        }
        for (name, value) in &self.changes {
            match value {
                Some(value) => all.insert(name.clone(), value.clone()),
                None => all.remove(name),
            };
        }
        let string = |(name, value): (OsString, OsString)| {
            let mut bytes = name.into_vec();
            bytes.push(b'=');
            bytes.extend_from_slice(value.as_bytes());
            CString::new(bytes).ok() // there is no NUL in what is set here, or in the caller's
        };
        Some(all.into_iter().filter_map(string).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removed_after_clearing_and_set_again() {
        let mut environment = Environment::default();
        assert_eq!(environment.strings(), None);
        environment.clear();
        environment.set("A".as_ref(), "1".as_ref()).unwrap();
        environment.set("B".as_ref(), "2".as_ref()).unwrap();
        environment.remove("A".as_ref());
        assert_eq!(environment.strings(), Some(vec![c"B=2".to_owned()]));
        for name in ["", "A=B", "A\0"] {
            environment.set(name.as_ref(), "x".as_ref()).unwrap_err();
        }
        environment.set("A".as_ref(), "\0".as_ref()).unwrap_err();
    }
}
