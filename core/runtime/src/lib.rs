//! The engines that run workloads.
