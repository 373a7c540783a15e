//! What a runbook leaves blank in its commands: `<name>`, `{{name}}`, `$NAME`.
//! In: shell text and the parameters so far. Out: the same reading `PARAM_…`, and what it needs. Never: a value in the text.

use std::{collections::BTreeSet, sync::LazyLock};

use regex::Regex;

use super::{
    draft::Draft,
    names::{kebab, words},
};

static BLANK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"<([A-Za-z][A-Za-z0-9_ .-]{0,40})>|\{\{ *([A-Za-z][A-Za-z0-9_-]{0,40}) *\}\}").expect("a pattern")
});
static VARIABLE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\$(?:\{([A-Z][A-Z0-9_]*)\}|([A-Z][A-Z0-9_]*))").expect("a pattern"));
static GIVEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)(?:^|[;&|(\s])(?:export +|read +(?:-[a-z]+ +)*|for +)?([A-Z][A-Z0-9_]*)(?:=| in\b|$)").expect("a pattern")
});
static SECRET: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(^|_)(KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASS|CREDENTIALS?)(_|$|\d)").expect("a pattern"));

/// What every step has, or the shell itself.
const THERE: &[&str] = &[
    "PATH",
    "HOME",
    "LANG",
    "TERM",
    "TMPDIR",
    "TZ",
    "PWD",
    "OLDPWD",
    "IFS",
    "RUN_BASE",
    "RUN_ID",
    "FLOW",
    "STEP",
    "STEP_DIR",
    "ARTIFACTS",
    "ITERATION",
    "EXECUTION",
    "NOTE",
    "ITEM",
    "FLOWS",
    "FLOW_STUDIO",
    "PPID",
    "LC_ALL",
    "RANDOM",
    "SECONDS",
    "EUID",
    "UID",
];

/// Shell text with its blanks read from parameters.
#[derive(Debug, Default)]
pub(super) struct Filled {
    pub text: String,
    pub secrets: BTreeSet<String>,
    /// Blanks that could not be read from a parameter where they stand.
    pub left: Vec<String>,
}

/// The parameter that a blank means: one that is declared and has all its words, else one of its own.
pub(super) fn param_of(draft: &mut Draft, blank: &str, line: u32) -> String {
    let wanted = words(blank);
    let has = |name: &str| {
        let of = words(name);
        wanted.iter().all(|word| of.contains(word))
    };
    let mut fits = draft.params.iter().filter(|param| has(&param.name));
    if let (Some(one), None) = (fits.next(), fits.next()) {
        return one.name.clone();
    }
    if let Some(same) = draft.params.iter().find(|param| words(&param.name) == wanted) {
        return same.name.clone();
    }
    let name = kebab(blank, "value");
    draft.param(&name, &format!("What the runbook writes as <{}> in line {line}", blank.trim()), line);
    name
}

pub(super) fn variable(param: &str) -> String {
    format!("PARAM_{}", param.to_ascii_uppercase().replace('-', "_"))
}

/// Reads blanks from parameters, quoted as they stand.
pub(super) fn fill(draft: &mut Draft, text: &str, line: u32) -> Filled {
    let mut filled = Filled::default();
    let given: BTreeSet<&str> = GIVEN.captures_iter(text).filter_map(|found| found.get(1)).map(|name| name.as_str()).collect();
    let mut heredoc: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut at_line = line;
    for source in text.split_inclusive('\n') {
        if let Some(end) = &heredoc {
            if source.trim() == end {
                heredoc = None;
            } else {
                filled.left.extend(BLANK.find_iter(source).map(|found| found.as_str().to_owned()));
            }
            filled.text.push_str(source);
        } else {
            one_line(draft, source, at_line, &given, &mut quote, &mut filled);
            heredoc = if quote.is_none() { heredoc_end(source) } else { None };
        }
        at_line += 1;
    }
    filled
}

fn one_line(draft: &mut Draft, source: &str, line: u32, given: &BTreeSet<&str>, quote: &mut Option<char>, filled: &mut Filled) {
    let mut at = 0;
    let mut comment = false;
    while let Some(c) = source[at..].chars().next() {
        let rest = &source[at..];
        let begins_word = at == 0 || source[..at].ends_with(char::is_whitespace);
        if comment || c == '#' && quote.is_none() && begins_word {
            comment = true;
        } else if let Some(found) = BLANK.captures(rest).filter(|found| found.get(0).is_some_and(|all| all.start() == 0)) {
            let all = found.get(0).map_or("", |all| all.as_str());
            let name = found.get(1).or(found.get(2)).map_or("", |name| name.as_str());
            // `<file>` after a command may be a redirection with another behind it; blanks have no spaces at their ends.
            if name.trim() == name {
                let variable = variable(&param_of(draft, name, line));
                filled.text.push_str(&match quote {
                    None => format!("\"${variable}\""),
                    Some('"') => format!("${{{variable}}}"),
                    Some(_) => format!("'\"${variable}\"'"),
                });
                at += all.len();
                continue;
            }
        } else if let Some(found) =
            VARIABLE.captures(rest).filter(|found| *quote != Some('\'') && found.get(0).is_some_and(|all| all.start() == 0))
        {
            let all = found.get(0).map_or("", |all| all.as_str());
            let name = found.get(1).or(found.get(2)).map_or("", |name| name.as_str());
            if !given.contains(name) && !THERE.contains(&name) && !name.starts_with("PARAM_") {
                if SECRET.is_match(name) {
                    filled.secrets.insert(name.to_owned());
                    draft.secrets.insert(name.to_owned());
                } else {
                    filled.text.push_str(&format!("${{{}}}", variable(&param_of(draft, &name.to_ascii_lowercase(), line))));
                    at += all.len();
                    continue;
                }
            }
            filled.text.push_str(all);
            at += all.len();
            continue;
        } else if c == '\\' && *quote != Some('\'') {
            filled.text.push(c);
            at += 1;
            if let Some(next) = source[at..].chars().next() {
                filled.text.push(next);
                at += next.len_utf8();
            }
            continue;
        } else if matches!(c, '\'' | '"') {
            match *quote {
                None => *quote = Some(c),
                Some(open) if open == c => *quote = None,
                Some(_) => {}
            }
        }
        filled.text.push(c);
        at += c.len_utf8();
    }
}

/// `<<'EOF'`, `<<-EOF`: the word that ends what follows.
fn heredoc_end(line: &str) -> Option<String> {
    let (_, after) = line.split_once("<<")?;
    let word: String = after
        .trim_start_matches(['-', ' '])
        .trim_start_matches(['\'', '"', '\\'])
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    (!word.is_empty() && !after.starts_with('<')).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_are_read_from_parameters_quoted_as_they_stand() {
        let mut draft = Draft::default();
        draft.param("account-name", "", 1);
        let filled = fill(&mut draft, "use <AccountName> a.<client>/x \"<client> {{zone}}\" 'in <client>' # <note>\n", 5);
        assert_eq!(
            filled.text,
            "use \"$PARAM_ACCOUNT_NAME\" a.\"$PARAM_CLIENT\"/x \"${PARAM_CLIENT} ${PARAM_ZONE}\" 'in '\"$PARAM_CLIENT\"'' # <note>\n"
        );
        let names: Vec<&str> = draft.params.iter().map(|param| param.name.as_str()).collect();
        assert_eq!(names, ["account-name", "client", "zone"]);
    }

    #[test]
    fn variables_are_parameters_secrets_or_the_texts_own() {
        let mut draft = Draft::default();
        let filled = fill(&mut draft, "OWN=1\necho $OWN $HOME $REGION ${API_TOKEN} '$LEFT' \\$ESC\n", 1);
        assert_eq!(filled.text, "OWN=1\necho $OWN $HOME ${PARAM_REGION} ${API_TOKEN} '$LEFT' \\$ESC\n");
        assert_eq!(filled.secrets.iter().collect::<Vec<_>>(), ["API_TOKEN"]);
    }

    #[test]
    fn a_here_document_is_left_as_it_is_and_said_so() {
        let mut draft = Draft::default();
        let text = "cat > x <<'END'\nhello <who>\nEND\necho <who>\n";
        let filled = fill(&mut draft, text, 1);
        assert_eq!(filled.text, text.replace("echo <who>", "echo \"$PARAM_WHO\""));
        assert_eq!(filled.left, ["<who>"]);
    }
}
