//! The files of the pages, in the program: a style sheet, a script, nothing from elsewhere.
//! In: a name. Out: its bytes. Never: a file of the machine.

use std::sync::LazyLock;

use axum::{
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};

use crate::plan::draw::svg_style;

const STYLE: &str = include_str!("assets/studio.css");
const SCRIPT: &str = include_str!("assets/studio.js");

/// With the style of the pictures that `graph` draws, so that they look alike everywhere.
static WHOLE_STYLE: LazyLock<String> = LazyLock::new(|| format!("{}\n{STYLE}", svg_style()));

pub(super) async fn asset(Path(name): Path<String>) -> Response {
    let (kind, text) = match name.as_str() {
        "studio.css" => ("text/css; charset=utf-8", WHOLE_STYLE.as_str()),
        "studio.js" => ("text/javascript; charset=utf-8", SCRIPT),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], text).into_response()
}
