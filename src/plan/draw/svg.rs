//! SVG that stands alone: no font, image or style from elsewhere, readable in light and dark.

use std::fmt::Write as _;

use crate::plan::Plan;

use super::{
    Marks,
    layout::{Layout, Point, Rect, Size, layout},
    sketch::{Back, Sketch},
    svg_parts::{escaped, node, size, spoken},
    svg_style::svg_style,
};

const MARGIN: f64 = 20.0;
const TITLE_HEIGHT: f64 = 34.0;
/// Below the nodes that a loop spans.
const LOOP_GAP: f64 = 22.0;

/// A picture within a page that has [`svg_style`] already.
pub struct Part<'p> {
    /// Tells it from other pictures of the page: letters, digits and hyphens.
    pub name: &'p str,
    /// Where a step leads to.
    pub link: &'p dyn Fn(&str) -> Option<String>,
}

/// One file that needs nothing else.
pub fn svg(plan: &Plan, marks: &Marks) -> String {
    let part = Part { name: "fs", link: &|_| None };
    drawn(plan, marks, Some(&svg_style()), &part)
}

/// A part of a page, which has the title and the style already. What leads somewhere is a group of links.
pub fn svg_part(plan: &Plan, marks: &Marks, part: &Part<'_>) -> String {
    drawn(plan, marks, None, part)
}

/// `alone`: the style of a picture that stands alone; it has its title written over it.
fn drawn(plan: &Plan, marks: &Marks, alone: Option<&str>, part: &Part<'_>) -> String {
    let Part { name, link } = part;
    let sketch = Sketch::new(plan, marks);
    let sizes: Vec<Size> = sketch.nodes.iter().map(size).collect();
    let laid = layout(&sizes, &sketch.needs);
    let arcs = arcs(&sketch, &laid);
    let low = arcs.iter().map(|arc| arc.low + 16.0).fold(laid.height, f64::max);
    let title_width = if alone.is_some() { super::order::float(sketch.title.chars().count()) * 9.0 } else { 0.0 };
    let title_height = if alone.is_some() { TITLE_HEIGHT } else { 0.0 };
    let (width, height) = (laid.width.max(title_width) + 2.0 * MARGIN, low + title_height + 2.0 * MARGIN);
    let role = if alone.is_some() { r#"role="img""# } else { r#"role="group""# };
    let mut out = String::new();
    let _ = writeln!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0} {height:.0}" width="{width:.0}" height="{height:.0}" {role} class="flow-graph">"#
    );
    let _ = writeln!(out, "<title>{}</title>", escaped(&sketch.title));
    if let Some(style) = alone {
        let _ = writeln!(out, "<style>{style}</style>");
    }
    for (kind, class) in [("arrow", "head"), ("back", "head back")] {
        let _ = writeln!(
            out,
            r#"<defs><marker id="{name}-{kind}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="{class}" d="M0 0.5 L7.5 4 L0 7.5 z"/></marker></defs>"#
        );
    }
    let _ = writeln!(out, r#"<rect class="page" width="100%" height="100%" rx="8"/>"#);
    if alone.is_some() {
        let _ = writeln!(out, r#"<text class="heading" x="{MARGIN}" y="{:.0}">{}</text>"#, MARGIN + 12.0, escaped(&sketch.title));
    }
    let _ = writeln!(out, r#"<g transform="translate({MARGIN} {})">"#, MARGIN + title_height);
    for (points, (from, to)) in laid.lines.iter().zip(&sketch.needs) {
        let names = (&sketch.nodes[*from].id, &sketch.nodes[*to].id);
        let _ = writeln!(
            out,
            r#"<path class="need" d="{}" marker-end="url(#{name}-arrow)"><title>{} → {}</title></path>"#,
            curve(points),
            names.0,
            names.1
        );
    }
    for arc in &arcs {
        out.push_str(&arc.draw(name));
    }
    for (rect, one) in laid.nodes.iter().zip(&sketch.nodes) {
        match link(&one.id) {
            Some(href) => {
                let _ =
                    write!(out, r#"<a href="{}" aria-label="{}">{}</a>"#, escaped(&href), escaped(&spoken(one)), node(one, rect));
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
    label: String,
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
            label: back.label(),
        });
    }
    found
}

impl Arc {
    fn draw(&self, name: &str) -> String {
        let Self { from, to, low, beside, label } = self;
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
        let wide = super::order::float(label.chars().count()) * 6.5 + 20.0;
        format!(
            concat!(
                r#"<path class="back" d="{}" marker-end="url(#{}-back)"/>"#,
                r#"<rect class="halo" x="{:.1}" y="{:.1}" width="{:.1}" height="16" rx="8"/>"#,
                r#"<text class="back-label" x="{:.1}" y="{:.1}">{}</text>"#,
                "\n"
            ),
            path,
            name,
            middle - wide / 2.0,
            low - 8.0,
            wide,
            middle,
            low + 4.0,
            label
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
