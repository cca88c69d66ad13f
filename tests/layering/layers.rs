//! The layers of the crate: a module uses itself and those above it, learners never see the answer,
//! `unsafe` has one home.

use crate::sources::{code_only, rust_files, without_tests};

/// Top-level modules, each using only itself and those before it.
const LAYERS: [&str; 20] = [
    "deadline",
    "parallel",
    "progress",
    "linalg",
    "expr",
    "field",
    "systems",
    "integrate",
    "scalars",
    "basis",
    "model",
    "dataset",
    "loss",
    "train",
    "rewrite",
    "search",
    "recover",
    "evaluate",
    "report",
    "experiment",
];
/// The crate's common error, open to all.
const EXEMPT: [&str; 2] = ["error", "Error"];
/// Layers that may name a known system: itself, and the experiments.
const KNOWS_SYSTEMS: [&str; 2] = ["systems", "experiment"];
/// Stages of a recovery, the files of the module among them by name, each using only itself and those
/// before it, and what is not listed: types and tests that all share.
const STAGES: [&str; 9] =
    ["problem", "learn", "split", "grow", "propose", "assemble", "refit", "judge", "read"];
/// What `search` may use: it serves who has plain samples and nothing of mechanics.
const OF_SEARCH: [&str; 6] = ["deadline", "parallel", "progress", "linalg", "expr", "search"];
/// This file, and its tests.
const UNSAFE_HOME: [&str; 2] = ["src/linalg/lapack/mod.rs", "src/linalg/lapack/tests.rs"];

/// Whether the text has the word as a whole, and where.
fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    code.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        !part(code[..at].chars().next_back())
            && (word.ends_with(':') || !part(code[at + word.len()..].chars().next()))
    })
}

fn line(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

/// The first names of a path or of a group of paths: `a` of `a::b`, `a` and `c` of
/// `{a::{x, y}, c}`.
fn first_names(rest: &str) -> Vec<String> {
    let name = |text: &str| {
        text.trim_start()
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect::<String>()
    };
    let Some(group) = rest.trim_start().strip_prefix('{') else {
        return vec![name(rest)];
    };
    let (mut names, mut depth) = (vec![name(group)], 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(name(&group[at + 1..])),
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// Depth of a file's module below the crate's root: 1 for `src/train.rs` and `src/train/mod.rs`, 2
/// for `src/train/adjoint.rs`.
fn depth(file: &str) -> usize {
    let below = file.trim_start_matches("src/").trim_end_matches("/mod.rs");
    below.split('/').count()
}

/// The top-level modules that a file names by a path from the crate's root, with the line.
fn imports(file: &str, code: &str) -> Vec<(String, usize)> {
    let to_root = "super::".repeat(depth(file));
    let from_root = words(code, "crate::").map(|at| (at, "crate::".len()));
    // A longer chain is an inline module's way to the same place; such a module also makes the
    // depth a guess, so unknown names pass.
    let upwards = words(code, &to_root)
        .map(|at| (at, to_root.len()))
        .filter(|&(at, _)| !code[..at].ends_with("::"));
    let found = |(at, length): (usize, usize)| {
        let rest = code[at + length..].trim_start_matches("super::");
        first_names(rest).into_iter().map(move |name| (name, line(code, at)))
    };
    let known = |(name, _): &(String, usize)| LAYERS.contains(&name.as_str());
    from_root.flat_map(found).chain(upwards.flat_map(found).filter(known)).collect()
}

/// What is wrong with a file's imports.
fn violations(file: &str, text: &str) -> Vec<String> {
    let layer = file.trim_start_matches("src/").split(['/', '.']).next().unwrap();
    if layer == "lib" || EXEMPT.contains(&layer) || file.ends_with("/tests.rs") {
        return Vec::new();
    }
    let Some(own) = LAYERS.iter().position(|name| *name == layer) else {
        return vec![format!("{file}: `{layer}` is in no layer")];
    };
    let mut wrong = Vec::new();
    for (name, line) in imports(file, &without_tests(&code_only(text))) {
        match LAYERS.iter().position(|layer| *layer == name) {
            _ if EXEMPT.contains(&name.as_str()) => {}
            None => wrong.push(format!(
                "{file}:{line}: `crate::{name}` is in no layer: name the module that owns it"
            )),
            Some(_) if name == "systems" && !KNOWS_SYSTEMS.contains(&layer) => {
                wrong.push(format!("{file}:{line}: `{layer}` names a known system"));
            }
            Some(other) if other > own => wrong
                .push(format!("{file}:{line}: `{layer}` imports from `{name}`, which is below it")),
            Some(_) => {}
        }
    }
    wrong
}

/// What is wrong with the imports of a file of `recover` or `search`.
fn stage_violations(file: &str, text: &str) -> Vec<String> {
    let code = without_tests(&code_only(text));
    if file.ends_with("/tests.rs") {
        return Vec::new();
    }
    if file.starts_with("src/search/") {
        let foreign = |(name, _): &(String, usize)| !OF_SEARCH.contains(&name.as_str());
        let found = imports(file, &code).into_iter().filter(foreign);
        return found
            .map(|(name, line)| format!("{file}:{line}: `search` names `{name}`"))
            .collect();
    }
    let stage = |name: &str| STAGES.iter().position(|stage| *stage == name);
    let below = file.strip_prefix("src/recover/").unwrap_or("");
    let Some(own) = stage(below.split(['/', '.']).next().unwrap_or("")) else { return Vec::new() };
    let paths = words(&code, "crate::recover::").flat_map(|at| {
        let names = first_names(&code[at + "crate::recover::".len()..]);
        names.into_iter().map(move |name| (name, at))
    });
    let later = paths.filter(|(name, _)| stage(name).is_some_and(|other| other > own));
    later
        .map(|(name, at)| {
            format!(
                "{file}:{}: stage `{}` uses `{name}`, a later one",
                line(&code, at),
                STAGES[own]
            )
        })
        .collect()
}

#[test]
fn layering_of_the_stages_of_a_recovery_holds_and_search_stands_alone() {
    let files: Vec<(String, String)> =
        ["src/recover", "src/search"].into_iter().flat_map(rust_files).collect();
    for stage in STAGES {
        let here = |(file, _): &(String, String)| file.contains(&format!("recover/{stage}"));
        assert!(files.iter().any(here), "no file of stage {stage}");
    }
    let wrong: Vec<String> =
        files.iter().flat_map(|(file, text)| stage_violations(file, text)).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn checker_catches_later_stages_and_what_search_may_not_name() {
    let wrong = stage_violations(
        "src/recover/learn/products.rs",
        "\nuse crate::recover::judge::rivals::Rival;",
    );
    assert_eq!(wrong.len(), 1);
    assert!(wrong[0].starts_with("src/recover/learn/products.rs:2: stage `learn` uses `judge`"));
    for text in
        ["use crate::recover::{error::RecoverError, read::place};", "use crate::recover::read;"]
    {
        assert_eq!(stage_violations("src/recover/split.rs", text).len(), 1, "{text}");
    }
    assert_eq!(stage_violations("src/search/fit.rs", "use crate::rewrite::simplify;").len(), 1);
    for (file, text) in [
        ("src/recover/judge/rivals.rs", "use crate::recover::learn::fitted::Fitted;"),
        ("src/recover/learn/products.rs", "use crate::recover::error::RecoverError;"),
        ("src/recover/pipeline.rs", "use crate::recover::read::constants;"),
        ("src/search/fit.rs", "use crate::linalg::Real;\n#[cfg(test)]\nuse crate::recover;"),
    ] {
        assert_eq!(stage_violations(file, text), [""; 0], "{file}: {text}");
    }
}

#[test]
fn layering_holds() {
    let files = rust_files("src");
    assert!(files.len() > LAYERS.len(), "found only {} files", files.len());
    let wrong: Vec<String> = files.iter().flat_map(|(file, text)| violations(file, text)).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn unsafe_code_has_one_home() {
    for (file, text) in ["src", "tests", "examples", "benches"].into_iter().flat_map(rust_files) {
        let code = code_only(&text);
        if !UNSAFE_HOME.contains(&file.as_str()) {
            let found = words(&code, "unsafe").next();
            assert!(found.is_none(), "{file}:{}: unsafe code", line(&code, found.unwrap_or(0)));
        }
    }
}

#[test]
fn checker_catches_imports_from_below() {
    for text in [
        "use crate::train::fit;",
        "use crate::{linalg::Lanes, train::fit};",
        "use crate::{linalg::{Lanes, Real}, field, train};",
        "use crate::{\n    linalg,\n    train,\n};",
        "fn f() { crate::train::fit() }",
        "use super::super::train::fit;",
        "mod inner { use super::super::super::train; }",
        "pub(crate) use crate :: train;".replace(" :: ", "::").as_str(),
        "#[cfg(test)]\nmod tests {\n    use crate::report;\n}\nuse crate::train;",
        "#[cfg(test)]\nuse crate::report;\nuse crate::train;",
        "const A: &str = \"\\\"\"; use crate::train;",
        "const A: char = '\"'; use crate::train; const B: char = '\"';",
        "fn f<'a>(x: &'a str) -> crate::train::A<'a> {}",
        "/* a /* b */ c */ use crate::train;",
    ] {
        let wrong = violations("src/basis/spline.rs", text);
        assert_eq!(wrong.len(), 1, "{text}: {wrong:?}");
        assert!(wrong[0].contains("`basis` imports from `train`"), "{wrong:?}");
    }
    assert!(
        violations("src/basis/mod.rs", "\n\nuse crate::train;")[0]
            .starts_with("src/basis/mod.rs:3:")
    );
    assert_eq!(violations("src/basis.rs", "use super::train;").len(), 1);
    assert_eq!(violations("src/basis/mod.rs", "use crate::Model;").len(), 1);
    assert_eq!(violations("src/misc.rs", "").len(), 1);
}

#[test]
fn checker_lets_the_rest_pass() {
    for text in [
        "use crate::linalg::Lanes;",
        "use crate::{basis::Basis, Error, scalars};",
        "use crate::error::Error;",
        "use super::chebyshev;",
        "/// See [`crate::train`].\n//! crate::train\nlet a = \"crate::train\";",
        "let a = r#\"\"crate::train\"#;",
        "#[cfg(test)]\nmod tests {\n    use crate::train;\n}",
        "use my_crate::train;",
        "pub(crate) fn f() {}",
    ] {
        assert_eq!(violations("src/basis/spline.rs", text), [""; 0], "{text}");
    }
    assert_eq!(violations("src/lib.rs", "use crate::train;"), [""; 0]);
}

#[test]
fn checker_keeps_known_systems_from_learners() {
    for file in [
        "src/integrate/splitting.rs",
        "src/train.rs",
        "src/recover/mod.rs",
        "src/report/figures.rs",
    ] {
        assert!(
            violations(file, "use crate::systems::Kepler;")[0].contains("names a known system"),
            "{file}"
        );
        assert_eq!(
            violations(file, "#[cfg(test)]\nmod tests {\n    use crate::systems::Kepler;\n}"),
            [""; 0],
            "{file}"
        );
    }
    assert_eq!(violations("src/experiment/data.rs", "use crate::systems::Kepler;"), [""; 0]);
}

#[test]
fn checker_sees_unsafe_code_only_in_code() {
    let code = code_only(
        "// unsafe\n/* unsafe */ let a = \"unsafe\"; let unsafe_code = 1; #![deny(unsafe_code)]",
    );
    assert_eq!(words(&code, "unsafe").count(), 0);
    assert_eq!(words(&code_only("let a = 'x'; unsafe { f() }"), "unsafe").count(), 1);
}
