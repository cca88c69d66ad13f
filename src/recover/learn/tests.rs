//! Trust in chunks, sizes of bases, elimination.

use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::dataset::Trajectory;
use crate::deadline::Deadline;
use crate::field::Shape;
use crate::linalg::triangular_factor;
use crate::recover::learn::eliminate::eliminate_groups;
use crate::recover::learn::fitted::{Fitted, Group};
use crate::recover::learn::library_fit::trust_in;
use crate::recover::learn::limits::MOST_FUNCTIONS;
use crate::recover::problem::candidates::candidates;
use crate::recover::problem::learner::Learner;
use crate::scalars::Inputs;

#[test]
fn trust_is_never_lost_for_good_nor_a_number_that_is_none() {
    let trust = trust_in(&[1e-20, 2e-20, f64::INFINITY, 1e-12, f64::NAN]);
    assert!(trust.iter().all(|t| *t > 0.0 && *t <= 1.0), "{trust:?}");
    assert!(trust[0] > 0.9 && trust[2] < 1e-5 && trust[3] < 1e-3);
    assert!(trust_in(&[f64::INFINITY; 4]).iter().all(|t| *t > 0.0));
    assert!(trust_in(&[0.0; 4]).iter().all(|t| *t == 1.0));
}

fn chunk(shape: Shape, points: usize, rng: &mut ChaCha8Rng) -> Trajectory {
    let states =
        Array2::from_shape_simple_fn((points, shape.state_len()), || rng.random_range(-1.0..1.0));
    Trajectory { id: 0, times: (0..points).map(|j| j as f64).collect(), states }
}

#[test]
fn the_first_fit_is_bounded_however_many_particles_there_are() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for particles in [2, 5, 12, 40] {
        let shape = Shape { particles, dimension: 3 };
        let inputs = Inputs::new(shape, vec![0.0; 3], vec![]).unwrap();
        let chunks: Vec<Trajectory> = (0..3).map(|_| chunk(shape, 3, &mut rng)).collect();
        let learner = Learner::new(&inputs, &chunks, &chunks, Deadline::default()).unwrap();
        let (groups, degree) = learner.first_groups();
        let size = learner.size(&groups, degree);
        assert!(
            (1..=MOST_FUNCTIONS).contains(&size) || degree == 1,
            "{particles} particles, degree {degree}: {size}"
        );
        // Few particles have every scalar.
        assert!(particles > 2 || groups.len() == learner.scalars().len());
    }
}

#[test]
fn bad_input_chunks_of_fewer_than_two_points_are_left_out() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let shape = Shape { particles: 1, dimension: 2 };
    let inputs = Inputs::new(shape, vec![0.0; 2], vec![]).unwrap();
    let chunks: Vec<Trajectory> = [0, 1, 2, 5].map(|points| chunk(shape, points, &mut rng)).into();
    let learner = Learner::new(&inputs, &chunks, &chunks, Deadline::default()).unwrap();
    assert_eq!(learner.train().len(), 2);
}

#[test]
fn a_fit_whose_flow_follows_no_chunk_begins_anew() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let shape = Shape { particles: 1, dimension: 2 };
    let inputs = Inputs::new(shape, vec![0.0; 2], vec![]).unwrap();
    let chunks: Vec<Trajectory> = (0..20).map(|_| chunk(shape, 4, &mut rng)).collect();
    let learner = Learner::new(&inputs, &chunks, &chunks, Deadline::default()).unwrap();
    let first = learner.fit(&[vec![0], vec![1]], 3, None).unwrap();
    let lost = Fitted {
        theta: vec![1e300; first.theta.len()],
        ..learner.fit(&[vec![0], vec![1]], 3, None).unwrap()
    };
    let again = learner.fit(&[vec![0], vec![1]], 3, Some(&lost)).unwrap();
    assert!(again.misfit.is_finite() && again.theta.iter().all(|x| x.is_finite()));
}

#[test]
fn regress_groups_of_columns_are_dropped_as_a_whole() {
    // Columns 0 and 1 are demanded, 2 and 3 are noise, 4 equals column 0 and has the higher rank.
    let column = |k: usize, i: usize| ((i * (k + 2)) as f64 * 0.7 + k as f64).sin();
    let a = Array2::from_shape_fn((60, 6), |(i, k)| match k {
        4 => column(0, i),
        5 => 2.0 * column(0, i) - column(1, i),
        k => column(k, i),
    });
    let factor = triangular_factor(&[a]).unwrap();
    let mut ridged = factor.clone();
    (0..5).for_each(|k| ridged[[k, k]] += 1e-9);
    let groups = [vec![0, 1], vec![2, 3], vec![4]]
        .map(|columns| Group { scalars: vec![], columns })
        .to_vec();
    assert_eq!(
        eliminate_groups(&ridged, &groups, &[0, 0, 1], (1e-6, 1e-6), &|| false).unwrap(),
        [0]
    );
}

#[test]
fn regress_dependent_groups_give_way_to_those_of_lower_rank() {
    // Columns 0 and 1, as 2 (minus their sum) would do as well with either, the observation is 3
    // times 0 plus 2.
    let column = |k: usize, i: usize| ((i * (k + 2)) as f64 * 0.7 + k as f64).sin();
    let noise = |i: usize| 1e-3 * ((i * 7919) as f64).sin();
    let a = Array2::from_shape_fn((60, 4), |(i, k)| match k {
        2 => -column(0, i) - column(1, i) + 1e-6 * column(5, i),
        3 => 2.0 * column(0, i) - column(1, i) + noise(i),
        k => column(k, i),
    });
    let factor = triangular_factor(&[a]).unwrap();
    let groups =
        [vec![0], vec![1], vec![2]].map(|columns| Group { scalars: vec![], columns }).to_vec();
    for (ranks, kept) in [([0, 0, 1], [0, 1]), ([0, 1, 0], [0, 2]), ([1, 0, 0], [1, 2])] {
        assert_eq!(
            eliminate_groups(&factor, &groups, &ranks, (1e-4, 0.0), &|| false).unwrap(),
            kept
        );
    }
}

#[test]
fn regress_candidates_list_each_scalar_once() {
    let shape = Shape { particles: 2, dimension: 3 };
    let inputs =
        Inputs::new(shape, vec![0.0; 3], vec![("g".into(), vec![0.0, 0.0, -1.0])]).unwrap();
    let all = candidates(&inputs);
    assert_eq!(all.len(), 16);
    assert!(all.iter().enumerate().all(|(i, a)| all[..i].iter().all(|b| a.scalar != b.scalar)));
}
