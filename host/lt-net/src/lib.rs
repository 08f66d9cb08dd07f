//! Protocol clients that time themselves: know no wasm, record no metric
