//! What the README says.

use std::fs;
use std::path::Path;

#[test]
fn regress_results_in_the_readme_are_those_on_disk() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let begin = "<!-- table1: data/paper/results/table1.md -->\n";
    let from = readme.find(begin).unwrap() + begin.len();
    let shown = &readme[from..from + readme[from..].find("<!-- /table1 -->").unwrap()];
    let table = fs::read_to_string(root.join("data/paper/results/table1.md")).unwrap();
    assert_eq!(shown.trim(), table.trim());
}
