//! Tables as trackers, loggers, spreadsheets, simulators and notebooks write them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use polars_arrow::array::{Array, PrimitiveArray};
use polars_arrow::datatypes::{ArrowDataType, TimeUnit};
use polars_arrow::io::ipc::write::Compression;
use scalar_dynamics::dataset::{
    Cut, DatasetError, Gaps, ReadOptions, Shape, TrajectoryTable, read_chunks, read_table,
    survey_table,
};
use scalar_dynamics::report::inspect;
use tempfile::TempDir;

use crate::samples::{arrow, npy, npz};

/// Rows of every table here: time, position, momentum.
const ROWS: [[f64; 3]; 4] =
    [[0.0, 0.5, -1.0], [0.25, 0.75, -0.5], [0.5, 1.0, 0.0], [0.75, 1.25, 0.5]];

/// A folder with one file in it.
struct Only {
    folder: TempDir,
    path: PathBuf,
}

fn only(name: &str, bytes: impl AsRef<[u8]>) -> Only {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    Only { folder, path }
}

fn columns(pairs: &[(&str, &str)]) -> ReadOptions {
    let columns = pairs.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect();
    ReadOptions { columns, ..ReadOptions::default() }
}

fn read(path: &Path, options: &ReadOptions) -> TrajectoryTable {
    read_table(path, options).unwrap_or_else(|error| panic!("{error}")).0
}

fn error(name: &str, bytes: impl AsRef<[u8]>, options: &ReadOptions) -> String {
    read_table(&only(name, bytes).path, options).unwrap_err().to_string()
}

/// That a table is [`ROWS`], as one run.
#[track_caller]
fn assert_rows(table: &TrajectoryTable) {
    assert_eq!(table.shape, Shape { particles: 1, dimension: 1 });
    assert_eq!(table.trajectories.len(), 1);
    let run = &table.trajectories[0];
    for ((row, t), state) in ROWS.iter().zip(&run.times).zip(run.states.rows()) {
        assert_eq!([*t, state[0], state[1]], *row);
    }
    assert_eq!(run.times.len(), ROWS.len());
}

/// The rows as text, cells between `separator`, a comma in numbers where `comma` says so.
fn text(header: &str, separator: &str, comma: bool, end: &str) -> String {
    let cell = |x: &f64| {
        let x = format!("{x:.3}");
        if comma { x.replace('.', ",") } else { x }
    };
    let line = |row: &[f64; 3]| row.iter().map(cell).collect::<Vec<_>>().join(separator) + end;
    format!("{header}{}", ROWS.iter().map(line).collect::<String>())
}

#[test]
fn text_is_read_in_every_dialect() {
    let names = ["t", "q1_x", "p1_x"];
    for (separator, comma) in
        [(",", false), (", ", false), (";", false), (";", true), ("\t", true), ("  ", true)]
    {
        for end in ["\n", "\r\n", "\r"] {
            let header = names.join(separator) + end;
            for (before, ending) in
                [("", "csv"), ("\u{feff}", "txt"), ("# logger 7\n% b\n", "dat"), ("", "TSV")]
            {
                let bytes = text(&format!("{before}{header}"), separator, comma, end);
                let file = only(&format!("table.{ending}"), bytes);
                assert_rows(&read(&file.path, &ReadOptions::default()));
            }
        }
    }
}

#[test]
fn text_is_read_with_what_programs_put_around_it() {
    let rows = |header: &str, separator: &str| text(header, separator, false, "\n");
    for bytes in [
        // A tracker's title, a comment among the rows, blank lines, empty rows of a spreadsheet.
        rows("mass_A\nt\tq1_x\tp1_x\n", "\t"),
        rows("t,q1_x,p1_x\n", ",").replacen("\n0.25", "\n# half\n\n0.25", 1),
        rows("t;q1_x;p1_x\n", ";") + ";;\n;;\n",
        rows("t;q1_x;p1_x\ns;m;kg m/s\n", ";"),
        rows("T (s),Q1_X [m],\"P1_X (kg m/s)\"\n", ","),
        rows("# made by numpy\n# t q1_x p1_x\n", " "),
        text("t,q1_x,p1_x,\n", ",", false, ",\n"),
        rows("\"t\" \"q1_x\" \"p1_x\"\n", " "),
    ] {
        assert_rows(&read(&only("table.txt", &bytes).path, &ReadOptions::default()));
    }
}

#[test]
fn columns_are_named_on_the_command_line() {
    let bytes = text("time (s),x,p\n", ",", false, "\n");
    let options = columns(&[("t", "time"), ("q1_x", "x"), ("p1_x", "p")]);
    assert_rows(&read(&only("table.csv", &bytes).path, &options));
    let bytes = text("", " ", false, "\n");
    let options = columns(&[("t", "column1"), ("q1_x", "column2"), ("p1_x", "column3")]);
    assert_rows(&read(&only("table.txt", &bytes).path, &options));
}

#[test]
fn bad_input_of_column_names_leads_to_those_that_serve() {
    let none = ReadOptions::default();
    for (header, told) in [
        ("time,theta,omega\n", "--columns t=time,q1_x=theta,v1_x=omega and --mass 1=M"),
        ("t,x,vx\n", "--columns q1_x=x,v1_x=vx and --mass 1=M"),
        ("t,q1x,p1x\n", "--columns q1_x=q1x,p1_x=p1x"),
        ("Time (s),x,px\n", "--columns 't=Time (s),q1_x=x,p1_x=px'"),
        ("t,x,y\n", "momenta (p1_x, ..) or velocities (v1_x, ..) are needed too"),
        ("", "--columns t=column1,q1_x=column2,v1_x=column3"),
    ] {
        let told_ = error("table.csv", text(header, ",", false, "\n"), &none);
        assert!(told_.contains(told) && told_.contains("3 found: "), "{told_}");
    }
    let bytes = text("t,q1_x,p1_x\n", ",", false, "\n");
    let told = error("table.csv", &bytes, &columns(&[("t", "tt")]));
    assert!(told.contains("column tt is missing") && told.contains("did you mean t=t?"), "{told}");
    let told = error("table.csv", &bytes, &columns(&[("x", "q1_x")]));
    assert!(told.contains("--columns: x is none of"), "{told}");
}

#[test]
fn times_are_stamps_durations_or_counted() {
    let rows = |times: [&str; 4]| {
        let line = |(t, row): (&str, &[f64; 3])| format!("{t},{},{}\n", row[1], row[2]);
        times.into_iter().zip(&ROWS).map(line).collect::<String>()
    };
    let stamps = ["2023-06-01T23:59:59.75Z", "2023-06-02T00:00:00Z", "2023-06-02 00:00:00.25"];
    for times in [
        [stamps[0], stamps[1], stamps[2], "2023-06-02T02:00:00.5+02:00"],
        ["00:00:00", "00:00:00.25", "0:00:00.5", "00:00:00.75"],
        ["PT0S", "PT0.25S", "PT0.5S", "PT0.75S"],
    ] {
        let file = only("table.csv", format!("t,q1_x,p1_x\n{}", rows(times)));
        let mut table = read(&file.path, &ReadOptions::default());
        // Stamps are counted from the whole second of the first.
        let first = table.trajectories[0].times[0];
        table.trajectories[0].times.iter_mut().for_each(|t| *t -= first);
        assert_rows(&table);
    }
    let step = |dt| ReadOptions { time_step: Some(dt), ..ReadOptions::default() };
    let rows = rows(["7", "8", "9", "10"]);
    for header in ["t,q1_x,p1_x\n", "note,q1_x,p1_x\n"] {
        assert_rows(&read(&only("table.csv", format!("{header}{rows}")).path, &step(0.25)));
    }
    let frames = rows.replace("7,", "0,").replace("8,", "1,").replace("9,", "2,");
    let frames = frames.replace("10,", "4,");
    let file = only("table.csv", format!("frame,q1_x,p1_x\n{frames}"));
    assert_eq!(read(&file.path, &step(0.25)).trajectories[0].times, [0.0, 0.25, 0.5, 1.0]);

    let none = ReadOptions::default();
    let told = error("table.csv", format!("n,q1_x,p1_x\n{rows}"), &none);
    assert!(told.contains("column t is missing") && told.contains("--time-step"), "{told}");
    let bytes = "t,q1_x,p1_x\n0,1,1\n0,1,1\n0.1,1,1\n0.2,1,1\n";
    let told = error("table.csv", bytes, &none);
    assert!(told.contains("row 2") && told.contains("--time-step 0.0667"), "{told}");
    let told = error("table.csv", "t,q1_x,p1_x\n0,1,1\n1,1,1\n0,1,1\n", &none);
    assert!(told.contains("row 3") && told.contains("--columns trajectory=NAME"), "{told}");
    let mixed = "t,q1_x,p1_x\n0,1,1\n2023-06-01,1,1\n";
    assert!(error("table.csv", mixed, &none).contains("numbers and stamps (row 2)"));
    assert!(error("table.csv", mixed, &step(-1.0)).contains("--time-step: -1"));
}

#[test]
fn gaps_are_refused_or_cut() {
    let rows = "0,1,1\n1,2,2\n2,,3\n3,4,4\n4,5,oops\n5,6,6\n6,7,7\n7,8\n8,9,9\n9,10,NaN\n";
    let bytes = format!("t,q1_x,p1_x\n{rows}");
    let told = error("table.csv", &bytes, &ReadOptions::default());
    assert!(told.contains("row 8 has 2 fields") && told.contains("--gaps cut"), "{told}");
    let told = error("table.csv", bytes.replace("\n7,8", ""), &ReadOptions::default());
    assert!(told.contains("q1_x, trajectory 0, row 3") && told.contains("--gaps cut"), "{told}");
    let cut = ReadOptions { gaps: Gaps::Cut, ..ReadOptions::default() };
    let file = only("table.csv", &bytes);
    let (table, notes) = read_table(&file.path, &cut).unwrap();
    let times: Vec<_> = table.trajectories.iter().map(|run| run.times.clone()).collect();
    assert_eq!(times, [[0.0, 1.0], [5.0, 6.0]]);
    assert!(table.trajectories.iter().all(|run| run.id == 0));
    assert_eq!(table.trajectories[1].states, ndarray::array![[6.0, 6.0], [7.0, 7.0]]);
    for part in [
        "4 row(s) without all values",
        "2 piece(s) of 1 trajectory",
        "2 row(s) alone",
        "first: row 3 of",
        "column q1_x",
    ] {
        assert!(notes.iter().any(|note| note.contains(part)), "{part}: {notes:?}");
    }
    let chunks = read_chunks(&file.path, &cut, &Cut { points: 5, most: 9, seed: 1 }, &mut |_| {});
    assert_eq!(chunks.unwrap().0.chunks, table.trajectories);
    // Rows that are left out count as time where there is no clock.
    let counted = ReadOptions { time_step: Some(1.0), ..cut.clone() };
    assert_eq!(read(&file.path, &counted).trajectories[1].times, [5.0, 6.0]);
    // Time goes back: another run. It stands still: refused all the same.
    let back = only("table.csv", "t,q1_x,p1_x\n0,1,1\n1,1,1\n0,1,1\n1,1,1\n");
    assert_eq!(read(&back.path, &cut).trajectories.len(), 2);
    assert!(error("table.csv", "t,q1_x,p1_x\n0,1,1\n0,1,1\n", &cut).contains("--time-step"));
    let nothing = error("table.csv", "t,q1_x,p1_x\n0,1,1\n1,,1\n2,1,1\n", &cut);
    assert!(nothing.contains("2 rows are whole") && nothing.contains("row 2 of"), "{nothing}");
}

#[test]
fn angles_are_told_and_unwrapped() {
    use std::f64::consts::{PI, TAU};
    let angle = |i: usize| 0.5 * i as f64;
    let wrapped = |x: f64| (x + PI).rem_euclid(TAU) - PI;
    let mut rows = String::from("trajectory,t,q1_x,p1_x\n");
    // Rows of two trajectories alternate.
    for i in 0..60 {
        for run in 0..2 {
            rows += &format!("{run},{i},{},0.5\n", wrapped(angle(i + run)));
        }
    }
    let file = only("table.csv", &rows);
    let options = ReadOptions { angles: vec!["q1".into()], ..ReadOptions::default() };
    let (table, notes) = read_table(&file.path, &options).unwrap();
    assert!(notes.is_empty(), "{notes:?}");
    for (run, trajectory) in table.trajectories.iter().enumerate() {
        for (i, q) in trajectory.states.column(0).iter().enumerate() {
            assert!((q - angle(i + run)).abs() < 1e-9, "{run} {i}: {q}");
        }
    }
    // Drawn chunks are unwrapped by all that comes before them.
    let cut = Cut { points: 5, most: 4, seed: 3 };
    let chunks = read_chunks(&file.path, &options, &cut, &mut |_| {}).unwrap().0.chunks;
    let last = chunks.last().unwrap();
    let expected = angle(last.times[0] as usize + last.id as usize);
    assert!((last.states[[0, 0]] - expected).abs() < 1e-9);

    let alone: String = (0..60).map(|i| format!("{i},{},0.5\n", wrapped(angle(i)))).collect();
    let file = only("table.csv", format!("t,q1_x,p1_x\n{alone}"));
    let notes = read_table(&file.path, &ReadOptions::default()).unwrap().1;
    assert!(notes.len() == 1 && notes[0].contains("--angle q1"), "{notes:?}");
    let options = ReadOptions { angles: vec!["q2".into()], ..ReadOptions::default() };
    let told = read_table(&file.path, &options).unwrap_err().to_string();
    assert!(told.contains("--angle: q2") && told.contains("q1_x"), "{told}");
}

/// Column k of [`ROWS`].
fn column(k: usize) -> Vec<f64> {
    ROWS.iter().map(|row| row[k]).collect()
}

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
        &Cut { points: 5, most: 9, seed: 1 },
        &mut |_| {},
    );
    assert_eq!(chunks.unwrap().0.masses, [39.9, 4.0]);
    // Masses that are given win.
    let options = ReadOptions { masses: BTreeMap::from([(2, 1.0)]), ..ReadOptions::default() };
    assert_eq!(read(&file.path, &options).trajectories[0].states[[0, 11]], -1.0);

    let none = ReadOptions::default();
    let told = error("run.xyz", bytes.replace("velo", "speed"), &none);
    assert!(told.contains("column p1_x is missing"), "{told}");
    let told = error("run.xyz", bytes.replace(" Time=", " Clock="), &none);
    assert!(told.contains("column t is missing") && told.contains("--time-step"), "{told}");
    let told = error("run.xyz", bytes.replacen("\n\n2", "\n\n1", 1), &none);
    assert!(told.contains("line 6: a frame of 1 atoms after one of 2"), "{told}");
    let told = error("run.xyz", bytes.replacen("He 1 2", "He 1 two", 1), &none);
    assert!(told.contains("line 4: \"two\" is no number"), "{told}");
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
