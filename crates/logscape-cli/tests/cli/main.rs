//! Tests of the command as it is used: one program, since each would be linked with all of the library.

mod check;
mod finish;
mod memory;
mod origin;
mod owner;
mod resume;
mod signals;
mod words;
mod wrong_input;
