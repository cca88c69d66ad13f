//! Readers of polars, kept from ending the process on damaged files.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::Once;

use polars::prelude::PolarsResult;

use crate::dataset::{DatasetError, Format};

/// Characters of a reader's own message that are passed on.
const LONGEST_REASON: usize = 200;

thread_local!(static GUARDED: Cell<bool> = const { Cell::new(false) });

/// Runs a reader of polars, which panics on some damaged files, and turns both its errors and its
/// panics into [`DatasetError::Corrupt`]. The reader must stay on this thread.
pub(super) fn guarded_as<T>(
    path: &Path,
    format: Format,
    read: impl FnOnce() -> PolarsResult<T>,
) -> Result<T, DatasetError> {
    static QUIET: Once = Once::new();
    // A caught panic is no news for the terminal; all others go to the hook that was there before.
    QUIET.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !GUARDED.get() {
                before(info);
            }
        }));
    });
    GUARDED.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(read));
    GUARDED.set(false);
    let reason = match result {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(error)) => {
            let text = error.to_string();
            text.lines().next().unwrap_or_default().chars().take(LONGEST_REASON).collect()
        }
        Err(_) => "its pages cannot be decoded".into(),
    };
    Err(DatasetError::Corrupt { path: path.into(), format, reason })
}
