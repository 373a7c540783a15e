//! XML as a stream of tags, held to its rules. In: text. Out: one call per tag. Never: an entity of the file's own expanded.

use std::borrow::Cow;

use quick_xml::events::{BytesStart, Event};

use super::{Unread, cut};

/// Deeper than any report; a file that is nested for its own sake is not read.
const DEPTH_MAX: usize = 200;

pub(super) enum Tag<'t> {
    /// Opened; the names of the elements around it, outermost first.
    Open(&'t BytesStart<'t>, &'t [String]),
    /// Closed, with its name.
    Close(&'t str),
}

/// Walks over all tags; an empty element is opened and closed.
pub(super) fn walk(text: &str, what: &'static str, mut see: impl FnMut(Tag<'_>) -> Result<(), Unread>) -> Result<(), Unread> {
    let malformed = |why: &str| Unread::Malformed(what, cut(why));
    let mut reader = quick_xml::Reader::from_str(text);
    let mut around: Vec<String> = Vec::new();
    loop {
        match reader.read_event().map_err(|error| malformed(&error.to_string()))? {
            Event::Start(start) => {
                see(Tag::Open(&start, &around))?;
                if around.len() == DEPTH_MAX {
                    return Err(malformed("it is nested too deeply"));
                }
                around.push(start.local_name().as_ref().to_owned());
            }
            Event::Empty(start) => {
                see(Tag::Open(&start, &around))?;
                see(Tag::Close(start.local_name().as_ref()))?;
            }
            Event::End(end) => {
                around.pop();
                see(Tag::Close(end.local_name().as_ref()))?;
            }
            Event::DocType(doctype) if doctype.contains("<!ENTITY") => {
                return Err(malformed("it declares entities, and those are not expanded"));
            }
            Event::Eof if around.is_empty() => return Ok(()),
            Event::Eof => return Err(Unread::Cut(what, format!("<{}> is not closed", cut(&around.join("><"))))),
            Event::DocType(_)
            | Event::Text(_)
            | Event::CData(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::GeneralRef(_) => {}
        }
    }
}

pub(super) fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let value = tag.try_get_attribute(name).ok().flatten()?;
    Some(quick_xml::escape::unescape(&value.value).unwrap_or(Cow::Borrowed(&value.value)).into_owned())
}
