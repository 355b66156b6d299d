//! A small file system of its own for a folder of the rig, that can be full or read-only.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A mounted tmpfs; unmounted when dropped.
pub(crate) struct SmallDisk {
    at: PathBuf,
}

impl SmallDisk {
    /// Mounts an empty file system of some MiB at `at`, which is made if need be.
    pub(crate) fn mount(at: PathBuf, size_mib: u32) -> SmallDisk {
        std::fs::create_dir_all(&at).unwrap();
        let options = format!("size={size_mib}m,mode=700");
        let disk = SmallDisk { at };
        disk.tool(
            "mount",
            &["-t", "tmpfs", "-o", &options, "portcullis-test"],
            "these tests need the right to mount a tmpfs: run them as root, as CI does",
        );
        disk
    }

    /// Writes until nothing more fits.
    pub(super) fn fill(&self) {
        let mut file = std::fs::File::create(self.filler()).unwrap();
        for size in [1 << 20, 4096, 1] {
            let block = vec![0x55; size];
            while file.write_all(&block).is_ok() {}
        }
    }

    /// Frees what [`SmallDisk::fill`] took.
    pub(super) fn free(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }

    /// Makes the file system read-only; nothing on it may be open for writing.
    pub(super) fn make_read_only(&self) {
        self.tool("mount", &["-o", "remount,ro"], "it is in use");
    }

    pub(super) fn make_writable(&self) {
        self.tool("mount", &["-o", "remount,rw"], "");
    }

    fn filler(&self) -> PathBuf {
        self.at.join("filler")
    }

    fn tool(&self, program: &str, args: &[&str], hint: &str) {
        let output = Command::new(program).args(args).arg(&self.at).output();
        let output = output.unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            output.status.success(),
            "{program} {args:?} {}: {said}{hint}",
            self.at.display()
        );
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        unmount(&self.at);
    }
}

/// A folder that nobody can write to any more: a read-only view lies over it. What was open before stays
/// as it was. The view is taken away when this is dropped.
pub(super) struct ReadOnly {
    at: PathBuf,
}

impl ReadOnly {
    pub(super) fn over(at: PathBuf) -> ReadOnly {
        let mount = |args: &[&str]| {
            let output = Command::new("mount").args(args).arg(&at).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "mount {args:?}: {said}");
        };
        mount(&["--bind", at.to_str().unwrap()]);
        let view = ReadOnly { at: at.clone() };
        mount(&["-o", "remount,bind,ro"]);
        view
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        unmount(&self.at);
    }
}

/// Detaches at once; what is still open there stays until it is closed.
fn unmount(at: &Path) {
    let _ = Command::new("umount").arg("-l").arg(at).status();
}
