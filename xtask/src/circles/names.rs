//! What a file's code names in other files.

use std::collections::HashSet;
use std::mem;

use proc_macro2::{TokenStream, TokenTree};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Expr, Generics, Item, Token, Visibility};

use super::tree::{self, FileId, Leaf, Meaning, SPACES, ScopeId, Source, Space, Tree};

/// A name in one file of something that another defines.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Mention {
    pub(super) from: FileId,
    pub(super) to: FileId,
    pub(super) line: usize,
    /// As the code has it.
    pub(super) path: String,
}

/// Every mention in the code of a file, in its order.
pub(super) fn mentions(tree: &mut Tree, source: &Source) -> Vec<Mention> {
    let mut reader =
        Reader { tree, file: source.file, scope: source.scope, binders: Binders::default(), found: Vec::new() };
    source.items.iter().for_each(|item| reader.visit_item(item));
    reader.found
}

/// Names that a function binds itself, which hide those of its module; the innermost last.
#[derive(Default)]
struct Binders {
    locals: Vec<HashSet<String>>,
    generics: Vec<HashSet<String>>,
}

struct Reader<'t> {
    tree: &'t mut Tree,
    file: FileId,
    scope: ScopeId,
    binders: Binders,
    found: Vec<Mention>,
}

impl Reader<'_> {
    fn mention(&mut self, to: FileId, line: usize, path: String) {
        if to != self.file {
            self.found.push(Mention { from: self.file, to, line, path });
        }
    }

    fn names(&mut self, path: &[String], line: usize, spaces: &[Space]) {
        let hidden = |frames: &[HashSet<String>]| frames.iter().any(|frame| frame.contains(&path[0]));
        if hidden(&self.binders.generics) || path.len() == 1 && spaces != [Space::Macro] && hidden(&self.binders.locals)
        {
            return;
        }
        let mut known = false;
        for &space in spaces {
            match self.tree.meaning(self.scope, path, space) {
                Some(item @ Meaning::Item(_)) => {
                    self.mention(self.tree.file_of(item), line, path.join("::"));
                    return;
                }
                Some(Meaning::Module(_)) => known = true,
                None => {}
            }
        }
        if !known && let Some(file) = self.tree.made_by_macro(self.scope, path) {
            self.mention(file, line, path.join("::"));
        }
    }

    fn path(&mut self, path: &syn::Path, spaces: &[Space]) {
        if path.leading_colon.is_none() {
            let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.names(&names, path.segments[0].ident.span().start().line, spaces);
        }
    }

    fn qualified(&mut self, own: Option<&syn::QSelf>, path: &syn::Path, spaces: &[Space]) {
        if let Some(own) = own {
            self.visit_type(&own.ty);
        }
        // `<T>::f` names nothing but `T`.
        if own.is_none_or(|own| own.position > 0) {
            self.path(path, spaces);
        }
        visit::visit_path(self, path);
    }

    fn import(&mut self, Leaf { path, name, line }: &Leaf) {
        if name.is_some() {
            self.names(path, *line, &SPACES);
            return;
        }
        if let Some(meaning) = self.tree.meaning(self.scope, path, Space::Type) {
            self.mention(self.tree.file_of(meaning), *line, format!("{}::*", path.join("::")));
        }
    }

    fn bind(&mut self, name: &syn::Ident) {
        if let Some(frame) = self.binders.locals.last_mut() {
            frame.insert(name.to_string());
        }
    }

    fn framed(&mut self, visit: impl FnOnce(&mut Self)) {
        self.binders.locals.push(HashSet::new());
        visit(self);
        self.binders.locals.pop();
    }

    fn generic(&mut self, generics: &Generics, visit: impl FnOnce(&mut Self)) {
        let types = generics.type_params().map(|parameter| parameter.ident.to_string());
        let constants = generics.const_params().map(|parameter| parameter.ident.to_string());
        self.binders.generics.push(types.chain(constants).collect());
        self.framed(visit);
        self.binders.generics.pop();
    }

    /// Paths in what cannot be parsed as expressions, by their look.
    fn tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let punct = |at: usize| match tokens.get(at) {
            Some(TokenTree::Punct(punct)) => Some(punct.as_char()),
            _ => None,
        };
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Ident(first) => {
                    let before = |back: usize| at.checked_sub(back).and_then(punct);
                    let (before, before_that) = (before(1), before(2));
                    let mut path = vec![first.to_string()];
                    while punct(at + 1) == Some(':')
                        && punct(at + 2) == Some(':')
                        && let Some(TokenTree::Ident(next)) = tokens.get(at + 3)
                    {
                        path.push(next.to_string());
                        at += 3;
                    }
                    let after = (punct(at + 1), punct(at + 2));
                    let field = path.len() == 1 && after.0 == Some(':') && after.1 != Some(':');
                    let foreign = match before {
                        Some('$') => path[0] != "crate",
                        Some('.' | '\'') => true,
                        // `<T>::f`, `::std::f`; but a type may follow `name:`.
                        Some(':') => before_that == Some(':'),
                        _ => false,
                    };
                    if !foreign && !field {
                        let spaces: &[Space] =
                            if after.0 == Some('!') { &[Space::Macro] } else { &[Space::Type, Space::Value] };
                        self.names(&path, first.span().start().line, spaces);
                    }
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
            at += 1;
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}

    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    fn visit_item(&mut self, item: &'ast Item) {
        if tree::is_test(tree::attributes(item)) {
            return;
        }
        let none = Generics::default();
        let generics = match item {
            Item::Enum(item) => &item.generics,
            Item::Fn(item) => &item.sig.generics,
            Item::Impl(item) => &item.generics,
            Item::Struct(item) => &item.generics,
            Item::Trait(item) => &item.generics,
            Item::Type(item) => &item.generics,
            Item::Union(item) => &item.generics,
            _ => &none,
        };
        // An item within a function sees none of the function's names.
        let outer = mem::take(&mut self.binders);
        self.generic(generics, |reader| visit::visit_item(reader, item));
        self.binders = outer;
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        let Some((_, items)) = &module.content else { return };
        let Some(inside) = self.tree.inline(self.scope, &module.ident.to_string()) else { return };
        let outside = mem::replace(&mut self.scope, inside);
        items.iter().for_each(|item| self.visit_item(item));
        self.scope = outside;
    }

    fn visit_item_use(&mut self, import: &'ast syn::ItemUse) {
        // A re-export is a table of contents: who takes a name through it imports, not the table.
        if matches!(import.vis, Visibility::Inherited) && import.leading_colon.is_none() {
            tree::leaves(&import.tree).iter().for_each(|leaf| self.import(leaf));
        }
    }

    fn visit_item_macro(&mut self, item: &'ast syn::ItemMacro) {
        if item.ident.is_some() {
            self.tokens(item.mac.tokens.clone());
        } else {
            self.visit_macro(&item.mac);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast syn::ImplItem) {
        let none = Generics::default();
        let (attributes, generics) = match item {
            syn::ImplItem::Const(item) => (&item.attrs[..], &item.generics),
            syn::ImplItem::Fn(item) => (&item.attrs[..], &item.sig.generics),
            syn::ImplItem::Type(item) => (&item.attrs[..], &item.generics),
            syn::ImplItem::Macro(item) => (&item.attrs[..], &none),
            _ => (&[][..], &none),
        };
        if !tree::is_test(attributes) {
            self.generic(generics, |reader| visit::visit_impl_item(reader, item));
        }
    }

    fn visit_trait_item(&mut self, item: &'ast syn::TraitItem) {
        let none = Generics::default();
        let generics = match item {
            syn::TraitItem::Const(item) => &item.generics,
            syn::TraitItem::Fn(item) => &item.sig.generics,
            syn::TraitItem::Type(item) => &item.generics,
            _ => &none,
        };
        self.generic(generics, |reader| visit::visit_trait_item(reader, item));
    }

    fn visit_block(&mut self, block: &'ast syn::Block) {
        let items: Vec<Item> = block
            .stmts
            .iter()
            .filter_map(|statement| match statement {
                syn::Stmt::Item(item) => Some(item.clone()),
                _ => None,
            })
            .collect();
        let scope = if items.is_empty() { self.scope } else { self.tree.block(&items, self.scope) };
        let outside = mem::replace(&mut self.scope, scope);
        self.framed(|reader| visit::visit_block(reader, block));
        self.scope = outside;
    }

    fn visit_local(&mut self, local: &'ast syn::Local) {
        if tree::is_test(&local.attrs) {
            return;
        }
        // What it is set to does not see the name yet.
        if let Some(init) = &local.init {
            self.visit_local_init(init);
        }
        self.visit_pat(&local.pat);
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        self.framed(|reader| visit::visit_arm(reader, arm));
    }

    fn visit_expr_closure(&mut self, closure: &'ast syn::ExprClosure) {
        self.framed(|reader| visit::visit_expr_closure(reader, closure));
    }

    fn visit_expr_if(&mut self, branch: &'ast syn::ExprIf) {
        self.framed(|reader| {
            reader.visit_expr(&branch.cond);
            reader.visit_block(&branch.then_branch);
        });
        if let Some((_, other)) = &branch.else_branch {
            self.visit_expr(other);
        }
    }

    fn visit_expr_while(&mut self, repeat: &'ast syn::ExprWhile) {
        self.framed(|reader| visit::visit_expr_while(reader, repeat));
    }

    fn visit_expr_for_loop(&mut self, repeat: &'ast syn::ExprForLoop) {
        self.visit_expr(&repeat.expr);
        self.framed(|reader| {
            reader.visit_pat(&repeat.pat);
            reader.visit_block(&repeat.body);
        });
    }

    fn visit_expr_let(&mut self, condition: &'ast syn::ExprLet) {
        self.visit_expr(&condition.expr);
        self.visit_pat(&condition.pat);
    }

    fn visit_pat_ident(&mut self, pattern: &'ast syn::PatIdent) {
        // By convention a constant or a variant has a capital, and a name that is bound has none.
        if pattern.ident.to_string().starts_with(char::is_uppercase) {
            self.names(&[pattern.ident.to_string()], pattern.ident.span().start().line, &[Space::Value]);
        } else {
            self.bind(&pattern.ident);
        }
        visit::visit_pat_ident(self, pattern);
    }

    fn visit_expr_path(&mut self, expression: &'ast syn::ExprPath) {
        self.qualified(expression.qself.as_ref(), &expression.path, &[Space::Value]);
    }

    fn visit_type_path(&mut self, name: &'ast syn::TypePath) {
        self.qualified(name.qself.as_ref(), &name.path, &[Space::Type]);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.path(path, &[Space::Type, Space::Value]);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.path(&call.path, &[Space::Macro]);
        match Punctuated::<Expr, Token![,]>::parse_terminated.parse2(call.tokens.clone()) {
            Ok(expressions) => expressions.iter().for_each(|expression| self.visit_expr(expression)),
            Err(_) => self.tokens(call.tokens.clone()),
        }
    }
}
