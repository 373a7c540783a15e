//! A run from its first step to its end, watched and decided in the browser.

use serde_json::json;

use crate::world::World;

const NODE: &str = "document.querySelector('.graph .node";

#[test]
fn a_run_is_followed_sent_back_approved_and_ended_in_the_browser() {
    let world = World::driving();
    let browser = &world.browser;
    browser.until("document.querySelector('.empty').innerText.includes('Nothing waits for you')");
    // The list of runs, in another tab, hears of what is started here.
    let list = browser.new_tab();
    browser.switch_to(&list);
    world.open("/runs");
    world.live("document.getElementById('live').innerText === 'live'");
    let mine = browser.new_tab();
    browser.switch_to(&mine);
    // What is wrong is said beside its field, and nothing has started.
    world.open("/flows/release");
    browser.write("input[name='params.version']", "the next one");
    browser.write("input[name=run_id]", "r");
    browser.click("form[action$='/start'] button.primary");
    browser.until("document.querySelector('[aria-invalid=true]')?.name === 'params.version'");
    let told = browser.complaints();
    assert!(told.len() == 1 && told[0].contains("422"), "{told:?}");
    browser.run("document.querySelector(\"input[name='params.version']\").value = '';");
    browser.write("input[name='params.version']", "1.4.0");
    browser.click("form[action$='/start'] button.primary");
    browser.until("location.pathname === '/runs/r' && document.querySelector('.graph')");
    browser.run("window.same = true;");
    browser.switch_to(&list);
    world.live("document.querySelector('#run-r .badge').classList.contains('running')");
    browser.switch_to(&mine);
    world.live(&format!("{NODE}.running .id').textContent === 'notes'"));
    world.live("document.querySelector('#stands').innerText.includes('Running') && document.querySelector('#stands a').innerText === 'notes'");
    world.word();
    // It meets its question, and the page tells so by itself.
    world.live("document.querySelector('#stands h2').innerText === 'Bring 1.4.0 out?'");
    world.live(&format!("{NODE}.waiting .id').textContent === 'gate' && {NODE}.succeeded .id').textContent === 'notes'"));
    browser.click("#stands h2 a");
    browser.until("location.pathname === '/runs/r/questions/gate-1'");
    let packet = browser.value("document.querySelector('.evidence').innerText");
    let packet = packet.as_str().expect("text");
    assert!(packet.contains("NOTES.md") && packet.contains("What is new") && packet.contains("Links that expire."), "{packet}");
    // Not yet: back, with a word about why.
    browser.click("input[value='push-back:notes']");
    browser.write("textarea[name=note]", "say since when");
    browser.click("input[name=sure]");
    browser.click("form.answer button");
    browser.until("location.pathname === '/runs/r'");
    browser.run("window.same = true;");
    let given = &world.test.facts("r", "escalation_answered")[0]["answer"];
    assert_eq!((&given["choose"], &given["note"]), (&json!("push-back:notes"), &json!("say since when")));
    // It goes on by itself.
    world.live(&format!("{NODE}.running .id').textContent === 'notes'"));
    world.word();
    world.live("document.querySelector('#stands h2 a')?.pathname === '/runs/r/questions/gate-2'");
    browser.click("#stands h2 a");
    browser.until("location.pathname === '/runs/r/questions/gate-2'");
    browser.click("input[value=approve]");
    browser.click("input[name=sure]");
    browser.click("form.answer button");
    browser.until("location.pathname === '/runs/r'");
    browser.run("window.same = true;");
    world.live(&format!("{NODE}.running .id').textContent === 'ship'"));
    world.word();
    world.live("document.querySelector('h1 .badge').innerText.includes('succeeded') && document.getElementById('live').innerText === 'ended'");
    assert_eq!(browser.value("document.querySelectorAll('.graph .node.succeeded').length"), json!(3));
    world.test.verified(0);
    assert_eq!(browser.value("document.querySelector('progress').value"), json!(3));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn the_log_of_a_step_that_runs_is_open_and_what_was_told_stays_where_it_was() {
    let world = World::release();
    let first = world.begun("r");
    world.open("/runs/r/step?flow=release&step=notes");
    world.live("document.querySelector('h1 .badge').innerText.includes('running')");
    world.live("document.getElementById('log').open && !document.getElementById('receipt').open");
    world.word();
    world.live("document.querySelector('h1 .badge').innerText.includes('succeeded')");
    world.live("document.querySelector('#receipt').textContent.includes('Exit code')");
    assert_eq!(world.browser.value("document.getElementById('log').open"), json!(true), "whoever reads it goes on reading");
    first.wait().code(4);
}

/// Pages beside the run itself: what they tell changes while they are open.
#[test]
fn evidence_diagnosis_artifacts_and_comparisons_follow_the_run() {
    let world = World::release();
    world.waiting("other");
    let first = world.begun("r");
    let pages = [
        (
            "/runs/r/evidence",
            "document.querySelector('h1 .badge')?.innerText.includes('running')",
            "document.querySelector('h1 .badge').innerText.includes('waiting')",
        ),
        (
            "/runs/r/diagnosis",
            "document.querySelector('.verdict .badge')",
            "document.querySelector('.verdict .badge').innerText.includes('waiting')",
        ),
        ("/runs/r/artifacts", "document.querySelector('.empty')", "document.querySelector('tbody a').innerText === 'notes.md'"),
        (
            "/compare?a=other&b=r",
            "document.querySelectorAll('.badge')[1]?.innerText.includes('running')",
            "document.querySelectorAll('.badge')[1].innerText.includes('waiting')",
        ),
    ];
    let tabs: Vec<String> = pages
        .iter()
        .map(|(path, before, _)| {
            let tab = world.browser.new_tab();
            world.browser.switch_to(&tab);
            world.open(path);
            world.live(&format!("({before}) && document.getElementById('live').innerText === 'live'"));
            tab
        })
        .collect();
    world.word();
    first.wait().code(4);
    for (tab, (path, _, after)) in tabs.iter().zip(&pages) {
        world.browser.switch_to(tab);
        world.live(after);
        assert!(world.browser.address().ends_with(path));
    }
}
