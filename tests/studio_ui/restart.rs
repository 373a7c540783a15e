//! The studio is killed while somebody looks, and comes back.

use serde_json::json;

use crate::world::World;

#[test]
fn a_studio_that_was_killed_is_found_again_by_the_page_and_nothing_is_lost() {
    let mut world = World::release();
    let run = world.begun("r");
    world.open("/runs/r");
    world.live("document.querySelector('.graph .node.running') && document.getElementById('live').innerText === 'live'");
    // What happens now nobody tells the page.
    world.kill_studio();
    world.live("document.getElementById('live').innerText === 'not reached'");
    world.word();
    run.wait().code(4);
    assert_eq!(world.browser.value("document.querySelector('.graph .node.running .id').textContent"), json!("notes"));
    world.start_studio_again();
    world.live("document.getElementById('live').innerText === 'live'");
    world.live("document.querySelector('.graph .node.waiting .id').textContent === 'gate'");
    // The cookie is good as before, and a form of this start counts.
    world.browser.click("#stands h2 a");
    world.browser.until("location.pathname === '/runs/r/questions/gate-1'");
    world.browser.click("input[value=approve]");
    world.browser.click("input[name=sure]");
    world.browser.click("form.answer button");
    world.browser.until("location.pathname === '/runs/r'");
    assert_eq!(world.test.facts("r", "escalation_answered").len(), 1);
    world.test.verified(0);
}

#[test]
fn a_form_from_before_the_kill_decides_nothing_and_says_so() {
    let mut world = World::release();
    world.waiting("r");
    world.open("/runs/r/questions/gate-1");
    world.browser.click("input[value=approve]");
    world.browser.click("input[name=sure]");
    world.kill_studio();
    world.start_studio_again();
    world.browser.click("form.answer button");
    world.browser.until("document.body.innerText.includes('before the last start')");
    assert!(world.test.facts("r", "escalation_answered").is_empty());
}
