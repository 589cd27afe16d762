"""The training loop and what it needs: configs, batches, optimiser, checkpoints."""
