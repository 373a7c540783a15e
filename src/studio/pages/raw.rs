//! An artifact as it is, to be kept.
//! In: a run, a flow, a name below its artifacts. Out: its bytes, piece by piece. Never: a file of a step that a browser opens as a page
//! of ours; a whole file in memory; a thread that waits for somebody who reads slowly.

use std::{fs::File, io::Read as _};

use axum::{
    body::{Body, Bytes},
    extract::{Path, Query, State},
    http::header,
    response::{IntoResponse as _, Response},
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::id::{FramePath, RunId};

use super::{
    super::server::Studio,
    artifacts::{Which, not_read, place},
    parts::enc,
};

/// Read at a time.
const PIECE_BYTES: u64 = 128 * 1024;

pub(super) fn link(run: &RunId, flow: &FramePath, name: &str) -> String {
    format!("/runs/{run}/artifacts/raw?flow={}&name={}", enc(flow.as_str()), enc(name))
}

/// `GET /runs/{run}/artifacts/raw`.
pub(in crate::studio) async fn raw(
    State(studio): State<Studio>,
    Path(run): Path<String>,
    Query(which): Query<Which>,
) -> Response {
    let opened = studio.blocking(move |workspace| {
        let (view, dir) = workspace.view(&run)?;
        let name = which.name.unwrap_or_default();
        let (_, place) = place(&view, &dir, which.flow.as_deref().unwrap_or_default(), &name)?;
        let (file, bytes) = dir.opened(&place).map_err(|error| not_read(&name, &error))?;
        Ok((name, file, bytes))
    });
    match opened.await {
        Err(problem) => problem.respond(false),
        Ok((name, file, bytes)) => {
            let said = [
                (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
                (header::CONTENT_DISPOSITION, to_keep(&name)),
                // Should a browser show it all the same, then as a page of nobody, without a script.
                (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox".to_owned()),
                (header::CONTENT_LENGTH, bytes.to_string()),
            ];
            (said, pieces(file, bytes)).into_response()
        }
    }
}

/// Under the last part of its name. Old browsers get what is plain of it.
fn to_keep(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or_default();
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' };
    let ascii: String = last.chars().map(plain).collect();
    format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{}", enc(last))
}

/// As much as there was when it was opened: of a file that became shorter the answer breaks off, rather than end as if whole.
fn pieces(file: File, bytes: u64) -> Body {
    let (sender, receiver) = mpsc::channel::<std::io::Result<Bytes>>(1);
    tokio::spawn(async move {
        let (mut file, mut left) = (file, bytes);
        while left > 0 {
            let read = tokio::task::spawn_blocking(move || {
                let mut piece = Vec::new();
                let read = (&mut file).take(PIECE_BYTES.min(left)).read_to_end(&mut piece);
                (file, read.map(|_| piece))
            });
            let piece = match read.await {
                Ok((back, Ok(piece))) if !piece.is_empty() => {
                    file = back;
                    left -= piece.len() as u64;
                    Ok(Bytes::from(piece))
                }
                Ok((_, Err(error))) => return drop(sender.send(Err(error)).await),
                _ => return,
            };
            if sender.send(piece).await.is_err() {
                return;
            }
        }
    });
    Body::from_stream(ReceiverStream::new(receiver))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_inside_its_header() {
        let said = to_keep("sub/a \"b\"; x=\r\ny\u{202e}ä.html");
        assert_eq!(
            said,
            "attachment; filename=\"a__b___x___y__.html\"; filename*=UTF-8''a%20%22b%22%3B%20x%3D%0D%0Ay%E2%80%AE%C3%A4.html"
        );
        assert!(http::HeaderValue::from_str(&said).is_ok());
        assert_eq!(to_keep(""), "attachment; filename=\"\"; filename*=UTF-8''");
    }
}
