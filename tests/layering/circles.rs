//! No two files of the crate import each other, directly or through others.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::sources::{code_only, rust_files, without_tests};

/// The words and signs of a code, `::` being one.
pub fn tokens(code: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        let length = match first {
            _ if word(first) => rest.find(|c| !word(c)).unwrap_or(rest.len()),
            ':' if rest.starts_with("::") => 2,
            _ => first.len_utf8(),
        };
        tokens.push(&rest[..length]);
        rest = rest[length..].trim_start();
    }
    tokens
}

pub type Names = Vec<String>;

/// The names that a `use` brings in: for each its path, and what it is called here. `at` is where the
/// tree begins; it ends before a comma, a brace or a semicolon.
pub fn leaves(tokens: &[&str], at: &mut usize, head: &Names, found: &mut Vec<(Names, String)>) {
    let mut path = head.clone();
    let mut alias = None;
    while *at < tokens.len() {
        match tokens[*at] {
            "{" => {
                *at += 1;
                while *at < tokens.len() && tokens[*at] != "}" {
                    leaves(tokens, at, &path, found);
                    *at += usize::from(tokens.get(*at) == Some(&","));
                }
                *at += 1;
                return;
            }
            "," | "}" | ";" => break,
            "as" => {
                alias = tokens.get(*at + 1).map(|name| name.to_string());
                *at += 1;
            }
            "::" => {}
            "self" if !head.is_empty() => {}
            name => path.push(name.into()),
        }
        *at += 1;
    }
    if let Some(last) = path.last().cloned() {
        found.push((path, alias.unwrap_or(last)));
    }
}

/// What a file says of names.
#[derive(Default)]
struct Module {
    file: String,
    /// Names that its `use`s bring in, with their paths.
    aliases: BTreeMap<String, Names>,
    /// Modules that its `use`s bring in all names of.
    globs: Vec<Names>,
    children: BTreeSet<String>,
    /// Names that it defines.
    items: BTreeSet<String>,
    /// All paths in it, those of its `use`s among them.
    paths: BTreeSet<Names>,
}

impl Module {
    fn new(file: &str, text: &str) -> Self {
        const ITEMS: [&str; 8] =
            ["fn", "struct", "enum", "trait", "type", "const", "static", "union"];
        let code = without_tests(&code_only(text));
        let tokens = tokens(&code);
        let mut module = Self { file: file.into(), ..Self::default() };
        let (mut at, mut depth) = (0, 0);
        while at < tokens.len() {
            let next = |k: usize| tokens.get(at + k).copied().unwrap_or("");
            match tokens[at] {
                "{" => depth += 1,
                "}" => depth -= 1,
                // Not of `impl Trait + use<..>`.
                "use" if next(1) != "<" => {
                    at += 1;
                    module.add_use(&tokens, &mut at);
                }
                "mod" if next(2) == ";" => {
                    module.children.insert(next(1).into());
                }
                word if depth == 0 && ITEMS.contains(&word) => {
                    module.items.insert(next(1).into());
                }
                word if next(1) == "::" && is_name(word) && !follows_path(&tokens, at) => {
                    let mut path = vec![word.to_string()];
                    while next(2 * path.len() - 1) == "::" && is_name(next(2 * path.len())) {
                        path.push(next(2 * path.len()).into());
                    }
                    module.paths.insert(path);
                }
                _ => {}
            }
            at += 1;
        }
        module
    }

    fn add_use(&mut self, tokens: &[&str], at: &mut usize) {
        let mut found = Vec::new();
        leaves(tokens, at, &Vec::new(), &mut found);
        for (path, alias) in found {
            if path.last().is_some_and(|last| last == "*") {
                self.globs.push(path[..path.len() - 1].to_vec());
            } else {
                self.aliases.insert(alias, path.clone());
            }
            self.paths.insert(path);
        }
    }
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

fn follows_path(tokens: &[&str], at: usize) -> bool {
    at > 0 && tokens[at - 1] == "::"
}

/// The module that a file holds: its path from the crate's root.
fn module_of(file: &str) -> Names {
    let below = file.trim_start_matches("src/").trim_end_matches(".rs");
    let mut path: Names = below.split('/').map(String::from).collect();
    if path.last().is_some_and(|last| last == "mod") || path == ["lib"] {
        path.pop();
    }
    path
}

/// Where a path leads: to a module itself, or to something that a module owns.
#[derive(Clone)]
struct Target {
    module: Names,
    is_module: bool,
}

struct Crate(BTreeMap<Names, Module>);

impl Crate {
    fn new(files: &[(String, String)]) -> Self {
        let files = files.iter().filter(|(file, _)| !file.ends_with("/tests.rs"));
        Self(files.map(|(file, text)| (module_of(file), Module::new(file, text))).collect())
    }

    /// What a path in a module leads to; None for other crates. `seen` are the names whose meaning
    /// is being looked for.
    fn resolve(&self, at: &Names, path: &[String], seen: &[(Names, String)]) -> Option<Target> {
        let mut from = at.clone();
        let upwards = path.iter().take_while(|name| ["self", "super"].contains(&name.as_str()));
        let steps = upwards
            .inspect(|name| {
                if *name == "super" {
                    from.pop();
                }
            })
            .count();
        match path.first()?.as_str() {
            "crate" => self.walk(Vec::new(), &path[1..], seen),
            _ if steps > 0 => self.walk(from, &path[steps..], seen),
            first => {
                let here = self.0.get(at)?;
                let is_own = here.aliases.get(first).is_some_and(|alias| alias != path);
                let known = here.children.contains(first) || here.items.contains(first) || is_own;
                if known { self.walk(from, path, seen) } else { None }
            }
        }
    }

    fn walk(&self, mut at: Names, path: &[String], seen: &[(Names, String)]) -> Option<Target> {
        let owned = |module: &Names| Some(Target { module: module.clone(), is_module: false });
        for (i, name) in path.iter().enumerate() {
            let module = self.0.get(&at)?;
            let key = (at.clone(), name.clone());
            if module.children.contains(name) {
                at.push(name.clone());
            } else if module.items.contains(name) || name == "*" || seen.contains(&key) {
                return owned(&at);
            } else if let Some(alias) = module.aliases.get(name) {
                let seen = [seen, &[key]].concat();
                let target = self.resolve(&at, alias, &seen)?;
                let rest = &path[i + 1..];
                return if target.is_module {
                    self.walk(target.module, rest, &seen)
                } else {
                    Some(target)
                };
            } else {
                let seen = [seen, &[key]].concat();
                let from_glob = |glob: &Names| {
                    let target =
                        self.resolve(&at, glob, &seen).filter(|target| target.is_module)?;
                    self.0[&target.module].items.contains(name).then_some(target.module)
                };
                return owned(&module.globs.iter().find_map(from_glob).unwrap_or(at.clone()));
            }
        }
        Some(Target { module: at, is_module: true })
    }

    /// The files that each file imports.
    fn imports(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let of_module = |(at, module): (&Names, &Module)| {
            let targets = module.paths.iter().filter_map(|path| self.resolve(at, path, &[]));
            let others = targets.filter(|target| target.module != *at);
            let files = others.filter_map(|target| Some(self.0.get(&target.module)?.file.clone()));
            (module.file.clone(), files.collect::<BTreeSet<_>>())
        };
        let owned: BTreeMap<String, BTreeSet<String>> = self.0.iter().map(of_module).collect();
        let name = |file: &String| self.0[&module_of(file)].file.as_str();
        owned.iter().map(|(file, files)| (name(file), files.iter().map(name).collect())).collect()
    }
}

/// The shortest circle of imports through each file that is in one, each circle once.
fn circles(files: &[(String, String)]) -> BTreeSet<Vec<String>> {
    let parsed = Crate::new(files);
    let imports = parsed.imports();
    let mut found = BTreeSet::new();
    for &start in imports.keys() {
        let mut before: BTreeMap<&str, &str> = BTreeMap::new();
        let mut open = VecDeque::from([start]);
        while let Some(file) = open.pop_front() {
            for &next in &imports[file] {
                if !before.contains_key(next) {
                    before.insert(next, file);
                    open.push_back(next);
                }
            }
        }
        let Some(&last) = before.get(start) else { continue };
        let mut circle = vec![last.to_string()];
        let mut file = last;
        while file != start {
            file = before[file];
            circle.push(file.into());
        }
        circle.reverse();
        let least = (0..circle.len()).min_by_key(|&i| &circle[i]).unwrap_or(0);
        circle.rotate_left(least);
        found.insert(circle);
    }
    found
}

#[test]
fn no_file_imports_itself_through_others() {
    let files = rust_files("src");
    assert!(files.len() > 100, "found only {} files", files.len());
    let wrong: Vec<String> = circles(&files)
        .iter()
        .map(|circle| format!("{} -> {}", circle.join(" -> "), circle[0]))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The circles among the files of a small crate.
fn of(files: &[(&str, &str)]) -> Vec<String> {
    let files: Vec<_> =
        files.iter().map(|(file, text)| (format!("src/{file}"), text.to_string())).collect();
    circles(&files).iter().map(|circle| circle.join(" ")).collect()
}

/// A crate of a module with two files `a` and `b`.
fn pair(face: &str, a: &str, b: &str) -> Vec<String> {
    let face = format!("mod a;\nmod b;\n{face}");
    of(&[("lib.rs", "pub mod m;"), ("m/mod.rs", &face), ("m/a.rs", a), ("m/b.rs", b)])
}

#[test]
fn checker_catches_circles() {
    let b = "use super::a::A;\npub struct B;\npub fn f() {}";
    for a in [
        "use super::b::B;\npub struct A;",
        "pub use super::b::B;\npub struct A;",
        "use super::{b::{self, B}};\npub struct A;",
        "use super::b;\npub struct A;",
        "use super::b::*;\npub struct A;",
        "use super::b as other;\npub struct A;",
        "use crate::m::b::B;\npub struct A;",
        "use crate::{m::{b::B as C}};\npub struct A;",
        "use super::B;\npub struct A;",
        "use crate::m::B;\npub struct A;",
        "use super::super::m::b::B;\npub struct A;",
        "pub struct A;\nfn g() { super::b::f() }",
        "pub struct A;\nfn g() -> Vec<super::B> { Vec::new() }",
        "pub struct A;\nfn g() { use super::B; }",
        "#[cfg(test)]\nmod tests {\n    use super::*;\n}\nuse super::b::B;\npub struct A;",
    ] {
        assert_eq!(pair("pub use b::B;\n", a, b), ["src/m/a.rs src/m/b.rs"], "{a}");
    }
    // A module file with something of its own, and its child.
    for face in [
        "pub struct E;\nfn g() { a::f() }",
        "use a::f;\npub struct E;",
        "pub use a::f;\npub struct E;",
    ] {
        let found = pair(face, "use super::E;\npub fn f() {}", "");
        assert_eq!(found, ["src/m/a.rs src/m/mod.rs"], "{face}");
    }
    let through_others = of(&[
        ("lib.rs", "pub mod a;\npub mod b;\npub mod c;"),
        ("a.rs", "use crate::b::B;\npub struct A;"),
        ("b.rs", "use crate::c;\npub struct B(c::C);"),
        ("c.rs", "pub struct C(Box<crate::a::A>);"),
    ]);
    assert_eq!(through_others, ["src/a.rs src/b.rs src/c.rs"]);
}

#[test]
fn checker_lets_other_imports_pass() {
    let b = "use super::a::A;\npub struct B;";
    for a in [
        "pub struct A;",
        "use std::fmt;\npub struct A;",
        "// use super::b::B;\n/* super::b::B */\npub struct A;",
        "pub const A: &str = \"super::b::B\";",
        "pub struct A;\n#[cfg(test)]\nuse super::b::B;",
        "pub struct A;\n#[cfg(test)]\nmod tests {\n    use super::super::b::B;\n}",
        "/// [`super::b::B`]\npub struct A;\nimpl A {\n    fn g() { Self::h(); b::f() }\n}",
        "use super::Error;\npub struct A;",
        "use super::error::Error;\npub struct A;\nfn g(e: Error) -> bool { e == Error::Bad }",
    ] {
        let face = "mod error;\npub use a::A;\npub use b::B;\npub use error::Error;";
        let face = format!("mod a;\nmod b;\n{face}");
        let error = ("m/error.rs", "pub enum Error { Bad }");
        let lib = ("lib.rs", "pub mod m;");
        let found = of(&[lib, ("m/mod.rs", &face), ("m/a.rs", a), ("m/b.rs", b), error]);
        assert_eq!(found, [""; 0], "{a}");
    }
    let tests = of(&[
        ("lib.rs", "mod a;"),
        ("a/mod.rs", "#[cfg(test)]\nmod tests;"),
        ("a/tests.rs", "use super::*;"),
    ]);
    assert_eq!(tests, [""; 0]);
}
