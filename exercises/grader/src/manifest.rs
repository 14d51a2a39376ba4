//! The manifest of the package in which the programs of a proof are built.
//!
//! Cargo builds a crate once more for each set of features that is asked of it, and with it all that depends on it. So that
//! the proofs share what is built, each asks of a crate from outside all the features that any part or exercise wishes,
//! also where only a part needs the crate.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use exercise::Exercise;
use toml::{Table, Value};

use crate::proof::read;

/// The manifest without the programs.
pub(crate) fn of(exercise: &Exercise, root: &Path) -> Result<String, String> {
    let project = table(&root.join("Cargo.toml"))?;
    let known = project
        .get("workspace")
        .and_then(|workspace| workspace.get("dependencies"))
        .and_then(Value::as_table)
        .ok_or("the project's Cargo.toml has no workspace.dependencies")?;
    let own = table(&exercise.folder.join("Cargo.toml"))?;
    let features = features(root)?;
    let mut dependencies = Table::new();
    let mut wanted: Vec<String> = names(&own).collect();
    while let Some(name) = wanted.pop() {
        if dependencies.contains_key(&name) {
            continue;
        }
        let mut entry = match known.get(&name) {
            Some(Value::String(version)) => {
                Table::from_iter([("version".to_owned(), Value::String(version.clone()))])
            }
            Some(Value::Table(table)) => table.clone(),
            _ => {
                return Err(format!("`{name}` is not in the project's workspace.dependencies"));
            }
        };
        match entry.get("path").and_then(Value::as_str) {
            Some(path) => {
                let folder = root.join(path);
                let part = table(&folder.join("Cargo.toml"))?;
                wanted.extend(names(&part));
                entry.insert("path".to_owned(), folder.to_string_lossy().into_owned().into());
            }
            None => {
                let mut all = features.get(&name).cloned().unwrap_or_default();
                all.extend(strings(entry.get("features")));
                entry.insert("features".to_owned(), all.into_iter().collect::<Vec<_>>().into());
            }
        }
        dependencies.insert(name, Value::Table(entry));
    }
    let manifest = Table::from_iter([("dependencies".to_owned(), Value::Table(dependencies))]);
    Ok(format!(
        "[package]\nname = \"{}-proof\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n\
         [workspace]\n\n\
         [profile.dev]\ndebug = \"line-tables-only\"\n\n\
         [profile.dev.package.\"*\"]\ndebug = false\n\n{manifest}",
        exercise.id
    ))
}

/// The features that the parts and the exercises together wish of each crate.
fn features(root: &Path) -> Result<BTreeMap<String, BTreeSet<String>>, String> {
    let mut folders = folders_in(&root.join("chapters"))?;
    for folder in folders_in(&root.join("exercises"))? {
        folders.extend(folders_in(&folder)?);
        folders.push(folder);
    }
    let mut features: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for manifest in folders.iter().map(|folder| folder.join("Cargo.toml")) {
        if !manifest.is_file() {
            continue;
        }
        for (name, wish) in dependencies(&table(&manifest)?) {
            features.entry(name.clone()).or_default().extend(strings(wish.get("features")));
        }
    }
    Ok(features)
}

fn folders_in(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries =
        fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let paths: Result<Vec<PathBuf>, _> = paths.collect();
    let mut paths = paths.map_err(|error| format!("{}: {error}", folder.display()))?;
    paths.retain(|path| path.is_dir());
    Ok(paths)
}

fn dependencies(manifest: &Table) -> impl Iterator<Item = (&String, &Value)> {
    manifest.get("dependencies").and_then(Value::as_table).into_iter().flatten()
}

fn names(manifest: &Table) -> impl Iterator<Item = String> {
    dependencies(manifest).map(|(name, _)| name.clone())
}

fn strings(list: Option<&Value>) -> impl Iterator<Item = String> {
    list.and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
}

fn table(path: &Path) -> Result<Table, String> {
    read(path)?.parse().map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_proofs_ask_the_same_of_a_crate() {
        let root = exercise::root_of(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
        let mut asked: BTreeMap<String, Value> = BTreeMap::new();
        for id in ["05-pipe/byte-by-byte", "05-pipe/pipe-eof", "13-size/no-more-processes"] {
            let exercise = Exercise::read(&root.join("exercises").join(id)).unwrap();
            let manifest: Table = of(&exercise, &root).unwrap().parse().unwrap();
            let nix = &manifest["dependencies"]["nix"];
            for (name, wish) in dependencies(&manifest) {
                assert_eq!(asked.entry(name.clone()).or_insert_with(|| wish.clone()), wish);
            }
            let features: Vec<String> = strings(nix.get("features")).collect();
            assert!(features.contains(&"process".to_owned()), "{features:?}");
            assert!(features.contains(&"personality".to_owned()), "{features:?}");
        }
    }
}
