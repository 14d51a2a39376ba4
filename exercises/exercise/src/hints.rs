//! The hints of an exercise, read from its page: the folded blocks below the heading `## Hints`.

/// The Markdown of each hint, in the order of the page. A block that is never closed ends with the page.
pub(crate) fn read(page: &str) -> Vec<String> {
    let section = page
        .lines()
        .skip_while(|line| line.trim_end() != "## Hints")
        .skip(1)
        .take_while(|line| !line.starts_with("## "));
    let mut hints = Vec::new();
    let mut open: Option<String> = None;
    for line in section {
        match line.trim() {
            "<details>" => open = Some(String::new()),
            "</details>" => hints.extend(open.take()),
            trimmed if is_summary(trimmed) => {}
            _ => {
                if let Some(hint) = &mut open {
                    hint.push_str(line);
                    hint.push('\n');
                }
            }
        }
    }
    hints.extend(open);
    for hint in &mut hints {
        *hint = hint.trim_matches('\n').to_owned();
    }
    hints.retain(|hint| !hint.trim().is_empty());
    hints
}

fn is_summary(line: &str) -> bool {
    line.starts_with("<summary>") && line.ends_with("</summary>")
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn each_folded_block_is_a_hint_without_its_summary() {
        let page = "# Title\n\n<details>\n<summary>Not a hint</summary>\n\nno\n\n</details>\n\n\
                    ## Hints\n\n<details>\n<summary>Hint 1</summary>\n\nLook at `fork`.\n\n- one\n  - two\n\n</details>\n\n\
                    <details>\n<summary>Hint 2</summary>\n\nClose it.\n\n</details>\n\n## After\n\n<details>\nno\n</details>\n";
        assert_eq!(read(page), ["Look at `fork`.\n\n- one\n  - two", "Close it."]);
    }

    #[test]
    fn odd_pages_have_the_hints_that_can_be_read() {
        assert_eq!(read(""), [""; 0]);
        assert_eq!(read("## Hints\n\ntext\n"), [""; 0]);
        assert_eq!(read("## Hints\n<details>\n\n</details>\n</details>\n"), [""; 0]);
        assert_eq!(read("## Hints\n<details>\nnever closed"), ["never closed"]);
    }
}
