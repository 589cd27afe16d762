"""Windows over a track, the network, and back to motion: bundles, features, the Lifter."""
