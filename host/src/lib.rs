//! A node of thespian-host, to be embedded or run as a program.

pub mod config;
