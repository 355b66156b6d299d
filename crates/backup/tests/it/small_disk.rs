//! A small file system of its own, that can have almost no room left.
#![allow(clippy::print_stdout)]

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A mounted tmpfs; unmounted when dropped.
pub(crate) struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts an empty file system of some MiB at `at`, which is made. Nothing where nobody may mount one, which is said.
    pub(crate) fn mount(at: PathBuf, size_mib: u32) -> Option<SmallDisk> {
        fs::create_dir(&at).unwrap();
        let options = format!("size={size_mib}m,mode=0700");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "none"]);
        let mounted = mount.arg(&at).stderr(Stdio::null()).status();
        let is_mounted = mounted.is_ok_and(|status| status.success());
        if !is_mounted {
            println!("skipped: no file system may be mounted here");
        }
        is_mounted.then_some(SmallDisk(at))
    }

    /// Takes all room but so many bytes.
    pub(crate) fn leave(&self, bytes: u64) {
        let mut filler = File::create(self.filler()).unwrap();
        let block = [0x55; 4096];
        let mut taken = 0;
        while let Ok(written @ 1..) = filler.write(&block) {
            taken += written as u64;
        }
        filler.set_len(taken.saturating_sub(bytes)).unwrap();
    }

    /// Frees what [`SmallDisk::leave`] took.
    pub(crate) fn free(&self) {
        fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // What is still open there stays until it is closed.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
