//! One run from spec to verdict, and live control of it
