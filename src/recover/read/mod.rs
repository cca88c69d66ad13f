//! The numbers of a law as physics: masses, springs, fields, which of them agree, and their names.

pub(super) mod constants;
pub(super) mod equal_constants;
pub(super) mod named_form;
pub(super) mod place;
