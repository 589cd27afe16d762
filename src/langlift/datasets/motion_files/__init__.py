"""Motion files that users own (BVH, ASF/AMC, C3D, AMASS) as labelled clips."""
