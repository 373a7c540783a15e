//! A run as one HTML file: nothing from elsewhere, no script, light and dark, on paper and on a phone.
//! In: a view, its panel of evidence, one of its flows if only that is wanted. Out: HTML, the same for the same journal and panel.
//! Never: text of a step, an agent or a person taken for markup; an opinion that the command line does not have.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::{
    id::FramePath,
    kernel::Frame,
    plan::draw::{Part, svg_part, svg_style},
};

use super::{
    evidence::{Panel, Verdict},
    marks::{marks, opened_by},
    paste::Paste,
    report::{headline, report},
    report_html::{data, flow_story},
    status::{StatusReport, flow_status, status},
    view::RunView,
    words::{length, spent_words},
};

/// Flows that are told whole; of the others there is a line.
const FLOWS_MAX: usize = 60;
/// Steps of a picture; nobody reads a larger one.
const DRAWN_MAX: usize = 1_000;

const STYLE: &str = "
:root{color-scheme:light dark;--ink:#1b2330;--dim:#556072;--page:#f5f7fa;--card:#ffffff;--sunk:#eef2f6;--line:#d8dfe8;--good:#14693d;--bad:#b42318;--warn:#855407;--go:#1d4ed8;--ask:#7e22ce}
@media(prefers-color-scheme:dark){:root{--ink:#e6ebf2;--dim:#a3b0c2;--page:#0c131f;--card:#141d2c;--sunk:#1c2738;--line:#2e3b50;--good:#4ade80;--bad:#fca5a5;--warn:#fbbf24;--go:#93c5fd;--ask:#d8b4fe}}
*{box-sizing:border-box}body{margin:0 auto;padding:2rem 1.25rem 4rem;max-width:70rem;color:var(--ink);background:var(--page);font:15.5px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif}
a{color:var(--go)}:focus-visible{outline:3px solid var(--go);outline-offset:2px}
h1,h2,h3{letter-spacing:-.01em;overflow-wrap:anywhere}h1{margin:0 0 .3rem;font-size:1.75rem;line-height:1.2}h2{margin:2.6rem 0 .5rem;padding-top:1rem;border-top:1px solid var(--line);font-size:1.3rem}h3{margin:1.6rem 0 .4rem;font-size:1.05rem}
p{margin:.4rem 0;max-width:76ch;overflow-wrap:anywhere}.dim,dt{color:var(--dim)}
dl{display:flex;flex-wrap:wrap;gap:.2rem 1.6rem;margin:.4rem 0}dl div{display:flex;gap:.45rem}dd{margin:0}
.badge{display:inline-block;padding:.02rem .6rem;border:1px solid currentColor;border-radius:1rem;background:var(--card);font-size:.9rem;font-weight:600;letter-spacing:0;vertical-align:middle}
.succeeded,.agrees{color:var(--good)}.failed,.cancelled,.disagrees,.contradicts{color:var(--bad)}.interrupted,.concerns,.blocked,.unknown{color:var(--warn)}.running{color:var(--go)}.waiting{color:var(--ask)}
.wide{overflow-x:auto;margin:.4rem 0;border:1px solid var(--line);border-radius:.5rem;background:var(--card)}table{width:100%;border-collapse:collapse;font-size:.92rem}th,td{padding:.4rem .7rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top;overflow-wrap:break-word}tr:last-child>*{border-bottom:0}th{color:var(--dim);font-weight:600}
code{padding:.1rem .3rem;border-radius:.25rem;background:var(--sunk);font:.86em ui-monospace,SFMono-Regular,Menlo,'DejaVu Sans Mono',monospace;overflow-wrap:anywhere}
.question{margin:.8rem 0;padding:.7rem 1.1rem;border:1px solid var(--line);border-left:.3rem solid var(--ask);border-radius:.5rem;background:var(--card)}
.nested{margin-left:.2rem;padding-left:1rem;border-left:.2rem solid var(--line)}ul{margin:.3rem 0;padding-left:1.3rem}.deep{margin-left:1.2rem}li{overflow-wrap:anywhere}
.word{white-space:nowrap}svg{height:auto}.flow-graph{display:block;max-width:none}.flow-graph .page{fill:none}.flow-graph .halo{fill:var(--card)}.gantt{display:block}.gantt text{fill:var(--ink);font:12px system-ui,sans-serif}.gantt .dim{fill:var(--dim)}.gantt rect{fill:var(--go)}.gantt rect.succeeded{fill:var(--good)}.gantt rect.failed{fill:var(--bad)}.gantt rect.interrupted{fill:var(--warn)}.gantt line{stroke:var(--line)}
@media(max-width:40rem){body{padding:1rem .9rem 3rem}.wide table{min-width:34rem}}
@media print{body{max-width:none;padding:0;background:#fff}h2,h3{break-after:avoid}.question,tr{break-inside:avoid}.wide{overflow:visible}.flow-graph{max-width:100%}}
";

/// `only`: one flow with what ran inside it; `None`: all of the run.
pub fn run_html(view: &RunView, panel: &Panel, only: Option<&FramePath>, paste: &Paste) -> String {
    let stands = status(view, paste);
    let wanted = |path: &FramePath| only.is_none_or(|only| path == only || path.as_str().starts_with(&format!("{only}.")));
    let frames: Vec<&Frame> = view.frames().filter(|frame| wanted(&frame.path)).collect();
    let told = &frames[..frames.len().min(FLOWS_MAX)];
    let what = only.map_or_else(|| view.run_id.to_string(), |only| format!("{} / {only}", view.run_id));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                title { (what) ": " (stands.status) }
                style { (PreEscaped(svg_style())) (PreEscaped(STYLE)) }
            }
            body { main {
                h1 { (what) " " span class={ "badge " (stands.status) } { (stands.status) } }
                (facts(view, &stands))
                (contents(view, &frames, told.len()))
                p { a href="#evidence" { "Evidence" } ": " span class=(panel.verdict.as_str()) { (panel.verdict.as_str()) } ", " (data(&panel.headline)) }
                @for (place, frame) in told.iter().enumerate() { (one_flow(view, frame, &stands, paste, place)) }
                (evidence(panel))
            } }
        }
    };
    page.into_string()
}

fn facts(view: &RunView, stands: &StatusReport) -> Markup {
    html! {
        dl {
            div { dt { "Started" } dd { time { (stands.created_at) } " by " (data(&stands.started_by)) } }
            div { dt { "Last line" } dd { (view.state.seq) " of its journal, " time { (stands.updated_at) } } }
            div { dt { "Models" } dd { @match &stands.spent { Some(spent) => { (spent_words(spent)) } None => { "none was called" } } } }
        }
    }
}

fn anchor(path: &FramePath) -> String {
    format!("flow-{path}")
}

fn contents(view: &RunView, frames: &[&Frame], told: usize) -> Markup {
    html! {
        @if frames.len() > 1 {
            nav aria-label="Flows" { ul { @for (at, frame) in frames.iter().enumerate() {
                li class=[opened_by(frame).is_some().then_some("deep")] {
                    @if at < told { a href={ "#" (anchor(&frame.path)) } { (data(&frame.plan.flow.title)) } } @else { (data(&frame.plan.flow.title)) }
                    " " span class=(flow_status(view, frame)) { (headline(view, frame)) }
                    " " span class="dim" { (frame.path) @if let Some((_, what)) = opened_by(frame) { ", " (what) } }
                }
            } } }
            @if told < frames.len() { p class="dim" { "The first " (told) " of them are told here." } }
        }
    }
}

fn evidence(panel: &Panel) -> Markup {
    let word = |verdict: Verdict| html! { span class=(verdict.as_str()) { (verdict.as_str()) } };
    html! {
        h2 id="evidence" { "Evidence" }
        p { span class={ "badge " (panel.verdict.as_str()) } { (panel.verdict.as_str()) } " " (data(&panel.headline)) }
        div class="wide" tabindex="0" role="region" aria-label="Measures" { table {
            tr { th { "measure" } th { "stands" } th { "figure" } th { "from" } }
            @for metric in &panel.metrics {
                tr class=[(!metric.measured).then_some("dim")] {
                    td { (metric.metric.as_str()) }
                    td class="word" { @if metric.measured { (word(metric.verdict)) } @else { "not measured" } }
                    td {
                        (data(metric.figure.as_deref().or(metric.reason.as_deref()).unwrap_or_default()))
                        @for says in &metric.says { p { (data(says)) } }
                    }
                    td { @if let Some(last) = metric.sources.last() { code { (data(&last.path)) } @if metric.sources.len() > 1 { " and " (metric.sources.len() - 1) " more" } } }
                }
            }
        } }
        @if !panel.contradictions.is_empty() {
            h3 { "What does not fit together" }
            ul { @for one in &panel.contradictions { li class="contradicts" { (data(one)) } } }
        }
        // What nobody measured stands in the table.
        @let unknowns: Vec<&String> = panel.unknowns.iter().filter(|one| !one.contains(" not measured: ")).collect();
        @if !unknowns.is_empty() {
            h3 { "Not known" }
            ul { @for one in unknowns { li { (data(one)) } } }
        }
    }
}

fn one_flow(view: &RunView, frame: &Frame, stands: &StatusReport, paste: &Paste, place: usize) -> Markup {
    let opened = opened_by(frame);
    let told = report(view, &frame.path, paste).unwrap_or_default();
    // Pictures of one page must not take one another's arrows.
    let part = Part { name: &format!("g{place}"), link: &|_| None };
    html! {
        section class=[opened.is_some().then_some("nested")] {
            h2 id=(anchor(&frame.path)) {
                @if let Some((step, what)) = &opened { span class="dim" { (data(step.as_str())) " ↳ " (data(what)) ": " } }
                (data(&frame.plan.flow.title)) " " span class={ "badge " (flow_status(view, frame)) } { (headline(view, frame)) }
            }
            p class="dim" { "flow " code { (frame.path) } ", " (length(frame.active_ms_at(view.state.now))) " of work" }
            @if frame.plan.steps.len() <= DRAWN_MAX { div class="wide" tabindex="0" role="region" aria-label={ "Graph of " (frame.path) } { (PreEscaped(svg_part(&frame.plan, &marks(view, frame), &part))) } }
            (flow_story(view, frame, &told, stands, 3))
        }
    }
}
