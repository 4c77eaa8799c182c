//! Logging: the text is made only where it would be kept.

/// How much a log record matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Every single step.
    Trace,
    /// For whoever looks for a defect.
    Debug,
    /// For whoever runs it.
    Info,
    /// Something to look at.
    Warn,
    /// Something that failed.
    Error,
}

/// Logs every step: `trace!(ctx, "{x}")`.
#[macro_export]
macro_rules! trace {
    ($ctx:expr, $($text:tt)+) => {
        if $ctx.log_enabled($crate::Level::Trace) {
            $ctx.log($crate::Level::Trace, format_args!($($text)+));
        }
    };
}

/// Logs for whoever looks for a defect: `debug!(ctx, "{x}")`.
#[macro_export]
macro_rules! debug {
    ($ctx:expr, $($text:tt)+) => {
        if $ctx.log_enabled($crate::Level::Debug) {
            $ctx.log($crate::Level::Debug, format_args!($($text)+));
        }
    };
}

/// Logs for whoever runs it: `info!(ctx, "{x}")`.
#[macro_export]
macro_rules! info {
    ($ctx:expr, $($text:tt)+) => {
        if $ctx.log_enabled($crate::Level::Info) {
            $ctx.log($crate::Level::Info, format_args!($($text)+));
        }
    };
}

/// Logs something to look at: `warn!(ctx, "{x}")`.
#[macro_export]
macro_rules! warn {
    ($ctx:expr, $($text:tt)+) => {
        if $ctx.log_enabled($crate::Level::Warn) {
            $ctx.log($crate::Level::Warn, format_args!($($text)+));
        }
    };
}

/// Logs something that failed: `error!(ctx, "{x}")`.
#[macro_export]
macro_rules! error {
    ($ctx:expr, $($text:tt)+) => {
        if $ctx.log_enabled($crate::Level::Error) {
            $ctx.log($crate::Level::Error, format_args!($($text)+));
        }
    };
}
