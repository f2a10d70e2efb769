"""Films: reading and writing them, their motion, and painting them so that strokes stay on things."""
