//! TODO

mod closed_form;

pub use closed_form::ClosedForm;
