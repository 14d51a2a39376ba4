//! The commands for exercises, from outside: a small project with small exercises that are built
//! and graded, each by a test program of its own instead of the grader.

#![cfg(target_os = "linux")]

mod project;
mod prove;
mod running;
#[path = "../support/program.rs"]
mod support;

use std::fs;

use project::*;

#[test]
fn list_shows_the_exercises_with_ticks() {
    let mini = Exercises::new();
    mini.record("first-one", exercise::Outcome::Passed);
    mini.record("second-one", failed("ZOMBIE"));
    let (status, list, errors) = mini.run(&["list"]);
    assert_eq!((status, errors.as_str()), (Some(0), ""));
    let lines: Vec<&str> = list.lines().collect();
    let at = lines.iter().position(|line| line.trim() == "Exercises").expect("a heading");
    assert_eq!(
        &lines[at + 1..],
        [
            "  5 min   ✓ first-one   fill     The first-one",
            "  5 min   ✗ second-one  fill     The second-one  ✗ ZOMBIE",
            "  5 min     third-one   fill     The third-one",
            "",
            "2 chapters, 2 examples. Run one with: cargo run -- run NAME",
            "1 of 3 exercises solved. Try one with: cargo run -- watch NAME",
        ]
    );
}

#[test]
fn an_unknown_exercise_is_answered_with_the_closest_names() {
    let mini = Exercises::new();
    for command in ["grade", "watch", "hint", "solution", "reset", "prove"] {
        let (status, output, errors) = mini.run(&[command, "secnd-one"]);
        assert_eq!((status, output.as_str()), (Some(1), ""), "{command}");
        assert!(errors.contains("no exercise is called secnd-one"), "{errors}");
        assert!(errors.contains("Did you mean second-one"), "{errors}");
    }
}

#[test]
fn a_damaged_exercise_is_named_with_its_file() {
    let mini = Exercises::new();
    mini.0.write("exercises/01-one/first-one/Cargo.toml", "[package]\nname = \"first-one\"\n");
    let (status, _, errors) = mini.run(&["list"]);
    assert_eq!(status, Some(1));
    assert!(errors.contains("Cargo.toml") && errors.contains("missing field"), "{errors}");
}

#[test]
fn grade_passes_the_test_s_output_on_and_ends_with_its_result() {
    let mini = Exercises::new();
    let (status, output, errors) = mini.run(&["grade", "first-one"]);
    assert_eq!(status, Some(1), "{errors}");
    assert!(output.contains("judge "), "{output}{errors}");
    mini.write("first-one", RIGHT);
    let (status, output, errors) = mini.run(&["grade", "first-one"]);
    assert_eq!(status, Some(0), "{output}{errors}");
}

#[test]
fn grade_without_a_name_grades_all_in_order_and_sums_up() {
    let mini = Exercises::new();
    mini.write("first-one", RIGHT);
    mini.write("third-one", BROKEN);
    // An old record of an exercise that does not compile now is not its grade.
    mini.record("third-one", failed("ZOMBIE"));
    let (status, output, errors) = mini.run(&["grade"]);
    assert_eq!(status, Some(1), "{errors}");
    assert!(errors.contains("forty_two"), "the compiler's message is shown: {errors}");
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(
        lines[lines.len() - 4..],
        [
            "✓ first-one   passed",
            "✗ second-one  WRONG_ANSWER",
            "✗ third-one   not graded: see the messages above",
            "1 of 3 exercises passed.",
        ],
        "{output}"
    );
    let places: Vec<usize> = ["1 of 3: ", "2 of 3: ", "3 of 3: "]
        .iter()
        .map(|text| output.find(text).expect(text))
        .collect();
    assert!(places.is_sorted(), "{output}");
}

#[test]
fn hints_come_one_by_one_and_are_kept() {
    let mini = Exercises::new();
    let hint = |arguments: &[&str]| {
        let (status, output, errors) = mini.run(&[&["hint", "first-one"], arguments].concat());
        assert_eq!((status, errors.as_str()), (Some(0), ""));
        output
    };
    assert!(hint(&["--again"]).contains("no hint of first-one yet"));
    assert!(hint(&[]).starts_with("first-one: hint 1 of 2\n\nThink.\n"));
    let again = hint(&["--again"]);
    assert!(again.contains("Think.") && !again.contains("42"), "{again}");
    let second = hint(&[]);
    assert!(
        second.contains("hint 2 of 2\n\nIt is `42`.") && !second.contains("Think."),
        "{second}"
    );
    let all = hint(&[]);
    assert!(all.contains("Think.") && all.contains("42") && all.contains("no more"), "{all}");

    mini.0.write(".workbook/hints/first-one", "many");
    assert!(hint(&[]).starts_with("first-one: hint 1 of 2"), "a damaged number is none");
}

#[test]
fn the_solution_is_shown_after_success_or_on_giving_up() {
    let mini = Exercises::new();
    mini.record("first-one", failed("STUCK"));
    let (status, output, errors) = mini.run(&["solution", "first-one"]);
    assert_eq!((status, output.as_str()), (Some(1), ""));
    assert!(errors.contains("first-one --give-up"), "{errors}");
    let (status, output, _) = mini.run(&["solution", "first-one", "--give-up"]);
    assert_eq!((status, output.as_str()), (Some(0), RIGHT));

    mini.record("first-one", exercise::Outcome::Passed);
    mini.record("first-one", failed("STUCK"));
    let (status, output, _) = mini.run(&["solution", "first-one"]);
    assert_eq!((status, output.as_str()), (Some(0), RIGHT), "it was passed once");
}

#[test]
fn reset_keeps_the_reader_s_file_and_never_loses_one() {
    let mini = Exercises::new();
    let kept = mini.0.root().join(".workbook/kept/first-one");
    let (status, output, _) = mini.run(&["reset", "first-one"]);
    assert_eq!(status, Some(0));
    assert!(output.contains("nothing was changed") && !kept.exists(), "{output}");

    for (number, text) in [RIGHT, HANGS, BROKEN].into_iter().enumerate() {
        mini.write("first-one", text);
        let (status, output, errors) = mini.run(&["reset", "first-one"]);
        assert_eq!((status, errors.as_str()), (Some(0), ""));
        let path = output
            .lines()
            .find_map(|line| line.strip_prefix("Your file is kept as "))
            .expect("the place of the copy");
        assert_eq!(fs::read_to_string(mini.0.root().join(path)).expect("the copy"), text);
        assert_eq!(fs::read_to_string(mini.source("first-one")).expect("the file"), WRONG);
        assert_eq!(fs::read_dir(&kept).expect("the copies").count(), number + 1);
    }

    fs::remove_file(mini.source("first-one")).expect("the file was there");
    mini.record("first-one", exercise::Outcome::Passed);
    let (status, output, _) = mini.run(&["reset", "first-one"]);
    assert_eq!(status, Some(0));
    assert!(output.contains("stays ticked") && !output.contains("kept"), "{output}");
    assert_eq!(fs::read_to_string(mini.source("first-one")).expect("the file"), WRONG);
}
