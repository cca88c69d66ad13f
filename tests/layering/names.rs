//! No two public types share a name, so that a reader, an index or a glob import knows which is
//! meant.

use std::collections::BTreeMap;

use crate::circles::{leaves, tokens};
use crate::sources::{code_only, rust_files, without_tests};

/// Files by name, and the public types found so far: each name with the files that own or hand out
/// such a type.
struct Public<'a> {
    files: BTreeMap<&'a str, &'a str>,
    types: BTreeMap<String, Vec<String>>,
}

impl Public<'_> {
    /// Notes what a visible module owns and hands out, and goes on to its public modules. What it
    /// hands out from elsewhere (`pub use crate::..`) is noted where it is owned.
    fn visit(&mut self, file: &str) {
        const TYPES: [&str; 5] = ["struct", "enum", "trait", "type", "union"];
        let code = without_tests(&code_only(self.files[file]));
        let tokens = tokens(&code);
        let (mut at, mut depth) = (0, 0);
        while at < tokens.len() {
            let next = |k: usize| tokens.get(at + k).copied().unwrap_or("");
            match tokens[at] {
                "{" => depth += 1,
                "}" => depth -= 1,
                "pub" if next(1) == "use" => {
                    at += 2;
                    let mut found = Vec::new();
                    leaves(&tokens, &mut at, &Vec::new(), &mut found);
                    for (path, name) in found.into_iter().filter(|(path, _)| path[0] != "crate") {
                        if path.last().is_some_and(|last| is_type(last)) {
                            self.types.entry(name).or_default().push(file.into());
                        }
                    }
                }
                "pub" if next(1) == "mod" && next(3) == ";" => {
                    let folder = file.trim_end_matches("lib.rs").trim_end_matches("mod.rs");
                    let inside =
                        [format!("{folder}{}.rs", next(2)), format!("{folder}{}/mod.rs", next(2))];
                    for file in inside {
                        if self.files.contains_key(file.as_str()) {
                            self.visit(&file);
                        }
                    }
                }
                "pub" if depth == 0 && TYPES.contains(&next(1)) => {
                    self.types.entry(next(2).into()).or_default().push(file.into());
                }
                _ => {}
            }
            at += 1;
        }
    }
}

/// Whether a name is that of a type, not of a function, a module or a constant.
fn is_type(name: &str) -> bool {
    name.starts_with(char::is_uppercase) && name.contains(char::is_lowercase)
}

/// Names that more than one public type has.
fn shared(files: &[(String, String)]) -> Vec<String> {
    let files = files.iter().map(|(file, text)| (file.as_str(), text.as_str())).collect();
    let mut public = Public { files, types: BTreeMap::new() };
    public.visit("src/lib.rs");
    let several = public.types.into_iter().filter(|(_, owners)| owners.len() > 1);
    several.map(|(name, owners)| format!("`{name}` in {}", owners.join(" and "))).collect()
}

#[test]
fn public_types_have_names_of_their_own() {
    let shared = shared(&rust_files("src"));
    assert!(shared.is_empty(), "\n{}", shared.join("\n"));
}

#[test]
fn checker_catches_a_shared_name() {
    let file = |name: &str, text: &str| (name.to_string(), text.to_string());
    let mut files = vec![
        file("src/lib.rs", "pub mod a;\npub mod b;\nmod c;\npub use c::Error;"),
        file("src/a/mod.rs", "mod error;\npub use error::{Error as AError, LIMIT, make};"),
        file("src/a/error.rs", "pub enum Error {}"),
        file("src/b.rs", "pub use crate::a::AError;\npub struct Own;\nstruct Private;"),
        file("src/c.rs", "pub struct Own;\npub enum Error {}\npub struct Private;"),
    ];
    assert_eq!(shared(&files), [""; 0]);
    files[1].1 = "mod error;\npub use error::Error;\npub type Own = f64;".into();
    assert_eq!(
        shared(&files),
        ["`Error` in src/a/mod.rs and src/lib.rs", "`Own` in src/a/mod.rs and src/b.rs"]
    );
}
