//! The integration suites: one binary, so that the program is linked once.

mod import_rules;
