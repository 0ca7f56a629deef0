"""Each fault asked beside what probes, journals and events show of it."""
