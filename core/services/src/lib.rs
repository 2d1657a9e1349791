//! The use cases: catalogue, sessions, accounts, audit, analytics, preferences.
