//! What the figures say about "one may ask for as many processes as one likes; the operating system sets the limits, not
//! the library".

use crate::ask::Met;
use claims::Verdict;
use nix::errno::Errno;
use std::collections::BTreeSet;

/// The limit that would come first on this machine as it is.
#[derive(Debug, Clone)]
pub(crate) struct First {
    /// How many more workers it leaves room for.
    pub(crate) room: u64,
    pub(crate) name: String,
}

/// The sentence holds if every refusal was the kernel's. A limit of the library's own makes it half true.
pub(crate) fn judge(
    met: &[Met],
    library_max: Option<usize>,
    first: Option<&First>,
) -> (Verdict, String) {
    if met.is_empty() {
        return (Verdict::Undecided, "No limit could be met here; the notes say why.".into());
    }
    let silent: Vec<&str> =
        met.iter().filter(|one| one.errno.is_none()).map(|one| one.name.as_str()).collect();
    if !silent.is_empty() {
        let why = format!("Nobody refused anything under {}.", silent.join(" and "));
        return (Verdict::Undecided, why);
    }
    let exceeded = met.iter().find(|one| one.room.is_some_and(|room| one.got > room));
    if let Some(Met { name, got, room, .. }) = exceeded {
        let room = room.unwrap_or(0);
        let why = format!(
            "{name} left room for {room} processes, and {got} were created: it does not bind here."
        );
        return (Verdict::Undecided, why);
    }
    let errnos: BTreeSet<String> = met
        .iter()
        .filter_map(|one| Some(format!("{:?}", Errno::from_raw(one.errno?))))
        .collect();
    let errnos: Vec<String> = errnos.into_iter().collect();
    let names: Vec<&str> = met.iter().map(|one| one.name.as_str()).collect();
    let counted = if met.len() == 1 {
        "The limit".into()
    } else {
        format!("Each of {} limits", met.len())
    };
    let kernel = format!(
        "{counted} that were set low ({}) was the kernel's: it refused by {}, which does not name it.",
        names.join(", "),
        errnos.join(" or ")
    );
    let here = first.map_or(String::new(), |First { room, name }| {
        format!(" As it is, this machine has room for {room} more workers, by its {name}.")
    });
    match library_max {
        Some(max) => (
            Verdict::HalfTrue,
            format!(
                "{kernel} But the library has a limit too: a pool takes at most {max} workers.{here}"
            ),
        ),
        None => (Verdict::True, format!("{kernel}{here}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(name: &str, room: u64, got: u64, errno: Option<Errno>) -> Met {
        Met {
            name: name.into(),
            call: "fork".into(),
            room: Some(room),
            got,
            errno: errno.map(|errno| errno as i32),
            pool: None,
        }
    }

    fn two() -> Vec<Met> {
        vec![
            met("pids.max", 16, 16, Some(Errno::EAGAIN)),
            met("RLIMIT_NOFILE", 16, 12, Some(Errno::EMFILE)),
        ]
    }

    #[test]
    fn the_kernel_refuses_and_the_library_too() {
        let first = First { room: 900, name: "process numbers".into() };
        let (verdict, because) = judge(&two(), Some(4096), Some(&first));
        assert_eq!(verdict, Verdict::HalfTrue);
        for part in ["Each of 2 limits", "EAGAIN or EMFILE", "4096", "900 more workers"] {
            assert!(because.contains(part), "{because}");
        }
    }

    #[test]
    fn without_a_limit_of_the_library_it_is_true() {
        assert_eq!(judge(&two(), None, None).0, Verdict::True);
        let (verdict, because) = judge(&two()[..1], None, None);
        assert!(verdict == Verdict::True && because.starts_with("The limit"), "{because}");
    }

    #[test]
    fn what_did_not_bind_decides_nothing() {
        assert_eq!(judge(&[], Some(4096), None).0, Verdict::Undecided);
        assert_eq!(judge(&[met("pids.max", 16, 32, None)], None, None).0, Verdict::Undecided);
        let beyond = met("RLIMIT_NPROC", 16, 20, Some(Errno::EAGAIN));
        let (verdict, because) = judge(&[beyond], None, None);
        assert!(
            verdict == Verdict::Undecided && because.contains("20 were created"),
            "{because}"
        );
    }
}
