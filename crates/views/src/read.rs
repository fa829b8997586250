//! Reading a view: now, or as of a cut.
