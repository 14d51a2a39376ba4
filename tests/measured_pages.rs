//! The claims in the book: each is shown in its chapter, has figures of ours, and its plots say what their axes count.

use std::fs;
use std::path::{Path, PathBuf};

use claims::{CLAIMS, EXTRA, PlotKind, Run, Scale};
use workbook::measure::store;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn reference() -> Run {
    let run = store::read(&root().join(store::REFERENCE)).expect("our figures can be read");
    run.expect("there are figures of ours")
}

/// All pages with the ids that they show by the directive.
fn shown() -> Vec<(PathBuf, Vec<String>)> {
    let chapters = fs::read_dir(root().join("chapters")).expect("the chapters");
    chapters
        .filter_map(|entry| {
            let page = entry.expect("an entry").path().join("README.md");
            let text = fs::read_to_string(&page).ok()?;
            let ids = text.lines().filter_map(|line| {
                Some(line.strip_prefix("{{#measured ")?.strip_suffix("}}")?.to_owned())
            });
            let ids = ids.collect();
            Some((page, ids))
        })
        .collect()
}

#[test]
fn each_claim_is_shown_once_and_in_its_chapter() {
    let shown = shown();
    for claim in CLAIMS.iter().chain(&EXTRA) {
        let pages: Vec<&Path> = shown
            .iter()
            .filter(|(_, ids)| ids.iter().any(|id| id == claim.id))
            .map(|(page, _)| page.as_path())
            .collect();
        let own = root().join("chapters").join(claim.chapter).join("README.md");
        assert_eq!(pages, [own.as_path()], "the pages that show {}", claim.id);
    }
    let unknown: Vec<&String> = shown
        .iter()
        .flat_map(|(_, ids)| ids)
        .filter(|id| claims::claim(id).is_none())
        .collect();
    assert_eq!(unknown, Vec::<&String>::new());
}

#[test]
fn our_figures_are_complete_and_of_a_full_run_on_a_quiet_machine() {
    let run = reference();
    for taken in &run.findings {
        assert_eq!(taken.scale, Scale::Full, "{}", taken.finding.id);
        assert!(taken.other_load < 0.25, "{}: {}", taken.finding.id, taken.other_load);
    }
    let ids: Vec<&str> = run.findings.iter().map(|taken| taken.finding.id.as_str()).collect();
    let all: Vec<&str> = CLAIMS.iter().chain(&EXTRA).map(|claim| claim.id).collect();
    assert_eq!(ids, all);
    let took_s: f64 = run.findings.iter().map(|taken| taken.finding.took_s).sum();
    assert!(took_s < 180.0, "all of them took {took_s:.0} s");
}

#[test]
fn each_plot_says_what_its_axes_count() {
    for finding in reference().findings.into_iter().map(|taken| taken.finding) {
        for plot in &finding.plots {
            let name = format!("{}: {}", finding.id, plot.id);
            assert!(!plot.title.is_empty() && !plot.y.label.is_empty(), "{name}");
            assert!(plot.kind == PlotKind::Bars || !plot.x.label.is_empty(), "{name}");
            assert!(!plot.series.is_empty() && plot.series.len() <= 8, "{name}");
            for series in &plot.series {
                let sorted = series.points.windows(2).all(|pair| pair[0].x < pair[1].x);
                assert!(sorted, "{name}: {} is not sorted", series.name);
                let finite =
                    series.points.iter().all(|it| it.x.is_finite() && it.y.is_finite());
                assert!(finite, "{name}: {} is not finite", series.name);
            }
        }
        assert!(finding.because.ends_with('.'), "{}: {}", finding.id, finding.because);
    }
}
