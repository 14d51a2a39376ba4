//! The exercises as their reader meets them: each has its files, its text has the form, its
//! chapter shows it, and every code that it names is explained in the failure index.
//!
//! Whether an exercise judges rightly is proven elsewhere, by running it.

mod book;
mod files;
mod own_tests;
#[path = "../support/mod.rs"]
mod support;
mod texts;

use book::{chapters_show_their_exercises, graders_are_proved, index_has_every_code};
use files::{descriptions_are_true, exercises_are_complete, wrong_programs_say_why};
use support::project::Project;
use support::{assert_none, exercises};
use texts::texts_have_the_form;

#[test]
fn every_exercise_has_its_files_and_its_form() {
    let project = Project::read();
    assert_none(exercises_are_complete(&project));
    assert_none(descriptions_are_true(&project));
    assert_none(texts_have_the_form(&project));
    assert_none(wrong_programs_say_why(&project));
}

#[test]
fn every_chapter_shows_its_exercises() {
    assert_none(chapters_show_their_exercises(&Project::read()));
}

#[test]
fn the_failure_index_has_every_code() {
    let project = Project::read();
    assert!(exercises::codes(&project).len() >= 30, "the codes were not found");
    assert_none(index_has_every_code(&project));
}

#[test]
fn every_grader_has_been_proved() {
    assert_none(graders_are_proved(&Project::read()));
}
