//! For tests: a machine made of files.

use std::fs;

/// A folder with these files in it, `(path, content)`, that stands for `/`.
pub(crate) fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a temporary folder");
    for (path, content) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("create the folder");
        fs::write(path, content).expect("write the file");
    }
    root
}
