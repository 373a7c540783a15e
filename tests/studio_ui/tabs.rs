//! Two people, or one person twice, with the same question before them.

use serde_json::json;

use crate::world::World;

const QUESTION: &str = "/runs/r/questions/gate-1";

fn fill(world: &World, choose: &str) {
    world.browser.click(&format!("input[value={choose}]"));
    world.browser.write("textarea[name=note]", "as I see it");
    world.browser.click("input[name=sure]");
}

#[test]
fn of_two_tabs_one_decides_and_the_other_is_told() {
    let world = World::release();
    world.waiting("r");
    let browser = &world.browser;
    // Nothing tells this one: it is as it was when it was opened.
    let deaf = browser.new_tab();
    browser.switch_to(&deaf);
    browser.scripts(false);
    browser.open(&world.at(QUESTION));
    fill(&world, "reject");
    // This one follows what happens, with a form that somebody has begun to fill in.
    let other = browser.new_tab();
    browser.switch_to(&other);
    world.open(QUESTION);
    world.live("document.getElementById('live').innerText === 'live'");
    fill(&world, "reject");
    let mine = browser.new_tab();
    browser.switch_to(&mine);
    world.open(QUESTION);
    fill(&world, "approve");
    browser.click("form.answer button");
    browser.until("location.pathname === '/runs/r'");

    browser.switch_to(&other);
    world.live("document.getElementById('main').innerText.includes('It is closed')");
    world.live("document.querySelector('form.answer button').disabled");
    assert_eq!(
        browser.value("document.querySelector('form.answer textarea').value"),
        json!("as I see it"),
        "nothing written is lost"
    );

    browser.switch_to(&deaf);
    browser.click("form.answer button");
    let told = || browser.value("document.body.innerText").as_str().expect("text").to_owned();
    crate::common::until("the other is told", || told().contains("is closed (answered `approve`"));
    let taken = world.test.facts("r", "escalation_answered");
    assert_eq!((taken.len(), &taken[0]["answer"]["choose"]), (1, &json!("approve")));
    assert_eq!(world.test.facts("r", "answer_refused").len(), 1, "the other one is written down as well");
}

#[test]
fn a_form_that_nobody_touched_goes_when_its_question_is_closed() {
    let world = World::release();
    world.waiting("r");
    world.open(QUESTION);
    world.live("document.getElementById('live').innerText === 'live'");
    world.test.go(&["review", "answer", "r/gate-1", "--choose", "reject", "--note", "not this one"]);
    world.live("!document.querySelector('form.answer') && document.getElementById('main').innerText.includes('not this one')");
}
