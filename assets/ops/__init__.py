"""``ops``: what the pipeline says about itself, and the file that readers open."""
