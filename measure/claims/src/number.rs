//! Figures as a reader writes them: three digits that count, and a prefix of the unit.

/// `value` of `unit` in words: `4 KiB`, `3.2 ms`, `1.5 M tasks/s`, `17`.
///
/// Bytes get binary prefixes, times the fitting unit, other amounts `k`, `M`, `G`. `unit` is one of [`crate::Axis::unit`].
pub fn amount(value: f64, unit: &str) -> String {
    if !value.is_finite() {
        return "-".to_owned();
    }
    if let Some(bytes) = bytes_per(unit) {
        return prefixed(value * bytes, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB"], "");
    }
    if let Some(seconds) = seconds_per(unit) {
        return time(value * seconds);
    }
    let number = prefixed(value, 1000.0, &["", "k", "M", "G", "T"], "");
    match unit {
        "" => number,
        "%" => format!("{number} %"),
        _ => format!("{number} {unit}"),
    }
}

/// Whether [`amount`] writes the unit of its own accord, so that an axis need not name it.
pub(crate) fn names_unit(unit: &str) -> bool {
    bytes_per(unit).is_some() || seconds_per(unit).is_some()
}

/// How many bytes `unit` is, if it is one of bytes.
pub(crate) fn bytes_per(unit: &str) -> Option<f64> {
    Some(match unit {
        "B" => 1.0,
        "KiB" => 1024.0,
        "MiB" => 1024.0 * 1024.0,
        "GiB" => 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    })
}

fn seconds_per(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 1e-9,
        "µs" | "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        _ => return None,
    })
}

fn time(seconds: f64) -> String {
    let size = seconds.abs();
    let (factor, unit) = match size {
        _ if size == 0.0 => return "0".to_owned(),
        _ if size < 0.999_5e-6 => (1e9, "ns"),
        _ if size < 0.999_5e-3 => (1e6, "µs"),
        _ if size < 0.999_5 => (1e3, "ms"),
        _ => (1.0, "s"),
    };
    format!("{} {unit}", digits(seconds * factor))
}

fn prefixed(value: f64, step: f64, names: &[&str], unit: &str) -> String {
    let mut value = value;
    let mut names = names.iter();
    let mut name = names.next().copied().unwrap_or_default();
    // Half a step below, so that 1023.9 KiB is 1 MiB and not 1020 KiB.
    while value.abs() >= step * 0.999_5 {
        let Some(next) = names.next() else { break };
        value /= step;
        name = next;
    }
    match (name, unit) {
        ("", "") => digits(value),
        (name, "") => format!("{} {name}", digits(value)),
        (name, unit) => format!("{} {name}{unit}", digits(value)),
    }
}

/// Three digits that count, without zeros at the end of a fraction.
fn digits(value: f64) -> String {
    let size = value.abs();
    let places = match size {
        _ if size >= 99.95 => 0,
        _ if size >= 9.995 => 1,
        _ if size >= 0.999_5 => 2,
        _ if size >= 0.099_95 => 3,
        _ => 4,
    };
    let text = format!("{value:.places$}");
    let text = match text.split_once('.') {
        Some(_) => text.trim_end_matches('0').trim_end_matches('.'),
        None => &text,
    };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_binary_prefixes() {
        for (value, unit, expected) in [
            (8.0, "B", "8 B"),
            (4096.0, "B", "4 KiB"),
            (1023.99 * 1024.0, "B", "1 MiB"),
            (1.5, "GiB", "1.5 GiB"),
            (276.0, "KiB", "276 KiB"),
            (0.0, "MiB", "0 B"),
            (3e6, "GiB", "2930 TiB"),
        ] {
            assert_eq!(amount(value, unit), expected);
        }
    }

    #[test]
    fn times_have_the_fitting_unit() {
        for (value, unit, expected) in [
            (1_140.0, "µs", "1.14 ms"),
            (0.08, "ms", "80 µs"),
            (999.99, "ns", "1 µs"),
            (0.0, "s", "0"),
            (90.0, "s", "90 s"),
        ] {
            assert_eq!(amount(value, unit), expected);
        }
    }

    #[test]
    fn counts_have_decimal_prefixes_and_keep_their_unit() {
        for (value, unit, expected) in [
            (17.0, "", "17"),
            (1_234_567.0, "tasks/s", "1.23 M tasks/s"),
            (20_000.0, "", "20 k"),
            (0.5, "", "0.5"),
            (0.012_34, "", "0.0123"),
            (87.25, "%", "87.2 %"),
            (-0.000_001, "", "0"),
            (f64::NAN, "", "-"),
        ] {
            assert_eq!(amount(value, unit), expected);
        }
    }
}
