//! What a runbook leaves blank in its commands: `<name>`, `{{name}}`, `$NAME`.
//! In: shell text and the parameters so far. Out: the same reading `PARAM_…`, and what it needs. Never: a value in the text.

use std::{collections::BTreeSet, sync::LazyLock};

use regex::Regex;

use super::{
    draft::Draft,
    names::{kebab, words},
};

static BLANK: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:<([A-Za-z][A-Za-z0-9_ .-]{0,40})>|\{\{ *([A-Za-z][A-Za-z0-9_-]{0,40}) *\}\})").expect("a pattern")
});
static VARIABLE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))").expect("a pattern"));
/// Assignments where a command may begin.
static ASSIGNED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)(?:^|[;&|({]|\b(?:then|do|else|export|local|readonly)\b)[ \t]*((?:[A-Za-z_][A-Za-z0-9_]*=\S*[ \t]*)+)")
        .expect("a pattern")
});
static NAME: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?:^|\s)([A-Za-z_][A-Za-z0-9_]*)=").expect("a pattern"));
static READ: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b(?:for|read)((?: +-[a-z]+)*(?: +[A-Za-z_][A-Za-z0-9_]*)+)").expect("a pattern"));
static SECRET: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)(^|_)(KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASS|CREDENTIALS?)(_|$|\d)").expect("a pattern"));

/// What every step has, or the shell itself.
const THERE: &str = " PATH HOME LANG TERM TMPDIR TZ PWD OLDPWD IFS RUN_BASE RUN_ID FLOW STEP STEP_DIR ARTIFACTS ITERATION \
                     EXECUTION NOTE ITEM FLOWS FLOW_STUDIO PPID LC_ALL RANDOM SECONDS EUID UID ";

/// Shell text with its blanks read from parameters.
#[derive(Debug, Default)]
pub(super) struct Filled {
    pub text: String,
    pub secrets: BTreeSet<String>,
    /// Blanks that could not be read from a parameter where they stand.
    pub left: Vec<String>,
}

/// The parameter that a blank means: the one of that name, one that the runbook declares and that has all its words, or a new one.
fn param_of(draft: &mut Draft, blank: &str, line: u32) -> String {
    let wanted = words(blank);
    let has = |name: &str| {
        let of = words(name);
        wanted.iter().all(|word| of.contains(word))
    };
    let same = draft.params.iter().position(|param| words(&param.name) == wanted);
    let mut fits = draft.params.iter().enumerate().filter(|(_, param)| param.declared && has(&param.name)).map(|(at, _)| at);
    let one = match (fits.next(), fits.next()) {
        (Some(one), None) => Some(one),
        _ => None,
    };
    let at = same.or(one).unwrap_or_else(|| {
        let name = kebab(blank, "value");
        draft.param(&name, &format!("What the runbook writes as <{}> in line {line}", blank.trim()), line)
    });
    draft.params.get_mut(at).map_or_else(String::new, |param| {
        param.in_command = true;
        param.name.clone()
    })
}

pub(super) fn variable(param: &str) -> String {
    format!("PARAM_{}", param.to_ascii_uppercase().replace('-', "_"))
}

/// Names that the text itself gives a value.
fn given(text: &str) -> BTreeSet<&str> {
    let chains = ASSIGNED.captures_iter(text).filter_map(|found| found.get(1));
    let assigned = chains.flat_map(|chain| NAME.captures_iter(chain.as_str())).filter_map(|found| found.get(1));
    let read = READ.captures_iter(text).filter_map(|found| found.get(1)).flat_map(|names| names.as_str().split_whitespace());
    assigned.map(|name| name.as_str()).chain(read.filter(|name| !name.starts_with('-'))).collect()
}

/// Reads blanks from parameters, quoted as they stand.
pub(super) fn fill(draft: &mut Draft, text: &str, line: u32) -> Filled {
    let mut filling = Filling { draft, given: given(text), quote: None, line, filled: Filled::default() };
    let mut heredoc: Option<String> = None;
    for source in text.split_inclusive('\n') {
        if let Some(end) = &heredoc {
            if source.trim() == end {
                heredoc = None;
            } else {
                filling.leave(source);
            }
            filling.filled.text.push_str(source);
        } else {
            filling.one_line(source);
            heredoc = if filling.quote.is_none() { heredoc_end(source) } else { None };
        }
        filling.line += 1;
    }
    filling.filled
}

struct Filling<'d, 't> {
    draft: &'d mut Draft,
    given: BTreeSet<&'t str>,
    quote: Option<char>,
    line: u32,
    filled: Filled,
}

impl Filling<'_, '_> {
    /// Where nothing can be read, it is said.
    fn leave(&mut self, source: &str) {
        let at = |sign: &'static str| source.match_indices(sign).map(|(at, _)| at);
        for at in at("<").chain(at("{{")) {
            self.filled.left.extend(BLANK.find(&source[at..]).map(|found| found.as_str().to_owned()));
        }
        let secret = source.find("${RUNBOOK_SECRET_").and_then(|at| source[at..].find('}').map(|end| &source[at..=at + end]));
        self.filled.left.extend(secret.map(str::to_owned));
    }

    fn one_line(&mut self, source: &str) {
        let mut at = 0;
        while let Some(c) = source[at..].chars().next() {
            let rest = &source[at..];
            if c == '#' && self.quote.is_none() && (at == 0 || source[..at].ends_with(char::is_whitespace)) {
                return self.filled.text.push_str(rest);
            }
            let blank = Some(rest)
                .filter(|_| matches!(c, '<' | '{'))
                .and_then(|rest| BLANK.captures(rest))
                .and_then(|found| found.get(1).or(found.get(2)).map(|name| (found[0].len(), name.as_str())));
            // `<file>` may be a redirection with another behind it; blanks have no spaces at their ends.
            if let Some((length, name)) = blank.filter(|(_, name)| name.trim() == *name) {
                let param = param_of(self.draft, name, self.line);
                self.put(&variable(&param));
                at += length;
                continue;
            }
            let named = Some(rest)
                .filter(|_| c == '$')
                .and_then(|rest| VARIABLE.captures(rest))
                .and_then(|found| found.get(1).or(found.get(2)).map(|name| (found[0].len(), name.as_str())));
            if let Some((length, name)) = named
                && self.variable(name, source)
            {
                at += length;
                continue;
            }
            let mut length = c.len_utf8();
            if c == '\\' && self.quote != Some('\'') {
                length += rest[1..].chars().next().map_or(0, char::len_utf8);
            } else if matches!(c, '\'' | '"') {
                match self.quote {
                    None => self.quote = Some(c),
                    Some(open) if open == c => self.quote = None,
                    Some(_) => {}
                }
            }
            self.filled.text.push_str(&rest[..length]);
            at += length;
        }
    }

    /// A variable becomes a parameter, or a secret that has to be there; `false`: it stays as it is.
    fn variable(&mut self, name: &str, source: &str) -> bool {
        let held_back = name.starts_with("RUNBOOK_SECRET_");
        if self.quote == Some('\'') && !held_back
            || self.given.contains(name)
            || THERE.contains(&format!(" {name} "))
            || name.starts_with("PARAM_")
        {
            return false;
        }
        let name = if SECRET.is_match(name) {
            self.filled.secrets.insert(name.to_owned());
            self.draft.secrets.insert(name.to_owned());
            name.to_owned()
        } else {
            variable(&param_of(self.draft, &name.to_ascii_lowercase(), self.line))
        };
        // The words of a `for` are meant to be several.
        if self.quote.is_none() && source.trim_start().starts_with("for ") {
            self.filled.text.push_str(&format!("${{{name}}}"));
        } else {
            self.put(&name);
        }
        true
    }

    fn put(&mut self, variable: &str) {
        self.filled.text.push_str(&match self.quote {
            None => format!("\"${variable}\""),
            Some('"') => format!("${{{variable}}}"),
            Some(_) => format!("'\"${variable}\"'"),
        });
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
        draft.params[0].declared = true;
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
        let text = "OWN=1\nfor f in $FILES; do read -r a b; done\nmake it ENV=$ENV $b\necho $OWN $HOME \"$REGION\" ${API_TOKEN} '$LEFT' \\$ESC $Mixed\n";
        let filled = fill(&mut draft, text, 1);
        assert_eq!(
            filled.text,
            "OWN=1\nfor f in ${PARAM_FILES}; do read -r a b; done\nmake it ENV=\"$PARAM_ENV\" $b\necho $OWN $HOME \"${PARAM_REGION}\" \"$API_TOKEN\" '$LEFT' \\$ESC \"$PARAM_MIXED\"\n"
        );
        assert_eq!(filled.secrets.iter().collect::<Vec<_>>(), ["API_TOKEN"]);
    }

    #[test]
    fn a_secret_that_was_held_back_is_read_inside_quotes_too() {
        let mut draft = Draft::default();
        let filled = fill(&mut draft, "curl -H 'X-Key: ${RUNBOOK_SECRET_1}' a.invalid\n", 1);
        assert_eq!(filled.text, "curl -H 'X-Key: '\"$RUNBOOK_SECRET_1\"'' a.invalid\n");
        let filled = fill(&mut draft, "cat > x <<'END'\nkey=${RUNBOOK_SECRET_2}\nEND\n", 1);
        assert_eq!((filled.left.as_slice(), filled.secrets.len()), (["${RUNBOOK_SECRET_2}".to_owned()].as_slice(), 0));
    }

    #[test]
    fn a_blank_is_the_parameter_of_its_name_before_one_that_has_its_words() {
        let mut draft = Draft::default();
        draft.param("new-run-id", "", 1);
        assert_eq!(fill(&mut draft, "<run-id> <new-run-id>", 1).text, "\"$PARAM_RUN_ID\" \"$PARAM_NEW_RUN_ID\"");
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
