//! What a section of a runbook is for, by its title.
//! In: a title. Out: one of a few kinds. Never: a kind that its words do not say.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Work, in its order.
    Procedure,
    Goal,
    Role,
    Params,
    Prerequisites,
    ReadFirst,
    Rails,
    Rollback,
    Done,
    Escalate,
    /// For reading: kept as a comment.
    Reading,
}

pub(super) fn part_of(title: &str) -> Option<Part> {
    let title = title.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| title.contains(word));
    let is = |words: &[&str]| words.iter().any(|word| title.trim() == *word || title.trim().starts_with(&format!("{word} ")));
    let part =
        if says(&["definition of done", "acceptance criteria", "verification checklist", "done when", "completion checklist"]) {
            Part::Done
        } else if says(&["read first", "before you read", "required reading"]) {
            Part::ReadFirst
        } else if says(&["prerequisite", "before you begin", "before you start", "requirements"]) && !says(&["parameter"]) {
            Part::Prerequisites
        } else if says(&["parameter", "required inputs", "information to gather"]) || is(&["inputs", "variables"]) {
            Part::Params
        } else if says(&["safety rail", "guardrail", "safety rule", "never do", "do not do", "don'ts", "non-goals", "non goals"])
            || is(&["safety"])
        {
            Part::Rails
        } else if says(&["rollback", "roll back", "back out", "backout", "revert"]) || is(&["undo"]) {
            Part::Rollback
        } else if says(&["when to escalate", "escalation"]) {
            Part::Escalate
        } else if is(&["role", "authority", "owner"]) {
            Part::Role
        } else if says(&["when to use", "use this runbook"])
            || is(&["purpose", "goal", "overview", "summary", "about", "introduction"])
        {
            Part::Goal
        } else if says(&[
            "see also",
            "template",
            "quick reference",
            "changelog format",
            "appendix",
            "glossary",
            "skill dependencies",
            "workflow summary",
            "if your variant",
            "example",
            "history",
            "revision",
        ]) || is(&["references", "notes", "background", "links", "contacts", "related", "the rule"])
        {
            Part::Reading
        } else {
            return None;
        };
    Some(part)
}

/// What a line that ends with a colon says of what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    /// Output that a command should have.
    Expected,
    /// The next command is only for a case that may not be there.
    Conditional,
    /// One of them is chosen.
    Choose,
    /// Work for a person or a command.
    Work,
    /// To be read, because it holds for what follows.
    Hold,
}

pub(super) fn label_of(text: &str) -> Label {
    let text = text.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    // The last sentence says what follows.
    let end = text.trim_end_matches([':', '*', ' ']).rsplit(['.', '\n']).next().unwrap_or_default().trim().to_owned();
    if says(&["expected output", "expected result", "you should see", "should show", "expect to see"]) && !end.starts_with("if ")
        || end == "expected"
        || end.starts_with("expected ")
        || end.starts_with("expected:")
    {
        Label::Expected
    } else if end.starts_with("if ") || end.starts_with("otherwise") || end.starts_with("when ") && end.len() < 80 {
        Label::Conditional
    } else if says(&[
        "common fix",
        "possible fix",
        "common cause",
        "common error",
        "likely cause",
        "two options",
        "one of",
        "either",
        "which of",
    ]) {
        Label::Choose
    } else {
        Label::Work
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_say_what_a_section_is_for() {
        for (title, part) in [
            ("Required Parameters", Some(Part::Params)),
            ("Definition of Done", Some(Part::Done)),
            ("Rollback", Some(Part::Rollback)),
            ("Read First", Some(Part::ReadFirst)),
            ("Safety Rails for This Change", Some(Part::Rails)),
            ("Restart the queue", None),
            ("Prerequisites", Some(Part::Prerequisites)),
            ("See Also", Some(Part::Reading)),
            ("Role / Authority", Some(Part::Role)),
        ] {
            assert_eq!(part_of(title), part, "{title}");
        }
    }

    #[test]
    fn a_line_with_a_colon_says_what_follows() {
        for (text, label) in [
            ("Expected output:", Label::Expected),
            ("All should be up. If not:", Label::Conditional),
            ("Common fixes:", Label::Choose),
            ("Diagnose:", Label::Work),
            ("If it is not running, start it:", Label::Conditional),
            ("Expected:", Label::Expected),
        ] {
            assert_eq!(label_of(text), label, "{text}");
        }
    }
}
