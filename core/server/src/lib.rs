//! The program launchpad: command line, configuration, wiring.
