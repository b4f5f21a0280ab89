//! What follows a command.
