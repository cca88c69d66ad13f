//! Work on all threads: all of the crate's loops in parallel come through here, so that the
//! machinery of rayon is compiled once and not again for each of them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

/// What `job` gives for 0, 1, .. `count` - 1, in this order, whatever thread did which.
pub(crate) fn map<T: Send>(count: usize, job: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let done: Vec<Mutex<Option<T>>> = (0..count).map(|_| Mutex::new(None)).collect();
    for_each(count, &|i| *lock(&done[i]) = Some(job(i)));
    let result = |done: Mutex<Option<T>>| {
        done.into_inner().unwrap_or_else(PoisonError::into_inner).expect("every job was done")
    };
    done.into_iter().map(result).collect()
}

/// As [`map`], with scratch space: no two jobs have the same at a time, and what a job leaves there
/// another finds.
pub(crate) fn map_with<W: Send, T: Send>(
    count: usize,
    scratch: impl Fn() -> W + Sync,
    job: impl Fn(&mut W, usize) -> T + Sync,
) -> Vec<T> {
    let idle: Mutex<Vec<W>> = Mutex::new(Vec::new());
    map(count, |i| {
        let free = lock(&idle).pop();
        let mut work = free.unwrap_or_else(&scratch);
        let done = job(&mut work, i);
        lock(&idle).push(work);
        done
    })
}

/// As [`map`], of each item of a slice.
pub(crate) fn map_slice<'a, I: Sync, T: Send>(
    items: &'a [I],
    job: impl Fn(&'a I) -> T + Sync,
) -> Vec<T> {
    map(items.len(), |i| job(&items[i]))
}

/// As [`map`], of items that the jobs take.
pub(crate) fn map_items<I: Send, T: Send>(
    items: impl IntoIterator<Item = I>,
    job: impl Fn(I) -> T + Sync,
) -> Vec<T> {
    let items: Vec<Mutex<Option<I>>> =
        items.into_iter().map(|item| Mutex::new(Some(item))).collect();
    map(items.len(), |i| {
        let item = lock(&items[i]).take();
        job(item.expect("each item is taken once"))
    })
}

fn for_each(count: usize, job: &(dyn Fn(usize) + Sync)) {
    (0..count).into_par_iter().for_each(job);
}

/// What a lock keeps, also after a panic of a thread that held it: that ends the work anyway.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_order_and_scratch_is_nobody_elses() {
        assert_eq!(map(1000, |i| i * i), (0..1000).map(|i| i * i).collect::<Vec<_>>());
        assert_eq!(map_items(vec!["a", "b"], str::len), [1, 1]);
        assert_eq!(map_slice(&[3, 4], |i| i + 1), [4, 5]);
        let job = |work: &mut Vec<usize>, i: usize| {
            work.clear();
            work.extend([i; 100]);
            work.iter().sum::<usize>()
        };
        assert_eq!(map_with(500, Vec::new, job), (0..500).map(|i| 100 * i).collect::<Vec<_>>());
        assert!(map(0, |i| i).is_empty());
    }
}
