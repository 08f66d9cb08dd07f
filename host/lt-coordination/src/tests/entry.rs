use std::sync::Arc;

use super::local;
use crate::{Audience, Coordination, Entries, Local, Outstanding};

const USER: u64 = 7;

fn handle(local: &Arc<Local>) -> Arc<dyn Audience> {
    local.open_audience("room").unwrap()
}

#[test]
fn a_user_is_present_as_long_as_one_of_its_handles_that_entered() {
    let local = local();
    let watch = handle(&local);
    let mut entries = Entries::default();
    let first = entries.enter("room", &handle(&local), USER).unwrap();
    // Opened again, and the first one forgotten, as `room = { let new = …; new.enter()?; new }` does.
    let second = entries.enter("room", &handle(&local), USER).unwrap();
    drop(first);
    assert_eq!(watch.present(), 1);
    drop(second);
    assert_eq!(watch.present(), 0);
}

#[test]
fn to_leave_is_at_once_and_for_all_that_entered_before() {
    let local = local();
    let watch = handle(&local);
    let mut entries = Entries::default();
    let first = entries.enter("room", &handle(&local), USER).unwrap();
    let second = entries.enter("room", &handle(&local), USER).unwrap();
    entries.leave("elsewhere", Outstanding::Lost);
    assert_eq!(watch.present(), 1);
    entries.leave("room", Outstanding::Lost);
    assert_eq!(watch.present(), 0);
    let third = entries.enter("room", &handle(&local), USER).unwrap();
    drop((first, second));
    assert_eq!(watch.present(), 1, "what they entered is over");
    drop(third);
    assert_eq!(watch.present(), 0);
}

#[test]
fn one_who_stepped_out_can_enter_again_and_still_leaves_with_its_last_handle() {
    let local = local();
    let watch = handle(&local);
    let mut entries = Entries::default();
    let first = entries.enter("room", &handle(&local), USER).unwrap();
    entries.leave("room", Outstanding::Undecided);
    assert_eq!(watch.present(), 0);
    let second = entries.enter("room", &handle(&local), USER).unwrap();
    assert_eq!(watch.present(), 1);
    drop((first, second));
    assert_eq!(watch.present(), 0);
}

#[test]
fn other_users_and_other_audiences_are_left_alone() {
    let local = local();
    let watch = handle(&local);
    let elsewhere = local.open_audience("elsewhere").unwrap();
    let (mut entries, mut others) = (Entries::default(), Entries::default());
    let here = entries.enter("room", &handle(&local), USER).unwrap();
    let there = entries.enter("elsewhere", &elsewhere, USER).unwrap();
    let other = others.enter("room", &handle(&local), USER + 1).unwrap();
    assert_eq!((watch.present(), elsewhere.present()), (2, 1));
    drop(here);
    assert_eq!((watch.present(), elsewhere.present()), (1, 1));
    drop((there, other));
    assert_eq!((watch.present(), elsewhere.present()), (0, 0));
}

#[test]
fn what_is_over_takes_no_room() {
    let local = local();
    let mut entries = Entries::default();
    for _ in 0..100 {
        drop(entries.enter("room", &handle(&local), USER).unwrap());
    }
    assert_eq!(entries.0.len(), 1);
}
