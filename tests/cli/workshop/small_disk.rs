//! A disk that is soon full, and may become one that is only read.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::Workshop;

/// A file system of a few pages in the folder `small`, for as long as this lives.
pub struct SmallDisk(pub PathBuf);

impl SmallDisk {
    /// `None`, and a line that says so, where mounting is not permitted.
    pub fn mount(workshop: &Workshop) -> Option<Self> {
        let folder = workshop.path("small");
        fs::create_dir(&folder).unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"])
            .arg(&folder)
            .output();
        if mount.is_ok_and(|output| output.status.success()) {
            return Some(Self(folder));
        }
        println!("skipped: only root may mount the small file system that this fills");
        None
    }

    /// Takes all the room that is left.
    pub fn fill(&self) {
        let full = fs::write(self.0.join("filler"), vec![0; 1 << 20]);
        assert!(full.is_err(), "a file system of 256 KiB took a mebibyte");
    }

    /// Lets nobody write any more, root included.
    pub fn protect(&self) {
        let mount = Command::new("mount")
            .args(["-o", "remount,ro"])
            .arg(&self.0)
            .status();
        assert!(mount.unwrap().success());
    }

    /// What lies in it, sorted.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
        let mut names: Vec<String> = entries.map(|entry| name(entry.unwrap())).collect();
        names.sort();
        names
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}
