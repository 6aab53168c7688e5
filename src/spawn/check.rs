// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks of a plan that need neither the kernel nor a child.

use super::failure::Failure;
use super::plan::Plan;
use super::rare::Rare;
use super::stage::Stage;
use super::{contradictions, mounts, readable};
use crate::uapi::pages;
use core::ffi::c_char;

/// The first thing that is wrong with a plan, for a program of that path.
pub fn plan(plan: &Plan, path: *const c_char) -> Result<(), Failure> {
    if let Some(refusal) = plan.refused {
        let index = contradictions::FIRST_SETTER + u32::from(refusal.setter);
        return Err(Failure { stage: Stage::Plan, index, errno: refusal.errno });
    }
    lists(&plan.rare)?;
    mounts::check(&plan.rare.mounts)?;
    contradictions::find(plan, !path.is_null())?;
    if !plan.pidfd.is_null() {
        pages::probe_writable(plan.pidfd as usize as u64).map_err(Failure::at(Stage::Pidfd))?;
    }
    if plan.search {
        readable::string(path).map_err(Failure::at(Stage::Exec))?;
    }
    Ok(())
}

/// EFAULT at the step of the first list that cannot be read.
fn lists(rare: &Rare) -> Result<(), Failure> {
    readable::of_list(&rare.uid_map).map_err(Failure::nth(Stage::IdMap, 1))?;
    readable::of_list(&rare.gid_map).map_err(Failure::nth(Stage::IdMap, 2))?;
    readable::of_list(&rare.namespaces).map_err(Failure::nth(Stage::Namespace, 0))?;
    if let Some(descriptors) = &rare.descriptors {
        readable::of_list(descriptors).map_err(Failure::nth(Stage::Fd, 0))?;
    }
    readable::of_list(&rare.limits).map_err(Failure::nth(Stage::Rlimit, 0))
}
