//! Outputs: refused before hours of work go into them, and written whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{ImageError, PictureFormat};

/// Checks, before a run, that a picture can be written to `path` without harm to `inputs`.
///
/// # Errors
/// [`ImageError`] if the extension names no format that is written, or as [`check_output_file`].
pub fn check_output(path: &Path, inputs: &[&Path]) -> Result<(), ImageError> {
    PictureFormat::of(path)?;
    check_output_file(path, inputs)
}

/// As [`check_output`] for a file of any kind.
///
/// # Errors
/// [`ImageError`] if the folder is missing or refuses new files or this name, if `path` is a directory, a device
/// or write-protected, or if it is one of `inputs`, also by way of a symbolic or hard link, and also if
/// neither is there yet.
pub fn check_output_file(path: &Path, inputs: &[&Path]) -> Result<(), ImageError> {
    let shown = path.display().to_string();
    if let Some(input) = inputs.iter().find(|input| is_same_file(path, input)) {
        return Err(ImageError::OutputIsInput {
            path: shown,
            input: input.display().to_string(),
        });
    }
    let existing = fs::metadata(path);
    // Otherwise it would be known only at the end of the run: a folder is tried with a name of its own.
    if let Err(error) = &existing
        && error.kind() == io::ErrorKind::InvalidFilename
    {
        return Err(ImageError::OutputNameRefused {
            path: shown,
            reason: error.to_string(),
        });
    }
    if let Ok(existing) = existing {
        if !existing.is_file() {
            let kind = if existing.is_dir() {
                "a directory"
            } else {
                "a device"
            };
            return Err(ImageError::OutputNotAFile { path: shown, kind });
        }
        if existing.permissions().readonly() {
            return Err(ImageError::OutputProtected { path: shown });
        }
    }
    let target = target(path);
    let folder = folder(&target);
    if !folder.is_dir() {
        return Err(ImageError::FolderMissing {
            path: shown,
            folder: folder.display().to_string(),
        });
    }
    // Permission bits do not tell about read-only mounts, quotas or access lists; a try does.
    match tempfile::tempfile_in(folder) {
        Ok(_) => Ok(()),
        Err(error) => Err(ImageError::FolderNotWritable {
            path: shown,
            folder: folder.display().to_string(),
            reason: error.to_string(),
        }),
    }
}

/// Writes `bytes` to a temporary file beside `path` and renames it, so that `path` holds either its
/// old content or all of the new, also after a power cut. A symbolic link is followed; an existing file
/// keeps its permissions, a new one gets the usual ones.
///
/// # Errors
/// [`ImageError::Unwritable`] if the folder is missing or full, or refuses the file.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), ImageError> {
    write_atomically_with(path, |file| file.write_all(bytes))
}

/// As [`write_atomically`], with what `fill` writes into the file.
///
/// # Errors
/// As [`write_atomically`], and those of `fill`.
pub fn write_atomically_with(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), ImageError> {
    replace(&target(path), fill).map_err(|error| ImageError::Unwritable {
        path: path.display().to_string(),
        reason: error.to_string(),
    })
}

fn replace(target: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let prefix = temporary_prefix(target);
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // The system takes the umask away from this; tempfile alone would keep others out.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let folder = folder(target);
    let mut temporary = builder.tempfile_in(folder)?;
    // Straight into the file: an error shall not name a path that nobody has asked for.
    fill(temporary.as_file_mut())?;
    if let Ok(existing) = fs::metadata(target) {
        keep_permissions(temporary.as_file(), &existing)?;
    }
    // The name must not reach the disk before the bytes do.
    temporary.as_file().sync_all()?;
    temporary.persist(target).map_err(|error| error.error)?;
    sync_folder(folder);
    Ok(())
}

/// Removes temporary files that writers of `path` left behind when they were killed. Not to be called
/// while another process may be writing there.
pub fn remove_leftovers(path: &Path) {
    let target = target(path);
    let prefix = temporary_prefix(&target);
    let Ok(entries) = fs::read_dir(folder(&target)) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if name.as_encoded_bytes().starts_with(prefix.as_bytes()) {
            // One that cannot be removed is in nobody's way.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// How the names of the temporary files of `target` begin: with a checksum of its name, because the name
/// itself may already be as long as the system allows.
fn temporary_prefix(target: &Path) -> String {
    let name = target.file_name().unwrap_or_default();
    let digest = Sha256::digest(name.as_encoded_bytes());
    format!(
        ".impasto-{:02x}{:02x}{:02x}{:02x}-",
        digest[0], digest[1], digest[2], digest[3]
    )
}

/// Makes a renaming last. Not every file system can; the file is whole either way.
#[cfg(unix)]
fn sync_folder(folder: &Path) {
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
}

/// Elsewhere a folder cannot be opened, and the system sees to it.
#[cfg(not(unix))]
fn sync_folder(_folder: &Path) {}

fn keep_permissions(file: &File, existing: &fs::Metadata) -> std::io::Result<()> {
    file.set_permissions(existing.permissions())
}

/// Symbolic links in a row that are followed, as many as Linux follows.
const MOST_LINKS: usize = 40;

/// The file that `path` means, or would if it were there: through symbolic links if there are any, also to what is not there
/// yet.
fn target(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        if let Ok(found) = fs::canonicalize(&path) {
            return found;
        }
        match fs::read_link(&path) {
            Ok(destination) => path = folder(&path).join(destination),
            Err(_) => break,
        }
    }
    let coming = || {
        Some(
            fs::canonicalize(folder(&path))
                .ok()?
                .join(path.file_name()?),
        )
    };
    coming().unwrap_or(path)
}

/// The folder `path` lies in; the current one for a bare name.
fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Whether two paths lead to one file.
fn is_same_file(one: &Path, other: &Path) -> bool {
    target(one) == target(other) || is_hard_link(one, other)
}

#[cfg(unix)]
fn is_hard_link(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (fs::metadata(one), fs::metadata(other)) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_hard_link(_one: &Path, _other: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(path: &Path, inputs: &[&Path]) -> String {
        let message = check_output(path, inputs).unwrap_err().to_string();
        assert!(message.contains(&path.display().to_string()), "{message}");
        message
    }

    #[test]
    fn a_good_output_passes_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new.png");
        assert_eq!(check_output(&path, &[]), Ok(()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        assert_eq!(check_output(Path::new("bare_name.png"), &[]), Ok(()));
        let table = folder.path().join("trace.csv");
        assert_eq!(check_output_file(&table, &[]), Ok(()));
    }

    #[test]
    fn names_and_folders_are_checked() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["out.xyz", "out", "out.png.", ".png"] {
            let message = refusal(&folder.path().join(name), &[]);
            assert!(message.contains("does not end in .png"), "{message}");
        }
        let missing = folder.path().join("nowhere").join("out.png");
        assert!(refusal(&missing, &[]).contains("does not exist"));
        let directory = folder.path().join("folder.png");
        fs::create_dir(&directory).unwrap();
        assert!(refusal(&directory, &[]).contains("is a directory"));
        let long = folder.path().join(format!("{}.png", "x".repeat(252)));
        assert!(refusal(&long, &[]).contains("a shorter name"));
    }

    #[test]
    fn an_input_is_never_the_output() {
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join("in.png");
        fs::write(&input, "picture").unwrap();
        assert!(refusal(&input, &[&input]).contains("same file"));
        let roundabout = folder.path().join(".").join("in.png");
        assert!(refusal(&roundabout, &[&input]).contains("same file"));
        let coming = folder.path().join("coming.png");
        let roundabout = folder.path().join(".").join("coming.png");
        assert!(refusal(&coming, &[&roundabout]).contains("same file"));
        let other = folder.path().join("other.png");
        fs::write(&other, "picture").unwrap();
        assert_eq!(check_output(&other, &[&input]), Ok(()));
    }

    #[cfg(unix)]
    #[test]
    fn links_to_an_input_are_seen_through() {
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join("in.png");
        fs::write(&input, "picture").unwrap();
        let symbolic = folder.path().join("symbolic.png");
        std::os::unix::fs::symlink(&input, &symbolic).unwrap();
        assert!(refusal(&symbolic, &[&input]).contains("same file"));
        let hard = folder.path().join("hard.png");
        fs::hard_link(&input, &hard).unwrap();
        assert!(refusal(&hard, &[&input]).contains("same file"));
    }

    #[cfg(unix)]
    #[test]
    fn permissions_are_respected_and_kept() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let usual = folder.path().join("usual");
        fs::write(&usual, "as any program writes").unwrap();

        let path = folder.path().join("out.png");
        write_atomically(&path, b"one").unwrap();
        assert_eq!(mode(&path), mode(&usual));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        write_atomically(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(mode(&path), 0o640);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o440)).unwrap();
        assert!(refusal(&path, &[]).contains("write-protected"));
    }

    #[cfg(unix)]
    #[test]
    fn a_symbolic_link_is_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file.png");
        fs::write(&file, "old").unwrap();
        let link = folder.path().join("link.png");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write_atomically(&link, b"new").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    /// A file that the link will lead to, in another folder, by a path from the link's own.
    #[cfg(unix)]
    #[test]
    fn a_symbolic_link_to_what_is_not_there_is_written_through() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("far")).unwrap();
        let file = folder.path().join("far/file.png");
        let [link, first] = ["link.png", "first.png"].map(|name| folder.path().join(name));
        std::os::unix::fs::symlink("far/file.png", &link).unwrap();
        std::os::unix::fs::symlink("link.png", &first).unwrap();
        assert!(is_same_file(&first, &file));
        check_output(&first, &[]).unwrap();
        write_atomically(&first, b"new").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        // Links in a circle lead nowhere.
        let [one, two] = ["one.png", "two.png"].map(|name| folder.path().join(name));
        std::os::unix::fs::symlink(&one, &two).unwrap();
        std::os::unix::fs::symlink(&two, &one).unwrap();
        assert_ne!(target(&one), file);
    }

    #[test]
    fn leftovers_of_one_file_are_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let [one, other] = ["out.png", "other.png"].map(|name| folder.path().join(name));
        let leftover = |path: &Path| {
            let name = format!("{}a1", temporary_prefix(path));
            fs::write(folder.path().join(&name), "").unwrap();
            name
        };
        fs::write(&one, "").unwrap();
        let (gone, kept) = (leftover(&one), leftover(&other));
        remove_leftovers(&one);
        assert!(!folder.path().join(gone).exists());
        assert!(folder.path().join(kept).exists());
        assert!(one.exists());
    }

    #[test]
    fn the_longest_name_can_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x".repeat(255));
        write_atomically(&path, b"x").unwrap();
        assert!(path.exists());
    }

    #[test]
    fn a_writer_that_fails_half_way_leaves_the_old_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.checkpoint");
        write_atomically(&path, b"old").unwrap();
        let failed = write_atomically_with(&path, |file| {
            file.write_all(b"half")?;
            Err(io::Error::other("no more"))
        });
        let message = failed.unwrap_err().to_string();
        assert!(message.contains("run.checkpoint` cannot be written (no more)"));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_write_leaves_the_folder_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("taken.png");
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("inside"), "").unwrap();
        let message = write_atomically(&directory, b"x").unwrap_err().to_string();
        assert!(
            message.contains("taken.png` cannot be written"),
            "{message}"
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let missing = folder.path().join("nowhere").join("out.png");
        assert!(write_atomically(&missing, b"x").is_err());
    }
}
