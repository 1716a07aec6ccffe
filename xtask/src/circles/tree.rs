//! The module tree of a crate, read from its files, and what a path means in it.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use syn::{Attribute, Item, Meta, UseTree, Visibility};

/// A file, by its place in [`Tree::files`].
pub(super) type FileId = usize;

/// A module or a block with items, by its place in [`Tree::scopes`].
pub(super) type ScopeId = usize;

/// Something defined, by its place in [`Tree::definitions`].
pub(super) type ItemId = usize;

/// Rust's three spaces of names: one name may mean something else in each.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Space {
    Type,
    Value,
    Macro,
}

/// All of them: a `use` takes a name from each.
pub(super) const SPACES: [Space; 3] = [Space::Type, Space::Value, Space::Macro];

/// What a path means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Meaning {
    Module(ScopeId),
    Item(ItemId),
}

/// The module within which a name can be seen; none for the whole crate.
type Reach = Option<ScopeId>;

#[derive(Clone, Copy)]
struct Named {
    meaning: Meaning,
    reach: Reach,
}

struct Definition {
    file: FileId,
    /// Of an enum, which `use Enum::*` brings into scope.
    variants: Vec<String>,
}

/// A `use`, whose path is looked up when its name is.
struct Import {
    name: String,
    path: Vec<String>,
    reach: Reach,
}

/// A `use` of everything in `path`.
struct Glob {
    path: Vec<String>,
    reach: Reach,
}

/// A module, or a block whose items only it sees.
struct Scope {
    file: FileId,
    /// What `super` means; none at the crate's root.
    parent: Option<ScopeId>,
    /// The scope around a block, which sees its names.
    around: Option<ScopeId>,
    names: HashMap<(String, Space), Named>,
    imports: Vec<Import>,
    globs: Vec<Glob>,
}

/// A file's code and the module that it is.
pub(super) struct Source {
    pub(super) file: FileId,
    pub(super) scope: ScopeId,
    pub(super) items: Vec<Item>,
}

/// The modules of one crate, from its root file on.
pub(super) struct Tree {
    scopes: Vec<Scope>,
    definitions: Vec<Definition>,
    /// Paths of all files read, by [`FileId`].
    pub(super) files: Vec<PathBuf>,
}

/// Names that are being looked up: a `use` that leads back to itself means nothing.
type Busy = Vec<(ScopeId, String, Space)>;

impl Tree {
    /// Reads the crate whose root is this file, without its test modules.
    ///
    /// # Errors
    ///
    /// A message where a file cannot be read or parsed, or a module has no file.
    pub(super) fn read(root: &Path) -> Result<(Self, Vec<Source>), String> {
        let mut tree = Self { scopes: Vec::new(), definitions: Vec::new(), files: Vec::new() };
        let mut sources = Vec::new();
        let folder = root.parent().unwrap_or(Path::new("")).to_path_buf();
        tree.file(root.to_path_buf(), &folder, None, &mut sources)?;
        Ok((tree, sources))
    }

    fn file(
        &mut self,
        path: PathBuf,
        folder: &Path,
        parent: Option<ScopeId>,
        sources: &mut Vec<Source>,
    ) -> Result<ScopeId, String> {
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let parsed = syn::parse_file(&text)
            .map_err(|error| format!("{}:{}: {error}", path.display(), error.span().start().line))?;
        self.files.push(path);
        let file = self.files.len() - 1;
        let scope = self.scope(file, parent, None);
        self.collect(&parsed.items, scope, Some(folder), sources)?;
        sources.push(Source { file, scope, items: parsed.items });
        Ok(scope)
    }

    fn scope(&mut self, file: FileId, parent: Option<ScopeId>, around: Option<ScopeId>) -> ScopeId {
        self.scopes.push(Scope { file, parent, around, names: HashMap::new(), imports: Vec::new(), globs: Vec::new() });
        self.scopes.len() - 1
    }

    /// A scope for a block with items of its own.
    pub(super) fn block(&mut self, items: &[Item], around: ScopeId) -> ScopeId {
        let Scope { file, parent, .. } = self.scopes[around];
        let scope = self.scope(file, parent, Some(around));
        // Without a folder no file is read, which is all that can fail.
        let _ = self.collect(items, scope, None, &mut Vec::new());
        scope
    }

    /// Enters the items' names into the scope. `folder` is where the modules in it have their files.
    fn collect(
        &mut self,
        items: &[Item],
        scope: ScopeId,
        folder: Option<&Path>,
        sources: &mut Vec<Source>,
    ) -> Result<(), String> {
        for item in items {
            if is_test(attributes(item)) {
                continue;
            }
            match item {
                Item::Mod(module) => self.module(module, scope, folder, sources)?,
                Item::Use(import) if import.leading_colon.is_none() => {
                    let reach = self.reach(&import.vis, scope);
                    for leaf in leaves(&import.tree) {
                        match leaf.name {
                            Some(name) => self.scopes[scope].imports.push(Import { name, path: leaf.path, reach }),
                            None => self.scopes[scope].globs.push(Glob { path: leaf.path, reach }),
                        }
                    }
                }
                Item::Macro(definition) => {
                    if let Some(name) = &definition.ident {
                        self.define(scope, &name.to_string(), &[Space::Macro], Some(scope), Vec::new());
                        if definition.attrs.iter().any(|attribute| attribute.path().is_ident("macro_export")) {
                            let key = (name.to_string(), Space::Macro);
                            let exported = Named { reach: None, ..self.scopes[scope].names[&key] };
                            let root = self.root(scope);
                            self.scopes[root].names.insert(key, exported);
                        }
                    }
                }
                _ => self.definition(item, scope),
            }
        }
        Ok(())
    }

    fn module(
        &mut self,
        module: &syn::ItemMod,
        scope: ScopeId,
        folder: Option<&Path>,
        sources: &mut Vec<Source>,
    ) -> Result<(), String> {
        let name = module.ident.to_string();
        let name = name.trim_start_matches("r#");
        let file = self.scopes[scope].file;
        let child = match (&module.content, folder) {
            (Some((_, items)), _) => {
                let child = self.scope(file, Some(self.module_of(scope)), None);
                self.collect(items, child, folder.map(|folder| folder.join(name)).as_deref(), sources)?;
                child
            }
            (None, Some(folder)) => {
                let (path, inside) = match path_attribute(&module.attrs) {
                    Some(path) => {
                        let path = self.files[file].parent().unwrap_or(Path::new("")).join(path);
                        let inside = path.parent().unwrap_or(Path::new("")).to_path_buf();
                        (path, inside)
                    }
                    None if folder.join(name).join("mod.rs").is_file() => {
                        (folder.join(name).join("mod.rs"), folder.join(name))
                    }
                    None => (folder.join(format!("{name}.rs")), folder.join(name)),
                };
                self.file(path, &inside, Some(self.module_of(scope)), sources)?
            }
            (None, None) => return Ok(()),
        };
        let reach = self.reach(&module.vis, scope);
        let named = Named { meaning: Meaning::Module(child), reach };
        self.scopes[scope].names.entry((name.to_string(), Space::Type)).or_insert(named);
        if module.attrs.iter().any(|attribute| attribute.path().is_ident("macro_use")) {
            let macros: Vec<_> = self.scopes[child]
                .names
                .iter()
                .filter(|((_, space), _)| *space == Space::Macro)
                .map(|(key, named)| (key.clone(), Named { reach: Some(scope), ..*named }))
                .collect();
            self.scopes[scope].names.extend(macros);
        }
        Ok(())
    }

    fn definition(&mut self, item: &Item, scope: ScopeId) {
        let (name, visibility, spaces): (_, _, &[Space]) = match item {
            Item::Const(item) => (&item.ident, &item.vis, &[Space::Value]),
            Item::Static(item) => (&item.ident, &item.vis, &[Space::Value]),
            Item::Fn(item) => (&item.sig.ident, &item.vis, &[Space::Value]),
            Item::Enum(item) => (&item.ident, &item.vis, &[Space::Type]),
            Item::Struct(item) if matches!(item.fields, syn::Fields::Named(_)) => {
                (&item.ident, &item.vis, &[Space::Type])
            }
            Item::Struct(item) => (&item.ident, &item.vis, &[Space::Type, Space::Value]),
            Item::Trait(item) => (&item.ident, &item.vis, &[Space::Type]),
            Item::TraitAlias(item) => (&item.ident, &item.vis, &[Space::Type]),
            Item::Type(item) => (&item.ident, &item.vis, &[Space::Type]),
            Item::Union(item) => (&item.ident, &item.vis, &[Space::Type]),
            _ => return,
        };
        let reach = self.reach(visibility, scope);
        let variants = match item {
            Item::Enum(item) => item.variants.iter().map(|variant| variant.ident.to_string()).collect(),
            _ => Vec::new(),
        };
        self.define(scope, &name.to_string(), spaces, reach, variants);
    }

    fn define(&mut self, scope: ScopeId, name: &str, spaces: &[Space], reach: Reach, variants: Vec<String>) {
        self.definitions.push(Definition { file: self.scopes[scope].file, variants });
        let named = Named { meaning: Meaning::Item(self.definitions.len() - 1), reach };
        for &space in spaces {
            self.scopes[scope].names.entry((name.to_string(), space)).or_insert(named);
        }
    }

    fn reach(&self, visibility: &Visibility, scope: ScopeId) -> Reach {
        match visibility {
            Visibility::Inherited => Some(scope),
            Visibility::Restricted(restricted) if restricted.path.is_ident("super") => self.scopes[scope].parent,
            Visibility::Restricted(restricted) if restricted.path.is_ident("self") => Some(scope),
            // Of `pub(in path)` the compiler has seen that who names it may.
            Visibility::Public(_) | Visibility::Restricted(_) => None,
        }
    }

    /// The file that has a module or defines an item.
    pub(super) fn file_of(&self, meaning: Meaning) -> FileId {
        match meaning {
            Meaning::Module(scope) => self.scopes[scope].file,
            Meaning::Item(item) => self.definitions[item].file,
        }
    }

    /// The module that a block is in; a module itself.
    fn module_of(&self, mut scope: ScopeId) -> ScopeId {
        while let Some(around) = self.scopes[scope].around {
            scope = around;
        }
        scope
    }

    fn root(&self, mut scope: ScopeId) -> ScopeId {
        while let Some(parent) = self.scopes[scope].parent {
            scope = parent;
        }
        scope
    }

    /// The scope of an inline module.
    pub(super) fn inline(&self, scope: ScopeId, name: &str) -> Option<ScopeId> {
        match self.scopes[scope].names.get(&(name.trim_start_matches("r#").to_string(), Space::Type))?.meaning {
            Meaning::Module(child) => Some(child),
            Meaning::Item(_) => None,
        }
    }

    fn sees(&self, from: ScopeId, reach: Reach) -> bool {
        let Some(reach) = reach else { return true };
        let mut scope = Some(from);
        while let Some(here) = scope {
            if here == reach {
                return true;
            }
            scope = self.scopes[here].around.or(self.scopes[here].parent);
        }
        false
    }

    /// What the path means in this scope; none for another crate's, a local or a built-in name.
    pub(super) fn meaning(&self, scope: ScopeId, path: &[String], space: Space) -> Option<Meaning> {
        self.find(scope, path, space, &mut Vec::new())
    }

    /// The file whose module a path goes into, where it ends in a name that only a macro can have made there.
    pub(super) fn made_by_macro(&self, scope: ScopeId, path: &[String]) -> Option<FileId> {
        let (name, prefix) = path.split_last()?;
        let Meaning::Module(module) = self.meaning(scope, prefix, Space::Type)? else { return None };
        let Scope { imports, globs, .. } = &self.scopes[module];
        let brought = imports.iter().any(|import| import.name == *name)
            || globs.iter().any(|glob| self.meaning(module, &glob.path, Space::Type).is_none());
        let known = brought || SPACES.iter().any(|&space| self.meaning(scope, path, space).is_some());
        (!known).then_some(self.scopes[module].file)
    }

    fn find(&self, scope: ScopeId, path: &[String], space: Space, busy: &mut Busy) -> Option<Meaning> {
        let (first, mut rest) = path.split_first()?;
        let module = self.module_of(scope);
        let mut meaning = match first.as_str() {
            "crate" => Meaning::Module(self.root(module)),
            "self" => Meaning::Module(module),
            "super" => Meaning::Module(self.scopes[module].parent?),
            "Self" => return None,
            name => self.lexical(scope, name, if rest.is_empty() { space } else { Space::Type }, busy)?,
        };
        while let Some((name, after)) = rest.split_first() {
            meaning = match meaning {
                Meaning::Module(module) if name == "super" => Meaning::Module(self.scopes[module].parent?),
                Meaning::Module(module) if name == "self" => Meaning::Module(module),
                Meaning::Module(module) => {
                    let space = if after.is_empty() { space } else { Space::Type };
                    self.named(module, name, space, None, busy)?
                }
                // A variant, a constant or a function of the type.
                Meaning::Item(_) => return Some(meaning),
            };
            rest = after;
        }
        Some(meaning)
    }

    /// A name alone: of the scope, of those around it, and for a macro of the modules around too.
    fn lexical(&self, scope: ScopeId, name: &str, space: Space, busy: &mut Busy) -> Option<Meaning> {
        let mut here = scope;
        loop {
            let found = self.named(here, name, space, None, busy);
            if found.is_some() {
                return found;
            }
            let Scope { around, parent, .. } = self.scopes[here];
            here = around.or(parent.filter(|_| space == Space::Macro))?;
        }
    }

    fn named(
        &self,
        scope: ScopeId,
        name: &str,
        space: Space,
        seen_from: Option<ScopeId>,
        busy: &mut Busy,
    ) -> Option<Meaning> {
        let visible = |reach| seen_from.is_none_or(|from| self.sees(from, reach));
        let Scope { names, imports, globs, .. } = &self.scopes[scope];
        if let Some(named) = names.get(&(name.to_string(), space))
            && visible(named.reach)
        {
            return Some(named.meaning);
        }
        let key = (scope, name.to_string(), space);
        if busy.contains(&key) {
            return None;
        }
        busy.push(key);
        let imported = imports
            .iter()
            .filter(|import| import.name == name && visible(import.reach))
            .find_map(|import| self.find(scope, &import.path, space, busy));
        let found = imported.or_else(|| {
            globs
                .iter()
                .filter(|glob| visible(glob.reach))
                .find_map(|glob| self.in_glob(scope, glob, name, space, busy))
        });
        busy.pop();
        found
    }

    fn in_glob(&self, scope: ScopeId, glob: &Glob, name: &str, space: Space, busy: &mut Busy) -> Option<Meaning> {
        match self.find(scope, &glob.path, Space::Type, busy)? {
            Meaning::Module(module) => self.named(module, name, space, Some(scope), busy),
            Meaning::Item(item) => {
                let variant = self.definitions[item].variants.iter().any(|variant| variant == name);
                (variant && space != Space::Macro).then_some(Meaning::Item(item))
            }
        }
    }
}

/// One path of a `use`; without a name where it ends in `*`.
pub(super) struct Leaf {
    pub(super) path: Vec<String>,
    pub(super) name: Option<String>,
    pub(super) line: usize,
}

/// The paths of a `use`.
pub(super) fn leaves(tree: &UseTree) -> Vec<Leaf> {
    let mut found = Vec::new();
    walk(tree, &mut Vec::new(), &mut found);
    found
}

fn walk(tree: &UseTree, prefix: &mut Vec<String>, found: &mut Vec<Leaf>) {
    match tree {
        UseTree::Path(path) => {
            prefix.push(path.ident.to_string());
            walk(&path.tree, prefix, found);
            prefix.pop();
        }
        UseTree::Name(name) => leaf(prefix, &name.ident, &name.ident, found),
        UseTree::Rename(rename) => leaf(prefix, &rename.ident, &rename.rename, found),
        UseTree::Glob(glob) => {
            let line = glob.star_token.spans[0].start().line;
            found.push(Leaf { path: prefix.clone(), name: None, line });
        }
        UseTree::Group(group) => group.items.iter().for_each(|tree| walk(tree, prefix, found)),
    }
}

fn leaf(prefix: &[String], last: &syn::Ident, name: &syn::Ident, found: &mut Vec<Leaf>) {
    let line = last.span().start().line;
    let mut path = prefix.to_vec();
    let mut name = name.to_string();
    if last == "self" && !path.is_empty() {
        // `use a::{self}` is `use a`.
        if name == "self" {
            name.clone_from(&path[path.len() - 1]);
        }
    } else {
        path.push(last.to_string());
    }
    found.push(Leaf { path, name: Some(name), line });
}

/// Attributes of an item.
pub(super) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether what has these attributes is there in tests only.
pub(super) fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("cfg") => list.parse_args::<Meta>().is_ok_and(|meta| needs_test(&meta)),
        _ => false,
    })
}

/// Whether a `cfg` holds in tests only.
fn needs_test(predicate: &Meta) -> bool {
    let parts = |list: &syn::MetaList| {
        list.parse_args_with(syn::punctuated::Punctuated::<Meta, syn::Token![,]>::parse_terminated)
            .map(|parts| parts.into_iter().collect::<Vec<_>>())
            .unwrap_or_default()
    };
    match predicate {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("all") => parts(list).iter().any(needs_test),
        Meta::List(list) if list.path.is_ident("any") => {
            let parts = parts(list);
            !parts.is_empty() && parts.iter().all(needs_test)
        }
        _ => false,
    }
}

fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(path), .. }) => Some(path.value()),
            _ => None,
        },
        _ => None,
    })
}
