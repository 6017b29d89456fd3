//! A table of things that other threads may poke by number: the wakers of the process's event loops.
//!
//! The table keeps two things true:
//! - An id names one entry for ever. It carries the slot's generation, so the id of a closed waker is refused, also when
//!   its slot serves another by then.
//! - `remove` returns only when no other thread is inside `with` for that entry, and none can enter it afterwards. So the
//!   owner may free what the entry points to as soon as it has the entry back.
//!
//! ```text
//!   id, a positive i32 (it fits an Int32Array that threads share)
//!   bit 31   30 ............ 10   9 ....... 0
//!       0  |     generation     |    slot    |
//! ```

#![forbid(unsafe_code)]

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError, RwLock};

const SLOT_BITS: u32 = 10;
const GENERATION_MASK: u32 = (1 << (31 - SLOT_BITS)) - 1;

/// Wakers of one process. A thread needs one, and a worker thread of Node costs about 12 MB, so memory ends first.
pub const WAKERS_MAX: usize = 1 << SLOT_BITS;

/// Names an entry. Never zero.
pub type Id = u32;

struct Slot<T> {
    generation: u32,
    entry: Option<T>,
}

pub struct Table<T> {
    slots: Vec<RwLock<Slot<T>>>,
    /// The slot that has been free longest is reused first, so that a generation comes round again as late as possible:
    /// after 2^21 wakers in one slot.
    free: Mutex<VecDeque<u32>>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Table<T> {
    pub fn new() -> Self {
        let slot = || {
            RwLock::new(Slot {
                generation: 1,
                entry: None,
            })
        };
        Self {
            slots: (0..WAKERS_MAX).map(|_| slot()).collect(),
            free: Mutex::new((0..WAKERS_MAX as u32).collect()),
        }
    }

    /// None when all `WAKERS_MAX` slots are taken.
    pub fn insert(&self, entry: T) -> Option<Id> {
        let index = self
            .free
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()?;
        let mut slot = self.slots[index as usize]
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        slot.entry = Some(entry);
        Some(slot.generation << SLOT_BITS | index)
    }

    /// Calls `visit` with the entry while it can't be removed. None when the id names nothing (any more).
    pub fn with<R>(&self, id: Id, visit: impl FnOnce(&T) -> R) -> Option<R> {
        let slot = self
            .slots
            .get(index_of(id))?
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        if slot.generation != id >> SLOT_BITS {
            return None;
        }
        slot.entry.as_ref().map(visit)
    }

    /// Takes the entry out, waiting for those who are inside `with`.
    pub fn remove(&self, id: Id) -> Option<T> {
        let index = index_of(id);
        let entry = {
            let mut slot = self
                .slots
                .get(index)?
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            if slot.generation != id >> SLOT_BITS {
                return None;
            }
            let entry = slot.entry.take()?;
            slot.generation = next_generation(slot.generation);
            entry
        };
        self.free
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(index as u32);
        Some(entry)
    }
}

fn index_of(id: Id) -> usize {
    id as usize & (WAKERS_MAX - 1)
}

/// Skips 0, so that no id is ever 0.
fn next_generation(generation: u32) -> u32 {
    match generation & GENERATION_MASK {
        GENERATION_MASK => 1,
        other => other + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::thread;

    #[test]
    fn an_id_names_its_entry_until_it_is_removed() {
        let table = Table::new();
        let id = table.insert("a").unwrap();
        assert_eq!(table.with(id, |entry| *entry), Some("a"));
        assert_eq!(table.remove(id), Some("a"));
        assert_eq!(table.with(id, |entry| *entry), None);
        assert_eq!(table.remove(id), None);
    }

    #[test]
    fn the_id_of_a_removed_entry_is_refused_when_its_slot_serves_another() {
        let table = Table::new();
        let first = table.insert(1).unwrap();
        table.remove(first);
        let mut successor = None;
        for value in 2..=WAKERS_MAX + 1 {
            let id = table.insert(value).unwrap();
            if index_of(id) == index_of(first) {
                successor = Some(id);
            }
        }
        let successor = successor.expect("the free slot was reused");
        assert_ne!(successor, first);
        assert_eq!(table.with(first, |_| ()), None);
        assert_eq!(table.remove(first), None);
        assert!(table.with(successor, |_| ()).is_some());
    }

    #[test]
    fn a_full_table_refuses_and_takes_again_after_a_removal() {
        let table = Table::new();
        let ids: Vec<Id> = (0..WAKERS_MAX)
            .map(|value| table.insert(value).unwrap())
            .collect();
        assert_eq!(table.insert(0), None);
        table.remove(ids[7]);
        assert!(table.insert(0).is_some());
        assert_eq!(table.insert(0), None);
    }

    #[test]
    fn ids_are_positive_and_generations_come_round_without_zero() {
        assert_eq!(next_generation(GENERATION_MASK), 1);
        assert_eq!(next_generation(1), 2);
        let largest = GENERATION_MASK << SLOT_BITS | (WAKERS_MAX as u32 - 1);
        assert_eq!(largest, i32::MAX as u32);
        let table: Table<()> = Table::new();
        for id in [0, 1, WAKERS_MAX as u32, u32::MAX] {
            assert_eq!(table.with(id, |_| ()), None);
        }
    }

    #[test]
    fn nobody_visits_an_entry_after_its_removal_returned() {
        let table = Arc::new(Table::<Arc<AtomicBool>>::new());
        let visits = Arc::new(AtomicUsize::new(0));
        for _ in 0..50 {
            let alive = Arc::new(AtomicBool::new(true));
            let id = table.insert(alive.clone()).unwrap();
            let visitors: Vec<_> = (0..2)
                .map(|_| {
                    let (table, visits) = (table.clone(), visits.clone());
                    thread::spawn(move || {
                        while let Some(seen) = table.with(id, |alive| alive.load(Ordering::Relaxed))
                        {
                            assert!(seen, "visited after removal");
                            visits.fetch_add(1, Ordering::Relaxed);
                        }
                    })
                })
                .collect();
            thread::yield_now();
            table.remove(id);
            alive.store(false, Ordering::Relaxed);
            for visitor in visitors {
                visitor.join().unwrap();
            }
        }
    }
}
