//! Where everything stands: columns from left to right, rows drawn towards their neighbours, loops below.
//! In: sizes and edges. Out: rectangles and lines, in pixels. Never: two nodes on one another.

use super::order::{Columns, Seat, columns};

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Size {
    pub width: f64,
    pub height: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub x: f64,
    pub y: f64,
}

/// A node's rectangle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rect {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

impl Rect {
    pub fn middle(&self) -> f64 {
        self.y + self.height / 2.0
    }
    pub fn bottom(&self) -> f64 {
        self.y + self.height
    }
    pub fn right(&self) -> f64 {
        self.x + self.width
    }
}

#[derive(Debug)]
pub(super) struct Layout {
    pub nodes: Vec<Rect>,
    /// Per edge: from the right side of one node to the left side of another.
    pub lines: Vec<Vec<Point>>,
    pub width: f64,
    pub height: f64,
}

const COLUMN_GAP: f64 = 44.0;
const ROW_GAP: f64 = 28.0;
/// A line that only passes takes less room than a node.
const PASS_HEIGHT: f64 = 8.0;
const PASS_PULL: f64 = 0.02;
const SWEEPS: usize = 80;
/// Higher than a screen.
const TALL: f64 = 1_000.0;

/// Where neighbours draw a seat to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pull {
    /// To the mean of them.
    Middle,
    /// Beside the uppermost.
    Top,
}

pub(super) fn layout(sizes: &[Size], edges: &[(usize, usize)]) -> Layout {
    let columns = columns(sizes.len(), edges);
    let height = |seat: usize| match columns.seats[seat] {
        Seat::Node(node) => sizes[node].height,
        Seat::Pass(_) => PASS_HEIGHT,
    };
    let heights: Vec<f64> = (0..columns.seats.len()).map(height).collect();
    let bottom = |middles: &[f64]| middles.iter().zip(&heights).map(|(middle, height)| middle + height / 2.0).fold(0.0, f64::max);
    let mut middles = middles_of(&columns, &heights, Pull::Middle);
    // Whoever opens a tall picture sees its upper left: nothing may begin in the middle of its height.
    if bottom(&middles) > TALL {
        middles = middles_of(&columns, &heights, Pull::Top);
    }
    let mut x = 0.0;
    let mut lefts = Vec::with_capacity(columns.columns.len());
    let mut widths = Vec::with_capacity(columns.columns.len());
    for column in &columns.columns {
        let width = column.iter().filter_map(|seat| node_of(&columns, *seat)).map(|node| sizes[node].width).fold(0.0, f64::max);
        lefts.push(x);
        widths.push(width);
        x += width + COLUMN_GAP;
    }
    let mut nodes = vec![Rect { x: 0.0, y: 0.0, width: 0.0, height: 0.0 }; sizes.len()];
    let mut span = vec![(0.0, 0.0); columns.seats.len()];
    for (at, column) in columns.columns.iter().enumerate() {
        for seat in column {
            span[*seat] = (lefts[at], lefts[at] + widths[at]);
            if let Some(node) = node_of(&columns, *seat) {
                let Size { width, height } = sizes[node];
                nodes[node] = Rect { x: lefts[at] + (widths[at] - width) / 2.0, y: middles[*seat] - height / 2.0, width, height };
            }
        }
    }
    let lines = columns.routes.iter().map(|route| line(&columns, route, &nodes, &span, &middles)).collect();
    // Lines may pass below every node.
    Layout { nodes, lines, width: (x - COLUMN_GAP).max(0.0), height: bottom(&middles) }
}

fn node_of(columns: &Columns, seat: usize) -> Option<usize> {
    match columns.seats[seat] {
        Seat::Node(node) => Some(node),
        Seat::Pass(_) => None,
    }
}

/// The middle line of every seat: each is drawn to its neighbours, and pushed off those beside it.
fn middles_of(columns: &Columns, heights: &[f64], pull: Pull) -> Vec<f64> {
    let mut middle = vec![0.0; columns.seats.len()];
    for column in &columns.columns {
        let mut y = 0.0;
        for seat in column {
            middle[*seat] = y + heights[*seat] / 2.0;
            y += heights[*seat] + ROW_GAP;
        }
    }
    for sweep in 0..SWEEPS {
        let forward = sweep % 2 == 0;
        let count = columns.columns.len();
        for step in 0..count {
            let column = &columns.columns[if forward { step } else { count - 1 - step }];
            let near = if forward { &columns.before } else { &columns.after };
            let wish: Vec<f64> = column
                .iter()
                .map(|seat| drawn_to(columns, *seat, &near[*seat], &middle, pull).unwrap_or(middle[*seat]))
                .collect();
            place(column, &wish, heights, &mut middle, pull);
        }
    }
    // At last everything is drawn to both sides at once, which takes the waves out of long lines.
    for _ in 0..SWEEPS {
        for column in &columns.columns {
            let both = |seat: &usize| columns.before[*seat].iter().chain(&columns.after[*seat]).copied().collect::<Vec<usize>>();
            let wish: Vec<f64> =
                column.iter().map(|seat| drawn_to(columns, *seat, &both(seat), &middle, pull).unwrap_or(middle[*seat])).collect();
            place(column, &wish, heights, &mut middle, pull);
        }
    }
    straighten(columns, &mut middle);
    let top = (0..middle.len()).map(|seat| middle[seat] - heights[seat] / 2.0).fold(f64::INFINITY, f64::min);
    middle.iter().map(|y| y - if top.is_finite() { top } else { 0.0 }).collect()
}

/// A line that passes below (or above) everything on its way runs level.
fn straighten(columns: &Columns, middle: &mut [f64]) {
    let mut last = vec![false; columns.seats.len()];
    let mut first = last.clone();
    for column in &columns.columns {
        column.last().into_iter().for_each(|seat| last[*seat] = true);
        column.first().into_iter().for_each(|seat| first[*seat] = true);
    }
    for route in columns.routes.iter().filter(|route| route.len() > 3) {
        let passes = &route[1..route.len() - 1];
        let heights = passes.iter().map(|seat| middle[*seat]);
        let level = if passes.iter().all(|seat| last[*seat]) {
            heights.fold(f64::NEG_INFINITY, f64::max)
        } else if passes.iter().all(|seat| first[*seat]) {
            heights.fold(f64::INFINITY, f64::min)
        } else {
            continue;
        };
        passes.iter().for_each(|seat| middle[*seat] = level);
    }
}

/// Each seat as near to its wish as those above and below allow: groups that touch move as one.
fn place(column: &[usize], wish: &[f64], heights: &[f64], middle: &mut [f64], pull: Pull) {
    if pull == Pull::Top {
        let mut free = f64::NEG_INFINITY;
        for (at, &seat) in column.iter().enumerate() {
            middle[seat] = wish[at].max(free + heights[seat] / 2.0);
            free = middle[seat] + heights[seat] / 2.0 + ROW_GAP;
        }
        return;
    }
    // (where the first of the group wants to stand, members)
    let mut groups: Vec<(f64, Vec<(usize, f64)>)> = Vec::new();
    for (at, &seat) in column.iter().enumerate() {
        let mut group = (wish[at], vec![(seat, 0.0)]);
        while let Some((start, members)) = groups.last() {
            let Some(&(last, offset)) = members.last() else { break };
            let first = group.1[0].0;
            let least = start + offset + (heights[last] + heights[first]) / 2.0 + ROW_GAP;
            if group.0 >= least {
                break;
            }
            let (start, mut members) = groups.pop().expect("its last was just looked at");
            let shift = least - start;
            let (own, others) = (super::order::float(members.len()), super::order::float(group.1.len()));
            let joined = (start * own + (group.0 - shift) * others) / (own + others);
            members.extend(group.1.iter().map(|(seat, offset)| (*seat, offset + shift)));
            group = (joined, members);
        }
        groups.push(group);
    }
    for (start, members) in groups {
        for (seat, offset) in members {
            middle[seat] = start + offset;
        }
    }
}

/// Where a seat's neighbours want it. A node follows nodes: a line that only passes hardly pulls it.
fn drawn_to(columns: &Columns, seat: usize, near: &[usize], middle: &[f64], pull: Pull) -> Option<f64> {
    let light = node_of(columns, seat).is_some() && near.iter().any(|one| node_of(columns, *one).is_some());
    if pull == Pull::Top {
        let strong = near.iter().filter(|one| !light || node_of(columns, **one).is_some());
        return strong.map(|one| middle[*one]).reduce(f64::min);
    }
    let weight = |one: usize| if light && node_of(columns, one).is_none() { PASS_PULL } else { 1.0 };
    let all: f64 = near.iter().map(|one| weight(*one)).sum();
    (!near.is_empty()).then(|| near.iter().map(|one| weight(*one) * middle[*one]).sum::<f64>() / all)
}

fn line(columns: &Columns, route: &[usize], nodes: &[Rect], span: &[(f64, f64)], middle: &[f64]) -> Vec<Point> {
    let mut points = Vec::with_capacity(route.len() * 2);
    for (at, seat) in route.iter().enumerate() {
        match node_of(columns, *seat) {
            // Level as far as the column reaches, so that a line bends only where nothing stands.
            Some(node) if at == 0 => {
                points.push(Point { x: nodes[node].right(), y: nodes[node].middle() });
                points.push(Point { x: span[*seat].1, y: nodes[node].middle() });
            }
            Some(node) => {
                points.push(Point { x: span[*seat].0, y: nodes[node].middle() });
                points.push(Point { x: nodes[node].x, y: nodes[node].middle() });
            }
            None => {
                points.push(Point { x: span[*seat].0, y: middle[*seat] });
                points.push(Point { x: span[*seat].1, y: middle[*seat] });
            }
        }
    }
    points
}
