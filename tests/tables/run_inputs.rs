//! Columns that stay the same within a trajectory.

use scalar_dynamics::dataset::{Cut, ReadOptions, read_chunks, read_table};
use scalar_dynamics::scalars::RunInput;

use crate::rows::{error, only};

fn options() -> ReadOptions {
    let of_run = vec![RunInput::Vector("g".into()), RunInput::Number("m".into())];
    ReadOptions { of_run, ..ReadOptions::default() }
}

/// Two trajectories of four rows, the rows of which are mixed, and a column that is not needed.
fn table() -> String {
    let mut text = String::from("m,trajectory,t,q1_x,q1_y,p1_x,p1_y,g_y,g_x,other\n");
    for row in 0..4 {
        for id in [7, 3] {
            let (m, t) = (id as f64 + 0.5, 0.1 * f64::from(row));
            text += &format!("{m},{id},{t},{row}.25,2,3,4,-{id},0.5,9\n");
        }
    }
    text
}

#[test]
fn what_each_run_has_its_own_of_is_among_its_positions() {
    let file = only("runs.csv", table());
    let (found, notes) = read_table(&file.path, &options()).unwrap();
    assert_eq!(found.trajectories.len(), 2);
    for (run, id) in found.trajectories.iter().zip([3.0, 7.0]) {
        for (row, state) in run.states.rows().into_iter().enumerate() {
            let own = [row as f64 + 0.25, 2.0, 0.5, -id, id + 0.5, 0.0];
            assert_eq!(state.to_vec(), [&own[..], &[3.0, 4.0, 0.0, 0.0, 0.0, 0.0]].concat());
        }
    }
    assert!(notes.iter().any(|note| note.ends_with("ignored columns: other")), "{notes:?}");
    let cut = Cut { points: 2, most: 100, seed: 1, join: false };
    let (chunks, _) = read_chunks(&file.path, &options(), &cut, &mut |_| {}).unwrap();
    assert_eq!(chunks.chunks.len(), 6);
    assert!(chunks.chunks.iter().all(|chunk| chunk.states[[1, 4]] == chunk.id as f64 + 0.5));
}

#[test]
fn bad_input_a_value_that_changes_within_a_run_is_named_with_its_rows() {
    let changed = table().replacen("7.5,7,0.2", "7.25,7,0.2", 1);
    let message = error("runs.csv", changed, &options());
    for part in ["column m", "trajectory 7", "7.5 in row 1", "7.25 in row 5"] {
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[test]
fn bad_input_a_missing_column_of_runs_is_named() {
    for (column, other) in [("m", "M2"), ("g_y", "g_up")] {
        let header = table().replacen(&format!("{column},"), &format!("{other},"), 1);
        let message = error("runs.csv", header, &options());
        assert!(message.contains(&format!("column {column} is missing")), "{message}");
    }
}
