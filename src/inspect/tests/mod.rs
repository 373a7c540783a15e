//! Views over runs that the kernel itself made; what people read is held as snapshots.

