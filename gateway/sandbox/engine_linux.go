package sandbox

// newEngine makes the engine that the configuration names for this machine.
func newEngine(c Config, t *tools) (engine, error) {
	if c.Engine == EngineLandlock {
		return newLandlockEngine(t)
	}
	return newNSEngine(t, c.Cgroup)
}
