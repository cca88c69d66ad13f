//! Text as trackers, loggers and spreadsheets write it; names, times, gaps and angles.

use scalar_dynamics::dataset::{Angle, AngleUnit, Cut, Gaps, ReadOptions, read_chunks, read_table};

use crate::rows::{ROWS, assert_rows, columns, error, only, read, text};

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
        ("t,x,y\n", "--columns q1_x=x,q1_y=y"),
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
        "2 row(s) that stand alone",
        "first: row 3 of",
        "column q1_x",
    ] {
        assert!(notes.iter().any(|note| note.contains(part)), "{part}: {notes:?}");
    }
    let chunks = read_chunks(
        &file.path,
        &cut,
        &Cut { points: 5, most: 9, seed: 1, join: false },
        &mut |_| {},
    );
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

fn in_units(coordinate: &str, unit: AngleUnit) -> Vec<Angle> {
    vec![Angle { coordinate: coordinate.into(), unit }]
}

#[test]
fn degrees_are_told_and_made_radians() {
    let rows: String = (0..60)
        .map(|i| f64::from(i) * 30.0)
        .map(|q| format!("{},{},20\n", q / 20.0, (q + 180.0).rem_euclid(360.0) - 180.0))
        .collect();
    let degrees =
        ReadOptions { angles: in_units("q1", AngleUnit::Degrees), ..ReadOptions::default() };
    let of = |header: &str, options: &ReadOptions| {
        read_table(&only("table.csv", format!("{header}\n{rows}")).path, options)
    };
    let told = of("t,q1_x (deg),v1_x", &ReadOptions::default()).unwrap().1.join(" ");
    assert!(
        told.contains("jumps by nearly 360") && told.contains("in degrees by its name"),
        "{told}"
    );
    assert!(told.contains("(row 7 of"), "{told}");
    let told = of("t,theta [deg],omega", &ReadOptions::default()).unwrap_err().to_string();
    assert!(told.contains("--columns") && told.contains("--angle q1_x=deg"), "{told}");
    let told = of("t,q1_x,p1_x", &degrees).unwrap_err().to_string();
    assert!(told.contains("--angle: q1") && told.contains("velocities"), "{told}");
    // An option that contradicts the name is no slip that passes.
    let unsaid = ReadOptions { angles: in_units("q1", AngleUnit::Unsaid), ..degrees.clone() };
    let told = of("t,q1_x (deg),v1_x", &unsaid).unwrap_err().to_string();
    assert!(told.contains("--angle q1=deg"), "{told}");
    let notes = of("t,q1_x (rad),v1_x", &degrees).unwrap().1.join(" ");
    assert!(notes.contains("though its name says radians"), "{notes}");
    let radians = ReadOptions { angles: in_units("q1", AngleUnit::Radians), ..degrees.clone() };
    let velocity = of("t,q1_x,v1_x (deg/s)", &radians).unwrap().0.trajectories[0].states[[0, 1]];
    assert!((velocity - 20f64.to_radians()).abs() < 1e-12, "{velocity}");
    for (header, velocity) in [("t,q1_x,v1_x", 20f64.to_radians()), ("t,q1_x,v1_x (rad/s)", 20.0)] {
        let states = &of(header, &degrees).unwrap().0.trajectories[0].states;
        for (i, state) in states.outer_iter().enumerate() {
            let q = (30.0 * i as f64).to_radians();
            assert!((state[0] - q).abs() < 1e-12 && (state[1] - velocity).abs() < 1e-12, "{state}");
        }
    }
}

#[test]
fn regress_marks_of_missing_values_are_no_positions() {
    let value = |i: usize| if [7, 8, 40].contains(&i) { -9999.0 } else { (0.1 * i as f64).sin() };
    let rows: String = (0..60).map(|i| format!("{i},{},0.5\n", value(i))).collect();
    let file = only("table.csv", format!("t,q1_x,p1_x\n{rows}"));
    let with = |missing: &[f64], gaps| ReadOptions {
        missing: Some(missing.to_vec()),
        gaps,
        ..ReadOptions::default()
    };
    let told = |options: &ReadOptions| read_table(&file.path, options).unwrap_err().to_string();
    let mark = told(&ReadOptions::default());
    assert!(mark.contains("q1_x") && mark.contains("row 8: -9999"), "{mark}");
    assert!(mark.contains("--missing -9999 --gaps cut"), "{mark}");
    assert!(told(&with(&[-9999.0], Gaps::Refuse)).contains("row 8: no value"));
    let cut = read_table(&file.path, &with(&[-9999.0], Gaps::Cut)).unwrap().0;
    assert_eq!(cut.trajectories.iter().map(|run| run.times.len()).collect::<Vec<_>>(), [7, 31, 19]);
    assert_eq!(read_table(&file.path, &with(&[], Gaps::Refuse)).unwrap().0.rows(), 60);
    // Others than those that were named are still looked for.
    assert!(told(&with(&[9999.0], Gaps::Cut)).contains("-9999 found"));
    // Times and runs are marked so as well.
    let rows =
        |k: usize| ["0,0,1,1", "0,1,2,1", "-9999,2,3,1", "0,-9999,4,1", "0,4,5,1", "0,5,6,1"][k];
    let all: String = (0..6).map(|k| rows(k).to_string() + "\n").collect();
    let marked = only("table.csv", format!("trajectory,t,q1_x,p1_x\n{all}"));
    let table = read_table(&marked.path, &with(&[-9999.0], Gaps::Cut)).unwrap().0;
    assert_eq!(
        table.trajectories.iter().map(|run| run.times.clone()).collect::<Vec<_>>(),
        [[0.0, 1.0], [4.0, 5.0]]
    );
    // A thousand that motion comes to is one.
    let rows: String = (0..60).map(|i| format!("{i},{},0.5\n", 990 + i)).collect();
    let file = only("table.csv", format!("t,q1_x,p1_x\n{rows}"));
    assert_eq!(read_table(&file.path, &ReadOptions::default()).unwrap().0.rows(), 60);
}

#[test]
fn regress_a_small_mark_hides_no_larger_one() {
    let value = |i: usize| if i == 40 { -9999.0 } else { i as f64 };
    let rows: String = (0..99).map(|i| format!("{i},{},0.5\n", value(i))).collect();
    let told = error("table.csv", format!("t,q1_x,p1_x\n{rows}"), &ReadOptions::default());
    assert!(told.contains("row 41: -9999"), "{told}");
    // Of a column of zeros, too, and as a number of 32 bits.
    let rows: String =
        (0..9).map(|i| format!("{i},{},0\n", if i == 3 { 1e20f32 as f64 } else { 0.0 })).collect();
    let told = error("table.csv", format!("t,q1_x,p1_x\n{rows}"), &ReadOptions::default());
    assert!(told.contains("row 4: "), "{told}");
}

#[test]
fn regress_counts_beyond_floats_keep_their_differences() {
    let first = 1_700_000_000_000_000_000_i64;
    let rows: String = (0..5).map(|i| format!("{},{i},1\n", first + 1000 * i)).collect();
    let table =
        read(&only("table.csv", format!("t,q1_x,p1_x\n{rows}")).path, &ReadOptions::default());
    assert_eq!(table.trajectories[0].times, [0.0, 1e3, 2e3, 3e3, 4e3]);
}

#[test]
fn bad_input_of_momenta_that_no_float_holds() {
    let rows: String = (0..5).map(|i| format!("{i},{i},1e308\n")).collect();
    let file = only("table.csv", format!("t,q1_x,v1_x\n{rows}"));
    let options = ReadOptions { masses: [(1, 100.0)].into(), ..ReadOptions::default() };
    let told = read_table(&file.path, &options).unwrap_err().to_string();
    assert!(told.contains("trajectory 0") && told.contains("not finite"), "{told}");
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
    let options =
        ReadOptions { angles: in_units("q1", AngleUnit::Unsaid), ..ReadOptions::default() };
    let (table, notes) = read_table(&file.path, &options).unwrap();
    assert!(notes.is_empty(), "{notes:?}");
    for (run, trajectory) in table.trajectories.iter().enumerate() {
        for (i, q) in trajectory.states.column(0).iter().enumerate() {
            assert!((q - angle(i + run)).abs() < 1e-9, "{run} {i}: {q}");
        }
    }
    // Drawn chunks are unwrapped by all that comes before them.
    let cut = Cut { points: 5, most: 4, seed: 3, join: false };
    let chunks = read_chunks(&file.path, &options, &cut, &mut |_| {}).unwrap().0.chunks;
    let last = chunks.last().unwrap();
    let expected = angle(last.times[0] as usize + last.id as usize);
    assert!((last.states[[0, 0]] - expected).abs() < 1e-9);

    let alone: String = (0..60).map(|i| format!("{i},{},0.5\n", wrapped(angle(i)))).collect();
    let file = only("table.csv", format!("t,q1_x,p1_x\n{alone}"));
    let notes = read_table(&file.path, &ReadOptions::default()).unwrap().1;
    assert!(notes.len() == 1 && notes[0].contains("--angle q1"), "{notes:?}");
    let options =
        ReadOptions { angles: in_units("q2", AngleUnit::Unsaid), ..ReadOptions::default() };
    let told = read_table(&file.path, &options).unwrap_err().to_string();
    assert!(told.contains("--angle: q2") && told.contains("q1_x"), "{told}");
}

#[test]
fn broken_rows_are_of_the_run_before_them() {
    let cut = ReadOptions { gaps: Gaps::Cut, ..ReadOptions::default() };
    // Cut short in its middle, cells of separators alone between runs, and a last line cut off.
    let rows = "3,0,1,1\n3,1,2,2\n3,2\n3,3,4,4\n3,4,5,5\n,,,\n4,0,1,1\n4,1,2,2\n4,2";
    let file = only("table.csv", format!("trajectory,t,q1_x,p1_x\n{rows}\n"));
    let runs = read(&file.path, &cut).trajectories;
    let found: Vec<(i64, &[f64])> = runs.iter().map(|run| (run.id, &run.times[..])).collect();
    assert_eq!(found, [(3, &[0.0, 1.0][..]), (3, &[3.0, 4.0]), (4, &[0.0, 1.0])]);
}

#[test]
fn titles_with_empty_cells_and_odd_stamps_are_told_from_headers_and_times() {
    let bytes = "Run 3,,\nt,q1_x,p1_x\n0,1,0\n1,2,0\n";
    assert_eq!(read(&only("table.csv", bytes).path, &ReadOptions::default()).trajectories.len(), 1);
    for zone in ["+aéb", "-1é0", "+é"] {
        let bytes = format!("t,q1_x,p1_x\n2023-06-01T12:00{zone},1,0\n2023-06-01T12:01Z,2,0\n");
        error("table.csv", bytes, &ReadOptions::default());
    }
}
