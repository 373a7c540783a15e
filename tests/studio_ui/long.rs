//! A flow of 500 steps: it loads, it is drawn, and it stays where the reader is while hundreds of steps go by.

use std::fmt::Write as _;

use serde_json::json;

use crate::{common::Test, world::World};

const LANES: usize = 20;
const DEEP: usize = 25;
/// A page that holds more is felt; 500 steps are drawn, listed and timed.
const ELEMENTS_MAX: u64 = 16_000;

fn flow() -> String {
    let mut steps = String::from("steps:\n  - {id: hold, run: 'read -r word < hold'}\n");
    for lane in 0..LANES {
        for at in 0..DEEP {
            let before = if at == 0 { "hold".to_owned() } else { format!("s-{lane}-{}", at - 1) };
            // The last one stands still, so that the run goes on while one looks.
            let run = if (lane, at) == (LANES - 1, DEEP - 1) { "read -r word < hold" } else { ":" };
            let _ = writeln!(steps, "  - {{id: s-{lane}-{at}, needs: [{before}], run: '{run}'}}");
        }
    }
    steps
}

#[test]
fn five_hundred_steps_load_and_go_by_without_moving_the_reader() {
    let world = World::of(Test::new().flow("long", &flow()).fifo("hold"));
    let run = world.start(&["--quiet", "run", "long", "--run-id", "r", "--jobs", "4"]);
    world.open("/runs");
    world.live("document.getElementById('run-r')?.innerText.includes('running')");
    let browser = world.open("/runs/r");
    world.live("document.querySelector('.graph .node.running .id')?.textContent === 'hold' && document.getElementById('live').innerText === 'live'");
    let size = browser.value(
        "({nodes: document.querySelectorAll('.graph .node').length, rows: document.querySelectorAll('.steps tbody tr').length, elements: document.querySelectorAll('*').length,
           load: Math.round(performance.getEntriesByType('navigation')[0].loadEventEnd), bytes: performance.getEntriesByType('navigation')[0].decodedBodySize})",
    );
    println!("501 steps: {size}");
    assert_eq!((&size["nodes"], &size["rows"]), (&json!(501), &json!(501)));
    assert!(size["elements"].as_u64().is_some_and(|all| all < ELEMENTS_MAX), "{size}");
    // The picture begins where something is.
    let corner = browser.run(
        "const g = document.querySelector('.graph'), a = g.getBoundingClientRect();
         return [...g.querySelectorAll('.node')].some((one) => { const b = one.getBoundingClientRect(); return b.top < a.bottom && b.left < a.right && b.bottom > a.top && b.right > a.left; });",
    );
    assert_eq!(corner, true, "the first look at a picture is not at nothing");
    // The reader is somewhere in the middle: the list scrolled, the picture too, a link under the fingers, the parameters open.
    browser.run(
        "window.row = [...document.querySelectorAll('.steps tbody tr')].find((one) => one.innerText.includes('s-9-3'));
         window.link = window.row.querySelector('a'); window.link.focus(); window.row.scrollIntoView({block: 'center'});
         window.graph = document.querySelector('.graph'); window.graph.scrollTo(300, 200);
         window.folded = document.querySelector('[id^=time]'); window.folded.open = false;
         window.place = window.row.getBoundingClientRect().top; window.shift = 0; window.tasks = []; window.frames = [];
         new PerformanceObserver((list) => { for (const one of list.getEntries()) window.shift += one.value; }).observe({type: 'layout-shift'});
         new PerformanceObserver((list) => { for (const one of list.getEntries()) window.tasks.push(Math.round(one.duration)); }).observe({type: 'longtask'});
         let last = performance.now(); const frame = (now) => { window.frames.push(now - last); last = now; requestAnimationFrame(frame); }; requestAnimationFrame(frame);",
    );
    world.word();
    world.live(&format!("document.querySelectorAll('.graph .node.succeeded').length === {}", LANES * DEEP));
    let after = browser.run(
        "const frames = window.frames.sort((a, b) => a - b);
         return {
            same: window.row.isConnected && window.graph.isConnected && document.activeElement === window.link, folded: !window.folded.open,
            graph: [window.graph.scrollLeft, window.graph.scrollTop], moved: Math.round(Math.abs(window.row.getBoundingClientRect().top - window.place)),
            shift: window.shift, tasks: window.tasks, frames: frames.length, median: Math.round(frames[frames.length >> 1]), worst: Math.round(frames[frames.length - 1]),
            row: window.row.innerText.includes('succeeded'), elements: document.querySelectorAll('*').length};",
    );
    println!("500 steps gone by: {after}");
    assert_eq!((&after["same"], &after["folded"], &after["row"]), (&json!(true), &json!(true), &json!(true)), "{after}");
    assert_eq!((&after["graph"], &after["moved"]), (&json!([300, 200]), &json!(0)), "{after}");
    assert!(after["shift"].as_f64().is_some_and(|shift| shift < 0.02), "{after}");
    assert!(after["elements"].as_u64().is_some_and(|all| all < ELEMENTS_MAX), "{after}");
    world.word();
    run.wait().code(0);
    world.live("document.getElementById('live').innerText === 'ended'");
}
