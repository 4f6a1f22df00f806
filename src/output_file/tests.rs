use super::*;
use std::os::unix::fs::{chown, symlink};

struct TestFolder(tempfile::TempDir);

impl TestFolder {
    fn new() -> TestFolder {
        TestFolder(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, mode: u32) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, "what was there, longer than what comes").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    }

    /// No temporary file is left.
    fn count(&self) -> usize {
        fs::read_dir(self.0.path()).unwrap().count()
    }
}

fn write_content(path: &Path) -> io::Result<()> {
    write_file(path, |out| out.write_all(b"new"))
}

fn read_text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

fn file_mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

#[test]
fn directories_and_missing_folders_are_errors() {
    let place = TestFolder::new();
    assert_eq!(write_content(place.0.path()).unwrap_err().kind(), io::ErrorKind::IsADirectory);
    assert_eq!(write_content(&place.path("missing/file")).unwrap_err().kind(), io::ErrorKind::NotFound);
    assert_eq!(write_content(&place.path("file/")).unwrap_err().kind(), io::ErrorKind::IsADirectory);
    symlink("missing/file", place.path("dangling")).unwrap();
    assert_eq!(write_content(&place.path("dangling")).unwrap_err().kind(), io::ErrorKind::NotFound);
    assert_eq!(place.count(), 1);
}

#[test]
fn symlink_loop_is_an_error() {
    let place = TestFolder::new();
    symlink("b", place.path("a")).unwrap();
    symlink("a", place.path("b")).unwrap();
    let error = write_content(&place.path("a")).unwrap_err().to_string();
    assert!(error.contains("symbolic links"), "{error}");
    assert!(place.path("a").is_symlink() && place.path("b").is_symlink());
}

#[test]
fn failed_render_leaves_the_old_content() {
    let place = TestFolder::new();
    let linked = place.file("linked", 0o644);
    fs::hard_link(&linked, place.path("other")).unwrap();
    for path in [place.file("plain", 0o644), linked] {
        let before = read_text(&path);
        let failed = write_file(&path, |out| out.write_all(b"half").and(Err(io::Error::other("broken"))));
        assert_eq!(failed.unwrap_err().to_string(), "broken");
        assert_eq!(read_text(&path), before);
    }
    assert!(write_file(&place.path("new"), |_| Err(io::Error::other("broken"))).is_err());
    assert_eq!(place.count(), 3);
}

#[test]
fn new_file_has_the_mode_of_the_umask() {
    let place = TestFolder::new();
    let (written, usual) = (place.path("written"), place.path("usual"));
    write_content(&written).unwrap();
    File::create(&usual).unwrap();
    assert_eq!((read_text(&written).as_str(), file_mode(&written)), ("new", file_mode(&usual)));
}

#[test]
fn existing_mode_is_kept() {
    let place = TestFolder::new();
    for wanted in [0o600, 0o640, 0o666, 0o755] {
        let path = place.file("file", wanted);
        let before = fs::metadata(&path).unwrap().ino();
        write_content(&path).unwrap();
        assert_eq!((read_text(&path).as_str(), file_mode(&path)), ("new", wanted));
        assert_ne!(fs::metadata(&path).unwrap().ino(), before, "replaced as a whole");
    }
    assert_eq!(place.count(), 1);
}

#[test]
fn symlinks_stay_and_lead_to_the_new_content() {
    let place = TestFolder::new();
    fs::create_dir(place.path("folder")).unwrap();
    let target = place.file("folder/target", 0o600);
    symlink("folder/target", place.path("link")).unwrap();
    symlink("link", place.path("chain")).unwrap();
    write_content(&place.path("chain")).unwrap();
    assert!(place.path("link").is_symlink() && place.path("chain").is_symlink());
    assert_eq!((read_text(&target).as_str(), file_mode(&target)), ("new", 0o600));
    symlink("folder/new", place.path("dangling")).unwrap();
    write_content(&place.path("dangling")).unwrap();
    assert!(place.path("dangling").is_symlink());
    assert_eq!(read_text(&place.path("folder/new")), "new");
}

#[test]
fn hard_links_see_the_new_content() {
    let place = TestFolder::new();
    let path = place.file("file", 0o600);
    fs::hard_link(&path, place.path("other")).unwrap();
    write_content(&path).unwrap();
    assert_eq!((read_text(&place.path("other")).as_str(), file_mode(&path)), ("new", 0o600));
    assert_eq!(fs::metadata(&path).unwrap().nlink(), 2);
}

#[test]
fn attributes_are_kept() {
    let place = TestFolder::new();
    let path = place.file("file", 0o600);
    let set = rustix::fs::setxattr(&path, "user.note", b"kept", rustix::fs::XattrFlags::empty());
    if set.is_err() {
        return; // This file system has no extended attributes.
    }
    write_content(&path).unwrap();
    let mut value = [0; 16];
    let length = rustix::fs::getxattr(&path, "user.note", &mut value[..]).unwrap();
    assert_eq!((&value[..length], read_text(&path).as_str()), (&b"kept"[..], "new"));
}

#[test]
fn owner_and_group_are_kept() {
    if !nix::unistd::geteuid().is_root() {
        return; // Only root may give a file away.
    }
    let place = TestFolder::new();
    let path = place.file("file", 0o640);
    chown(&path, Some(65_534), Some(65_534)).unwrap();
    write_content(&path).unwrap();
    let metadata = fs::metadata(&path).unwrap();
    assert_eq!((metadata.uid(), metadata.gid(), file_mode(&path)), (65_534, 65_534, 0o640));
}

#[test]
fn create_new_replaces_nothing() {
    let place = TestFolder::new();
    let path = place.file("file", 0o644);
    symlink("nowhere", place.path("dangling")).unwrap();
    for taken in [path.clone(), place.path("dangling")] {
        assert_eq!(create_new(&taken, 0o600, b"new").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    }
    assert!(read_text(&path).starts_with("what was there"));
    create_new(&place.path("new"), 0o600, b"new").unwrap();
    assert_eq!((read_text(&place.path("new")).as_str(), file_mode(&place.path("new"))), ("new", 0o600));
    assert_eq!(place.count(), 3);
}

#[test]
fn devices_and_pipes_are_written_to() {
    write_content(Path::new("/dev/null")).unwrap();
    assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    if Path::new("/dev/full").exists() {
        assert_eq!(write_content(Path::new("/dev/full")).unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
    let place = TestFolder::new();
    let fifo = place.path("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let reader = std::thread::spawn({
        let fifo = fifo.clone();
        move || read_text(&fifo)
    });
    write_content(&fifo).unwrap();
    assert_eq!(reader.join().unwrap(), "new");
    assert!(fs::metadata(&fifo).unwrap().file_type().is_fifo());
}

#[test]
fn check_refuses_what_cannot_be_written() {
    let place = TestFolder::new();
    let file = place.file("report", 0o644);
    let fifo = place.path("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    for path in [&file, &place.path("new"), &fifo, Path::new("/dev/null")] {
        check(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    assert!(!place.path("new").exists());
    assert_eq!(fs::read_to_string(&file).unwrap(), "what was there, longer than what comes");
    for path in [place.path("none/new"), place.path("report/new"), place.0.path().to_owned(), place.path("new/")] {
        assert!(check(&path).is_err(), "{}", path.display());
    }
    assert_eq!(place.count(), 2);
}
