//! Text for a terminal: tables aligned by what is seen, relative times, a few colours.
//! In: values, whether colour is wanted, what time it is. Out: text. Never: a clock, a terminal asked.

mod paint;
mod summary;
mod table;
mod times;

pub(super) use paint::{Ink, Paint, run_ink, standing_ink, standing_mark, status_words};
pub(super) use summary::summary_text;
pub(super) use table::{Table, wrapped};
pub(super) use times::{ago, until};

#[cfg(test)]
mod tests;
