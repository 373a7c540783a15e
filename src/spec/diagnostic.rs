//! A mistake in what people wrote: which rule, where, and what to type instead.
//! In: a place and a sentence. Out: text as compilers write it, or plain data for `--json`.
//! Never: more than 100 shown, colour unless asked for, a mistake without the name of its rule.

use std::fmt::{self, Write as _};

use schemars::JsonSchema;
use serde::Serialize;

/// Most mistakes that are shown; the rest is counted.
pub const SHOWN_MAX: usize = 100;

/// Longest source line that is kept with a mistake, in bytes; a person reads no more.
const LINE_BYTES_MAX: usize = 400;

/// Whether the flow can be used in spite of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Error,
    Warning,
}

/// Where something stands in a file. Line and column count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Place {
    pub file: String,
    pub line: u32,
    pub column: u32,
    /// Bytes from the beginning of the file.
    pub offset: u32,
    /// Bytes.
    pub length: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// One mistake, or one thing that is worth a second look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Diagnostic {
    pub severity: Level,
    /// The rule, in kebab-case: `unknown-key`.
    pub code: &'static str,
    pub message: String,
    pub place: Option<Place>,
    /// The line of the file that the place is on, at most 400 bytes of it.
    pub source_line: Option<String>,
    /// What to type instead.
    pub hint: Option<String>,
}

impl Diagnostic {
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Level::Error, code, message: message.into(), place: None, source_line: None, hint: None }
    }

    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Level::Warning, ..Self::error(code, message) }
    }

    #[must_use]
    pub fn at(mut self, place: Place, source_line: &str) -> Self {
        let mut end = source_line.len().min(LINE_BYTES_MAX);
        while !source_line.is_char_boundary(end) {
            end -= 1;
        }
        self.source_line = Some(source_line[..end].to_owned());
        self.place = Some(place);
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub fn maybe_hint(mut self, hint: Option<String>) -> Self {
        if hint.is_some() {
            self.hint = hint;
        }
        self
    }

    pub fn is_error(&self) -> bool {
        self.severity == Level::Error
    }

    /// The mistake as compilers draw it, with a line break at the end.
    pub fn render(&self, color: bool) -> String {
        let theme = if color { miette::GraphicalTheme::unicode() } else { miette::GraphicalTheme::unicode_nocolor() };
        let handler = miette::GraphicalReportHandler::new_themed(theme).with_links(false).with_width(110);
        let mut out = String::new();
        if handler.render_report(&mut out, &Drawn(self)).is_err() {
            out = format!("{self}\n");
        }
        out
    }
}

/// One line: place, severity, rule, message, hint.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        let severity = match self.severity {
            Level::Error => "error",
            Level::Warning => "warning",
        };
        write!(f, "{severity}[{}]: {}", self.code, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Diagnostic {}

/// All that was found in one reading, sorted by place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    pub fn extend(&mut self, more: impl IntoIterator<Item = Diagnostic>) {
        self.0.extend(more);
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    pub fn has_errors(&self) -> bool {
        self.0.iter().any(Diagnostic::is_error)
    }

    /// For `--strict`: every warning is an error from now on.
    #[must_use]
    pub fn strict(mut self) -> Self {
        for diagnostic in &mut self.0 {
            diagnostic.severity = Level::Error;
        }
        self
    }

    /// By file, then by place; what has no place comes first. Doubles are dropped.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        let key = |d: &Diagnostic| d.place.as_ref().map(|p| (p.file.clone(), p.offset));
        self.0.sort_by_cached_key(|d| (key(d), d.severity, d.code, d.message.clone()));
        self.0.dedup();
        self
    }

    /// Everything as text, drawn; errors and warnings counted at the end, at most [`SHOWN_MAX`] shown.
    pub fn render(&self, color: bool) -> String {
        let mut out = String::new();
        for diagnostic in self.0.iter().take(SHOWN_MAX) {
            out.push_str(&diagnostic.render(color));
            out.push('\n');
        }
        if let Some(more) = self.0.len().checked_sub(SHOWN_MAX).filter(|more| *more > 0) {
            let _ = writeln!(out, "and {more} more");
        }
        out.push_str(&self.count_line());
        out
    }

    fn count_line(&self) -> String {
        let errors = self.0.iter().filter(|d| d.is_error()).count();
        let warnings = self.0.len() - errors;
        let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        match (errors, warnings) {
            (0, 0) => String::new(),
            (0, w) => format!("{}\n", count(w, "warning")),
            (e, 0) => format!("{}\n", count(e, "error")),
            (e, w) => format!("{}, {}\n", count(e, "error"), count(w, "warning")),
        }
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(one: Diagnostic) -> Self {
        Self(vec![one])
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(all: I) -> Self {
        Self(all.into_iter().collect())
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, diagnostic) in self.0.iter().take(SHOWN_MAX).enumerate() {
            write!(f, "{}{diagnostic}", if at == 0 { "" } else { "\n" })?;
        }
        match self.0.len().checked_sub(SHOWN_MAX) {
            Some(more) if more > 0 => write!(f, "\nand {more} more"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for Diagnostics {}

/// The name that was meant, if one is near enough.
pub fn did_you_mean<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(wrong, known).map(|name| format!("did you mean `{name}`?"))
}

/// The known name nearest to `wrong`; ties go to the first.
pub(super) fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Hostile names would make the quadratic distance slow, and nobody means a name that long.
    if wrong.len() > 120 {
        return None;
    }
    let folded = wrong.to_ascii_lowercase().replace('_', "-");
    let mut best: Option<(f64, &str)> = None;
    for name in known {
        let same = strsim::jaro_winkler(&folded, &name.to_ascii_lowercase().replace('_', "-"));
        let typos = strsim::damerau_levenshtein(wrong, name);
        let length = name.chars().count();
        let near = same >= 0.87 || (typos <= 1 && (length >= 4 || same_letters(wrong, name))) || (typos == 2 && length >= 6);
        if near && best.is_none_or(|(so_far, _)| same > so_far) {
            best = Some((same, name));
        }
    }
    best.map(|(_, name)| name)
}

/// `per` for `pre`.
fn same_letters(one: &str, other: &str) -> bool {
    let sorted = |text: &str| {
        let mut letters: Vec<char> = text.chars().collect();
        letters.sort_unstable();
        letters
    };
    sorted(one) == sorted(other)
}

/// `a`, `b` or `c`, at most ten of them.
pub(super) fn one_of<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    let left_out = names.len().saturating_sub(10);
    names.truncate(10);
    if left_out > 0 {
        return format!("{} and {left_out} more", names.join(", "));
    }
    match names.pop() {
        None => "nothing".to_owned(),
        Some(only) if names.is_empty() => only,
        Some(last) => format!("{} or {last}", names.join(", ")),
    }
}

/// A diagnostic in the shape that miette draws. It holds one line of source, which stands at its place in the file.
#[derive(Debug)]
struct Drawn<'a>(&'a Diagnostic);

impl Drawn<'_> {
    /// Offset, in the file, of the source line's first byte.
    fn line_offset(&self) -> usize {
        let (Some(place), Some(line)) = (&self.0.place, &self.0.source_line) else { return 0 };
        let column = usize::try_from(place.column).unwrap_or(1).saturating_sub(1);
        let before = line.char_indices().nth(column).map_or(line.len(), |(at, _)| at);
        usize::try_from(place.offset).unwrap_or(0).saturating_sub(before)
    }

    /// The marked bytes, cut to the line; at least one where there is one.
    fn span(&self) -> Option<miette::SourceSpan> {
        let (place, line) = (self.0.place.as_ref()?, self.0.source_line.as_ref()?);
        let end = self.line_offset() + line.len();
        let start = usize::try_from(place.offset).ok()?.min(end);
        let length = usize::try_from(place.length).ok()?.max(1).min(end - start);
        Some(miette::SourceSpan::new(start.into(), length))
    }
}

impl fmt::Display for Drawn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Drawn<'_> {}

impl miette::Diagnostic for Drawn<'_> {
    fn code<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        Some(Box::new(self.0.code))
    }
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.0.severity {
            Level::Error => miette::Severity::Error,
            Level::Warning => miette::Severity::Warning,
        })
    }
    fn help<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        self.0.hint.as_ref().map(|hint| Box::new(hint) as Box<dyn fmt::Display>)
    }
    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.0.source_line.is_some().then_some(self as &dyn miette::SourceCode)
    }
    fn labels(&self) -> Option<Box<dyn Iterator<Item = miette::LabeledSpan> + '_>> {
        let span = self.span()?;
        Some(Box::new(std::iter::once(miette::LabeledSpan::new_with_span(None, span))))
    }
}

impl miette::SourceCode for Drawn<'_> {
    fn read_span<'a>(
        &'a self,
        _: &miette::SourceSpan,
        _: usize,
        _: usize,
    ) -> Result<Box<dyn miette::SpanContents<'a> + 'a>, miette::MietteError> {
        let (Some(place), Some(line)) = (&self.0.place, &self.0.source_line) else {
            return Err(miette::MietteError::OutOfBounds);
        };
        let number = usize::try_from(place.line).unwrap_or(1).saturating_sub(1);
        let span = miette::SourceSpan::new(self.line_offset().into(), line.len());
        // The header shows this column; the line itself always begins at its first.
        let column = usize::try_from(place.column).unwrap_or(1).saturating_sub(1);
        Ok(Box::new(miette::MietteSpanContents::new_named(place.file.clone(), line.as_bytes(), span, number, column, 1)))
    }
}
