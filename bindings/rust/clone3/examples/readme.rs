// SPDX-License-Identifier: MIT OR Apache-2.0
//! The program of README.md.

use clone3::{Command, Mount, Namespaces};
use std::time::Duration;

fn main() -> std::io::Result<()> {
    let mut child = Command::new("sleep")
        .arg("60")
        .map_root()
        .namespaces(Namespaces::PID | Namespaces::MOUNT)
        .mount(Mount::new("proc", "/proc").no_suid())
        .spawn()?;
    if child.wait_timeout(Duration::from_millis(50))?.is_none() {
        child.kill()?;
    }
    println!("{}", child.wait()?);
    Ok(())
}
