//! Circles in small packages written to a temporary folder.

use super::*;

/// Which file names what in which, of a package with these files in `src`.
fn imports(files: &[(&str, &str)]) -> Imports {
    let package = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = package.path().join("src").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let mut imports = Imports::read(package.path()).unwrap();
    for file in &mut imports.files {
        *file = file.strip_prefix(package.path().join("src")).unwrap().to_path_buf();
    }
    imports
}

/// `from → to` of every import.
fn edges(files: &[(&str, &str)]) -> Vec<String> {
    let imports = imports(files);
    let name = |file: usize| imports.files[file].display();
    let mut edges: Vec<_> = imports.edges.keys().map(|&(from, to)| format!("{} → {}", name(from), name(to))).collect();
    edges.sort();
    edges
}

fn circles(files: &[(&str, &str)]) -> Vec<String> {
    imports(files).circles(Path::new(""))
}

#[test]
fn two_files_that_name_each_other_are_a_circle() {
    let found = circles(&[
        ("lib.rs", "mod a;\nmod b;"),
        ("a.rs", "use crate::b::B;\n\npub struct A(B);"),
        ("b.rs", "pub struct B;\n\nimpl B {\n    fn a() -> crate::a::A {\n        todo!()\n    }\n}"),
    ]);
    let [circle] = &found[..] else { panic!("{found:?}") };
    assert!(circle.starts_with("circle of 2 files:\n  a.rs\n  b.rs\n"), "{circle}");
    assert!(circle.contains("a.rs:1 names `crate::b::B` → b.rs"), "{circle}");
    assert!(circle.contains("b.rs:4 names `crate::a::A` → a.rs"), "{circle}");
}

#[test]
fn one_direction_is_none() {
    let files = [("lib.rs", "mod a;\nmod b;"), ("a.rs", "use crate::b::B;"), ("b.rs", "pub struct B;")];
    assert_eq!(edges(&files), ["a.rs → b.rs"]);
    assert!(circles(&files).is_empty());
}

#[test]
fn a_name_taken_through_a_re_export_leads_to_its_file() {
    let files = [
        ("lib.rs", "mod a;\nmod b;\npub use b::deep::{B as Renamed};"),
        ("a.rs", "use crate::Renamed;\npub fn a() {}"),
        ("b/mod.rs", "pub(crate) mod deep;"),
        ("b/deep.rs", "pub struct B;\nfn back() { crate::a::a() }"),
    ];
    assert_eq!(edges(&files), ["a.rs → b/deep.rs", "b/deep.rs → a.rs"]);
    assert_eq!(circles(&files).len(), 1);
}

#[test]
fn a_parent_with_types_that_children_use_is_none() {
    let files = [
        ("lib.rs", "mod room;"),
        ("room/mod.rs", "mod child;\npub use child::Child;\npub struct Shared;"),
        ("room/child.rs", "use super::Shared;\npub struct Child(Shared);"),
    ];
    assert_eq!(edges(&files), ["room/child.rs → room/mod.rs"]);
    assert!(circles(&files).is_empty());
}

#[test]
fn a_parent_that_uses_children_which_use_it_is_a_circle() {
    let parent = "mod child;\npub use child::Child;\npub trait Kind {}\nfn registry() { drop(Child::new()) }";
    let child = "pub struct Child;\nimpl super::Kind for Child {}";
    let files = [("lib.rs", "mod room;"), ("room.rs", parent), ("room/child.rs", child)];
    assert_eq!(edges(&files), ["room.rs → room/child.rs", "room/child.rs → room.rs"]);
    assert_eq!(circles(&files).len(), 1);
}

#[test]
fn the_same_registry_is_none_where_children_need_nothing_of_it() {
    let parent = "mod child;\npub use child::Child;\nfn registry() { drop(Child::new()) }";
    let files = [("lib.rs", "mod room;"), ("room.rs", parent), ("room/child.rs", "pub struct Child;")];
    assert!(circles(&files).is_empty());
}

#[test]
fn code_for_tests_is_left_out() {
    let a = "pub struct A;\n#[cfg(test)]\nmod tests { use crate::b::B; }\n#[cfg(test)]\nuse crate::b::B;\n\
             #[cfg(all(test, unix))]\nfn t() -> crate::b::B { todo!() }";
    let tests = "use super::*;\nuse crate::b::B;";
    let files = [
        ("lib.rs", "mod a;\nmod b;"),
        ("a.rs", a),
        ("b.rs", "use crate::a::A;\npub struct B;\n#[cfg(test)]\n#[path = \"b_tests.rs\"]\nmod tests;"),
        ("b_tests.rs", tests),
    ];
    assert_eq!(edges(&files), ["b.rs → a.rs"]);
    // The same without the attributes is there.
    let bare = a.replace("#[cfg(test)]", "").replace("#[cfg(all(test, unix))]", "");
    assert_eq!(edges(&[files[0], ("a.rs", &bare), files[2], files[3]]), ["a.rs → b.rs", "b.rs → a.rs"]);
    // So is what a test build alone lacks.
    let not = a.replace("cfg(test)", "cfg(not(test))");
    assert_eq!(edges(&[files[0], ("a.rs", &not), files[2], files[3]]), ["a.rs → b.rs", "b.rs → a.rs"]);
}

#[test]
fn globs_are_searched() {
    // Through the glob of a glob; the name in `hidden.rs` is private, so that the glob does not have it.
    let files = [
        ("lib.rs", "mod user;\nmod room;"),
        ("user.rs", "use crate::room::*;\nfn f(x: Thing) -> Other { x.into() }"),
        ("room/mod.rs", "mod hidden;\nmod open;\npub use hidden::*;\npub use open::*;"),
        ("room/hidden.rs", "struct Thing;\npub struct Other;"),
        ("room/open.rs", "pub struct Thing;"),
    ];
    assert_eq!(edges(&files), ["user.rs → room/hidden.rs", "user.rs → room/mod.rs", "user.rs → room/open.rs"]);
}

#[test]
fn all_of_super_is_the_parents_file() {
    let files = [("lib.rs", "mod a;\nfn f() { a::g() }"), ("a.rs", "use super::*;\npub fn g() {}")];
    assert_eq!(edges(&files), ["a.rs → lib.rs", "lib.rs → a.rs"]);
    let inline = [("lib.rs", "mod a { use super::*; fn g() { f() } }\nfn f() {}")];
    assert!(edges(&inline).is_empty());
}

#[test]
fn variants_functions_of_types_and_aliases_lead_to_the_type() {
    let user = "use crate::kinds as k;\nuse crate::kinds::Kind::*;\n\
                fn f() { k::Other::new(); match 0 { _ if true => One, _ => Two } }";
    let files = [
        ("lib.rs", "mod user;\nmod kinds;\nmod other;"),
        ("user.rs", user),
        ("kinds.rs", "pub use crate::other::Other;\npub enum Kind { One, Two }"),
        ("other.rs", "pub struct Other;"),
    ];
    assert_eq!(edges(&files), ["user.rs → kinds.rs", "user.rs → other.rs"]);
}

#[test]
fn names_that_a_function_binds_are_its_own() {
    let root = "mod room;\npub use room::{Room, room};\n";
    let with =
        |code: &str| edges(&[("lib.rs", &format!("{root}{code}")), ("room.rs", "pub struct Room;\npub fn room() {}")]);
    let none: [&str; 0] = [];
    assert_eq!(with("fn f(room: f64) -> f64 { room }"), none);
    assert_eq!(with("fn f() { let room = 1.0; println!(\"{}\", room) }"), none);
    assert_eq!(with("fn f<Room>(x: Room) -> Room { x }"), none);
    assert_eq!(with("fn f() { for room in 0..2 { drop(room) } if let Some(room) = Some(1) { drop(room) } }"), none);
    assert_eq!(with("fn f() { let g = |room: i32| room + 1; }"), none);
    // But not where it is bound, nor after.
    assert_eq!(with("fn f() { let room = room(); }"), ["lib.rs → room.rs"]);
    assert_eq!(with("fn f() { { let room = 1; } room() }"), ["lib.rs → room.rs"]);
    assert_eq!(with("fn f() { vec![room()]; }"), ["lib.rs → room.rs"]);
    assert_eq!(with("fn f(x: &dyn std::any::Any) { matches!(x, room::Room | self::Room) }"), ["lib.rs → room.rs"]);
    assert_eq!(with("fn f() { use room::room as r; r() }"), ["lib.rs → room.rs"]);
    // An item in a function sees none of the function's names, and takes none from it.
    assert_eq!(with("fn f() { let room = 1; fn g() { room() } }"), ["lib.rs → room.rs"]);
    assert_eq!(with("fn f(room: f64) -> f64 { fn g() {} room }"), none);
    // What a block defines, the rest of the file does not see.
    assert_eq!(with("fn f() { { fn room() {} room() } }"), none);
    assert_eq!(with("fn f() { { fn room() {} } room() }"), ["lib.rs → room.rs"]);
}

#[test]
fn macros_are_items_too() {
    let files = [
        ("lib.rs", "#[macro_use]\nmod tools;\nmod user;\nmod thing;"),
        ("tools.rs", "macro_rules! tool { () => { $crate::thing::Thing } }"),
        ("user.rs", "fn f() { tool!() }"),
        ("thing.rs", "pub struct Thing;\nmacro_rules! own { () => {} }\npub(crate) use own;"),
    ];
    assert_eq!(edges(&files), ["tools.rs → thing.rs", "user.rs → tools.rs"]);
    // A name that is nowhere else can only be made by a macro of its module.
    let made = [("lib.rs", "mod a;\nmod b;"), ("a.rs", "use crate::b::Made;"), ("b.rs", "make!(Made);")];
    assert_eq!(edges(&made), ["a.rs → b.rs"]);
}

#[test]
fn other_crates_are_left_out() {
    let files = [
        ("lib.rs", "mod a;\nmod std;\npub use serde::*;"),
        ("a.rs", "use ::std::fs;\nuse rand::Rng;\nuse crate::Serialize;\nfn f() -> Vec<String> { Vec::new() }"),
        ("std.rs", "pub mod fs {}"),
    ];
    let none: [&str; 0] = [];
    assert_eq!(edges(&files), none);
}

#[test]
fn a_module_without_a_file_is_said() {
    let package = tempfile::tempdir().unwrap();
    fs::create_dir(package.path().join("src")).unwrap();
    fs::write(package.path().join("src/lib.rs"), "mod gone;").unwrap();
    assert!(Imports::read(package.path()).err().unwrap().contains("gone.rs"));
}

#[test]
fn rooms_are_the_top_level_modules() {
    let imports = imports(&[
        ("lib.rs", "mod a;\nmod b;"),
        ("a/mod.rs", "mod x;\nmod y;\npub struct A;"),
        ("a/x.rs", "use super::A;\nuse crate::b::B;"),
        ("a/y.rs", "use crate::b::B;"),
        ("b.rs", "use crate::a::A;\npub struct B;"),
    ]);
    let rooms = imports.rooms(Path::new(""));
    let room = |from: &str, to: &str| rooms.get(&(from.into(), to.into())).copied();
    assert_eq!((room("a", "b"), room("b", "a"), rooms.len()), (Some(2), Some(1), 2));
}
