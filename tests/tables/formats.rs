//! Files of simulators and notebooks, folders, and what is said of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use polars_arrow::array::{Array, PrimitiveArray};
use polars_arrow::datatypes::{ArrowDataType, TimeUnit};
use polars_arrow::io::ipc::write::Compression;
use scalar_dynamics::dataset::{
    Cut, DatasetError, ReadOptions, Shape, read_chunks, read_table, survey_table,
};
use scalar_dynamics::report::inspect;
use tempfile::TempDir;

use crate::rows::{ROWS, assert_rows, column, columns, error, only, read, text};
use crate::samples::{arrow, npy, npz};

#[test]
fn arrays_of_numpy_are_read() {
    let none = ReadOptions::default();
    for (shape, compressed) in [("(4,)", false), ("(4, 1, 1)", true), ("(1, 4, 1, 1)", true)] {
        let arrays = [
            ("t", npy("(4,)", &column(0))),
            ("q", npy(shape, &column(1))),
            ("p", npy(shape, &column(2))),
        ];
        let file = only("table.npz", npz(&arrays, compressed));
        let mut table = read(&file.path, &none);
        assert_rows(&table);
        // Under other names.
        let [t, q, p] = arrays.map(|(_, array)| array);
        let arrays = [("time", t), ("pos", q), ("vel", p)];
        let mut options = columns(&[("t", "time"), ("q", "pos"), ("v", "vel")]);
        options.masses = BTreeMap::from([(1, 2.0)]);
        let file = only("table.npz", npz(&arrays, compressed));
        table.trajectories[0].states.column_mut(1).map_inplace(|p| *p *= 2.0);
        assert_eq!(read(&file.path, &options), table);
    }
    let arrays = ["t", "q", "p", "note"].map(|name| (name, npy("(4,)", &column(0))));
    let notes = read_table(&only("table.npz", npz(&arrays, false)).path, &none).unwrap().1;
    assert!(notes.iter().any(|note| note.ends_with("ignored arrays: note")), "{notes:?}");
    // Two runs of three rows, two particles in the plane.
    let values: Vec<f64> = (0..24).map(f64::from).collect();
    let times = [0.0, 1.0, 2.0, 0.0, 0.5, 1.0];
    let arrays = [
        ("q", npy("(2, 3, 2, 2)", &values)),
        ("p", npy("(2, 3, 2, 2)", &values)),
        ("t", npy("(2, 3)", &times)),
    ];
    let table = read(&only("table.npz", npz(&arrays, true)).path, &none);
    assert_eq!(table.shape, Shape { particles: 2, dimension: 2 });
    assert_eq!(table.trajectories[1].times, times[3..]);
    assert_eq!(
        table.trajectories[1].states.row(0).to_vec(),
        [12.0, 13.0, 14.0, 15.0, 12.0, 13.0, 14.0, 15.0]
    );
    let of = |arrays: &[(&str, Vec<u8>)]| error("table.npz", npz(arrays, false), &none);
    let told = of(&[("q", npy("(4, 1)", &column(1))), ("p", npy("(4, 1)", &column(2)))]);
    assert!(told.contains("q[:, None, :]"), "{told}");
    let told = of(&[("x", npy("(4,)", &column(1)))]);
    assert!(told.contains("column q is missing (1 found: x)"), "{told}");
    let told = of(&[("q", npy("(4,)", &column(1))), ("p", npy("(4,)", &column(1)))]);
    assert!(told.contains("column t is missing") && told.contains("--time-step"), "{told}");
}

#[test]
fn extended_xyz_is_read() {
    let frame = |row: &[f64; 3]| {
        let [t, q, p] = row;
        format!(
            "2\nLattice=\"5 0 0 0 5 0 0 0 5\" Properties=species:S:1:pos:R:3:masses:R:1:velo:R:3 Time={t}\nAr {q} 0 1 39.9 {p} 0 0\nHe 1 2 {q} 4.0 0 0 {p}\n\n"
        )
    };
    let bytes: String = ROWS.iter().map(frame).collect();
    let file = only("run.extxyz", &bytes);
    let (table, _) = read_table(&file.path, &ReadOptions::default()).unwrap();
    assert_eq!(table.shape, Shape { particles: 2, dimension: 3 });
    assert_eq!(table.trajectories[0].times, column(0));
    assert_eq!(
        table.trajectories[0].states.row(0).to_vec(),
        [0.5, 0.0, 1.0, 1.0, 2.0, 0.5, -39.9, 0.0, 0.0, 0.0, 0.0, -4.0]
    );
    assert_eq!(table.metadata["lattice"], "5 0 0 0 5 0 0 0 5");
    let chunks = read_chunks(
        &file.path,
        &ReadOptions::default(),
        &Cut { points: 5, most: 9, seed: 1, join: false },
        &mut |_| {},
    );
    assert_eq!(chunks.unwrap().0.masses, [39.9, 4.0]);
    // Masses that are given win.
    let options = ReadOptions { masses: BTreeMap::from([(2, 1.0)]), ..ReadOptions::default() };
    assert_eq!(read(&file.path, &options).trajectories[0].states[[0, 11]], -1.0);

    let none = ReadOptions::default();
    let alone = only("run.xyz", bytes.replace("velo", "speed"));
    let (_, notes) = read_table(&alone.path, &none).unwrap();
    assert!(notes.iter().any(|note| note.contains("neither momenta")), "{notes:?}");
    let told = error("run.xyz", bytes.replace(" Time=", " Clock="), &none);
    assert!(told.contains("column t is missing") && told.contains("--time-step"), "{told}");
    let told = error("run.xyz", bytes.replacen("\n\n2", "\n\n1", 1), &none);
    assert!(told.contains("line 6: a frame of 1 atoms after one of 2"), "{told}");
    let told = error("run.xyz", bytes.replacen("He 1 2", "He 1 two", 1), &none);
    assert!(told.contains("line 4: \"two\" is no number"), "{told}");
}

#[test]
fn regress_atoms_that_change_places_are_told_apart() {
    let frame = |k: usize, (ids, kinds): ([&str; 3], [&str; 3])| {
        let atom = |(id, kind): (&str, &str)| format!("{id} {kind} {id}.{k} 0 1\n");
        let atoms: String = ids.into_iter().zip(kinds).map(atom).collect();
        format!("3\nProperties=id:I:1:species:S:1:pos:R:1:velo:R:1:mass:R:1 Time={k}\n{atoms}")
    };
    let orders = [["2", "10", "1"], ["1", "2", "10"], ["10", "1", "2"]];
    let of = |ids: [&str; 3]| ids.map(|id| if id == "10" { "O" } else { "H" });
    let bytes: String =
        orders.iter().enumerate().map(|(k, ids)| frame(k, (*ids, of(*ids)))).collect();
    let states =
        &read(&only("run.xyz", &bytes).path, &ReadOptions::default()).trajectories[0].states;
    assert_eq!(states.row(2).to_vec(), [1.2, 2.2, 10.2, 0.0, 0.0, 0.0]);
    let other = bytes.clone() + &frame(3, (["1", "2", "3"], ["H", "H", "O"]));
    let told = error("run.xyz", other, &ReadOptions::default());
    assert!(told.contains("other identities") && told.contains("line 20"), "{told}");
    let told = error("run.xyz", frame(0, (["1", "2", "2"], ["H"; 3])), &ReadOptions::default());
    assert!(told.contains("line 5: two atoms") && told.contains("\"2\""), "{told}");
    // Without identities kinds tell it, as far as they do.
    let same: String =
        orders.iter().enumerate().map(|(k, ids)| frame(k, (*ids, ["H", "H", "O"]))).collect();
    let plain = same.replace("id:I:1", "mark:I:1");
    assert!(read_table(&only("run.xyz", &plain).path, &ReadOptions::default()).is_ok());
    let other = plain + &frame(3, (orders[0], ["O", "H", "H"]));
    let told = error("run.xyz", other, &ReadOptions::default());
    assert!(
        told.contains("other kinds") && told.contains("\"O 1\" where that has \"H 1\""),
        "{told}"
    );
    // Of one kind masses tell it.
    let masses = "2\nProperties=species:S:1:pos:R:1:velo:R:1:mass:R:1 Time=";
    let swapped = format!("{masses}0\nAr 0 1 2\nAr 5 1 4\n{masses}1\nAr 5 1 4\nAr 0 1 2\n");
    let told = error("run.xyz", swapped, &ReadOptions::default());
    assert!(told.contains("kinds or masses"), "{told}");
    // A box that positions are put back into.
    let lattice = "1\nLattice=\"2 0 0 2\" Properties=pos:R:2:velo:R:2 Time=";
    let wrapped = format!("{lattice}0\n1.9 1 1 0\n{lattice}1\n0.1 1 1 0\n");
    let notes = read_table(&only("run.xyz", wrapped).path, &ReadOptions::default()).unwrap().1;
    assert!(
        notes.iter().any(|note| note.contains("edge of the box (the frame that ends in line 6)")),
        "{notes:?}"
    );
}

fn floats(k: usize) -> Box<dyn Array> {
    Box::new(PrimitiveArray::from_vec(column(k)))
}

#[test]
fn arrow_is_read() {
    let none = ReadOptions::default();
    for compression in [None, Some(Compression::LZ4), Some(Compression::ZSTD(Default::default()))] {
        let bytes =
            arrow(&[("p1_x", floats(2)), ("t", floats(0)), ("q1_x", floats(1))], compression);
        for name in ["table.arrow", "table.feather"] {
            assert_rows(&read(&only(name, &bytes).path, &none));
        }
    }
    // Stamps in milliseconds, narrow numbers, ids.
    let stamps = PrimitiveArray::from_vec(vec![1_000i64, 1_250, 1_500, 1_750])
        .to(ArrowDataType::Timestamp(TimeUnit::Millisecond, None));
    let narrow = PrimitiveArray::from_vec(vec![1i8, -2, 3, -4]);
    let ids = PrimitiveArray::from_vec(vec![9u16; 4]);
    let bytes = arrow(
        &[
            ("trajectory", Box::new(ids)),
            ("t", Box::new(stamps)),
            ("q1_x", Box::new(narrow)),
            ("p1_x", floats(2)),
        ],
        None,
    );
    let table = read(&only("table.arrow", bytes).path, &none);
    assert_eq!(table.trajectories[0].id, 9);
    assert_eq!(table.trajectories[0].times, column(0));
    assert_eq!(table.trajectories[0].states.column(0).to_vec(), [1.0, -2.0, 3.0, -4.0]);
    let gap: Box<dyn Array> = Box::new(
        [Some(1.0f64), None, Some(2.0), Some(3.0)].iter().collect::<PrimitiveArray<f64>>(),
    );
    let bytes = arrow(&[("t", floats(0)), ("q1_x", gap), ("p1_x", floats(2))], None);
    assert!(error("table.arrow", bytes, &none).contains("q1_x, trajectory 0, row 2: no value"));
}

#[test]
fn folders_and_patterns_are_one_table() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("b")).unwrap();
    for (k, name) in ["a.csv", "b/1.csv", "c.csv"].into_iter().enumerate() {
        let rows = text("t,q1_x,p1_x\n", ",", false, "\n").replace("0.500,", &format!("{k},"));
        fs::write(path(name), rows.replace("0.750,1.25", "0.750,-1")).unwrap();
    }
    fs::write(path(".hidden.csv"), "x").unwrap();
    let none = ReadOptions::default();
    let broken = error("x.csv", "t,q1_x,p1_x\n0,1,1\n", &none);
    assert!(broken.contains("x.csv: column trajectory"), "{broken}");

    // Without ids each file is a run.
    let folder_ = folder.path();
    for (k, name) in ["a.csv", "b/1.csv", "c.csv"].into_iter().enumerate() {
        fs::write(path(name), format!("t,q1_x,p1_x\n0,{k},1\n1,{k},2\n")).unwrap();
    }
    let (table, notes) = read_table(folder_, &none).unwrap();
    let firsts: Vec<_> =
        table.trajectories.iter().map(|run| (run.id, run.states[[0, 0]])).collect();
    assert_eq!(firsts, [(0, 0.0), (1, 1.0), (2, 2.0)]);
    assert!(notes.iter().any(|note| note.contains("3 files")), "{notes:?}");
    let table = read(&folder_.join("[ac].csv"), &none);
    assert_eq!(table.trajectories.len(), 2);
    // With ids the union is one table: a run may go on from file to file.
    fs::write(path("a.csv"), "trajectory,t,q1_x,p1_x\n3,0,1,1\n4,0,1,1\n4,1,1,1\n").unwrap();
    fs::write(path("c.csv"), "t,q1_x,p1_x,trajectory\n1,5,5,3\n").unwrap();
    let table = read(&folder_.join("?.csv"), &none);
    assert_eq!(table.trajectories[0].states, ndarray::array![[1.0, 1.0], [5.0, 5.0]]);

    let told = |path: &Path| read_table(path, &none).unwrap_err();
    fs::write(path("c.csv"), "t,q1_x,p1_x,trajectory\n1,5,,3\n").unwrap();
    let error = told(&folder_.join("?.csv")).to_string();
    assert!(error.contains("c.csv: column p1_x, trajectory 3, row 1"), "{error}");
    let error = told(folder_).to_string();
    assert!(error.contains("1.csv: column trajectory is missing"), "{error}");
    assert!(matches!(told(&folder_.join("x*.csv")), DatasetError::NothingFound { .. }));
    fs::write(path("d.xyz"), "").unwrap();
    let error = told(folder_).to_string();
    assert!(error.contains("several kinds (CSV, extended XYZ)"), "{error}");
}

#[test]
fn surveys_and_inspections_say_what_a_table_holds() {
    let bytes = text("Time;theta;p\n", ";", true, "\n");
    let file = only("table.csv", &bytes);
    let options = columns(&[("t", "Time"), ("q1_x", "theta"), ("p1_x", "p")]);
    let survey = survey_table(&file.path, &options, &mut |_| {}).unwrap();
    assert_eq!((survey.rows, survey.trajectories, survey.pieces), (4, 1, 1));
    assert_eq!(survey.spacing.unwrap().mean, 0.25);
    let text = inspect::survey_text(&survey);
    for part in ["cells between `;`, 4 rows", "t (Time), q1_x (theta)", "1 run(s)", "0.250"] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    let inspection = inspect::inspect_table(&file.path, &options).unwrap();
    assert_eq!((inspection.rows, inspection.columns.len()), (4, 3));
    assert_eq!(inspection.columns[1].mean, Some(0.875));
    assert_eq!(inspection.highlights[0].rows[0][..4], ["1", "4", "1", "1"]);
    // What is no table of trajectories is shown all the same, with the reason.
    let inspection = inspect::inspect_table(&file.path, &ReadOptions::default()).unwrap();
    assert!(inspection.highlights[0].title.contains("--columns t=Time"));
    drop(file.folder);
}
