//! `cargo xtask circles`: no source file imports, directly or by way of others, a file that imports it.
//!
//! A file imports another when its code names what the other defines. A `mod` and a re-export import nothing: they are a
//! table of contents, and who takes a name through them imports the file that defines it. Code for tests is left out, as
//! is what is named in another crate, where cargo allows no circle.

mod graph;
mod names;
mod tree;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use graph::Graph;
use tree::Tree;

/// The first place where a file names what another defines.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Import {
    pub(crate) line: usize,
    /// As the code has it.
    pub(crate) path: String,
}

/// The files of a package and what each imports.
pub(crate) struct Imports {
    files: Vec<PathBuf>,
    edges: BTreeMap<(usize, usize), Import>,
}

impl Imports {
    /// Reads a package's library and programs.
    ///
    /// # Errors
    ///
    /// A message where a file is not there or is no Rust.
    pub(crate) fn read(package: &Path) -> Result<Self, String> {
        let mut imports = Self { files: Vec::new(), edges: BTreeMap::new() };
        for root in roots(&package.join("src")) {
            imports.add(&root)?;
        }
        Ok(imports)
    }

    fn add(&mut self, root: &Path) -> Result<(), String> {
        let (mut tree, sources) = Tree::read(root)?;
        let numbers: Vec<usize> = tree.files.iter().map(|file| self.number(file)).collect();
        for source in &sources {
            for mention in names::mentions(&mut tree, source) {
                let edge = (numbers[mention.from], numbers[mention.to]);
                let import = Import { line: mention.line, path: mention.path };
                self.edges.entry(edge).or_insert(import);
            }
        }
        Ok(())
    }

    /// A library and a program of one package may share a file.
    fn number(&mut self, file: &Path) -> usize {
        self.files.iter().position(|known| known == file).unwrap_or_else(|| {
            self.files.push(file.to_path_buf());
            self.files.len() - 1
        })
    }

    fn graph(&self) -> Graph {
        let mut graph = Graph::new();
        for &(from, to) in self.edges.keys() {
            graph.entry(from).or_default().insert(to);
        }
        graph
    }

    /// One message for each set of files that import each other, with the shortest ways round that show every file.
    pub(crate) fn circles(&self, root: &Path) -> Vec<String> {
        let graph = self.graph();
        let name = |file: usize| shown(&self.files[file], root);
        let message = |component: &Vec<usize>| {
            let mut lines = vec![format!("circle of {} files:", component.len())];
            lines.extend(component.iter().map(|&file| format!("  {}", name(file))));
            for circle in graph::shortest_circles(&graph, component) {
                lines.push(" a way round:".into());
                for (at, &from) in circle.iter().enumerate() {
                    let to = circle[(at + 1) % circle.len()];
                    let Import { line, path } = &self.edges[&(from, to)];
                    lines.push(format!("  {}:{line} names `{path}` → {}", name(from), name(to)));
                }
            }
            lines.join("\n")
        };
        graph::components(&graph).iter().map(message).collect()
    }

    /// How many files of one room, a module of the crate's root, import how many of another.
    fn rooms(&self, source: &Path) -> BTreeMap<(String, String), usize> {
        let room = |file: usize| {
            let path = self.files[file].strip_prefix(source).unwrap_or(&self.files[file]);
            let first = path.iter().next().unwrap_or_default().to_string_lossy();
            match first.as_ref() {
                "lib.rs" | "main.rs" => first.into_owned(),
                name => name.trim_end_matches(".rs").to_string(),
            }
        };
        let mut rooms = BTreeMap::new();
        for &(from, to) in self.edges.keys() {
            let (from, to) = (room(from), room(to));
            if from != to {
                *rooms.entry((from, to)).or_default() += 1;
            }
        }
        rooms
    }
}

fn shown(file: &Path, root: &Path) -> String {
    file.strip_prefix(root).unwrap_or(file).display().to_string()
}

/// Root files of a package's library and programs, by cargo's default places.
fn roots(source: &Path) -> Vec<PathBuf> {
    let mut roots = vec![source.join("lib.rs"), source.join("main.rs")];
    for path in entries(&source.join("bin")) {
        roots.push(if path.is_dir() { path.join("main.rs") } else { path });
    }
    roots.retain(|root| root.is_file() && root.extension().is_some_and(|extension| extension == "rs"));
    roots
}

/// What a folder holds, in order; nothing where there is none.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> =
        fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths
}

/// Prints the circles of every package; false where there is one.
pub(crate) fn check(root: &Path, packages: &[PathBuf]) -> bool {
    let mut sound = true;
    for package in packages {
        match Imports::read(package) {
            Ok(imports) => {
                for circle in imports.circles(root) {
                    eprintln!("xtask: {circle}");
                    sound = false;
                }
            }
            Err(error) => {
                eprintln!("xtask: {error}");
                sound = false;
            }
        }
    }
    sound
}

/// Prints which top-level modules of each package import which, and where both import each other.
pub(crate) fn print_rooms(root: &Path, packages: &[PathBuf]) -> bool {
    for package in packages {
        let imports = match Imports::read(package) {
            Ok(imports) => imports,
            Err(error) => {
                eprintln!("xtask: {error}");
                return false;
            }
        };
        let rooms = imports.rooms(&package.join("src"));
        println!("{}", shown(package, root));
        for ((from, to), count) in &rooms {
            let back = rooms.get(&(to.clone(), from.clone()));
            let back = back.map(|back| format!("   and back: {back}")).unwrap_or_default();
            println!("  {from} → {to}: {count}{back}");
        }
    }
    true
}

#[cfg(test)]
mod tests;
