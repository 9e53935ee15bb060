"""The portals in the browser: the frame that all duties share, sign-in, and one package for each duty."""
