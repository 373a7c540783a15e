//! What the steps of a run laid down as artifacts: a list, and one of them as text or as a picture.
//! In: a run, a flow, a name below its artifacts. Out: a page, or the bytes of a picture.
//! Never: a name that leads out of the run, a link followed, a file of a step handed to a browser as a page of its own.

use axum::{
    extract::{Path, Query, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use maud::{Markup, html};
use serde::Deserialize;

use crate::{
    id::{FramePath, RunId, Sha256},
    inspect::RunView,
    ledger::{InRun, RunDir, artifacts as laid_down},
    workspace::{Veil, Workspace},
};

use super::{
    super::{problem::Problem, server::Studio},
    Page, Place,
    parts::{Tab, enc, ended, events, flow_link, table, tabs},
    shown,
    written::file,
};

/// Of one flow that are listed.
const FILES_MAX: usize = 1_000;
/// Of one flow on the page of its run.
const SHELF_MAX: usize = 20;
/// Of a text that is shown.
const TEXT_BYTES_MAX: usize = 256 * 1024;
/// Of a picture; a larger one is no picture for a page.
const PICTURE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Pictures that cannot hold a script, told by how they begin and not by their name.
const PICTURES: [(&[u8], &str, &str); 4] = [
    (b"\x89PNG\r\n\x1a\n", "image/png", "png"),
    (b"\xff\xd8\xff", "image/jpeg", "jpg"),
    (b"GIF8", "image/gif", "gif"),
    (b"RIFF", "image/webp", "webp"),
];

#[derive(Debug, Default, Deserialize)]
pub(in crate::studio) struct Which {
    pub(super) flow: Option<String>,
    pub(super) name: Option<String>,
    /// Of a picture: the digest under which it was shown.
    sha256: Option<String>,
}

pub(in crate::studio) async fn artifacts(
    State(studio): State<Studio>,
    Path(run): Path<String>,
    Query(which): Query<Which>,
) -> Response {
    shown(studio.blocking(move |workspace| page(workspace, &run, &which)).await)
}

fn page(workspace: &Workspace, run: &str, which: &Which) -> Result<Page, Problem> {
    let (view, dir) = workspace.view(run)?;
    let id = &view.run_id;
    let body = match (&which.flow, &which.name) {
        (Some(flow), Some(name)) => {
            let (flow, place) = place(&view, &dir, flow, name)?;
            html! {
                p class="crumbs" { a href=(flow_link(id, &flow)) { (id) " / " (flow) } " / " a href={ "/runs/" (id) "/artifacts" } { "artifacts" } }
                h1 { (name) }
                p { a href=(super::raw::link(id, &flow, name)) download { "Download" } span class="dim" { " as the step wrote it: nothing in it is blacked out" } }
                (one(&workspace.veil_of(&view)?, &dir, &flow, name, &place)?)
            }
        }
        _ => html! {
            h1 { "Artifacts of " (id) }
            (tabs(id, Tab::Artifacts))
            @for frame in view.frames() { (list(&dir, id, &frame.path)) }
            @if view.frames().all(|frame| files(&dir, &frame.path, 1).is_empty()) {
                p class="empty" { "No step of this run has laid anything down below " code { "$ARTIFACTS" } " yet." }
            }
        },
    };
    let title = which.name.as_ref().map_or_else(|| format!("Artifacts of {id}"), |name| format!("{name} of {id}"));
    let live = (!ended(view.status(), false)).then(|| events(id, view.state.seq));
    Ok(Page { title, place: Place::Runs, live, body })
}

fn files(dir: &RunDir, flow: &FramePath, most: usize) -> Vec<(String, u64)> {
    laid_down(dir, flow, most).unwrap_or_default()
}

pub(super) fn link(run: &RunId, flow: &FramePath, name: &str) -> String {
    format!("/runs/{run}/artifacts?flow={}&name={}", enc(flow.as_str()), enc(name))
}

fn list(dir: &RunDir, run: &RunId, flow: &FramePath) -> Markup {
    let all = files(dir, flow, FILES_MAX);
    let rows = html! {
        @for (name, bytes) in &all { tr { th scope="row" { a href=(link(run, flow, name)) { (name) } } td class="number" { (bytes) " bytes" } } }
    };
    html! {
        @if !all.is_empty() {
            h2 { (flow) }
            (table(&format!("Artifacts of {flow}"), &["File", "Size"], &rows))
            @if all.len() == FILES_MAX { p class="dim" { "More than these are not listed." } }
        }
    }
}

/// The first ones of a flow, for the page of its run.
pub(super) fn shelf(dir: &RunDir, run: &RunId, flow: &FramePath) -> Markup {
    let all = files(dir, flow, SHELF_MAX + 1);
    html! {
        @if !all.is_empty() {
            details id={ "artifacts-" (flow) } {
                summary { "Artifacts" span class="dim" { (all.len().min(SHELF_MAX)) @if all.len() > SHELF_MAX { " and more" } } }
                ul { @for (name, bytes) in all.iter().take(SHELF_MAX) { li { a href=(link(run, flow, name)) { (name) } span class="dim" { " " (bytes) " bytes" } } } }
                @if all.len() > SHELF_MAX { a href={ "/runs/" (run) "/artifacts" } { "All of them" } }
            }
        }
    }
}

/// Where it lies, if the run has such a flow and the name leads nowhere else.
pub(super) fn place(view: &RunView, dir: &RunDir, flow: &str, name: &str) -> Result<(FramePath, InRun), Problem> {
    let flow = view.find_flow(Some(flow))?;
    let place = dir.artifact(&flow, name).map_err(|bad| Problem::new(StatusCode::NOT_FOUND, bad.to_string()))?;
    Ok((flow, place))
}

/// What the file system says, without the path that it says it of.
pub(super) fn not_read(name: &str, error: &std::io::Error) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("the artifact `{name}` cannot be shown: {error}"))
}

fn one(veil: &Veil, dir: &RunDir, flow: &FramePath, name: &str, place: &InRun) -> Result<Markup, Problem> {
    let (bytes, whole) = dir.head(place, TEXT_BYTES_MAX).map_err(|error| not_read(name, &error))?;
    if picture_of(&bytes).is_some() {
        return Ok(html! { p class="dim" { (whole) " bytes" } (picture_tag(dir.id(), flow, name, None)) });
    }
    let cut = whole > bytes.len() as u64;
    let Some(said) = as_text(&bytes, cut) else {
        return Ok(
            html! { p { "It is neither text nor a picture that pages show: " (whole) " bytes, in " code { (place) } " of the run." } },
        );
    };
    // A step laid it down itself; what looks like a secret is not shown to whoever looks over a shoulder.
    let said = veil.text(said, cut);
    Ok(html! {
        p class="dim" { @if cut { "the first " (bytes.len()) " of " } (whole) " bytes" }
        (file(name, &said, !cut, 1))
    })
}

/// As text; a cut may have gone through a letter.
pub(super) fn as_text(bytes: &[u8], cut: bool) -> Option<&str> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if cut && error.error_len().is_none() => std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()?,
        Err(_) => return None,
    };
    (!text.contains('\0')).then_some(text)
}

/// With a digest, it is that picture or none: the browser asks for it later.
pub(super) fn picture_tag(run: &RunId, flow: &FramePath, name: &str, sha256: Option<&Sha256>) -> Markup {
    let bound = sha256.map(|sha256| format!("&sha256={sha256}")).unwrap_or_default();
    let source = format!("/runs/{run}/picture?flow={}&name={}{bound}", enc(flow.as_str()), enc(name));
    html! { img class="artifact" src=(source) alt={ "The picture " (name) }; }
}

pub(super) fn picture_of(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    let found = PICTURES.iter().find(|(begins, _, _)| bytes.starts_with(begins))?;
    let webp = found.2 != "webp" || bytes.get(8..12) == Some(b"WEBP");
    webp.then_some((found.1, found.2))
}

/// `GET /runs/{run}/picture`: the bytes of a picture, and of nothing else.
pub(in crate::studio) async fn picture(
    State(studio): State<Studio>,
    Path(run): Path<String>,
    Query(which): Query<Which>,
) -> Response {
    let read = studio.blocking(move |workspace| {
        let (view, dir) = workspace.view(&run)?;
        let name = which.name.unwrap_or_default();
        let (_, place) = place(&view, &dir, which.flow.as_deref().unwrap_or_default(), &name)?;
        let bytes = dir.read(&place, PICTURE_BYTES_MAX).map_err(|error| not_read(&name, &error))?;
        if which.sha256.is_some_and(|shown| shown != Sha256::of(&bytes).as_str()) {
            return Err(Problem::new(StatusCode::CONFLICT, format!("the picture `{name}` has changed since it was shown")));
        }
        let (kind, ending) = picture_of(&bytes).ok_or_else(|| {
            Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "this is no picture that pages show: PNG, JPEG, GIF, WebP")
        })?;
        Ok((kind, ending, bytes))
    });
    match read.await {
        Err(problem) => problem.respond(false),
        Ok((kind, ending, bytes)) => {
            let as_file = format!("inline; filename=\"artifact.{ending}\"");
            let said = [
                (header::CONTENT_TYPE, kind.to_owned()),
                (header::CONTENT_DISPOSITION, as_file),
                (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox".to_owned()),
            ];
            (said, bytes).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_told_by_how_it_begins() {
        assert_eq!(picture_of(b"\x89PNG\r\n\x1a\n...").unwrap().0, "image/png");
        assert_eq!(picture_of(b"RIFF....WEBPVP8 ").unwrap().0, "image/webp");
        for other in [&b"RIFF....WAVEfmt "[..], b"RIFF", b"<svg xmlns=", b"<!DOCTYPE html>", b"%PDF-1.7", b""] {
            assert_eq!(picture_of(other), None, "{other:?}");
        }
    }

    #[test]
    fn a_cut_through_a_letter_is_text_and_bytes_are_not() {
        let text = "grün".as_bytes();
        assert_eq!(as_text(&text[..3], true), Some("gr"));
        assert_eq!((as_text(&text[..3], false), as_text(b"a\0b", false), as_text(b"\xff\xfe", true)), (None, None, None));
    }
}
