//! An answer as the shop thinks of it, and its rendering into exactly one message.
//!
//! Up to three choices become buttons, up to ten a list, more a numbered text. Every length limit
//! is kept by cutting at graphemes, never by refusing. Whatever the form, the choices have numbers
//! (their order in [`Rendered::options`]), so that a customer may also answer "2".

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::interactive::{
    Action, Button, ButtonAction, ButtonReply, Interactive, InteractiveHeader, LinkAction,
    LinkParameters, ListAction, Row, Section, TextPart,
};
use crate::limits;
use crate::message::{Content, Image, Media};
use crate::text::{ELLIPSIS, many_lines, one_line, truncate, units};

/// The label of a list's opener when the reply names none; the same word in both languages.
const DEFAULT_LIST_LABEL: &str = "Menu";

/// How much of a body numbered choices leave, in UTF-16 units, where both do not fit.
const BODY_RESERVE_UNITS: usize = 256;

/// How long the title of a numbered choice is, in UTF-16 units, when its whole text does not fit:
/// first the longer, then the shorter.
const NUMBERED_TITLE_UNITS: [usize; 2] = [72, 24];

/// What the shop answers. It serialises, so that an outbox can keep it until it is rendered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// What stands on top.
    pub header: Header,
    /// The text itself; line feeds are kept.
    pub body: String,
    /// A small line below.
    pub footer: Option<String>,
    /// What the customer can choose, in order of their numbers. Of two with one id the first is
    /// kept.
    pub choices: Vec<Choice>,
    /// The label of the button that opens a list (`Menu` when absent).
    pub list_label: Option<String>,
    /// A page to open. With a link, choices are numbered lines of the body.
    pub link: Option<Link>,
}

/// What stands on top of a reply.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Header {
    /// Nothing.
    #[default]
    None,
    /// A line of text.
    Text(String),
    /// A picture at an http or https address.
    ImageLink(String),
    /// An uploaded picture.
    ImageId(String),
}

/// One thing a customer can choose.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What comes back when it is chosen.
    pub id: String,
    /// Its name.
    pub title: String,
    /// More about it.
    pub description: Option<String>,
    /// The section of a list it stands in; choices of one section are shown together.
    pub section: Option<String>,
}

impl Choice {
    /// A choice without description and section.
    pub fn new(id: impl Into<String>, title: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            title: title.into(),
            description: None,
            section: None,
        }
    }

    /// The same choice with a description.
    #[must_use]
    pub fn described(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// The same choice in a section.
    #[must_use]
    pub fn within(mut self, section: impl Into<String>) -> Self {
        self.section = Some(section.into());
        self
    }
}

/// A page to open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The button's label.
    pub label: String,
    /// An http or https address; any other is written into the body.
    pub url: String,
}

/// A reply as one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The message's content.
    pub content: Content,
    /// The ids of the choices the customer sees, in order: the first is number 1.
    pub options: Vec<String>,
}

/// Renders a reply as exactly one message inside every limit.
///
/// A picture is never left out for the sake of a list, because it may be the QR code to pay with: a
/// list cannot carry one, so with more than three choices the picture's caption numbers them.
///
/// ```
/// use warung_whatsapp::reply::{Choice, Reply, render};
///
/// let reply = Reply {
///     body: "Mau apa?".to_owned(),
///     choices: vec![Choice::new("v1|menu", "Menu"), Choice::new("v1|cart", "Keranjang")],
///     ..Reply::default()
/// };
/// assert_eq!(render(&reply).options, ["v1|menu", "v1|cart"]);
/// ```
pub fn render(reply: &Reply) -> Rendered {
    let draft = Draft::new(reply);
    let ids_fit = |limit| draft.choices.iter().all(|choice| is_id(&choice.id, limit));
    let count = draft.choices.len();
    if let Some(link) = &draft.link {
        draft.with_link(link)
    } else if count == 0 {
        draft.as_plain()
    } else if count <= limits::BUTTONS && ids_fit(limits::BUTTON_ID_UNITS) {
        draft.as_buttons()
    } else if count <= limits::LIST_ROWS
        && ids_fit(limits::ROW_ID_UNITS)
        && !matches!(draft.header, Header::ImageLink(_) | Header::ImageId(_))
    {
        draft.as_list(reply.list_label.as_deref())
    } else {
        draft.as_plain()
    }
}

/// A reply with its texts cleaned and its choices in the order they are shown in.
struct Draft {
    header: Header,
    body: String,
    footer: Option<String>,
    choices: Vec<Choice>,
    link: Option<LinkParameters>,
}

impl Draft {
    fn new(reply: &Reply) -> Self {
        let mut body = many_lines(&reply.body);
        let link = reply.link.as_ref().and_then(|link| {
            let label = non_empty(one_line(&link.label)).unwrap_or_else(|| "Link".to_owned());
            if is_url(&link.url) {
                let display_text = truncate(&label, limits::LINK_LABEL_UNITS);
                return Some(LinkParameters {
                    display_text,
                    url: link.url.clone(),
                });
            }
            if let Some(address) = non_empty(one_line(&link.url)) {
                body = join([&body, &format!("{label}: {address}")], "\n\n");
            }
            None
        });
        let header = match &reply.header {
            Header::Text(text) => non_empty(one_line(text)).map_or(Header::None, Header::Text),
            Header::ImageLink(url) if is_url(url) => Header::ImageLink(url.clone()),
            Header::ImageId(id) if is_id(id, limits::LINK_URL_UNITS) => Header::ImageId(id.clone()),
            _ => Header::None,
        };
        Self {
            header,
            body,
            footer: reply.footer.as_deref().map(one_line).and_then(non_empty),
            choices: shown_order(&reply.choices),
            link,
        }
    }

    /// Text or a captioned picture, with the choices numbered.
    fn as_plain(&self) -> Rendered {
        if let Some(media) = self.picture() {
            let (caption, shown) =
                self.numbered(&self.body, self.footer.as_deref(), limits::CAPTION_UNITS);
            let image = Image {
                media,
                caption: non_empty(caption),
            };
            return self.rendered(Content::Image { image }, shown);
        }
        let title = self
            .header_text()
            .map(|text| format!("*{text}*"))
            .unwrap_or_default();
        let body = join([&title, &self.body], "\n\n");
        let (text, shown) = self.numbered(&body, self.footer.as_deref(), limits::TEXT_BODY_UNITS);
        self.rendered(
            Content::text(non_empty(text).unwrap_or_else(|| ELLIPSIS.to_owned())),
            shown,
        )
    }

    fn with_link(&self, link: &LinkParameters) -> Rendered {
        let (body, shown) = self.numbered(&self.body, None, limits::INTERACTIVE_BODY_UNITS);
        let action = Action::CtaUrl(LinkAction::CtaUrl(link.clone()));
        self.rendered(self.interactive(&body, action), shown)
    }

    /// Buttons. What does not fit on them stands in the body, where there is room for it.
    fn as_buttons(&self) -> Rendered {
        let titles = unique(
            self.choices.iter().map(|c| c.title.as_str()),
            limits::BUTTON_TITLE_UNITS,
        );
        let tells_all = self
            .choices
            .iter()
            .zip(&titles)
            .all(|(choice, title)| choice.description.is_none() && choice.title == *title);
        let lines = join([&self.body, &self.lines(None).join("\n")], "\n\n");
        let body = if tells_all || units(&lines) > limits::INTERACTIVE_BODY_UNITS {
            &self.body
        } else {
            &lines
        };
        let buttons = self
            .choices
            .iter()
            .zip(titles)
            .map(|(choice, title)| {
                Button::Reply(ButtonReply {
                    id: choice.id.clone(),
                    title,
                })
            })
            .collect();
        let action = Action::Button(ButtonAction { buttons });
        self.rendered(self.interactive(body, action), self.choices.len())
    }

    fn as_list(&self, label: Option<&str>) -> Rendered {
        let label = label
            .map(one_line)
            .and_then(non_empty)
            .unwrap_or_else(|| DEFAULT_LIST_LABEL.to_owned());
        let titles = unique(
            self.choices.iter().map(|c| c.title.as_str()),
            limits::ROW_TITLE_UNITS,
        );
        let mut sections: Vec<(Option<&str>, Vec<Row>)> = Vec::new();
        for (choice, title) in self.choices.iter().zip(titles) {
            // A row's title is short: where it had to be cut, the description line tells it whole.
            let description = match &choice.description {
                Some(description) => Some(description),
                None if title == choice.title => None,
                None => Some(&choice.title),
            };
            let row = Row {
                id: choice.id.clone(),
                title,
                description: description.map(|text| truncate(text, limits::ROW_DESCRIPTION_UNITS)),
            };
            match sections.last_mut() {
                Some((name, rows)) if *name == choice.section.as_deref() => rows.push(row),
                _ => sections.push((choice.section.as_deref(), vec![row])),
            }
        }
        let needs_titles = sections.len() > 1;
        let names = unique(
            sections.iter().map(|(name, _)| name.unwrap_or(&label)),
            limits::SECTION_TITLE_UNITS,
        );
        let sections = sections
            .into_iter()
            .zip(names)
            .map(|((own, rows), name)| Section {
                title: (needs_titles || own.is_some()).then_some(name),
                rows,
            })
            .collect();
        let button = truncate(&label, limits::LIST_LABEL_UNITS);
        let action = Action::List(ListAction { button, sections });
        self.rendered(self.interactive(&self.body, action), self.choices.len())
    }

    fn interactive(&self, body: &str, action: Action) -> Content {
        let mut header = self.header_text().map(|text| InteractiveHeader::Text {
            text: truncate(text, limits::HEADER_UNITS),
        });
        if let Some(image) = self.picture() {
            header = Some(InteractiveHeader::Image { image });
        }
        let mut body = truncate(body, limits::INTERACTIVE_BODY_UNITS);
        if body.is_empty() {
            // The API refuses an empty body; the header's text, else the footer's, stands in.
            body = match (self.header_text(), &self.footer) {
                (Some(text), _) => truncate(text, limits::INTERACTIVE_BODY_UNITS),
                (None, Some(text)) => truncate(text, limits::INTERACTIVE_BODY_UNITS),
                (None, None) => ELLIPSIS.to_owned(),
            };
            header = header.filter(|header| matches!(header, InteractiveHeader::Image { .. }));
        }
        let footer = self.footer.as_deref().map(|text| TextPart {
            text: truncate(text, limits::FOOTER_UNITS),
        });
        Content::Interactive {
            interactive: Interactive {
                header,
                body: TextPart { text: body },
                footer,
                action,
            },
        }
    }

    /// Body, numbered choices and footer inside a limit, and how many choices are in it. The
    /// choices' texts are shortened first, then the body, and only then are last choices left out.
    fn numbered(&self, body: &str, footer: Option<&str>, limit: usize) -> (String, usize) {
        let footer = truncate(footer.unwrap_or_default(), limits::FOOTER_UNITS);
        let gap = |text: &str| if text.is_empty() { 0 } else { units(text) + 2 };
        let room = limit - gap(&footer) - gap(body).min(BODY_RESERVE_UNITS);
        let fits = |lines: &[String]| total_units(lines) <= room;
        let mut lines = self.lines(None);
        for title_units in NUMBERED_TITLE_UNITS {
            if !fits(&lines) {
                lines = self.lines(Some(title_units));
            }
        }
        let mut used = 0;
        lines = lines
            .into_iter()
            .take_while(|line| {
                used += units(line) + 1;
                used <= room + 1
            })
            .collect();
        let choices = lines.join("\n");
        let body = truncate(body, limit.saturating_sub(gap(&footer) + gap(&choices)));
        (join([&body, &choices, &footer], "\n\n"), lines.len())
    }

    /// One text for each choice: its section's heading where a section begins, its number, and its
    /// whole text or a title of at most so many units.
    fn lines(&self, title_units: Option<usize>) -> Vec<String> {
        let mut section = None;
        let mut lines = Vec::with_capacity(self.choices.len());
        for (index, choice) in self.choices.iter().enumerate() {
            let text = match (title_units, &choice.description) {
                (Some(limit), _) => truncate(&choice.title, limit),
                (None, Some(description)) => format!("{} — {description}", choice.title),
                (None, None) => choice.title.clone(),
            };
            let mut line = format!("{}. {text}", index + 1);
            if choice.section != section {
                section.clone_from(&choice.section);
                if let Some(name) = &section {
                    let gap = if index == 0 { "" } else { "\n" };
                    let name = truncate(name, limits::SECTION_TITLE_UNITS);
                    line = format!("{gap}*{name}*\n{line}");
                }
            }
            lines.push(line);
        }
        lines
    }

    fn header_text(&self) -> Option<&str> {
        if let Header::Text(text) = &self.header {
            Some(text)
        } else {
            None
        }
    }

    fn picture(&self) -> Option<Media> {
        match &self.header {
            Header::ImageLink(url) => Some(Media::Link(url.clone())),
            Header::ImageId(id) => Some(Media::Id(id.clone())),
            Header::None | Header::Text(_) => None,
        }
    }

    fn rendered(&self, content: Content, shown: usize) -> Rendered {
        let options = self
            .choices
            .iter()
            .take(shown)
            .map(|choice| choice.id.clone())
            .collect();
        Rendered { content, options }
    }
}

/// The choices cleaned, without repeated ids, those of one section together.
fn shown_order(choices: &[Choice]) -> Vec<Choice> {
    let mut seen = HashSet::new();
    let mut sections: Vec<(Option<String>, Vec<Choice>)> = Vec::new();
    for choice in choices.iter().filter(|choice| seen.insert(&choice.id)) {
        let clean = |text: &Option<String>| text.as_deref().map(one_line).and_then(non_empty);
        let description = clean(&choice.description);
        let title = non_empty(one_line(&choice.title))
            .or_else(|| description.clone())
            .unwrap_or_else(|| ELLIPSIS.to_owned());
        let section = clean(&choice.section);
        let choice = Choice {
            id: choice.id.clone(),
            title,
            description,
            section,
        };
        match sections
            .iter_mut()
            .find(|(name, _)| *name == choice.section)
        {
            Some((_, list)) => list.push(choice),
            None => sections.push((choice.section.clone(), vec![choice])),
        }
    }
    sections.into_iter().flat_map(|(_, list)| list).collect()
}

/// The texts cut to a limit, with a number added to one that would repeat another.
fn unique<'a>(texts: impl Iterator<Item = &'a str>, limit: usize) -> Vec<String> {
    let mut seen = HashSet::new();
    texts
        .map(|text| {
            let mut candidate = truncate(text, limit);
            let mut number = 1;
            while !seen.insert(candidate.clone()) {
                number += 1;
                let suffix = format!(" {number}");
                candidate = truncate(text, limit - units(&suffix)) + &suffix;
            }
            candidate
        })
        .collect()
}

fn is_id(id: &str, limit: usize) -> bool {
    !id.trim().is_empty() && units(id) <= limit && !id.contains(char::is_control)
}

fn is_url(url: &str) -> bool {
    let host = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    host.is_some_and(|host| !host.is_empty() && !host.starts_with('/'))
        && units(url) <= limits::LINK_URL_UNITS
        && !url.contains(|c: char| c.is_whitespace() || c.is_control())
}

fn non_empty(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// The parts that are not empty, with a separator between.
fn join<const N: usize>(parts: [&str; N], separator: &str) -> String {
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(separator)
}

/// The length of lines once joined by line feeds.
fn total_units(lines: &[String]) -> usize {
    lines
        .iter()
        .map(|line| units(line) + 1)
        .sum::<usize>()
        .saturating_sub(1)
}

#[cfg(test)]
mod tests;
