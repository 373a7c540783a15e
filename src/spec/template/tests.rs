use serde_json::json;

use super::*;

fn names() -> Names {
    Names {
        params: Some(Arc::new(["client".to_owned(), "places".to_owned()].into())),
        steps: Arc::new(["build".to_owned(), "unit-tests".to_owned()].into()),
        others: ["run".to_owned()].into(),
        ..Names::default()
    }
}

fn render(text: &str, scope: &Value) -> String {
    Template::compile(text, &names()).unwrap().render(scope).unwrap()
}

fn wrong(text: &str) -> String {
    let problems = Template::compile(text, &names()).unwrap_err();
    problems.iter().map(|p| format!("{}@{} {p}", p.code, p.at)).collect::<Vec<_>>().join(" | ")
}

#[test]
fn a_value_is_never_rendered_again_and_never_escaped() {
    let scope = json!({"params": {"client": "{{steps.build.stdout}} <b>&'\"", "places": ["{{x}}"]}});
    assert_eq!(render("hi {{params.client}}!", &scope), "hi {{steps.build.stdout}} <b>&'\"!");
    assert_eq!(render("{{#each params.places}}{{this}},{{/each}}", &scope), "{{x}},");
    assert_eq!(Template::literal("{{x}}").render(&scope).unwrap(), "{{x}}");
}

#[test]
fn names_are_checked_when_the_template_is_read() {
    assert_eq!(wrong("a {{params.clent}}"), "unknown-param@11 the flow has no parameter `clent` (did you mean `params.client`?)");
    assert_eq!(
        wrong("{{steps.unit-test.stdout}}"),
        "unknown-step@8 there is no step `unit-test` (did you mean `steps.unit-tests`?)"
    );
    assert!(wrong("{{steps.build.stdut}}").contains("did you mean `stdout`?"));
    assert!(wrong("{{client}}").contains("did you mean `params.client`?"));
    assert!(wrong("{{josn params}}").contains("did you mean `json`?"));
    assert!(wrong("{{> other}}").contains("partials"));
    assert!(wrong("{{#each params.places}}{{params.client}}{{/each}}").contains("@root.params.client"));
    assert!(wrong("one\ntwo {{#if params.client}}").starts_with("bad-template@"));
    assert!(wrong("{{log params.client}}").starts_with("unknown-helper"));
    assert_eq!(wrong("{{run.nope}}"), "unknown-field@6 `run` has no `nope` (known: id, by)");
    assert!(wrong("{{#each params.places}}{{@root.run.nope}}{{/each}}").contains("`run` has no `nope`"));
    assert!(
        wrong("{{default params.client}}")
            .contains("`default` needs 2 values (write it like `{{default params.note \"none\"}}`)")
    );
    assert!(wrong("{{#if (eq params.client)}}x{{/if}}").contains("`eq` needs 2 values"));
    for right in ["{{run.id}} {{run.by}}", "{{default params.client \"x\"}}", "{{#if (not params.client)}}x{{/if}}"] {
        assert!(Template::compile(right, &names()).is_ok(), "{right}");
    }
    let frozen = Names { frozen: true, ..names() };
    assert!(Template::compile("{{run.nope}}{{default params.client}}", &frozen).is_ok());
}

#[test]
fn what_a_template_reads_is_known() {
    let all = Template::compile(
        "{{steps.build.stdout}}{{#each params.places as |p|}}{{p}}{{@root.steps.unit-tests.exit_code}}{{../run.id}}{{/each}}",
        &names(),
    )
    .unwrap();
    assert_eq!(all.reads().steps["build"], [StepField::Stdout].into());
    assert_eq!(all.reads().steps["unit-tests"], [StepField::ExitCode].into());
    assert!(!all.reads().steps_dynamic && all.reads().tops.contains("run"));
    assert!(Template::compile("{{#each steps}}{{/each}}", &names()).unwrap().reads().steps_dynamic);
    assert!(Template::compile("{{json (lookup steps params.client)}}", &names()).unwrap().reads().steps_dynamic);
}

#[test]
fn a_missing_value_is_an_error_unless_a_default_is_given() {
    let template = Template::compile("x\n  {{params.client}}", &names()).unwrap();
    let error = template.render(&json!({"params": {}})).unwrap_err();
    assert_eq!((error.line, error.message.contains("params.client")), (2, true), "{error}");
    assert_eq!(render("{{default params.client \"none\"}}", &json!({"params": {"client": null}})), "none");
    assert_eq!(render("{{#if params.client}}a{{else}}b{{/if}}", &json!({"params": {"client": ""}})), "b");
    assert_eq!(render("{{json params}}", &json!({"params": {"client": 1}})), "{\n  \"client\": 1\n}");
}

#[test]
fn hostile_templates_are_refused_before_they_recurse() {
    assert!(wrong(&"{{#if params.client}}".repeat(5000)).starts_with("template-too-big"));
    assert!(wrong(&format!("{{{{json {}", "(json ".repeat(5000))).starts_with("template-too-big"));
    let big = json!({"params": {"client": "x".repeat(600_000), "places": []}});
    let twice = Template::compile("{{params.client}}{{params.client}}", &names()).unwrap();
    assert!(twice.render(&big).unwrap_err().message.contains("1048576"));
}
