//! Arguments that do not go through the ring alone: large ones through the lane's area, descriptors through its socket.
//!
//! Invariant: what a record announces is in the socket before the record is published, and nothing here blocks: what does
//! not fit now is [`NotSent::Full`].

use super::kept::Place;
use super::{Broken, Flight, Lane, MESSAGES_MAX, NotSent, Phase, ROOM_KEPT, Ticket};
use crate::layout::{Extra, INLINE_BYTES_MAX, TaskTag};
use crate::task_cell::Attached;
use shared::{Growing, passing};
use start::keep_standard_numbers;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::Ordering;

impl Lane {
    /// Sends what does not go through the ring alone.
    pub(super) fn send_extra(
        &mut self,
        call: u64,
        payload: &[u8],
        attached: Attached,
        ticket: impl FnOnce() -> Ticket,
        deaths: u32,
    ) -> Result<(), (NotSent, Attached)> {
        let in_area = payload.len() > INLINE_BYTES_MAX;
        if (in_area && self.area_in_use)
            || self.mail_under_way() >= MESSAGES_MAX
            || self.tasks.free_bytes() < INLINE_BYTES_MAX + 64
        {
            return Err((NotSent::Full, attached));
        }
        let mut extra = Extra { call, ..Extra::default() };
        if in_area {
            if let Err(why) = self.fill_area(payload) {
                return Err((why, attached));
            }
            extra.area_len = Some(payload.len() as u64);
        }
        // It is the first message in the socket, whatever this task needs.
        extra.new_area = self.area_unannounced;
        if let Some(list) = &attached {
            extra.descriptors = list.len() as u32;
            let list: Vec<BorrowedFd<'_>> = list.iter().map(|one| one.as_fd()).collect();
            if let Err(error) = passing::send(self.socket.as_fd(), &[0], &list) {
                let why = self.unsent(error);
                return Err((why, attached));
            }
        }
        let rest: &[u8] = if in_area { &[] } else { payload };
        match self.tasks.write_parts(TaskTag::Extra.to_bits(), &extra.to_bytes(), rest) {
            Ok(position) => {
                self.area_in_use |= in_area;
                if extra.new_area || extra.descriptors > 0 {
                    self.mail.push_back(position);
                }
                self.area_unannounced &= !extra.new_area;
                let place = match in_area {
                    true => Place::in_area(payload.len()),
                    false => self.kept.push(payload),
                };
                let ticket = ticket();
                self.flew(Flight { position, ticket, deaths, in_area, place, attached });
                Ok(())
            }
            // Its room was looked at before anything was sent.
            Err(error) => Err((NotSent::Broken(Broken(error.to_string())), attached)),
        }
    }

    /// How many records are on their way whose worker finds messages in its socket.
    fn mail_under_way(&mut self) -> usize {
        while let Some(&oldest) = self.mail.front()
            && self.tasks.mark(oldest).is_err()
        {
            self.mail.pop_front();
        }
        self.mail.len()
    }

    /// Why a message was not sent. The socket does not block: what does not fit now may fit later.
    fn unsent(&self, error: std::io::Error) -> NotSent {
        match error.raw_os_error() {
            // Too many descriptors of this user are on their way in sockets.
            Some(libc::ETOOMANYREFS) => NotSent::Full,
            _ if error.kind() == std::io::ErrorKind::WouldBlock => NotSent::Full,
            _ => NotSent::Broken(Broken(format!("its socket: {error}"))),
        }
    }

    /// Lends the area for large arguments, so that one is copied into it without the pool's lock.
    pub(crate) fn lend_area(&mut self) -> Option<(Growing, bool)> {
        // The record that will announce it, and that nothing else may take the room of, is small.
        let has_room =
            self.tasks.free_bytes() >= ROOM_KEPT && self.mail_under_way() < MESSAGES_MAX;
        if self.area_in_use || self.phase != Phase::Ready || !has_room {
            return None;
        }
        let lent = match self.area.take() {
            Some(area) => (area, false),
            None => {
                keep_standard_numbers();
                (Growing::create("procpool-arguments").ok()?, true)
            }
        };
        self.area_in_use = true;
        // It takes a while to wake up, and a while to copy: both at once.
        self.header.tasks().ring();
        Some(lent)
    }

    /// Takes the area back as it is.
    pub(crate) fn take_area_back(&mut self, area: Growing, new: bool) {
        self.area_in_use = false;
        if !new {
            self.area = Some(area);
        }
    }

    /// Takes the area back with an argument of `len` bytes in it, and sends the task.
    pub(crate) fn send_lent(
        &mut self,
        area: Growing,
        new_area: bool,
        len: usize,
        call: u64,
        ticket: impl FnOnce() -> Ticket,
    ) -> Result<(), NotSent> {
        self.area_in_use = false;
        if self.tasks.free_bytes() < ROOM_KEPT {
            self.area = Some(area).filter(|_| !new_area);
            return Err(NotSent::Full);
        }
        self.area = Some(area);
        if let Err(why) = self.send_area(new_area) {
            self.area = self.area.take().filter(|_| !new_area);
            return Err(why);
        }
        let new_area = self.area_unannounced;
        let extra = Extra { call, area_len: Some(len as u64), new_area, ..Extra::default() };
        match self.tasks.write_parts(TaskTag::Extra.to_bits(), &extra.to_bytes(), &[]) {
            Ok(position) => {
                self.area_in_use = true;
                self.area_unannounced = false;
                if new_area {
                    self.mail.push_back(position);
                }
                let ticket = ticket();
                self.flew(Flight {
                    position,
                    ticket,
                    deaths: 0,
                    in_area: true,
                    place: Place::in_area(len),
                    attached: None,
                });
                Ok(())
            }
            // Its room was looked at before.
            Err(error) => Err(NotSent::Broken(Broken(error.to_string()))),
        }
    }

    /// Copies a large argument into the area, and sends a new area's descriptor.
    fn fill_area(&mut self, payload: &[u8]) -> Result<(), NotSent> {
        let new = self.area.is_none();
        if new {
            keep_standard_numbers();
            self.area = Some(Growing::create("procpool-arguments").map_err(NotSent::NoMemory)?);
        }
        let area = self.area.as_mut().expect("was made above");
        if let Err(error) = area.reserve(payload.len()) {
            if new {
                self.area = None;
            }
            return Err(NotSent::NoMemory(error));
        }
        // SAFETY: the area is at least so long, the worker reads it only after the record is published, and the payload
        // is not in it.
        unsafe {
            area.as_ptr().as_ptr().copy_from_nonoverlapping(payload.as_ptr(), payload.len())
        };
        if let Err(why) = self.send_area(new) {
            self.area = self.area.take().filter(|_| !new);
            return Err(why);
        }
        Ok(())
    }

    /// Sends the area's descriptor if the worker does not have it.
    fn send_area(&mut self, new: bool) -> Result<(), NotSent> {
        // The worker says so before it answers, and it has answered all that was in the area.
        let lost = self.header.arguments_lost().load(Ordering::Acquire) != 0;
        if (!new && !lost) || self.area_unannounced {
            return Ok(());
        }
        let area = self.area.as_ref().expect("whoever sends it has put it in its place");
        passing::send(self.socket.as_fd(), &[0], &[area.as_fd()])
            .map_err(|error| self.unsent(error))?;
        self.header.arguments_lost().store(0, Ordering::Relaxed);
        self.area_unannounced = true;
        Ok(())
    }
}
