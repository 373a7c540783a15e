//! A run as one file to keep or to send: what `report --html` writes.
//! In: a run, one of its flows if only that is wanted. Out: an attachment. Never: a page that a browser opens as one of ours.

use axum::{
    extract::{Path, Query, State},
    http::header,
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;

use super::super::server::Studio;

#[derive(Debug, Default, Deserialize)]
pub(in crate::studio) struct Which {
    flow: Option<String>,
}

pub(in crate::studio) async fn report(
    State(studio): State<Studio>,
    Path(run): Path<String>,
    Query(which): Query<Which>,
) -> Response {
    let made = studio.blocking(move |workspace| {
        let (view, _) = workspace.view(&run)?;
        let only = which.flow.as_deref().filter(|flow| !flow.is_empty()).map(|flow| view.find_flow(Some(flow))).transpose()?;
        let name = only.as_ref().map_or_else(|| view.run_id.to_string(), |flow| format!("{}-{flow}", view.run_id));
        Ok((name, workspace.run_html(&view, only.as_ref())?))
    });
    match made.await {
        Err(problem) => problem.respond(false),
        Ok((name, page)) => {
            let said = [
                (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
                (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.html\"")),
                (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; sandbox".to_owned()),
            ];
            (said, page).into_response()
        }
    }
}
