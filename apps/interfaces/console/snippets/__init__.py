"""Programs that use one object, a module for each language, as they are copied. The tests run those that can run."""
