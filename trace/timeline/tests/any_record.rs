//! Whatever a record holds, its drawing is well-formed, lies in its box, and no two of its texts lie on each other.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use timeline::{Birth, Born, Cause, End, Exec, Lane, Timeline, VERSION, Wait, What};

/// Times as they are, and some that cannot be.
fn time() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 0_u64..200_000, 1 => Just(0), 1 => any::<u64>()]
}

/// Indices of lanes, mostly of some that exist.
fn index() -> impl Strategy<Value = usize> {
    prop_oneof![8 => 0_usize..20, 1 => any::<usize>()]
}

fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("worker".to_owned()),
        Just("]]>&<\"'\u{0}\u{1b}[31m\u{fffe}".to_owned()),
        ".{0,60}",
    ]
}

fn what() -> impl Strategy<Value = What> {
    prop_oneof![
        Just(What::Child),
        any::<u32>().prop_map(|channel| What::Read { channel }),
        any::<u32>().prop_map(|channel| What::Write { channel }),
        any::<u32>().prop_map(|word| What::Futex { word }),
        Just(What::Poll),
        Just(What::Sleep),
        Just(What::Signal),
        Just(What::Vfork),
        words().prop_map(|name| What::Call { name }),
    ]
}

fn wait() -> impl Strategy<Value = Wait> {
    let cause =
        (index(), time(), words()).prop_map(|(lane, at_us, did)| Cause { lane, at_us, did });
    (time(), time(), what(), option::of(cause))
        .prop_map(|(from_us, to_us, what, ended_by)| Wait { from_us, to_us, what, ended_by })
}

fn lane() -> impl Strategy<Value = Lane> {
    let by = prop_oneof![
        Just(Birth::Program),
        Just(Birth::Fork),
        Just(Birth::Vfork),
        Just(Birth::Thread)
    ];
    let born = (time(), by, option::of(index()), option::of(index())).prop_map(
        |(at_us, by, from, parent)| Born { at_us, by, from, parent, flags: Vec::new() },
    );
    let exec = (time(), words()).prop_map(|(at_us, program)| Exec { at_us, program });
    let end = (time(), option::of(any::<i32>()), option::of(words()), option::of(time()))
        .prop_map(|(at_us, code, signal, reaped_us)| End { at_us, code, signal, reaped_us });
    (any::<u32>(), words(), born, vec(exec, 0..4), vec(wait(), 0..8), option::of(end)).prop_map(
        |(pid, name, born, execs, waits, end)| Lane { pid, name, born, execs, waits, end },
    )
}

fn record() -> impl Strategy<Value = Timeline> {
    (words(), time(), vec(lane(), 0..30), vec(words(), 0..3)).prop_map(
        |(name, duration_us, lanes, notes)| Timeline {
            version: VERSION,
            name,
            arguments: Vec::new(),
            duration_us,
            slowdown: None,
            lanes,
            notes,
        },
    )
}

/// What is wrong with a drawing.
fn faults(svg: &str) -> Vec<String> {
    let document = match roxmltree::Document::parse(svg) {
        Ok(document) => document,
        Err(error) => return vec![format!("no XML: {error}")],
    };
    let mut faults = Vec::new();
    if svg.lines().any(|line| line.trim().is_empty()) {
        faults.push("has a blank line".to_owned());
    }
    let root = document.root_element();
    let size: Vec<f64> = root
        .attribute("viewBox")
        .unwrap_or_default()
        .split(' ')
        .map(|number| number.parse().expect("a number of the box"))
        .collect();
    let mut texts: Vec<(f64, f64, f64, String)> = Vec::new();
    for element in root.descendants().filter(roxmltree::Node::is_element) {
        let number = |name: &str| -> Option<f64> {
            Some(element.attribute(name)?.parse().expect("a coordinate"))
        };
        let mut points: Vec<(f64, f64)> = Vec::new();
        for [x, y] in [["x", "y"], ["x1", "y1"], ["x2", "y2"], ["cx", "cy"]] {
            points.extend(number(x).zip(number(y)));
        }
        if let (Some(x), Some(y), Some(width), Some(height)) =
            (number("x"), number("y"), number("width"), number("height"))
        {
            if width < 0.0 || height < 0.0 {
                faults.push(format!("a box of {width} x {height}"));
            }
            points.push((x + width, y + height));
        }
        for pair in element.attribute("points").unwrap_or_default().split_whitespace() {
            let (x, y) = pair.split_once(',').expect("x,y");
            points.push((x.parse().expect("x"), y.parse().expect("y")));
        }
        if element.has_tag_name("text") {
            let words = element.text().unwrap_or_default().to_owned();
            let width =
                7.4 * words.chars().map(|c| if c.is_ascii() { 1.0 } else { 2.0 }).sum::<f64>();
            let x = number("x").expect("x")
                - if element.has_attribute("text-anchor") { width / 2.0 } else { 0.0 };
            let y = number("y").expect("y");
            points.push((x + width, y));
            texts.push((x, x + width, y, words));
        }
        for (x, y) in points {
            if !(0.0..=size[2]).contains(&x) || !(0.0..=size[3]).contains(&y) {
                faults
                    .push(format!("{:?} at {x}, {y} outside of {size:?}", element.tag_name()));
            }
        }
    }
    for (index, (from, to, y, words)) in texts.iter().enumerate() {
        for (other_from, other_to, other_y, others) in &texts[index + 1..] {
            // Letters of 13 have a box of about 18, of which rows of text may share a little.
            if (y - other_y).abs() < 12.0 && from + 1.0 < *other_to && other_from + 1.0 < *to {
                faults.push(format!("{words:?} lies on {others:?}"));
            }
        }
    }
    faults
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_record_is_drawn_within_its_box(record in record()) {
        let svg = timeline::svg(&record);
        prop_assert_eq!(faults(&svg), [""; 0], "{}", svg);
    }

    #[test]
    fn any_record_is_told_and_has_a_figure_and_a_page(record in record(), width in 0_usize..300) {
        let text = timeline::text(&record, width);
        let controls = text.replace('\x1b', "").chars().filter(|c| c.is_control() && *c != '\n').count();
        prop_assert_eq!(controls, 0, "{:?}", text);
        let figure = timeline::figure(&record);
        prop_assert!(roxmltree::Document::parse(&figure).is_ok(), "{}", figure);
        prop_assert!(figure.lines().all(|line| !line.trim().is_empty()), "{}", figure);
        let page = timeline::page(&record);
        let body = page.split_once("<body>").expect("a body").1.split_once("</html>").expect("its end").0;
        prop_assert!(roxmltree::Document::parse(&format!("<body>{body}")).is_ok(), "{}", body);
    }
}

fn lane_of(index: u32) -> Lane {
    Lane {
        pid: 4001 + index,
        name: format!("worker {}", index % 3),
        born: Born {
            at_us: u64::from(index),
            by: if index == 0 { Birth::Program } else { Birth::Fork },
            from: index.checked_sub(1).map(|_| 0),
            parent: index.checked_sub(1).map(|_| 0),
            flags: Vec::new(),
        },
        execs: Vec::new(),
        waits: Vec::new(),
        end: None,
    }
}

#[test]
fn ten_thousand_lanes_are_few_in_the_drawing_and_counted() {
    let record = Timeline {
        version: VERSION,
        name: "many".into(),
        arguments: Vec::new(),
        duration_us: 20_000,
        slowdown: None,
        lanes: (0..10_000).map(lane_of).collect(),
        notes: Vec::new(),
    };
    let svg = timeline::svg(&record);
    assert_eq!(faults(&svg), [""; 0]);
    assert!(svg.contains("more like 400"), "{svg}");
    assert!(svg.len() < 20_000, "{} bytes", svg.len());
}

#[test]
fn the_check_of_drawings_finds_what_it_looks_for() {
    let svg = |inside: &str| format!("<svg viewBox=\"0 0 640 100\">{inside}</svg>");
    assert_eq!(faults(&svg("<line x1=\"1\" y1=\"1\" x2=\"2\" y2=\"2\"/>")), [""; 0]);
    for inside in [
        "<line x1=\"1\" y1=\"1\" x2=\"700\" y2=\"2\"/>",
        "<polygon points=\"1,1 2,-3\"/>",
        "<text x=\"600\" y=\"10\">much too long</text>",
        "<text x=\"10\" y=\"10\">one</text><text x=\"20\" y=\"12\">two</text>",
        "<g>\n \n</g>",
        "<g>",
    ] {
        assert_eq!(faults(&svg(inside)).len(), 1, "{inside}");
    }
}
