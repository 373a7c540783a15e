//! How pictures look: one style sheet for all of them, in light and dark.

use std::fmt::Write as _;

use super::Mark;

const LIGHT: &str = "\
.flow-graph{font-family:ui-sans-serif,system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}\
.page{fill:#fff}.heading{font-size:15px;font-weight:600;fill:#0f172a}\
.box{fill:#fff;stroke:#64748b;stroke-width:1.4}.inner{fill:none;stroke:#64748b;stroke-width:1}\
.id{font-size:13px;font-weight:600;fill:#0f172a}.verb{font-size:11px;fill:#475569}.say{font-size:11px;fill:#334155}\
.note{font-size:10.5px;fill:#475569}.within{font-size:11px;font-weight:600;fill:#334155}.tag{font-size:10px;font-weight:600;fill:#fff;text-anchor:middle}.tag-box{fill:#9333ea}\
.tag-box.sometimes{fill:#fff;stroke:#9333ea;stroke-width:1.2}.tag.sometimes{fill:#7e22ce}\
.need{fill:none;stroke:#94a3b8;stroke-width:1.4}.head{fill:#94a3b8}\
.back{fill:none;stroke:#ea580c;stroke-width:1.4;stroke-dasharray:5 3}.head.back{fill:#ea580c;stroke:none}\
.back-label{font-size:11px;font-weight:600;fill:#c2410c;text-anchor:middle}.halo{fill:#fff}\
.stripe{stroke:none}.command .stripe{fill:#0284c7}.agent .stripe{fill:#7c3aed}.person .stripe{fill:#db2777}\
.subflow .stripe{fill:#0d9488}.builtin .stripe{fill:#64748b}\
.mark{font-size:13px;font-weight:700;text-anchor:middle}.skipped .id,.skipped .verb,.skipped .say,.skipped .note{fill:#5b6675}\
.skipped .box{stroke-dasharray:4 3}";

const DARK: &str = "\
.page{fill:#0f172a}.heading,.id{fill:#f1f5f9}.box{fill:#1e293b;stroke:#94a3b8}.inner{stroke:#94a3b8}.verb{fill:#cbd5e1}\
.say{fill:#e2e8f0}.note{fill:#a3b0c2}.within{fill:#e2e8f0}.need{stroke:#64748b}.head{fill:#64748b}.halo{fill:#0f172a}.back{stroke:#fb923c}\
.head.back{fill:#fb923c}.back-label{fill:#fdba74}.tag-box.sometimes{fill:#1e293b;stroke:#c084fc}.tag.sometimes{fill:#d8b4fe}";

/// The style sheet of all pictures.
pub fn svg_style() -> String {
    let mut css = LIGHT.to_owned();
    for mark in Mark::ALL {
        let ((fill, border), ink) = (mark.colors(), mark.ink());
        let _ = write!(css, ".{0} .box{{fill:{fill};stroke:{border}}}.{0} .mark{{fill:{ink}}}", mark.word());
    }
    let _ = write!(css, "@media(prefers-color-scheme:dark){{{DARK}");
    for mark in Mark::ALL {
        let (fill, text) = dark(mark);
        let _ = write!(css, ".{0} .box{{fill:{fill};stroke:{text}}}.{0} .mark{{fill:{text}}}", mark.word());
    }
    css.push_str(".skipped .id,.skipped .verb,.skipped .say,.skipped .note{fill:#a3b0c2}");
    css.push('}');
    css
}

fn dark(mark: Mark) -> (&'static str, &'static str) {
    match mark {
        Mark::Running => ("#172554", "#60a5fa"),
        Mark::Waiting => ("#3b0764", "#c084fc"),
        Mark::Succeeded => ("#052e16", "#4ade80"),
        Mark::Concerns => ("#451a03", "#fbbf24"),
        Mark::Failed => ("#450a0a", "#f87171"),
        Mark::Skipped => ("#1e293b", "#94a3b8"),
    }
}
