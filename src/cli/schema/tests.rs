//! The committed schemas are the ones that the types give. `UPDATE_SCHEMAS=1` writes them.

use std::path::PathBuf;

use clap::ValueEnum as _;
use serde_json::Value;

use super::{What, schema, written};
use crate::{
    cli::{
        diagnose::KnownCauses,
        doctor::DoctorReport,
        graph::Graph,
        import::ImportReport,
        init::InitReport,
        record::RecordReport,
        report::ReportText,
        retention::{HoldReport, PruneReport, RetentionStatus},
        run::RunReport,
        serve::Served,
        show::{Overview, Shown},
        users::{UserLink, UserList, UserRemoved},
    },
    inspect::{Diagnosis, Explanation, Panel, RunDiff, RunList, RunSummary, StatusReport, testing::Says, testing::TestRun},
    workspace::{AnswerReport, Catalog, OpenQuestions},
};

fn of_commands() -> Vec<(&'static str, Value)> {
    vec![
        ("agents", written::<Catalog>("cli/agents", "flow-studio agents --json")),
        ("diagnose", written::<Diagnosis>("cli/diagnose", "flow-studio diagnose --json")),
        ("diagnose-causes", written::<KnownCauses>("cli/diagnose-causes", "flow-studio diagnose --causes --json")),
        ("diff", written::<RunDiff>("cli/diff", "flow-studio diff --json")),
        ("doctor", written::<DoctorReport>("cli/doctor", "flow-studio doctor --json")),
        ("evidence", written::<Panel>("cli/evidence", "flow-studio evidence --json")),
        ("explain", written::<Explanation>("cli/explain", "flow-studio explain --json")),
        ("flows", written::<Catalog>("cli/flows", "flow-studio flows --json")),
        ("graph", written::<Graph>("cli/graph", "flow-studio graph --json")),
        ("import", written::<ImportReport>("cli/import", "flow-studio import --json")),
        ("init", written::<InitReport>("cli/init", "flow-studio init --json")),
        ("list", written::<RunList>("cli/list", "flow-studio list --json")),
        ("record", written::<RecordReport>("cli/record", "flow-studio record --json")),
        ("report", written::<ReportText>("cli/report", "flow-studio report --json")),
        ("retention-hold", written::<HoldReport>("cli/retention-hold", "flow-studio retention hold --json")),
        ("retention-prune", written::<PruneReport>("cli/retention-prune", "flow-studio retention prune --json")),
        ("retention-status", written::<RetentionStatus>("cli/retention-status", "flow-studio retention status --json")),
        ("review-answer", written::<AnswerReport>("cli/review-answer", "flow-studio review answer ID --choose KEY --json")),
        ("review-list", written::<OpenQuestions>("cli/review-list", "flow-studio review list --json")),
        ("run", written::<RunReport>("cli/run", "flow-studio run --json")),
        ("scan", written::<crate::rails::ScanReport>("cli/scan", "flow-studio scan --json")),
        ("serve", written::<Served>("cli/serve", "flow-studio serve --json")),
        ("show", written::<Shown>("cli/show", "flow-studio show --json")),
        ("status", written::<StatusReport>("cli/status", "flow-studio status --json")),
        ("summary", written::<RunSummary>("cli/summary", "The end of a run")),
        ("users-add", written::<UserLink>("cli/users-add", "flow-studio users add --json, users renew --json")),
        ("users-list", written::<UserList>("cli/users-list", "flow-studio users list --json")),
        ("users-remove", written::<UserRemoved>("cli/users-remove", "flow-studio users remove --json")),
    ]
}

#[test]
fn the_committed_schemas_are_those_of_the_types() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schemas");
    let files =
        What::value_variants().iter().filter_map(|what| Some((what.to_possible_value()?.get_name().to_owned(), schema(*what))));
    let commands = of_commands().into_iter().map(|(name, value)| (format!("cli/{name}"), value));
    for (name, value) in files.chain(commands) {
        let path = root.join(format!("{name}.schema.json"));
        let text = serde_json::to_string_pretty(&value).unwrap() + "\n";
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == text, "{} is not what the types give; run UPDATE_SCHEMAS=1 cargo test --lib schema", path.display());
    }
}

#[test]
fn what_is_written_fits_its_schema() {
    let flow = "flow: x\ntitle: X\nsteps:\n  - {id: build, run: ./build.sh, expect: {exit: 0}, on_failure: escalate}\n";
    let run = TestRun::new(&[("flows/x.yaml", flow)]).says("build", &[Says::Fails("boom")]).start();
    let view = run.view();
    let event = jsonschema::validator_for(&schema(What::Event)).unwrap();
    for entry in &run.entries {
        let value = serde_json::to_value(entry).unwrap();
        let found: Vec<String> = event.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(found.is_empty(), "{found:?}");
    }
    let paste = crate::inspect::Paste::default();
    let at = crate::inspect::testing::at("x", "build");
    let report = crate::inspect::status(&view, &paste);
    let written = [
        ("status", serde_json::to_value(&report).unwrap()),
        ("explain", serde_json::to_value(crate::inspect::explain(&view, &at).unwrap()).unwrap()),
        ("summary", serde_json::to_value(crate::inspect::summary(&view, &paste)).unwrap()),
        ("show", serde_json::to_value(Shown::Run(Box::new(Overview::new(&view, &paste)))).unwrap()),
        ("show", serde_json::to_value(Shown::Step(crate::inspect::step_files(&view, &at))).unwrap()),
    ];
    let commands = of_commands();
    for (name, value) in written {
        let schema = &commands.iter().find(|(one, _)| *one == name).unwrap().1;
        let found: Vec<String> =
            jsonschema::validator_for(schema).unwrap().iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(found.is_empty(), "{name}: {found:?}");
    }
}
