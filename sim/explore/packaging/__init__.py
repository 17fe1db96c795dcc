"""A configuration as an IP package: all that an integrator needs, without Python."""
