// SPDX-License-Identifier: MIT OR Apache-2.0
//! The child's ids and capabilities.
//!
//! With fs.suid_dumpable=1 each change of ids makes the memory dumpable again, so the
//! flag is cleared before and after (`Job::hide_if`).

use super::failure::Failure;
use super::job::Job;
use super::stage::Stage;
use crate::uapi::{Errno, cred};

/// The effective ids become the real ones.
#[inline(never)]
pub fn reset_ids(job: &Job) -> Result<(), Failure> {
    hidden(job, cred::reset_ids).map_err(Failure::at(Stage::Uid))
}

fn hidden(job: &Job, change: impl Fn() -> Result<(), Errno>) -> Result<(), Errno> {
    job.hide_if(job.changes.ids)?;
    change()?;
    job.hide_if(job.changes.ids)
}

/// Makes the requested changes, in an order in which none takes the privilege that a
/// later one needs.
pub fn change(job: &Job) -> Result<(), Failure> {
    let rare = job.child.rare;
    let capabilities = |index| Failure::nth(Stage::Capabilities, index);
    let keeps = rare.inheritable.is_some() || rare.ambient.is_some();
    if let Some(kept) = rare.bounding {
        cred::bound_capabilities(kept).map_err(Failure::at(Stage::Bounding))?;
    }
    if let Some(groups) = rare.groups {
        let (first, count) = groups.as_parts();
        cred::set_groups(first, count).map_err(Failure::at(Stage::Groups))?;
    }
    if let Some(gid) = rare.gid {
        hidden(job, || cred::set_gid(gid)).map_err(Failure::at(Stage::Gid))?;
    }
    if let Some(uid) = rare.uid {
        if keeps || rare.securebits.is_some() {
            cred::keep_capabilities().map_err(capabilities(0))?;
        }
        hidden(job, || cred::set_uid(uid)).map_err(Failure::at(Stage::Uid))?;
    }
    if keeps || (rare.securebits.is_some() && rare.uid.is_some()) {
        cred::set_inheritable(rare.inheritable, rare.ambient.unwrap_or(0))
            .map_err(capabilities(1))?;
    }
    if let Some(ambient) = rare.ambient {
        cred::set_ambient(ambient).map_err(capabilities(2))?;
    }
    if let Some(bits) = rare.securebits {
        cred::set_securebits(bits).map_err(Failure::at(Stage::Securebits))?;
    }
    Ok(())
}
