//! The studio without a mouse: everything can be reached, one sees where one is, and a question is answered.

use serde_json::{Value, json};

use crate::{
    driver::{Browser, ENTER, SPACE, TAB},
    world::World,
};

/// More stops than any page of these tests has.
const STOPS_MAX: usize = 120;

/// Where the focus is: what it is called, and whether one sees it.
const FOCUS: &str = "
    const at = document.activeElement;
    const style = getComputedStyle(at);
    const box = at.getBoundingClientRect();
    const ring = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
    const shape = at.querySelector(':scope .box');
    const drawn = at.closest('svg') && shape && parseFloat(getComputedStyle(shape).strokeWidth) >= 3;
    return {
        tag: at.tagName.toLowerCase(), name: at.name || '', value: at.value || '', words: at.getAttribute('aria-label') || at.innerText || '',
        href: at.getAttribute('href') || '',
        seen: Boolean(ring || drawn) && box.width > 0 && box.right > 0 && box.bottom > 0 && box.top < innerHeight,
        free: !document.elementFromPoint(Math.max(0, box.left) + Math.min(box.width, innerWidth) / 2, box.top + Math.min(box.height, 10) / 2)?.closest('.top') || Boolean(at.closest('.top')),
    };";

/// Presses Tab until something is reached; every stop on the way must be seen.
#[track_caller]
fn tab_to(browser: &Browser, what: &str, reached: impl Fn(&Value) -> bool) -> Value {
    let mut stops = Vec::new();
    for _ in 0..STOPS_MAX {
        browser.press(&[TAB]);
        let stop = browser.run(FOCUS);
        assert_eq!(stop["seen"], true, "nobody sees where the focus is: {stop}");
        assert_eq!(stop["free"], true, "the focus is below the head of the page: {stop}");
        if reached(&stop) {
            return stop;
        }
        stops.push(format!("{} {}", stop["tag"], stop["words"]));
    }
    panic!("no key leads to {what}; it went over\n{}", stops.join("\n"));
}

#[test]
fn a_question_is_found_and_answered_with_keys_alone() {
    let world = World::release();
    world.waiting("r");
    let browser = world.open("/");
    // The first stop leads past what all pages have.
    browser.press(&[TAB]);
    let first = browser.run(FOCUS);
    assert_eq!((&first["words"], &first["seen"]), (&json!("To the content"), &json!(true)));
    browser.press(&[ENTER]);
    browser.until("document.activeElement.id === 'main'");
    tab_to(browser, "the question", |stop| stop["words"] == "Bring 1.4.0 out?");
    browser.press(&[ENTER]);
    browser.until("location.pathname === '/runs/r/questions/gate-1'");
    // Radio buttons are one stop; arrows go between them.
    tab_to(browser, "the answers", |stop| stop["name"] == "choose");
    browser.press(&[SPACE]);
    browser.until("document.querySelector('[name=choose]:checked')");
    while browser.value("document.querySelector('[name=choose]:checked').value") != "approve" {
        browser.press(&["\u{E015}"]);
    }
    tab_to(browser, "the note", |stop| stop["name"] == "note");
    browser.press(&["f", "i", "n", "e"]);
    tab_to(browser, "the box", |stop| stop["name"] == "sure");
    browser.press(&[SPACE]);
    tab_to(browser, "the button", |stop| stop["tag"] == "button");
    browser.press(&[ENTER]);
    browser.until("location.pathname === '/runs/r'");
    let given = &world.test.facts("r", "escalation_answered")[0]["answer"];
    assert_eq!((&given["choose"], &given["note"]), (&json!("approve"), &json!("fine")));
}

#[test]
fn every_step_of_a_picture_is_reached_and_says_where_it_stands() {
    let world = World::release();
    world.waiting("r");
    let browser = world.open("/runs/r");
    let named = |name: &'static str| move |stop: &Value| stop["words"] == name;
    for name in [
        "notes, run, Write down what is new: succeeded",
        "gate, ask, Bring it out?: waiting",
        "ship, run, Put it where people find it: to come",
    ] {
        tab_to(browser, name, named(name));
    }
    browser.press(&[ENTER]);
    browser.until("location.pathname === '/runs/r/step' && document.querySelector('h1').innerText.startsWith('ship')");
    // Past a picture of hundreds of steps there is a shorter way.
    world.open("/runs/r");
    tab_to(browser, "the way past the picture", |stop| stop["words"] == "Past the picture, to the list of steps");
    browser.press(&[ENTER]);
    let next = tab_to(browser, "something in the list", |_| true);
    assert!(next["tag"] == "summary" || next["words"].as_str().is_some_and(|words| words.contains("teps")), "{next}");
}

#[test]
fn what_is_folded_is_opened_with_keys_and_stays_open_while_the_page_goes_on() {
    let world = World::release();
    let run = world.begun("r");
    let browser = world.open("/runs/r");
    world.live("document.querySelector('.graph .node.running') && document.getElementById('live').innerText === 'live'");
    tab_to(browser, "the parameters", |stop| {
        stop["tag"] == "summary" && stop["words"].as_str().is_some_and(|words| words.contains("Parameters"))
    });
    browser.press(&[ENTER]);
    browser.until("document.querySelector('[id^=params]').open");
    world.word();
    world.live("document.querySelector('.graph .node.waiting')");
    assert_eq!(browser.value("document.querySelector('[id^=params]').open"), json!(true));
    assert_eq!(
        browser.value("document.activeElement.innerText.includes('Parameters')"),
        json!(true),
        "the focus stays where it was"
    );
    run.wait().code(4);
}
