//! Views over runs that the kernel itself made; what people read is held as snapshots.

mod again;
mod disk;
mod now;
mod stories;
mod whole;

pub(super) const CHANGE: &str = r#"
flow: change
title: Change a live deployment
charter: {goal: The greeting is live and nothing else moved}
role: CTO
params:
  client: {type: string, required: true}
  careful: {type: boolean, default: true}
steps:
  - id: draft
    agent: author
  - id: critique
    agent: critic
    loop: {to: draft, max: 2}
  - id: lint
    needs: [critique]
    run: ./lint.sh
    expect: {exit: 0}
    when: params.careful
  - id: apply
    title: Put it live
    needs: [critique, lint]
    needs_skipped: ok
    run: ./apply.sh
    expect: {exit: 0}
    effects: once
    approve: {question: "Apply this change for {{params.client}}?", to: [ceo], evidence: [plan.md]}
  - id: smoke
    run: ./smoke.sh
    expect: {exit: 0}
    retry: {attempts: 3, delay: 2s}
"#;
const AUTHOR: &str = "---\nname: author\ndescription: writes\n---\nWrite.\n";
const CRITIC: &str = "---\nname: critic\ndescription: reads\n---\nRead.\n";

pub(super) fn change() -> Vec<(&'static str, &'static str)> {
    vec![("flows/change.yaml", CHANGE), ("agents/author.md", AUTHOR), ("agents/critic.md", CRITIC)]
}
