//! People with names: they sign in by a link and a button, see what they may, and sign out.

use serde_json::json;

use crate::{
    common::Test,
    looks::{axe, findings},
    world::{RELEASE, World},
};

#[test]
fn whoever_has_a_name_signs_in_answers_in_it_and_signs_out() {
    let settings = "[studio.users]\nvic = ['viewer']\nrev = ['reviewer']\n";
    let test = Test::new().flow("release", RELEASE).fifo("hold").file("home/flow-studio/config.toml", settings);
    let token = |name: &str| {
        let link = test.go(&["users", "add", name, "--origin", "https://studio.example"]).code(0).stdout;
        link.trim().split_once("token=").expect("a link").1.to_owned()
    };
    let (vic, rev) = (token("vic"), token("rev"));
    let world = World::of(test);
    world.waiting("r");
    let (browser, axe) = (&world.browser, axe());
    let sign_in = |token: &str| {
        browser.open(&world.at(&format!("/login?token={token}")));
        assert_eq!(findings(browser, &axe), Vec::<String>::new());
        browser.click("form button.primary");
        browser.until("location.pathname === '/' && document.querySelector('.who')");
        assert_eq!(browser.value("location.search"), json!(""), "the token leaves the address");
    };
    browser.as_wide_as(360, 740, true);
    sign_in(&vic);
    assert_eq!(browser.value("document.querySelector('.who span').innerText"), json!("vic"));
    // Whoever may only look sees no form; what there is fits.
    for path in ["/runs/r/questions/gate-1", "/runs/r", "/flows/release"] {
        world.open(path);
        assert_eq!(browser.value("document.querySelectorAll('main form.answer').length"), json!(0), "{path}");
        assert_eq!(browser.value("document.documentElement.scrollWidth"), json!(360), "{path}");
        assert_eq!(findings(browser, &axe), Vec::<String>::new(), "{path}");
    }
    browser.click(".who button");
    browser.until("document.querySelector('h1').innerText === 'You have signed out'");
    browser.open(&world.at("/runs/r"));
    browser.until("document.body.innerText.includes('link')");
    assert_eq!(browser.value("document.querySelector('.graph')"), json!(null));
    sign_in(&rev);
    world.open("/runs/r/questions/gate-1");
    browser.click("input[value=approve]");
    browser.click("input[name=sure]");
    browser.click("form.answer button");
    browser.until("location.pathname === '/runs/r'");
    assert_eq!(world.test.facts("r", "escalation_answered")[0]["answer"]["by"], json!("rev"));
}
