//! Real plugins through the real host: the shipped ones, hostile ones, and broken ones.

#![cfg(test)]

mod components;
mod guest_log;
mod hostile_components;
mod hostile_scripts;
mod loading;
mod loading_components;
mod shipped;
mod support;
