//! What a page shows of a finding, with the reader's figures, without them, and with broken ones.

use std::fs;

use claims::{Axis, Fact, Machine, PlotKind, Series, VERSION, Verdict};

use super::*;

const PLACE: &str = "chapters/13-size/README.md";

fn plot(points: &[(f64, f64)]) -> Plot {
    let mut series = Series::new("pool");
    points.iter().for_each(|(x, y)| series.push(*x, *y));
    Plot {
        id: "throughput".into(),
        title: "Throughput & knee".into(),
        kind: PlotKind::Lines,
        categories: Vec::new(),
        x: Axis::linear("workers", ""),
        y: Axis::linear("throughput", "tasks/s"),
        series: vec![series],
    }
}

fn run(processor: &str, verdict: Verdict, points: &[(f64, f64)]) -> Run {
    let finding = |claim: &Claim| Finding {
        id: claim.id.into(),
        verdict,
        because: format!("{processor} <says> so."),
        plots: vec![plot(points)],
        facts: vec![Fact { name: "knee".into(), value: "2 workers".into() }],
        notes: vec!["Without a cgroup.".into()],
        took_s: 1.0,
    };
    let taken = |claim: &Claim| Taken {
        unix_s: 1_795_392_000,
        scale: Scale::Full,
        other_load: 0.0,
        finding: finding(claim),
    };
    Run {
        version: VERSION,
        machine: Machine {
            processor: processor.into(),
            processors: 2,
            usable: 2,
            memory_bytes: 1,
            page_bytes: 4096,
            kernel: "6.18".into(),
            hypervisor: true,
            container: Vec::new(),
        },
        findings: CLAIMS.iter().chain(&EXTRA).map(taken).collect(),
    }
}

/// A project with our figures, and with a reader's file if there is a text for it.
fn project(yours: Option<&str>) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a folder");
    let ours = run("Ourchip", Verdict::HalfTrue, &[(1.0, 10.0), (2.0, 20.0)]);
    for (path, text) in [
        (store::REFERENCE, Some(serde_json::to_string(&ours).expect("JSON").as_str())),
        (store::MEASURED, yours),
    ] {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        if let Some(text) = text {
            fs::write(path, text).expect("a file");
        }
    }
    root
}

fn expand(root: &tempfile::TempDir, page: &str) -> Result<String> {
    Figures::of(root.path()).expand(page.to_owned(), Path::new(PLACE))
}

#[test]
fn a_finding_is_one_block_with_verdict_curve_figures_and_command() {
    let page = expand(&project(None), "Before.\n\n{{#measured blocking}}\n\nAfter.\n")
        .expect("a page");
    let block = page.strip_prefix("Before.\n\n").and_then(|it| it.strip_suffix("\n\nAfter.\n"));
    let block = block.expect("the text around it stays");
    assert!(!block.lines().any(|line| line.trim().is_empty()), "a blank line in {block}");
    for part in [
        "Claim 3: “For work that waits",
        "Ours: <strong>half true</strong>. Ourchip &lt;says&gt; so.",
        "<svg",
        "<figcaption>Throughput &amp; knee</figcaption>",
        "<th scope=\"row\">2</th><td>20 tasks/s</td>",
        "<th scope=\"row\">knee</th><td>2 workers</td>",
        "Ours: Without a cgroup.",
        "2 × Ourchip under a hypervisor, Linux 6.18, 2026-11-23",
        "Yours: not measured yet.",
        "<code>cargo run -- measure blocking</code>",
    ] {
        assert!(block.contains(part), "no {part} in {block}");
    }
}

#[test]
fn the_readers_figures_stand_beside_ours() {
    let yours = run("Mychip", Verdict::True, &[(1.0, 30.0), (4.0, 70.0)]);
    let yours = serde_json::to_string(&yours).expect("JSON");
    let page = expand(&project(Some(&yours)), "{{#measured blocking}}\n").expect("a page");
    for part in [
        "Yours: <strong>true</strong>. Mychip &lt;says&gt; so.",
        "plot-series yours",
        "<th scope=\"row\">4</th><td>-</td><td>70 tasks/s</td>",
        "Yours: 2 × Mychip",
    ] {
        assert!(page.contains(part), "no {part} in {page}");
    }
    let table = expand(&project(Some(&yours)), "{{#claims}}\n").expect("a table");
    assert!(
        table.contains(
            "| half true | true | [blocking](../13-size/README.md#measured-blocking) |"
        ),
        "{table}"
    );
    assert_eq!(table.lines().count(), 2 + CLAIMS.len());
}

#[test]
fn a_readers_broken_file_breaks_no_page() {
    let page = expand(&project(Some("{")), "{{#measured limits}}\n").expect("a page");
    assert!(page.contains("Yours cannot be shown") && page.contains("measure again"), "{page}");
    let table = expand(&project(Some("{")), "{{#claims}}\n").expect("a table");
    assert!(!table.contains("yours"), "{table}");
}

#[test]
fn what_cannot_be_shown_is_an_error_that_names_the_page() {
    for (page, part) in [
        ("{{#measured bloking}}\n", "the nearest: blocking"),
        ("See {{#measured limits}}.\n", "must stand alone"),
        ("See {{#claims}}.\n", "must stand alone"),
        ("{{#measured limits}}\n\n{{#measured limits}}\n", "twice"),
    ] {
        let error = format!("{:#}", expand(&project(None), page).expect_err(page));
        assert!(error.starts_with(PLACE) && error.contains(part), "{error}");
    }
    let empty = tempfile::tempdir().expect("a folder");
    let error =
        format!("{:#}", expand(&empty, "{{#measured limits}}\n").expect_err("no figures"));
    assert!(error.contains("measure limits --reference"), "{error}");
}

#[test]
fn text_about_a_directive_is_left_alone() {
    let page = "Write `{{#measured ID}}` there.\n";
    assert_eq!(expand(&project(None), page).expect("a page"), page);
}

#[test]
fn days_are_those_of_the_calendar() {
    for (unix_s, day) in [
        (0, "1970-01-01"),
        (951_782_400, "2000-02-29"),
        (1_709_164_800, "2024-02-29"),
        (1_795_392_000 - 1, "2026-11-22"),
        (4_102_444_800, "2100-01-01"),
    ] {
        assert_eq!(date(unix_s), day);
    }
}
