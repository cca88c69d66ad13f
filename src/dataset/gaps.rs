//! Gaps in trajectories: intervals too long to follow motion across.

use std::borrow::Cow;
use std::collections::BTreeMap;

use ndarray::s;

use super::Trajectory;

/// An interval that is longer by this than the median one of its trajectory is a gap: motion is not
/// followed across so many of its own steps, and the steps would take all of the time and memory there
/// is.
const GAP: f64 = 100.0;

/// The chunks cut at gaps, and what is to be told of that, if there are any. Single states that are
/// left between gaps are left out.
pub fn without_gaps(chunks: &[Trajectory]) -> (Cow<'_, [Trajectory]>, Option<String>) {
    let mut of_runs: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    for chunk in chunks {
        let intervals = chunk.times.windows(2).map(|w| w[1] - w[0]);
        of_runs.entry(chunk.id).or_default().extend(intervals);
    }
    let longest: BTreeMap<i64, f64> = of_runs
        .into_iter()
        .map(|(id, mut intervals)| {
            intervals.sort_by(f64::total_cmp);
            (id, GAP * intervals.get(intervals.len() / 2).copied().unwrap_or(f64::INFINITY))
        })
        .collect();
    let is_gap =
        |chunk: &Trajectory, k: usize| chunk.times[k] - chunk.times[k - 1] > longest[&chunk.id];
    let of_chunk = |c: &Trajectory| (1..c.times.len()).filter(|k| is_gap(c, *k)).count();
    let gaps: usize = chunks.iter().map(of_chunk).sum();
    if gaps == 0 {
        return (Cow::Borrowed(chunks), None);
    }
    let mut cut = Vec::new();
    for chunk in chunks {
        let mut first = 0;
        for last in 1..=chunk.times.len() {
            if last == chunk.times.len() || is_gap(chunk, last) {
                if last > first + 1 {
                    cut.push(Trajectory {
                        id: chunk.id,
                        times: chunk.times[first..last].to_vec(),
                        states: chunk.states.slice(s![first..last, ..]).to_owned(),
                    });
                }
                first = last;
            }
        }
    }
    let told = format!(
        "{gaps} interval(s) are more than {GAP} times as long as the usual one of their run: the chunks are cut there"
    );
    (Cow::Owned(cut), Some(told))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn chunks_are_cut_at_gaps_and_nowhere_else() {
        let chunk = |times: &[f64]| Trajectory {
            id: 3,
            times: times.to_vec(),
            states: Array2::from_shape_fn((times.len(), 2), |(row, _)| row as f64),
        };
        let even = [chunk(&[0.0, 1.0, 2.0, 50.0])];
        assert!(matches!(without_gaps(&even), (Cow::Borrowed(_), None)));
        let long = [chunk(&[0.0, 1.0, 2.0, 150.0, 151.0]), chunk(&[0.0, 1.0])];
        let (cut, told) = without_gaps(&long);
        let times: Vec<&[f64]> = cut.iter().map(|c| &c.times[..]).collect();
        assert_eq!(times, [&[0.0, 1.0, 2.0][..], &[150.0, 151.0], &[0.0, 1.0]]);
        assert_eq!(cut[1].states[[0, 0]], 3.0);
        // Runs have their own intervals, however different.
        let runs = [chunk(&[0.0, 1.0, 2.0]), Trajectory { id: 4, ..chunk(&[0.0, 500.0]) }];
        assert!(matches!(without_gaps(&runs), (Cow::Borrowed(_), None)));
        assert!(told.expect("there is one").starts_with("1 interval(s)"));
    }
}
