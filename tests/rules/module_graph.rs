//! Which files of a package depend on which: every name that a file takes leads to the files that it comes from.

use std::collections::{BTreeMap, BTreeSet};

use crate::manifests::Package;
use crate::names::{Names, Path};
use crate::tree::File;

/// For each file, the files that it takes names from, and the names.
pub type Graph<'a> = BTreeMap<&'a str, BTreeMap<&'a str, BTreeSet<String>>>;

/// A package's modules by their paths from the root, whose own path is empty.
struct Modules<'a> {
    names: BTreeMap<Path, Names>,
    files: BTreeMap<Path, &'a str>,
}

impl<'a> Modules<'a> {
    fn of(package: &Package, files: &'a [File]) -> Self {
        let mut modules = Self { names: BTreeMap::new(), files: BTreeMap::new() };
        for file in files.iter().filter(|file| file.has_extension("rs")) {
            let Some(module) = package.module(&file.path) else { continue };
            let module: Path = module.into_iter().map(str::to_owned).collect();
            // Where there is a library, it comes before the program, which is a crate of its own that nobody names.
            if !modules.files.contains_key(&module) {
                modules.names.insert(module.clone(), Names::of(&file.text));
                modules.files.insert(module, &file.path);
            }
        }
        modules
    }

    /// The path from the root; none if it leads into another crate, or is no path of modules at all.
    fn absolute(&self, module: &[String], path: &[String]) -> Option<Path> {
        let mut start = module.to_vec();
        let mut rest = path;
        while let [first, more @ ..] = rest {
            match first.as_str() {
                "crate" => start.clear(),
                "self" => {}
                "super" => drop(start.pop()),
                _ => break,
            }
            rest = more;
        }
        let full = [&start, rest].concat();
        let is_relative = rest.len() < path.len();
        let is_child = || self.files.contains_key(&full[..=start.len()]);
        (is_relative || (!rest.is_empty() && is_child())).then_some(full)
    }

    /// The modules that a name comes from, by its absolute path: the one that defines it, and those that pass it on,
    /// with its name there. None for a module itself and for what another crate defines.
    fn sources(&self, path: &[String]) -> Vec<(Path, String)> {
        for (at, name) in path.iter().enumerate() {
            let (module, inner) = (&path[..at], &path[..=at]);
            let is_module = self.files.contains_key(inner);
            let is_last = inner.len() == path.len();
            // `pub use run::run` stands beside `mod run`.
            let import = match self.names.get(module) {
                Some(names) if is_last || !is_module => names.import(name),
                _ => None,
            };
            let target = import.map(|import| self.imported(module, &import.path));
            let own = (module.to_vec(), name.clone());
            match target {
                Some(Some(target)) if target != inner => {
                    let mut sources = self.sources(&[&target, &path[inner.len()..]].concat());
                    sources.push(own);
                    return sources;
                }
                Some(None) => return Vec::new(),
                _ if !is_module => return vec![own],
                _ => {}
            }
        }
        Vec::new()
    }

    /// A path in `use` may itself begin with an imported name.
    fn imported(&self, module: &[String], path: &[String]) -> Option<Path> {
        self.absolute(module, path).or_else(|| {
            let import = self.names[module].import(path.first()?)?;
            Some([&self.absolute(module, &import.path)?, &path[1..]].concat())
        })
    }

    /// The files that one module depends on, and the names that it takes from them.
    fn dependencies(&self, module: &[String]) -> BTreeMap<&'a str, BTreeSet<String>> {
        let names = &self.names[module];
        let private = names.imports.iter().filter(|import| !import.is_public);
        let imported = private.filter_map(|import| self.imported(module, &import.path));
        let used = names.paths.iter().filter_map(|path| match names.import(&path[0]) {
            Some(import) => Some([&self.imported(module, &import.path)?, &path[1..]].concat()),
            None => self.absolute(module, path),
        });
        let mut dependencies = BTreeMap::<_, BTreeSet<_>>::new();
        for (source, name) in imported.chain(used).flat_map(|path| self.sources(&path)) {
            if source != module {
                dependencies.entry(self.files[&source]).or_default().insert(name);
            }
        }
        dependencies
    }
}

pub fn graph<'a>(package: &Package, files: &'a [File]) -> Graph<'a> {
    let modules = Modules::of(package, files);
    modules.files.iter().map(|(module, file)| (*file, modules.dependencies(module))).collect()
}
