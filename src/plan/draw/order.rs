//! In which column a node stands, and in which order the nodes of a column: longest paths, then barycentres.
//! In: how many nodes, and who needs whom (never a cycle). Out: columns, with a stand-in wherever a line passes.

/// Something that takes a row of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seat {
    Node(usize),
    /// A line between two columns further apart: the edge's number.
    Pass(usize),
}

#[derive(Debug)]
pub(super) struct Columns {
    pub seats: Vec<Seat>,
    /// Seats by column, from top to bottom.
    pub columns: Vec<Vec<usize>>,
    /// Neighbours in the column before and the column after, by seat.
    pub before: Vec<Vec<usize>>,
    pub after: Vec<Vec<usize>>,
    /// The seats that an edge goes through, its two ends included.
    pub routes: Vec<Vec<usize>>,
}

/// More sweeps move nothing any more in flows that people write.
const SWEEPS: usize = 12;
/// Lines over more columns than this are drawn straight: their stand-ins would outnumber the nodes.
const SEATS_MAX: usize = 20_000;

pub(super) fn columns(nodes: usize, edges: &[(usize, usize)]) -> Columns {
    let layer = layers(nodes, edges);
    let mut seats: Vec<Seat> = (0..nodes).map(Seat::Node).collect();
    let mut columns: Vec<Vec<usize>> = vec![Vec::new(); layer.iter().max().map_or(0, |last| last + 1)];
    (0..nodes).for_each(|node| columns[layer[node]].push(node));
    let mut routes = Vec::with_capacity(edges.len());
    for (number, &(from, to)) in edges.iter().enumerate() {
        let mut route = vec![from];
        if seats.len() < SEATS_MAX {
            for column in &mut columns[layer[from] + 1..layer[to]] {
                column.push(seats.len());
                route.push(seats.len());
                seats.push(Seat::Pass(number));
            }
        }
        route.push(to);
        routes.push(route);
    }
    let mut before = vec![Vec::new(); seats.len()];
    let mut after = vec![Vec::new(); seats.len()];
    for pair in routes.iter().flat_map(|route| route.windows(2)) {
        after[pair[0]].push(pair[1]);
        before[pair[1]].push(pair[0]);
    }
    let mut found = Columns { seats, columns, before, after, routes };
    found.untangle();
    found
}

/// The longest way to each node, so that a line never goes back.
fn layers(nodes: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut layer = vec![0; nodes];
    let mut open: Vec<usize> = vec![0; nodes];
    let mut after = vec![Vec::new(); nodes];
    for &(from, to) in edges {
        open[to] += 1;
        after[from].push(to);
    }
    let mut ready: Vec<usize> = (0..nodes).filter(|node| open[*node] == 0).collect();
    while let Some(node) = ready.pop() {
        for &next in &after[node] {
            layer[next] = layer[next].max(layer[node] + 1);
            open[next] -= 1;
            if open[next] == 0 {
                ready.push(next);
            }
        }
    }
    layer
}

impl Columns {
    fn untangle(&mut self) {
        let mut best = (self.crossings(), self.columns.clone());
        for sweep in 0..SWEEPS {
            let place = self.places();
            let mut place = place;
            let forward = sweep % 2 == 0;
            let order: Vec<usize> =
                if forward { (1..self.columns.len()).collect() } else { (0..self.columns.len()).rev().collect() };
            for column in order {
                let near = if forward { &self.before } else { &self.after };
                let mut keyed: Vec<(f64, usize)> =
                    self.columns[column].iter().map(|seat| (mean(&near[*seat], &place, place[*seat]), *seat)).collect();
                keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
                self.columns[column] = keyed.into_iter().map(|(_, seat)| seat).collect();
                for (row, seat) in self.columns[column].iter().enumerate() {
                    place[*seat] = float(row);
                }
            }
            let crossings = self.crossings();
            if crossings < best.0 {
                best = (crossings, self.columns.clone());
            }
        }
        self.columns = best.1;
    }

    fn places(&self) -> Vec<f64> {
        let mut place = vec![0.0; self.seats.len()];
        for column in &self.columns {
            for (row, seat) in column.iter().enumerate() {
                place[*seat] = float(row);
            }
        }
        place
    }

    fn crossings(&self) -> usize {
        let place = self.places();
        let mut found = 0;
        for column in &self.columns {
            let mut lines: Vec<(f64, f64)> = Vec::new();
            for seat in column {
                lines.extend(self.after[*seat].iter().map(|next| (place[*seat], place[*next])));
            }
            for (at, one) in lines.iter().enumerate() {
                found += lines[at + 1..].iter().filter(|other| (one.0 - other.0) * (one.1 - other.1) < 0.0).count();
            }
        }
        found
    }
}

fn mean(near: &[usize], place: &[f64], own: f64) -> f64 {
    if near.is_empty() { own } else { near.iter().map(|seat| place[*seat]).sum::<f64>() / float(near.len()) }
}

#[expect(clippy::cast_precision_loss, reason = "rows of a picture")]
pub(super) fn float(number: usize) -> f64 {
    number as f64
}
