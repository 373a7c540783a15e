//! SVG that stands alone: no font, image or style from elsewhere, readable in light and dark.

use std::fmt::Write as _;

use crate::plan::Plan;

use super::{
    Mark, Marks,
    layout::{Layout, Point, Rect, Size, layout},
    sketch::{Back, Sketch},
    svg_parts::{escaped, node, size},
};

const MARGIN: f64 = 20.0;
const TITLE_HEIGHT: f64 = 34.0;
/// Below the nodes that a loop spans.
const LOOP_GAP: f64 = 22.0;

/// One file that needs nothing else.
pub fn svg(plan: &Plan, marks: &Marks) -> String {
    drawn(plan, marks, &format!("<style>{}</style>\n", svg_style()), &|_| None)
}

/// A part of a page that has [`svg_style`] already; `link`: where a step leads to.
pub fn svg_part(plan: &Plan, marks: &Marks, link: &dyn Fn(&str) -> Option<String>) -> String {
    drawn(plan, marks, "", link)
}

fn drawn(plan: &Plan, marks: &Marks, style: &str, link: &dyn Fn(&str) -> Option<String>) -> String {
    let sketch = Sketch::new(plan, marks);
    let sizes: Vec<Size> = sketch.nodes.iter().map(size).collect();
    let laid = layout(&sizes, &sketch.needs);
    let arcs = arcs(&sketch, &laid);
    let low = arcs.iter().map(|arc| arc.low + 16.0).fold(laid.height, f64::max);
    let title_width = super::order::float(sketch.title.chars().count()) * 9.0;
    let (width, height) = (laid.width.max(title_width) + 2.0 * MARGIN, low + TITLE_HEIGHT + 2.0 * MARGIN);
    let mut out = String::new();
    let _ = writeln!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0} {height:.0}" width="{width:.0}" height="{height:.0}" role="img" class="flow-graph">"#
    );
    let _ = writeln!(out, "<title>{}</title>", escaped(&sketch.title));
    out.push_str(style);
    out.push_str(concat!(
        r#"<defs><marker id="fs-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">"#,
        r#"<path class="head" d="M0 0.5 L7.5 4 L0 7.5 z"/></marker>"#,
        r#"<marker id="fs-back" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">"#,
        r#"<path class="head back" d="M0 0.5 L7.5 4 L0 7.5 z"/></marker></defs>"#,
        "\n"
    ));
    let _ = writeln!(out, r#"<rect class="page" width="100%" height="100%" rx="8"/>"#);
    let _ = writeln!(out, r#"<text class="heading" x="{MARGIN}" y="{:.0}">{}</text>"#, MARGIN + 12.0, escaped(&sketch.title));
    let _ = writeln!(out, r#"<g transform="translate({MARGIN} {})">"#, MARGIN + TITLE_HEIGHT);
    for (points, (from, to)) in laid.lines.iter().zip(&sketch.needs) {
        let names = (&sketch.nodes[*from].id, &sketch.nodes[*to].id);
        let _ = writeln!(
            out,
            r#"<path class="need" d="{}" marker-end="url(#fs-arrow)"><title>{} → {}</title></path>"#,
            curve(points),
            names.0,
            names.1
        );
    }
    for arc in &arcs {
        out.push_str(&arc.draw());
    }
    for (rect, one) in laid.nodes.iter().zip(&sketch.nodes) {
        match link(&one.id) {
            Some(href) => {
                let _ = write!(out, r#"<a href="{}">{}</a>"#, escaped(&href), node(one, rect));
            }
            None => out.push_str(&node(one, rect)),
        }
    }
    out.push_str("</g>\n</svg>\n");
    out
}

/// A way back from a loop's last step to its first, under everything between them.
struct Arc {
    from: Rect,
    to: Rect,
    low: f64,
    /// How many other loops go back to the same step.
    beside: usize,
    iterations_max: u32,
}

fn arcs(sketch: &Sketch, laid: &Layout) -> Vec<Arc> {
    let mut loops: Vec<&Back> = sketch.loops.iter().collect();
    let span = |back: &Back| (laid.nodes[back.first].x, laid.nodes[back.last].right());
    // The shortest first: the others go below it.
    loops.sort_by(|a, b| (span(a).1 - span(a).0).total_cmp(&(span(b).1 - span(b).0)));
    let mut found: Vec<Arc> = Vec::new();
    for back in loops {
        let (left, right) = span(back);
        let under =
            laid.nodes.iter().filter(|node| node.right() >= left && node.x <= right).map(Rect::bottom).fold(0.0, f64::max);
        let others = found.iter().filter(|arc| arc.from.right() >= left && arc.to.x <= right);
        let under = others.map(|arc| arc.low).fold(under, f64::max);
        found.push(Arc {
            from: laid.nodes[back.last],
            to: laid.nodes[back.first],
            low: under + LOOP_GAP,
            beside: found.iter().filter(|arc| arc.to == laid.nodes[back.first]).count(),
            iterations_max: back.iterations_max,
        });
    }
    found
}

impl Arc {
    fn draw(&self) -> String {
        let Self { from, to, low, beside, iterations_max } = self;
        // Apart from where lines of other loops and of the node itself leave.
        let (x1, x2) =
            (from.x + from.width * 0.62, (to.x + to.width * 0.42 - 14.0 * super::order::float(*beside)).max(to.x + 6.0));
        let (x1, x2) = if from == to { (from.x + from.width * 0.75, from.x + from.width * 0.25) } else { (x1, x2) };
        let path = format!(
            "M{x1:.1} {:.1} V{:.1} Q{x1:.1} {low:.1} {:.1} {low:.1} H{:.1} Q{x2:.1} {low:.1} {x2:.1} {:.1} V{:.1}",
            from.bottom(),
            low - 10.0,
            x1 - 10.0,
            x2 + 10.0,
            low - 10.0,
            to.bottom() + 1.5
        );
        let middle = (x1 + x2) / 2.0;
        format!(
            concat!(
                r#"<path class="back" d="{}" marker-end="url(#fs-back)"/>"#,
                r#"<rect class="halo" x="{:.1}" y="{:.1}" width="46" height="16" rx="8"/>"#,
                r#"<text class="back-label" x="{:.1}" y="{:.1}">≤ {}</text>"#,
                "\n"
            ),
            path,
            middle - 23.0,
            low - 8.0,
            middle,
            low + 4.0,
            iterations_max
        )
    }
}

/// From point to point, leaving and arriving level.
fn curve(points: &[Point]) -> String {
    let Some(first) = points.first() else { return String::new() };
    let mut path = format!("M{:.1} {:.1}", first.x, first.y);
    for pair in points.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        if (a.y - b.y).abs() < 0.5 {
            let _ = write!(path, " L{:.1} {:.1}", b.x, b.y);
        } else {
            let bend = (b.x - a.x) / 2.0;
            let _ = write!(path, " C{:.1} {:.1} {:.1} {:.1} {:.1} {:.1}", a.x + bend, a.y, b.x - bend, b.y, b.x, b.y);
        }
    }
    path
}

const LIGHT: &str = "\
.flow-graph{font-family:ui-sans-serif,system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}\
.page{fill:#fff}.heading{font-size:15px;font-weight:600;fill:#0f172a}\
.box{fill:#fff;stroke:#64748b;stroke-width:1.4}.inner{fill:none;stroke:#64748b;stroke-width:1}\
.id{font-size:13px;font-weight:600;fill:#0f172a}.verb{font-size:11px;fill:#475569}.say{font-size:11px;fill:#334155}\
.note{font-size:10.5px;fill:#64748b}.tag{font-size:10px;font-weight:600;fill:#fff;text-anchor:middle}.tag-box{fill:#9333ea}\
.tag-box.sometimes{fill:#fff;stroke:#9333ea;stroke-width:1.2}.tag.sometimes{fill:#7e22ce}\
.need{fill:none;stroke:#94a3b8;stroke-width:1.4}.head{fill:#94a3b8}\
.back{fill:none;stroke:#ea580c;stroke-width:1.4;stroke-dasharray:5 3}.head.back{fill:#ea580c;stroke:none}\
.back-label{font-size:11px;font-weight:600;fill:#c2410c;text-anchor:middle}.halo{fill:#fff}\
.stripe{stroke:none}.command .stripe{fill:#0284c7}.agent .stripe{fill:#7c3aed}.person .stripe{fill:#db2777}\
.subflow .stripe{fill:#0d9488}.builtin .stripe{fill:#64748b}\
.mark{font-size:13px;font-weight:700;text-anchor:middle}.skipped .id,.skipped .verb,.skipped .say{opacity:.6}\
.skipped .box{stroke-dasharray:4 3}";

const DARK: &str = "\
.page{fill:#0f172a}.heading,.id{fill:#f1f5f9}.box{fill:#1e293b;stroke:#94a3b8}.inner{stroke:#94a3b8}.verb{fill:#cbd5e1}\
.say{fill:#e2e8f0}.note{fill:#94a3b8}.need{stroke:#64748b}.head{fill:#64748b}.halo{fill:#0f172a}.back{stroke:#fb923c}\
.head.back{fill:#fb923c}.back-label{fill:#fdba74}.tag-box.sometimes{fill:#1e293b;stroke:#c084fc}.tag.sometimes{fill:#d8b4fe}";

/// The style sheet of all pictures.
pub fn svg_style() -> String {
    let mut css = LIGHT.to_owned();
    for mark in Mark::ALL {
        let (fill, border) = mark.colors();
        let _ = write!(css, ".{0} .box{{fill:{fill};stroke:{border}}}.{0} .mark{{fill:{border}}}", mark.word());
    }
    let _ = write!(css, "@media(prefers-color-scheme:dark){{{DARK}");
    for mark in Mark::ALL {
        let (fill, text) = dark(mark);
        let _ = write!(css, ".{0} .box{{fill:{fill};stroke:{text}}}.{0} .mark{{fill:{text}}}", mark.word());
    }
    css.push('}');
    css
}

fn dark(mark: Mark) -> (&'static str, &'static str) {
    match mark {
        Mark::Running => ("#172554", "#60a5fa"),
        Mark::Waiting => ("#3b0764", "#c084fc"),
        Mark::Succeeded => ("#052e16", "#4ade80"),
        Mark::Concerns => ("#451a03", "#fbbf24"),
        Mark::Failed => ("#450a0a", "#f87171"),
        Mark::Skipped => ("#1e293b", "#64748b"),
    }
}
