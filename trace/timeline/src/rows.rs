//! The lanes of a record as they can be drawn: in the order of the drawing, within bounds, and not too many.
//!
//! A record is bytes from another process. Whatever stands in it, the rows keep this invariant: every index names a
//! row, every time lies within the run, a lane's waits lie within its life, in order, and do not overlap.

use std::collections::{HashMap, HashSet};

use crate::model::{Birth, Cause, End, Lane, Timeline, Wait, What};

/// More lanes are not drawn one by one: nobody compares them by eye.
pub(crate) const ROWS_MAX: usize = 12;

/// When there are too many lanes, so many of a kind are drawn.
const ALIKE_MAX: usize = 2;

/// Of a lane's waits the longest are kept.
const WAITS_MAX: usize = 200;

const EXECS_MAX: usize = 20;

/// A day. Nobody traces longer, and the times of an axis stay short.
const DURATION_MAX_US: u64 = 86_400_000_000;

/// The rows of a record.
#[derive(Debug)]
pub(crate) struct Rows<'t> {
    pub(crate) rows: Vec<Row<'t>>,
    pub(crate) duration_us: u64,
    /// How many lanes have no row and are like none that has one.
    pub(crate) hidden: usize,
}

/// A lane that is drawn.
#[derive(Debug)]
pub(crate) struct Row<'t> {
    pub(crate) lane: &'t Lane,
    pub(crate) born_us: u64,
    /// Who made it, if that lane exists.
    pub(crate) maker: Option<&'t Lane>,
    /// The row of its maker.
    pub(crate) from: Option<usize>,
    pub(crate) execs: Vec<(u64, &'t str)>,
    pub(crate) waits: Vec<RowWait<'t>>,
    /// When it ended, or the end of the record.
    pub(crate) end_us: u64,
    pub(crate) end: Option<&'t End>,
    pub(crate) reaped_us: Option<u64>,
    /// How many further lanes are like this one and have no row.
    pub(crate) alike: usize,
}

/// A wait within a lane's life.
#[derive(Debug)]
pub(crate) struct RowWait<'t> {
    pub(crate) from_us: u64,
    pub(crate) to_us: u64,
    pub(crate) what: &'t What,
    pub(crate) by: Option<By<'t>>,
}

/// What ended a wait.
#[derive(Debug, Clone, Copy)]
pub(crate) struct By<'t> {
    pub(crate) lane: &'t Lane,
    /// Its row, if it has one.
    pub(crate) row: Option<usize>,
    pub(crate) at_us: u64,
    pub(crate) did: &'t str,
}

impl<'t> Rows<'t> {
    /// The rows of `timeline`, at most `rows_max`.
    pub(crate) fn of(timeline: &'t Timeline, rows_max: usize) -> Rows<'t> {
        let lanes = &timeline.lanes;
        let (shown, alike, hidden) = choose(lanes, rows_max);
        let row_of: HashMap<usize, usize> =
            shown.iter().enumerate().map(|(row, lane)| (*lane, row)).collect();
        let duration_us = timeline.duration_us.clamp(1, DURATION_MAX_US);
        let rows = shown
            .iter()
            .zip(alike)
            .map(|(index, alike)| {
                let lane = &lanes[*index];
                let maker = lane.born.from.filter(|from| from != index);
                let mut row = life(lane, duration_us);
                row.maker = maker.and_then(|from| lanes.get(from));
                row.from = maker.and_then(|from| row_of.get(&from).copied());
                row.alike = alike;
                row.waits = waits(lane, row.born_us..row.end_us, |cause| {
                    let lane = lanes.get(cause.lane)?;
                    let row = row_of.get(&cause.lane).copied();
                    let at_us = cause.at_us.min(duration_us);
                    Some(By { lane, row, at_us, did: &cause.did })
                });
                row
            })
            .collect();
        Rows { rows, duration_us, hidden }
    }

    /// Every time at which something begins or ends, sorted, each once.
    pub(crate) fn moments(&self) -> Vec<u64> {
        let mut moments = vec![0, self.duration_us];
        for row in &self.rows {
            moments.extend([row.born_us, row.end_us]);
            moments.extend(row.reaped_us);
            moments.extend(row.execs.iter().map(|exec| exec.0));
            for wait in &row.waits {
                moments.extend([wait.from_us, wait.to_us]);
                moments.extend(wait.by.filter(|by| by.row.is_some()).map(|by| by.at_us));
            }
        }
        moments.sort_unstable();
        moments.dedup();
        moments
    }
}

fn life(lane: &Lane, duration_us: u64) -> Row<'_> {
    let born_us = lane.born.at_us.min(duration_us);
    let end_us =
        lane.end.as_ref().map_or(duration_us, |end| end.at_us.clamp(born_us, duration_us));
    let reaped_us = lane
        .end
        .as_ref()
        .and_then(|end| end.reaped_us)
        .map(|reaped| reaped.clamp(end_us, duration_us));
    let mut execs: Vec<(u64, &str)> = lane
        .execs
        .iter()
        .take(EXECS_MAX)
        .map(|exec| (exec.at_us.clamp(born_us, end_us), exec.program.as_str()))
        .collect();
    execs.sort_by_key(|exec| exec.0);
    Row {
        lane,
        born_us,
        maker: None,
        from: None,
        execs,
        waits: Vec::new(),
        end_us,
        end: lane.end.as_ref(),
        reaped_us,
        alike: 0,
    }
}

/// The longest waits of a lane, in order, cut to its life. What overlaps an earlier one begins where that one ends.
fn waits<'t>(
    lane: &'t Lane,
    life: std::ops::Range<u64>,
    by: impl Fn(&'t Cause) -> Option<By<'t>>,
) -> Vec<RowWait<'t>> {
    let mut longest: Vec<&Wait> = lane.waits.iter().collect();
    longest.sort_by_key(|wait| std::cmp::Reverse(wait.to_us.saturating_sub(wait.from_us)));
    longest.truncate(WAITS_MAX);
    longest.sort_by_key(|wait| (wait.from_us, wait.to_us));
    let mut free_us = life.start;
    let mut waits = Vec::new();
    for wait in longest {
        let from_us = wait.from_us.max(free_us);
        let to_us = wait.to_us.min(life.end);
        if from_us < to_us {
            let by = wait.ended_by.as_ref().and_then(&by);
            waits.push(RowWait { from_us, to_us, what: &wait.what, by });
            free_us = to_us;
        }
    }
    waits
}

/// The lanes that get a row, in the order of the rows; for each how many are like it and get none; and how many others
/// get none.
fn choose(lanes: &[Lane], rows_max: usize) -> (Vec<usize>, Vec<usize>, usize) {
    let ordered = threads_below_their_process(lanes);
    if ordered.len() <= rows_max {
        let alike = vec![0; ordered.len()];
        return (ordered, alike, 0);
    }
    let mut groups: HashMap<String, Vec<usize>> = HashMap::new();
    for index in &ordered {
        groups.entry(kind(&lanes[*index])).or_default().push(*index);
    }
    let mut alike: HashMap<usize, usize> = HashMap::new();
    let mut left_out: HashSet<usize> = HashSet::new();
    for group in groups.values().filter(|group| group.len() > ALIKE_MAX) {
        left_out.extend(&group[ALIKE_MAX..]);
        alike.insert(group[ALIKE_MAX - 1], group.len() - ALIKE_MAX);
    }
    let mut shown: Vec<usize> =
        ordered.into_iter().filter(|index| !left_out.contains(index)).collect();
    shown.truncate(rows_max);
    let alike: Vec<usize> =
        shown.iter().map(|index| alike.get(index).copied().unwrap_or(0)).collect();
    let hidden = lanes.len() - shown.len() - alike.iter().sum::<usize>();
    (shown, alike, hidden)
}

fn threads_below_their_process(lanes: &[Lane]) -> Vec<usize> {
    let process_of = |index: usize| {
        let born = &lanes[index].born;
        let process = born.parent.filter(|_| born.by == Birth::Thread)?;
        let exists = lanes.get(process).is_some_and(|lane| lane.born.by != Birth::Thread);
        exists.then_some(process)
    };
    let mut threads: HashMap<usize, Vec<usize>> = HashMap::new();
    for index in 0..lanes.len() {
        if let Some(process) = process_of(index) {
            threads.entry(process).or_default().push(index);
        }
    }
    let mut ordered = Vec::with_capacity(lanes.len());
    for index in (0..lanes.len()).filter(|index| process_of(*index).is_none()) {
        ordered.push(index);
        ordered.extend(threads.remove(&index).unwrap_or_default());
    }
    ordered
}

/// Lanes with the same text are alike: made the same way by the same lane, running the same programs, ended alike.
fn kind(lane: &Lane) -> String {
    let execs: Vec<&str> = lane.execs.iter().map(|exec| exec.program.as_str()).collect();
    let end = lane.end.as_ref().map(|end| (end.code, end.signal.as_deref()));
    format!("{:?} {:?} {} {execs:?} {end:?}", lane.born.by, lane.born.from, lane.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn what_cannot_be_is_cut_to_what_can() {
        let mut timeline = samples::two_returns();
        timeline.lanes[1].born.from = Some(99);
        timeline.lanes[1].born.at_us = u64::MAX;
        timeline.lanes[0].waits[0].to_us = u64::MAX;
        timeline.lanes[0].waits[0].ended_by.as_mut().expect("a cause").lane = 7;
        let rows = Rows::of(&timeline, ROWS_MAX);
        assert_eq!(rows.rows[1].from, None);
        assert_eq!(rows.rows[1].born_us, rows.duration_us);
        let wait = &rows.rows[0].waits[0];
        assert_eq!((wait.to_us, wait.by.is_none()), (rows.rows[0].end_us, true));
    }

    #[test]
    fn overlapping_waits_follow_each_other() {
        let mut timeline = samples::two_returns();
        let wait = timeline.lanes[0].waits[0].clone();
        timeline.lanes[0].waits.insert(0, Wait { to_us: wait.to_us + 10, ..wait });
        let rows = Rows::of(&timeline, ROWS_MAX);
        let waits = &rows.rows[0].waits;
        assert!(waits.windows(2).all(|pair| pair[0].to_us <= pair[1].from_us), "{waits:?}");
    }

    #[test]
    fn many_alike_are_counted_and_not_drawn() {
        let timeline = samples::pool(40);
        let rows = Rows::of(&timeline, ROWS_MAX);
        assert_eq!(rows.rows.len(), 3);
        assert_eq!((rows.rows[2].alike, rows.hidden), (38, 0));
    }

    #[test]
    fn many_that_differ_are_cut_off_and_counted() {
        let mut timeline = samples::pool(40);
        for (index, lane) in timeline.lanes.iter_mut().enumerate() {
            lane.name = format!("worker {index}");
        }
        let rows = Rows::of(&timeline, ROWS_MAX);
        assert_eq!((rows.rows.len(), rows.hidden), (ROWS_MAX, 41 - ROWS_MAX));
    }

    #[test]
    fn threads_stand_below_their_process() {
        let mut timeline = samples::pool(2);
        let mut thread = timeline.lanes[1].clone();
        thread.pid = 4010;
        thread.born.by = Birth::Thread;
        thread.born.parent = Some(0);
        timeline.lanes.push(thread);
        let rows = Rows::of(&timeline, ROWS_MAX);
        let pids: Vec<u32> = rows.rows.iter().map(|row| row.lane.pid).collect();
        assert_eq!(pids, [4001, 4010, 4002, 4003]);
    }
}
