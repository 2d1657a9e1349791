//! Real plugins through the real host: the shipped ones, hostile ones, and broken ones.

#![cfg(test)]

mod components;
mod guest_log;
mod host_functions;
mod hostile_components;
mod hostile_scripts;
mod loading;
mod loading_components;
mod reload;
mod shipped;
mod support;
