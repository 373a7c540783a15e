//! A file of a step as a page shows it: Markdown set, a difference coloured, JSON in order, anything else as it is.
//! In: a name and its text. Out: HTML whose every tag is ours.
//! Never: HTML of the text taken for markup, a link that leads away, a picture from elsewhere.

use maud::{Markup, PreEscaped, html};
use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::parts::{difference, json, text};

/// Longer Markdown is shown as it is.
const MARKDOWN_BYTES_MAX: usize = 128 * 1024;

/// `whole`: the text is not cut, so that its shape can be believed. `below`: how deep the heading is that it stands under.
pub(super) fn file(name: &str, said: &str, whole: bool, below: usize) -> Markup {
    let lower = name.to_ascii_lowercase();
    let ends = |all: &[&str]| all.iter().any(|end| lower.ends_with(end));
    if ends(&[".md", ".markdown"]) && said.len() <= MARKDOWN_BYTES_MAX {
        return html! {
            div class="written" { (markdown(said, below)) }
            details { summary { "As it is written" } (text(said)) }
        };
    }
    if ends(&[".diff", ".patch"]) {
        return difference(name, said);
    }
    let value = if ends(&[".json"]) && whole { serde_json::from_str::<serde_json::Value>(said).ok() } else { None };
    value.map_or_else(|| text(said), |value| json(&value))
}

fn markdown(said: &str, below: usize) -> Markup {
    let mut page = Setter { out: String::new(), in_head: false, leads: Vec::new(), below, last: below };
    Parser::new_ext(said, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS)
        .for_each(|event| page.take(event));
    PreEscaped(page.out)
}

struct Setter {
    out: String,
    in_head: bool,
    /// Of the heading above all of it, and of the last one in it: none is skipped.
    below: usize,
    last: usize,
    /// Where the links and pictures lead that are open.
    leads: Vec<String>,
}

impl Setter {
    fn say(&mut self, said: &str) {
        self.out.push_str(&html! { (said) }.into_string());
    }

    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.open(tag),
            Event::End(tag) => self.close(tag),
            // HTML of the text is text.
            Event::Text(said) | Event::Html(said) | Event::InlineHtml(said) => self.say(&said),
            Event::Code(said) | Event::InlineMath(said) | Event::DisplayMath(said) => {
                self.out.push_str("<code>");
                self.say(&said);
                self.out.push_str("</code>");
            }
            Event::SoftBreak => self.out.push('\n'),
            Event::HardBreak => self.out.push_str("<br>"),
            Event::Rule => self.out.push_str("<hr>"),
            Event::TaskListMarker(done) => self.out.push_str(if done { "☑ " } else { "☐ " }),
            Event::FootnoteReference(name) => self.say(&name),
        }
    }

    fn open(&mut self, tag: Tag<'_>) {
        let tag = match tag {
            Tag::Paragraph => "<p>",
            Tag::Heading { level, .. } => {
                self.last = (self.below + depth(level)).min(self.last + 1).min(6);
                return self.out.push_str(&format!("<h{}>", self.last));
            }
            Tag::BlockQuote(_) => "<blockquote>",
            Tag::CodeBlock(_) | Tag::HtmlBlock | Tag::MetadataBlock(_) => "<pre tabindex=\"0\">",
            Tag::List(None) => "<ul>",
            Tag::List(Some(first)) => return self.out.push_str(&format!("<ol start=\"{first}\">")),
            Tag::Item => "<li>",
            Tag::Table(_) => "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Table\"><table>",
            Tag::TableHead => {
                self.in_head = true;
                "<thead><tr>"
            }
            Tag::TableRow => "<tr>",
            Tag::TableCell => return self.out.push_str(if self.in_head { "<th scope=\"col\">" } else { "<td>" }),
            Tag::Emphasis => "<em>",
            Tag::Strong => "<strong>",
            Tag::Strikethrough => "<del>",
            Tag::Link { dest_url, .. } => return self.leads.push(dest_url.into_string()),
            Tag::Image { dest_url, .. } => {
                self.leads.push(dest_url.into_string());
                "[picture: "
            }
            Tag::FootnoteDefinition(_)
            | Tag::DefinitionList
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition
            | Tag::Superscript
            | Tag::Subscript => "",
        };
        self.out.push_str(tag);
    }

    fn close(&mut self, tag: TagEnd) {
        let tag = match tag {
            TagEnd::Paragraph => "</p>",
            TagEnd::Heading(_) => return self.out.push_str(&format!("</h{}>", self.last)),
            TagEnd::BlockQuote(_) => "</blockquote>",
            TagEnd::CodeBlock | TagEnd::HtmlBlock | TagEnd::MetadataBlock(_) => "</pre>",
            TagEnd::List(false) => "</ul>",
            TagEnd::List(true) => "</ol>",
            TagEnd::Item => "</li>",
            TagEnd::Table => "</tbody></table></div>",
            TagEnd::TableHead => {
                self.in_head = false;
                "</tr></thead><tbody>"
            }
            TagEnd::TableRow => "</tr>",
            TagEnd::TableCell => return self.out.push_str(if self.in_head { "</th>" } else { "</td>" }),
            TagEnd::Emphasis => "</em>",
            TagEnd::Strong => "</strong>",
            TagEnd::Strikethrough => "</del>",
            TagEnd::Link => return self.lead(),
            TagEnd::Image => {
                self.out.push(']');
                return self.lead();
            }
            TagEnd::FootnoteDefinition
            | TagEnd::DefinitionList
            | TagEnd::DefinitionListTitle
            | TagEnd::DefinitionListDefinition
            | TagEnd::Superscript
            | TagEnd::Subscript => "",
        };
        self.out.push_str(tag);
    }

    /// Where it leads is said; nobody is led there by a text of a step.
    fn lead(&mut self) {
        let to = self.leads.pop().unwrap_or_default();
        self.out.push_str(&html! { " " code { (to) } }.into_string());
    }
}

fn depth(level: HeadingLevel) -> usize {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_is_set_and_html_in_it_is_text() {
        let said = "# Title\n\nA *b* **c** `<d>` <script>alert(1)</script>\n\n<img src=x onerror=y>\n\n- one\n- [x] two\n\n| a | b |\n| --- | --- |\n| 1 | <b> |\n\n[here](javascript:alert(2)) ![p](https://else.where/x.png)\n";
        let page = markdown(said, 1).into_string();
        for part in [
            "<h2>Title</h2>",
            "<em>b</em> <strong>c</strong> <code>&lt;d&gt;</code> &lt;script&gt;alert(1)&lt;/script&gt;",
            "&lt;img src=x onerror=y&gt;",
            "<li>☑ two</li>",
            "<th scope=\"col\">a</th>",
            "<td>&lt;b&gt;</td>",
            "here <code>javascript:alert(2)</code>",
            "[picture: p] <code>https://else.where/x.png</code>",
        ] {
            assert!(page.contains(part), "{part} is not in {page}");
        }
        assert!(
            !page.contains("href") && !page.contains("src=\"") && !page.contains("<script") && !page.contains("<img"),
            "{page}"
        );
    }

    #[test]
    fn headings_stand_below_those_of_the_page_and_none_is_skipped() {
        let page = markdown("### a\n\n# b\n\n###### c\n\n## d\n", 3).into_string();
        assert_eq!(page, "<h4>a</h4><h4>b</h4><h5>c</h5><h5>d</h5>");
    }

    #[test]
    fn a_file_is_shown_as_its_name_wants_it() {
        let shown = |name: &str, said: &str, whole| file(name, said, whole, 1).into_string();
        assert!(shown("a.patch", "-old\n+new\n", true).contains("<span class=\"plus\">+new</span>"));
        assert!(shown("a.json", "{\"b\":1}", true).contains("\n  &quot;b&quot;: 1\n"));
        assert!(shown("a.json", "{\"b\":1}", false).contains("{&quot;b&quot;:1}"), "a cut text has no shape");
        assert!(shown("a.md", "# T\n", true).contains("As it is written"));
        assert!(shown("a.txt", "# T\n", true).contains("# T") && !shown("a.txt", "# T\n", true).contains("<h2>"));
    }
}
