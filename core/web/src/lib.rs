//! HTTP: router, routes, pages, the stream.
