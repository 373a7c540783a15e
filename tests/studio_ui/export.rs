//! A run as one file: downloaded from its page, opened from a disk, with nothing from elsewhere.

use serde_json::json;

use crate::looks::{axe, findings, story};

#[test]
fn a_run_is_downloaded_as_one_file_that_reads_by_itself() {
    let world = story();
    let browser = world.open("/runs/r");
    let downloads = world.test.at("downloads");
    std::fs::create_dir(&downloads).expect("a directory");
    let to = json!({"behavior": "allow", "downloadPath": downloads.display().to_string(), "eventsEnabled": false});
    browser.chrome("Browser.setDownloadBehavior", &to);
    browser.click(".tabs a[download]");
    let file = downloads.join("r.html");
    crate::common::until("the file is there", || file.exists());
    browser.open(&format!("file://{}", file.display()));
    let words = browser.value("document.body.innerText");
    let words = words.as_str().expect("text");
    for part in ["Evidence", "Timeline", "Bring it out to everybody?", "Every decision", "format-fix", "critique"] {
        assert!(words.contains(part), "{part} is not in\n{words}");
    }
    assert_eq!(browser.value("document.querySelectorAll('svg.flow-graph').length"), json!(3), "one picture for each flow");
    assert_eq!(
        browser.value("performance.getEntriesByType('resource').length + document.scripts.length"),
        json!(0),
        "nothing from elsewhere"
    );
    browser.as_wide_as(360, 740, true);
    assert_eq!(browser.value("document.documentElement.scrollWidth"), json!(360));
    let axe = axe();
    for scheme in ["light", "dark"] {
        browser.prefers(scheme, "reduce");
        let wrong = findings(browser, &axe);
        assert!(wrong.is_empty(), "{scheme}:\n{}", wrong.join("\n"));
    }
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
