//! The figures behind the curves as tables, ours beside the reader's.

use claims::{Fact, Plot, PlotKind, Series, amount};

use super::{escape, push, push_part};

/// A table with a line for each point of a plot, ours beside the reader's.
pub(super) fn figures(html: &mut String, ours: &Plot, yours: Option<&Plot>) {
    push(
        html,
        format_args!(
            "<div class=\"table-wrapper\"><table><caption>{}</caption>",
            escape(&ours.title)
        ),
    );
    let head = |text: &str| format!("<th scope=\"col\">{}</th>", escape(text));
    let mut names: Vec<&str> = Vec::new();
    for series in ours.series.iter().chain(yours.iter().flat_map(|plot| &plot.series)) {
        if !series.points.is_empty() && !names.contains(&series.name.as_str()) {
            names.push(&series.name);
        }
    }
    let columns: Vec<(&str, &Plot, &str)> = names
        .iter()
        .flat_map(|name| {
            let ours = Some((*name, ours, if yours.is_some() { "ours" } else { "" }));
            [ours, yours.map(|yours| (*name, yours, "yours"))].into_iter().flatten()
        })
        .collect();
    html.push_str("<thead><tr>");
    html.push_str(&head(if ours.kind == PlotKind::Bars { "" } else { &ours.x.label }));
    for (name, _, whose) in &columns {
        html.push_str(&head(format!("{name} {whose}").trim()));
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    for row in rows(ours, yours) {
        push_part(
            html,
            format_args!("<tr><th scope=\"row\">{}</th>", escape(&row.label(ours))),
        );
        for (name, plot, _) in &columns {
            let value = plot.series(name).and_then(|series| row.value(plot, series));
            let text =
                value.map_or_else(|| "-".to_owned(), |value| amount(value, &plot.y.unit));
            push_part(html, format_args!("<td>{}</td>", escape(&text)));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody></table></div>\n");
}

/// What a line of a table stands for.
enum Row {
    X(f64),
    Category(String),
}

impl Row {
    fn label(&self, plot: &Plot) -> String {
        match self {
            Row::X(x) => amount(*x, &plot.x.unit),
            Row::Category(name) => name.clone(),
        }
    }

    fn value(&self, plot: &Plot, series: &Series) -> Option<f64> {
        match self {
            Row::X(x) => series.at(*x),
            Row::Category(name) => {
                let index = plot.categories.iter().position(|category| category == name)?;
                series.at(index as f64)
            }
        }
    }
}

fn rows(ours: &Plot, yours: Option<&Plot>) -> Vec<Row> {
    let plots = || [Some(ours), yours].into_iter().flatten();
    if ours.kind == PlotKind::Bars {
        let mut names: Vec<&String> = Vec::new();
        for name in plots().flat_map(|plot| &plot.categories) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        return names.into_iter().map(|name| Row::Category(name.clone())).collect();
    }
    let points = plots().flat_map(|plot| &plot.series).flat_map(|series| &series.points);
    let mut xs: Vec<f64> = points.map(|point| point.x).collect();
    xs.sort_by(f64::total_cmp);
    xs.dedup();
    xs.into_iter().map(Row::X).collect()
}

pub(super) fn facts(html: &mut String, ours: &[Fact], yours: Option<&[Fact]>) {
    if ours.is_empty() && yours.is_none_or(<[Fact]>::is_empty) {
        return;
    }
    html.push_str(
        "<div class=\"table-wrapper\"><table><caption>Beside the curves</caption><thead><tr>",
    );
    html.push_str("<th scope=\"col\">looked at</th><th scope=\"col\">ours</th>");
    if yours.is_some() {
        html.push_str("<th scope=\"col\">yours</th>");
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    let mut names: Vec<&str> = Vec::new();
    for fact in ours.iter().chain(yours.unwrap_or_default()) {
        if !names.contains(&fact.name.as_str()) {
            names.push(&fact.name);
        }
    }
    for name in names {
        let value = |facts: &[Fact]| {
            let fact = facts.iter().find(|fact| fact.name == name);
            fact.map_or_else(|| "-".to_owned(), |fact| escape(&fact.value))
        };
        push_part(html, format_args!("<tr><th scope=\"row\">{}</th>", escape(name)));
        for facts in [Some(ours), yours].into_iter().flatten() {
            push_part(html, format_args!("<td>{}</td>", value(facts)));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody></table></div>\n");
}
