use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;

fn choices(count: usize) -> Vec<Choice> {
    (1..=count)
        .map(|n| Choice::new(format!("v1|buy|{n}"), format!("Kopi {n}")))
        .collect()
}

fn reply(body: &str, choices: Vec<Choice>) -> Reply {
    Reply {
        body: body.to_owned(),
        choices,
        ..Reply::default()
    }
}

fn json(content: &Content) -> String {
    serde_json::to_string_pretty(content).unwrap()
}

fn text_of(rendered: &Rendered) -> &str {
    match &rendered.content {
        Content::Text { text } => &text.body,
        Content::Image { image } => image.caption.as_deref().unwrap_or_default(),
        Content::Interactive { interactive } => &interactive.body.text,
        Content::Template { .. } => panic!("a reply is never a template"),
    }
}

#[test]
fn three_choices_are_buttons() {
    let reply = Reply {
        header: Header::Text("Toko Sari".to_owned()),
        body: "Mau apa?".to_owned(),
        footer: Some("Ketik menu kapan saja".to_owned()),
        choices: vec![
            Choice::new("v1|menu", "Menu"),
            Choice::new("v1|cart", "Keranjang"),
        ],
        ..Reply::default()
    };
    let rendered = render(&reply);
    assert_snapshot!(json(&rendered.content), @r#"
    {
      "type": "interactive",
      "interactive": {
        "header": {
          "type": "text",
          "text": "Toko Sari"
        },
        "body": {
          "text": "Mau apa?"
        },
        "footer": {
          "text": "Ketik menu kapan saja"
        },
        "type": "button",
        "action": {
          "buttons": [
            {
              "type": "reply",
              "reply": {
                "id": "v1|menu",
                "title": "Menu"
              }
            },
            {
              "type": "reply",
              "reply": {
                "id": "v1|cart",
                "title": "Keranjang"
              }
            }
          ]
        }
      }
    }
    "#);
    assert_eq!(rendered.options, ["v1|menu", "v1|cart"]);
}

#[test]
fn ten_choices_are_a_list_in_sections() {
    let mut choices = choices(4);
    choices[0] = choices[0]
        .clone()
        .within("Kopi")
        .described("Rp25.000 · stok 4");
    choices[1] = choices[1].clone().within("Teh");
    choices[2] = choices[2].clone().within("Kopi");
    choices[3].title = "Kopi Arabika Gayo Wine Process 250 g".to_owned();
    let rendered = render(&Reply {
        list_label: Some("Lihat".to_owned()),
        ..reply("Katalog", choices)
    });
    assert_snapshot!(json(&rendered.content), @r#"
    {
      "type": "interactive",
      "interactive": {
        "body": {
          "text": "Katalog"
        },
        "type": "list",
        "action": {
          "button": "Lihat",
          "sections": [
            {
              "title": "Kopi",
              "rows": [
                {
                  "id": "v1|buy|1",
                  "title": "Kopi 1",
                  "description": "Rp25.000 · stok 4"
                },
                {
                  "id": "v1|buy|3",
                  "title": "Kopi 3"
                }
              ]
            },
            {
              "title": "Teh",
              "rows": [
                {
                  "id": "v1|buy|2",
                  "title": "Kopi 2"
                }
              ]
            },
            {
              "title": "Lihat",
              "rows": [
                {
                  "id": "v1|buy|4",
                  "title": "Kopi Arabika Gayo Wine…",
                  "description": "Kopi Arabika Gayo Wine Process 250 g"
                }
              ]
            }
          ]
        }
      }
    }
    "#);
    assert_eq!(
        rendered.options,
        ["v1|buy|1", "v1|buy|3", "v1|buy|2", "v1|buy|4"]
    );
}

#[test]
fn more_than_ten_choices_are_numbered() {
    let mut choices = choices(12);
    choices[0] = choices[0].clone().described("Rp25.000");
    choices[11] = choices[11].clone().within("Lainnya");
    let rendered = render(&Reply {
        header: Header::Text("Katalog".to_owned()),
        footer: Some("Balas dengan angka".to_owned()),
        ..reply("Semua kopi kami:", choices)
    });
    assert_snapshot!(text_of(&rendered), @r"
    *Katalog*

    Semua kopi kami:

    1. Kopi 1 — Rp25.000
    2. Kopi 2
    3. Kopi 3
    4. Kopi 4
    5. Kopi 5
    6. Kopi 6
    7. Kopi 7
    8. Kopi 8
    9. Kopi 9
    10. Kopi 10
    11. Kopi 11

    *Lainnya*
    12. Kopi 12

    Balas dengan angka
    ");
    assert_eq!(rendered.options.len(), 12);
}

#[test]
fn a_link_is_a_button_and_its_choices_are_lines() {
    let rendered = render(&Reply {
        link: Some(Link {
            label: "Bayar sekarang juga ya".to_owned(),
            url: "https://example.com/pay/1".to_owned(),
        }),
        ..reply("Total Rp50.000", choices(2))
    });
    assert_snapshot!(json(&rendered.content), @r#"
    {
      "type": "interactive",
      "interactive": {
        "body": {
          "text": "Total Rp50.000\n\n1. Kopi 1\n2. Kopi 2"
        },
        "type": "cta_url",
        "action": {
          "name": "cta_url",
          "parameters": {
            "display_text": "Bayar sekarang juga…",
            "url": "https://example.com/pay/1"
          }
        }
      }
    }
    "#);
    assert_eq!(rendered.options, ["v1|buy|1", "v1|buy|2"]);
}

#[test]
fn a_picture_takes_buttons_and_alone_a_caption() {
    let picture = Header::ImageId("1234".to_owned());
    let with_buttons = render(&Reply {
        header: picture.clone(),
        ..reply("QRIS", choices(1))
    });
    assert_snapshot!(json(&with_buttons.content), @r#"
    {
      "type": "interactive",
      "interactive": {
        "header": {
          "type": "image",
          "image": {
            "id": "1234"
          }
        },
        "body": {
          "text": "QRIS"
        },
        "type": "button",
        "action": {
          "buttons": [
            {
              "type": "reply",
              "reply": {
                "id": "v1|buy|1",
                "title": "Kopi 1"
              }
            }
          ]
        }
      }
    }
    "#);
    let alone = render(&Reply {
        header: picture,
        ..reply("QRIS", Vec::new())
    });
    assert_snapshot!(json(&alone.content), @r#"
    {
      "type": "image",
      "image": {
        "id": "1234",
        "caption": "QRIS"
      }
    }
    "#);
}

#[test]
fn a_picture_is_kept_when_a_list_could_not_carry_it() {
    for count in [4, 10, 11, 40, 500] {
        let header = Header::ImageLink("https://example.com/qr.png".to_owned());
        let rendered = render(&Reply {
            header,
            ..reply("Pindai untuk bayar", choices(count))
        });
        assert!(matches!(rendered.content, Content::Image { .. }), "{count}");
        let text = text_of(&rendered);
        assert!(
            text.starts_with("Pindai untuk bayar\n\n1. Kopi 1\n"),
            "{count}: {text}"
        );
        let last = format!("\n{}. ", rendered.options.len());
        assert!(text.contains(&last), "the options are those that are seen");
        assert!(!text.contains(&format!("\n{}. ", rendered.options.len() + 1)));
    }
}

#[test]
fn long_titles_are_cut_told_whole_elsewhere_and_stay_different() {
    let long = |end: &str| Choice::new(end, format!("Kopi Arabika Gayo Anaerob {end}"));
    let buttons = render(&reply("Mau?", vec![long("250 g"), long("500 g")]));
    assert_snapshot!(json(&buttons.content), @r#"
    {
      "type": "interactive",
      "interactive": {
        "body": {
          "text": "Mau?\n\n1. Kopi Arabika Gayo Anaerob 250 g\n2. Kopi Arabika Gayo Anaerob 500 g"
        },
        "type": "button",
        "action": {
          "buttons": [
            {
              "type": "reply",
              "reply": {
                "id": "250 g",
                "title": "Kopi Arabika Gayo A…"
              }
            },
            {
              "type": "reply",
              "reply": {
                "id": "500 g",
                "title": "Kopi Arabika Gayo… 2"
              }
            }
          ]
        }
      }
    }
    "#);
    let list = render(&reply(
        "Pilih:",
        vec![long("a"), long("b"), long("c"), long("d")],
    ));
    let Content::Interactive { interactive } = &list.content else {
        panic!("a list")
    };
    let Action::List(ListAction { sections, .. }) = &interactive.action else {
        panic!("a list")
    };
    let [Section { title: None, rows }] = sections.as_slice() else {
        panic!("one section")
    };
    assert_eq!(rows[0].title, "Kopi Arabika Gayo Anaer…");
    assert_eq!(rows[1].title, "Kopi Arabika Gayo Ana… 2");
    assert_eq!(
        rows[1].description.as_deref(),
        Some("Kopi Arabika Gayo Anaerob b")
    );
}

#[test]
fn an_id_too_long_to_tap_is_still_a_number() {
    let rendered = render(&reply("Pilih:", vec![Choice::new("x".repeat(300), "Satu")]));
    assert_eq!(text_of(&rendered), "Pilih:\n\n1. Satu");
    assert_eq!(rendered.options, ["x".repeat(300)]);
}

#[test]
fn an_address_that_is_no_page_is_written_out() {
    for url in ["javascript:alert(1)", "https://", "https://a b"] {
        let link = Some(Link {
            label: "Buka".to_owned(),
            url: url.to_owned(),
        });
        let rendered = render(&Reply {
            link,
            ..reply("Halo", Vec::new())
        });
        assert_eq!(text_of(&rendered), format!("Halo\n\nBuka: {url}"));
    }
}

#[test]
fn nothing_to_say_is_still_one_message_with_a_body() {
    assert_eq!(text_of(&render(&Reply::default())), "…");
    let header = Header::Text("Toko Sari".to_owned());
    let rendered = render(&Reply {
        header,
        ..reply(" \n", choices(2))
    });
    assert_eq!(text_of(&rendered), "Toko Sari");
}

#[test]
fn a_body_that_overflows_is_cut_and_the_choices_stay() {
    let body = "kopi 👨‍👩‍👧‍👦 ".repeat(1000);
    let tappable = render(&reply(&body, choices(3)));
    assert!(text_of(&tappable).ends_with('…'));
    let numbered = render(&reply(&body, choices(20)));
    assert_eq!(numbered.options.len(), 20);
    assert!(text_of(&numbered).ends_with("\n20. Kopi 20"));
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => any::<String>(),
        1 => "[a-zA-Z \n]{0,40}",
        1 => "\\PC{0,200}",
        1 => (0_usize..6000).prop_map(|n| "é👨‍👩‍👧 x\n".repeat(n / 8)),
        1 => (0_usize..400).prop_map(|n| format!("a{}", "\u{301}".repeat(n))),
        1 => Just(String::new()),
    ]
}

fn any_choice() -> impl Strategy<Value = Choice> {
    let id = prop_oneof!["[a-z0-9|]{1,180}", "[a-c]", any::<String>(), "x{150,300}"];
    (
        id,
        any_text(),
        prop::option::of(any_text()),
        prop::option::of(any_text()),
    )
        .prop_map(|(id, title, description, section)| Choice {
            id,
            title,
            description,
            section,
        })
}

fn any_reply() -> impl Strategy<Value = Reply> {
    let header = prop_oneof![
        Just(Header::None),
        any_text().prop_map(Header::Text),
        prop_oneof![
            any::<String>(),
            Just("https://example.com/a.png".to_owned())
        ]
        .prop_map(Header::ImageLink),
        prop_oneof![any::<String>(), Just("1234".to_owned())].prop_map(Header::ImageId),
    ];
    let url = prop_oneof![any::<String>(), Just("https://example.com/".to_owned())];
    let link = (any_text(), url).prop_map(|(label, url)| Link { label, url });
    let count = prop_oneof![0_usize..4, 0_usize..14, 0_usize..200];
    let choices = count.prop_flat_map(|count| prop::collection::vec(any_choice(), count));
    (
        header,
        any_text(),
        prop::option::of(any_text()),
        choices,
        prop::option::of(any_text()),
        prop::option::of(link),
    )
        .prop_map(|(header, body, footer, choices, list_label, link)| Reply {
            header,
            body,
            footer,
            choices,
            list_label,
            link,
        })
}

fn assert_length(text: &str, limit: usize) {
    assert!(!text.trim().is_empty(), "a text is empty");
    assert!(units(text) <= limit, "{} > {limit}: {text}", units(text));
}

fn assert_different<'a>(texts: impl Iterator<Item = &'a str>) {
    let mut seen = HashSet::new();
    for text in texts {
        assert!(seen.insert(text), "{text} is there twice");
    }
}

fn assert_list(list: &ListAction) {
    assert_length(&list.button, limits::LIST_LABEL_UNITS);
    assert!((1..=limits::LIST_SECTIONS).contains(&list.sections.len()));
    assert!(list.sections.len() == 1 || list.sections.iter().all(|s| s.title.is_some()));
    for title in list
        .sections
        .iter()
        .filter_map(|section| section.title.as_deref())
    {
        assert_length(title, limits::SECTION_TITLE_UNITS);
    }
    assert_different(
        list.sections
            .iter()
            .filter_map(|section| section.title.as_deref()),
    );
    let rows = || list.sections.iter().flat_map(|section| &section.rows);
    assert!(list.sections.iter().all(|section| !section.rows.is_empty()));
    assert!((1..=limits::LIST_ROWS).contains(&rows().count()));
    assert_different(rows().map(|row| row.id.as_str()));
    assert_different(rows().map(|row| row.title.as_str()));
    for row in rows() {
        assert_length(&row.id, limits::ROW_ID_UNITS);
        assert_length(&row.title, limits::ROW_TITLE_UNITS);
        if let Some(description) = &row.description {
            assert_length(description, limits::ROW_DESCRIPTION_UNITS);
        }
    }
}

fn assert_interactive(interactive: &Interactive) {
    assert_length(&interactive.body.text, limits::INTERACTIVE_BODY_UNITS);
    if let Some(footer) = &interactive.footer {
        assert_length(&footer.text, limits::FOOTER_UNITS);
    }
    if let Some(InteractiveHeader::Text { text }) = &interactive.header {
        assert_length(text, limits::HEADER_UNITS);
    }
    match &interactive.action {
        Action::Button(ButtonAction { buttons }) => {
            assert!((1..=limits::BUTTONS).contains(&buttons.len()));
            let replies = || buttons.iter().map(|Button::Reply(reply)| reply);
            assert_different(replies().map(|reply| reply.id.as_str()));
            assert_different(replies().map(|reply| reply.title.as_str()));
            for reply in replies() {
                assert_length(&reply.id, limits::BUTTON_ID_UNITS);
                assert_length(&reply.title, limits::BUTTON_TITLE_UNITS);
            }
        }
        Action::List(list) => {
            assert!(!matches!(
                interactive.header,
                Some(InteractiveHeader::Image { .. })
            ));
            assert_list(list);
        }
        Action::CtaUrl(LinkAction::CtaUrl(link)) => {
            assert_length(&link.display_text, limits::LINK_LABEL_UNITS);
            assert!(is_url(&link.url));
        }
    }
}

fn assert_inside_every_limit(content: &Content) {
    match content {
        Content::Text { text } => assert_length(&text.body, limits::TEXT_BODY_UNITS),
        Content::Image { image } => {
            if let Some(caption) = &image.caption {
                assert_length(caption, limits::CAPTION_UNITS);
            }
        }
        Content::Interactive { interactive } => assert_interactive(interactive),
        Content::Template { .. } => panic!("a reply is never a template"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_reply_is_one_message_inside_every_limit(reply in any_reply()) {
        let rendered = render(&reply);
        assert_inside_every_limit(&rendered.content);

        let known: HashSet<&String> = reply.choices.iter().map(|choice| &choice.id).collect();
        let shown: HashSet<&String> = rendered.options.iter().collect();
        prop_assert_eq!(shown.len(), rendered.options.len());
        prop_assert!(shown.is_subset(&known));
        if known.len() <= limits::LIST_ROWS {
            prop_assert_eq!(&shown, &known, "up to ten choices are all offered");
        }
        let kept = serde_json::to_string(&reply).unwrap();
        prop_assert_eq!(serde_json::from_str::<Reply>(&kept).unwrap(), reply);
        let wire = serde_json::to_string(&rendered.content).unwrap();
        prop_assert_eq!(serde_json::from_str::<Content>(&wire).unwrap(), rendered.content);
    }
}
