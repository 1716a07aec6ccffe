//! Tests of the command as it is used: one program, since each would be linked with all of the library.

mod book;
mod check;
mod counts;
mod faults;
mod finish;
mod instruction_sets;
mod kills;
mod many;
mod memory;
mod network;
mod new;
mod origin;
mod owner;
mod resume;
mod signals;
mod weights;
mod words;
mod wrong_input;
