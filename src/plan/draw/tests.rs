use std::sync::Arc;

use super::{Mark, Marks, dot, mermaid, svg};
use crate::{
    id::{FlowKey, StepId},
    plan::{Book, Plan},
    spec::load::Loader,
};

/// Every sign that a picture has.
const CHANGE: &str = r#"
flow: change
title: Change <a> live "deployment" & look
params:
  careful: {type: boolean, default: true}
  places: {type: list, default: [north, south]}
steps:
  - id: pre
    title: Keep what is there now
    snapshot: {name: pre, files: [config.json]}
  - id: draft
    agent: author
    title: Write the change down
  - id: critique
    agent: critic
    loop: {to: draft, max: 3}
  - id: lint
    needs: [critique]
    run: ./lint.sh
    expect: {exit: 0}
  - id: tests
    needs: [critique]
    run: ./tests.sh
    expect: {exit: 0}
    when: params.careful
  - id: ready
    needs: [lint, tests]
    join: any
    ask: {question: "Ready?", to: [lead]}
  - id: apply
    title: Put it live
    run: ./apply.sh
    expect: {exit: 0}
    effects: once
    approve: {question: "Apply it?", to: [ceo], evidence: [config.json]}
  - id: smoke
    for_each: params.places
    as: place
    run: ./smoke.sh
    expect: {exit: 0}
  - id: post
    snapshot: {name: post, files: [config.json]}
  - id: diff
    needs: [pre, post]
    compare: {before: pre, after: post, expect: {changed_only: [config.json]}}
  - id: announce
    needs: [smoke, diff]
    flow: announce
"#;
const ANNOUNCE: &str = "flow: announce\ntitle: Tell everybody\nsteps:\n  - {id: send, run: ./send.sh, expect: {exit: 0}}\n";
const AUTHOR: &str = "---\nname: author\ndescription: writes\n---\nWrite.\n";
const CRITIC: &str = "---\nname: critic\ndescription: reads\n---\nRead.\n";

fn plan() -> Arc<Plan> {
    let files = [
        ("flows/change.yaml", CHANGE),
        ("flows/announce.yaml", ANNOUNCE),
        ("agents/author.md", AUTHOR),
        ("agents/critic.md", CRITIC),
    ];
    let key = FlowKey::new("change").unwrap();
    let loaded = Loader::in_memory(files).load_library(&key).unwrap_or_else(|found| panic!("{}", found.render(false)));
    let book = Book::build(&Arc::new(loaded.value)).unwrap();
    book.flows[&key].clone()
}

fn marks() -> Marks {
    let marks = [
        ("pre", Mark::Succeeded),
        ("draft", Mark::Succeeded),
        ("critique", Mark::Concerns),
        ("lint", Mark::Failed),
        ("tests", Mark::Skipped),
        ("ready", Mark::Waiting),
        ("smoke", Mark::Running),
    ];
    let steps = marks.into_iter().map(|(id, mark)| (StepId::new(id).unwrap(), mark)).collect();
    Marks { steps, ..Marks::default() }
}

#[test]
fn mermaid_shows_every_sign() {
    insta::assert_snapshot!(mermaid(&plan(), &marks()));
}

#[test]
fn dot_shows_every_sign() {
    insta::assert_snapshot!(dot(&plan(), &Marks::default()));
}

#[test]
fn an_svg_stands_alone_and_is_well_formed() {
    let text = svg(&plan(), &marks());
    let mut reader = quick_xml::Reader::from_str(&text);
    let mut depth = 0;
    loop {
        match reader.read_event().unwrap() {
            quick_xml::events::Event::Start(_) => depth += 1,
            quick_xml::events::Event::End(_) => depth -= 1,
            quick_xml::events::Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(depth, 0);
    for outside in ["href", "url(http", "@import", "<script", "<image", "<a>"] {
        assert!(!text.contains(outside), "{outside}");
    }
    assert_eq!(text.matches("http").count(), 1, "only the namespace");
    assert!(text.contains("Change &lt;a&gt; live &quot;deployment&quot; &amp; look"));
    assert!(text.contains("≤ 3") && text.contains("prefers-color-scheme:dark"));
    if let Some(path) = option_env!("FLOW_STUDIO_DRAW_TO") {
        std::fs::write(path, &text).unwrap();
    }
}

#[test]
fn no_two_nodes_stand_on_one_another() {
    use super::{layout::Size, layout::layout};
    // A lattice with long lines: worse than what people write.
    let edges: Vec<(usize, usize)> = (0..40)
        .flat_map(|from| [from + 1, from + 3, from + 7, from * 2 + 1].map(|to| (from, to)))
        .filter(|(_, to)| *to < 40)
        .collect();
    let sizes: Vec<Size> =
        (0..40).map(|n| Size { width: 100.0 + f64::from(n), height: 40.0 + f64::from(n % 3) * 15.0 }).collect();
    let laid = layout(&sizes, &edges);
    for (at, a) in laid.nodes.iter().enumerate() {
        assert!(a.y >= -0.01 && a.x >= 0.0);
        for b in &laid.nodes[at + 1..] {
            let apart = a.right() <= b.x || b.right() <= a.x || a.bottom() <= b.y || b.bottom() <= a.y;
            assert!(apart, "{a:?} {b:?}");
        }
    }
    for (from, to) in &edges {
        assert!(laid.nodes[*from].right() < laid.nodes[*to].x, "a line never goes back");
    }
}

#[test]
fn a_tall_picture_begins_at_its_top() {
    use super::{layout::Size, layout::layout};
    // One step, sixty that need it, one that needs them all.
    let edges: Vec<(usize, usize)> = (1..=60).flat_map(|at| [(0, at), (at, 61)]).collect();
    let sizes = vec![Size { width: 100.0, height: 40.0 }; 62];
    let laid = layout(&sizes, &edges);
    assert!(laid.height > 2_000.0);
    for end in [0, 61] {
        assert!(laid.nodes[end].y < 1.0, "{:?} of {}", laid.nodes[end], laid.height);
    }
    let mut rows: Vec<f64> = laid.nodes[1..61].iter().map(|node| node.y).collect();
    rows.sort_by(f64::total_cmp);
    assert!(rows.windows(2).all(|two| two[1] - two[0] > 40.0), "no two stand on one another: {rows:?}");
    // A low one stays in the middle of what it leads to.
    let low = layout(&sizes[..4], &[(0, 1), (0, 2), (0, 3)]);
    assert!((low.nodes[0].middle() - low.nodes[1..].iter().map(super::layout::Rect::middle).sum::<f64>() / 3.0).abs() < 1.0);
}

#[test]
fn a_flow_of_one_step_is_a_picture_too() {
    let loaded = Loader::in_memory([("flows/announce.yaml", ANNOUNCE)]).load_library(&FlowKey::new("announce").unwrap()).unwrap();
    let book = Book::build(&Arc::new(loaded.value)).unwrap();
    let plan = book.flows.values().next().unwrap();
    assert!(svg(plan, &Marks::default()).contains("send") && mermaid(plan, &Marks::default()).contains("send"));
}
