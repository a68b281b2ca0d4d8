"""Music to dance: features, model, sampling, training, and adapters to new styles."""
