"""The portals in the browser: layout, sign-in, pages that roles share, and one package for each role of a person."""
