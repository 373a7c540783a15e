use serde_json::json;

use super::{super::StepField, *};

fn names() -> Names {
    Names {
        params: Some(Arc::new(["client".to_owned(), "places".to_owned()].into())),
        steps: Arc::new(["build".to_owned(), "unit-tests".to_owned()].into()),
        others: ["step".to_owned(), "json".to_owned()].into(),
        ..Names::default()
    }
}

fn scope(value: Value) -> Scope {
    value.as_object().unwrap().clone().into_iter().collect()
}

fn eval(text: &str, value: Value) -> Result<Value, String> {
    Expr::compile(text, &names()).unwrap().eval(&scope(value)).map_err(|error| error.message)
}

fn wrong(text: &str) -> String {
    let problems = Expr::compile(text, &names()).unwrap_err();
    problems.iter().map(|p| format!("{}@{} {p}", p.code, p.at)).collect::<Vec<_>>().join(" | ")
}

#[test]
fn names_are_checked_when_the_expression_is_read() {
    assert_eq!(wrong("params.clent == 'x'"), "unknown-param@7 the flow has no parameter `clent` (did you mean `params.client`?)");
    assert!(wrong("steps['unit-test'].passed").contains("did you mean `steps['unit-tests']`?"));
    assert!(wrong("steps.build.passd").contains("did you mean `passed`?"));
    assert!(wrong("client == 'x'").contains("did you mean `params.client`?"));
    assert!(wrong("measured.tests > 1").contains("known only in"));
    assert!(wrong("steps.biuld.passed && params.x == 1").contains(" | "));
    assert!(wrong("a and b").contains("CEL writes"));
    assert!(wrong("params.client = 'x'").contains("write `==`"));
    assert!(wrong("").contains("empty"));
    assert_eq!(
        wrong("frobnicate(params.client)").split(" (").next(),
        Some("unknown-function@0 there is no function `frobnicate`")
    );
    assert!(wrong("params.client.startswith('b')").contains("no method `startswith` (did you mean `startsWith`?)"));
    assert!(wrong("steps.build.stdout.trim() == '1'").contains("unknown-function@19 there is no method `trim`"));
    assert!(wrong("contains(params.client, 'x')").contains("it is written `text.contains(…)`"));
    assert!(wrong("params.client.has()").contains("it is written `has(a.b)`"));
    // A run that began before functions were looked at goes on.
    assert!(Expr::compile("frobnicate(params.client)", &Names { frozen: true, ..names() }).is_ok());
}

#[test]
fn what_an_expression_reads_is_known() {
    let expr = Expr::compile("has(steps.build.json) && steps['unit-tests'].json.a[0].b > 1 && step.passed", &names()).unwrap();
    assert_eq!(expr.steps().unwrap(), ["build", "unit-tests"]);
    assert_eq!(expr.reads().steps["unit-tests"], [StepField::Json].into());
    assert_eq!(expr.reads().step, [StepField::Passed].into());
    assert_eq!(Expr::compile("steps.all(id, steps[id].passed)", &names()).unwrap().steps(), None);
    assert_eq!(Expr::compile("steps[params.client].passed", &names()).unwrap().steps(), None);
    assert_eq!(Expr::compile("params.places.all(steps, steps == 'x')", &names()).unwrap().steps().unwrap(), [""; 0]);
    assert!(Expr::compile("1 + 1 == 2", &names()).unwrap().is_constant());
}

#[test]
fn values_come_and_go_as_json() {
    assert_eq!(
        eval("json.n > 1 && json.f < 2 && json.s.startsWith('a')", json!({"json": {"n": 2, "f": 1.5, "s": "ab"}})),
        Ok(json!(true))
    );
    assert_eq!(eval("json.f > 1", json!({"json": {"f": 1.5}})), Ok(json!(true)));
    assert_eq!(eval("json.f == 1", json!({"json": {"f": 1.0}})), Ok(json!(true)));
    assert_eq!(eval("json.l.map(x, x * 2)", json!({"json": {"l": [1, 2]}})), Ok(json!([2, 4])));
    assert_eq!(eval("json.s.matches('^a+$') && 'b' in json.l", json!({"json": {"s": "aa", "l": ["b"]}})), Ok(json!(true)));
    assert_eq!(eval("size(json.m)", json!({"json": {"m": {"a": 1}}})), Ok(json!(1)));
    assert!(eval("json.nope", json!({"json": {}})).unwrap_err().contains("there is no `nope`"));
    assert!(Expr::compile("json.a", &names()).unwrap().eval_bool(&scope(json!({"json": {"a": 1}}))).is_err());
    assert!(Expr::compile("json.a", &names()).unwrap().eval_list(&scope(json!({"json": {"a": 1}}))).is_err());
}

#[test]
fn a_map_is_gone_through_in_the_order_of_its_keys() {
    let many: serde_json::Map<String, Value> = (0..50).map(|n| (format!("k{n:02}"), json!(n))).collect();
    let sorted: Vec<Value> = many.keys().map(|key| json!(key)).collect();
    assert_eq!(eval("json.map(k, k)", json!({"json": many})), Ok(Value::Array(sorted)));
}

#[test]
fn hostile_expressions_neither_crash_nor_hang() {
    let deep = [
        "(".repeat(2000),
        "!".repeat(4000),
        "-".repeat(4000),
        "[".repeat(4000),
        "{'a':".repeat(700),
        format!("json{}", ".a".repeat(2000)),
        format!("1{}", "+1".repeat(2000)),
        "true?".repeat(700),
        format!("json{}", "[0]".repeat(1300)),
        "'('".repeat(1000),
        "r'\\'+".repeat(600),
        "json.map(a,".repeat(300),
        "\u{0}\u{7f}".to_owned(),
    ];
    for text in &deep {
        assert!(Expr::compile(text, &names()).is_err(), "{text:.20}");
    }
    let list: Vec<u32> = (0..2000).collect();
    let squared = eval("json.all(a, json.all(b, json.all(c, a + b + c >= 0)))", json!({"json": list}));
    assert!(squared.unwrap_err().contains("elements were visited"));
    // As deep as the limits let it be.
    for text in [
        format!("json{}", ".a".repeat(140)),
        format!("json{}", "+1".repeat(140)),
        format!("{}true", "!".repeat(299)),
        "true?true:".repeat(140) + "json",
    ] {
        if let Ok(expr) = Expr::compile(&text, &names()) {
            let _ = expr.eval(&scope(json!({"json": 1})));
        }
    }
}
