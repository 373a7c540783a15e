//! A page read as a tree of tags, strictly: ours is written by a program, so what a browser would forgive is a mistake here.
//! In: HTML. Out: tags with their attributes and the text in them. Never: a tag guessed, an attribute without quotes.

use std::collections::BTreeMap;

const VOID: [&str; 6] = ["meta", "link", "input", "br", "img", "hr"];

#[derive(Debug, Clone)]
pub struct Tag {
    pub name: String,
    pub attributes: BTreeMap<String, String>,
    /// Names of the tags around it, the outermost first.
    pub around: Vec<usize>,
    /// All text below it.
    pub text: String,
}

impl Tag {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }
}

pub struct Tree(pub Vec<Tag>);

impl Tree {
    #[track_caller]
    pub fn read(page: &str) -> Self {
        let mut tags: Vec<Tag> = Vec::new();
        let mut open: Vec<usize> = Vec::new();
        let mut rest = page.strip_prefix("<!DOCTYPE html>").expect("a doctype");
        while !rest.is_empty() {
            let Some(tag) = rest.strip_prefix('<') else {
                let end = rest.find('<').unwrap_or(rest.len());
                assert!(!rest[..end].contains('>'), "a stray `>` in `{}`", &rest[..end]);
                open.iter().for_each(|at| tags[*at].text.push_str(&plain(&rest[..end])));
                rest = &rest[end..];
                continue;
            };
            let (inside, after) = head(tag);
            rest = after;
            if let Some(name) = inside.strip_prefix('/') {
                let last = open.pop().unwrap_or_else(|| panic!("</{name}> closes nothing"));
                assert_eq!(tags[last].name, name, "closed in another order than opened");
                continue;
            }
            let (inside, closed) = inside.strip_suffix('/').map_or((inside, false), |inside| (inside, true));
            let (name, attributes) = attributes(inside);
            tags.push(Tag { around: open.clone(), attributes, text: String::new(), name: name.clone() });
            if !closed && !VOID.contains(&name.as_str()) {
                open.push(tags.len() - 1);
            }
        }
        assert!(open.is_empty(), "not closed: {:?}", open.iter().map(|at| &tags[*at].name).collect::<Vec<_>>());
        Self(tags)
    }

    pub fn all<'t>(&'t self, name: &'t str) -> impl Iterator<Item = &'t Tag> {
        self.0.iter().filter(move |tag| tag.name == name)
    }

    pub fn inside(&self, tag: &Tag, name: &str) -> bool {
        tag.around.iter().any(|at| self.0[*at].name == name)
    }

    /// Tags below the given one.
    pub fn below<'t>(&'t self, tag: &'t Tag, name: &'t str) -> impl Iterator<Item = &'t Tag> {
        self.all(name).filter(move |other| other.around.iter().any(|at| std::ptr::eq(&raw const self.0[*at], tag)))
    }
}

/// Up to the `>` that is in no quotes.
fn head(text: &str) -> (&str, &str) {
    let mut quoted = false;
    let end = text.find(|c| {
        quoted ^= c == '"';
        c == '>' && !quoted
    });
    let end = end.unwrap_or_else(|| panic!("`<{}` has no end", text.chars().take(60).collect::<String>()));
    (&text[..end], &text[end + 1..])
}

fn attributes(text: &str) -> (String, BTreeMap<String, String>) {
    let (name, mut rest) = text.split_once(' ').unwrap_or((text, ""));
    let well = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == ':');
    assert!(well(name), "`<{name}` is no tag");
    let mut found = BTreeMap::new();
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return (name.to_owned(), found);
        }
        let end = rest.find([' ', '=']).unwrap_or(rest.len());
        let key = &rest[..end];
        assert!(well(key), "`{key}` is no attribute of <{name}>");
        rest = &rest[end..];
        let mut value = String::new();
        if let Some(after) = rest.strip_prefix("=\"") {
            let end = after.find('"').expect("a closing quote");
            value = plain(&after[..end]);
            rest = &after[end + 1..];
        }
        assert!(found.insert(key.to_owned(), value).is_none(), "<{name}> says `{key}` twice");
    }
}

pub fn plain(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&")
}

/// What holds for every page of the studio; what does not, in sentences.
pub fn wrong_with(tree: &Tree) -> Vec<String> {
    let mut wrong = Vec::new();
    let ids: Vec<&str> = tree.0.iter().filter_map(|tag| tag.get("id")).collect();
    for (at, id) in ids.iter().enumerate().filter(|(at, id)| ids[..*at].contains(id)) {
        wrong.push(format!("the id `{id}` is there again ({at})"));
    }
    for name in ["main", "h1", "title"] {
        let count = tree.all(name).filter(|tag| !tree.inside(tag, "svg")).count();
        if count != 1 {
            wrong.push(format!("{count} <{name}>"));
        }
    }
    if tree.all("header").count() != 1 || tree.all("nav").any(|nav| nav.get("aria-label").is_none()) {
        wrong.push("no header, or a nav without a name".to_owned());
    }
    let mut level = 0;
    for tag in &tree.0 {
        if let Some(now) = tag.name.strip_prefix('h').and_then(|n| n.parse::<u32>().ok()) {
            if now > level + 1 {
                wrong.push(format!("<h{now}> `{}` follows <h{level}>", tag.text));
            }
            level = now;
        }
        for name in tag.attributes.keys().filter(|name| name.starts_with("on") || *name == "style") {
            wrong.push(format!("<{} {name}>", tag.name));
        }
        for name in ["href", "src", "action"] {
            let to = tag.get(name).unwrap_or("/");
            if !to.starts_with(['/', '#']) || to.starts_with("//") {
                wrong.push(format!("<{} {name}=\"{to}\"> leads away", tag.name));
            }
        }
        if let Some(label) = tag.get("aria-labelledby").filter(|label| !ids.contains(label)) {
            wrong.push(format!("nothing is called `{label}`"));
        }
        if matches!(tag.name.as_str(), "input" | "select" | "textarea") && tag.get("type") != Some("hidden") {
            let labelled = tree.inside(tag, "label") || tag.get("aria-label").is_some();
            if !labelled {
                wrong.push(format!("a field without a label: {:?}", tag.attributes));
            }
        }
    }
    let local = tree.all("a").filter_map(|a| a.get("href")?.strip_prefix('#'));
    wrong.extend(local.filter(|to| !ids.contains(to)).map(|to| format!("nothing stands at #{to}")));
    for table in tree.all("table") {
        let heads: Vec<&Tag> = tree.below(table, "th").filter(|th| th.get("scope") == Some("col")).collect();
        if heads.is_empty() || heads.iter().any(|th| th.text.trim().is_empty()) {
            wrong.push("a table without headings, or with an empty one".to_owned());
        }
    }
    for script in tree.all("script") {
        if script.get("src") != Some("/assets/studio.js") || !script.text.is_empty() {
            wrong.push(format!("a script: {:?} {}", script.attributes, script.text));
        }
    }
    wrong.extend(
        tree.all("img").filter(|img| img.get("alt").is_none_or(str::is_empty)).map(|_| "a picture without words".to_owned()),
    );
    wrong
}
